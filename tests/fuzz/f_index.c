/* What an index says, written down and read again, says the same; whole or in pieces. */
#include "base/mem.h"
#include "format/index.h"
#include "format/pack.h"
#include "fuzz/fuzz.h"

static int copy(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	uint64_t sum = 0;

	ALWAYS(n > 0 && n <= PACK_ENTRIES_MAX);
	for (size_t i = 0; i < n; i++) {
		ALWAYS(b[i].type == BLOB_DATA || b[i].type == BLOB_TREE);
		ALWAYS(b[i].length >= 32 && (uint64_t)b[i].offset + b[i].length <= UINT32_MAX);
		sum += b[i].length;
	}
	ALWAYS(sum <= UINT32_MAX);
	index_pack(arg, pack, b, n);
	return 0;
}

static int reread(struct json_in *j, struct buf *out)
{
	struct index_out x;
	struct err err;
	int rc;

	err_clear(&err);
	buf_init(out, (size_t)1 << 26);
	index_begin(&x, out);
	rc = index_read(j, 2, copy, &x, &err);
	index_end(&x);
	ALWAYS(rc == 0 || (rc == ERR_INVALID && err.msg[0]));
	json_in_release(j);
	return rc;
}

struct pieces {
	const uint8_t *p, *end;
	uint8_t piece[5];
};

static int more(void *arg, const uint8_t **p, size_t *n, struct err *err)
{
	struct pieces *s = arg;
	size_t k = (size_t)(s->end - s->p) < sizeof(s->piece) ? (size_t)(s->end - s->p)
							      : sizeof(s->piece);

	(void)err;
	memcpy(s->piece, s->p, k);
	s->p += k;
	*p = s->piece;
	*n = k;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct pieces s = {p, p + n, {0}};
	struct buf whole, parts, again;
	struct json_in j;
	int rc;

	json_in_mem(&j, p, n);
	rc = reread(&j, &whole);
	json_in_stream(&j, more, &s);
	ALWAYS(reread(&j, &parts) == rc);
	ALWAYS(buf_equal(&whole, &parts));
	if (rc == 0) {
		json_in_mem(&j, whole.p, whole.len);
		ALWAYS(reread(&j, &again) == 0);
		ALWAYS(buf_equal(&whole, &again));
		buf_release(&again);
	}
	buf_release(&whole);
	buf_release(&parts);
	return 0;
}
