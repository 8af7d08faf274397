#include "backend/swift_login.h"
#include "backend/swift_answer.h"
#include "base/json_out.h"
#include "base/mem.h"
#include <string.h>

#define ANSWER_MAX (4u << 20) /* bytes: a catalog of a large site has some 100 000 */

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
		put_ref(o, "domain",
			c->user_domain || c->user_domain_id ? c->user_domain : "Default",
			c->user_domain_id);
}

static void put_identity(struct json_out *o, const struct swift_creds *c)
{
	bool user = c->user || c->user_id;
	const char *method = swift_creds_has_app(c) ? "application_credential"
			     : user                 ? "password"
						    : "token";

	json_key(o, "methods");
	json_array(o);
	json_str(o, method);
	json_array_end(o);
	json_key(o, method);
	json_object(o);
	if (swift_creds_has_app(c)) {
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
	if (!swift_creds_has_app(c) && (c->trust_id || c->project_id || c->project)) {
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
	buf_init(&l->choice, 8192);
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
			return err_set(err, ERR_USAGE,
				"a Swift user name or key has more than one line");
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
			return err_set(err, ERR_USAGE,
				"the OS_* variables are too long for a login");
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
	buf_release(&l->choice);
	mem_free_secret(l->line[0]);
	mem_free_secret(l->line[1]);
	l->line[0] = l->line[1] = NULL;
	mem_free(l->url);
	l->url = NULL;
}

static int status_judge(const struct http_req *r, struct err *err)
{
	int s = r->status;

	if (r->err.code)
		return err_copy(err, &r->err);
	if (s == 200 || s == 201 || s == 203 || s == 204)
		return 0;
	if (s == 401 || s == 403)
		return err_set(err, ERR_DENIED,
			"the login server refuses this user, password or project (HTTP status %d)",
			s);
	if (s == 408 || s == 409 || s == 429 || s >= 500)
		return err_set(err, ERR_IO, "the login server answers HTTP status %d", s);
	return err_set(err, ERR_USAGE,
		"OS_AUTH_URL does not lead to a login server: HTTP status %d", s);
}

/* The storage URL of this login: that of the first one, for a run must not lie in two places. */
static int choose(struct swift_login *l, const struct swift_creds *c, const struct swift_answer *a,
	const char **url, struct err *err)
{
	*url = c->storage_url ? c->storage_url : a->url;
	if (!*url)
		return err_set(err, ERR_USAGE, "the login server knows no object store%s%s%s",
			c->region ? " in region \"" : "", c->region ? c->region : "",
			c->region ? "\"" : " for this project");
	if (c->storage_url)
		return 0;
	if (a->fixed && (a->fixed_listed || swift_url_same(a->fixed, *url))) {
		*url = a->fixed;
		return 0;
	}
	if (a->fixed)
		return err_set(err, ERR_USAGE,
			"the login server now names another store, %s, and %s no more, where this "
			"run has begun",
			*url, a->fixed);
	if (!c->region && a->n_places > 1)
		buf_addf(&l->choice,
			"the project has %u object stores (%s), and OS_REGION_NAME names none: the "
			"first, %s, is used",
			a->n_places, buf_str((struct buf *)(uintptr_t)&a->regions), *url);
	return 0;
}

int swift_login_answer(struct swift_login *l, const struct swift_creds *c, const char *fixed,
	const struct ts *now, struct swift_token **out, struct err *err)
{
	struct swift_answer a = {.region = c->region, .fixed = fixed};
	int v = swift_creds_version(c);
	int code = status_judge(&l->req, err);
	const char *url;
	struct ts end;

	*out = NULL;
	if (code)
		goto out;
	if (v == 1) {
		swift_answer_v1(&a, &l->req, now);
	} else {
		if (v == 3)
			swift_answer_header(&l->req, "X-Subject-Token", &a.token);
		code = swift_answer_body(&a, &l->req, err);
	}
	if (!code && !a.token)
		code = err_set(err, ERR_INVALID, "the login server's answer has no token");
	if (!code)
		code = choose(l, c, &a, &url, err);
	if (code)
		goto out;
	end = swift_answer_end(&a, now);
	code = swift_token_new(a.token, url, now, &end, out, err);
out:
	swift_answer_release(&a);
	if (code)
		err_prefix(err, "Swift login");
	return code;
}

bool swift_login_answer_check(struct swift_login *l, struct ts *end)
{
	struct swift_answer a = {0};
	struct err e = {0};
	int status = l->req.err.code ? 0 : l->req.status;

	*end = (struct ts){0};
	if (status == 200 && !swift_answer_body(&a, &l->req, &e))
		*end = a.expires;
	swift_answer_release(&a);
	return status != 401 && status != 404;
}
