#include "ranks/pending.h"
#include "base/mem.h"
#include "lib/hand.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

#define TAG ROUTER_ENGINE

struct seen {
	char text[200]; /* what was called, in order */
	int failed;
	char why[200];
};

static void on_child(void *arg, void *slot, uint32_t child, uint8_t *p, size_t n)
{
	struct seen *s = arg;

	snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text), "%s%u=%.*s ",
		(const char *)slot, child, p ? (int)n : 1, p ? (const char *)p : "-");
	mem_free(p);
}

static void on_full(void *arg, void *slot)
{
	struct seen *s = arg;

	snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text), "%s! ",
		(const char *)slot);
}

static void on_failed(void *arg, const struct err *e)
{
	struct seen *s = arg;

	s->failed++;
	snprintf(s->why, sizeof(s->why), "%.199s", e->msg);
}

struct side {
	struct hand h;
	struct seen seen[3];
	struct pending *p[3];
};

static void setup(struct side *s, int n)
{
	memset(s, 0, sizeof(*s));
	hand_init(&s->h, n);
	for (int i = 0; i < n; i++)
		s->p[i] = pending_new(s->h.r[i], TAG,
			&(struct pending_ops){.child = on_child,
				.full = on_full,
				.failed = on_failed,
				.arg = &s->seen[i]});
}

static void teardown(struct side *s)
{
	for (int i = 0; i < s->h.n; i++)
		pending_free(s->p[i], NULL);
	hand_release(&s->h);
}

static void settle(struct side *s, int rank, const struct dirref *up, const char *text)
{
	pending_settle(s->p[rank], up, text ? mem_dup(text, strlen(text)) : NULL,
		text ? strlen(text) : 0);
}

TEST(full_when_the_last_child_is_settled_on_whichever_rank)
{
	struct side s;
	uint32_t slot;

	setup(&s, 3);
	slot = pending_open(s.p[1], "a", 3);
	pending_opened(s.p[1], slot);
	settle(&s, 0, &(struct dirref){1, slot, 2}, "x");
	hand_settle(&s.h);
	CHECK_STR(s.seen[1].text, "a2=x ");
	settle(&s, 1, &(struct dirref){1, slot, 0}, "here");
	settle(&s, 2, &(struct dirref){1, slot, 1}, NULL);
	CHECK_EQ(pending_count(s.p[1]), 1);
	hand_settle(&s.h);
	CHECK_STR(s.seen[1].text, "a2=x a0=here a1=- a! ");
	CHECK_EQ(pending_count(s.p[1]), 0);
	CHECK_EQ(s.seen[0].failed + s.seen[1].failed + s.seen[2].failed, 0);
	teardown(&s);
}

TEST(not_full_before_all_children_are_known)
{
	struct side s;
	uint32_t slot;

	setup(&s, 1);
	slot = pending_open(s.p[0], "d", 1);
	settle(&s, 0, &(struct dirref){0, slot, 0}, "a");
	CHECK_EQ(pending_more(s.p[0], slot, 9), 1);
	for (uint32_t i = 1; i < 10; i++)
		pending_ready(s.p[0], slot, i);
	CHECK_STR(s.seen[0].text, "d0=a ");
	pending_opened(s.p[0], slot);
	CHECK_STR(s.seen[0].text, "d0=a d! ");
	slot = pending_open(s.p[0], "e", 0);
	pending_opened(s.p[0], slot);
	CHECK_STR(s.seen[0].text, "d0=a d! e! ");
	teardown(&s);
}

TEST(a_number_is_used_again_and_other_slots_keep_theirs)
{
	struct side s;
	uint32_t a, b, c;

	setup(&s, 1);
	a = pending_open(s.p[0], "a", 1);
	b = pending_open(s.p[0], "b", 1);
	pending_opened(s.p[0], a);
	pending_opened(s.p[0], b);
	settle(&s, 0, &(struct dirref){0, a, 0}, "1");
	c = pending_open(s.p[0], "c", 2);
	CHECK_EQ(c, a);
	pending_opened(s.p[0], c);
	settle(&s, 0, &(struct dirref){0, c, 1}, "2");
	settle(&s, 0, &(struct dirref){0, b, 0}, "3");
	CHECK_STR(s.seen[0].text, "a0=1 a! c1=2 b0=3 b! ");
	CHECK_EQ(pending_count(s.p[0]), 1);
	teardown(&s);
}

TEST(many_slots_over_and_over)
{
	struct side s;
	uint32_t slot[300];

	setup(&s, 1);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 300; i++)
			slot[i] = pending_open(s.p[0], "", i);
		CHECK_EQ(pending_count(s.p[0]), 300);
		for (uint32_t i = 0; i < 300; i++) {
			CHECK(slot[i] < 300);
			for (uint32_t k = i; k-- > 0;)
				pending_ready(s.p[0], slot[i], k);
			pending_opened(s.p[0], slot[i]);
			CHECK_EQ(pending_count(s.p[0]), 299 - i);
		}
		s.seen[0].text[0] = 0;
	}
	CHECK_EQ(s.seen[0].failed, 0);
	teardown(&s);
}

TEST(a_result_that_nobody_waits_for_is_an_error)
{
	struct side s;
	uint32_t slot;

	setup(&s, 2);
	slot = pending_open(s.p[0], "a", 9);
	pending_opened(s.p[0], slot);
	settle(&s, 1, &(struct dirref){0, slot, 8}, "x");
	settle(&s, 1, &(struct dirref){0, slot, 8}, "again");
	settle(&s, 1, &(struct dirref){0, slot, 9}, "beyond");
	settle(&s, 1, &(struct dirref){0, slot + 1, 0}, "no such slot");
	hand_settle(&s.h);
	CHECK_EQ(s.seen[0].failed, 3);
	CHECK_STR(s.seen[0].text, "a8=x ");
	for (uint32_t i = 0; i < 8; i++)
		settle(&s, 0, &(struct dirref){0, slot, i}, NULL);
	CHECK_EQ(s.seen[0].failed, 3);
	settle(&s, 1, &(struct dirref){0, slot, 0}, "it is closed");
	hand_settle(&s.h);
	CHECK_EQ(s.seen[0].failed, 4);
	settle(&s, 1, &(struct dirref){7, 0, 0}, "no such rank");
	CHECK_EQ(s.seen[1].failed, 1);
	teardown(&s);
}

TEST(hostile_messages)
{
	static const uint8_t cut[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 200, 0, 0, 0, 'x'};
	struct side s;

	setup(&s, 2);
	pending_opened(s.p[0], pending_open(s.p[0], "a", 1));
	for (size_t n = 0; n <= sizeof(cut); n++)
		hand_send(&s.h, 1, 0, TAG, cut, n);
	hand_settle(&s.h);
	CHECK_EQ(s.seen[0].failed, (int)sizeof(cut) + 1);
	CHECK_STR(s.seen[0].text, "");
	teardown(&s);
}

static void drop(void *slot)
{
	strcpy(slot, "dropped");
}

TEST(what_is_left_is_dropped)
{
	struct side s;
	char left[16] = "left";

	setup(&s, 1);
	pending_open(s.p[0], left, 3);
	pending_free(s.p[0], drop);
	s.p[0] = NULL;
	CHECK_STR(left, "dropped");
	teardown(&s);
}
