/* The tokens of a document are the same in one piece and in pieces of any size. */
#include "base/json_in.h"
#include "fuzz/fuzz.h"

struct pieces {
	const uint8_t *p, *end;
	size_t size;
	uint8_t piece[16];
};

static int more(void *arg, const uint8_t **p, size_t *n, struct err *err)
{
	struct pieces *s = arg;
	size_t k = (size_t)(s->end - s->p) < s->size ? (size_t)(s->end - s->p) : s->size;

	(void)err;
	memcpy(s->piece, s->p, k);
	s->p += k;
	*p = s->piece;
	*n = k;
	return 0;
}

static void same(const uint8_t *p, size_t n, size_t size)
{
	struct pieces s = {p, p + n, size, {0}};
	struct json_in a, b;
	enum json_token t;

	json_in_mem(&a, p, n);
	json_in_stream(&b, more, &s);
	do {
		t = json_next(&a);
		ALWAYS(json_next(&b) == t);
		ALWAYS(a.len == b.len && (!a.len || memcmp(a.str, b.str, a.len) == 0));
		ALWAYS(a.depth == b.depth && a.depth <= JSON_DEPTH);
	} while (t != JSON_BAD && t != JSON_END);
	ALWAYS(t != JSON_BAD || (a.err.msg[0] && b.err.msg[0]));
	ALWAYS(json_next(&a) == t);
	json_in_release(&a);
	json_in_release(&b);
}

/* Skipping a value ends where reading it does. */
static void skipped(const uint8_t *p, size_t n)
{
	struct json_in a, b;
	enum json_token t;

	json_in_mem(&a, p, n);
	json_in_mem(&b, p, n);
	json_next(&a);
	json_skip(&a);
	do
		t = json_next(&b);
	while (t != JSON_BAD && t != JSON_END && b.depth > 0);
	ALWAYS(a.state == b.state);
	ALWAYS(t == JSON_BAD || a.p == b.p);
	json_in_release(&a);
	json_in_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	same(p, n, 1);
	same(p, n, 7);
	same(p, n, 16);
	if (n)
		skipped(p, n);
	return 0;
}
