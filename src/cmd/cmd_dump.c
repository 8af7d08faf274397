/* dump: one file's contents, or a directory as a tar archive, to standard output or a file (restic-format.md 13.10). */
#include "base/mem.h"
#include "base/path.h"
#include "cmd/dump_tar.h"
#include "cmd/session.h"
#include "engine/treewalk.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct dump {
	struct session *s;
	struct out *to;
	struct buf head;
	int rc;
	struct err *err;
};

static void put(struct dump *d, struct buf *b)
{
	out_result(d->to, b->p, b->len);
	buf_reset(b);
}

/* The contents of a file, whose size its header has promised. */
static int put_contents(struct dump *d, const struct node *n, struct err *err)
{
	struct buf plain;
	uint64_t sum = 0;
	int rc = 0;

	buf_init(&plain, (size_t)UINT32_MAX);
	for (size_t i = 0; i < n->n_content && !rc && !out_broken(d->to) && !session_stopped(d->s); i++) {
		rc = loader_blob_wait(d->s->loader, BLOB_DATA, &n->content[i], &plain, err);
		if (rc)
			break;
		sum += plain.len;
		put(d, &plain);
	}
	if (!rc && sum != n->size && !out_broken(d->to) && !session_stopped(d->s))
		rc = err_set(err, ERR_INVALID, "its contents have %llu bytes instead of %llu", (unsigned long long)sum,
			(unsigned long long)n->size);
	buf_release(&plain);
	return rc;
}

static enum treewalk_next tar_entry(void *arg, const struct treewalk_entry *e)
{
	struct dump *d = arg;

	if (session_stopped(d->s) || out_broken(d->to))
		return TREEWALK_STOP;
	if (!dump_tar_header(&d->head, e->node, e->path + 1, e->path_len - 1))
		return TREEWALK_GO;
	put(d, &d->head);
	if (e->node->type == NODE_FILE) {
		d->rc = put_contents(d, e->node, d->err);
		if (d->rc) {
			err_prefix(d->err, "%s", e->path);
			return TREEWALK_STOP;
		}
		dump_tar_pad(&d->head, e->node->size);
		put(d, &d->head);
	}
	return TREEWALK_GO;
}

static int put_tar(struct dump *d, const struct id *tree, const char *path, struct err *err)
{
	struct treewalk_fn fn = {.enter = tar_entry, .arg = d};
	int rc;

	if (out_terminal(d->to))
		return err_set(
			err, ERR_USAGE, "%s is a directory; its archive is not for a terminal: use -target FILE or a pipe to tar", path);
	d->err = err;
	rc = treewalk_run(d->s->loader, &d->s->env, tree, strcmp(path, "/") ? path : "", &fn, err);
	if (!rc)
		rc = d->rc;
	if (!rc) {
		dump_tar_end(&d->head);
		put(d, &d->head);
	}
	return rc;
}

static int put_path(struct dump *d, const struct id *root, const char *path, struct err *err)
{
	struct treewalk_node found = {0};
	int rc = treewalk_find(d->s->loader, root, path, &found, err);

	if (!rc && found.node.type == NODE_FILE) {
		rc = put_contents(d, &found.node, err);
		if (rc)
			err_prefix(err, "%s", path);
	} else if (!rc && found.node.type == NODE_DIR && found.node.has_subtree) {
		rc = put_tar(d, &found.node.subtree, path, err);
	} else if (!rc) {
		rc = err_set(err, ERR_USAGE, "%s is neither a file nor a directory, but a %s", path, node_type_name(found.node.type));
	}
	treewalk_node_release(&found);
	return rc;
}

/* The file as argument or by the wrapper's -file. */
static int wanted_path(const struct opts *o, char **path, struct err *err)
{
	const char *file = opt_str(o, OPT_FILE);
	char *rooted;

	if (!o->args.n || o->args.n > 2 || (o->args.n == 2) == (file != NULL))
		return err_set(err, ERR_USAGE, "write: a_backup dump SNAPSHOT FILE, for instance: a_backup dump latest /scratch/data/file");
	rooted = mem_printf("/%s", file ? file : o->args.s[1]);
	*path = path_clean(rooted);
	mem_free(rooted);
	return 0;
}

static int open_target(struct dump *d, const char *target, int *fd, struct err *err)
{
	*fd = -1;
	if (!target) {
		d->to = d->s->cmd->out;
		return 0;
	}
	*fd = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (*fd < 0)
		return err_sys(err, errno, "%s", target);
	d->to = out_new(*fd, STDERR_FILENO);
	return 0;
}

static int close_target(struct dump *d, int fd, int rc, struct err *err)
{
	struct err e = {0};
	int late;

	if (fd < 0)
		return rc;
	late = out_flush(d->to, &e);
	out_free(d->to);
	if (close(fd) && !late)
		late = err_sys(&e, errno, "close the target");
	if (!rc && late)
		rc = err_copy(err, &e);
	return rc;
}

int cmd_dump(struct session *s, struct err *err)
{
	struct dump d = {.s = s};
	const struct snapshot *snap;
	char *sub = NULL, *path = NULL;
	struct id tree;
	int fd = -1, rc;

	buf_init(&d.head, SIZE_MAX / 2);
	rc = wanted_path(s->opts, &path, err);
	if (!rc)
		rc = session_open(s, SESSION_SHARED, err);
	if (!rc)
		rc = session_pick(s, s->opts->args.s[0], &snap, &sub, &tree, err);
	if (!rc)
		rc = open_target(&d, opt_str(s->opts, OPT_TARGET), &fd, err);
	if (!rc) {
		rc = put_path(&d, &tree, path, err);
		rc = close_target(&d, fd, rc, err);
	}
	mem_free(sub);
	mem_free(path);
	buf_release(&d.head);
	return rc;
}
