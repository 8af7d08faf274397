/* A login's request and answer.  The other half of swift_auth.h. */
#include "backend/swift_auth.h"
#include "base/json_in.h"
#include "base/json_out.h"
#include "base/mem.h"
#include <string.h>

#define ANSWER_MAX (4u << 20) /* bytes: a catalog of a large site has some 100 000 */
#define TOKEN_MAX  16384

static void forget(char **s)
{
	if (*s)
		mem_wipe(*s, strlen(*s));
	mem_free(*s);
	*s = NULL;
}

static bool has_app(const struct swift_creds *c)
{
	return (c->app_id || c->app_name) && c->app_secret;
}

/* {"name": …} or {"id": …}; the name first. */
static void put_ref(struct json_out *o, const char *key, const char *name, const char *id)
{
	json_key(o, key);
	json_object(o);
	json_key(o, name ? "name" : "id");
	json_str(o, name ? name : id);
	json_object_end(o);
}

static void put_user(struct json_out *o, const struct swift_creds *c)
{
	json_key(o, "user");
	json_object(o);
	json_key(o, c->user_id ? "id" : "name");
	json_str(o, c->user_id ? c->user_id : c->user);
	if (!c->user_id)
		put_ref(o, "domain", c->user_domain || c->user_domain_id ? c->user_domain : "Default", c->user_domain_id);
}

static void put_identity(struct json_out *o, const struct swift_creds *c)
{
	bool user = c->user || c->user_id;
	const char *method = has_app(c) ? "application_credential" : user ? "password" : "token";

	json_key(o, "methods");
	json_array(o);
	json_str(o, method);
	json_array_end(o);
	json_key(o, method);
	json_object(o);
	if (has_app(c)) {
		json_key(o, c->app_id ? "id" : "name");
		json_str(o, c->app_id ? c->app_id : c->app_name);
		json_key(o, "secret");
		json_str(o, c->app_secret);
		/* A credential's name is unique for its user only. */
		if (!c->app_id && user) {
			put_user(o, c);
			json_object_end(o);
		}
	} else if (user) {
		put_user(o, c);
		json_key(o, "password");
		json_str(o, c->key);
		json_object_end(o);
	} else {
		json_key(o, "id");
		json_str(o, c->key);
	}
	json_object_end(o);
}

static void put_scope(struct json_out *o, const struct swift_creds *c)
{
	if (c->trust_id) {
		json_key(o, "OS-TRUST:trust");
		json_object(o);
		json_key(o, "id");
		json_str(o, c->trust_id);
		json_object_end(o);
		return;
	}
	json_key(o, "project");
	json_object(o);
	if (c->project_id) {
		json_key(o, "id");
		json_str(o, c->project_id);
	} else {
		const char *name = c->project_domain, *id = c->project_domain_id;

		if (!name && !id) {
			name = c->user_domain;
			id = c->user_domain_id;
		}
		json_key(o, "name");
		json_str(o, c->project);
		put_ref(o, "domain", name || id ? name : "Default", id);
	}
	json_object_end(o);
}

static void body_v3(struct buf *b, const struct swift_creds *c)
{
	struct json_out o;

	json_out_init(&o, b);
	json_object(&o);
	json_key(&o, "auth");
	json_object(&o);
	json_key(&o, "identity");
	json_object(&o);
	put_identity(&o, c);
	json_object_end(&o);
	if (!has_app(c) && (c->trust_id || c->project_id || c->project)) {
		json_key(&o, "scope");
		json_object(&o);
		put_scope(&o, c);
		json_object_end(&o);
	}
	json_object_end(&o);
	json_object_end(&o);
}

static void body_v2(struct buf *b, const struct swift_creds *c)
{
	struct json_out o;

	json_out_init(&o, b);
	json_object(&o);
	json_key(&o, "auth");
	json_object(&o);
	json_key(&o, "passwordCredentials");
	json_object(&o);
	json_key(&o, "username");
	json_str(&o, c->user);
	json_key(&o, "password");
	json_str(&o, c->key);
	json_object_end(&o);
	if (c->project_id) {
		json_key(&o, "tenantId");
		json_str(&o, c->project_id);
	} else if (c->project) {
		json_key(&o, "tenantName");
		json_str(&o, c->project);
	}
	json_object_end(&o);
	json_object_end(&o);
}

static void login_clear(struct swift_login *l)
{
	*l = (struct swift_login){.req = {.urgent = true}};
	buf_init(&l->req.out, ANSWER_MAX);
	buf_init(&l->body, 65536);
}

static char *under(const char *url, const char *path)
{
	size_t n = strlen(url);

	while (n && url[n - 1] == '/')
		n--;
	return mem_printf("%.*s%s", (int)n, url, path);
}

static void add_line(struct swift_login *l, const char *name, const char *value)
{
	size_t i = l->line[0] ? 1 : 0;

	l->line[i] = mem_printf("%s: %s", name, value);
	l->req.header[l->req.n_header++] = l->line[i];
}

static bool one_line(const char *s)
{
	return !s[strcspn(s, "\r\n")];
}

int swift_login_init(struct swift_login *l, const struct swift_creds *c, struct err *err)
{
	int v = swift_creds_version(c);

	login_clear(l);
	if (strncmp(c->auth_url, "http://", 7) && strncmp(c->auth_url, "https://", 8))
		return err_set(err, ERR_USAGE, "OS_AUTH_URL is not an http:// or https:// URL");
	if (v == 1) {
		if (!one_line(c->user) || !one_line(c->key))
			return err_set(err, ERR_USAGE, "a Swift user name or key has more than one line");
		l->req.method = "GET";
		l->url = mem_strdup(c->auth_url);
		add_line(l, "X-Auth-User", c->user);
		add_line(l, "X-Auth-Key", c->key);
	} else {
		l->req.method = "POST";
		l->url = under(c->auth_url, v == 3 ? "/auth/tokens" : "/tokens");
		if (v == 3)
			body_v3(&l->body, c);
		else
			body_v2(&l->body, c);
		if (l->body.overflow)
			return err_set(err, ERR_USAGE, "the OS_* variables are too long for a login");
		l->req.header[l->req.n_header++] = "Content-Type: application/json";
		l->req.header[l->req.n_header++] = "Accept: application/json";
		l->req.body = l->body.p;
		l->req.body_n = l->body.len;
	}
	l->req.url = l->url;
	return 0;
}

int swift_login_init_check(struct swift_login *l, const struct swift_creds *c)
{
	login_clear(l);
	if (swift_creds_version(c) != 3 || !one_line(c->token))
		return ERR_UNSUPPORTED;
	l->req.method = "GET";
	l->url = under(c->auth_url, "/auth/tokens?nocatalog");
	l->req.url = l->url;
	add_line(l, "X-Auth-Token", c->token);
	add_line(l, "X-Subject-Token", c->token);
	return 0;
}

void swift_login_release(struct swift_login *l)
{
	buf_wipe(&l->req.headers);
	buf_wipe(&l->req.out);
	http_req_release(&l->req);
	buf_wipe(&l->body);
	forget(&l->line[0]);
	forget(&l->line[1]);
	mem_free(l->url);
	l->url = NULL;
}

/* What an answer says; the strings are copies. */
struct answer {
	char *token, *url;
	struct ts issued, expires;
	const char *region; /* borrowed: the endpoint to be chosen, NULL: the first */
};

static void answer_release(struct answer *a)
{
	forget(&a->token);
	mem_free(a->url);
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
	forget(out);
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

static int endpoint_read(struct json_in *j, struct answer *a)
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
	if (!code && url && !a->url &&
		(!a->region || (e.region && !strcmp(e.region, a->region)) || (e.region_id && !strcmp(e.region_id, a->region))))
		a->url = mem_strdup(url);
	mem_free(e.interface);
	mem_free(e.region);
	mem_free(e.region_id);
	mem_free(e.url);
	mem_free(e.public_url);
	return code;
}

/* Calls each() for the objects of an array; what is no array of objects is skipped. */
static int each_object(struct json_in *j, int (*each)(struct json_in *j, struct answer *a), struct answer *a)
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

/* The type of a service may come behind its endpoints: they count only when it is known to be right. */
static int service_read(struct json_in *j, struct answer *a)
{
	struct answer here = {.region = a->region};
	char *type = NULL;
	int code = 0;

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
	if (!code && type && !strcmp(type, "object-store") && !a->url) {
		a->url = here.url;
		here.url = NULL;
	}
	answer_release(&here);
	mem_free(type);
	return code;
}

/* The members of v3's "token" or of v2's "access" and its "token". */
static int members_read(struct json_in *j, struct answer *a, bool inner)
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

static int body_read(const struct http_req *r, struct answer *a, struct err *err)
{
	struct json_in j;
	int code;

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

static void header_read(const struct http_req *r, const char *name, char **out)
{
	char *text = mem_alloc(TOKEN_MAX);

	if (!*out && http_header(r, name, text, TOKEN_MAX) && *text)
		*out = mem_strdup(text);
	mem_wipe(text, TOKEN_MAX);
	mem_free(text);
}

static int answer_v1(const struct http_req *r, const struct ts *now, struct answer *a)
{
	char *life = NULL;

	header_read(r, "X-Auth-Token", &a->token);
	header_read(r, "X-Storage-Token", &a->token);
	header_read(r, "X-Storage-Url", &a->url);
	header_read(r, "X-Auth-Token-Expires", &life);
	if (life && *life && strlen(life) < 10 && strspn(life, "0123456789") == strlen(life)) {
		int64_t s = 0;

		for (const char *p = life; *p; p++)
			s = 10 * s + (*p - '0');
		a->issued = *now;
		a->expires = (struct ts){.sec = now->sec + s, .nsec = now->nsec};
	}
	forget(&life);
	return 0;
}

/* The end by our clock: the lifetime counts, not what the server's clock shows. */
static struct ts local_end(const struct answer *a, const struct ts *now)
{
	struct ts end = a->expires;

	if (end.sec && a->issued.sec && end.sec >= a->issued.sec)
		end.sec = now->sec + (end.sec - a->issued.sec);
	return end;
}

static int status_judge(const struct http_req *r, struct err *err)
{
	int s = r->status;

	if (r->err.code)
		return err_copy(err, &r->err);
	if (s == 200 || s == 201 || s == 203 || s == 204)
		return 0;
	if (s == 401 || s == 403)
		return err_set(err, ERR_DENIED, "the login server refuses this user, password or project (HTTP status %d)", s);
	if (s == 408 || s == 409 || s == 429 || s >= 500)
		return err_set(err, ERR_IO, "the login server answers HTTP status %d", s);
	return err_set(err, ERR_USAGE, "OS_AUTH_URL does not lead to a login server: HTTP status %d", s);
}

int swift_login_answer(struct swift_login *l, const struct swift_creds *c, const struct ts *now, struct swift_token **out, struct err *err)
{
	struct answer a = {.region = c->region};
	int v = swift_creds_version(c);
	int code = status_judge(&l->req, err);
	struct ts end;

	*out = NULL;
	if (code)
		goto out;
	if (v == 3)
		header_read(&l->req, "X-Subject-Token", &a.token);
	code = v == 1 ? answer_v1(&l->req, now, &a) : body_read(&l->req, &a, err);
	if (code)
		goto out;
	if (!a.token) {
		code = err_set(err, ERR_INVALID, "the login server's answer has no token");
		goto out;
	}
	if (!a.url && !c->storage_url) {
		code = err_set(err, ERR_USAGE, "the login server knows no object store%s%s%s", c->region ? " in region \"" : "",
			c->region ? c->region : "", c->region ? "\"" : " for this project");
		goto out;
	}
	end = local_end(&a, now);
	code = swift_token_new(a.token, c->storage_url ? c->storage_url : a.url, now, &end, out, err);
out:
	answer_release(&a);
	if (code)
		err_prefix(err, "Swift login");
	return code;
}

bool swift_login_answer_check(struct swift_login *l, struct ts *end)
{
	struct answer a = {0};
	struct err e = {0};
	int status = l->req.err.code ? 0 : l->req.status;

	*end = (struct ts){0};
	if (status == 200 && !body_read(&l->req, &a, &e))
		*end = a.expires;
	answer_release(&a);
	return status != 401 && status != 404;
}
