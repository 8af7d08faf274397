/* The distributed modules over the real MPI: the same properties as in sim/s_ranks.c.  ranks: 1 2 4
 */
#include "backend/local.h"
#include "comm/comm_mpi.h"
#include "ranks/agree.h"
#include "lib/ranks_props.h"
#include "lib/ranks.h"
#include "unit/check.h"
#include <stdio.h>
#include <stdlib.h>

static struct comm *c;
static struct env env;
static struct router *r;
static struct agree *a;

void check_setup(void)
{
	struct err e = {0};

	c = comm_mpi_init(NULL, NULL, &e);
	if (!c) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	ranks_env_init(&env, 2);
	r = router_new(c, &env);
	a = agree_new(r);
}

void check_teardown(void)
{
	agree_free(a);
	router_free(r);
	comm_mpi_end(c);
	env_release(&env);
}

TEST(all_learn_the_worst_result)
{
	props_agree(r, a, 1);
}

TEST(a_blob_is_promised_to_one_rank_only)
{
	props_claim(r, a, 1, 4000);
	props_claim(r, a, 2, 4000);
}

TEST(two_catalogs_at_once)
{
	props_catalogs(r, a, 1, 1500);
	props_catalogs(r, a, 2, 100);
}

TEST(index_entries_end_at_their_owners)
{
	struct buf path;
	struct backend *be;

	buf_init(&path, 4096);
	if (c->rank == 0)
		buf_adds(&path, check_tmpdir());
	agree_bcast(a, &path);
	be = backend_local_new(buf_str(&path), 2);
	if (c->rank == 0)
		CHECK_EQ(backend_create(be, NULL), 0);
	props_idxshare(r, a, be, 7, 5000);
	backend_free(be);
	buf_release(&path);
}

TEST(each_item_is_done_once)
{
	props_workq(r, a, &(struct props_work){.seed = 3, .items = 600, .cost = 400000});
	props_workq(r, a,
		&(struct props_work){.seed = 4, .items = 600, .cost = 400000, .anywhere = true});
}

TEST(stealing_spreads_the_work_of_one_rank)
{
	props_workq(r, a,
		&(struct props_work){.seed = 5, .items = 800, .cost = 8000000, .spread = true});
}
