#include "cmd/timearg.h"
#include "base/civil.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct human timearg_text(const struct ts *t, const struct zone *z)
{
	struct civil c;
	struct human x;

	civil_of(&c, t->sec + zone_offset(z, t->sec));
	snprintf(x.s, sizeof(x.s), "%04lld-%02d-%02d %02d:%02d:%02d", (long long)c.year, c.month,
		c.day, c.hour, c.min, c.sec);
	return x;
}

struct human timearg_go(const struct ts *t, int32_t offset_s)
{
	int minutes = offset_s / 60, mag = minutes < 0 ? -minutes : minutes;
	char frac[16] = "", zone[8];
	struct civil c;
	struct human x;

	civil_of(&c, t->sec + offset_s);
	if (t->nsec) {
		snprintf(frac, sizeof(frac), ".%09d", (int)t->nsec);
		for (size_t n = strlen(frac); frac[n - 1] == '0'; n--)
			frac[n - 1] = 0;
	}
	snprintf(zone, sizeof(zone), "%c%02d%02d", minutes < 0 ? '-' : '+', mag / 60 % 100,
		mag % 60);
	snprintf(x.s, sizeof(x.s), "%04lld-%02d-%02d %02d:%02d:%02d%s %s %s", (long long)c.year,
		c.month, c.day, c.hour, c.min, c.sec, frac, zone, offset_s ? zone : "UTC");
	return x;
}

/* digits: exactly n of them. */
static bool digits(const char **s, int n, int *v)
{
	*v = 0;
	for (; n; n--, (*s)++) {
		if (!isdigit((unsigned char)**s))
			return false;
		*v = *v * 10 + (**s - '0');
	}
	return true;
}

static bool skip(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool parse_day(const char **s, struct civil *c)
{
	const char *p = *s;
	int year;

	if (digits(&p, 4, &year) && skip(&p, '-') && digits(&p, 2, &c->month) && skip(&p, '-') &&
		digits(&p, 2, &c->day)) {
		c->year = year;
		*s = p;
		return true;
	}
	p = *s;
	if (digits(&p, 2, &c->day) && skip(&p, '.') && digits(&p, 2, &c->month) && skip(&p, '.') &&
		digits(&p, 4, &year)) {
		c->year = year;
		*s = p;
		return true;
	}
	return false;
}

/* " +0200", " UTC".  *known: a zone was given. */
static bool parse_zone(const char **s, int32_t *offset, bool *known)
{
	const char *p = *s;
	int h, m, sign;

	*known = false;
	if (!skip(&p, ' '))
		return true;
	*known = true;
	*offset = 0;
	if (!strcmp(p, "UTC") || !strcmp(p, "GMT") || !strcmp(p, "Z")) {
		*s = p + strlen(p);
		return true;
	}
	sign = *p == '-' ? -1 : 1;
	if ((!skip(&p, '+') && !skip(&p, '-')) || !digits(&p, 2, &h))
		return false;
	skip(&p, ':');
	if (!digits(&p, 2, &m) || h > 15 || m > 59)
		return false;
	*offset = sign * (h * 3600 + m * 60);
	*s = p;
	return true;
}

static bool civil_fits(const struct civil *c)
{
	return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	       c->day <= civil_month_days(c->year, c->month) && c->hour < 24 && c->min < 60 &&
	       c->sec < 60;
}

int timearg_parse(const char *s, const struct zone *z, struct ts *t, struct err *err)
{
	struct civil c = {0};
	const char *p = s;
	int32_t offset = 0;
	bool known = false, ok = parse_day(&p, &c);
	int64_t wall;

	if (ok && *p) {
		ok = (skip(&p, ' ') || skip(&p, 'T')) && digits(&p, 2, &c.hour) && skip(&p, ':') &&
		     digits(&p, 2, &c.min);
		if (ok && skip(&p, ':'))
			ok = digits(&p, 2, &c.sec) && parse_zone(&p, &offset, &known);
	}
	if (!ok || *p || !civil_fits(&c))
		return err_set(err, ERR_USAGE,
			"\"%s\" is no time like 2026-01-31 or \"2026-01-31 15:04:05\"", s);
	wall = civil_sec(&c);
	if (!known) {
		/* The zone's offset depends on the instant that is looked for; the second look is
		 * right except in the hour a clock change skips. */
		offset = zone_offset(z, wall);
		offset = zone_offset(z, wall - offset);
	}
	t->sec = wall - offset;
	t->nsec = 0;
	return 0;
}

/* unit_ns: the unit that begins at *s; 0 when there is none. */
static double unit_ns(const char **s)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3}, {"ms", 1e6},
		{"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);

		if (!strncmp(*s, units[i].name, n)) {
			*s += n;
			return units[i].ns;
		}
	}
	return 0;
}

/* number: digits with at most one point among them; by itself, because strtod would take exponents
 * and hex too.  False: there is none. */
static bool number(const char **s, double *v)
{
	size_t n = strspn(*s, "0123456789."), points = 0;
	char text[32];

	for (size_t i = 0; i < n; i++)
		points += (*s)[i] == '.';
	if (n >= sizeof(text) || points > 1 || n == points)
		return false;
	memcpy(text, *s, n);
	text[n] = 0;
	*s += n;
	*v = strtod(text, NULL);
	return true;
}

int timearg_span(const char *s, int64_t *ns, struct err *err)
{
	const char *p = s + (*s == '-' || *s == '+');
	double sum = 0, v = 0, unit = 1;
	bool zero = !strcmp(p, "0");

	*ns = 0;
	while (!zero && unit != 0) {
		unit = number(&p, &v) ? unit_ns(&p) : 0;
		sum += v * unit;
		if (!*p && unit != 0)
			break;
	}
	if (unit == 0 || !(sum < 9e18))
		return err_set(err, ERR_USAGE, "\"%s\" is no span of time like 90s, 5m or 1h30m",
			s);
	*ns = *s == '-' ? 0 : (int64_t)sum;
	return 0;
}

int timearg_count(const char *s, const char *what, uint64_t min, uint64_t max, uint64_t *v,
	struct err *err)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (!isdigit((unsigned char)s[0]) || *end || errno || n < min || n > max)
		return err_set(err, ERR_USAGE, "%s must be a number from %llu to %llu, not \"%s\"",
			what, (unsigned long long)min, (unsigned long long)max, s);
	*v = n;
	return 0;
}
