/*
 * session: what one rank needs to run a command: its env (loop, threads, memory bound), its router,
 * and the repository with lock, snapshots and index.
 *
 * Everything is opened on demand by the verb and closed by session_release, in the right order,
 * whatever was opened.
 */
#ifndef CMD_SESSION_H
#define CMD_SESSION_H
#include "cmd/allas.h"
#include "cmd/settings.h"
#include "ranks/agree.h"
#include "ranks/tokens.h"
#include "repo/loader.h"
#include "repo/opening.h"
#include "repo/reader.h"
#include "repo/snapshots.h"
#include <pthread.h>

struct session {
	struct cmd *cmd;
	const struct opts *opts; /* the command's, or `received` */
	struct opts received;    /* from rank 0 */
	struct comm *comm;
	struct env env;
	struct zone *zone;
	struct router *router;
	struct agree *agree;
	struct tokens *tokens;
	struct allas allas;        /* once session_place was asked for the repository's */
	const char *password_file; /* where the project's password was found, or left; NULL: it came
				      from elsewhere */
	bool guessed; /* the project's password is not known here; the one that everybody can guess
			 was tried */
	bool asked;   /* for it, after that one was wrong */
	bool new_one; /* a password for a new repository was had */
	char *location; /* the repository's place as it was found */
	struct opening open;
	struct snapshots snaps;
	struct catalog *catalog;
	struct loader *loader;
	struct reader *reader;
	char *hostname, *username; /* of this machine and process */
	struct settings set;
	bool settled;   /* set is read */
	bool exclusive; /* the command wants this lock, whatever its row says; before session_open
			 */
	pthread_mutex_t lost_lock;
	struct err lost; /* under lost_lock: why the program ended the run itself, code 0 when it
			    did not */
	struct task token_ends; /* on the loop … */
	int64_t token_left;     /* … when there is so much time left, ns */
};

void session_init(struct session *s, struct cmd *cmd, struct comm *comm);
void session_release(struct session *s);

/* takes it; before anybody uses the other one */
void session_zone(struct session *s, struct zone *z);

/* session_settings: the options that are numbers and modes; read once.  ERR_USAGE. */
int session_settings(struct session *s, struct err *err);
/* session_start: with the settings the threads and the memory budget.  Once. */
int session_start(struct session *s, struct err *err);

/*
 * session_place: the repository's place from options, environment or the project's connection
 * (from: the other one's), owned.  ERR_USAGE with what to do when there is none.
 */
int session_place(struct session *s, bool from, char **out, struct err *err);
/* session_store_options: those of --cacert and the like, for any store. */
void session_store_options(const struct session *s, struct backend_options *opt);
/* session_backend: s->open has the store at s->location; it is not touched. */
int session_backend(struct session *s, struct err *err);
/* session_start, session_place, session_backend.  Once */
int session_store(struct session *s, struct err *err);
/* session_create: a new repository at the store's place: password, key, config; signals are caught
 * from the key on.  polynomial 0: draw one. */
int session_create(struct session *s, unsigned version, uint64_t polynomial, struct err *err);
/* session_password: by options, environment or the project's file, else asked for.  twice: a new
 * one, asked again to be sure.  buf_wipe it. */
int session_password(struct session *s, bool from, bool twice, struct buf *out, struct err *err);
/* session_new_password: of another key: by the options for that, else asked for twice.  buf_wipe
 * it.
 */
int session_new_password(struct session *s, struct buf *out, struct err *err);
struct lock_owner session_owner(const struct session *s); /* borrows the session's names */

/*
 * session_open: settings, threads, location, store, password, repository, and the command's lock,
 * unless --dry-run or --no-lock says that it needs none; signals are caught from the moment there
 * is something to clean up. ERR_NOREPO says how to make one; but a command that makes repositories
 * (verb.h) makes a project's usual one, and another of its buckets after a question on a terminal.
 */
int session_open(struct session *s, struct err *err);
/* those that cannot be read are named and left out */
int session_snapshots(struct session *s, struct err *err);
/* session_index: catalog, loader, reader.  session_index_share: likewise, once, by all ranks
 * together, which share the index. */
int session_index(struct session *s, struct err *err);
int session_index_share(struct session *s, struct err *err);

/* session_watch_token: ends the run in good order (stop_early) before a token dies that nobody can
 * renew.  Once, after session_open. */
void session_watch_token(struct session *s);
/* session_lost: the result of a run, or why the program ended it itself: the lock was lost, the
 * token ends. */
int session_lost(struct session *s, int rc, struct err *err);
void session_lock_lost(void *arg, const struct err *why); /* arg: the session.  Any thread */
bool session_stopped(const struct session *s);

void session_repo_settings(struct session *s); /* --compression and the like to s->open.repo */

/* session_cwd(s): $PWD if that is the current directory, else getcwd(2)'s name for it; owned
 * (docs/format.md 7).  NULL: it has none, for it was removed or unmounted. */
char *session_cwd(const struct session *s);

/* The snapshots the user chose: by --host, --tag, --path. absolute: paths made so, for "latest". */
void session_filter(const struct session *s, bool absolute, struct snapshots_filter *f);
/*
 * session_filter_alone: ERR_USAGE when --host, --tag or --path was typed and one of these snapshots
 * is named by its id: they choose what is listed and what latest means, and who gives them beside
 * an id expects it to be checked.  For commands that take several, where restic complains too.
 */
int session_filter_alone(const struct session *s, const struct strlist *ids, struct err *err);
/* session_pick: SNAPSHOT[:DIR] among s->snaps, which it loads; `sub` is owned, NULL for none.
 * session_tree: the tree of `sub`, with the index. */
int session_pick(struct session *s, const char *arg, const struct snapshot **snap, char **sub,
	struct err *err);
int session_tree(struct session *s, const struct snapshot *snap, const char *sub, struct id *tree,
	struct err *err);
/* session_snapshot: all of that, with session_index in between. */
int session_snapshot(struct session *s, const char *arg, const struct snapshot **snap, char **sub,
	struct id *tree, struct err *err);

#endif
