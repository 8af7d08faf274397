/*
 * opt: the command line: one table of options, one parser.  Prints nothing.
 *
 * Understands restic's GNU forms (--repo X, --repo=X, -r X, -rX, -r=X, -qv) and the older wrapper's
 * single-dash words (-last, -target DIR), see opt_word.h. Options may stand anywhere, before the
 * command too; words there that can be read as options of two commands are refused.
 */
#ifndef CMD_OPT_H
#define CMD_OPT_H
#include "base/wire.h"
#include "cmd/verb.h"
#include "format/snapshot.h"

enum opt_id {
	/* everywhere */
	OPT_REPO,
	OPT_BUCKET,
	OPT_PROJECT,
	OPT_MODE,
	OPT_S3,
	OPT_LUMI,
	OPT_REPO_FILE,
	OPT_PASSWORD_FILE,
	OPT_PASSWORD_COMMAND,
	OPT_PASSWORD_ASK,
	OPT_NO_PASSWORD,
	OPT_KEY_HINT,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_JSON,
	OPT_NO_LOCK,
	OPT_RETRY_LOCK,
	OPT_EXTENDED,
	OPT_CONNECTIONS,
	OPT_COMPRESSION,
	OPT_PACK_SIZE,
	OPT_NO_VERIFY,
	OPT_CACERT,
	OPT_TLS_CERT,
	OPT_INSECURE_TLS,
	OPT_USER_AGENT,
	OPT_RANKS,
	OPT_WORKERS,
	OPT_READERS,
	OPT_ALONE,
	OPT_LAUNCH_TIMEOUT,
	OPT_STOP_TIMEOUT,
	OPT_HELP,
	OPT_VERSION,
	/* add */
	OPT_EXCLUDE,
	OPT_IEXCLUDE,
	OPT_EXCLUDE_FILE,
	OPT_IEXCLUDE_FILE,
	OPT_EXCLUDE_IF_PRESENT,
	OPT_EXCLUDE_CACHES,
	OPT_EXCLUDE_LARGER,
	OPT_ONE_FS,
	OPT_FILES_FROM,
	OPT_FILES_VERBATIM,
	OPT_FILES_RAW,
	OPT_TIME,
	OPT_PARENT,
	OPT_FORCE,
	OPT_IGNORE_CTIME,
	OPT_IGNORE_INODE,
	OPT_WITH_ATIME,
	OPT_DRY_RUN,
	OPT_SKIP_UNCHANGED,
	OPT_MAX_OBJECTS,
	OPT_TIME_LIMIT,
	OPT_DRAIN_TIME,
	OPT_PRE_CHECK,
	/* init */
	OPT_REPO_VERSION,
	OPT_COPY_CHUNKER,
	OPT_FROM_REPO,
	OPT_FROM_REPO_FILE,
	OPT_FROM_PASSWORD_FILE,
	OPT_FROM_PASSWORD_COMMAND,
	OPT_FROM_NO_PASSWORD,
	OPT_FROM_KEY_HINT,
	/* choosing and showing snapshots and files */
	OPT_HOST,
	OPT_TAG,
	OPT_PATH,
	OPT_GROUP_BY,
	OPT_LATEST,
	OPT_LAST,
	OPT_COMPACT,
	OPT_LONG,
	OPT_HUMAN,
	OPT_NCDU,
	OPT_SORT,
	OPT_RECURSIVE,
	OPT_IGNORE_CASE,
	OPT_NEWEST,
	OPT_OLDEST,
	OPT_SNAPSHOT,
	OPT_REVERSE,
	OPT_BLOB,
	OPT_TREE,
	OPT_PACK,
	OPT_SHOW_PACK,
	/* restore, dump, check, unlock */
	OPT_TARGET,
	OPT_INCLUDE,
	OPT_IINCLUDE,
	OPT_INCLUDE_FILE,
	OPT_IINCLUDE_FILE,
	OPT_INCLUDE_XATTR,
	OPT_EXCLUDE_XATTR,
	OPT_OVERWRITE,
	OPT_SPARSE,
	OPT_VERIFY,
	OPT_DELETE,
	OPT_ALLOW_PARTIAL,
	OPT_OWNER_NAMES,
	OPT_FILE,
	OPT_READ_DATA,
	OPT_READ_SUBSET,
	OPT_REMOVE_ALL,
	/* forget */
	OPT_KEEP_LAST,
	OPT_KEEP_HOURLY,
	OPT_KEEP_DAILY,
	OPT_KEEP_WEEKLY,
	OPT_KEEP_MONTHLY,
	OPT_KEEP_YEARLY,
	OPT_KEEP_WITHIN,
	OPT_KEEP_WITHIN_HOURLY,
	OPT_KEEP_WITHIN_DAILY,
	OPT_KEEP_WITHIN_WEEKLY,
	OPT_KEEP_WITHIN_MONTHLY,
	OPT_KEEP_WITHIN_YEARLY,
	OPT_KEEP_TAG,
	OPT_REMOVE_EVERY,
	OPT_PRUNE,
	/* restic's that mean nothing here */
	OPT_NOTHING,
	/* key */
	OPT_NEW_PASSWORD_FILE,
	OPT_NEW_NO_PASSWORD,
	OPT_USER,
	/* tag, diff, stats */
	OPT_SET_TAGS,
	OPT_ADD_TAGS,
	OPT_REMOVE_TAGS,
	OPT_METADATA,
	OPT_COUNT,
	/* repair, rewrite */
	OPT_READ_ALL_PACKS,
	OPT_SAVE_TO,
	OPT_FORGET_OLD,
	OPT_NEW_HOST,
	OPT_NEW_TIME,
	OPT_SUMMARY,
	/* prune, delete */
	OPT_NO_PRUNE,
	OPT_MAX_UNUSED,
	OPT_MAX_REPACK,
	OPT_REPACK_CACHEABLE,
	OPT_REPACK_SMALL,
	OPT_REPACK_SMALLER,
	OPT_REPACK_UNCOMPRESSED,
	OPT_IDS
};

struct opt_def {
	enum opt_id id;
	char letter;      /* 0: none */
	const char *name; /* behind "--", or a single dash */
	const char *arg;  /* what its value is called; NULL: a flag */
	const char *env;  /* the variable that stands in for it; NULL: none */
	uint32_t of;      /* OPTS_*: the sets it is in */
	bool rare;        /* only named on the help screen */
	const char *help; /* at most 46 characters, so that its line fits a terminal; empty when
			     rare, but of OPT_NOTHING: why */
};
extern const struct opt_def opt_table[];
extern const size_t opt_table_n;

struct opts {
	const struct verb_def *verb;
	bool verb_given; /* false: the implied one, because no word is a command */
	char *second;    /* the second word of its name, if that has two; not on other ranks */
	struct strlist value[OPT_IDS]; /* in the order given; flags are "true" or "false"; of
					  OPT_NOTHING the names of such options */
	bool from_env[OPT_IDS];        /* the value is a variable's */
	struct strlist args;           /* without the verb */
	size_t behind_password; /* 1 + which of them stands right behind --password, maybe because
				   it is one; 0: none */
};

/* opts_parse(o, v, n, args): the arguments without the program's name.  `o` is zeroed by the
 * caller. ERR_USAGE with a hint in the sentence. */
int opts_parse(struct opts *o, const struct verbs *v, int n, char *const *args, struct err *err);
/* opts_env: options that were not given take the value of their variable, if that is set and not
 * empty. */
void opts_env(struct opts *o, const char *(*env)(const char *name));
void opts_release(struct opts *o);
/* the command of this name or alias, where `next` (may be NULL) stands behind the word; NULL: there
 * is none */
const struct verb_def *opts_verb(const struct verbs *v, const char *word, const char *next);
/* opts_about: the command that the arguments name, as behind `help`; NULL: they name none. */
const struct verb_def *opts_about(const struct opts *o, const struct verbs *v);

const char *opt_name(enum opt_id id); /* its first name, without dashes */
bool opt_flag(const struct opts *o, enum opt_id id);
const char *opt_str(const struct opts *o, enum opt_id id); /* the last one; NULL when not given */
int opts_verbosity(const struct opts *o);                  /* 0 … 3 */

/* The whole of it for another rank.  opts_get: ERR_INVALID for a damaged message. */
void opts_put(const struct opts *o, const struct verbs *v, struct buf *b);
int opts_get(struct opts *o, const struct verbs *v, struct wire_in *in, struct err *err);

#endif
