/*
 * a_backup.h: reading restic repositories from C.
 *
 * A repository is opened with a place (as a_backup -r takes it) and a password, its snapshots are
 * listed, and files in them are found and read, anywhere in them, without restoring anything.  It
 * is seen as it was when it was opened.
 *
 * Thread safe: any threads may use a repository and its nodes at the same time, and any number of
 * repositories may be open in a process.  Callbacks run on the thread that made the call, and may
 * make calls themselves.  A repository does not survive fork() in the child.
 *
 * Nothing here prints, exits, handles signals, changes the working directory, the umask or the
 * settings of the allocator.  Credentials of network stores come from the environment, as
 * a_backup's do.  What is read is checked, every blob against its SHA-256.
 *
 * Functions return 0 or a negative AB_E... code; the sentence for people is in the struct ab_error
 * that the caller gives (NULL: not wanted).
 */
#ifndef A_BACKUP_A_BACKUP_H
#define A_BACKUP_A_BACKUP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define AB_VERSION 0 /* of this interface; the library's soname ends with it */

enum ab_code {
	AB_EUSAGE = -1,    /* a wrong argument: no place, no directory, an ambiguous id, ... */
	AB_EDAMAGED = -2,  /* what the repository holds is not what it must be, or is not there */
	AB_ENOTFOUND = -3, /* no such repository, snapshot, file */
	AB_EPASSWORD = -4, /* no key is opened by this password */
	AB_ELOCKED = -5,   /* somebody has the repository for himself (prune) */
	AB_EDENIED = -6,   /* the store refuses it */
	AB_EIO = -7,       /* the system, the store, or the way to it; it was tried again */
	AB_ENOMEM = -8,    /* a size that the repository names, and that there is no memory for */
	AB_EUNSUPPORTED = -9
};

struct ab_error {
	int code;
	char message[1024];
};

typedef struct ab_repo ab_repo;
typedef struct ab_node ab_node;

struct ab_options {
	size_t size; /* sizeof(struct ab_options), so that later ones may have more members */
	/*
	 * Writes at most `room` bytes of the password to buf and returns how many, or a negative
	 * number: there is none.  Called once, by ab_open.
	 */
	ssize_t (*password)(void *arg, char *buf, size_t room);
	void *arg;
	bool no_lock;       /* else a shared lock is held until ab_close, so that nobody prunes */
	size_t cache_bytes; /* for trees and contents; 0: 128 MiB */
};

/* ab_open: waits until the index is read.  *out is the caller's, for ab_close. */
int ab_open(const char *place, const struct ab_options *options, ab_repo **out,
	struct ab_error *err);
/* ab_close: gives the lock up.  No call may be under way; nodes may outlive it, to be freed.  NULL
 * is fine. */
void ab_close(ab_repo *r);

struct ab_snapshot {
	char id[65];      /* 64 hex digits */
	bool unreadable;  /* it is there, and damaged: only its id is known */
	int64_t time_sec; /* since 1970, UTC */
	int32_t time_nsec;
	const char *hostname, *username;
	const char *const *paths, *const *tags; /* NULL at the end */
};
/* ab_snapshots: fn for each, oldest first, those that are unreadable last, until it returns
 * non-zero, which is returned.  What it is given lives during its call. */
int ab_snapshots(ab_repo *r, int (*fn)(void *arg, const struct ab_snapshot *s), void *arg,
	struct ab_error *err);

/*
 * ab_lookup: what is at `path` ("/" is the root) in a snapshot: its id, a unique prefix of that, or
 * "latest".  Symbolic links are not followed.  *out is the caller's, for ab_node_free.
 */
int ab_lookup(ab_repo *r, const char *snapshot, const char *path, ab_node **out,
	struct ab_error *err);
void ab_node_free(ab_node *n); /* NULL is fine */

struct ab_stat {
	uint32_t mode; /* S_IFMT and permissions */
	uint32_t uid, gid;
	uint64_t size, inode, links, device; /* device: of a device file */
	int64_t mtime_sec, atime_sec, ctime_sec;
	int32_t mtime_nsec, atime_nsec, ctime_nsec;
};
void ab_stat(const ab_node *n, struct ab_stat *out);
/* ab_name: without directories; "" of the root.  Lives as long as n. */
const char *ab_name(const ab_node *n);

/* ab_readdir: fn for each entry of a directory, in the order of names, until it returns non-zero,
 * which is returned.  The child is fn's during the call. */
int ab_readdir(ab_repo *r, const ab_node *dir, int (*fn)(void *arg, const ab_node *child),
	void *arg, struct ab_error *err);

/* ab_readlink: at most `room` bytes of the target to buf, and *n: how many it has; no 0 behind it.
 */
int ab_readlink(const ab_node *link, char *buf, size_t room, size_t *n, struct ab_error *err);

/* ab_xattrs: fn for each extended attribute, until it returns non-zero, which is returned. */
int ab_xattrs(const ab_node *n,
	int (*fn)(void *arg, const char *name, const void *value, size_t size), void *arg);

/* ab_pread: n bytes of a file from `offset` on, fewer only at its end; their number, or a code. */
ssize_t ab_pread(ab_repo *r, const ab_node *file, void *buf, size_t n, uint64_t offset,
	struct ab_error *err);

/*
 * ab_on_exhausted: where the process has no memory left for what is small, fn(size) is called, once
 * in the life of the process and on whatever thread; when it returns, and without it, the process
 * is aborted.  Sizes that a repository names never lead there: they are AB_ENOMEM.
 */
void ab_on_exhausted(void (*fn)(size_t size));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
