/* lockfile: lock files (docs/format.md 12). */
#ifndef FORMAT_LOCKFILE_H
#define FORMAT_LOCKFILE_H
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

struct lockfile {
	struct ts time;
	bool exclusive;
	char *hostname, *username; /* owned */
	uint64_t pid;
	uint32_t uid, gid;
};
int lockfile_parse(struct lockfile *l, const void *json, size_t n, struct err *err);
void lockfile_write(const struct lockfile *l, const struct zone *z, struct buf *out);
void lockfile_release(struct lockfile *l);

#endif
