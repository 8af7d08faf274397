#include "ranks/workq.h"
#include "base/mem.h"
#include "lib/hand.h"
#include "unit/check.h"

enum { T_STEAL = ROUTER_ENGINE, T_LOOT };

struct item {
	struct workq_item link;
	uint32_t number;
};

struct side {
	struct workq *q;
	int arrived, failed;
	size_t padding; /* bytes that each packed item has more */
};

static void pack(void *arg, struct workq_item *link, struct buf *out)
{
	struct item *it = (struct item *)(void *)link;
	struct side *s = arg;
	void *zero = mem_zalloc(s->padding + 1);

	wire_put_u32(out, it->number);
	wire_put_bytes(out, zero, s->padding);
	mem_free(zero);
	mem_free(it);
}

static struct workq_item *unpack(void *arg, struct wire_in *in)
{
	struct item *it;
	uint32_t number = wire_u32(in);
	size_t n;

	(void)arg;
	wire_bytes(in, &n);
	if (in->bad)
		return NULL;
	it = mem_zalloc(sizeof(*it));
	it->number = number;
	return &it->link;
}

static void arrived(void *arg)
{
	((struct side *)arg)->arrived++;
}

static void failed(void *arg, const struct err *e)
{
	CHECK_EQ(e->code, ERR_INVALID);
	((struct side *)arg)->failed++;
}

static void setup(struct hand *h, struct side *s, int n)
{
	hand_init(h, n);
	for (int i = 0; i < n; i++) {
		s[i] = (struct side){0};
		s[i].q = workq_new(h->r[i], T_STEAL, &h->env[i],
			&(struct workq_ops){pack, unpack, arrived, failed, &s[i]});
	}
}

static void teardown(struct hand *h, struct side *s)
{
	for (int i = 0; i < h->n; i++) {
		struct workq_item *it;

		workq_want(s[i].q, false);
		while ((it = workq_pop(s[i].q)))
			mem_free(it);
		workq_free(s[i].q);
	}
	hand_release(h);
}

static void push(struct side *s, uint32_t from, uint32_t to, bool pinned)
{
	for (uint32_t i = from; i < to; i++) {
		struct item *it = mem_zalloc(sizeof(*it));

		it->number = i;
		it->link.pinned = pinned;
		workq_push(s->q, &it->link);
	}
}

static int pop(struct side *s)
{
	struct item *it = (struct item *)(void *)workq_pop(s->q);
	int n = it ? (int)it->number : -1;

	mem_free(it);
	return n;
}

TEST(own_items_come_newest_first)
{
	struct hand h;
	struct side s[1];

	setup(&h, s, 1);
	workq_want(s[0].q, true); /* alone: nobody to ask */
	CHECK_EQ(pop(s), -1);
	push(s, 0, 3, false);
	CHECK_EQ(workq_count(s[0].q), 3);
	CHECK_EQ(pop(s), 2);
	push(s, 7, 8, true);
	CHECK_EQ(pop(s), 7);
	CHECK_EQ(pop(s), 1);
	CHECK_EQ(pop(s), 0);
	CHECK_EQ(pop(s), -1);
	teardown(&h, s);
}

TEST(a_thief_gets_the_oldest_half)
{
	struct hand h;
	struct side s[2];

	setup(&h, s, 2);
	push(&s[0], 0, 2, true);
	push(&s[0], 2, 7, false); /* five that may go */
	workq_want(s[1].q, true);
	hand_settle(&h);
	CHECK_EQ(s[1].arrived, 1);
	CHECK_EQ(workq_stolen(s[1].q), 3);
	CHECK_EQ(workq_count(s[0].q), 4);
	CHECK_EQ(pop(&s[1]), 4);
	CHECK_EQ(pop(&s[1]), 3);
	workq_want(s[1].q, false);
	CHECK_EQ(pop(&s[1]), 2);
	hand_settle(&h);
	CHECK_EQ(s[1].arrived, 1);
	workq_want(s[1].q, true); /* of two free ones it gets one, then the last */
	hand_settle(&h);
	CHECK_EQ(pop(&s[1]), 5);
	hand_settle(&h);
	CHECK_EQ(pop(&s[1]), 6);
	hand_settle(&h);
	CHECK_EQ(pop(&s[1]), -1); /* the pinned ones stay */
	CHECK_EQ(workq_count(s[0].q), 2);
	CHECK_EQ(pop(&s[0]), 1);
	teardown(&h, s);
}

/* Both are idle when one item appears, and the question of who lost it comes with it: in one turn
 * of the thief, before its engine has looked. */
TEST(the_last_item_does_not_go_to_and_fro)
{
	struct hand h;
	struct side s[2];
	int n;

	setup(&h, s, 2);
	push(&s[0], 0, 1, false);
	workq_want(s[0].q, true);
	workq_want(s[1].q, true);
	for (n = 0; n < 50 && router_turn(h.r[0]) + router_turn(h.r[1]); n++)
		;
	CHECK(n < 50);
	CHECK_EQ(workq_stolen(s[1].q), 1);
	CHECK_EQ(workq_stolen(s[0].q), 0);
	/* It has looked, and has no room for it. */
	workq_want(s[1].q, false);
	clock_sleep(clock_real(), 2000000);
	hand_settle(&h);
	CHECK_EQ(workq_stolen(s[0].q), 1);
	CHECK_EQ(pop(&s[0]), 0);
	teardown(&h, s);
}

TEST(loot_is_bounded_in_bytes)
{
	struct hand h;
	struct side s[2];

	setup(&h, s, 2);
	s[0].padding = 1 << 20;
	push(&s[0], 0, 40, false);
	workq_want(s[1].q, true);
	hand_settle(&h);
	CHECK(workq_count(s[1].q) >= 1);
	CHECK(workq_count(s[1].q) <= 5);
	CHECK_EQ(workq_count(s[0].q) + workq_count(s[1].q), 40);
	teardown(&h, s);
}

/* Counts questions without answering them. */
static void count_steal(void *arg, struct comm_msg *m)
{
	(void)m;
	++*(int *)arg;
}

TEST(one_question_at_a_time)
{
	struct hand h;
	struct side s[1];
	int asked = 0;

	hand_init(&h, 2);
	s[0] = (struct side){0};
	s[0].q = workq_new(h.r[0], T_STEAL, &h.env[0],
		&(struct workq_ops){pack, unpack, arrived, failed, &s[0]});
	router_open(h.r[1], T_STEAL, count_steal, &asked);
	router_open(h.r[1], T_LOOT, NULL, NULL);
	for (int i = 0; i < 5; i++) {
		workq_want(s[0].q, true);
		CHECK_EQ(pop(&s[0]), -1);
		hand_settle(&h);
	}
	CHECK_EQ(asked, 1);
	workq_free(s[0].q);
	hand_release(&h);
}

/* Empty answers: pauses of 1, 2, 4, 8, 16, 32, 50 ms. */
TEST(pauses_grow_while_nothing_is_to_be_had)
{
	struct hand h;
	struct side s[1];
	int asked = 0, before;
	uint32_t none = 0;
	int64_t start;

	hand_init(&h, 2);
	s[0] = (struct side){0};
	s[0].q = workq_new(h.r[0], T_STEAL, &h.env[0],
		&(struct workq_ops){pack, unpack, arrived, failed, &s[0]});
	router_open(h.r[1], T_STEAL, count_steal, &asked);
	router_open(h.r[1], T_LOOT, NULL, NULL);
	start = clock_mono(clock_real());
	workq_want(s[0].q, true);
	while (asked < 8) {
		before = asked;
		router_turn(h.r[1]);
		if (asked > before)
			hand_send(&h, 1, 0, T_LOOT, &none, 4);
		if (!router_turn(h.r[0]))
			router_idle(h.r[0], 1000000);
	}
	CHECK(clock_mono(clock_real()) - start >= (1 + 2 + 4 + 8 + 16 + 32 + 50) * 1000000);
	workq_stop(s[0].q);
	before = asked;
	CHECK_EQ(pop(&s[0]), -1);
	clock_sleep(clock_real(), 60000000);
	hand_settle(&h);
	CHECK_EQ(asked, before);
	workq_free(s[0].q);
	hand_release(&h);
}

TEST(after_stop_nothing_is_given_but_what_was_asked_for_arrives)
{
	struct hand h;
	struct side s[2];

	setup(&h, s, 2);
	push(&s[0], 0, 4, false);
	workq_want(s[1].q, true);
	workq_stop(s[1].q); /* the question is out */
	hand_settle(&h);
	CHECK_EQ(s[1].arrived, 1);
	CHECK_EQ(workq_count(s[1].q), 2);
	teardown(&h, s);

	setup(&h, s, 2);
	push(&s[0], 0, 4, false);
	workq_stop(s[0].q);
	workq_want(s[1].q, true);
	hand_settle(&h);
	CHECK_EQ(workq_count(s[0].q), 4);
	CHECK_EQ(pop(&s[0]), 3);
	teardown(&h, s);
}

TEST(a_damaged_answer_is_reported)
{
	static const uint8_t too_few[] = {2, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t too_long[] = {1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 77};
	struct hand h;
	struct side s[2];

	setup(&h, s, 2);
	hand_send(&h, 0, 1, T_LOOT, too_few, sizeof(too_few));
	hand_settle(&h);
	CHECK_EQ(s[1].failed, 1);
	CHECK_EQ(pop(&s[1]), 9); /* what could be read is not lost */
	hand_send(&h, 0, 1, T_LOOT, too_long, sizeof(too_long));
	hand_send(&h, 0, 1, T_LOOT, too_long, 2);
	hand_settle(&h);
	CHECK_EQ(s[1].failed, 3);
	teardown(&h, s);
}

/* Each rank is asked sooner or later, and no rank asks itself. */
TEST(victims_are_all_others)
{
	struct hand h;
	struct side s[1];
	int asked[4] = {0};
	uint32_t none = 0;

	hand_init(&h, 4);
	s[0] = (struct side){0};
	s[0].q = workq_new(h.r[0], T_STEAL, &h.env[0],
		&(struct workq_ops){pack, unpack, arrived, failed, &s[0]});
	for (int i = 1; i < 4; i++) {
		router_open(h.r[i], T_STEAL, count_steal, &asked[i]);
		router_open(h.r[i], T_LOOT, NULL, NULL);
	}
	workq_want(s[0].q, true);
	for (int i = 0; i < 60; i++) {
		hand_send(&h, 1, 0, T_LOOT, &none, 4);
		hand_settle(&h);
		/* An item of its own ends the growth of the pauses. */
		push(&s[0], 0, 1, false);
		CHECK_EQ(pop(&s[0]), 0);
		clock_sleep(clock_real(), 1100000);
		hand_settle(&h);
	}
	hand_settle(&h);
	for (int i = 1; i < 4; i++)
		CHECK(asked[i] >= 3);
	CHECK_EQ(asked[0], 0);
	workq_free(s[0].q);
	hand_release(&h);
}
