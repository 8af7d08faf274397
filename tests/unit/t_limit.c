#include "lib/stores.h"
#include "backend/decorators.h"
#include "backend/local.h"
#include "backend/backend.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdatomic.h>
#include <unistd.h>

/* A store that holds every operation until the test lets it go. */
struct held {
	struct backend b;
	struct backend_op *op[64];
	unsigned n, most, lists;
};

static struct held *held_of(struct backend *b)
{
	return (struct held *)(void *)b;
}

static void held_start(struct backend *b, struct backend_op *op)
{
	struct held *h = held_of(b);

	h->op[h->n++] = op;
	if (h->n > h->most)
		h->most = h->n;
}

static int held_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct id id = {{1}};

	(void)t;
	(void)err;
	held_of(b)->lists++;
	return to->file(to->arg, &id, 5);
}

static int held_create(struct backend *b, struct err *err)
{
	(void)b;
	return err_set(err, ERR_DENIED, "no");
}

static void held_free(struct backend *b)
{
	CHECK_EQ(held_of(b)->n, 0);
}

static const struct backend_vtable held_vtable = {.scheme = "held",
	.start = held_start,
	.list = held_list,
	.create = held_create,
	.free = held_free};

static void let_go(struct held *h, unsigned i)
{
	struct backend_op *op = h->op[i];

	for (unsigned k = i; k + 1 < h->n; k++)
		h->op[k] = h->op[k + 1];
	h->n--;
	op->done(op);
}

static int order[64];
static int ended;

static void note_done(struct backend_op *op)
{
	order[ended++] = *(int *)op->arg;
}

TEST(at_most_so_many_in_order)
{
	struct held h = {.b = {.vt = &held_vtable, .connections = 9}};
	struct backend *b = backend_limit_new(&h.b, 3);
	struct backend_op op[10];
	int number[10];

	ended = 0;
	CHECK_EQ(b->connections, 3);
	for (int i = 0; i < 10; i++) {
		number[i] = i;
		op[i] = (struct backend_op){.verb = BACKEND_STAT,
			.type = BACKEND_PACK,
			.done = note_done,
			.arg = &number[i]};
		backend_start(b, &op[i]);
	}
	CHECK_EQ(h.n, 3);
	CHECK(h.op[0] == &op[0] && h.op[1] == &op[1] && h.op[2] == &op[2]);
	/* Whoever leaves, the next in line is the one who waited longest. */
	let_go(&h, 1);
	CHECK(h.op[2] == &op[3]);
	let_go(&h, 2);
	CHECK(h.op[2] == &op[4]);
	while (h.n)
		let_go(&h, 0);
	CHECK_EQ(h.most, 3);
	REQUIRE(ended == 10);
	CHECK_EQ(order[0], 1);
	CHECK_EQ(order[1], 3);
	CHECK_EQ(order[2], 0);
	for (int i = 5; i < 10; i++)
		CHECK_EQ(order[i], i);
	for (int i = 0; i < 10; i++)
		CHECK(op[i].arg == &number[i]);
	backend_free(b);
}

TEST(giving_up_empties_the_line)
{
	struct held h = {.b = {.vt = &held_vtable, .connections = 9}};
	struct backend *b = backend_limit_new(&h.b, 2);
	struct backend_op op[8];
	int number[8];

	ended = 0;
	for (int i = 0; i < 8; i++) {
		number[i] = i;
		op[i] = (struct backend_op){.verb = BACKEND_PUT,
			.type = BACKEND_PACK,
			.done = note_done,
			.arg = &number[i]};
		backend_start(b, &op[i]);
	}
	backend_give_up(b);
	CHECK_EQ(h.n, 2);
	REQUIRE(ended == 6);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(order[i], i + 2);
		CHECK_EQ(op[i + 2].err.code, ERR_CANCELLED);
	}
	/* Index files do not wait; and it goes on for what comes later. */
	op[2] = (struct backend_op){.verb = BACKEND_PUT,
		.type = BACKEND_INDEX,
		.done = note_done,
		.arg = &number[2]};
	backend_start(b, &op[2]);
	CHECK_EQ(h.n, 3);
	op[3] = (struct backend_op){.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.done = note_done,
		.arg = &number[3]};
	backend_start(b, &op[3]);
	CHECK_EQ(h.n, 3);
	while (h.n)
		let_go(&h, 0);
	CHECK_EQ(ended, 10);
	backend_free(b);
}

static int count(void *arg, const struct id *name, uint64_t size)
{
	(void)name;
	(*(uint64_t *)arg) += size;
	return 0;
}

TEST(locks_and_listings_pass)
{
	struct held h = {.b = {.vt = &held_vtable}};
	struct backend *b = backend_limit_new(&h.b, 1);
	struct backend_op op[4];
	int number = 0;
	uint64_t sum = 0;

	ended = 0;
	for (int i = 0; i < 4; i++) {
		op[i] = (struct backend_op){.verb = BACKEND_STAT,
			.type = BACKEND_PACK,
			.done = note_done,
			.arg = &number};
		if (i == 3)
			op[i].type = BACKEND_LOCK;
		backend_start(b, &op[i]);
	}
	REQUIRE(h.n == 2);
	CHECK(h.op[0] == &op[0]);
	CHECK(h.op[1] == &op[3]);
	CHECK_EQ(backend_list(b, BACKEND_PACK, count, &sum, NULL), 0);
	CHECK_EQ(sum, 5);
	CHECK_EQ(backend_create(b, NULL), ERR_DENIED);
	/* A lock that ends makes no room for a pack. */
	let_go(&h, 1);
	CHECK_EQ(h.n, 1);
	while (h.n)
		let_go(&h, 0);
	CHECK_EQ(ended, 4);
	backend_free(b);
}

TEST(zero_is_one)
{
	struct held h = {.b = {.vt = &held_vtable}};
	struct backend *b = backend_limit_new(&h.b, 0);

	CHECK_EQ(b->connections, 1);
	backend_free(b);
}

/* done() may start further operations; here a chain of them through a limit of one. */
struct chain {
	struct backend *b;
	struct backend_op op;
	int left;
};

static void chain_next(struct backend_op *op)
{
	struct chain *c = op->arg;

	if (c->left-- > 0)
		backend_start(c->b, op);
}

TEST(done_may_start)
{
	struct held h = {.b = {.vt = &held_vtable}};
	struct backend *b = backend_limit_new(&h.b, 1);
	struct chain c[2];

	for (int i = 0; i < 2; i++) {
		c[i] = (struct chain){.b = b, .left = 5};
		c[i].op = (struct backend_op){.verb = BACKEND_STAT,
			.type = BACKEND_KEY,
			.done = chain_next,
			.arg = &c[i]};
		backend_start(b, &c[i].op);
	}
	for (int i = 0; i < 12; i++) {
		CHECK_EQ(h.n, 1);
		let_go(&h, 0);
	}
	CHECK_EQ(h.n, 0);
	backend_free(b);
}

static atomic_int many_done;

static void many_note(struct backend_op *op)
{
	CHECK_EQ(op->err.code, ERR_NOTFOUND);
	atomic_fetch_add(&many_done, 1);
}

/* The first operation is held, the line behind it ends at once: it must not be as deep on the stack
 * as it is long. */
static struct backend *inline_inner;
static struct backend_op *first_op;

static void first_held_start(struct backend *b, struct backend_op *op)
{
	(void)b;
	if (first_op)
		backend_start(inline_inner, op);
	else
		first_op = op;
}

static void *long_line(void *arg)
{
	enum { MANY = 20000 };
	static const struct backend_vtable vt = {.scheme = "first",
		.start = first_held_start,
		.list = held_list,
		.create = held_create,
		.free = held_free};
	struct held h = {.b = {.vt = &vt}};
	struct backend *b = backend_limit_new(&h.b, 1);
	struct backend_op *op = mem_array(MANY, sizeof(*op));

	inline_inner = backend_mem_new();
	first_op = NULL;
	for (int i = 0; i < MANY; i++) {
		op[i].verb = BACKEND_STAT;
		op[i].type = BACKEND_PACK;
		op[i].done = many_note;
		backend_start(b, &op[i]);
	}
	CHECK_EQ(atomic_load(&many_done), 0);
	err_set(&first_op->err, ERR_NOTFOUND, "held");
	first_op->done(first_op);
	CHECK_EQ(atomic_load(&many_done), MANY);
	backend_free(b);
	backend_free(inline_inner);
	mem_free(op);
	return arg;
}

TEST(long_line_short_stack)
{
	pthread_attr_t small;
	pthread_t t;

	pthread_attr_init(&small);
	REQUIRE(!pthread_attr_setstacksize(&small, 256 << 10));
	REQUIRE(!pthread_create(&t, &small, long_line, NULL));
	pthread_join(t, NULL);
	pthread_attr_destroy(&small);
}

/* Whoever hears of the last operation may free the limit while the thread that tells still works in
 * it. */
struct slow {
	atomic_bool told, left;
	struct held *h;
};

static void slow_done(struct backend_op *op)
{
	struct slow *s = op->arg;

	atomic_store(&s->told, true);
	usleep(50000);
	atomic_store(&s->left, true);
}

static void *slow_let_go(void *arg)
{
	let_go(((struct slow *)arg)->h, 0);
	return NULL;
}

TEST(free_waits_for_the_last_done)
{
	struct held h = {.b = {.vt = &held_vtable}};
	struct backend *b = backend_limit_new(&h.b, 1);
	struct slow s = {.h = &h};
	struct backend_op op = {.verb = BACKEND_STAT,
		.type = BACKEND_KEY,
		.done = slow_done,
		.arg = &s};
	pthread_t t;

	backend_start(b, &op);
	REQUIRE(!pthread_create(&t, NULL, slow_let_go, &s));
	while (!atomic_load(&s.told))
		usleep(1000);
	backend_free(b);
	CHECK(atomic_load(&s.left));
	pthread_join(t, NULL);
}

/* Threads come and go while the line moves; at the end the limit is freed as soon as the last
 * done() was called. */
struct crowd {
	struct backend *b;
	pthread_mutex_t m;
	pthread_cond_t c;
	int done;
};

static void crowd_done(struct backend_op *op)
{
	struct crowd *c = op->arg;

	mem_free(op);
	pthread_mutex_lock(&c->m);
	c->done++;
	pthread_cond_signal(&c->c);
	pthread_mutex_unlock(&c->m);
}

static void *crowd_start(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < 100; i++) {
		struct backend_op *op = mem_zalloc(sizeof(*op));

		op->verb = BACKEND_PUT;
		op->type = BACKEND_PACK;
		op->name.b[0] = (uint8_t)i;
		op->data = (const uint8_t *)"abc";
		op->size = 3;
		op->done = crowd_done;
		op->arg = c;
		backend_start(c->b, op);
	}
	return NULL;
}

TEST(threads_and_free)
{
	for (int round = 0; round < 20; round++) {
		char *dir = mem_printf("%s/crowd", check_tmpdir());
		struct crowd c = {
			.b = backend_limit_new(
				round % 10 ? backend_mem_new() : backend_local_new(dir, 2), 2)};
		pthread_t t[4];

		REQUIRE(!backend_create(c.b, NULL));
		pthread_mutex_init(&c.m, NULL);
		pthread_cond_init(&c.c, NULL);
		for (int i = 0; i < 4; i++)
			REQUIRE(!pthread_create(&t[i], NULL, crowd_start, &c));
		pthread_mutex_lock(&c.m);
		while (c.done < 400)
			pthread_cond_wait(&c.c, &c.m);
		pthread_mutex_unlock(&c.m);
		backend_free(c.b);
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
		pthread_cond_destroy(&c.c);
		pthread_mutex_destroy(&c.m);
		mem_free(dir);
	}
}
