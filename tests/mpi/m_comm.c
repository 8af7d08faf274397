/* The MPI mailbox over the real MPI.  ranks: 1 2 4 */
#include "base/clock.h"
#include "base/le.h"
#include "base/mem.h"
#include "comm/comm_mpi.h"
#include "unit/check.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define MS ((int64_t)1000000)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 20
#else
#define SLOWER 1
#endif

static struct comm *c;
static struct loop *l;
#define MEET 1000
static uint32_t phase; /* the tag of this test's messages: a fast rank's next test must not mix with
			  this one */

/* The linker brings the mailbox's calls here, so that tests see what it asks for: how long a sleep
 * takes is the machine's business. */
static int sleeps;
static int64_t first_sleep, last_sleep;
void __real_loop_wait(struct loop *loop, int64_t ns);
void __wrap_loop_wait(struct loop *loop, int64_t ns);
void __wrap_loop_wait(struct loop *loop, int64_t ns)
{
	if (!sleeps++)
		first_sleep = ns;
	last_sleep = ns;
	__real_loop_wait(loop, ns);
}

static int64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 * MS +
	       ((int64_t)u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Contents that follow from sender, receiver, number and size, so that each byte of a message can
 * be checked by its receiver. */
static void fill(struct buf *b, int from, int to, uint32_t i, size_t size)
{
	uint64_t seed = mix((uint64_t)from << 40 ^ (uint64_t)to << 20 ^ i);

	buf_init(b, COMM_MAX);
	buf_reserve(b, size + 8);
	b->len = size;
	for (size_t k = 0; k < size; k += 8)
		le64_put(b->p + k, seed + k);
}

static void check_contents(const struct buf *got, int from, int to, uint32_t i, size_t size)
{
	struct buf want;

	fill(&want, from, to, i, size);
	REQUIRE(got->len == size);
	CHECK(size == 0 || memcmp(got->p, want.p, size) == 0);
	buf_release(&want);
}

/* Other ranks may be a test ahead: their mail waits here. */
static struct early {
	struct early *next;
	struct comm_msg msg;
} * early, **early_last = &early;

static bool take_early(struct comm_msg *m, uint32_t tag)
{
	for (struct early **e = &early; *e; e = &(*e)->next) {
		struct early *found = *e;

		if (found->msg.tag != tag)
			continue;
		*m = found->msg;
		*e = found->next;
		if (!*e)
			early_last = e;
		mem_free(found);
		return true;
	}
	return false;
}

static void keep_early(const struct comm_msg *m)
{
	struct early *e = mem_zalloc(sizeof(*e));

	e->msg = *m;
	*early_last = e;
	early_last = &e->next;
}

static void wait_tag(struct comm_msg *m, uint32_t tag)
{
	if (take_early(m, tag))
		return;
	for (;;) {
		while (!comm_poll(c, m))
			comm_idle(c, l, -1);
		if (m->tag == tag)
			return;
		keep_early(m);
	}
}

static void wait_msg(struct comm_msg *m)
{
	wait_tag(m, phase);
}

/* All meet: like MPI_Barrier, but asleep. */
static void meet(void)
{
	struct comm_msg m;

	for (int i = 1; c->rank == 0 && i < c->size; i++)
		wait_tag(&m, phase + MEET);
	if (c->rank)
		comm_send(c, 0, phase + MEET, NULL);
	for (int i = 1; c->rank == 0 && i < c->size; i++)
		comm_send(c, i, phase + MEET, NULL);
	if (c->rank)
		wait_tag(&m, phase + MEET);
	while (!comm_sent(c))
		comm_idle(c, l, -1);
	phase++;
}

void check_setup(void)
{
	const char *size = getenv("OMPI_COMM_WORLD_SIZE");
	struct err e = {0};

	/* Two ranks talk over TCP, where big messages take their time; more ranks over shared
	 * memory. */
	if (size && strcmp(size, "2") == 0)
		setenv("OMPI_MCA_btl", "tcp,self", 1);
	c = comm_mpi_init(NULL, NULL, &e);
	if (!c) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	l = loop_new();
}

static size_t flood_size(int from, int to, uint32_t i)
{
	uint64_t x = mix((uint64_t)from * 1000003 + (uint64_t)to * 10007 + i);

	/* Mostly small, some above every library's eager limit. */
	return x % 16 == 0 ? x / 16 % 200000 : x / 16 % 600;
}

/* Nobody reads before it has sent everything: a mailbox that blocks would hang here. */
TEST(all_to_all_flood_in_order)
{
	enum { EACH = 2000 };
	uint32_t *next = mem_array((size_t)c->size, sizeof(*next));
	struct comm_msg m;
	struct buf b;

	for (uint32_t i = 0; i < EACH; i++) {
		for (int to = 0; to < c->size; to++) {
			fill(&b, c->rank, to, i, flood_size(c->rank, to, i));
			comm_send(c, to, phase, &b);
		}
	}
	for (int got = 0; got < EACH * c->size; got++) {
		wait_msg(&m);
		check_contents(&m.data, m.from, c->rank, next[m.from],
			flood_size(m.from, c->rank, next[m.from]));
		next[m.from]++;
		buf_release(&m.data);
	}
	mem_free(next);
	meet();
}

/* To the next rank and to oneself: a big message, with small ones before and behind it. */
TEST(big_messages_keep_their_place)
{
	static const size_t sizes[] = {5, (size_t)96 << 20, 0, 7, (size_t)64 << 20, 1};
	enum { N = sizeof(sizes) / sizeof(*sizes) };
	int to = (c->rank + 1) % c->size, from = (c->rank + c->size - 1) % c->size;
	struct comm_msg m;
	struct buf b;

	for (uint32_t i = 0; i < N; i++) {
		fill(&b, c->rank, to, i, sizes[i]);
		comm_send(c, to, phase, &b);
	}
	for (uint32_t i = 0; i < N; i++) {
		wait_msg(&m);
		CHECK_EQ(m.from, from);
		check_contents(&m.data, from, c->rank, i, sizes[i]);
		buf_release(&m.data);
	}
	meet();
}

/*
 * While rank 0 does not look at its mail, comm_sent must say that not all is taken, and what lies
 * in MPI is bounded.  Rank 0 tells the others until when it will not look; all are on one machine
 * and so have one clock.
 */
TEST(sent_means_taken)
{
	enum { EACH = 300 };
	int64_t until = clock_mono(clock_real()) + 300 * MS;
	struct comm_msg m;
	struct buf b;

	if (c->rank) {
		bool sent;

		wait_msg(&m);
		REQUIRE(m.data.len == 8);
		until = (int64_t)le64_get(m.data.p);
		buf_release(&m.data);
		for (int i = 0; i < EACH; i++)
			comm_send(c, 0, phase, NULL);
		for (int i = 0; i < 60; i++)
			comm_idle(c, l, MS);
		sent = comm_sent(c);
		if (clock_mono(clock_real()) < until)
			CHECK(!sent);
	} else {
		for (int to = 1; to < c->size; to++) {
			buf_init(&b, 8);
			buf_reserve(&b, 8);
			b.len = 8;
			le64_put(b.p, (uint64_t)until);
			comm_send(c, to, phase, &b);
		}
		/* TCP brings a message only to who looks after it; of the others' mail this takes
		 * less than one of them sends. */
		while (!comm_sent(c))
			comm_idle(c, l, MS);
		while (c->size > 1 && clock_mono(clock_real()) < until)
			clock_sleep(clock_real(), 10 * MS);
		for (int i = 0; i < EACH * (c->size - 1); i++)
			wait_msg(&m);
	}
	meet();
}

/*
 * On a loaded virtual machine CPU time is counted badly, so how often the rank woke up is the sharp
 * test here and CPU time the coarse one. Whoever began to wait first is the first to meet the
 * others, who then still wait here: that is all that may come.
 */
TEST(a_waiting_rank_costs_next_to_nothing)
{
	int64_t cpu = cpu_ns(), start = clock_mono(clock_real());
	struct comm_msg m;
	int woke = 0;

	while (clock_mono(clock_real()) - start < 2000 * MS) {
		if (comm_poll(c, &m)) {
			CHECK_EQ(m.tag, phase + MEET);
			keep_early(&m);
		}
		comm_idle(c, l, 2000 * MS);
		woke++;
	}
	cpu = cpu_ns() - cpu;
	fprintf(stderr, "rank %d: %.1f ms CPU in 2 s of waiting, woke %d times\n", c->rank,
		(double)cpu / 1e6, woke);
	CHECK(woke < 500);
	CHECK(cpu < 200 * MS * SLOWER);
	meet();
}

/* Short sleeps at first, then longer ones: a busy pair of ranks answers at once. */
TEST(sleeps_begin_short_after_a_message)
{
	enum { FIRST = 50000 };
	struct comm_msg m;

	for (int i = 0; i < 20 && c->size > 1 && c->rank < 2; i++) {
		if (c->rank == 0) {
			clock_sleep(clock_real(), 10 * MS);
			sleeps = 0;
			comm_send(c, 1, phase, NULL);
			comm_idle(c, l, -1);
			CHECK(sleeps == 0 || first_sleep == FIRST);
			wait_msg(&m);
			continue;
		}
		wait_msg(&m);
		sleeps = 0;
		comm_idle(c, l, -1);
		CHECK_EQ(sleeps, 1);
		CHECK_EQ(first_sleep, FIRST);
		comm_idle(c, l, -1);
		CHECK(last_sleep > FIRST && last_sleep <= 2 * FIRST);
		comm_send(c, 0, phase, NULL);
		while (!comm_sent(c))
			comm_idle(c, l, -1);
	}
	meet();
}

static int cmp_ns(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

struct posted {
	struct task task;
	_Atomic int64_t at;
	int64_t took;
	bool ran;
};

static void posted_done(struct task *t)
{
	struct posted *p = task_of(t, struct posted, task);

	p->took = clock_mono(clock_real()) - p->at;
	p->ran = true;
}

static void *post_later(void *arg)
{
	struct posted *p = arg;

	clock_sleep(clock_real(), 60 * MS);
	p->at = clock_mono(clock_real());
	loop_post(l, &p->task);
	return NULL;
}

/* After 60 ms a rank sleeps 5 ms at a time; the quick quarter shows whether a task waits for the
 * end of such a sleep. */
TEST(a_posted_task_ends_the_sleep)
{
	enum { N = 20 };
	int64_t t[N];

	for (int i = 0; i < N; i++) {
		struct posted p = {.task.done = posted_done};
		pthread_t th;

		pthread_create(&th, NULL, post_later, &p);
		while (!p.ran) {
			comm_idle(c, l, -1);
			loop_run(l);
		}
		pthread_join(th, NULL);
		t[i] = p.took;
	}
	qsort(t, N, sizeof(*t), cmp_ns);
	CHECK(t[N / 4] < 600000 * SLOWER);
	meet();
}

/*
 * Rank 0 comes a second late to the end, and reads its mail only then: nobody may have gone before
 * it was taken.  The others wait asleep, also over mail that nobody reads.
 */
void check_teardown(void)
{
	enum { EACH = 50 }; /* more than MPI has at once */
	int64_t cpu;
	struct comm_msg m;
	struct buf b;

	for (uint32_t i = 0; i < EACH; i++) {
		for (int to = 0; to < c->size; to++) {
			fill(&b, c->rank, to, i, i == 7 ? 10000000 : 100);
			comm_send(c, to, phase, &b);
		}
	}
	if (c->rank == 0 && c->size > 1)
		clock_sleep(clock_real(), 1000 * MS);
	for (int i = 0; c->rank == 0 && i < EACH * c->size; i++) {
		wait_msg(&m);
		buf_release(&m.data);
	}
	cpu = cpu_ns();
	comm_mpi_end(c);
	cpu = cpu_ns() - cpu;
	fprintf(stderr, "%.1f ms CPU to end\n", (double)cpu / 1e6);
	CHECK(cpu < 250 * MS * SLOWER);
	loop_free(l);
}
