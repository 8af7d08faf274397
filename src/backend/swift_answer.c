#include "backend/swift_answer.h"
#include "base/json_in.h"
#include "base/json_out.h"
#include "base/mem.h"
#include <string.h>

#define TOKEN_MAX   16384
#define PLACES_TOLD 8
#define REGIONS_MAX 4096

void swift_answer_release(struct swift_answer *a)
{
	mem_free_secret(a->token);
	mem_free(a->url);
	a->token = a->url = NULL;
	buf_release(&a->regions);
}

/* A string member that other servers leave out or set to null. */
static int maybe_string(struct json_in *j, char **out, const char *what)
{
	enum json_token t = json_next(j);

	if (t == JSON_NULL)
		return 0;
	if (t != JSON_STRING)
		return json_bad(j, "%s is not a string", what);
	if (j->len > TOKEN_MAX || memchr(j->str, 0, j->len))
		return json_bad(j, "%s is too long or holds a zero byte", what);
	mem_free_secret(*out);
	*out = mem_strndup(j->str, j->len);
	return 0;
}

static int maybe_time(struct json_in *j, struct ts *t, const char *what)
{
	char *s = NULL;
	int code = maybe_string(j, &s, what);

	/* Keystone v2 wrote some times without a zone; without a lifetime we can live. */
	if (!code && s && json_parse_time(s, strlen(s), t, NULL))
		*t = (struct ts){0};
	mem_free(s);
	return code;
}

struct endpoint {
	char *interface, *region, *region_id, *url, *public_url;
};

bool swift_url_same(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	while (n && a[n - 1] == '/')
		n--;
	while (m && b[m - 1] == '/')
		m--;
	return n == m && !memcmp(a, b, n);
}

/* An endpoint that everybody may use.  The order of a catalog means nothing and changes, so the
 * first one is a choice that is worth a word. */
static void take(struct swift_answer *a, const char *url, const char *region, const char *id)
{
	if (a->region && !(region && !strcmp(region, a->region)) && !(id && !strcmp(id, a->region)))
		return;
	if (a->fixed && swift_url_same(url, a->fixed))
		a->fixed_listed = true;
	if (a->url && swift_url_same(url, a->url))
		return;
	if (a->n_places++ < PLACES_TOLD)
		buf_addf(&a->regions, "%s%.60s", a->regions.len ? ", " : "", region ? region : url);
	if (!a->url)
		a->url = mem_strdup(url);
}

static int endpoint_read(struct json_in *j, struct swift_answer *a)
{
	struct endpoint e = {0};
	const char *url = NULL;
	int code = 0;

	while (!code && json_next(j) == JSON_KEY) {
		if (json_key_is(j, "interface"))
			code = maybe_string(j, &e.interface, "an endpoint's interface");
		else if (json_key_is(j, "region"))
			code = maybe_string(j, &e.region, "an endpoint's region");
		else if (json_key_is(j, "region_id"))
			code = maybe_string(j, &e.region_id, "an endpoint's region");
		else if (json_key_is(j, "url"))
			code = maybe_string(j, &e.url, "an endpoint's URL");
		else if (json_key_is(j, "publicURL"))
			code = maybe_string(j, &e.public_url, "an endpoint's URL");
		else
			code = json_skip(j);
	}
	if (!code && j->token != JSON_OBJECT_END)
		code = json_bad(j, "an endpoint does not end");
	if (e.public_url)
		url = e.public_url;
	else if (e.url && e.interface && !strcmp(e.interface, "public"))
		url = e.url;
	if (!code && url)
		take(a, url, e.region ? e.region : e.region_id, e.region_id);
	mem_free(e.interface);
	mem_free(e.region);
	mem_free(e.region_id);
	mem_free(e.url);
	mem_free(e.public_url);
	return code;
}

/* Calls each() for the objects of an array; what is no array of objects is skipped. */
static int each_object(struct json_in *j, int (*each)(struct json_in *j, struct swift_answer *a),
	struct swift_answer *a)
{
	enum json_token t = json_next(j);
	int code = 0;

	if (t == JSON_NULL)
		return 0;
	if (t != JSON_ARRAY)
		return json_bad(j, "a list is not a list");
	while (!code && (t = json_next(j)) == JSON_OBJECT)
		code = each(j, a);
	if (!code && t != JSON_ARRAY_END)
		code = json_bad(j, "a list holds something else");
	return code;
}

/* The type of a service may come behind its endpoints: they count only when it is known to be
 * right. */
static int service_read(struct json_in *j, struct swift_answer *a)
{
	struct swift_answer here = {.region = a->region, .fixed = a->fixed};
	char *type = NULL;
	int code = 0;

	buf_init(&here.regions, REGIONS_MAX);
	while (!code && json_next(j) == JSON_KEY) {
		if (json_key_is(j, "type"))
			code = maybe_string(j, &type, "a service's type");
		else if (json_key_is(j, "endpoints"))
			code = each_object(j, endpoint_read, &here);
		else
			code = json_skip(j);
	}
	if (!code && j->token != JSON_OBJECT_END)
		code = json_bad(j, "a service does not end");
	if (!code && type && !strcmp(type, "object-store") && here.url) {
		a->fixed_listed |= here.fixed_listed;
		if (!a->url) {
			a->url = here.url;
			here.url = NULL;
			buf_move(&a->regions, &here.regions);
		}
		a->n_places += here.n_places;
	}
	swift_answer_release(&here);
	mem_free(type);
	return code;
}

/* The members of v3's "token" or of v2's "access" and its "token". */
static int members_read(struct json_in *j, struct swift_answer *a, bool inner)
{
	int code = json_expect(j, JSON_OBJECT, "a token");

	while (!code && json_next(j) == JSON_KEY) {
		if (json_key_is(j, "expires_at") || json_key_is(j, "expires"))
			code = maybe_time(j, &a->expires, "the token's end");
		else if (json_key_is(j, "issued_at"))
			code = maybe_time(j, &a->issued, "the token's beginning");
		else if (json_key_is(j, "catalog") || json_key_is(j, "serviceCatalog"))
			code = each_object(j, service_read, a);
		else if (!inner && json_key_is(j, "token"))
			code = members_read(j, a, true);
		else if (inner && json_key_is(j, "id"))
			code = maybe_string(j, &a->token, "the token");
		else
			code = json_skip(j);
	}
	if (!code && j->token != JSON_OBJECT_END)
		code = json_bad(j, "the token does not end");
	return code;
}

int swift_answer_body(struct swift_answer *a, const struct http_req *r, struct err *err)
{
	struct json_in j;
	int code;

	buf_init(&a->regions, REGIONS_MAX);
	json_in_mem(&j, r->out.p, r->out.len);
	code = json_expect(&j, JSON_OBJECT, "the answer");
	while (!code && json_next(&j) == JSON_KEY) {
		if (json_key_is(&j, "token") || json_key_is(&j, "access"))
			code = members_read(&j, a, false);
		else
			code = json_skip(&j);
	}
	if (!code && j.token != JSON_OBJECT_END)
		code = json_bad(&j, "the answer does not end");
	if (code)
		err_set(err, ERR_INVALID, "the login server's answer: %s", j.err.msg);
	json_in_release(&j);
	return code ? ERR_INVALID : 0;
}

void swift_answer_header(const struct http_req *r, const char *name, char **out)
{
	char *text = mem_alloc(TOKEN_MAX);

	if (!*out && http_header(r, name, text, TOKEN_MAX) && *text)
		*out = mem_strdup(text);
	mem_wipe(text, TOKEN_MAX);
	mem_free(text);
}

void swift_answer_v1(struct swift_answer *a, const struct http_req *r, const struct ts *now)
{
	char *life = NULL;

	swift_answer_header(r, "X-Auth-Token", &a->token);
	swift_answer_header(r, "X-Storage-Token", &a->token);
	swift_answer_header(r, "X-Storage-Url", &a->url);
	swift_answer_header(r, "X-Auth-Token-Expires", &life);
	if (life && *life && strlen(life) < 10 && strspn(life, "0123456789") == strlen(life)) {
		int64_t s = 0;

		for (const char *p = life; *p; p++)
			s = 10 * s + (*p - '0');
		a->issued = *now;
		a->expires = (struct ts){.sec = now->sec + s, .nsec = now->nsec};
	}
	mem_free_secret(life);
}

struct ts swift_answer_end(const struct swift_answer *a, const struct ts *now)
{
	struct ts end = a->expires;

	if (end.sec && a->issued.sec && end.sec >= a->issued.sec)
		end.sec = now->sec + (end.sec - a->issued.sec);
	return end;
}
