#include "repo/policy.h"
#include "base/json_out.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

#define MOST 16

/* Snapshots at these times, "" for none; a "p" behind one: it is partial, "t": it has the tag t. */
struct made {
	struct snapshot s[MOST];
	const struct snapshot *of[MOST];
	struct strlist why[MOST];
	size_t n;
};

static void make(struct made *m, const char *const *times)
{
	*m = (struct made){0};
	for (; times[m->n]; m->n++) {
		struct snapshot *s = &m->s[m->n];
		size_t len = strcspn(times[m->n], " ");

		REQUIRE(!json_parse_time(times[m->n], len, &s->time, &s->time_offset));
		if (strchr(times[m->n], 'p'))
			strlist_add(&s->tags, SNAPSHOTS_PARTIAL);
		if (strchr(times[m->n], 't'))
			strlist_add(&s->tags, "t");
		m->of[m->n] = s;
	}
}

static void release(struct made *m)
{
	for (size_t i = 0; i < m->n; i++) {
		strlist_release(&m->s[i].tags);
		strlist_release(&m->why[i]);
	}
}

/* The reasons of all, the newest first: "a, b | - | c". */
static const char *decided(const struct policy *p, const char *const *times, const char *tz)
{
	static char text[4096];
	struct ts now = {.sec = 4102444800}; /* 2100 */
	struct zone *z = zone_new(tz);
	struct made m;
	struct buf b;

	make(&m, times);
	policy_apply(p, m.of, m.n, z, &now, m.why);
	buf_init(&b, sizeof(text) - 1);
	for (size_t i = m.n; i-- > 0;) {
		buf_adds(&b, m.why[i].n ? "" : "-");
		for (size_t k = 0; k < m.why[i].n; k++)
			buf_addf(&b, "%s%s", k ? ", " : "", m.why[i].s[k]);
		buf_adds(&b, i ? " | " : "");
	}
	snprintf(text, sizeof(text), "%s", buf_str(&b));
	buf_release(&b);
	release(&m);
	zone_free(z);
	return text;
}

TEST(counts)
{
	int64_t n;
	struct err e;

	CHECK_EQ(policy_count("0", "keep-last", &n, &e), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(policy_count("+12", "keep-last", &n, &e), 0);
	CHECK_EQ(n, 12);
	CHECK_EQ(policy_count("unlimited", "keep-last", &n, &e), 0);
	CHECK_EQ(n, POLICY_UNLIMITED);
	CHECK_EQ(policy_count("-1", "keep-last", &n, &e), ERR_USAGE);
	CHECK_STR(e.msg, "--keep-last -1: negative values not allowed, use 'unlimited' instead");
	CHECK_EQ(policy_count("", "keep-last", &n, &e), ERR_USAGE);
	CHECK_EQ(policy_count("5x", "keep-last", &n, &e), ERR_USAGE);
	CHECK_EQ(policy_count("99999999999999999999", "keep-last", &n, &e), ERR_USAGE);
}

TEST(spans)
{
	static const char *const wrong[] = {"5", "y", "5x", "1y5", "1.5d", "-", "1000000000000h"};
	struct policy_span d;
	struct err e;

	CHECK_EQ(policy_span("2y5m7d3h", "keep-within", &d, &e), 0);
	CHECK(d.years == 2 && d.months == 5 && d.days == 7 && d.hours == 3);
	CHECK_EQ(policy_span(" 48h ", "keep-within", &d, &e), 0);
	CHECK(!d.years && !d.months && !d.days && d.hours == 48);
	CHECK_EQ(policy_span("1d2d", "keep-within", &d, &e), 0); /* restic: the last one counts */
	CHECK_EQ(d.days, 2);
	CHECK_EQ(policy_span("", "keep-within", &d, &e), 0);
	CHECK_EQ(policy_span("-0d", "keep-within", &d, &e), 0);
	CHECK_EQ(policy_span("-1d", "keep-within", &d, &e), ERR_USAGE);
	CHECK_STR(e.msg, "--keep-within: durations containing negative values are not allowed");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_EQ(policy_span(wrong[i], "keep-within", &d, &e), ERR_USAGE);
}

TEST(text)
{
	struct strlist tags = {0};
	struct policy p = {0};
	struct buf b;

	buf_init(&b, 1000);
	policy_text(&p, &b);
	CHECK_STR(buf_str(&b), "remove");
	CHECK(policy_empty(&p));
	p.tags = &tags;
	CHECK(policy_empty(&p));
	p.keep[POLICY_LAST] = 3;
	p.keep[POLICY_MONTHLY] = POLICY_UNLIMITED;
	p.within[POLICY_LAST] = (struct policy_span){.days = 7, .hours = 3};
	p.within[POLICY_DAILY] = (struct policy_span){.years = 1, .months = 2};
	strlist_add(&tags, "a,b");
	strlist_add(&tags, "c");
	buf_reset(&b);
	policy_text(&p, &b);
	CHECK_STR(buf_str(&b),
		"keep 3 latest, all monthly snapshots, daily snapshots within 1y2m and all "
		"snapshots "
		"with tags [[a, b] [c]] and all snapshots within 7d3h of the newest");
	CHECK(!policy_empty(&p));
	strlist_release(&tags);
	buf_release(&b);
}

TEST(buckets)
{
	static const char *const times[] = {"2020-12-27T10:00:00Z", "2020-12-28T10:00:00Z",
		"2021-01-03T09:00:00Z", "2021-01-04T10:10:00Z", "2021-01-04T10:20:00Z",
		"2021-01-04T11:00:00Z", NULL};
	struct policy p = {0};

	p.keep[POLICY_HOURLY] = 2;
	CHECK_STR(decided(&p, times, "UTC"), "hourly snapshot | hourly snapshot | - | - | - | -");
	p.keep[POLICY_HOURLY] = 0;
	p.keep[POLICY_DAILY] = POLICY_UNLIMITED;
	CHECK_STR(decided(&p, times, "UTC"),
		"daily snapshot | - | - | daily snapshot | daily snapshot | daily snapshot");
	/* ISO weeks: 28 December to 3 January is week 53 of 2020. */
	p.keep[POLICY_DAILY] = 0;
	p.keep[POLICY_WEEKLY] = 3;
	CHECK_STR(decided(&p, times, "UTC"),
		"weekly snapshot | - | - | weekly snapshot | - | weekly snapshot");
	/* The oldest is kept while there is room. */
	p.keep[POLICY_WEEKLY] = 0;
	p.keep[POLICY_YEARLY] = 3;
	CHECK_STR(decided(&p, times, "UTC"),
		"yearly snapshot | - | - | - | yearly snapshot | oldest yearly snapshot");
	p.keep[POLICY_YEARLY] = 2;
	CHECK_STR(decided(&p, times, "UTC"), "yearly snapshot | - | - | - | yearly snapshot | -");
	p.keep[POLICY_LAST] = 1;
	CHECK_STR(decided(&p, times, "UTC"),
		"last snapshot, yearly snapshot | - | - | - | yearly snapshot | -");
}

/* Days and hours are those of the clock that stood on the wall where the snapshot was made. */
TEST(own_zone)
{
	static const char *const times[] = {"2021-06-01T23:30:00+03:00", "2021-06-01T21:00:00Z",
		"2021-06-02T00:30:00+03:00", NULL};
	struct policy p = {.keep = {[POLICY_DAILY] = 9}};

	CHECK_STR(decided(&p, times, "Europe/Helsinki"),
		"daily snapshot | daily snapshot | oldest daily snapshot");
}

TEST(spans_back)
{
	static const char *const times[] = {"2021-02-28T12:00:00Z", "2021-03-01T12:00:00Z",
		"2021-03-03T12:00:00Z", "2021-03-31T12:00:00Z", NULL};
	static const char *const dst[] = {"2021-03-27T11:30:00+02:00", "2021-03-27T12:30:00+02:00",
		"2021-03-28T12:00:00+03:00", NULL};
	static const char *const future[] = {"2021-03-27T11:30:00Z", "2021-03-28T12:00:00Z",
		"2150-01-01T00:00:00Z", NULL};
	struct policy p = {0};

	/* A month before 31 March is "31 February", 3 March; itself it is not newer than that. */
	p.within[POLICY_LAST].months = 1;
	CHECK_STR(decided(&p, times, "UTC"), "within 1m | - | - | -");
	p.within[POLICY_LAST].hours = 1;
	CHECK_STR(decided(&p, times, "UTC"), "within 1m1h | within 1m1h | - | -");
	p.within[POLICY_LAST] = (struct policy_span){.months = 13};
	CHECK_STR(decided(&p, times, "UTC"), "within 13m | within 13m | within 13m | within 13m");
	p.within[POLICY_LAST] = (struct policy_span){.years = 999999999, .days = 999999999};
	CHECK_STR(decided(&p, times + 3, "UTC"), "within 999999999y999999999d");
	/* In the zone where the newest was made a day back may have 23 hours; elsewhere 24. */
	p.within[POLICY_LAST] = (struct policy_span){.days = 1};
	CHECK_STR(decided(&p, dst, "Europe/Helsinki"), "within 1d | within 1d | -");
	CHECK_STR(decided(&p, dst, "UTC"), "within 1d | within 1d | within 1d");
	p.within[POLICY_DAILY] = (struct policy_span){.days = 3};
	CHECK_STR(decided(&p, dst, "UTC"),
		"within 1d, daily within 3d | within 1d, daily within 3d | "
		"within 1d, oldest daily within 3d");
	/* What was made in the future is kept, and no day is counted from it. */
	p.within[POLICY_DAILY] = (struct policy_span){0};
	CHECK_STR(decided(&p, future, "UTC"), "within 1d | within 1d | -");
	CHECK_STR(decided(&p, future + 2, "UTC"), "within 1d");
}

TEST(tags)
{
	static const char *const times[] = {"2021-01-01T00:00:00Z t", "2021-01-02T00:00:00Z",
		"2021-01-03T00:00:00Z", NULL};
	struct strlist tags = {0};
	struct policy p = {.keep = {[POLICY_LAST] = 1}, .tags = &tags};

	strlist_add(&tags, " t ");
	strlist_add(&tags, "t,u");
	CHECK_STR(decided(&p, times, "UTC"), "last snapshot | - | has tags [t]");
	strlist_add(&tags, "");
	CHECK_STR(decided(&p, times, "UTC"),
		"has tags [], last snapshot | has tags [] | has tags [t]");
	strlist_release(&tags);
}

/* A partial snapshot takes no place from a complete one, whatever the rule. */
TEST(partial)
{
	static const char *const times[] = {"2021-01-01T10:00:00Z", "2021-01-01T11:00:00Z p",
		"2021-01-02T09:00:00Z pt", "2021-01-02T10:00:00Z", "2021-01-03T10:00:00Z p",
		"2021-01-03T11:00:00Z p", NULL};
	static const char *const alone[] = {"2021-01-01T10:00:00Z p", "2021-01-02T10:00:00Z p",
		NULL};
#define KEPT "partial snapshot, no complete one is newer"
	struct strlist tags = {0};
	struct policy p = {.keep = {[POLICY_DAILY] = 2}, .tags = &tags};

	CHECK_STR(decided(&p, times, "UTC"),
		KEPT " | " KEPT " | daily snapshot | - | - | daily snapshot");
	p.keep[POLICY_DAILY] = 0;
	p.keep[POLICY_YEARLY] = 5;
	CHECK_STR(decided(&p, times, "UTC"),
		KEPT " | " KEPT " | yearly snapshot | - | - | oldest yearly snapshot");
	p.keep[POLICY_YEARLY] = 0;
	p.keep[POLICY_LAST] = 1;
	CHECK_STR(decided(&p, times, "UTC"), KEPT " | " KEPT " | last snapshot | - | - | -");
	/* The span begins at the newest complete one. */
	p.within[POLICY_LAST].hours = 24;
	CHECK_STR(decided(&p, times, "UTC"),
		"within 24h, " KEPT " | within 24h, " KEPT
		" | within 24h, last snapshot | within 24h | within 24h | -");
	p.within[POLICY_LAST].hours = 0;
	strlist_add(&tags, "t");
	CHECK_STR(decided(&p, times, "UTC"),
		KEPT " | " KEPT " | last snapshot | has tags [t] | - | -");
	CHECK_STR(decided(&p, alone, "UTC"), KEPT " | " KEPT);
	/* Who says that everything may go means it. */
	strlist_release(&tags);
	p.keep[POLICY_LAST] = 0;
	CHECK_STR(decided(&p, alone, "UTC"), "- | -");
}
