/* node_equal: whether two nodes say the same, as restic's diff compares them. */
#include "format/node.h"

static bool same(const struct str *a, const struct str *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->p, b->p, a->n));
}

bool node_same_content(const struct node *a, const struct node *b)
{
	return a->has_content == b->has_content && a->n_content == b->n_content &&
	       (!a->n_content || !memcmp(a->content, b->content, a->n_content * ID_SIZE));
}

static bool same_xattr(const struct node *a, const struct node *b)
{
	if (a->n_xattr != b->n_xattr)
		return false;
	for (size_t i = 0; i < a->n_xattr; i++) {
		size_t k = 0;

		while (k < b->n_xattr && !same(&a->xattr[i].name, &b->xattr[k].name))
			k++;
		if (k == b->n_xattr || !same(&a->xattr[i].value, &b->xattr[k].value))
			return false;
	}
	return true;
}

bool node_equal(const struct node *a, const struct node *b)
{
	return same(&a->name, &b->name) && a->type == b->type && a->mode == b->mode &&
	       !ts_cmp(&a->mtime, &b->mtime) && !ts_cmp(&a->atime, &b->atime) &&
	       !ts_cmp(&a->ctime, &b->ctime) && a->uid == b->uid && a->gid == b->gid &&
	       same(&a->user, &b->user) && same(&a->group, &b->group) && a->inode == b->inode &&
	       a->device_id == b->device_id && a->size == b->size && a->links == b->links &&
	       same(&a->linktarget, &b->linktarget) && a->device == b->device &&
	       node_same_content(a, b) && same_xattr(a, b) && same(&a->generic, &b->generic) &&
	       a->has_subtree == b->has_subtree &&
	       (!a->has_subtree || id_equal(&a->subtree, &b->subtree)) &&
	       same(&a->error, &b->error);
}
