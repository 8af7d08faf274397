/* DeleteObjects: up to 1000 keys in one POST, whose answer names each of them. */
#include "backend/digest.h"
#include "backend/layout.h"
#include "backend/s3_call.h"
#include "base/mem.h"
#include <string.h>

char *s3_key(const struct s3 *s, enum backend_type t, const struct id *name)
{
	char path[LAYOUT_MAX];

	layout_path(t, name, path);
	return mem_printf("%s%s", s->place.prefix, path);
}

struct deletion {
	const struct id *names;
	size_t n, at; /* at: where the last one was found: answers come in some order */
	bool *gone;
};

/* Keys end with the name. */
static void deleted(void *arg, const char *key, const struct s3_error *e)
{
	struct deletion *d = arg;
	size_t len = strlen(key);
	struct id name;

	if ((e && strcmp(e->code, "NoSuchKey") != 0) || len < ID_HEX ||
		id_parse(&name, key + len - ID_HEX, ID_HEX))
		return;
	for (size_t i = 0; i < d->n; i++) {
		size_t k = (d->at + i) % d->n;

		if (!id_equal(&d->names[k], &name))
			continue;
		d->gone[k] = true;
		d->at = k + 1;
		return;
	}
}

static void put_key(struct buf *body, const char *key)
{
	buf_adds(body, "<Object><Key>");
	for (const char *p = key; *p; p++) {
		if (strchr("&<>\"'", *p))
			buf_addf(body, "&#%d;", *p);
		else
			buf_addc(body, *p);
	}
	buf_adds(body, "</Key></Object>");
}

/* Not quiet: what the answer does not name is not known to be gone. */
static int delete_body(const struct s3 *s, enum backend_type t, const struct id *names, size_t n,
	struct buf *body, struct err *err)
{
	buf_adds(body, "<Delete>");
	for (size_t i = 0; i < n; i++) {
		char *key = s3_key(s, t, &names[i]);

		put_key(body, key);
		mem_free(key);
	}
	buf_adds(body, "</Delete>");
	return body->overflow ? err_set(err, ERR_NOMEM, "the repository's prefix is too long") : 0;
}

int s3_remove_many(struct backend *b, enum backend_type t, const struct id *names, size_t n,
	bool *gone, struct err *err)
{
	struct s3 *s = (struct s3 *)(void *)b;
	struct s3_call c = {.method = "POST", .query = "delete="};
	struct deletion d = {.names = names, .n = n, .gone = gone};
	char sha[2 * 32 + 1];
	uint8_t raw[32];
	struct buf body, md5;
	int code;

	if (!n)
		return 0;
	if (n > BACKEND_REMOVE_MANY)
		return err_set(err, ERR_USAGE, "%zu files are too many to remove at once", n);
	buf_init(&body, BACKEND_REMOVE_MANY * 8192);
	buf_init(&md5, 64);
	buf_init(&c.r.out, BACKEND_REMOVE_MANY * 8192);
	code = delete_body(s, t, names, n, &body, err);
	if (!code) {
		digest_sha256(body.p, body.len, raw);
		hex_encode(sha, raw, sizeof(raw));
		c.sha256 = sha;
		/* S3 wants this one header here in any case. */
		digest_md5(body.p, body.len, raw);
		digest_base64(&md5, raw, 16);
		c.md5 = buf_str(&md5);
		c.body = body.p;
		c.body_n = body.len;
		s3_call_run(s, &c);
		code = s3_call_judge(&c, err);
		if (!code)
			code = s3_xml_deleted(c.r.out.p, c.r.out.len, deleted, &d, err);
		s3_call_release(&c);
	}
	if (code)
		memset(gone, 0, n * sizeof(*gone));
	buf_release(&c.r.out);
	buf_release(&body);
	buf_release(&md5);
	return code;
}
