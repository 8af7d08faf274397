/* rig: what one rank needs to run in a test: its own loop, workers, budget; and a whole backup over N thread ranks. */
#ifndef LIB_RIG_H
#define LIB_RIG_H
#include "base/env.h"
#include "engine/backup.h"
#include "format/pack.h"

struct rig {
	struct env env;
};
void rig_init(struct rig *r, size_t threads);
void rig_release(struct rig *r);

/* A backup of one directory by thread ranks into a repository both ends of which the test holds. */
struct rig_backup {
	int ranks;
	size_t threads;            /* workers a rank, cpu and readers each */
	struct backend *be;        /* shared by all ranks; borrowed */
	const char *target;        /* as the user gives it; opt.cwd is what it starts from */
	struct backup_options opt; /* targets, cwd, head, parent, pack_size are filled in where zero */
	const struct id *parent;   /* snapshot's tree to compare with; NULL = none */
	/* out */
	int code;
	struct err err;
	struct backup_result result;
	size_t notes; /* errors reported for items */
};
void rig_backup_run(struct rig_backup *b);

/* rig_init_repo: a new repository; the password is "x". */
void rig_init_repo(struct backend *be, uint64_t polynomial);

#endif
