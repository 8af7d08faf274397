/* A key file or a master key that can be read is written so that it reads the same again. */
#include "format/keyfile.h"
#include "fuzz/fuzz.h"

static int rewrite(const uint8_t *p, size_t n, struct buf *out)
{
	struct keyfile x;
	struct err err;
	int rc;

	err_clear(&err);
	buf_init(out, (size_t)1 << 26);
	rc = keyfile_parse(&x, p, n, &err);
	ALWAYS(rc == 0 || (rc < 0 && err.msg[0]));
	if (rc == 0)
		keyfile_write(&x, NULL, out);
	keyfile_release(&x);
	return rc;
}

static void master(const uint8_t *p, size_t n)
{
	struct seal_key k, again;
	struct err err;
	struct buf out;

	if (masterkey_parse(&k, p, n, &err) < 0)
		return;
	buf_init(&out, 1000);
	masterkey_write(&k, &out);
	ALWAYS(!out.overflow && masterkey_parse(&again, out.p, out.len, &err) == 0);
	ALWAYS(memcmp(&k, &again, sizeof(k)) == 0);
	buf_wipe(&out);
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
	master(p, n);
	return 0;
}
