/*
 * civil: days and seconds since 1970-01-01T00:00:00Z to calendar fields and back, in the proleptic
 * Gregorian calendar (with a year 0), for all years that an int64_t of seconds can express.  No
 * zones here: see zone in base/clock.h.
 */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H
#include <stdbool.h>
#include <stdint.h>

struct civil {
	int64_t year;
	int month, day; /* 1 … 12, 1 … 31 */
	int hour, min, sec;
	int wday; /* 0 = Sunday */
};

void civil_of(struct civil *c, int64_t sec);
/* days since 1970-01-01; a day beyond the month runs on into the next */
int64_t civil_days(int64_t year, int month, int day);
int64_t civil_sec(const struct civil *c); /* ignores wday */
bool civil_leap(int64_t year);
int civil_month_days(int64_t year, int month);
int64_t civil_week(const struct civil *c); /* the ISO 8601 week that its day is in, as YYYYWW */

#endif
