/*
 * patterns: --exclude, --iexclude and their files (or the include ones) as the lists that backup
 * and restore take (docs/format.md 11.4).
 *
 * Rank 0 reads the files; the other ranks get their contents, and the environment variables they
 * name, because a rank elsewhere may have neither and because a tree must not depend on who read
 * it.
 */
#ifndef CMD_PATTERNS_H
#define CMD_PATTERNS_H
#include "cmd/cmd.h"
#include "fs/match.h"

struct patterns_file {
	char *path;
	struct buf text;
};
struct patterns_var {
	char *name, *value; /* value NULL: not set */
};

struct patterns {
	struct match *list[2];        /* with and without regard to case; NULL when empty */
	const struct match *given[2]; /* those that are not empty: n of them */
	size_t n;
	struct patterns_file *file[2];
	size_t files[2];
	struct patterns_var *var; /* what the files asked for */
	size_t vars;
};

/* patterns_read: from options and the files they name.  env: for $VAR in files.  ERR_USAGE for a
 * bad pattern, or what reading failed with. */
int patterns_read(struct patterns *p, const struct opts *o, bool include, cmd_env_fn *env,
	struct err *err);
void patterns_release(struct patterns *p);

/* For other ranks.  patterns_get makes the same lists from the message and rank 0's options. */
void patterns_put(const struct patterns *p, struct buf *b);
int patterns_get(struct patterns *p, const struct opts *o, bool include, struct wire_in *in,
	struct err *err);

#endif
