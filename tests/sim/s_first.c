/*
 * Two that make a repository at the same moment, or back up there for the first time, stopped at
 * every pair of their requests: A before its k-th, B before its m-th, then A goes on to its end,
 * and then B, or B is dead.  And in turns, one request each; and by the dice.  Afterwards the
 * password opens the repository, by whichever key; each of the two has what it was told that it
 * has.
 *
 * Over a store that creates conditionally, and over Swift, which cannot.
 */
#include "lib/stores.h"
#include "base/mem.h"
#include "lib/checking.h"
#include "lib/files.h"
#include "lib/gate.h"
#include "lib/rig.h"
#include "lib/swift_mem.h"
#include "unit/check.h"
#include <pthread.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { A, B };
#define ALL  UINT_MAX
#define DICE 200

struct side {
	struct race *race;
	int who;
	struct backend *be;
	bool backs_up;
	unsigned asked;
	int code;
	struct err err;
};

/* Where a plan stands: whose turn it is, and for how many requests more. */
struct race {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int turn;
	unsigned left;
	unsigned step, k, m;
	bool in_turns, dies;
	uint64_t dice; /* not 0: whose turn is how long is drawn */
	bool ended[2];
	struct backend *store; /* all that is there, without a gate */
	struct swift_mem *swift;
	struct side side[2];
};

static char *source[2];
static struct id tree[2]; /* of these sources */
static struct rig rig;    /* for what the test itself does */

static int64_t mono(void *arg)
{
	(void)arg;
	return clock_mono(clock_real());
}

static struct ts now(void *arg)
{
	(void)arg;
	return clock_now(clock_real());
}

/* Who waits for the other waits for nothing here: the other goes on when the plan says so. */
static void no_sleep(void *arg, int64_t ns)
{
	(void)arg;
	(void)ns;
}

static const struct clock impatient = {now, mono, no_sleep, NULL};

/* Under the lock: the next part of the plan. */
static void next_turn(struct race *r)
{
	if (r->dice) {
		r->dice ^= r->dice << 13;
		r->dice ^= r->dice >> 7;
		r->dice ^= r->dice << 17;
		r->turn = !r->turn;
		r->left = 1 + (unsigned)(r->dice >> 32) % 5;
	} else if (r->in_turns && r->step) {
		r->turn = !r->turn;
		r->left = 1;
	} else {
		static const int who[] = {A, B, A, B};

		r->turn = r->in_turns ? B : who[r->step % 4];
		r->left = r->in_turns ? 1 : r->step == 1 ? r->m : ALL;
	}
	r->step++;
	if (r->ended[r->turn]) {
		r->turn = !r->turn;
		r->left = ALL;
	}
	pthread_cond_broadcast(&r->moved);
}

/* A request comes to the gate; it passes when its turn has come, or fails if its process is dead.
 */
static int ask(void *arg)
{
	struct side *s = arg;
	struct race *r = s->race;
	bool dead;

	pthread_mutex_lock(&r->lock);
	dead = r->dies && s->who == B && s->asked >= r->m;
	s->asked++;
	while (!dead && (r->turn != s->who || !r->left)) {
		if (r->turn == s->who && !r->left)
			next_turn(r);
		else
			pthread_cond_wait(&r->moved, &r->lock);
	}
	if (!dead && r->left != ALL)
		r->left--;
	pthread_mutex_unlock(&r->lock);
	return dead ? ERR_CANCELLED : 0;
}

static void end(struct side *s)
{
	struct race *r = s->race;

	pthread_mutex_lock(&r->lock);
	r->ended[s->who] = true;
	if (r->turn == s->who)
		next_turn(r);
	pthread_mutex_unlock(&r->lock);
}

static int ask_gate(void *arg, const struct backend_op *op, enum backend_type t)
{
	(void)op;
	(void)t;
	return ask(arg);
}

/* As the command does it: look, then make or open. */
static struct repo *first_repo(struct backend *be, const struct env *env, bool *there,
	struct err *err)
{
	static const struct kdf_params cheap = {.n = 2, .r = 1, .p = 1};
	struct repo_spec what = {.version = 2, .who = {"tester", "first"}, .cost = &cheap};
	struct repo *repo = NULL;
	bool made;

	*there = !repo_probe(be, NULL);
	err_clear(err);
	if (*there)
		repo_open(be, env, "x", 1, NULL, &repo, err);
	else
		repo_create(be, env, &what, "x", 1, &repo, &made, err);
	return repo;
}

static struct repo *open_first(struct rig_backup *b, const struct env *env, struct err *err)
{
	bool there;

	return first_repo(b->be, env, &there, err);
}

static void back_up(struct side *s)
{
	struct rig_backup b = {.ranks = 1,
		.be = s->be,
		.target = ".",
		.opt = {.cwd = source[s->who]},
		.open = open_first,
		.clock = &impatient,
		.quiet = true};

	/* A run that finds its repository replaced says so, and is started again. */
	for (int i = 0; i < 3; i++) {
		rig_backup_run(&b);
		s->code = b.code;
		err_copy(&s->err, &b.err);
		if (!b.code)
			break;
	}
}

static void *run_side(void *arg)
{
	struct side *s = arg;

	if (s->backs_up) {
		back_up(s);
	} else {
		struct env env = rig.env;
		struct repo *repo;
		bool there;

		env.clock = &impatient;
		repo = first_repo(s->be, &env, &there, &s->err);
		s->code = s->err.code;
		repo_close(repo);
	}
	end(s);
	return NULL;
}

static int open_by(void *arg, const struct id *name, uint64_t size)
{
	struct race *r = arg;
	struct repo *repo = NULL;
	struct err e = {0};

	(void)size;
	CHECK_EQ(repo_open(r->store, &rig.env, "x", 1, id_hex(name).s, &repo, &e), 0);
	CHECK_STR(e.msg, "");
	/* Else it was another key that opened it. */
	CHECK(repo && id_equal(&repo->key_id, name));
	repo_close(repo);
	return 0;
}

static void on_check_error(void *arg, const char *message)
{
	(void)arg;
	CHECK_STR(message, "no error");
}

static int find_tree(void *arg, const struct id *name, uint64_t size)
{
	struct race *r = arg;
	struct repo *repo = NULL;
	struct snapshot snap = {0};
	struct buf json;

	(void)size;
	buf_init(&json, REPO_SMALL_MAX);
	REQUIRE(repo_open(r->store, &rig.env, "x", 1, NULL, &repo, NULL) == 0);
	if (CHECK_EQ(repo_load(repo, BACKEND_SNAPSHOT, name, &json, NULL), 0) &&
		CHECK_EQ(snapshot_parse(&snap, json.p, json.len, NULL), 0)) {
		for (int i = 0; i < 2; i++)
			r->ended[i] |= id_equal(&snap.tree, &tree[i]);
	}
	snapshot_release(&snap);
	buf_release(&json);
	repo_close(repo);
	return 0;
}

/* Every blob of the snapshots is there and right, and their trees are those of the sources; of a
 * side that died it may be there. */
static void holds_both(struct race *r)
{
	struct check_events ev = {.error = on_check_error};
	struct checking k = {.be = r->store, .opt = {.read_data = true}, .ev = &ev};
	struct repo *repo = NULL;
	struct err e = {0};

	if (CHECK_EQ(repo_open(r->store, &rig.env, "x", 1, NULL, &repo, &e), 0)) {
		k.repo = repo;
		checking_run(&k);
		CHECK_EQ(k.code, 0);
		CHECK_EQ(k.res.errors, 0);
		CHECK(k.res.snapshots == 2 || (r->dies && k.res.snapshots == 1));
		check_result_release(&k.res);
	}
	repo_close(repo);
	r->ended[A] = r->ended[B] = false;
	CHECK_EQ(backend_list(r->store, BACKEND_SNAPSHOT, find_tree, r, NULL), 0);
	CHECK(r->ended[A] && (r->ended[B] || r->dies));
}

struct plan {
	bool swift, backs_up, in_turns, dies;
	unsigned k, m;
	uint64_t dice;
};

/* *asked: how many requests A made, until the plan let go of it. */
static void race(const struct plan *p, unsigned *asked)
{
	struct race r = {.turn = A,
		.left = p->k,
		.k = p->k,
		.m = p->m,
		.in_turns = p->in_turns,
		.dies = p->dies,
		.dice = p->dice,
		.step = p->in_turns ? 0 : 1};
	int before = check_failures();
	pthread_t thread[2];

	pthread_mutex_init(&r.lock, NULL);
	pthread_cond_init(&r.moved, NULL);
	r.swift = swift_mem_new();
	r.store = p->swift ? swift_mem_store(r.swift, NULL, NULL, &rig.env) : backend_mem_new();
	alarm(60);
	for (int i = 0; i < 2; i++) {
		struct side *s = &r.side[i];

		*s = (struct side){.race = &r, .who = i, .backs_up = p->backs_up};
		s->be = p->swift ? swift_mem_store(r.swift, ask, s, &rig.env)
				 : gate_new(backend_share(r.store), ask_gate, s);
		REQUIRE(!pthread_create(&thread[i], NULL, run_side, s));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	alarm(0);
	for (int i = 0; i < 2; i++) {
		CHECK(r.side[i].code == 0 || (i == B && p->dies));
		if (!p->dies)
			CHECK_STR(r.side[i].err.msg, "");
		backend_free(r.side[i].be);
	}
	/* What is dead cannot remove its key. */
	if (!p->dies)
		CHECK_EQ(backend_list(r.store, BACKEND_KEY, open_by, &r, NULL), 0);
	if (p->backs_up)
		holds_both(&r);
	*asked = r.side[A].asked;
	backend_free(r.store);
	swift_mem_free(r.swift);
	pthread_cond_destroy(&r.moved);
	pthread_mutex_destroy(&r.lock);
	if (check_failures() > before)
		fprintf(stderr, "  in %s of %s, A stopped before request %u, B %s %u, dice %llu\n",
			p->backs_up ? "first backups" : "inits", p->swift ? "Swift" : "memory",
			p->k + 1,
			p->in_turns ? "in turns"
			: p->dies   ? "dead before"
				    : "before",
			p->m + 1, (unsigned long long)p->dice);
}

/* Until a side has no request more to be stopped before. */
static void all_pairs(bool swift, bool backs_up)
{
	unsigned asked, most, races = 0;

	race(&(struct plan){.swift = swift, .backs_up = backs_up, .k = ALL}, &most);
	for (unsigned k = 0; k <= most; k++) {
		race(&(struct plan){.swift = swift, .backs_up = backs_up, .in_turns = true, .k = k},
			&asked);
		for (unsigned m = 0; m <= most; m += CHECK_LESS, races++) {
			race(&(struct plan){.swift = swift, .backs_up = backs_up, .k = k, .m = m},
				&asked);
			race(&(struct plan){.swift = swift,
				     .backs_up = backs_up,
				     .k = k,
				     .m = m,
				     .dies = true},
				&asked);
		}
		if (check_failures() > 20)
			return;
	}
	for (uint64_t i = 1; i <= DICE / CHECK_LESS; i++) {
		struct plan p = {.swift = swift,
			.backs_up = backs_up,
			.k = (unsigned)(i % 8),
			.dice = i * 0x9e3779b97f4a7c15u};

		race(&p, &asked);
		p.dies = true;
		p.m = (unsigned)(i % most);
		race(&p, &asked);
	}
	printf("    %s of %s: %u requests, %u pairs\n", backs_up ? "first backups" : "inits",
		swift ? "Swift" : "memory", most, races);
}

void check_setup(void)
{
	char name[16];

	rig_init(&rig, 1);
	rig.env.log.max = LOG_ERROR;
	for (int i = 0; i < 2; i++) {
		struct backend *be = backend_mem_new();
		struct rig_backup b = {.ranks = 1, .be = be, .target = ".", .adopt = true};

		snprintf(name, sizeof(name), "src%d", i);
		source[i] = files_dir(name);
		files_mkdir(source[i], "below");
		files_random(source[i], "below/a", 3000, (uint64_t)i + 1);
		files_text(source[i], "same", "in both");
		b.opt.cwd = source[i];
		rig_backup_run(&b);
		REQUIRE(b.code == 0);
		tree[i] = b.result.tree;
		backend_free(be);
	}
}

void check_teardown(void)
{
	for (int i = 0; i < 2; i++)
		mem_free(source[i]);
	rig_release(&rig);
}

TEST(two_inits_in_memory)
{
	all_pairs(false, false);
}

TEST(two_inits_over_swift)
{
	all_pairs(true, false);
}

TEST(two_first_backups_in_memory)
{
	all_pairs(false, true);
}

TEST(two_first_backups_over_swift)
{
	all_pairs(true, true);
}
