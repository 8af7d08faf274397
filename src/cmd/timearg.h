/*
 * timearg: times, spans of time and small numbers as users write and read them
 * (docs/format.md 13.1, 13.5).  Pure.
 */
#ifndef CMD_TIMEARG_H
#define CMD_TIMEARG_H
#include "base/clock.h"
#include "base/err.h"
#include "cmd/human.h"

/* "2006-01-02 15:04:05" in the zone */
struct human timearg_text(const struct ts *t, const struct zone *z);
/* Go's Time.String(): "2006-01-02 15:04:05.123 +0000 UTC" */
struct human timearg_go(const struct ts *t, int32_t offset_s);

/* timearg_parse: "2006-01-02[ 15:04[:05[ ±zzzz|UTC]]]" or "02.01.2006[…]", in the zone unless it
 * says another.  ERR_USAGE. */
int timearg_parse(const char *s, const struct zone *z, struct ts *t, struct err *err);

/* timearg_span: Go's durations "5m", "1h30m", "1.5s", "0".  ERR_USAGE; a negative one is 0. */
int timearg_span(const char *s, int64_t *ns, struct err *err);

/* timearg_count: a decimal number in [min, max]; `what` names it in the sentence.  ERR_USAGE. */
int timearg_count(const char *s, const char *what, uint64_t min, uint64_t max, uint64_t *v,
	struct err *err);

#endif
