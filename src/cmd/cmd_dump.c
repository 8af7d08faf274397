/* dump: one file's contents, or a directory as a tar archive, to standard output or a file
 * (docs/format.md 13.10). */
#include "base/mem.h"
#include "base/path.h"
#include "cmd/dump_tar.h"
#include "cmd/session.h"
#include "engine/linkset.h"
#include "engine/stream.h"
#include "engine/treewalk.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct dump {
	struct session *s;
	struct out *to;     /* NULL: the target is not open yet */
	const char *target; /* NULL: standard output */
	int fd;             /* of the target; -1: not open */
	struct err unopened;
	struct linkset *links;
	struct stream *stream;
	struct buf head;
	bool unread; /* something could not be read, and was named */
	int rc;
	struct err *err;
};

static bool halted(const struct dump *d)
{
	return (d->to && out_broken(d->to)) || session_stopped(d->s);
}

/* Only when there is something to write: what the target holds must not be lost for a path that is
 * not in the snapshot. */
static bool open_target(struct dump *d)
{
	if (d->to)
		return true;
	d->fd = open(d->target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (d->fd < 0) {
		err_sys(&d->unopened, errno, "%s", d->target);
		return false;
	}
	d->to = out_new(d->fd, STDERR_FILENO);
	return true;
}

static bool write_out(void *arg, const void *p, size_t n)
{
	struct dump *d = arg;

	if (!open_target(d))
		return false;
	out_result(d->to, p, n);
	return !halted(d);
}

static enum treewalk_next tar_entry(void *arg, const struct treewalk_entry *e)
{
	struct dump *d = arg;
	const struct node *n = e->node;
	const struct linkset_first *first = NULL;
	bool is_first = true;

	if (n->type == NODE_FILE && linkset_may(n))
		first = linkset_add(d->links, n, e->path + 1, &is_first);
	if (!dump_tar_header(&d->head, n, e->path + 1, e->path_len - 1,
		    is_first ? NULL : first->path))
		return TREEWALK_GO;
	d->rc = stream_bytes(d->stream, &d->head, d->err);
	if (!d->rc && n->type == NODE_FILE && is_first) {
		d->rc = stream_file(d->stream, n, e->path, d->err);
		dump_tar_pad(&d->head, n->size);
		if (!d->rc)
			d->rc = stream_bytes(d->stream, &d->head, d->err);
	}
	return d->rc ? TREEWALK_STOP : TREEWALK_GO;
}

/* The archive holds the rest. */
static enum treewalk_next tar_failed(void *arg, const char *path, const struct err *e)
{
	struct dump *d = arg;

	out_item_error(d->s->cmd->out, "dump", path, e->msg);
	d->unread = true;
	return TREEWALK_GO;
}

static int put_tar(struct dump *d, const struct id *tree, const char *path, struct err *err)
{
	struct treewalk_fn fn = {.enter = tar_entry, .failed = tar_failed, .arg = d};
	int rc;

	if (d->to && out_terminal(d->to))
		return err_set(err, ERR_USAGE,
			"%s is a directory; its archive is not for a terminal: use -target FILE or "
			"a pipe to tar",
			path);
	d->err = err;
	rc = treewalk_run(d->s->loader, &d->s->env, tree, strcmp(path, "/") ? path : "", &fn, err);
	if (!rc)
		rc = d->rc;
	if (!rc) {
		dump_tar_end(&d->head);
		rc = stream_bytes(d->stream, &d->head, err);
	}
	return rc;
}

static int put_path(struct dump *d, const struct id *root, const char *path, struct err *err)
{
	struct treewalk_node found = {0};
	int rc = treewalk_find(d->s->loader, root, path, &found, err);

	if (!rc && found.node.type == NODE_FILE) {
		rc = stream_file(d->stream, &found.node, path, err);
	} else if (!rc && found.node.type == NODE_DIR && found.node.has_subtree) {
		rc = put_tar(d, &found.node.subtree, path, err);
	} else if (!rc) {
		rc = err_set(err, ERR_USAGE, "%s is neither a file nor a directory, but a %s", path,
			node_type_name(found.node.type));
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
		return err_set(err, ERR_USAGE,
			"write: a_backup dump SNAPSHOT FILE, for instance: a_backup dump latest "
			"/scratch/data/file");
	rooted = mem_printf("/%s", file ? file : o->args.s[1]);
	*path = path_clean(rooted);
	mem_free(rooted);
	return 0;
}

static int close_target(struct dump *d, int rc, struct err *err)
{
	struct err e = {0};
	int late;

	if (!rc && !halted(d) && !open_target(d)) /* an empty file */
		rc = ERR_CANCELLED;
	if (d->unopened.code)
		return err_copy(err, &d->unopened);
	if (d->fd < 0)
		return rc;
	late = out_flush(d->to, &e);
	out_free(d->to);
	if (close(d->fd) && !late)
		late = err_sys(&e, errno, "close the target");
	if (!rc && late)
		rc = err_copy(err, &e);
	return rc;
}

int cmd_dump(struct session *s, struct err *err)
{
	struct dump d = {.s = s, .fd = -1};
	const struct snapshot *snap;
	char *sub = NULL, *path = NULL;
	struct id tree;
	int rc;

	buf_init(&d.head, SIZE_MAX / 2);
	rc = wanted_path(s->opts, &path, err);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = session_snapshot(s, s->opts->args.s[0], &snap, &sub, &tree, err);
	if (!rc) {
		unsigned connections = s->open.be->connections;

		d.target = opt_str(s->opts, OPT_TARGET);
		d.to = d.target ? NULL : s->cmd->out;
		d.links = linkset_new();
		d.stream = stream_new(s->reader, s->env.loop, connections < 4 ? 8 : 2 * connections,
			write_out, &d);
		rc = put_path(&d, &tree, path, err);
		if (!rc)
			rc = stream_end(d.stream, err);
		stream_free(d.stream);
		linkset_free(d.links);
		if (rc == ERR_CANCELLED && halted(&d) && !d.unopened.code)
			rc = 0;
		rc = close_target(&d, rc, err);
		if (!rc && d.unread)
			rc = CMD_ERROR;
	}
	mem_free(sub);
	mem_free(path);
	buf_release(&d.head);
	return rc;
}
