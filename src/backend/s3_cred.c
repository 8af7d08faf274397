#include "backend/s3_cred.h"
#include "backend/ini.h"
#include "base/buf.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)

static void secret_free(char *s)
{
	if (s)
		mem_wipe(s, strlen(s));
	mem_free(s);
}

void s3_cred_release(struct s3_cred *c)
{
	if (!c)
		return;
	secret_free(c->access);
	secret_free(c->secret);
	secret_free(c->token);
	mem_free(c->from);
	*c = (struct s3_cred){0};
}

static void replace(char **p, const char *value)
{
	secret_free(*p);
	*p = *value ? mem_strdup(value) : NULL;
}

/* A value of the environment; an empty one counts as none. */
static const char *env_get(const struct s3_cred_where *w, const char *name)
{
	const char *v = w->getenv ? w->getenv(name) : NULL;

	return v && *v ? v : NULL;
}

static bool from_env(struct s3_cred *c, const struct s3_cred_where *w)
{
	static const char *const pairs[][2] = {
		{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"},
		{"AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"},
		{"MINIO_ROOT_USER", "MINIO_ACCESS_KEY"},
		{"MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY"},
	};
	const char *v[4], *token = env_get(w, "AWS_SESSION_TOKEN");
	size_t at;

	for (size_t i = 0; i < 4; i++) {
		v[i] = env_get(w, pairs[i][0]);
		if (!v[i])
			v[i] = env_get(w, pairs[i][1]);
	}
	at = v[0] && v[1] ? 0 : 2;
	if (!v[at] || !v[at + 1])
		return false;
	c->access = mem_strdup(v[at]);
	c->secret = mem_strdup(v[at + 1]);
	if (!at && token)
		c->token = mem_strdup(token);
	c->from = mem_strdup("the environment");
	return true;
}

/* file_read: 0 with the text in `b`, ERR_NOTFOUND silently, else an error. */
static int file_read(const char *path, struct buf *b, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	int code = 0;

	buf_init(b, FILE_MAX);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ERR_NOTFOUND : err_sys(err, errno, "read %s", path);
	do {
		if (buf_reserve(b, 4096)) {
			code = err_set(err, ERR_INVALID, "%s is too large to be a configuration file", path);
			break;
		}
		n = read(fd, b->p + b->len, 4096);
		if (n > 0)
			b->len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		code = err_sys(err, errno, "read %s", path);
	close(fd);
	if (!code && !buf_str(b))
		code = err_set(err, ERR_INVALID, "%s is too large to be a configuration file", path);
	return code;
}

/* A host with an optional scheme, port and path is the location's host; ports that are not said fit any. */
static bool same_host(const char *url, const char *host)
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
	return strcspn(s + n, "/") == strcspn(host + m, "/") && !strncmp(s + n, host + m, strcspn(s + n, "/"));
}

struct profile {
	const char *name;
	struct s3_cred cred;
	char *endpoint;
};

static void profile_pair(void *arg, const char *section, const char *key, const char *value)
{
	struct profile *p = arg;

	/* ~/.aws/config calls all but the default "profile x". */
	if (!strncmp(section, "profile ", 8))
		section += 8;
	if (strcmp(section, p->name) != 0)
		return;
	if (!strcasecmp(key, "aws_access_key_id"))
		replace(&p->cred.access, value);
	else if (!strcasecmp(key, "aws_secret_access_key"))
		replace(&p->cred.secret, value);
	else if (!strcasecmp(key, "aws_session_token"))
		replace(&p->cred.token, value);
	else if (!strcasecmp(key, "endpoint_url"))
		replace(&p->endpoint, value);
}

static int read_pairs(const char *path, void (*fn)(void *, const char *, const char *, const char *), void *arg, struct err *err)
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

static int from_aws(struct s3_cred *c, const struct s3_cred_where *w, struct err *err)
{
	const char *profile = env_get(w, "AWS_PROFILE");
	struct profile p = {.name = profile ? profile : "default"};
	char *keys = below(env_get(w, "AWS_SHARED_CREDENTIALS_FILE"), w->home, ".aws/credentials");
	char *config = below(env_get(w, "AWS_CONFIG_FILE"), w->home, ".aws/config");
	int code = 0;

	if (keys)
		code = read_pairs(keys, profile_pair, &p, err);
	/* The config file matters only where there are keys to judge; its own keys, which AWS allows there, count less. */
	if (!code && p.cred.access && p.cred.secret) {
		struct profile q = {.name = p.name};

		if (!p.endpoint && config)
			code = read_pairs(config, profile_pair, &q, err);
		if (!p.endpoint && q.endpoint) {
			p.endpoint = q.endpoint;
			q.endpoint = NULL;
		}
		s3_cred_release(&q.cred);
		secret_free(q.endpoint);
		if (!code && (!p.endpoint || same_host(p.endpoint, w->host))) {
			*c = p.cred;
			c->from = mem_printf("%s, profile %s", keys, p.name);
			p.cred = (struct s3_cred){0};
		}
	}
	s3_cred_release(&p.cred);
	secret_free(p.endpoint);
	mem_free(keys);
	mem_free(config);
	return code;
}

/* One section of rclone's file is collected and judged when the next one begins. */
struct rclone {
	const struct s3_cred_where *w;
	char *section, *type, *endpoint;
	struct s3_cred now, best;
	int best_rank;
};

/* How well a section's name fits: the project's own section, the one of the last login, any. */
static int section_rank(const struct rclone *r)
{
	const char *project = env_get(r->w, "OS_PROJECT_NAME");
	int rank = 1;

	if (!strcmp(r->section, "s3allas") || !strcmp(r->section, "lumi-o"))
		rank = 2;
	if (project) {
		char *allas = mem_printf("s3allas-%s", project), *lumi = mem_printf("lumi-%s-private", project);

		if (!strcmp(r->section, allas) || !strcmp(r->section, lumi))
			rank = 3;
		mem_free(allas);
		mem_free(lumi);
	}
	return rank;
}

static void section_end(struct rclone *r)
{
	bool fits = r->type && !strcasecmp(r->type, "s3") && r->endpoint && same_host(r->endpoint, r->w->host) && r->now.access &&
		    r->now.secret;

	if (fits && section_rank(r) > r->best_rank) {
		r->best_rank = section_rank(r);
		s3_cred_release(&r->best);
		r->best = r->now;
		r->best.from = mem_printf("rclone's section %s", r->section);
		r->now = (struct s3_cred){0};
	}
	s3_cred_release(&r->now);
	secret_free(r->section);
	secret_free(r->type);
	secret_free(r->endpoint);
	r->section = r->type = r->endpoint = NULL;
}

static void rclone_pair(void *arg, const char *section, const char *key, const char *value)
{
	struct rclone *r = arg;

	if (r->section && strcmp(r->section, section) != 0)
		section_end(r);
	if (!r->section)
		r->section = mem_strdup(section);
	if (!strcmp(key, "type"))
		replace(&r->type, value);
	else if (!strcmp(key, "endpoint"))
		replace(&r->endpoint, value);
	else if (!strcmp(key, "access_key_id"))
		replace(&r->now.access, value);
	else if (!strcmp(key, "secret_access_key"))
		replace(&r->now.secret, value);
	else if (!strcmp(key, "session_token"))
		replace(&r->now.token, value);
}

static int from_rclone(struct s3_cred *c, const struct s3_cred_where *w, struct err *err)
{
	const char *given = env_get(w, "RCLONE_CONFIG"), *xdg = env_get(w, "XDG_CONFIG_HOME");
	struct rclone r = {.w = w};
	char *path = !given && xdg ? mem_printf("%s/rclone/rclone.conf", xdg) : below(given, w->home, ".config/rclone/rclone.conf");
	int code = path ? read_pairs(path, rclone_pair, &r, err) : 0;

	section_end(&r);
	if (code)
		s3_cred_release(&r.best);
	else
		*c = r.best;
	mem_free(path);
	return code;
}

int s3_cred_find(struct s3_cred *c, const struct s3_cred_where *w, struct err *err)
{
	int code = 0;

	*c = (struct s3_cred){0};
	if (from_env(c, w))
		return 0;
	code = from_aws(c, w, err);
	if (!code && !c->access)
		code = from_rclone(c, w, err);
	if (!code && !c->access)
		code = err_set(err, ERR_DENIED,
			"no S3 keys for %s were found in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), ~/.aws/credentials or "
			"rclone's "
			"configuration; on CSC's machines \"allas-conf --mode S3\" (Allas) or \"allas-conf --lumi\" (LUMI-O) makes them",
			w->host);
	return code;
}
