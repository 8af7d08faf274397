#include "cmd/addjob.h"
#include "base/mem.h"
#include "cmd/group.h"
#include "cmd/timearg.h"
#include "cmd/together.h"
#include "format/node.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHEDIR_TAG "CACHEDIR.TAG:Signature: 8a477f597d28d172789f06886806bc55"

static void marker_add(struct addjob *j, const char *s)
{
	const char *colon = strchr(s, ':');
	struct backup_marker m = {.name = mem_strndup(s, colon ? (size_t)(colon - s) : strlen(s)),
		.header = colon ? mem_strdup(colon + 1) : NULL};

	j->marker = mem_regrow(j->marker, j->markers + 1, sizeof(*j->marker));
	j->marker[j->markers++] = m;
}

/* What follows from the options alone: the same on all ranks. */
static int read_plain(struct addjob *j, const struct session *s, struct err *err)
{
	const struct opts *o = s->opts;
	const struct strlist *present = &o->value[OPT_EXCLUDE_IF_PRESENT];
	struct backup_options *p = &j->opt;
	const char *limit = opt_str(o, OPT_EXCLUDE_LARGER);
	unsigned long long larger = 0;

	for (size_t i = 0; i < present->n; i++) {
		if (!present->s[i][0] || present->s[i][0] == ':')
			return err_set(err, ERR_USAGE,
				"--exclude-if-present needs the name of a file");
		marker_add(j, present->s[i]);
	}
	if (opt_flag(o, OPT_EXCLUDE_CACHES))
		marker_add(j, CACHEDIR_TAG);
	p->larger_than_given = limit && *limit;
	if (p->larger_than_given && match_size(limit, &larger, err))
		return err_prefix(err, "--exclude-larger-than");
	if (opt_str(o, OPT_MAX_OBJECTS) &&
		timearg_count(opt_str(o, OPT_MAX_OBJECTS), "--max-objects", 0, INT64_MAX,
			&p->objects_max, err))
		return ERR_USAGE;
	p->objects_max_given = opt_str(o, OPT_MAX_OBJECTS) != NULL;
	p->larger_than = larger;
	p->cwd = j->cwd;
	p->marker = j->marker;
	p->n_marker = j->markers;
	p->exclude = j->exclude.given;
	p->n_exclude = j->exclude.n;
	p->one_file_system = opt_flag(o, OPT_ONE_FS);
	p->with_atime = opt_flag(o, OPT_WITH_ATIME);
	p->dry_run = opt_flag(o, OPT_DRY_RUN);
	p->skip_if_unchanged = opt_flag(o, OPT_SKIP_UNCHANGED);
	p->force = opt_flag(o, OPT_FORCE);
	p->verbose_items = opts_verbosity(o) >= (opt_flag(o, OPT_JSON) ? 2 : 3);
	if (opt_flag(o, OPT_IGNORE_CTIME))
		p->unchanged_flags |= NODE_IGNORE_CTIME;
	if (opt_flag(o, OPT_IGNORE_INODE))
		p->unchanged_flags |= NODE_IGNORE_INODE | NODE_IGNORE_CTIME;
	p->pack_size = s->set.pack_size;
	return 0;
}

struct lister {
	struct addjob *j;
	struct session *s;
};

static void lister_add(void *arg, const char *name)
{
	strlist_add(&((struct lister *)arg)->j->opt.targets, name);
}

static void lister_warn(void *arg, const char *msg)
{
	out_warn(((struct lister *)arg)->s->cmd->out, "warning: %s", msg);
}

static void target_missing(void *arg, const char *target, const struct err *e)
{
	struct lister *l = arg;

	l->j->missing++;
	if (e->code == ERR_NOTFOUND)
		out_item_error(l->s->cmd->out, "scan", target, "does not exist, skipping");
	else
		out_item_error(l->s->cmd->out, "scan", target, e->msg);
}

int addjob_word(const struct opts *o, struct err *err)
{
	struct stat st;

	if (o->verb_given || !o->args.n || !lstat(o->args.s[0], &st))
		return 0;
	return err_set(err, ERR_USAGE,
		"\"%s\" is neither a command nor a file; commands: a_backup --help", o->args.s[0]);
}

static int read_targets(struct addjob *j, struct session *s, struct err *err)
{
	static const struct {
		enum opt_id id;
		enum match_list kind;
	} lists[] = {{OPT_FILES_FROM, MATCH_LINES_GLOB}, {OPT_FILES_VERBATIM, MATCH_LINES_VERBATIM},
		{OPT_FILES_RAW, MATCH_NUL}};
	const struct opts *o = s->opts;
	struct lister l = {j, s};
	int rc = addjob_word(o, err);

	for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
		for (size_t i = 0; i < o->value[lists[k].id].n && !rc; i++)
			rc = match_read_list(o->value[lists[k].id].s[i], lists[k].kind, lister_add,
				&l, lister_warn, err);
	}
	for (size_t i = 0; i < o->args.n && !rc; i++)
		rc = o->args.s[i][0] ? 0 : err_set(err, ERR_USAGE, "a file's name cannot be empty");
	if (rc)
		return rc;
	for (size_t i = 0; i < o->args.n; i++)
		strlist_add(&j->opt.targets, o->args.s[i]);
	if (!j->opt.targets.n)
		return err_set(err, ERR_USAGE, "nothing to back up; write: a_backup add FILE...");
	if (!backup_targets(&j->opt.targets, target_missing, &l))
		return err_set(err, ERR_USAGE, "nothing to back up: none of what was named exists");
	return 0;
}

static void split_tags(struct strlist *to, const struct strlist *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const char *list = from->s[i], *tag;
		size_t n;

		while (snapshots_next_tag(&list, &tag, &n)) {
			if (n)
				strlist_addn(to, tag, n);
		}
	}
}

/* Nodes of a cluster have names of their own, but a backup from any of them is to find the parent
 * of the last one. */
static const char *stored_host(const struct session *s)
{
	const char *given = opt_str(s->opts, OPT_HOST),
		   *cluster = s->cmd->env("SLURM_CLUSTER_NAME");

	if (given && *given)
		return given;
	return s->cmd->env("SLURM_JOB_ID") && cluster && *cluster ? cluster : s->hostname;
}

static int read_head(struct addjob *j, const struct session *s, struct err *err)
{
	const struct opts *o = s->opts;
	struct snapshot *h = &j->opt.head;
	const char *time = opt_str(o, OPT_TIME);

	h->time = j->opt.start;
	if (time && *time && strcmp(time, "now") != 0) {
		int rc = timearg_parse(time, s->zone, &h->time, err);

		if (rc)
			return err_prefix(err, "--time");
	}
	h->hostname = mem_strdup(stored_host(s));
	h->username = mem_strdup(s->username);
	h->uid = getuid();
	h->gid = getgid();
	h->program_version = mem_strdup("a_backup " CMD_VERSION);
	split_tags(&h->tags, &o->value[OPT_TAG]);
	if (strlist_has(&h->tags, SNAPSHOTS_PARTIAL))
		return err_set(err, ERR_USAGE,
			"the tag " SNAPSHOTS_PARTIAL
			" is for snapshots of runs that had to end; take another one");
	for (size_t i = 0; i < o->value[OPT_EXCLUDE].n; i++)
		strlist_add(&h->excludes, o->value[OPT_EXCLUDE].s[i]);
	backup_paths(&j->opt.targets, j->cwd, &h->paths);
	return 0;
}

/* What is relative was found in a directory that has no name any more. */
static int all_absolute(const struct strlist *targets, struct err *err)
{
	for (size_t i = 0; i < targets->n; i++)
		if (targets->s[i][0] != '/')
			return err_set(err, ERR_IO,
				"%.900s cannot be looked up: the working directory was removed or "
				"unmounted; go to another one, or name everything from / on",
				targets->s[i]);
	return 0;
}

int addjob_read(struct addjob *j, struct session *s, struct err *err)
{
	int rc = session_settings(s, err);
	char *cwd = session_cwd(s);

	j->opt.start = clock_now(s->env.clock);
	j->cwd = cwd ? cwd : mem_strdup("/");
	if (!rc)
		rc = patterns_read(&j->exclude, s->opts, false, s->cmd->env, err);
	if (!rc)
		rc = read_plain(j, s, err);
	if (!rc)
		rc = read_targets(j, s, err);
	if (!rc && !cwd)
		rc = all_absolute(&j->opt.targets, err);
	if (!rc)
		rc = read_head(j, s, err);
	return rc;
}

void addjob_tag(struct addjob *j, const struct session *s)
{
	const char *user = s->cmd->env("USER");

	if (s->allas.used && !j->opt.head.tags.n)
		strlist_add(&j->opt.head.tags, user && *user ? user : s->username);
}

/* The last complete one. */
static void find_parent(struct addjob *j, const struct session *s, const char *keys, unsigned by)
{
	const struct snapshot *h = &j->opt.head;

	j->opt.parent = snapshots_parent(&s->snaps, &h->time, by, h->hostname, &h->paths, &h->tags);
	if (!j->opt.parent && s->allas.used && !keys && !opt_str(s->opts, OPT_HOST))
		j->opt.parent = snapshots_parent(&s->snaps, &h->time, SNAPSHOTS_BY_PATHS,
			h->hostname, &h->paths, &h->tags);
	j->opt.partials = snapshots_continued(&s->snaps, h, j->opt.parent, j->opt.partial,
		PARENTS_MAX - 1);
}

int addjob_parent(struct addjob *j, struct session *s, struct err *err)
{
	const char *keys = opt_str(s->opts, OPT_GROUP_BY), *id = opt_str(s->opts, OPT_PARENT);
	struct snapshots_filter any = {.readable = true};
	unsigned by = SNAPSHOTS_BY_HOST | SNAPSHOTS_BY_PATHS;
	int rc = keys ? group_parse(keys, &by, err) : 0;

	if (rc || j->opt.force)
		return rc;
	if (!id || !*id) {
		find_parent(j, s, keys, by);
		return 0;
	}
	rc = snapshots_pick_whole(&s->snaps, id, &any, &j->opt.parent, err);
	return rc ? err_prefix(err, "--parent") : 0;
}

void addjob_release(struct addjob *j)
{
	patterns_release(&j->exclude);
	for (size_t i = 0; i < j->markers; i++) {
		mem_free(j->marker[i].name);
		mem_free(j->marker[i].header);
	}
	mem_free(j->marker);
	mem_free(j->cwd);
	strlist_release(&j->opt.targets);
	snapshot_release(&j->opt.head);
}

void addjob_put(const struct addjob *j, const struct session *s, struct buf *b)
{
	together_put(s, j->cwd, b);
	patterns_put(&j->exclude, b);
}

int addjob_get(struct addjob *j, struct session *s, struct wire_in *in, struct err *err)
{
	int rc = together_get(s, in, &j->cwd, err);

	if (!rc)
		rc = patterns_get(&j->exclude, s->opts, false, in, err);
	if (!rc)
		rc = read_plain(j, s, err);
	return rc;
}
