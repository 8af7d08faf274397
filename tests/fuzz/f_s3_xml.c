/* Whatever an S3 server answers: a listing gives as many keys as it counts, its last key is the
 * page's, and texts for messages hold no control characters. */
#include "backend/s3_xml.h"
#include "fuzz/fuzz.h"

struct seen {
	size_t n;
	struct buf last;
};

static int on_key(void *arg, const char *key, uint64_t size)
{
	struct seen *s = arg;

	(void)size;
	s->n++;
	buf_reset(&s->last);
	buf_adds(&s->last, key);
	return 0;
}

static void on_fault(void *arg, const char *key, const struct s3_error *e)
{
	(void)arg;
	ALWAYS(strlen(key) <= S3_KEY_MAX && (!e || strlen(e->code) < sizeof(e->code)));
}

static void clean(const char *s)
{
	for (; *s; s++)
		ALWAYS((unsigned char)*s >= ' ' && *s != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct seen s = {0};
	struct s3_page page;
	struct s3_error e;
	struct err err = {0};

	s3_xml_error(&e, p, n);
	clean(e.code);
	clean(e.message);
	clean(e.region);
	clean(e.endpoint);
	s3_page_init(&page);
	buf_init(&s.last, 1 << 16);
	if (!s3_xml_list(&page, p, n, on_key, &s, &err)) {
		ALWAYS(page.keys == s.n);
		ALWAYS(!s.n || buf_equal(&page.last, &s.last));
	} else {
		ALWAYS(err.msg[0]);
	}
	buf_release(&s.last);
	s3_page_release(&page);
	s3_xml_deleted(p, n, on_fault, NULL, &err);
	return 0;
}
