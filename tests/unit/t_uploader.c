#include "lib/stores.h"
#include "repo/uploader.h"
#include "unit/repo_fixture.h"
#include <pthread.h>

struct seen {
	struct uploader *u;
	int stored, failed;
	bool idle_at_last, done;
	int wanted;
	struct err err;
};

static void settled(struct seen *s)
{
	s->idle_at_last = uploader_idle(s->u);
	s->done = s->stored + s->failed == s->wanted;
}

static void stored(void *arg, const struct pack *p)
{
	struct seen *s = arg;

	CHECK(p->data.len == 100);
	s->stored++;
	settled(s);
}

static void failed(void *arg, const struct err *e)
{
	struct seen *s = arg;

	s->failed++;
	err_copy(&s->err, e);
	settled(s);
}

static void fill(struct pack *p, uint8_t with)
{
	REQUIRE(p != NULL);
	memset(p->data.p, with, 100);
	p->data.len = 100;
	p->id = fixture_hash(p->data.p, 100);
}

TEST(packs_reach_the_store_and_are_reported)
{
	struct fixture f;
	struct seen s = {.wanted = 20};

	fixture_init(&f, 2);
	s.u = uploader_new(f.repo, 20, stored, failed, &s);
	CHECK(uploader_idle(s.u));
	for (int i = 0; i < 20; i++) {
		struct pack *p = uploader_take(s.u, 1000);

		fill(p, (uint8_t)i);
		uploader_put(s.u, p);
	}
	CHECK(!uploader_idle(s.u));
	fixture_until(&f, &s.done);
	CHECK_EQ(s.stored, 20);
	CHECK(s.idle_at_last);
	CHECK_EQ(fixture_count(f.be, BACKEND_PACK), 20);
	uploader_free(s.u);
	fixture_release(&f);
}

TEST(buffers_are_used_again_and_fit)
{
	struct fixture f;
	struct seen s = {0};
	struct pack *a, *b;
	uint8_t *p;

	fixture_init(&f, 2);
	s.u = uploader_new(f.repo, 4, stored, failed, &s);
	a = uploader_take(s.u, 100000);
	b = uploader_take(s.u, 200000);
	CHECK(a->data.cap >= 100000 && b->data.cap >= 200000);
	p = b->data.p;
	uploader_drop(s.u, b);
	uploader_drop(s.u, a);
	b = uploader_take(s.u, 150000);
	CHECK(b->data.p == p);
	a = uploader_take(s.u, 300000);
	CHECK(a->data.cap >= 300000);
	uploader_drop(s.u, a);
	uploader_drop(s.u, b);
	uploader_free(s.u);
	fixture_release(&f);
}

TEST(failures_name_the_pack)
{
	struct backend_fault_policy policy = {.put_fail = 1000000, .permanent = 1000000};
	struct err why = {ERR_INVALID, "odd"};
	struct fixture f;
	struct seen s = {.wanted = 1};
	struct pack *p;

	fixture_env(&f);
	fixture_over(&f, backend_fault_new(backend_mem_new(), &policy), 2);
	s.u = uploader_new(f.repo, 4, stored, failed, &s);
	p = uploader_take(s.u, 1000);
	fill(p, 1);
	uploader_put(s.u, p);
	fixture_until(&f, &s.done);
	CHECK_EQ(s.failed, 1);
	CHECK_EQ(s.err.code, ERR_NOSPACE);
	CHECK(strstr(s.err.msg, "upload pack ") == s.err.msg);
	s.wanted = 2;
	s.done = false;
	p = uploader_take(s.u, 1000);
	fill(p, 1);
	uploader_fail(s.u, p, &why);
	fixture_until(&f, &s.done);
	CHECK_EQ(s.err.code, ERR_INVALID);
	CHECK_EQ(s.stored, 0);
	uploader_free(s.u);
	fixture_release(&f);
}

TEST(discarded_packs_are_not_sent)
{
	struct fixture f;
	struct seen s = {.wanted = 1};
	struct pack *p;

	fixture_init(&f, 2);
	s.u = uploader_new(f.repo, 4, stored, failed, &s);
	uploader_discard(s.u, true);
	p = uploader_take(s.u, 1000);
	fill(p, 1);
	uploader_put(s.u, p);
	fixture_until(&f, &s.done);
	CHECK_EQ(s.stored, 1);
	CHECK_EQ(fixture_count(f.be, BACKEND_PACK), 0);
	uploader_free(s.u);
	fixture_release(&f);
}

struct taker {
	struct uploader *u;
	struct pack *got;
	atomic_bool back;
};

static void *take(void *arg)
{
	struct taker *t = arg;

	t->got = uploader_take(t->u, 1000);
	atomic_store(&t->back, true);
	return NULL;
}

TEST(takers_wait_for_room_and_for_cancel)
{
	struct fixture f;
	struct seen s = {0};
	struct pack *p[UPLOADER_MIN];
	struct taker t = {0};
	pthread_t thread;

	fixture_init(&f, 2);
	s.u = t.u = uploader_new(f.repo, 1, stored, failed, &s);
	for (int i = 0; i < UPLOADER_MIN; i++) /* never fewer, whatever was asked for */
		p[i] = uploader_take(s.u, 1000);
	REQUIRE(pthread_create(&thread, NULL, take, &t) == 0);
	clock_sleep(clock_real(), 20000000);
	CHECK(!atomic_load(&t.back));
	uploader_drop(s.u, p[0]);
	pthread_join(thread, NULL);
	CHECK(t.got != NULL);
	p[0] = t.got;
	REQUIRE(pthread_create(&thread, NULL, take, &t) == 0);
	clock_sleep(clock_real(), 20000000);
	uploader_cancel(s.u);
	pthread_join(thread, NULL);
	CHECK(!t.got);
	CHECK(!uploader_take(s.u, 1000));
	for (int i = 0; i < UPLOADER_MIN; i++)
		uploader_drop(s.u, p[i]);
	uploader_free(s.u);
	fixture_release(&f);
}

/* Whoever counts packs is never behind by more than there are places; the buffer is free meanwhile.
 */
TEST(a_held_place_is_free_once_released)
{
	struct fixture f;
	struct seen s = {.wanted = UPLOADER_MIN};
	struct taker t = {0};
	struct pack *p;
	uint8_t *first;
	pthread_t thread;

	fixture_init(&f, 2);
	s.u = t.u = uploader_new(f.repo, UPLOADER_MIN, stored, failed, &s);
	uploader_hold(s.u);
	for (int i = 0; i < UPLOADER_MIN; i++) {
		p = uploader_take(s.u, 1000);
		first = p->data.p;
		fill(p, (uint8_t)i);
		uploader_put(s.u, p);
	}
	fixture_until(&f, &s.done);
	CHECK(s.idle_at_last);
	REQUIRE(pthread_create(&thread, NULL, take, &t) == 0);
	clock_sleep(clock_real(), 20000000);
	CHECK(!atomic_load(&t.back));
	uploader_release(s.u);
	pthread_join(thread, NULL);
	REQUIRE(t.got != NULL);
	CHECK(t.got->data.p == first);
	uploader_drop(s.u, t.got);
	uploader_free(s.u);
	fixture_release(&f);
}

/* A dry run's packs hold no place; those that failed do for good, until all is cancelled. */
TEST(discarded_and_failed_packs)
{
	for (int discard = 0; discard < 2; discard++) {
		struct backend_fault_policy policy = {.put_fail = discard ? 0 : 1000000,
			.permanent = 1000000};
		struct fixture f;
		struct seen s = {.wanted = UPLOADER_MIN};
		struct taker t = {0};
		struct pack *p;
		pthread_t thread;

		fixture_env(&f);
		fixture_over(&f, backend_fault_new(backend_mem_new(), &policy), 2);
		s.u = t.u = uploader_new(f.repo, UPLOADER_MIN, stored, failed, &s);
		uploader_hold(s.u);
		uploader_discard(s.u, discard);
		for (int i = 0; i < UPLOADER_MIN; i++) {
			p = uploader_take(s.u, 1000);
			fill(p, (uint8_t)i);
			uploader_put(s.u, p);
		}
		fixture_until(&f, &s.done);
		CHECK_EQ(discard ? s.stored : s.failed, UPLOADER_MIN);
		REQUIRE(pthread_create(&thread, NULL, take, &t) == 0);
		clock_sleep(clock_real(), 20000000);
		CHECK(discard || !atomic_load(&t.back));
		if (!discard)
			uploader_cancel(s.u);
		pthread_join(thread, NULL);
		CHECK((t.got != NULL) == discard);
		uploader_drop(s.u, t.got);
		uploader_free(s.u);
		fixture_release(&f);
	}
}
