/* init: a new repository, if wanted with the chunker parameters of another one, so that both cut
 * files alike. */
#include "backend/location.h"
#include "base/mem.h"
#include "cmd/session.h"
#include <string.h>

static int read_version(const char *s, unsigned *version, struct err *err)
{
	*version = 2;
	if (!s || !strcmp(s, "stable") || !strcmp(s, "latest") || !strcmp(s, "2"))
		return 0;
	if (strcmp(s, "1") != 0)
		return err_set(err, ERR_USAGE,
			"--repository-version must be 1, 2, stable or latest, not \"%s\"", s);
	*version = 1;
	return 0;
}

static int from_password(void *arg, const struct err *wrong, struct buf *out, struct err *err)
{
	return wrong ? err_copy(err, wrong) : session_password(arg, true, false, out, err);
}

/* The polynomial of the --from-repo repository. */
static int polynomial_from(struct session *s, uint64_t *polynomial, struct err *err)
{
	struct opening_options opt = {.key_hint = opt_str(s->opts, OPT_FROM_KEY_HINT),
		.calls = {.password = from_password, .arg = s}};
	struct opening other;
	char *place;
	int rc = session_place(s, true, &place, err);

	if (rc)
		return rc;
	opt.place = place;
	session_store_options(s, &opt.store);
	opening_init(&other, &opt, &s->env);
	rc = opening_store(&other, err);
	if (!rc)
		rc = opening_key(&other, err);
	if (!rc)
		*polynomial = other.repo->config.polynomial;
	else
		err_prefix(err, "the repository to copy chunker parameters from");
	opening_close(&other);
	mem_free(place);
	return rc;
}

static bool given(const struct opts *o, enum opt_id id)
{
	return opt_str(o, id) && *opt_str(o, id);
}

int cmd_init(struct session *s, struct err *err)
{
	uint64_t polynomial = 0;
	struct err none = {0};
	unsigned version;
	int rc = read_version(opt_str(s->opts, OPT_REPO_VERSION), &version, err);

	if (!rc && s->opts->args.n)
		rc = err_set(err, ERR_USAGE, "init takes no arguments; the place is named by -r");
	if (!rc && !opt_flag(s->opts, OPT_COPY_CHUNKER) &&
		(given(s->opts, OPT_FROM_REPO) || given(s->opts, OPT_FROM_REPO_FILE)))
		rc = err_set(err, ERR_USAGE,
			"--from-repo is for --copy-chunker-params: without it files are cut "
			"otherwise than there");
	if (!rc)
		rc = session_store(s, err);
	/* Before a password is asked for. */
	if (!rc) {
		int found = opening_probe(&s->open, &none);

		if (!found)
			rc = err_set(err, ERR_EXISTS, "there is a repository already");
		else if (found != ERR_NOREPO)
			rc = err_copy(err, &none);
		if (rc) {
			char *place = location_text(s->open.place);

			err_prefix(err, "create a repository at %s", place);
			mem_free(place);
		}
	}
	if (!rc && opt_flag(s->opts, OPT_COPY_CHUNKER))
		rc = polynomial_from(s, &polynomial, err);
	return rc ? rc : session_create(s, version, polynomial, err);
}
