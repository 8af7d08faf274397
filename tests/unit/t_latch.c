#include "base/latch.h"
#include "check.h"
#include <stdatomic.h>
#include <unistd.h>

struct happens {
	struct latch l;
	atomic_int n;
};

static void *one(void *arg)
{
	struct happens *h = arg;

	usleep(2000);
	atomic_fetch_add(&h->n, 1);
	latch_down(&h->l);
	return NULL;
}

TEST(nothing_to_wait_for)
{
	struct latch l;

	latch_init(&l, 0);
	latch_wait(&l);
	CHECK_EQ(l.left, 0);
}

TEST(what_has_happened_already)
{
	struct latch l;

	latch_init(&l, 1);
	latch_down(&l);
	latch_wait(&l);
	CHECK_EQ(l.left, 0);
}

TEST(all_of_them)
{
	for (int round = 0; round < 50; round++) {
		struct happens h = {.n = 0};
		pthread_t t[8];

		latch_init(&h.l, 8);
		for (int i = 0; i < 8; i++)
			pthread_create(&t[i], NULL, one, &h);
		latch_wait(&h.l);
		CHECK_EQ(atomic_load(&h.n), 8);
		for (int i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
	}
}
