/* A snapshot that can be read is written so that it reads the same again. */
#include "format/snapshot.h"
#include "fuzz/fuzz.h"

static int rewrite(const uint8_t *p, size_t n, struct buf *out)
{
	struct snapshot x = {0};
	struct err err;
	int rc;

	err_clear(&err);
	buf_init(out, (size_t)1 << 26);
	rc = snapshot_parse(&x, p, n, &err);
	ALWAYS(rc == 0 || (rc < 0 && err.msg[0]));
	if (rc == 0)
		snapshot_write(&x, NULL, out);
	snapshot_release(&x);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf a, b;

	if (rewrite(p, n, &a) == 0) {
		ALWAYS(rewrite(a.p, a.len, &b) == 0);
		ALWAYS(buf_equal(&a, &b));
		buf_release(&b);
	}
	buf_release(&a);
	return 0;
}
