/*
 * fields: reading the members of JSON objects as Go's decoder does: in any order, unknown ones
 * skipped, the last of a name wins.
 *
 * All functions return 0 or ERR_INVALID with the sentence in j->err; `what` names the thing in it.
 */
#ifndef FORMAT_FIELDS_H
#define FORMAT_FIELDS_H
#include "base/clock.h"
#include "base/id.h"
#include "base/json_in.h"

/* FIELD(j, "name"): the current token is the key `name`, which is a literal, so that the comparison
 * is a few instructions. */
#define FIELD(j, name)                                                                             \
	((j)->len == sizeof(name) - 1 && memcmp((j)->str, name, sizeof(name) - 1) == 0)

/* fields_fn: the current token is a key.  Reads its value and returns 1; or 0 when the key is not
 * known, then nothing may be read; or an error. */
typedef int fields_fn(void *arg, struct json_in *j);

/* behind JSON_OBJECT: up to its end */
int fields_rest(struct json_in *j, fields_fn *fn, void *arg);
/* the next value is the object */
int fields_object(struct json_in *j, const char *what, fields_fn *fn, void *arg);
/* the object is all there is */
int fields_document(struct json_in *j, const char *what, fields_fn *fn, void *arg);

/* Values: like fields_fn they return 1 when all is well. */
int field_u64(struct json_in *j, uint64_t *v, const char *what);
int field_u32(struct json_in *j, uint32_t *v, const char *what);
int field_bool(struct json_in *j, bool *v, const char *what);
int field_id(struct json_in *j, struct id *id, const char *what);
/* offset_s may be NULL */
int field_time(struct json_in *j, struct ts *t, int32_t *offset_s, const char *what);
/* frees *s; an owned 0-terminated string without other 0 bytes */
int field_dup(struct json_in *j, char **s, const char *what);
/* field_base64: a string that stands for exactly n bytes. */
int field_base64(struct json_in *j, uint8_t *out, size_t n, const char *what);

struct buf;
/* fields_put_id: the id as a JSON string. */
void fields_put_id(struct buf *b, const struct id *id);

#endif
