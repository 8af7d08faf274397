#include "format/config.h"
#include "base/json_out.h"
#include "format/fields.h"
#include "kern/poly.h"

#define POLY_DEGREE 53

struct reading {
	struct config c;
	bool has_version, has_id, has_polynomial;
};

static int read_polynomial(struct json_in *j, uint64_t *p)
{
	uint8_t be[8];
	char digits[16];
	int rc = json_string(j, "chunker_polynomial");

	if (rc < 0)
		return rc;
	if (!j->len || j->len > sizeof(digits))
		return json_bad(j, "chunker_polynomial is not a hexadecimal number");
	memset(digits, '0', sizeof(digits));
	memcpy(digits + sizeof(digits) - j->len, j->str, j->len);
	if (hex_decode(be, digits, sizeof(digits)) < 0)
		return json_bad(j, "chunker_polynomial is not a hexadecimal number");
	*p = 0;
	for (size_t i = 0; i < sizeof(be); i++)
		*p = *p << 8 | be[i];
	if (poly_degree(*p) != POLY_DEGREE || !poly_irreducible(*p))
		return json_bad(j,
			"chunker_polynomial is not an irreducible polynomial of degree %d",
			POLY_DEGREE);
	return 1;
}

static int member(void *arg, struct json_in *j)
{
	struct reading *r = arg;

	if (FIELD(j, "version")) {
		uint32_t v = 0;
		int rc = field_u32(j, &v, "version");

		r->c.version = v;
		r->has_version = rc > 0;
		return rc;
	}
	if (FIELD(j, "id")) {
		r->has_id = true;
		return field_id(j, &r->c.id, "id");
	}
	if (FIELD(j, "chunker_polynomial")) {
		r->has_polynomial = true;
		return read_polynomial(j, &r->c.polynomial);
	}
	return 0;
}

int config_parse(struct config *c, const void *json, size_t n, struct err *err)
{
	struct reading r = {.has_version = false};
	struct json_in j;
	int rc;

	json_in_mem(&j, json, n);
	rc = fields_document(&j, "a config", member, &r);
	/* The version says what the rest means, so a strange one explains every other error. */
	if (r.has_version && (r.c.version < 1 || r.c.version > 2)) {
		rc = err_set(err, ERR_UNSUPPORTED, "config: repository version %u is not supported",
			r.c.version);
	} else if (rc < 0) {
		err_copy(err, &j.err);
		if (err)
			err_prefix(err, "config");
		rc = ERR_INVALID;
	} else if (!r.has_version || !r.has_id || !r.has_polynomial) {
		rc = err_set(err, ERR_INVALID,
			"config: version, id or chunker_polynomial is missing");
	} else {
		*c = r.c;
	}
	json_in_release(&j);
	return rc;
}

void config_write(const struct config *c, struct buf *out)
{
	struct json_out o;
	char digits[17];
	uint64_t p = c->polynomial;
	size_t at = sizeof(digits);

	digits[--at] = 0;
	do
		digits[--at] = "0123456789abcdef"[p & 15];
	while (p >>= 4);

	json_out_init(&o, out);
	json_object(&o);
	json_key(&o, "version");
	json_uint(&o, c->version);
	json_key(&o, "id");
	json_id(&o, &c->id);
	json_key(&o, "chunker_polynomial");
	json_str(&o, digits + at);
	json_object_end(&o);
}
