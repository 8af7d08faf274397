/* A tree that can be read is written so that it reads the same again; its names are safe as path
 * components and ascend. */
#include "format/treemend.h"
#include "fuzz/fuzz.h"

static void check_name(const struct node *n, struct buf *last)
{
	size_t k = n->name.n < last->len ? n->name.n : last->len;
	int c = k ? memcmp(last->p, n->name.p, k) : 0;

	ALWAYS(n->name.n > 0 && !memchr(n->name.p, '/', n->name.n) &&
		!memchr(n->name.p, 0, n->name.n));
	ALWAYS(!(n->name.n == 1 && n->name.p[0] == '.') &&
		!(n->name.n == 2 && memcmp(n->name.p, "..", 2) == 0));
	ALWAYS(c < 0 || (c == 0 && last->len < n->name.n));
	buf_reset(last);
	buf_add(last, n->name.p, n->name.n);
}

static int rewrite(const uint8_t *p, size_t n, struct buf *out)
{
	struct tree_in t;
	const struct node *node;
	struct err err;
	struct buf one, last;
	bool first = true;
	int rc;

	buf_init(out, (size_t)1 << 26);
	buf_init(&one, (size_t)1 << 26);
	buf_init(&last, (size_t)1 << 26);
	err_clear(&err);
	tree_in_init(&t, p, n);
	tree_begin(out);
	while ((rc = tree_in_next(&t, &node, &err)) == 1) {
		check_name(node, &last);
		buf_reset(&one);
		node_write(node, NULL, &one);
		tree_node(out, first, one.p, one.len);
		first = false;
	}
	tree_end(out);
	ALWAYS(rc == 0 || (rc == ERR_INVALID && err.msg[0]));
	tree_in_release(&t);
	buf_release(&one);
	buf_release(&last);
	return rc;
}

static void lost(void *arg, const char *name, size_t n, const struct err *why)
{
	ALWAYS(why->code == ERR_INVALID && why->msg[0] && (!n || !memchr(name, '/', n)));
	++*(size_t *)arg;
}

/* A mended tree can be read; one that can be read as it is loses nothing. */
static void mended(const uint8_t *p, size_t n, const struct buf *whole)
{
	struct buf good, again;
	size_t losses = 0;

	buf_init(&good, (size_t)1 << 26);
	if (treemend(p, n, &good, lost, &losses, NULL) == 0) {
		ALWAYS(rewrite(good.p, good.len, &again) == 0);
		ALWAYS(!whole || (!losses && buf_equal(&again, whole)));
		buf_release(&again);
	} else {
		ALWAYS(!whole);
	}
	buf_release(&good);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf a, b;

	if (rewrite(p, n, &a) == 0) {
		ALWAYS(rewrite(a.p, a.len, &b) == 0);
		ALWAYS(buf_equal(&a, &b));
		buf_release(&b);
		mended(p, n, &a);
	} else {
		mended(p, n, NULL);
	}
	buf_release(&a);
	return 0;
}
