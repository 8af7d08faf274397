/*
 * progress: whether and how often to show progress (docs/format.md 13.1): on a terminal, with
 * $RESTIC_PROGRESS_FPS, in JSON; never when quiet.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H
#include "cmd/session.h"

struct progress {
	struct session *s;
	int64_t start, last, pause; /* nanoseconds; pause < 0: never */
	bool lines;                 /* not a terminal, but wanted: a line each time */
	bool asked;                 /* by a signal: a line now */
};
void progress_init(struct progress *p, struct session *s);
bool progress_due(struct progress *p);             /* true: show it now; the pause begins again */
double progress_seconds(const struct progress *p); /* since progress_init */
/* progress_show: the line of a terminal; nothing in JSON. */
void progress_show(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void progress_end(struct progress *p); /* takes the line away */

#endif
