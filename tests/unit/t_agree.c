#include "ranks/agree.h"
#include "lib/hand.h"
#include "lib/ranks.h"
#include "unit/check.h"
#include <string.h>

TEST(alone_agrees_with_itself)
{
	struct hand h;
	struct agree *a;
	struct buf b;
	struct err e;
	uint64_t v = 7;

	hand_init(&h, 1);
	a = agree_new(h.r[0]);
	err_clear(&e);
	CHECK_EQ(agree_all(a, &e), 0);
	err_set(&e, ERR_NOSPACE, "full");
	CHECK_EQ(agree_all(a, &e), ERR_NOSPACE);
	CHECK_STR(e.msg, "full");
	err_clear(&e);
	CHECK_EQ(agree_all(a, &e), 0); /* the last round is forgotten */
	agree_sum(a, &v, 1);
	CHECK_EQ(v, 7);
	buf_init(&b, 64);
	buf_adds(&b, "key");
	agree_bcast(a, &b);
	CHECK_STR(buf_str(&b), "key");
	buf_release(&b);
	agree_free(a);
	agree_free(NULL);
	hand_release(&h);
}

static int long_sentence(void *arg, struct comm *c, const struct env *env)
{
	struct router *r = router_new(c, env);
	struct agree *a = agree_new(r);
	struct err e;

	(void)arg;
	err_clear(&e);
	if (c->rank == 2) {
		memset(e.msg, 'x', sizeof(e.msg) - 1);
		e.msg[sizeof(e.msg) - 1] = 0;
		e.code = ERR_IO;
	}
	CHECK_EQ(agree_all(a, &e), ERR_IO);
	CHECK_EQ(strlen(e.msg), ERR_MSG_MAX - 1);
	CHECK(memcmp(e.msg, "rank 2: xxx", 11) == 0);
	agree_free(a);
	router_free(r);
	return c->rank;
}

TEST(the_longest_sentence_fits)
{
	CHECK_EQ(ranks_test(3, 0, long_sentence, NULL), 2);
}

static int early_broadcasts(void *arg, struct comm *c, const struct env *env)
{
	struct router *r = router_new(c, env);
	struct agree *a = agree_new(r);
	struct err e;
	struct buf b;

	(void)arg;
	err_clear(&e);
	buf_init(&b, 64);
	for (int i = 0; i < 3 && c->rank == 0; i++) {
		buf_reset(&b);
		buf_addc(&b, '0' + i);
		agree_bcast(a, &b);
	}
	for (int i = 0; i < 2 && c->rank; i++) {
		agree_bcast(a, &b);
		CHECK_EQ(b.len, 1);
		CHECK_EQ(b.p[0], '0' + i);
	}
	CHECK_EQ(agree_all(a, &e), 0);
	buf_release(&b);
	agree_free(a); /* with a broadcast nobody took */
	router_free(r);
	return 0;
}

TEST(broadcasts_keep_their_order_and_may_be_left)
{
	CHECK_EQ(ranks_test(3, 0, early_broadcasts, NULL), 0);
	CHECK_EQ(ranks_test(3, 1, early_broadcasts, NULL), 0);
}

struct damaged {
	const void *p;
	size_t n;
};

static int damaged_rank(void *arg, struct comm *c, const struct env *env)
{
	const struct damaged *d = arg;
	struct router *r = router_new(c, env);
	struct agree *a = agree_new(r);
	struct err e;
	struct buf b;

	err_clear(&e);
	if (c->rank == 1) {
		buf_init(&b, 64);
		buf_add(&b, d->p, d->n);
		router_send(r, 0, ROUTER_AGREE, &b);
	} else {
		CHECK_EQ(agree_all(a, &e), ERR_INVALID);
		CHECK_STR(e.msg, "rank 1: damaged message");
	}
	agree_free(a);
	router_free(r);
	return 0;
}

TEST(a_damaged_result_counts_as_a_failure)
{
	static const uint8_t cut[] = {1, 0, 0}, kind[] = {9},
			     long_one[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1}, sum[] = {2, 1};

	CHECK_EQ(ranks_test(2, 0, damaged_rank, &(struct damaged){cut, sizeof(cut)}), 0);
	CHECK_EQ(ranks_test(2, 0, damaged_rank, &(struct damaged){kind, sizeof(kind)}), 0);
	CHECK_EQ(ranks_test(2, 0, damaged_rank, &(struct damaged){long_one, sizeof(long_one)}), 0);
	CHECK_EQ(ranks_test(2, 0, damaged_rank, &(struct damaged){sum, sizeof(sum)}), 0);
	CHECK_EQ(ranks_test(2, 0, damaged_rank, &(struct damaged){NULL, 0}), 0);
}

static int all_bytes(void *arg, struct comm *c, const struct env *env)
{
	struct router *r = router_new(c, env);
	struct agree *a = agree_new(r);
	struct buf mine, all[5];

	(void)arg;
	for (unsigned round = 0; round < 3; round++) {
		buf_init(&mine, 64);
		for (int i = 0; i < c->rank; i++)
			buf_addf(&mine, "%u", round); /* nothing at all from rank 0 */
		for (int i = 0; i < c->size; i++)
			buf_init(&all[i], 64);
		agree_gather(a, &mine, c->rank ? NULL : all);
		for (int i = 0; i < c->size && c->rank == 0; i++) {
			CHECK_EQ(all[i].len, (size_t)i);
			for (size_t k = 0; k < all[i].len; k++)
				CHECK_EQ(all[i].p[k], '0' + round);
			buf_release(&all[i]);
		}
		buf_release(&mine);
	}
	agree_free(a);
	router_free(r);
	return 0;
}

TEST(rank_0_gets_what_each_has)
{
	for (int n = 1; n <= 5; n++)
		CHECK_EQ(ranks_test(n, (uint64_t)n, all_bytes, NULL), 0);
}
