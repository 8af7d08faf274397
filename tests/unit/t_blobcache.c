#include "lib/blobcache.h"
#include "base/mem.h"
#include "lib/craft.h"
#include "unit/check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define THREADS 8
#define BLOBS   600 /* more than there are slots */

struct reading {
	struct craft *c;
	struct blobcache *cache;
	struct id id[BLOBS];
	size_t from, to, rounds;
	atomic_int ended;
};

static void *read_them(void *arg)
{
	struct reading *x = arg;
	const struct buf *plain;
	char text[40];

	for (size_t k = 0; k < x->rounds; k++) {
		for (size_t i = x->from; i < x->to; i++) {
			snprintf(text, sizeof(text), "the text of blob %zu", i);
			if (!CHECK_EQ(
				    blobcache_get(x->cache, x->c->reader, &x->id[i], &plain, NULL),
				    0))
				continue;
			if (CHECK_EQ(plain->len, strlen(text)))
				CHECK_MEM(plain->p, text, plain->len);
			blobcache_put(x->cache, plain);
		}
	}
	atomic_fetch_add(&x->ended, 1);
	loop_poke(x->c->env.loop);
	return NULL;
}

static bool all_ended(void *arg)
{
	return atomic_load(&((struct reading *)arg)->ended) == THREADS;
}

static void read_all(struct reading *x)
{
	pthread_t thread[THREADS];

	atomic_store(&x->ended, 0);
	for (int i = 0; i < THREADS; i++)
		REQUIRE(pthread_create(&thread[i], NULL, read_them, x) == 0);
	loop_until_fn(x->c->env.loop, all_ended, x);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void begin(struct craft *c, struct reading *x)
{
	char text[40];

	craft_init(c, 2);
	*x = (struct reading){.c = c, .rounds = 1, .to = BLOBS};
	for (size_t i = 0; i < BLOBS; i++) {
		snprintf(text, sizeof(text), "the text of blob %zu", i);
		x->id[i] = craft_text(c, text);
	}
	craft_save(c);
	craft_load(c);
}

/* What is there, or on its way, is not asked for again: the pack is gone after the first time. */
TEST(kept)
{
	static struct reading x;
	struct craft c;
	struct id pack;

	begin(&c, &x);
	x.cache = blobcache_new((size_t)1 << 20);
	x.to = 200;
	read_all(&x);
	pack = craft_place(&c, BLOB_DATA, &x.id[0], 0).pack;
	REQUIRE(backend_remove(c.be, BACKEND_PACK, &pack, NULL) == 0);
	x.rounds = 3;
	read_all(&x);
	blobcache_free(x.cache);
	craft_release(&c);
}

/* More than there is room for, in slots or in bytes: all come all the same. */
TEST(bounded)
{
	static struct reading x;
	struct craft c;

	begin(&c, &x);
	x.cache = blobcache_new((size_t)1 << 20);
	read_all(&x);
	blobcache_free(x.cache);
	x.cache = blobcache_new(0);
	x.to = 50;
	read_all(&x);
	blobcache_free(x.cache);
	craft_release(&c);
}
