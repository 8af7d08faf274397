#include "backend/swift_list.h"
#include "base/json_in.h"
#include "base/mem.h"
#include <string.h>

/* An object: {"name": …, "bytes": …}; a {"subdir": …} has no name. */
static int object_read(struct json_in *j, char **name, uint64_t *size)
{
	int code = 0;

	while (!code && json_next(j) == JSON_KEY) {
		if (json_key_is(j, "name")) {
			code = json_string(j, "an object's name");
			if (!code && memchr(j->str, 0, j->len))
				code = json_bad(j, "an object's name holds a zero byte");
			if (!code) {
				mem_free(*name);
				*name = mem_strndup(j->str, j->len);
			}
		} else if (json_key_is(j, "bytes")) {
			code = json_u64(j, size, "an object's size");
		} else {
			code = json_skip(j);
		}
	}
	if (!code && j->token != JSON_OBJECT_END)
		code = json_bad(j, "an object does not end");
	return code;
}

int swift_page_read(const void *p, size_t n, char **last, size_t *count,
	int (*fn)(void *arg, const char *name, uint64_t size), void *arg, struct err *err)
{
	char *name = NULL, *end = NULL;
	struct json_in j;
	int code, said = 0, kind = ERR_ODD;

	*count = 0;
	json_in_mem(&j, p, n);
	code = json_expect(&j, JSON_ARRAY, "the listing");
	while (!code && !said && json_next(&j) == JSON_OBJECT) {
		uint64_t size = UINT64_MAX;

		mem_free(name);
		name = NULL;
		code = object_read(&j, &name, &size);
		if (code || !name)
			continue;
		++*count;
		said = fn(arg, name, size);
		mem_free(end);
		end = name;
		name = NULL;
	}
	if (!code && !said && j.token != JSON_ARRAY_END)
		code = json_bad(&j, "the listing does not end");
	if (!code && !said && end && *last && strcmp(end, *last) <= 0) {
		code = json_bad(&j, "a page does not come behind the one before");
		kind = ERR_INVALID;
	}
	if (code)
		code = err_set(err, kind, "the store's listing: %s", j.err.msg);
	if (end) {
		mem_free(*last);
		*last = end;
	}
	mem_free(name);
	json_in_release(&j);
	return code ? code : said;
}
