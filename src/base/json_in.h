/*
 * json_in: a pull reader of JSON tokens over memory or over pieces that arrive one after another.
 *
 * Holds one token at a time; no document is built.  Strings come decoded (escapes resolved, lone
 * surrogates and invalid UTF-8 as U+FFFD like Go's decoder). Nesting is limited to JSON_DEPTH, a
 * string to `max_string` bytes.  After the first error every call returns JSON_BAD with the
 * sentence in `err`.
 */
#ifndef BASE_JSON_IN_H
#define BASE_JSON_IN_H
#include "base/buf.h"
#include "base/err.h"

#define JSON_DEPTH 64

enum json_token {
	JSON_BAD,
	JSON_END,
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY, /* an object member's name, in str/len; its value is the next token */
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL
};

/* json_more: set *p, *n to the next piece (valid until the next call); *n = 0 at the end.  0 or an
 * error. */
typedef int json_more_fn(void *arg, const uint8_t **p, size_t *n, struct err *err);

struct json_in {
	const uint8_t *p, *end;
	json_more_fn *more;
	void *arg;
	struct buf tmp;
	size_t max_string;
	unsigned depth;
	uint64_t is_object; /* bit d: the container at depth d is an object */
	int state;
	enum json_token token; /* the last one returned */
	const char *str; /* JSON_KEY, JSON_STRING (decoded), JSON_NUMBER (as written): valid until
			    the next call */
	size_t len;
	struct err err;
};

void json_in_mem(struct json_in *j, const void *p, size_t n); /* borrows p */
void json_in_stream(struct json_in *j, json_more_fn *more, void *arg);
void json_in_release(struct json_in *j);

enum json_token json_next(struct json_in *j);
int json_skip(struct json_in *j); /* after JSON_KEY: its value; after OBJECT/ARRAY: the rest of it.
				     0 or an error */

/* Conveniences: read the next token, demand its type.  0, or ERR_INVALID with a sentence that names
 * `what`. */
int json_expect(struct json_in *j, enum json_token t, const char *what);
int json_u64(struct json_in *j, uint64_t *v, const char *what); /* an integer 0 … 2^64-1 */
int json_string(struct json_in *j, const char *what);           /* result in j->str, j->len */
int json_bool(struct json_in *j, bool *v, const char *what);
/* the current token is this key */
bool json_key_is(const struct json_in *j, const char *name);
/* make it fail; returns ERR_INVALID */
int json_bad(struct json_in *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
