/*
 * json_out: JSON text appended to a struct buf, byte for byte as Go's encoding/json writes it
 * (docs/format.md 10.4, Go >= 1.22: \b and \f short).
 *
 * A writer of objects keeps track of commas: json_out_* put one where it belongs.  Overflow is the
 * buffer's.
 */
#ifndef BASE_JSON_OUT_H
#define BASE_JSON_OUT_H
#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"

/* quoted and escaped */
void json_put_string(struct buf *b, const char *s, size_t n);
/* quoted RFC3339Nano in the zone, docs/format.md 10.5 */
void json_put_time(struct buf *b, const struct ts *t, const struct zone *z);
/* json_parse_time: RFC 3339 with any fraction (cut to nanoseconds); offset may be NULL.  0 or
 * ERR_INVALID. */
int json_parse_time(const char *s, size_t n, struct ts *t, int32_t *offset_s);

struct json_out {
	struct buf *b;
	bool comma; /* the next member or element needs one */
};
void json_out_init(struct json_out *o, struct buf *b);
void json_object(struct json_out *o); /* { as an element or after json_key */
void json_object_end(struct json_out *o);
void json_array(struct json_out *o);
void json_array_end(struct json_out *o);
void json_key(struct json_out *o, const char *name);
void json_str(struct json_out *o, const char *s);
void json_strn(struct json_out *o, const char *s, size_t n);
void json_uint(struct json_out *o, uint64_t v);
void json_int(struct json_out *o, int64_t v);
void json_float(struct json_out *o, double v); /* shortest form that reads back the same */
void json_boolean(struct json_out *o, bool v);
void json_null(struct json_out *o);
void json_id(struct json_out *o, const struct id *id);
void json_time(struct json_out *o, const struct ts *t, const struct zone *z);
void json_raw(struct json_out *o, const void *p, size_t n); /* ready-made JSON as an element */

#endif
