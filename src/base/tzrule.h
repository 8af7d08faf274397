/*
 * tzrule: the POSIX rule string at the end of a TZif file ("EET-2EEST,M3.5.0/3,M10.5.0/4"), which
 * says what holds after its last transition.  Syntax: POSIX.1-2017 8.3 with the extensions of RFC
 * 8536 3.3.1 (hours -167 … 167).
 */
#ifndef BASE_TZRULE_H
#define BASE_TZRULE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tzrule_day {
	char kind; /* 'J' day 1 … 365 without 29 February, '0' day 0 … 365, 'M' month.week.weekday
		    */
	int day, week, month;
	int32_t time; /* seconds after midnight, wall clock before the change */
};

struct tzrule {
	int32_t std, dst; /* seconds east of UTC */
	bool has_dst;
	struct tzrule_day start, end;
};

/* tzrule_parse(r, s, n): false if the n bytes at s are not a rule. */
bool tzrule_parse(struct tzrule *r, const char *s, size_t n);

/* tzrule_offset(r, sec): seconds east of UTC.  tzrule_year: the instants in that year of UTC when
 * DST starts and ends. */
int32_t tzrule_offset(const struct tzrule *r, int64_t sec);
void tzrule_year(const struct tzrule *r, int64_t year, int64_t *start, int64_t *end);

#endif
