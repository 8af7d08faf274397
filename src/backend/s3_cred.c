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

/* take: the keys of `from`, which become the caller's; `text` too. */
static void take(struct s3_cred *c, struct s3_conf *from, char *text)
{
	s3_cred_release(c);
	*c = (struct s3_cred){.access = from->access, .secret = from->secret, .token = from->token, .from = text};
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
		char *allas = mem_printf("s3allas-%s", s->project), *lumi = mem_printf("lumi-%s-private", s->project);

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

int s3_cred_find(struct s3_cred *c, const struct s3_cred_where *w, struct err *err)
{
	struct search s = {.w = w, .project = w->project ? w->project : s3_conf_getenv(&w->conf, "OS_PROJECT_NAME")};
	struct s3_conf conf;
	int code = 0;

	*c = (struct s3_cred){0};
	if (s3_conf_env(&w->conf, &conf))
		take(c, &conf, mem_strdup("the environment"));
	s3_conf_release(&conf);
	if (c->access)
		return 0;
	code = s3_conf_rclone(&w->conf, judge_section, &s, err);
	if (!code && s.best_rank < OWN_SECTION) {
		code = s3_conf_aws(&w->conf, &conf, err);
		if (!code && conf.access && (!conf.endpoint || s3_conf_same_host(conf.endpoint, w->host)))
			take(&s.best, &conf, mem_printf("~/.aws, profile %s", conf.name));
		s3_conf_release(&conf);
	}
	if (code)
		s3_cred_release(&s.best);
	*c = s.best;
	if (!code && !c->access)
		code = err_set(err, ERR_DENIED,
			"no S3 keys for %s were found in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), ~/.aws/credentials or "
			"rclone's "
			"configuration; on CSC's machines \"allas-conf --mode S3\" (Allas) or \"allas-conf --lumi\" (LUMI-O) makes them",
			w->host);
	return code;
}
