#include "repo/policy.h"
#include "base/civil.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <string.h>

#define DAY 86400
#define DIGITS_MAX                                                                                 \
	9 /* of a number of years or hours: what is counted with them cannot overflow              \
	   */
#define BEFORE_EVER INT64_MIN

static const struct {
	const char *text, *reason, *within;
} words[POLICY_RULES] = {
	[POLICY_LAST] = {"latest", "last snapshot", "within"},
	[POLICY_HOURLY] = {"hourly", "hourly snapshot", "hourly within"},
	[POLICY_DAILY] = {"daily", "daily snapshot", "daily within"},
	[POLICY_WEEKLY] = {"weekly", "weekly snapshot", "weekly within"},
	[POLICY_MONTHLY] = {"monthly", "monthly snapshot", "monthly within"},
	[POLICY_YEARLY] = {"yearly", "yearly snapshot", "yearly within"},
};

/* digits: a number, *s behind it.  False: there is none, or it has too many digits. */
static bool digits(const char **s, int64_t *v, size_t most)
{
	size_t n = strspn(*s, "0123456789");

	*v = 0;
	for (size_t i = 0; i < n && n <= most; i++)
		*v = *v * 10 + ((*s)[i] - '0');
	*s += n;
	return n > 0 && n <= most;
}

int policy_count(const char *s, const char *what, int64_t *n, struct err *err)
{
	const char *p = s + (*s == '+');

	*n = POLICY_UNLIMITED;
	if (!strcmp(s, "unlimited"))
		return 0;
	if (*s == '-' && s[1] && !s[1 + strspn(s + 1, "0123456789")])
		return err_set(err, ERR_USAGE,
			"--%s %s: negative values not allowed, use 'unlimited' instead", what, s);
	if (!digits(&p, n, 18) || *p)
		return err_set(err, ERR_USAGE, "--%s takes a number or unlimited, not \"%s\"", what,
			s);
	return 0;
}

int policy_span(const char *s, const char *what, struct policy_span *d, struct err *err)
{
	const char *p = s;
	size_t n = strlen(s);
	const char *end;

	*d = (struct policy_span){0};
	utf8_trim(&p, &n);
	end = p + n;
	while (p < end) {
		int64_t v;
		bool minus = *p == '-', ok;

		p += minus;
		ok = digits(&p, &v, DIGITS_MAX);
		if (ok && minus && v)
			return err_set(err, ERR_USAGE,
				"--%s: durations containing negative values are not allowed", what);
		if (ok && *p == 'y')
			d->years = (int)v;
		else if (ok && *p == 'm')
			d->months = (int)v;
		else if (ok && *p == 'd')
			d->days = (int)v;
		else if (ok && *p == 'h')
			d->hours = (int)v;
		else
			return err_set(err, ERR_USAGE,
				"--%s takes a duration like 1y5m7d2h (years, months, days, hours), "
				"not \"%s\"",
				what, s);
		p++;
	}
	return 0;
}

static bool span_none(const struct policy_span *d)
{
	return !d->years && !d->months && !d->days && !d->hours;
}

static void put_span(struct buf *b, const struct policy_span *d)
{
	const struct {
		int n;
		char unit;
	} part[] = {{d->years, 'y'}, {d->months, 'm'}, {d->days, 'd'}, {d->hours, 'h'}};

	for (size_t i = 0; i < 4; i++)
		if (part[i].n)
			buf_addf(b, "%d%c", part[i].n, part[i].unit);
}

/* As restic prints a list of tags: "[a, b]". */
static void put_tags(struct buf *b, const char *list)
{
	const char *tag, *comma = "[";
	size_t n;

	while (snapshots_next_tag(&list, &tag, &n)) {
		buf_adds(b, comma);
		buf_add(b, tag, n);
		comma = ", ";
	}
	buf_addc(b, ']');
}

bool policy_empty(const struct policy *p)
{
	for (int i = 0; i < POLICY_RULES; i++)
		if (p->keep[i] || !span_none(&p->within[i]))
			return false;
	return !p->tags || !p->tags->n;
}

/* The rules that have a number. */
static bool put_counts(const struct policy *p, struct buf *b)
{
	bool any = false;

	for (int i = 0; i < POLICY_RULES; i++) {
		if (!p->keep[i])
			continue;
		buf_adds(b, any ? ", " : "keep ");
		if (p->keep[i] < 0)
			buf_addf(b, "all %s", words[i].text);
		else
			buf_addf(b, "%lld %s", (long long)p->keep[i], words[i].text);
		any = true;
	}
	if (any)
		buf_adds(b, " snapshots");
	return any;
}

void policy_text(const struct policy *p, struct buf *b)
{
	bool any = put_counts(p, b);

	for (int i = POLICY_HOURLY; i < POLICY_RULES; i++) {
		if (span_none(&p->within[i]))
			continue;
		buf_addf(b, "%s%s snapshots within ", any ? ", " : "keep ", words[i].text);
		put_span(b, &p->within[i]);
		any = true;
	}
	for (size_t i = 0; p->tags && i < p->tags->n; i++) {
		if (!i)
			buf_addf(b, "%sall snapshots with tags [", any ? " and " : "keep ");
		buf_adds(b, i ? " " : "");
		put_tags(b, p->tags->s[i]);
		any = true;
	}
	if (p->tags && p->tags->n)
		buf_addc(b, ']');
	if (!span_none(&p->within[POLICY_LAST])) {
		buf_adds(b, any ? " and all snapshots within " : "keep all snapshots within ");
		put_span(b, &p->within[POLICY_LAST]);
		buf_adds(b, " of the newest");
		any = true;
	}
	if (!any)
		buf_adds(b, "remove");
}

/* One run over a group. */
struct run {
	const struct policy *p;
	struct ts from[POLICY_RULES];                          /* of its within: what is newer */
	int64_t left[POLICY_RULES];                            /* of its keep */
	int64_t last[POLICY_RULES], last_within[POLICY_RULES]; /* buckets */
};

/* local: the civil time of an instant in the zone that it was written in: all that a rule knows of
 * hours and days. */
static void local(struct civil *c, const struct snapshot *s)
{
	civil_of(c, s->time.sec + s->time_offset);
}

/* Equal for those of one hour, day, …; nr: of the snapshot. */
static int64_t bucket(int every, const struct civil *c, int64_t nr)
{
	switch (every) {
	case POLICY_LAST:
		return nr;
	case POLICY_HOURLY:
		return ((c->year * 100 + c->month) * 100 + c->day) * 100 + c->hour;
	case POLICY_DAILY:
		return (c->year * 100 + c->month) * 100 + c->day;
	case POLICY_WEEKLY:
		return civil_week(c);
	case POLICY_MONTHLY:
		return c->year * 100 + c->month;
	default:
		return c->year;
	}
}

/*
 * So long before the newest snapshot by the calendar, as Go's AddDate counts: with the clock of the
 * zone if it was written with the zone's offset, else of its own.  Go looks the offset up twice.
 */
static struct ts back(const struct snapshot *newest, const struct policy_span *d,
	const struct zone *z)
{
	int32_t offset = newest ? newest->time_offset : 0;
	struct civil c = {.year = 1, .month = 1, .day = 1};
	struct ts t = {.nsec = newest ? newest->time.nsec : 0};
	int64_t months;

	if (newest)
		local(&c, newest);
	months = c.year * 12 + c.month - 1 - (int64_t)d->years * 12 - d->months;
	c.year = months >= 0 ? months / 12 : -((11 - months) / 12);
	c.month = (int)(months - c.year * 12) + 1;
	c.day -= d->days;
	t.sec = civil_sec(&c);
	if (offset && zone_offset(z, newest->time.sec) == offset) {
		offset = zone_offset(z, t.sec);
		if (offset)
			offset = zone_offset(z, t.sec - offset);
	}
	t.sec -= offset + (int64_t)d->hours * 3600;
	return t;
}

static void run_begin(struct run *r, const struct policy *p, const struct snapshot *newest,
	const struct zone *z)
{
	r->p = p;
	for (int i = 0; i < POLICY_RULES; i++) {
		r->from[i] = back(newest, &p->within[i], z);
		r->left[i] = p->keep[i];
		r->last[i] = r->last_within[i] = BEFORE_EVER;
	}
}

static void add_reason(struct strlist *why, bool oldest, const char *reason,
	const struct policy_span *d)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	buf_addf(&b, "%s%s", oldest ? "oldest " : "", reason);
	if (d) {
		buf_addc(&b, ' ');
		put_span(&b, d);
	}
	strlist_add(why, buf_str(&b));
	buf_release(&b);
}

static bool is_within(const struct run *r, int rule, const struct snapshot *s)
{
	return !span_none(&r->p->within[rule]) && ts_cmp(&s->time, &r->from[rule]) > 0;
}

/* The rules that count nothing. */
static void uncounted(const struct run *r, const struct snapshot *s, struct strlist *why)
{
	const struct strlist *tags = r->p->tags;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	for (size_t i = 0; tags && i < tags->n; i++) {
		if (!snapshots_tagged(s, tags->s[i]))
			continue;
		buf_reset(&b);
		buf_adds(&b, "has tags ");
		put_tags(&b, tags->s[i]);
		strlist_add(why, buf_str(&b));
	}
	buf_release(&b);
	if (is_within(r, POLICY_LAST, s))
		add_reason(why, false, words[POLICY_LAST].within, &r->p->within[POLICY_LAST]);
}

/* Complete snapshot number nr from the newest.  The oldest one is kept too while a rule has places
 * left: so the history is as long as it can be. */
static void counted(struct run *r, const struct snapshot *s, int64_t nr, bool oldest,
	struct strlist *why)
{
	struct civil c;

	local(&c, s);
	for (int i = 0; i < POLICY_RULES; i++) {
		int64_t b = bucket(i, &c, nr);
		bool again = b == r->last[i];

		if (!r->left[i] || (again && !oldest))
			continue;
		r->last[i] = b;
		r->left[i] -= r->left[i] > 0;
		add_reason(why, again, words[i].reason, NULL);
	}
	for (int i = POLICY_HOURLY; i < POLICY_RULES; i++) {
		int64_t b = bucket(i, &c, nr);
		bool again = b == r->last_within[i];

		if (!is_within(r, i, s) || (again && !oldest))
			continue;
		r->last_within[i] = b;
		add_reason(why, again, words[i].within, &r->p->within[i]);
	}
}

void policy_apply(const struct policy *p, const struct snapshot *const *s, size_t n,
	const struct zone *z, const struct ts *now, struct strlist *why)
{
	const struct snapshot *newest = NULL;
	size_t complete = 0, seen = 0;
	struct run r;

	for (size_t i = 0; i < n; i++) {
		complete += !snapshots_partial(s[i]);
		if (!snapshots_partial(s[i]) && ts_cmp(&s[i]->time, now) < 0)
			newest = s[i];
	}
	run_begin(&r, p, newest, z);
	for (size_t i = n; i-- > 0;) {
		uncounted(&r, s[i], &why[i]);
		if (!snapshots_partial(s[i])) {
			counted(&r, s[i], (int64_t)seen, seen + 1 == complete, &why[i]);
			seen++;
		} else if (!seen && !policy_empty(p)) {
			strlist_add(&why[i], "partial snapshot, no complete one is newer");
		}
	}
}
