/*
 * verb: the commands, as a table.  What the program knows of a command before and after it runs
 * stands in its row: its words, its options, how many ranks do it, its lock.  A new command is one
 * row, one file cmd_<name>.c (names with the same first word may share one) and its part of the
 * manual page; its options go to opt_table.c.
 *
 * Whoever needs the table gets it from cmd_main or launch_read as an argument: the rows lead to all
 * commands, which must not lead back here.
 */
#ifndef CMD_VERB_H
#define CMD_VERB_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cmd;
struct err;
struct session;
struct wire_in;

/* Sets of options: a row names those that its command has, an option (opt_table.c) those that it is
 * in. */
enum verb_options {
	OPTS_EVERY = 1 << 0, /* every command's */
	OPTS_MODE = 1 << 19, /* --mode: every command's that has not another option of that name */
	OPTS_ALL = OPTS_EVERY | OPTS_MODE,
	OPTS_CHOOSE = 1 << 1,   /* which snapshots: --host, --tag, --path */
	OPTS_PATTERNS = 1 << 2, /* what to leave out */
	OPTS_DRY_RUN = 1 << 3,
	OPTS_LONG = 1 << 4,
	OPTS_ADD = 1 << 5,
	OPTS_INIT = 1 << 6,
	OPTS_LIST = 1 << 7,
	OPTS_FILES = 1 << 8,
	OPTS_FIND = 1 << 9,
	OPTS_RESTORE = 1 << 10,
	OPTS_OVERWRITE = 1 << 11,
	OPTS_DUMP = 1 << 12,
	OPTS_CHECK = 1 << 13,
	OPTS_UNLOCK = 1 << 14,
	OPTS_FORGET = 1 << 15,
	OPTS_PRUNE = 1 << 16,
	OPTS_DELETE = 1 << 17,
	OPTS_KEY = 1 << 20,
	OPTS_TAG = 1 << 21,
	OPTS_DIFF = 1 << 22,
	OPTS_STATS = 1 << 23,
	OPTS_REPAIR_INDEX = 1 << 24,
	OPTS_REMAKE = 1 << 25, /* snapshots in the place of others */
	OPTS_REWRITE = 1 << 26,
	OPTS_REPAIR_PACKS = 1 << 27
};

enum verb_ranks {
	VERB_ONE_RANK, /* done by rank 0, or the launcher's task 0, alone */
	VERB_ALL_RANKS /* done by all together; the others `follow` */
};

/* The lock on the repository while it runs. */
enum verb_lock { VERB_NO_LOCK, VERB_SHARED, VERB_EXCLUSIVE };

/* What its arguments are: to tell a password, typed where none is expected, from one of them. */
enum verb_words {
	VERB_NAMES,    /* of snapshots and what lies in them */
	VERB_FILES,    /* of this machine */
	VERB_COMMANDS, /* the name of one row of the table, or nothing */
	VERB_ANYTHING
};

struct verb_def {
	const char *name;  /* one word, or two; the second may be several with | between them, of
			      which one is typed */
	const char *alias; /* another name, of one word; NULL: none */
	const char *args;  /* "SNAPSHOT [DIR...]" */
	const char *about; /* one line */
	const char *more;  /* what else its help screen says, with all line ends; NULL: nothing */
	/* On the main screen: a line of its own, or among those that have none. */
	const char *top, *top_about, *among;
	uint32_t options; /* OPTS_* */
	enum verb_ranks ranks;
	const char *together; /* what all ranks make of it, for the help; of those alone */
	enum verb_lock lock;
	enum verb_words words;
	bool implied;    /* meant where the first word is no command.  One row */
	bool changes;    /* what a repository holds: so it cannot do without its lock, and
			    --dry-run, if it has that, needs none */
	bool dry_locks;  /* but here it does: what it says would be wrong while others write; with
			    --no-lock it is only said */
	bool makes_repo; /* where a project has none yet */
	bool prints;     /* nothing but what it prints comes of it, if no --target is given */
	bool final;      /* its success stays one if a signal came meanwhile: it is all done */
	/*
	 * On rank 0.  An exit code (CMD_INCOMPLETE with a sentence in err), or an error code with
	 * err set.
	 */
	int (*run)(struct session *s, struct err *err);
	/*
	 * On the other ranks: what run broadcast behind its options (opts_put) is in `orders`. Both
	 * make the same collective calls from there on, agree_all first.
	 */
	int (*follow)(struct session *s, struct wire_in *orders, struct err *err);
	void (*plain)(
		const struct cmd *c); /* instead of run: needs neither settings nor repository */
};

struct verbs {
	const struct verb_def *v;
	size_t n;
	/* Words that are commands elsewhere: taken for files they would make a backup of a
	 * misunderstanding.  Ends with NULL. */
	const char *const *elsewhere;
};
extern const struct verbs verb_table;

#endif
