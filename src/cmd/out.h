/*
 * out: everything this program says: results on standard output, errors on standard error, and one
 * line of progress that others do not tear.
 *
 * One per process, thread safe.  Control characters never reach a terminal, nor a log in what is
 * said: a sentence is one line (results go to a pipe as they are).  In JSON mode standard output
 * holds JSON only.
 */
#ifndef CMD_OUT_H
#define CMD_OUT_H
#include "base/buf.h"
#include "base/err.h"
#include "base/json_out.h"
#include "base/log.h"
#include "format/snapshot.h"
#include <stdbool.h>
#include <stddef.h>

struct out;
struct out *out_new(int fd_out, int fd_err); /* 1 and 2; tests give others */
/* takes the progress line away, writes what is buffered */
void out_free(struct out *o);
void out_no_terminal(struct out *o); /* whatever standard output looks like */
/* verbosity: 0 quiet, 1 normal, 2 and 3 verbose */
void out_mode(struct out *o, bool json, int verbosity);
bool out_json(const struct out *o);
int out_verbosity(const struct out *o);
bool out_terminal(const struct out *o); /* standard output is one */
bool out_nowhere(const struct out *o);  /* it was closed (stdfds.h), or is open for reading only:
					   whatever is said is dropped, which is no error */

/* out_say: a sentence at this verbosity or above, on standard output; nothing in JSON mode. */
void out_say(struct out *o, int verbosity, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* out_result: the bytes a command was asked for, whatever the verbosity.  Buffered; ends with
 * out_flush or any other output. */
void out_result(struct out *o, const void *p, size_t n);
void out_result_json(struct out *o, const void *p,
	size_t n); /* of JSON; on a terminal what cannot be printed is escaped, which changes no
		      value */
/* out_result (in JSON mode of JSON) of b and a newline; resets b */
void out_line(struct out *o, struct buf *b);
/* begins, at the end of b, an object with this message_type */
void out_message(struct json_out *j, struct buf *b, const char *type);
/* out_path: a name, path, host, tag …, whatever others chose, at the end of b: raw for a pipe, made
 * safe for a terminal. */
void out_path(const struct out *o, struct buf *b, const char *s, size_t n);
/* several, with `sep` between them */
void out_join(const struct out *o, struct buf *b, const struct strlist *l, const char *sep);

/* out_warn: a line on standard error, in both modes; also when quiet. */
void out_warn(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* out_item_error: one item that failed: "error: ITEM: MESSAGE", or restic's
 * {"message_type":"error",…} on standard error. */
void out_item_error(struct out *o, const char *during, const char *item, const char *message);
void out_json_error(struct out *o, struct buf *b); /* a JSON line on standard error; resets b */
/* out_last: the last word of a run that failed, in JSON restic's exit_error. */
void out_last(struct out *o, int exit_code, const char *message);
/* out_gasp: the same from a process that is about to end while others of its threads may stand in a
 * write: it waits for nobody, or says nothing. */
void out_gasp(struct out *o, int exit_code, const char *message);

/* out_status: the progress line: on a terminal the one before is overwritten.  "" takes it away.
 * `lines` (no terminal): a line of its own. */
void out_status(struct out *o, const char *text, bool lines);

/* out_flush: 0, or why standard output did not take everything.  out_broken: the reader is gone: a
 * command may stop. */
int out_flush(struct out *o, struct err *err);
bool out_broken(struct out *o);
bool out_unread(struct out *o); /* it was a pipe whose reader had enough: nothing to complain of */

/* out_log: a struct log for env, whose messages come out here: warnings always, the rest with -vv.
 */
struct log out_log(struct out *o);

#endif
