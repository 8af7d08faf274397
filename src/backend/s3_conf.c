#include "backend/s3_conf.h"
#include "backend/ini.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/readall.h"
#include <string.h>
#include <strings.h>

#define FILE_MAX ((size_t)1 << 20)

void s3_conf_release(struct s3_conf *c)
{
	mem_free_secret(c->name);
	mem_free_secret(c->endpoint);
	mem_free_secret(c->access);
	mem_free_secret(c->secret);
	mem_free_secret(c->token);
	*c = (struct s3_conf){0};
}

static void replace(char **p, const char *value)
{
	mem_free_secret(*p);
	*p = value && *value ? mem_strdup(value) : NULL;
}

const char *s3_conf_getenv(const struct s3_conf_where *w, const char *name)
{
	const char *v = w->getenv ? w->getenv(name) : NULL;

	return v && *v ? v : NULL;
}

static const char *either(const struct s3_conf_where *w, const char *name, const char *other)
{
	const char *v = s3_conf_getenv(w, name);

	return v ? v : s3_conf_getenv(w, other);
}

bool s3_conf_env(const struct s3_conf_where *w, struct s3_conf *c)
{
	const char *access = either(w, "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
		   *secret = either(w, "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"),
		   *token = s3_conf_getenv(w, "AWS_SESSION_TOKEN");

	*c = (struct s3_conf){0};
	replace(&c->endpoint, either(w, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"));
	if (!access || !secret) {
		access = either(w, "MINIO_ROOT_USER", "MINIO_ACCESS_KEY");
		secret = either(w, "MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY");
		token = NULL;
	}
	if (!access || !secret)
		return false;
	replace(&c->access, access);
	replace(&c->secret, secret);
	replace(&c->token, token);
	return true;
}

/* file_read: 0 with the text in `b`, ERR_NOTFOUND silently, else an error. */
static int file_read(const char *path, struct buf *b, struct err *err)
{
	char *what = mem_printf("read %s", path);
	struct err e = {0};
	int code;

	buf_init(b, FILE_MAX);
	code = readall_file(path, b, what, &e);
	if (!code && !buf_str(b))
		code = err_set(&e, ERR_NOMEM, "%s: larger than %zu bytes", what, FILE_MAX);
	mem_free(what);
	return code == ERR_NOTFOUND ? code : code ? err_copy(err, &e) : 0;
}

bool s3_conf_same_host(const char *url, const char *host)
{
	const char *s = strstr(url, "://");
	size_t n, m;

	s = s ? s + 3 : url;
	n = strcspn(s, ":/");
	m = strcspn(host, ":/");
	if (n != m || strncasecmp(s, host, n) != 0)
		return false;
	if (s[n] != ':' || host[m] != ':')
		return true;
	return strcspn(s + n, "/") == strcspn(host + m, "/") &&
	       !strncmp(s + n, host + m, strcspn(s + n, "/"));
}

static bool take_key(struct s3_conf *c, const char *key, const char *value)
{
	if (!strcasecmp(key, "access_key_id"))
		replace(&c->access, value);
	else if (!strcasecmp(key, "secret_access_key"))
		replace(&c->secret, value);
	else if (!strcasecmp(key, "session_token"))
		replace(&c->token, value);
	else
		return false;
	return true;
}

static void profile_pair(void *arg, const char *section, const char *key, const char *value)
{
	struct s3_conf *c = arg;

	/* ~/.aws/config calls all but the default "profile x". */
	if (!strncmp(section, "profile ", 8))
		section += 8;
	if (strcmp(section, c->name) != 0)
		return;
	if (!strcasecmp(key, "endpoint_url"))
		replace(&c->endpoint, value);
	else if (!strncasecmp(key, "aws_", 4))
		take_key(c, key + 4, value);
}

static int read_pairs(const char *path,
	void (*fn)(void *, const char *, const char *, const char *), void *arg, struct err *err)
{
	struct buf b;
	int code = file_read(path, &b, err);

	if (!code)
		ini_read((char *)b.p, fn, arg);
	buf_wipe(&b);
	return code == ERR_NOTFOUND ? 0 : code;
}

static char *below(const char *given, const char *home, const char *name)
{
	if (given)
		return mem_strdup(given);
	return home ? mem_printf("%s/%s", home, name) : NULL;
}

int s3_conf_aws(const struct s3_conf_where *w, struct s3_conf *c, struct err *err)
{
	const char *profile = s3_conf_getenv(w, "AWS_PROFILE");
	char *keys = below(s3_conf_getenv(w, "AWS_SHARED_CREDENTIALS_FILE"), w->home,
		".aws/credentials");
	char *config = below(s3_conf_getenv(w, "AWS_CONFIG_FILE"), w->home, ".aws/config");
	struct s3_conf more = {.name = mem_strdup(profile ? profile : "default")};
	int code = 0;

	*c = (struct s3_conf){.name = mem_strdup(more.name)};
	if (keys)
		code = read_pairs(keys, profile_pair, c, err);
	/* The config file matters only where there are keys to judge; its own keys, which AWS
	 * allows there, count less. */
	if (!code && c->access && c->secret && !c->endpoint && config)
		code = read_pairs(config, profile_pair, &more, err);
	if (!c->endpoint) {
		c->endpoint = more.endpoint;
		more.endpoint = NULL;
	}
	if (code || !c->access || !c->secret)
		s3_conf_release(c);
	s3_conf_release(&more);
	mem_free(keys);
	mem_free(config);
	return code;
}

/* One section of rclone's file is collected and judged when the next one begins. */
struct rclone {
	void (*fn)(void *arg, struct s3_conf *c);
	void *arg;
	char *type;
	struct s3_conf now;
};

static void section_end(struct rclone *r)
{
	if (r->type && !strcasecmp(r->type, "s3") && r->now.endpoint && r->now.access &&
		r->now.secret)
		r->fn(r->arg, &r->now);
	s3_conf_release(&r->now);
	replace(&r->type, NULL);
}

static void rclone_pair(void *arg, const char *section, const char *key, const char *value)
{
	struct rclone *r = arg;

	if (r->now.name && strcmp(r->now.name, section) != 0)
		section_end(r);
	if (!r->now.name)
		r->now.name = mem_strdup(section);
	if (!strcmp(key, "type"))
		replace(&r->type, value);
	else if (!strcmp(key, "endpoint"))
		replace(&r->now.endpoint, value);
	else
		take_key(&r->now, key, value);
}

int s3_conf_rclone(const struct s3_conf_where *w, void (*fn)(void *arg, struct s3_conf *c),
	void *arg, struct err *err)
{
	const char *given = s3_conf_getenv(w, "RCLONE_CONFIG"),
		   *xdg = s3_conf_getenv(w, "XDG_CONFIG_HOME");
	struct rclone r = {.fn = fn, .arg = arg};
	char *path = !given && xdg ? mem_printf("%s/rclone/rclone.conf", xdg)
				   : below(given, w->home, ".config/rclone/rclone.conf");
	int code = path ? read_pairs(path, rclone_pair, &r, err) : 0;

	section_end(&r);
	mem_free(path);
	return code;
}
