#include "format/fields.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "format/base64.h"

#define BASE64_FIELD_MAX 64u

int fields_rest(struct json_in *j, fields_fn *fn, void *arg)
{
	enum json_token t;

	while ((t = json_next(j)) == JSON_KEY) {
		int rc = fn(arg, j);

		if (rc == 0)
			rc = json_skip(j);
		if (rc < 0)
			return rc;
	}
	return t == JSON_OBJECT_END ? 0 : ERR_INVALID;
}

int fields_object(struct json_in *j, const char *what, fields_fn *fn, void *arg)
{
	int rc = json_expect(j, JSON_OBJECT, what);

	return rc < 0 ? rc : fields_rest(j, fn, arg);
}

int fields_document(struct json_in *j, const char *what, fields_fn *fn, void *arg)
{
	int rc = fields_object(j, what, fn, arg);

	return rc < 0 ? rc : json_expect(j, JSON_END, what);
}

int field_u64(struct json_in *j, uint64_t *v, const char *what)
{
	int rc = json_u64(j, v, what);

	return rc < 0 ? rc : 1;
}

int field_u32(struct json_in *j, uint32_t *v, const char *what)
{
	uint64_t wide;
	int rc = json_u64(j, &wide, what);

	if (rc < 0)
		return rc;
	if (wide > UINT32_MAX)
		return json_bad(j, "%s is too large", what);
	*v = (uint32_t)wide;
	return 1;
}

int field_bool(struct json_in *j, bool *v, const char *what)
{
	int rc = json_bool(j, v, what);

	return rc < 0 ? rc : 1;
}

int field_id(struct json_in *j, struct id *id, const char *what)
{
	int rc = json_string(j, what);

	if (rc < 0)
		return rc;
	return id_parse(id, j->str, j->len) < 0 ? json_bad(j, "%s is not an id", what) : 1;
}

int field_time(struct json_in *j, struct ts *t, int32_t *offset_s, const char *what)
{
	int rc = json_string(j, what);

	if (rc < 0)
		return rc;
	return json_parse_time(j->str, j->len, t, offset_s) < 0
		       ? json_bad(j, "%s is not a time", what)
		       : 1;
}

int field_dup(struct json_in *j, char **s, const char *what)
{
	int rc = json_string(j, what);

	if (rc < 0)
		return rc;
	if (j->len && memchr(j->str, 0, j->len))
		return json_bad(j, "%s contains a 0 byte", what);
	mem_free(*s);
	*s = mem_strndup(j->str, j->len);
	return 1;
}

int field_base64(struct json_in *j, uint8_t *out, size_t n, const char *what)
{
	uint8_t tmp[BASE64_FIELD_MAX / 3 * 3 + 3];
	size_t got = 0;
	int rc = json_string(j, what);

	if (rc < 0)
		return rc;
	/* Neither the text nor its bytes may reach the message: they may be a key. */
	if (n > BASE64_FIELD_MAX || base64_room(j->len) > sizeof(tmp) ||
		base64_get(j->str, j->len, tmp, &got) < 0 || got != n)
		rc = json_bad(j, "%s is not the base64 form of %zu bytes", what, n);
	else
		memcpy(out, tmp, n);
	mem_wipe(tmp, sizeof(tmp));
	return rc < 0 ? rc : 1;
}

void fields_put_id(struct buf *b, const struct id *id)
{
	uint8_t *p;

	if (buf_reserve(b, ID_HEX + 2) < 0)
		return;
	p = b->p + b->len;
	p[0] = '"';
	hex_encode((char *)p + 1, id->b, ID_SIZE);
	p[ID_HEX + 1] = '"';
	b->len += ID_HEX + 2;
}
