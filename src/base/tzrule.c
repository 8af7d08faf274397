#include "base/tzrule.h"
#include "base/civil.h"
#include <string.h>

/* What is left to read: every function takes what it knows from the front and returns false if it
 * is not there. */
struct rest {
	const char *p, *end;
};

static bool take(struct rest *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool number(struct rest *r, int max, int *v)
{
	const char *start = r->p;

	for (*v = 0; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
		*v = *v * 10 + (*r->p - '0');
		if (*v > max)
			return false;
	}
	return r->p > start;
}

/* [+-]hh[:mm[:ss]] */
static bool hms(struct rest *r, int32_t *sec)
{
	bool minus = take(r, '-');
	int h, m = 0, s = 0;

	if (!minus)
		take(r, '+');
	if (!number(r, 167, &h))
		return false;
	if (take(r, ':') && (!number(r, 59, &m) || (take(r, ':') && !number(r, 59, &s))))
		return false;
	*sec = h * 3600 + m * 60 + s;
	if (minus)
		*sec = -*sec;
	return true;
}

static bool name(struct rest *r)
{
	const char *start = r->p;

	if (take(r, '<')) {
		while (r->p < r->end && *r->p != '>')
			r->p++;
		return take(r, '>');
	}
	while (r->p < r->end && !strchr("0123456789,-+", *r->p))
		r->p++;
	return r->p - start >= 3;
}

static bool day(struct rest *r, struct tzrule_day *d)
{
	d->time = 2 * 3600;
	if (take(r, 'J')) {
		d->kind = 'J';
		if (!number(r, 365, &d->day) || d->day < 1)
			return false;
	} else if (take(r, 'M')) {
		d->kind = 'M';
		if (!number(r, 12, &d->month) || d->month < 1 || !take(r, '.') ||
			!number(r, 5, &d->week) || d->week < 1 || !take(r, '.') ||
			!number(r, 6, &d->day))
			return false;
	} else {
		d->kind = '0';
		if (!number(r, 365, &d->day))
			return false;
	}
	return !take(r, '/') || hms(r, &d->time);
}

bool tzrule_parse(struct tzrule *rule, const char *s, size_t n)
{
	/* where a string names DST but not its days */
	static const char usual[] = ",M3.2.0,M11.1.0";
	struct rest r = {s, s + n};

	memset(rule, 0, sizeof(*rule));
	/* The string counts seconds west. */
	if (!name(&r) || !hms(&r, &rule->std))
		return false;
	rule->std = -rule->std;
	if (r.p == r.end)
		return true;
	rule->has_dst = true;
	rule->dst = rule->std + 3600;
	if (!name(&r))
		return false;
	if (r.p < r.end && *r.p != ',') {
		if (!hms(&r, &rule->dst))
			return false;
		rule->dst = -rule->dst;
	}
	if (r.p == r.end)
		r = (struct rest){usual, usual + sizeof(usual) - 1};
	return take(&r, ',') && day(&r, &rule->start) && take(&r, ',') && day(&r, &rule->end) &&
	       r.p == r.end;
}

/* Seconds from the beginning of the year (UTC) to the instant when this day's change happens at a
 * place that is `offset` east. */
static int64_t in_year(const struct tzrule_day *d, int64_t year, int32_t offset)
{
	int64_t jan1 = civil_days(year, 1, 1), days = d->day;

	if (d->kind == 'J') {
		days = d->day - 1 + (civil_leap(year) && d->day >= 60);
	} else if (d->kind == 'M') {
		int64_t first = civil_days(year, d->month, 1);
		/* of the first of the month; 1970-01-01 was a Thursday */
		int wday = (int)(((first % 7) + 11) % 7);
		int mday = 1 + (d->day - wday + 7) % 7 + (d->week - 1) * 7;

		if (mday > civil_month_days(year, d->month))
			mday -= 7;
		days = first - jan1 + mday - 1;
	}
	return days * 86400 + d->time - offset;
}

void tzrule_year(const struct tzrule *r, int64_t year, int64_t *start, int64_t *end)
{
	int64_t jan1 = civil_days(year, 1, 1) * 86400;

	*start = jan1 + in_year(&r->start, year, r->std);
	*end = jan1 + in_year(&r->end, year, r->dst);
}

int32_t tzrule_offset(const struct tzrule *r, int64_t sec)
{
	struct civil c;
	int64_t start, end;

	if (!r->has_dst)
		return r->std;
	civil_of(&c, sec);
	tzrule_year(r, c.year, &start, &end);
	/* South of the equator summer spans the new year. */
	if (start <= end)
		return sec >= start && sec < end ? r->dst : r->std;
	return sec >= end && sec < start ? r->std : r->dst;
}
