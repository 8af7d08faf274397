#include "lib/stores.h"
#include "ranks/idxshare.h"
#include "ranks/agree.h"
#include "lib/craft.h"
#include "lib/ranks_props.h"
#include "lib/ranks.h"
#include "repo/blobtable.h"
#include "unit/check.h"
#include <stdio.h>

enum { T_INDEXES = ROUTER_INSTANCES, T_ENTRIES, T_LOADED, T_THERE };

struct arg {
	struct backend *be;
	const void *junk;
	size_t n;
	int code;
};

static struct repo *adopt(struct backend *be, const struct env *env)
{
	struct config config = {.version = 2};
	struct seal_key key;

	memset(&key, 1, sizeof(key));
	return repo_adopt(be, env, &config, &key);
}

static int load(void *arg, struct comm *c, const struct env *env)
{
	struct arg *x = arg;
	struct router *r = router_new(c, env);
	struct repo *repo = adopt(x->be, env);
	struct blobtable *cat = blobtable_new();
	uint64_t packs;
	struct err e;

	err_clear(&e);
	CHECK_EQ(idxshare_load(r, repo, cat, NULL, &packs, &e), x->code);
	CHECK_EQ(e.code, x->code);
	CHECK((e.msg[0] != 0) == (x->code != 0));
	CHECK_EQ(blobtable_blobs(cat), 0);
	CHECK_EQ(packs, 0);
	blobtable_free(cat);
	repo_close(repo);
	router_free(r);
	return 0;
}

TEST(an_empty_repository_is_no_error_but_a_failed_listing_is)
{
	struct backend *be = backend_mem_new(), *bad;

	CHECK_EQ(ranks_test(1, 0, load, &(struct arg){.be = be}), 0);
	CHECK_EQ(ranks_test(3, 0, load, &(struct arg){.be = be}), 0);
	bad = backend_fault_new(backend_share(be),
		&(struct backend_fault_policy){.seed = 1, .list_fail = 1000000});
	CHECK_EQ(ranks_test(3, 0, load, &(struct arg){.be = bad, .code = ERR_IO}), 0);
	backend_free(bad);
	backend_free(be);
}

/* A rank that sends rubbish as entries: the receiver reports it. */
static int rubbish(void *arg, struct comm *c, const struct env *env)
{
	struct arg *x = arg;
	struct router *r = router_new(c, env);
	struct repo *repo = adopt(x->be, env);
	struct blobtable *cat = blobtable_new();
	uint64_t packs;
	struct err e;
	struct buf b;

	err_clear(&e);
	if (c->rank == 1) {
		/* What idxshare_load would send, by hand. */
		router_open(r, T_INDEXES, NULL, NULL);
		router_open(r, T_ENTRIES, NULL, NULL);
		router_open(r, T_LOADED, NULL, NULL);
		router_open(r, T_THERE, NULL, NULL);
		buf_init(&b, 1000);
		buf_add(&b, x->junk, x->n);
		router_send(r, 0, T_ENTRIES, &b);
		buf_init(&b, 1000);
		wire_put_u64(&b, 0);
		wire_put_u32(&b, 0);
		wire_put_u32(&b, 0);
		router_send(r, 0, T_LOADED, &b);
		buf_init(&b, 1000);
		router_send(r, 0, T_THERE, &b);
		while (!router_sent(r))
			if (!router_turn(r))
				router_idle(r, -1);
	} else {
		CHECK_EQ(idxshare_load(r, repo, cat, NULL, &packs, &e), ERR_INVALID);
		CHECK_STR(e.msg, "damaged message with index entries from rank 1");
	}
	blobtable_free(cat);
	repo_close(repo);
	router_free(r);
	return 0;
}

TEST(damaged_entries_are_an_error)
{
	static const uint8_t cut[20] = {0}, much[32 + 4] = {[32] = 255, 255, 255, 255},
			     one[32 + 4 + 44] = {[32] = 1};
	struct backend *be = backend_mem_new();

	CHECK_EQ(ranks_test(2, 0, rubbish, &(struct arg){.be = be, .junk = cut, .n = sizeof(cut)}),
		0);
	CHECK_EQ(
		ranks_test(2, 0, rubbish, &(struct arg){.be = be, .junk = much, .n = sizeof(much)}),
		0);
	CHECK_EQ(ranks_test(2, 0, rubbish, &(struct arg){.be = be, .junk = one, .n = sizeof(one)}),
		0);
	backend_free(be);
}

static int share(void *arg, struct comm *c, const struct env *env)
{
	struct arg *x = arg;
	struct router *r = router_new(c, env);
	struct agree *a = agree_new(r);

	props_idxshare(r, a, x->be, 5, 300);
	agree_free(a);
	router_free(r);
	return 0;
}

TEST(entries_reach_their_owners)
{
	for (int n = 1; n <= 3; n++) {
		struct arg x = {.be = backend_mem_new()};

		CHECK_EQ(ranks_test(n, 0, share, &x), 0);
		backend_free(x.be);
	}
}

/* ---- who is asked knows ---- */

#define BLOBS 300

struct all {
	struct craft c;
	struct blobtable *table[4];
};

static int load_and_look(void *arg, struct comm *c, const struct env *env)
{
	struct all *x = arg;
	struct router *r = router_new(c, env);
	struct agree *a = agree_new(r);
	struct repo *repo = repo_adopt(x->c.be, env, &x->c.repo->config, &x->c.repo->master);
	struct err e = {0};
	uint64_t packs;
	size_t sum = 0;

	x->table[c->rank] = blobtable_new();
	agree_all(a, &e);
	CHECK_EQ(idxshare_load(r, repo, x->table[c->rank], NULL, &packs, &e), 0);
	for (int i = 0; i < c->size; i++)
		sum += blobtable_blobs(x->table[i]);
	CHECK_EQ(sum, BLOBS);
	agree_all(a, &e);
	blobtable_free(x->table[c->rank]);
	repo_close(repo);
	agree_free(a);
	router_free(r);
	return 0;
}

TEST(nobody_leaves_before_all_have_what_they_own)
{
	struct all x;

	craft_init(&x.c, 1);
	for (int i = 0; i < BLOBS; i++) {
		char text[32];

		snprintf(text, sizeof(text), "blob %d", i);
		craft_text(&x.c, text);
		if (i % 50 == 49)
			craft_save(&x.c);
	}
	for (uint64_t seed = 1; seed <= 10; seed++)
		CHECK_EQ(ranks_test(4, seed, load_and_look, &x), 0);
	craft_release(&x.c);
}
