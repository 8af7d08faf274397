/*
 * tree: a directory's nodes, sorted by raw name bytes (docs/format.md 10).
 *
 * tree_out joins ready-made node JSON.  tree_in yields one node after another with memory for one
 * node; it checks order, names (no empty, '/', ".", "..", NUL; attributes: no empty, NUL) and
 * types, so that callers may use names as path components.  What it refuses may be mended:
 * treemend.h.  A node whose content is huge (a 5 TB file has 3 million ids) is one node in memory.
 */
#ifndef FORMAT_TREE_H
#define FORMAT_TREE_H
#include "format/node.h"

void tree_begin(struct buf *out);                                        /* {"nodes":[ */
void tree_node(struct buf *out, bool first, const void *json, size_t n); /* comma as needed */
void tree_end(struct buf *out);                                          /* ]}\n */

struct tree_in {
	struct json_in json;
	struct node node;
	struct buf names;   /* decoded strings of the current node */
	struct buf last;    /* name of the node before */
	struct buf generic; /* generic_attributes of the current node */
	struct id *content;
	size_t content_cap;
	struct node_xattr *xattr;
	size_t xattr_cap;
	const uint8_t *raw; /* the current node's own JSON, raw_len bytes of it; borrowed */
	size_t raw_len;
	bool started, ended;
	bool lenient;   /* set behind tree_in_init: attributes whose names can be none are left out
			   and counted, for treemend.c */
	size_t dropped; /* so many of the current node */
};
void tree_in_init(struct tree_in *t, const void *json, size_t n); /* borrows json */
void tree_in_release(struct tree_in *t);
/* tree_name_good: can it be a path component? */
bool tree_name_good(const struct str *name);
/* tree_in_next: 1 and *node, 0 at the end, ERR_INVALID.  *node is valid until the next call. */
int tree_in_next(struct tree_in *t, const struct node **node, struct err *err);

#endif
