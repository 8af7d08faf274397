#include "backend/rest_list.h"
#include "backend/layout.h"
#include "base/json_in.h"
#include "base/latch.h"
#include "base/mem.h"
#include <string.h>

#define HEADS 64 /* questions for sizes under way at once, when a server lists names alone */

/* What the reader just gave as a name. */
static bool is_name(struct rest_listing *l, const struct json_in *j, struct id *id)
{
	size_t at = l->odd.len;

	buf_add(&l->odd, j->str, j->len);
	buf_addc(&l->odd, 0);
	if (j->len && (memchr(j->str, 0, j->len) || layout_name((const char *)l->odd.p + at, id)))
		return false;
	l->odd.len = at;
	return j->len > 0;
}

static void add(struct rest_listing *l, const struct id *name, uint64_t size)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->v = mem_regrow(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct rest_entry){.name = *name, .size = size};
	if (size == UINT64_MAX)
		l->sized = false;
}

/* Behind the '{'. */
static int parse_entry(struct rest_listing *l, struct json_in *j)
{
	uint64_t size = UINT64_MAX;
	bool named = false;
	enum json_token t;
	struct id name;

	while ((t = json_next(j)) == JSON_KEY) {
		int code;

		if (json_key_is(j, "name")) {
			code = json_string(j, "a name");
			named = !code && is_name(l, j, &name);
		} else if (json_key_is(j, "size")) {
			code = json_u64(j, &size, "a size");
		} else {
			code = json_skip(j);
		}
		if (code)
			return code;
	}
	if (t != JSON_OBJECT_END)
		return ERR_INVALID;
	if (named)
		add(l, &name, size);
	return 0;
}

static int parse(struct rest_listing *l, struct json_in *j)
{
	enum json_token t = json_next(j);
	struct id name;
	int code = 0;

	/* Go writes an empty list so, too. */
	if (t == JSON_NULL)
		return 0;
	if (t != JSON_ARRAY)
		return json_bad(j, "a listing was expected");
	while (!code && (t = json_next(j)) != JSON_ARRAY_END) {
		if (t == JSON_OBJECT)
			code = parse_entry(l, j);
		else if (t != JSON_STRING)
			code = json_bad(j, "a name was expected");
		else if (is_name(l, j, &name))
			add(l, &name, UINT64_MAX);
	}
	return code;
}

int rest_listing_parse(struct rest_listing *l, const void *p, size_t n, struct err *err)
{
	struct json_in j;
	int code;

	l->sized = true;
	buf_init(&l->odd, SIZE_MAX / 2);
	json_in_mem(&j, p, n);
	code = parse(l, &j);
	if (!code && json_next(&j) != JSON_END)
		code = json_bad(&j, "something follows the listing");
	if (code) {
		code = err_set(err, ERR_ODD, "the server's listing cannot be understood: %s",
			j.err.msg);
	}
	json_in_release(&j);
	return code;
}

void rest_listing_release(struct rest_listing *l)
{
	if (!l)
		return;
	mem_free(l->v);
	buf_release(&l->odd);
	*l = (struct rest_listing){0};
}

/* The sizes of names listed without them, some at once. */
struct sizes {
	struct backend_op op[HEADS];
	struct latch answered;
};

static void size_done(struct backend_op *op)
{
	latch_down(op->arg);
}

static void sizes_ask(struct backend *b, struct sizes *z, enum backend_type t,
	const struct rest_entry *e, size_t n)
{
	latch_init(&z->answered, n);
	for (size_t i = 0; i < n; i++) {
		z->op[i] = (struct backend_op){.verb = BACKEND_STAT,
			.type = t,
			.name = e[i].name,
			.done = size_done,
			.arg = &z->answered};
		backend_start(b, &z->op[i]);
	}
	latch_wait(&z->answered);
}

int rest_listing_sizes(struct rest_listing *l, struct backend *b, enum backend_type t,
	struct err *err)
{
	struct sizes *z = mem_zalloc(sizeof(*z));
	int code = 0;

	for (size_t at = 0; at < l->n && !code; at += HEADS) {
		size_t n = l->n - at < HEADS ? l->n - at : HEADS;

		sizes_ask(b, z, t, l->v + at, n);
		for (size_t i = 0; i < n && !code; i++) {
			if (!z->op[i].err.code)
				l->v[at + i].size = z->op[i].size;
			else if (z->op[i].err.code != ERR_NOTFOUND)
				code = err_copy(err, &z->op[i].err);
		}
	}
	mem_free(z);
	return code;
}
