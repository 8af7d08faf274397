/* What a store says that finds nothing to remove, and what is made of it.  The rest is the
 * conformance suite's. */
#include "backend/decorators.h"
#include "unit/check.h"

/* A store that answers each REMOVE and each STAT with a code. */
struct liar {
	struct backend b;
	int remove, stat;
	unsigned removes, stats;
};

static void liar_start(struct backend *b, struct backend_op *op)
{
	struct liar *s = (struct liar *)(void *)b;
	int code = op->verb == BACKEND_REMOVE ? s->remove : s->stat;

	REQUIRE(op->verb == BACKEND_REMOVE || op->verb == BACKEND_STAT);
	err_clear(&op->err);
	if (op->verb == BACKEND_REMOVE)
		s->removes++;
	else
		s->stats++;
	if (code)
		err_set(&op->err, code, "as told");
	else if (op->verb == BACKEND_STAT)
		op->size = 99;
	op->done(op);
}

static void liar_free(struct backend *b)
{
	(void)b;
}

static void removal_is(int remove, int stat, int want, unsigned stats)
{
	static const struct backend_vtable vt = {.scheme = "liar",
		.start = liar_start,
		.free = liar_free};
	struct liar s = {.b = {.vt = &vt}, .remove = remove, .stat = stat};
	struct backend *b = backend_look_new(&s.b);
	struct backend_op op = {.verb = BACKEND_REMOVE, .type = BACKEND_LOCK, .size = 7};

	CHECK_EQ(backend_run(b, &op, NULL), want);
	CHECK_EQ(op.verb, BACKEND_REMOVE);
	CHECK_EQ(op.size, 7);
	CHECK_EQ(s.removes, 1);
	CHECK_EQ(s.stats, stats);
	backend_free(b);
}

TEST(what_is_not_found_to_be_removed_is_looked_for)
{
	removal_is(0, ERR_IO, 0, 0);
	removal_is(ERR_DENIED, 0, ERR_DENIED, 0);
	removal_is(ERR_ODD, 0, ERR_ODD, 0);
	removal_is(ERR_NOTFOUND, ERR_NOTFOUND, 0, 1);
	removal_is(ERR_NOTFOUND, 0, ERR_IO, 1); /* tried again */
	removal_is(ERR_NOTFOUND, ERR_DENIED, ERR_DENIED, 1);
	removal_is(ERR_NOTFOUND, ERR_CANCELLED, ERR_CANCELLED, 1);
}
