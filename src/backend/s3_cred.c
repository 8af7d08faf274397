#include "backend/s3_cred.h"
#include "base/mem.h"
#include <string.h>

#define OWN_SECTION 3 /* the rank of a section that is named after the project */

void s3_cred_release(struct s3_cred *c)
{
	if (!c)
		return;
	mem_free_secret(c->access);
	mem_free_secret(c->secret);
	mem_free_secret(c->token);
	mem_free(c->from);
	*c = (struct s3_cred){0};
}

static char *copy_of(const char *s)
{
	return s ? mem_strdup(s) : NULL;
}

struct s3_cred s3_cred_copy(const struct s3_cred *c)
{
	return (struct s3_cred){copy_of(c->access), copy_of(c->secret), copy_of(c->token),
		copy_of(c->from)};
}

/* take: the keys of `from`, which become the caller's; `text` too. */
static void take(struct s3_cred *c, struct s3_conf *from, char *text)
{
	s3_cred_release(c);
	*c = (struct s3_cred){.access = from->access,
		.secret = from->secret,
		.token = from->token,
		.from = text};
	from->access = from->secret = from->token = NULL;
}

struct search {
	const struct s3_cred_where *w;
	const char *project;
	struct s3_cred best;
	int best_rank;
};

/* How well a section's name fits: the project's own section, the one of the last login, any. */
static int section_rank(const struct search *s, const char *name)
{
	int rank = 1;

	if (!strcmp(name, "s3allas") || !strcmp(name, "lumi-o"))
		rank = 2;
	if (s->project) {
		char *allas = mem_printf("s3allas-%s", s->project),
		     *lumi = mem_printf("lumi-%s-private", s->project);

		if (!strcmp(name, allas) || !strcmp(name, lumi))
			rank = OWN_SECTION;
		mem_free(allas);
		mem_free(lumi);
	}
	return rank;
}

static void judge_section(void *arg, struct s3_conf *c)
{
	struct search *s = arg;
	int rank = section_rank(s, c->name);

	if (rank <= s->best_rank || !s3_conf_same_host(c->endpoint, s->w->host))
		return;
	s->best_rank = rank;
	take(&s->best, c, mem_printf("rclone's section %s", c->name));
}

/* A variable that asks for the keys of a role; NULL: none. */
static const char *role(const struct s3_cred_where *w, bool has_keys)
{
	static const char *const names[] = {"RESTIC_AWS_ASSUME_ROLE_ARN", "AWS_ROLE_ARN",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI"};

	/* As for AWS's own programs and restic, keys in the environment come before all but the
	 * first. */
	for (size_t i = 0; i < (has_keys ? 1 : sizeof(names) / sizeof(names[0])); i++) {
		if (s3_conf_getenv(&w->conf, names[i]))
			return names[i];
	}
	return NULL;
}

static int refuse_role(const char *name, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
		"%s asks for the keys of a role, which this program cannot get; get them with "
		"\"aws sts assume-role\", put them into "
		"AWS_ACCESS_KEY_ID, "
		"AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and unset %s",
		name, name);
}

int s3_cred_find(struct s3_cred *c, const struct s3_cred_where *w, struct err *err)
{
	struct search s = {.w = w,
		.project = w->project ? w->project : s3_conf_getenv(&w->conf, "OS_PROJECT_NAME")};
	const char *asks;
	struct s3_conf conf;
	int code = 0;

	*c = (struct s3_cred){0};
	if (s3_conf_env(&w->conf, &conf))
		take(c, &conf, mem_strdup("the environment"));
	s3_conf_release(&conf);
	asks = role(w, c->access != NULL);
	if (asks) {
		s3_cred_release(c);
		return refuse_role(asks, err);
	}
	if (c->access)
		return 0;
	code = s3_conf_rclone(&w->conf, judge_section, &s, err);
	if (!code && s.best_rank < OWN_SECTION) {
		code = s3_conf_aws(&w->conf, &conf, err);
		if (!code && conf.access &&
			(!conf.endpoint || s3_conf_same_host(conf.endpoint, w->host)))
			take(&s.best, &conf, mem_printf("~/.aws, profile %s", conf.name));
		s3_conf_release(&conf);
	}
	if (code)
		s3_cred_release(&s.best);
	*c = s.best;
	if (!code && !c->access)
		code = err_set(err, ERR_DENIED,
			"no S3 keys for %s were found in the environment (AWS_ACCESS_KEY_ID, "
			"AWS_SECRET_ACCESS_KEY), ~/.aws/credentials or "
			"rclone's "
			"configuration; on CSC's machines \"allas-conf --mode S3\" (Allas) or "
			"\"allas-conf --lumi\" (LUMI-O) makes them",
			w->host);
	return code;
}
