#include "fs/place.h"
#include "fs/dir.h"
#include "fs/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
/* Paths end at 4096 bytes, and trees do not. */
#define UP_AT_ONCE 1000

#define FUSE_MAGIC 0x65735546
#define CIFS_MAGIC 0xFF534D42
#define SMB2_MAGIC 0xFE534D42

static int stat_place(int fd, const char *path, int flags, struct place *p)
{
	struct statx x;
	int rc;

	do
		rc = statx(fd, path, flags, STATX_TYPE | STATX_INO | STATX_MTIME, &x);
	while (rc < 0 && errno == EINTR);
	if (rc < 0) {
		*p = (struct place){.errnum = errno};
		return -1;
	}
	*p = (struct place){.type = x.stx_mode & S_IFMT,
		.ino = x.stx_ino,
		.dev = makedev(x.stx_dev_major, x.stx_dev_minor)};
	p->mtime = (struct ts){.sec = x.stx_mtime.tv_sec, .nsec = (int32_t)x.stx_mtime.tv_nsec};
	return 0;
}

void place_again(const char *path, struct place *p)
{
	if (stat_place(AT_FDCWD, path, 0, p) == 0)
		*p = (struct place){.type = p->type, .ino = p->ino, .dev = p->dev};
}

void place_above(int fd, size_t levels, struct place *p)
{
	char up[3 * UP_AT_ONCE + 1];
	int at = fd;

	*p = (struct place){.errnum = EBADF};
	while (at >= 0) {
		size_t n = levels < UP_AT_ONCE ? levels : UP_AT_ONCE;
		int below = at;

		for (size_t i = 0; i < n; i++)
			memcpy(up + 3 * i, "../", 3);
		up[3 * n] = 0;
		levels -= n;
		at = -1;
		if (!levels)
			stat_place(below, up, AT_EMPTY_PATH | AT_STATX_DONT_SYNC, p);
		else if ((at = sys_openat(below, up, O_PATH, 0)) < 0)
			p->errnum = errno;
		if (below != fd)
			close(below);
	}
}

static void stat_fs(int fd, struct place *p)
{
	struct statfs s;
	int rc;

	do
		rc = fstatfs(fd, &s);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return;
	p->fs = (uint64_t)(uint32_t)s.f_type;
	p->fsid = (uint64_t)(uint32_t)s.f_fsid.__val[0] << 32 | (uint32_t)s.f_fsid.__val[1];
}

/* FNV-1a over the sorted names: nobody gains anything by names that collide. */
static uint64_t sum_names(const char *path)
{
	uint64_t sum = 0xcbf29ce484222325u;
	struct dir_list l = {0};
	int fd = dir_open(path, false, NULL);

	if (fd < 0)
		return 0;
	if (dir_list(fd, &l, NULL) < 0)
		sum = 0;
	for (size_t i = 0; i < l.n; i++)
		for (const char *s = l.entry[i].name;; s++) {
			sum = (sum ^ (uint8_t)*s) * 0x100000001b3u;
			if (!*s)
				break;
		}
	dir_list_release(&l);
	close(fd);
	return sum;
}

int place_look(const char *path, struct place *p)
{
	int fd;

	/* The first look has no AT_NO_AUTOMOUNT, and mounts; O_PATH would not. */
	if (stat_place(AT_FDCWD, path, AT_STATX_FORCE_SYNC, p) < 0)
		return -1;
	fd = sys_openat(AT_FDCWD, path, O_PATH, 0);
	if (fd < 0) {
		*p = (struct place){.errnum = errno};
		return -1;
	}
	if (stat_place(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, p) < 0) {
		close(fd);
		return -1;
	}
	stat_fs(fd, p);
	if (p->type == S_IFDIR && !place_numbered(p))
		p->names = sum_names(path);
	return fd;
}

bool place_numbered(const struct place *p)
{
	return p->fs != FUSE_MAGIC && p->fs != CIFS_MAGIC && p->fs != SMB2_MAGIC;
}

/* Disks and memory of one node: another node cannot have the same one, however much alike the
 * numbers are. */
static bool is_local(const struct place *p)
{
	switch (p->fs) {
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

/* A protocol between may have cut off what is less than a second. */
static bool same_time(const struct ts *a, const struct ts *b)
{
	return a->sec == b->sec && (a->nsec == b->nsec || !a->nsec || !b->nsec);
}

static const char *missing(int errnum)
{
	switch (errnum) {
	case 0:
		return "it can be looked at";
	case ENOENT:
	case ENOTDIR:
		return "it is not there";
	case EACCES:
	case EPERM:
		return "it may not be looked at";
	default:
		return "it cannot be looked at";
	}
}

enum place_match place_compare(const struct place *here, const struct place *there,
	const char **why)
{
	bool same_ino = here->ino == there->ino, timely = same_time(&here->mtime, &there->mtime);

	*why = "";
	if (here->errnum || there->errnum) {
		*why = missing(here->errnum);
		return here->errnum == there->errnum ? PLACE_SAME : PLACE_OTHER;
	}
	if (here->type != there->type) {
		*why = "a file of another type";
		return PLACE_OTHER;
	}
	if (!place_numbered(here) && !place_numbered(there)) {
		*why = here->names != there->names ? "other names lie in it"
						   : "another inode and another time";
		return here->names == there->names &&
				       (timely || (same_ino && here->type == S_IFDIR))
			       ? PLACE_SAME
			       : PLACE_MOVED;
	}
	if (!same_ino) {
		*why = "another inode";
		return PLACE_OTHER;
	}
	if (is_local(here) && is_local(there) &&
		(here->fs != there->fs || here->fsid != there->fsid)) {
		*why = "another file system";
		return PLACE_OTHER;
	}
	*why = "another time of its last change";
	return timely ? PLACE_SAME : PLACE_MOVED;
}

void place_put(struct buf *b, const struct place *p)
{
	wire_put_u32(b, (uint32_t)p->errnum);
	wire_put_u32(b, p->type);
	wire_put_u64(b, p->ino);
	wire_put_u64(b, p->dev);
	wire_put_u64(b, (uint64_t)p->mtime.sec);
	wire_put_u32(b, (uint32_t)p->mtime.nsec);
	wire_put_u64(b, p->fs);
	wire_put_u64(b, p->fsid);
	wire_put_u64(b, p->names);
}

void place_get(struct wire_in *in, struct place *p)
{
	p->errnum = (int)wire_u32(in);
	p->type = wire_u32(in);
	p->ino = wire_u64(in);
	p->dev = wire_u64(in);
	p->mtime.sec = (int64_t)wire_u64(in);
	p->mtime.nsec = (int32_t)wire_u32(in);
	p->fs = wire_u64(in);
	p->fsid = wire_u64(in);
	p->names = wire_u64(in);
}
