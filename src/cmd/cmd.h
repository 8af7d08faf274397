/*
 * cmd: the commands a user types.  One process runs one command; only this room prints and decides
 * the exit code.
 *
 * Each verb is a row of the table in verb.c and one file cmd_<verb>.c.  What it returns becomes a
 * sentence and restic's exit code here (docs/format.md 13.11).
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H
#include "cmd/opt.h"
#include "cmd/out.h"
#include "cmd/stop.h"
#include "comm/comm.h"

#define CMD_VERSION "0.1.0"

enum cmd_exit {
	CMD_OK = 0,
	CMD_ERROR = 1,
	CMD_INCOMPLETE = 3 /* done but for something, which was named: source files not read,
			      snapshots not removed */
	,
	CMD_NO_REPO = 10,
	CMD_LOCKED = 11,
	CMD_PASSWORD = 12,
	CMD_PARTIAL = 75,       /* a partial snapshot is saved, and the next run goes on from it */
	CMD_PARTIAL_STUCK = 76, /* likewise, but somebody must do something first */
	CMD_STOPPED = 130
};

typedef const char *cmd_env_fn(const char *name);

struct cmd { /* one process, shared by its ranks */
	const struct verbs *verbs;
	struct opts opts;
	struct out *out;
	struct stop *stop;
	cmd_env_fn *env;
	char *env_project; /* $OS_PROJECT_NAME as it was before -project took its place: whose
			      connection the environment is; NULL: it did not say */
	int ranks;         /* threads that are ranks of this process; 1 under MPI */
	bool mpi;
	unsigned mask; /* umask(2) as it was in the beginning */
	int done;      /* an exit code, when the command line was all there was to do; else -1 */
};

/* cmd_main: the whole run; the exit code.  `mpi`: the mailbox of one of several processes, NULL:
 * this process is the run, maybe with --ranks. */
int cmd_main(struct comm *mpi, int argc, char **argv);
/* cmd_limits: no core files, where a password or key could lie.  `alone`: nobody else needs to read
 * this process's memory (MPI between local ranks does). */
void cmd_limits(bool alone);

/* What the table of commands leads to (verb.h). */
int cmd_add(struct session *s, struct err *err);
int cmd_add_follow(struct session *s, struct wire_in *orders, struct err *err);
int cmd_init(struct session *s, struct err *err);
int cmd_list(struct session *s, struct err *err);
int cmd_files(struct session *s, struct err *err);
int cmd_find(struct session *s, struct err *err);
int cmd_restore(struct session *s, struct err *err);
int cmd_restore_follow(struct session *s, struct wire_in *orders, struct err *err);
int cmd_dump(struct session *s, struct err *err);
int cmd_delete(struct session *s, struct err *err);
int cmd_forget(struct session *s, struct err *err);
int cmd_check(struct session *s, struct err *err);
int cmd_check_follow(struct session *s, struct wire_in *orders, struct err *err);
int cmd_prune(struct session *s, struct err *err);
int cmd_prune_follow(struct session *s, struct wire_in *orders, struct err *err);
int cmd_cat(struct session *s, struct err *err);
int cmd_key_list(struct session *s, struct err *err);
int cmd_key_add(struct session *s, struct err *err);
int cmd_key_remove(struct session *s, struct err *err);
int cmd_key_passwd(struct session *s, struct err *err);
int cmd_list_type(struct session *s, struct err *err);
int cmd_tag(struct session *s, struct err *err);
int cmd_diff(struct session *s, struct err *err);
int cmd_stats(struct session *s, struct err *err);
int cmd_stats_follow(struct session *s, struct wire_in *orders, struct err *err);
int cmd_repair_index(struct session *s, struct err *err);
int cmd_repair_packs(struct session *s, struct err *err);
int cmd_migrate(struct session *s, struct err *err);
int cmd_recover(struct session *s, struct err *err);
int cmd_repair_snapshots(struct session *s, struct err *err);
int cmd_rewrite(struct session *s, struct err *err);
int cmd_unlock(struct session *s, struct err *err);
void cmd_version(const struct cmd *c);
void cmd_help(const struct cmd *c);

/*
 * What rank 0 broadcasts to the others: with RUN the options (opts_put), which name the command,
 * and what its `follow` reads.
 */
enum cmd_order { CMD_ORDER_LEAVE /* + u32 exit code */, CMD_ORDER_RUN };

#endif
