/*
 * POST ?bulk-delete with a line for each object.  The answer counts those that were deleted and
 * those that were not there, and names the others.  A store without it takes the request for one to
 * its account, and says 204.
 */
#include "backend/swift_remove.h"
#include "backend/layout.h"
#include "backend/swift_call.h"
#include "base/json_in.h"
#include "base/mem.h"
#include <string.h>

#define ANSWER_BYTES ((size_t)1 << 20)

struct answer {
	uint64_t deleted, not_found;
	bool ok, errors;
};

static int read_errors(struct json_in *j, struct answer *a)
{
	int depth = 1;

	if (json_next(j) != JSON_ARRAY)
		return json_bad(j, "a list was expected");
	while (depth) {
		enum json_token t = json_next(j);

		if (t == JSON_BAD || t == JSON_END)
			return ERR_INVALID;
		if (t == JSON_ARRAY || t == JSON_OBJECT)
			depth++;
		else if (t == JSON_ARRAY_END || t == JSON_OBJECT_END)
			depth--;
		a->errors |= depth > 0;
	}
	return 0;
}

static int read_member(struct json_in *j, struct answer *a)
{
	int code;

	if (json_key_is(j, "Number Deleted"))
		return json_u64(j, &a->deleted, "a number");
	if (json_key_is(j, "Number Not Found"))
		return json_u64(j, &a->not_found, "a number");
	if (json_key_is(j, "Errors"))
		return read_errors(j, a);
	if (!json_key_is(j, "Response Status"))
		return json_skip(j);
	code = json_string(j, "a status");
	a->ok = !code && j->len >= 3 && !memcmp(j->str, "200", 3);
	return code;
}

bool swift_removed_read(const void *p, size_t len, size_t n)
{
	struct answer a = {0};
	struct json_in j = {0};
	enum json_token t;
	int code = 0;

	json_in_mem(&j, p, len);
	if (json_next(&j) != JSON_OBJECT)
		code = ERR_INVALID;
	while (!code && (t = json_next(&j)) != JSON_OBJECT_END)
		code = t == JSON_KEY ? read_member(&j, &a) : ERR_INVALID;
	json_in_release(&j);
	return !code && a.ok && !a.errors && a.deleted <= n && a.not_found == n - a.deleted;
}

static void put_names(const struct swift_dir *d, enum backend_type t, const struct id *names,
	size_t n, struct buf *body)
{
	for (size_t i = 0; i < n; i++) {
		char path[LAYOUT_MAX];

		layout_path(t, &names[i], path);
		buf_addf(body, "%s/%s%s\n", d->container, d->prefix, path);
	}
}

int swift_remove_many(const struct swift_dir *d, enum backend_type t, const struct id *names,
	size_t n, bool *gone, struct err *err)
{
	struct swift_call c;
	struct buf body;
	int code = 0;

	buf_init(&body, BACKEND_REMOVE_MANY * 4096);
	put_names(d, t, names, n, &body);
	if (body.overflow) {
		buf_release(&body);
		return err_set(err, ERR_NOMEM, "the repository's prefix is too long");
	}
	swift_call_init(&c, "POST", ANSWER_BYTES);
	c.path = mem_strdup("/?bulk-delete");
	c.header[0] = mem_strdup("Content-Type: text/plain");
	c.header[1] = mem_strdup("Accept: application/json");
	c.req.body = body.p;
	c.req.body_n = body.len;
	if (swift_call_run(&c, d->keeper, d->wire) || c.req.status / 100 != 2)
		code = swift_call_judge(&c, err);
	else if (c.req.status != 200 || !c.req.out.len)
		code = err_set(err, ERR_UNSUPPORTED, "the store removes one object at a time");
	else if (swift_removed_read(c.req.out.p, c.req.out.len, n))
		memset(gone, 1, n * sizeof(*gone));
	swift_call_release(&c);
	buf_release(&body);
	return code;
}
