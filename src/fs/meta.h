/*
 * meta: what the file system says about one file, by one statx; owner names, looked up once each.
 * Errors do not name the file: the caller knows its whole path.
 */
#ifndef FS_META_H
#define FS_META_H
#include "base/clock.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct meta {
	mode_t mode;
	uint32_t uid, gid;
	uint64_t ino, dev, rdev, nlink, size;
	struct ts atime, mtime, ctime;
};

/*
 * meta_stat: of `name` in dirfd (name "" = the descriptor itself; AT_FDCWD works).  follow: follow
 * a final symbolic link.  dev/rdev in the kernel's st_dev encoding as stat(2) gives it.
 */
int meta_stat(int dirfd, const char *name, bool follow, struct meta *m, struct err *err);

/* meta_link: the target of a symbolic link as an owned string with its length (may be empty, any
 * bytes but 0). */
int meta_link(int dirfd, const char *name, char **target, size_t *n, struct err *err);

/* Names of owners, cached for the life of the table, thread safe.  NULL when the id has no name. */
struct owners;
struct owners *owners_new(void);
void owners_free(struct owners *o);
const char *owners_user(struct owners *o, uint32_t uid);
const char *owners_group(struct owners *o, uint32_t gid);
/*
 * owners_offer: what another table calls these ids, if anything (NULL): a name that is known here
 * already stays.  settled: it is to be so for good. owners_settled: both ids are.
 */
void owners_offer(struct owners *o, uint32_t uid, const char *user, uint32_t gid, const char *group,
	bool settled);
bool owners_settled(struct owners *o, uint32_t uid, uint32_t gid);

#endif
