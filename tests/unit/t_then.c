#include "engine/then.h"
#include "base/buf.h"
#include "unit/check.h"
#include <string.h>

static struct buf tree_of(const char *const *name, size_t n)
{
	struct buf b, json;

	buf_init(&b, 1 << 20);
	buf_init(&json, 1 << 20);
	tree_begin(&b);
	for (size_t i = 0; i < n; i++) {
		struct node node = {.name = {name[i], strlen(name[i])}, .type = NODE_FIFO};

		buf_reset(&json);
		node_write(&node, NULL, &json);
		tree_node(&b, i == 0, json.p, json.len);
	}
	tree_end(&b);
	buf_release(&json);
	return b;
}

TEST(names_beside_a_tree)
{
	static const char *const names[] = {"a", "ab", "c"};
	struct buf b = tree_of(names, 3);
	struct then t;

	then_begin(&t, &b);
	CHECK(then_at(&t, "A") == NULL);
	CHECK(then_at(&t, "a") != NULL && then_at(&t, "a") != NULL); /* looked at again */
	CHECK(then_at(&t, "aa") == NULL);
	CHECK(then_at(&t, "c") != NULL);
	CHECK(then_at(&t, "d") == NULL);
	CHECK_EQ(t.err.code, 0);
	then_release(&t);
	/* A damaged end: what comes before it counts. */
	b.len -= 20;
	then_begin(&t, &b);
	CHECK(then_at(&t, "a") != NULL);
	CHECK(then_at(&t, "c") == NULL);
	CHECK(t.err.code < 0);
	then_release(&t);
	buf_release(&b);
	then_begin(&t, NULL);
	CHECK(then_at(&t, "a") == NULL && !t.err.code);
	then_release(&t);
}
