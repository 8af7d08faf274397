/* repair packs: what can still be read of damaged packs; copies of them are kept
 * (docs/format.md 13.12). */
#include "base/fd.h"
#include "base/mem.h"
#include "base/readall.h"
#include "cmd/human.h"
#include "cmd/repair.h"
#include "engine/repair_packs.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct copies {
	struct session *s;
	struct id *pack;
	size_t n;
	uint64_t bytes;
	const char *dir;
	int fd;
};

static int read_packs(struct copies *c, struct err *err)
{
	const struct strlist *args = &c->s->opts->args;
	int rc = 0;

	c->pack = mem_array(args->n + 1, sizeof(*c->pack));
	for (size_t i = 0; i < args->n && !rc; i++) {
		struct id id;
		bool twice = false;

		rc = repo_prefix(c->s->open.repo, BACKEND_PACK, args->s[i], &id, err);
		for (size_t k = 0; k < c->n; k++)
			twice = twice || id_equal(&c->pack[k], &id);
		if (!rc && !twice)
			c->pack[c->n++] = id;
	}
	return rc == ERR_NOTFOUND ? err_set(err, rc,
					    "there is no pack %s; what an index says of a pack "
					    "that is gone is mended by: a_backup repair index",
					    args->s[c->n])
				  : rc;
}

/* Before anything is done: all copies, or none. */
static int check_room(struct copies *c, struct err *err)
{
	struct statvfs v;
	uint64_t room, size;
	int rc = 0;

	for (size_t i = 0; i < c->n && !rc; i++) {
		rc = backend_stat(c->s->open.be, BACKEND_PACK, &c->pack[i], &size, err);
		c->bytes += rc ? 0 : size;
	}
	if (rc)
		return rc;
	c->fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->fd < 0 || fstatvfs(c->fd, &v))
		return err_sys(err, errno, "the directory for copies, %s", c->dir);
	room = (uint64_t)v.f_bavail * v.f_frsize;
	if (room >= c->bytes)
		return 0;
	return err_set(err, ERR_NOSPACE,
		"copies of these packs take %s, and there is room for %s in %s: name another "
		"directory with --save-to; nothing was changed",
		human_size(c->bytes).s, human_size(room).s, c->dir);
}

/* The same copy may lie there since an attempt that was ended. */
static bool is_there(int dir, const char *name, const struct buf *b)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct buf have;
	bool same;

	if (fd < 0)
		return false;
	buf_init(&have, b->len);
	same = !readall(fd, &have, name, NULL) && have.len == b->len &&
	       !memcmp(have.p, b->p, b->len);
	close(fd);
	buf_release(&have);
	return same;
}

static int write_copy(const struct copies *c, const char *name, const struct buf *b,
	struct err *err)
{
	int fd = openat(c->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), e = 0;

	if (fd < 0 && errno == EEXIST && is_there(c->fd, name, b))
		return 0;
	if (fd < 0)
		return err_sys(err, errno, "the copy %s/%s", c->dir, name);
	e = fd_write(fd, b->p, b->len);
	if (!e && fsync(fd))
		e = errno;
	if (close(fd) && !e)
		e = errno;
	if (!e)
		return 0;
	unlinkat(c->fd, name, 0);
	return err_sys(err, e, "the copy %s/%s", c->dir, name);
}

static int save_copies(struct copies *c, struct err *err)
{
	int rc = check_room(c, err);

	if (!rc)
		out_say(c->s->cmd->out, 1, "saving backup copies of pack files to %s", c->dir);
	for (size_t i = 0; i < c->n && !rc; i++) {
		char *name = mem_printf("pack-%s", id_hex(&c->pack[i]).s);
		struct buf b;

		buf_init(&b, REPO_BLOB_MAX);
		rc = backend_get(c->s->open.be, BACKEND_PACK, &c->pack[i], &b, err);
		if (!rc)
			rc = write_copy(c, name, &b, err);
		buf_release(&b);
		mem_free(name);
	}
	return rc;
}

static int salvage(struct copies *c, struct err *err)
{
	struct session *s = c->s;
	struct writing_options o = {.pack_size = s->set.pack_size,
		.lock = s->open.lock,
		.stop = stop_flag(s->cmd->stop)};
	struct repair_events ev = repair_events(s);
	struct repair_packs_result res;
	int rc = repair_packs_run(s->router, s->agree, s->open.repo, s->catalog, c->pack, c->n, &o,
		&ev, &res, err);

	if (rc)
		return rc;
	out_say(s->cmd->out, 1, "%llu blobs were saved, %llu could not be read",
		(unsigned long long)res.saved, (unsigned long long)res.lost);
	out_warn(s->cmd->out,
		"Use `a_backup repair snapshots --forget` to remove the corrupted data blobs from "
		"all snapshots");
	return 0;
}

int cmd_repair_packs(struct session *s, struct err *err)
{
	const char *dir = opt_str(s->opts, OPT_SAVE_TO);
	struct copies c = {.s = s, .dir = dir && *dir ? dir : ".", .fd = -1};
	int rc = s->opts->args.n ? 0
				 : err_set(err, ERR_USAGE,
					   "which packs? a_backup check --read-data names those "
					   "that are damaged");

	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = read_packs(&c, err);
	if (!rc)
		rc = session_index(s, err);
	if (!rc)
		rc = save_copies(&c, err);
	if (!rc)
		rc = session_lost(s, salvage(&c, err), err);
	if (c.fd >= 0)
		close(c.fd);
	mem_free(c.pack);
	return rc;
}
