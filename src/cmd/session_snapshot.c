/* Choosing snapshots and directories in them, for struct session. */
#include "base/mem.h"
#include "base/path.h"
#include "cmd/session.h"
#include "engine/treewalk.h"
#include "ranks/catalog_ranks.h"
#include "repo/catalog_local.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void cannot_read(void *arg, const struct id *id, const struct err *e)
{
	struct session *s = arg;

	out_warn(s->cmd->out, "warning: snapshot %s is left out: %s", id_hex(id).s, e->msg);
}

int session_snapshots(struct session *s, struct err *err)
{
	return s->snaps.n || s->snaps.n_bad
		       ? 0
		       : snapshots_load(s->open.repo, &s->snaps, cannot_read, s, err);
}

/* catalog: taken */
static int load_index(struct session *s, struct catalog *catalog, struct err *err)
{
	int rc;

	s->catalog = catalog;
	rc = catalog_load(s->catalog, s->open.repo, NULL, NULL, err);
	if (rc)
		return rc;
	s->loader = loader_new(s->open.repo, s->catalog, s->set.cache);
	s->reader = reader_new(s->open.repo, s->catalog, 0);
	return 0;
}

int session_index(struct session *s, struct err *err)
{
	return s->catalog ? 0 : load_index(s, catalog_local_new(NULL), err);
}

int session_index_share(struct session *s, struct err *err)
{
	return load_index(s, catalog_ranks_new(s->router, NULL), err);
}

static void add_given(struct strlist *to, const struct strlist *from)
{
	for (size_t i = 0; i < from->n; i++)
		strlist_add(to, from->s[i]);
}

char *session_cwd(const struct session *s)
{
	const char *pwd = s->cmd->env("PWD");
	struct stat here, there;
	char *got, *cwd;

	if (pwd && pwd[0] == '/' && !stat(pwd, &there) && !stat(".", &here) &&
		here.st_dev == there.st_dev && here.st_ino == there.st_ino)
		return mem_strdup(pwd);
	got = getcwd(NULL, 0);
	cwd = got && *got == '/' ? mem_strdup(got) : NULL;
	free(got);
	return cwd;
}

void session_filter(const struct session *s, bool absolute, struct snapshots_filter *f)
{
	const struct strlist *hosts = &s->opts->value[OPT_HOST], *paths = &s->opts->value[OPT_PATH];
	char *cwd = absolute ? session_cwd(s) : NULL;

	*f = (struct snapshots_filter){0};
	/* --host "" takes a filter from the environment away. */
	for (size_t i = 0; i < hosts->n; i++) {
		if (hosts->s[i][0])
			strlist_add(&f->hosts, hosts->s[i]);
	}
	add_given(&f->tags, &s->opts->value[OPT_TAG]);
	for (size_t i = 0; i < paths->n; i++) {
		char *path = cwd ? path_abs(cwd, paths->s[i]) : mem_strdup(paths->s[i]);

		strlist_add(&f->paths, path);
		mem_free(path);
	}
	mem_free(cwd);
}

int session_filter_alone(const struct session *s, const struct strlist *ids, struct err *err)
{
	static const enum opt_id filters[] = {OPT_HOST, OPT_TAG, OPT_PATH};
	static const char *const names[] = {"--host", "--tag", "--path"};
	const struct opts *o = s->opts;

	for (size_t k = 0; k < 3; k++) {
		bool typed = o->value[filters[k]].n && !o->from_env[filters[k]] &&
			     !(filters[k] == OPT_HOST && !*opt_str(o, OPT_HOST));

		for (size_t i = 0; i < ids->n && typed; i++) {
			if (!snapshots_is_latest(ids->s[i]))
				return err_set(err, ERR_USAGE,
					"%s chooses among snapshots, but %s is named by its id: "
					"leave one of the two out",
					names[k], ids->s[i]);
		}
	}
	return 0;
}

static int subtree(struct session *s, const struct id *root, const char *sub, struct id *tree,
	struct err *err)
{
	struct treewalk_node node = {0};
	int rc = treewalk_find(s->loader, root, sub, &node, err);

	if (!rc && (node.node.type != NODE_DIR || !node.node.has_subtree))
		rc = err_set(err, ERR_USAGE, "%s is no directory in the snapshot", sub);
	if (!rc)
		*tree = node.node.subtree;
	treewalk_node_release(&node);
	return rc;
}

int session_pick(struct session *s, const char *arg, const struct snapshot **snap, char **sub,
	struct err *err)
{
	struct snapshots_filter f;
	int rc = session_snapshots(s, err);

	*sub = NULL;
	session_filter(s, true, &f);
	if (!rc)
		rc = snapshots_pick(&s->snaps, arg, &f, snap, sub, err);
	snapshots_filter_release(&f);
	return rc;
}

int session_tree(struct session *s, const struct snapshot *snap, const char *sub, struct id *tree,
	struct err *err)
{
	*tree = snap->tree;
	return sub ? subtree(s, &snap->tree, sub, tree, err) : 0;
}

int session_snapshot(struct session *s, const char *arg, const struct snapshot **snap, char **sub,
	struct id *tree, struct err *err)
{
	int rc = session_pick(s, arg, snap, sub, err);

	if (!rc)
		rc = session_index(s, err);
	return rc ? rc : session_tree(s, *snap, *sub, tree, err);
}
