/* Made trees that share subtrees and contents: what all ranks mark together is what a plain walk
 * comes across, and each tree is read once. */
#include "ranks/mark.h"
#include "base/mem.h"
#include "lib/craft.h"
#include "lib/jitter.h"
#include "lib/ranks.h"
#include "ranks/agree.h"
#include "ranks/catalog_ranks.h"
#include "unit/check.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define TREES 60
#define BLOBS 90
#define KIDS  6
#define ROOTS 4
#define BIT   3

struct made {
	struct id id;
	int sub[KIDS], blob[KIDS];
	int n_sub, n_blob;
	bool reached;
};

static struct craft c;
static struct made tree[TREES];
static struct id blob[BLOBS], root[ROOTS + 1];
static bool blob_reached[BLOBS];
static size_t trees_reached, blobs_reached;

static void reach(struct made *t)
{
	if (t->reached)
		return;
	t->reached = true;
	trees_reached++;
	for (int i = 0; i < t->n_blob; i++) {
		blobs_reached += !blob_reached[t->blob[i]];
		blob_reached[t->blob[i]] = true;
	}
	for (int i = 0; i < t->n_sub; i++)
		reach(&tree[t->sub[i]]);
}

static void make_tree(int k, uint64_t *dice)
{
	struct made *t = &tree[k];
	struct craft_tree out;
	char name[32];

	*t = (struct made){.n_blob = (int)(random_next(dice) % KIDS)};
	t->n_sub = k ? (int)(random_next(dice) % KIDS) : 0;
	craft_tree(&out);
	for (int i = 0; i < t->n_sub; i++) {
		t->sub[i] = (int)(random_next(dice) % (uint64_t)k);
		snprintf(name, sizeof(name), "d%d-%d", i, k);
		craft_dir(&out, name, &tree[t->sub[i]].id);
	}
	for (int i = 0; i < t->n_blob; i++) {
		t->blob[i] = (int)(random_next(dice) % BLOBS);
		snprintf(name, sizeof(name), "f%d-%d", i, k);
		craft_file(&out, name, &blob[t->blob[i]], 1, 10);
	}
	snprintf(name, sizeof(name), "z%d", k); /* no two are the same */
	craft_link(&out, name, "nowhere");
	t->id = craft_end(&c, &out);
}

/* Packs of a few trees and blobs each.  Later trees name earlier ones, so some are named often and
 * some never. */
static void begin(uint64_t seed)
{
	uint64_t dice = seed;

	memset(blob_reached, 0, sizeof(blob_reached));
	trees_reached = blobs_reached = 0;
	craft_init(&c, 2);
	for (int i = 0; i < BLOBS; i++) {
		char text[32];

		snprintf(text, sizeof(text), "blob %d", i);
		blob[i] = craft_text(&c, text);
		if (i % 20 == 19)
			craft_save(&c);
	}
	for (int i = 0; i < TREES; i++) {
		make_tree(i, &dice);
		if (i % 10 == 9)
			craft_save(&c);
	}
	craft_save(&c);
	for (int i = 0; i < ROOTS; i++) {
		struct made *t = &tree[TREES - 1 - (int)(random_next(&dice) % 10)];

		root[i] = t->id;
		reach(t);
	}
	root[ROOTS] = root[0]; /* a second snapshot of the same */
}

/* ---- the ranks ---- */

struct play {
	bool all_have_roots;
	const struct id *root; /* NULL: `root` */
	size_t n_roots;
	enum run_end want; /* asked for when the catalog is asked for the at-th time */
	int at;
	atomic_int asked, ended[4];
	atomic_int bad[MARK_UNKNOWN + 1];
	atomic_ullong found, read, trees, blobs, marked;
	int code;
};

/* A catalog that counts the questions of one rank's mark. */
struct counting {
	struct catalog c;
	struct catalog *in;
	struct play *p;
	struct run *run;
};

static void counted_mark(struct catalog *cat, struct catalog_mark *m)
{
	struct counting *k = (struct counting *)(void *)cat;
	struct err e;

	if (atomic_fetch_add(&k->p->asked, 1) + 1 == k->p->at) {
		err_set(&e, ERR_DENIED, "it was asked for");
		if (k->p->want == RUN_DRAINS)
			run_drain(k->run, &e, (int64_t)60 * 1000000000);
		else
			run_fail(k->run, &e);
	}
	catalog_mark(k->in, m);
}

static const struct catalog_vtable counting_vtable = {.mark = counted_mark};

static void ended(void *arg, const struct run_told *t)
{
	(void)arg;
	(void)t;
}

static void count(void *arg, uint64_t *v)
{
	(void)arg;
	(void)v;
}

static void note(void *arg, unsigned kind, const char *a, const char *b, uint64_t n)
{
	(void)arg;
	(void)kind;
	(void)a;
	(void)b;
	(void)n;
}

static void bad(void *arg, enum mark_bad what, const struct id *t, const struct id *b,
	const struct err *err)
{
	struct play *p = arg;

	atomic_fetch_add(&p->bad[what], 1);
	CHECK(!id_is_zero(t));
	CHECK_EQ(b != NULL, what == MARK_UNKNOWN);
	CHECK_EQ(err != NULL, what == MARK_UNREADABLE || what == MARK_NODE);
}

/* Each blob has its mark if it was reached and the run was not ended. */
static void look(struct catalog *cat, const struct env *env, const struct play *p)
{
	for (int i = 0; i < TREES + BLOBS; i++) {
		bool t = i < TREES;
		int8_t was = 9;
		struct catalog_mark m = {.type = t ? BLOB_TREE : BLOB_DATA,
			.id = t ? &tree[i].id : &blob[i - TREES],
			.n = 1,
			.bit = BIT,
			.was = &was};
		bool reached = t ? tree[i].reached : blob_reached[i - TREES];

		catalog_mark_wait(cat, env->loop, &m);
		if (!p->at)
			CHECK_EQ(was, reached);
		else
			CHECK(was >= 0 && was <= reached);
	}
}

static void sums(struct catalog *cat, struct play *p)
{
	struct err e = {0};

	CHECK_EQ(catalog_gather(cat, 1 << BIT, &e), 0);
	for (size_t i = 0; i < catalog_packs(cat); i++)
		atomic_fetch_add(&p->marked, catalog_pack(cat, i)->marked);
}

static int one(void *arg, struct comm *comm, const struct env *env)
{
	struct play *p = arg;
	struct router *r = router_new(comm, env);
	struct agree *a = agree_new(r);
	struct repo *repo = repo_adopt(c.be, env, &c.repo->config, &c.repo->master);
	struct catalog *cat = catalog_ranks_new(r, NULL);
	struct loader *l = loader_new(repo, cat, (size_t)1 << 20);
	struct run_ops ops = {.ended = ended, .note = note, .count = count};
	struct run *run = run_new(r, a, &ops);
	struct counting counting = {{&counting_vtable}, cat, p, run};
	struct mark_ops mo = {bad, p};
	struct mark *m = mark_new(run, &counting.c, l, BIT, &mo);
	struct mark_counts n;
	struct err e = {0};
	enum run_end end;

	CHECK_EQ(catalog_load(cat, repo, NULL, NULL, &e), 0);
	end = mark_run(m, p->root ? p->root : root,
		comm->rank && !p->all_have_roots ? 0 : p->n_roots);
	atomic_fetch_add(&p->ended[comm->rank], (int)end);
	n = mark_counts(m);
	atomic_fetch_add(&p->found, n.found);
	atomic_fetch_add(&p->read, n.read);
	atomic_fetch_add(&p->trees, n.trees);
	atomic_fetch_add(&p->blobs, n.blobs);
	sums(cat, p);
	agree_all(a, &e);
	if (comm->rank == 0 && !p->root)
		look(cat, env, p);
	run_meet(run, &e);
	if (comm->rank == 0)
		p->code = e.code;
	mark_free(m);
	run_free(run);
	loader_free(l);
	catalog_free(cat);
	repo_close(repo);
	agree_free(a);
	router_free(r);
	return 0;
}

TEST(a_plain_walk_marks_the_same)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		begin(seed);
		REQUIRE(trees_reached > 10 && trees_reached < TREES && blobs_reached < BLOBS);
		for (int ranks = 1; ranks <= 4; ranks++) {
			struct play p = {.all_have_roots = ranks == 3, .n_roots = ROOTS + 1};

			CHECK_EQ(ranks_test(ranks, seed * 10, one, &p), 0);
			CHECK_EQ(p.code, 0);
			/* each once, by whichever rank */
			CHECK_EQ(p.found, trees_reached);
			CHECK_EQ(p.read, trees_reached);
			CHECK_EQ(p.blobs, blobs_reached);
			CHECK_EQ(p.marked, trees_reached + blobs_reached);
			for (int i = 0; i <= MARK_UNKNOWN; i++)
				CHECK_EQ(p.bad[i], 0);
			for (int i = 0; i < ranks; i++)
				CHECK_EQ(p.ended[i], RUN_GOES_ON);
		}
		craft_release(&c);
	}
}

/* Wherever the run ends, all ranks come back, and nothing is marked that is not needed. */
TEST(an_end_at_any_question)
{
	begin(7);
	for (int want = RUN_DRAINS; want <= RUN_CANCELLED; want++) {
		for (int ranks = 1; ranks <= 4; ranks++) {
			bool came = true;

			for (int at = 1; came; at += at < 8 ? 1 : 7) {
				struct play p = {.n_roots = ROOTS + 1,
					.want = (enum run_end)want,
					.at = at};

				CHECK_EQ(ranks_test(ranks, (uint64_t)at, one, &p), 0);
				came = p.asked >= at;
				CHECK_EQ(p.code, came ? ERR_DENIED : 0);
				CHECK(p.read <= p.found);
				for (int i = 0; i < ranks; i++)
					CHECK_EQ(p.ended[i], came ? want : RUN_GOES_ON);
			}
		}
	}
	craft_release(&c);
}

TEST(what_is_wrong_is_told_once)
{
	struct craft_tree t;
	struct id gone, holes, unsorted, top[2], text;

	memset(&gone, 0x55, sizeof(gone));
	craft_init(&c, 2);
	text = craft_text(&c, "there");
	craft_tree(&t);
	craft_raw(&t, "{\"name\":\"a\",\"type\":\"dir\",\"content\":null}");
	craft_file(&t, "b", &gone, 1, 5);
	craft_raw(&t, "{\"name\":\"c\",\"type\":\"file\",\"content\":null}");
	craft_dir(&t, "d", &gone);
	craft_dir(&t, "e", &(struct id){{0}});
	holes = craft_end(&c, &t);
	/* Its nodes are out of order and one has a bad name: what is left counts, and is told
	 * once. */
	craft_tree(&t);
	craft_file(&t, "z", &text, 1, 5);
	craft_raw(&t, "{\"name\":\"y\",\"type\":\"dir\",\"content\":null}");
	craft_raw(&t, "{\"name\":\"a/b\",\"type\":\"file\",\"content\":[]}");
	unsorted = craft_end(&c, &t);
	craft_tree(&t);
	craft_dir(&t, "h", &holes);
	craft_dir(&t, "i", &unsorted);
	top[0] = craft_end(&c, &t);
	top[1] = gone; /* a snapshot without a tree */
	craft_save(&c);
	for (int ranks = 1; ranks <= 4; ranks++) {
		struct play p = {.root = top, .n_roots = 2};

		CHECK_EQ(ranks_test(ranks, 5, one, &p), 0);
		CHECK_EQ(p.code, 0);
		CHECK_EQ(p.bad[MARK_UNREADABLE], 2);
		CHECK_EQ(p.bad[MARK_NODE], 1);
		CHECK_EQ(p.bad[MARK_NO_TREE], 3);
		CHECK_EQ(p.bad[MARK_NO_CONTENT], 1);
		CHECK_EQ(p.bad[MARK_UNKNOWN], 1);
		CHECK_EQ(p.read, 3);
		CHECK_EQ(p.blobs, 1);
	}
	craft_release(&c);
}
