#include "base/civil.h"

#define DAY        86400
#define ERA_DAYS   146097 /* 400 years */
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

/*
 * Years that begin on 1 March have their leap day at the end, so that with m = 0 for March the days
 * before month m are (153 * m + 2) / 5 in every year: the lengths 31 30 31 30 31 | 31 30 31 30 31 |
 * 31 (28, 29) repeat every five months = 153 days.
 */
int64_t civil_days(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t m = (month + 9) % 12;

	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day -
	       1 - EPOCH_DAYS;
}

int64_t civil_sec(const struct civil *c)
{
	return civil_days(c->year, c->month, c->day) * DAY + c->hour * 3600 + c->min * 60 + c->sec;
}

void civil_of(struct civil *c, int64_t sec)
{
	int64_t days = sec / DAY, rest = sec % DAY, era, doe, yoe, doy, m;

	if (rest < 0) {
		rest += DAY;
		days--;
	}
	c->hour = (int)(rest / 3600);
	c->min = (int)(rest / 60 % 60);
	c->sec = (int)(rest % 60);
	c->wday = (int)((days % 7 + 11) % 7); /* 1970-01-01 was a Thursday */
	days += EPOCH_DAYS;
	era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
	doe = days - era * ERA_DAYS;
	/* Taking the leap days out of the day of the era (one in 1460 days, none in 36524, one in
	 * 146096) leaves years of 365. */
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	m = (5 * doy + 2) / 153;
	c->day = (int)(doy - (153 * m + 2) / 5 + 1);
	c->month = (int)(m < 10 ? m + 3 : m - 9);
	c->year = yoe + era * 400 + (c->month <= 2);
}

bool civil_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int civil_month_days(int64_t year, int month)
{
	return month == 2 ? 28 + civil_leap(year) : 30 + ((month + month / 8) & 1);
}

/* A week belongs to the year that its Thursday is in. */
int64_t civil_week(const struct civil *c)
{
	int64_t days = civil_days(c->year, c->month, c->day);
	int64_t monday = days - ((days % 7 + 10) % 7); /* 1970-01-01 was a Thursday */
	struct civil thursday;

	civil_of(&thursday, (monday + 3) * DAY);
	return thursday.year * 100 + (monday + 3 - civil_days(thursday.year, 1, 1)) / 7 + 1;
}
