#include "engine/linkset.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "kern/hash.h"
#include <string.h>

#define DIGEST 16 /* bytes of a SHA-256 */

struct inode {
	uint64_t key[3]; /* inode, device, type */
	uint8_t digest[DIGEST];
	struct linkset_first *first;
};

struct linkset {
	struct hashtab *inodes;
	struct hash *hash;
};

struct linkset *linkset_new(void)
{
	struct linkset *s = mem_zalloc(sizeof(*s));

	s->inodes = hashtab_new(sizeof(struct inode), offsetof(struct inode, first), HASHTAB_MIX);
	s->hash = hash_new();
	return s;
}

static int free_first(void *arg, void *entry)
{
	struct linkset_first *f = ((struct inode *)entry)->first;

	(void)arg;
	mem_free(f->path);
	mem_free(f);
	return 0;
}

void linkset_free(struct linkset *s)
{
	if (!s)
		return;
	hashtab_each(s->inodes, free_first, NULL);
	hashtab_free(s->inodes);
	hash_free(s->hash);
	mem_free(s);
}

bool linkset_may(const struct node *n)
{
	return n->links > 1 && n->inode && n->type != NODE_DIR;
}

static void add_str(struct hash *h, struct str s)
{
	uint64_t n = s.n;

	hash_add(h, &n, sizeof(n));
	hash_add(h, s.p, s.n);
}

void linkset_alike(struct hash *h, const struct node *n, struct id *out)
{
	const uint64_t head[] = {n->type, n->mode, n->size, (uint64_t)n->mtime.sec,
		(uint64_t)n->mtime.nsec, n->uid, n->gid, n->device, n->n_content, n->n_xattr};

	hash_begin(h);
	hash_add(h, head, sizeof(head));
	add_str(h, n->linktarget);
	for (size_t i = 0; i < n->n_xattr; i++) {
		add_str(h, n->xattr[i].name);
		add_str(h, n->xattr[i].value);
	}
	hash_add(h, n->content, n->n_content * sizeof(*n->content));
	hash_end(h, out);
}

static void key_of(struct linkset *s, const struct node *n, struct inode *key)
{
	struct id id;

	memset(key, 0, sizeof(*key));
	key->key[0] = n->inode;
	key->key[1] = n->device_id;
	key->key[2] = n->type;
	linkset_alike(s->hash, n, &id);
	memcpy(key->digest, id.b, DIGEST);
}

struct linkset_first *linkset_find(struct linkset *s, const struct node *n)
{
	struct inode key, *i;

	key_of(s, n, &key);
	i = hashtab_find(s->inodes, &key);
	return i ? i->first : NULL;
}

struct linkset_first *linkset_add(struct linkset *s, const struct node *n, const char *path,
	bool *is_new)
{
	struct inode key, *i;

	key_of(s, n, &key);
	i = hashtab_add(s->inodes, &key, is_new);
	if (*is_new) {
		i->first = mem_zalloc(sizeof(*i->first));
		i->first->path = mem_strdup(path);
	}
	return i->first;
}

void linkset_rename(struct linkset_first *f, const char *path)
{
	mem_free(f->path);
	f->path = mem_strdup(path);
}
