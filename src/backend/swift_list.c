#include "backend/swift_list.h"
#include "backend/layout.h"
#include "backend/swift_call.h"
#include "base/json_in.h"
#include "base/mem.h"
#include <string.h>

#define PAGE        10000 /* names asked for; a store may send fewer */
#define PAGE_MODEST 1000  /* for a store that refuses to be asked for so many */
#define PAGE_BYTES  (64u << 20)

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

static char *page_path(const struct swift_dir *d, enum backend_type t, unsigned limit,
	const char *last)
{
	struct buf b;
	char *path;

	buf_init(&b, 16384);
	buf_addf(&b, "%s?format=json&limit=%u&prefix=%s%s/", d->container, limit, d->prefix,
		layout_dir(t));
	if (last) {
		buf_adds(&b, "&marker=");
		http_encode(&b, last, strlen(last), "/");
	}
	path = buf_str(&b) ? mem_strdup(buf_str(&b)) : NULL;
	buf_release(&b);
	return path;
}

struct lister {
	enum backend_type type;
	char *base; /* what the names begin with */
	const struct backend_names *to;
	struct err *err;
};

static int on_object(void *arg, const char *object, uint64_t size)
{
	struct lister *l = arg;
	size_t n = strlen(l->base);
	enum backend_odd why;
	struct id name;

	if (strncmp(object, l->base, n) != 0)
		return err_set(l->err, ERR_INVALID,
			"the store lists a name that does not begin with what was asked for: "
			"%.200s",
			object);
	why = layout_read(l->type, object + n, &name);
	if (!why && size == UINT64_MAX)
		return err_set(l->err, ERR_INVALID,
			"the store lists an object without its size: %.200s", object);
	if (!why)
		return l->to->file(l->to->arg, &name, size);
	layout_odd(l->to, l->type, why, object + n);
	return 0;
}

/*
 * Until a page is empty: a short page proves nothing, since Ceph sends at most 1000 names
 * (rgw_max_listing_results) whatever it is asked for.
 */
int swift_list(const struct swift_dir *d, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct lister l = {.type = t, .to = to, .err = err};
	unsigned limit = PAGE;
	char *last = NULL;
	size_t count = 1;
	uint64_t objects;
	int code = 0;

	if (t == BACKEND_CONFIG)
		return 0;
	l.base = mem_printf("%s%s/", d->base, layout_dir(t));
	while (!code && count) {
		struct swift_call c;

		swift_call_init(&c, "GET", PAGE_BYTES);
		c.path = page_path(d, t, limit, last);
		if (!c.path) {
			code = err_set(err, ERR_INVALID, "the store lists a name that is too long");
		} else if (swift_call_run(&c, d->keeper, d->wire)) {
			code = err_copy(err, &c.err);
		} else if (c.req.status == 412 && limit > PAGE_MODEST) {
			limit = PAGE_MODEST;
		} else if (c.req.status == 404 && !last && !d->seen) {
			count = 0;
		} else if (c.req.status == 404) {
			code = err_set(err, ERR_IO,
				"the container, which was there before, is not found");
		} else if (c.req.status == 204 &&
			   http_header_number(&c.req, "X-Container-Object-Count", &objects)) {
			count = 0;
		} else if (c.req.status != 200) {
			code = swift_call_judge(&c, err);
		} else {
			code = swift_page_read(c.req.out.p, c.req.out.len, &last, &count, on_object,
				&l, err);
		}
		swift_call_release(&c);
	}
	mem_free(l.base);
	mem_free(last);
	return code;
}
