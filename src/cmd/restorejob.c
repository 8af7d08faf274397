#include "cmd/restorejob.h"
#include "backend/location.h"
#include "base/mem.h"
#include "cmd/together.h"
#include <string.h>

/* Each command has its own. */
static enum restore_overwrite mode_of(const struct verb_def *v)
{
	if (!strcmp(v->name, "restore-overwrite"))
		return RESTORE_ALWAYS;
	return strcmp(v->name, "restore-newer") ? RESTORE_NEVER : RESTORE_IF_NEWER;
}

/* --overwrite in the place of the command's own mode. */
static int overwrite_mode(const struct opts *o, enum restore_overwrite *mode, struct err *err)
{
	static const char *const names[] = {[RESTORE_ALWAYS] = "always",
		[RESTORE_IF_CHANGED] = "if-changed",
		[RESTORE_IF_NEWER] = "if-newer",
		[RESTORE_NEVER] = "never"};
	const char *given = opt_str(o, OPT_OVERWRITE);

	if (!given)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(given, names[i])) {
			*mode = (enum restore_overwrite)i;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE,
		"--overwrite must be always, if-changed, if-newer or never, not \"%s\"", given);
}

static int xattr_list(const struct strlist *l, struct match **m, struct err *err)
{
	int rc = 0;

	if (!l->n)
		return 0;
	*m = match_new(false);
	for (size_t i = 0; i < l->n && !rc; i++)
		rc = match_add(*m, l->s[i], err);
	return rc;
}

/* What follows from the options alone: the same on all ranks. */
static int read_plain(struct restorejob *j, const struct session *s, struct err *err)
{
	const struct opts *o = s->opts;
	struct restore_options *p = &j->opt;
	int rc;

	p->overwrite = mode_of(o->verb);
	rc = overwrite_mode(o, &p->overwrite, err);
	p->target = opt_str(o, OPT_TARGET) ? opt_str(o, OPT_TARGET) : ".";
	p->sparse = opt_flag(o, OPT_SPARSE);
	p->delete = opt_flag(o, OPT_DELETE);
	p->dry_run = opt_flag(o, OPT_DRY_RUN);
	p->verify = opt_flag(o, OPT_VERIFY);
	p->ownership_by_name = opt_flag(o, OPT_OWNER_NAMES);
	p->verbose_items = opts_verbosity(o) >= 3;
	if (!rc)
		rc = xattr_list(&o->value[OPT_INCLUDE_XATTR], &j->include_xattr, err);
	if (!rc)
		rc = xattr_list(&o->value[OPT_EXCLUDE_XATTR], &j->exclude_xattr, err);
	p->include = j->include.given;
	p->n_include = j->include.n;
	p->exclude = j->exclude.given;
	p->n_exclude = j->exclude.n;
	p->include_xattr = j->include_xattr;
	p->exclude_xattr = j->exclude_xattr;
	return rc;
}

static int check(const struct restorejob *j, struct err *err)
{
	const struct restore_options *p = &j->opt;

	if (!*p->target)
		return err_set(err, ERR_USAGE, "--target is empty");
	if (p->n_include && p->n_exclude)
		return err_set(err, ERR_USAGE,
			"include and exclude patterns cannot be given together");
	if (p->include_xattr && !match_count(p->include_xattr))
		return err_set(err, ERR_USAGE,
			"--include-xattr is empty, so no attribute would be restored");
	if (p->include_xattr && p->exclude_xattr)
		return err_set(err, ERR_USAGE,
			"--include-xattr and --exclude-xattr cannot be given together");
	if (p->dry_run && p->verify)
		return err_set(err, ERR_USAGE, "--dry-run and --verify cannot be given together");
	return 0;
}

int restorejob_read(struct restorejob *j, struct session *s, struct err *err)
{
	const struct opts *o = s->opts;
	int rc;

	if (o->args.n != 1)
		return err_set(err, ERR_USAGE,
			o->args.n ? "one snapshot can be restored at a time; parts of it: "
				    "--include PATTERN or SNAPSHOT:DIR"
				  : "which snapshot? write: a_backup restore latest, or an id "
				    "from: a_backup list");
	if (opt_flag(o, OPT_DELETE) && !opt_str(o, OPT_TARGET))
		return err_set(err, ERR_USAGE,
			"--delete wants a target, which it is to clear of all that the snapshot "
			"does not have: --target DIR");
	rc = patterns_read(&j->include, o, true, s->cmd->env, err);
	if (!rc)
		rc = patterns_read(&j->exclude, o, false, s->cmd->env, err);
	if (!rc)
		rc = read_plain(j, s, err);
	return rc ? rc : check(j, err);
}

int restorejob_place(struct restorejob *j, const struct session *s, struct err *err)
{
	struct location place;
	int rc = location_parse(&place, s->open.place, err);

	if (rc)
		return rc;
	if (place.scheme == LOCATION_LOCAL)
		j->repository = mem_strdup(place.rest);
	j->opt.repository = j->repository;
	location_release(&place);
	return 0;
}

void restorejob_put(const struct restorejob *j, const struct session *s, struct buf *b)
{
	char *cwd = session_cwd(s);

	together_put(s, cwd ? cwd : "/", b);
	patterns_put(&j->include, b);
	patterns_put(&j->exclude, b);
	mem_free(cwd);
}

int restorejob_get(struct restorejob *j, struct session *s, struct wire_in *in, struct err *err)
{
	char *cwd = NULL;
	int rc = together_get(s, in, &cwd, err);

	if (!rc)
		rc = patterns_get(&j->include, s->opts, true, in, err);
	if (!rc)
		rc = patterns_get(&j->exclude, s->opts, false, in, err);
	if (!rc)
		rc = read_plain(j, s, err);
	if (!rc)
		rc = restorejob_place(j, s, err);
	/* It lies where rank 0 was started. */
	if (!rc && j->opt.target[0] != '/')
		j->opt.target = j->target = mem_printf("%s/%s", cwd, j->opt.target);
	mem_free(cwd);
	return rc;
}

void restorejob_release(struct restorejob *j)
{
	patterns_release(&j->include);
	patterns_release(&j->exclude);
	match_free(j->include_xattr);
	match_free(j->exclude_xattr);
	mem_free(j->repository);
	mem_free(j->target);
}
