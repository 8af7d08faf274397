/*
 * linkset: which nodes are names of one file (hard links).
 *
 * The inode's number alone says little: it is given to another file as soon as one is removed, a
 * file system without numbers makes them up, and whoever wrote the repository may call two things
 * one.  So the nodes must agree in content, size, mtime, owner, mode and attributes as well; what
 * does not agree is a file of its own.  Grows with the inodes that have several names.  One thread.
 */
#ifndef ENGINE_LINKSET_H
#define ENGINE_LINKSET_H
#include "format/node.h"

/* The first name of an inode that has several. */
struct linkset_first {
	char *path;
	bool lost; /* the user's: its content could not be restored */
	bool kept; /* the user's: it lies there since before */
};

struct linkset;
struct linkset *linkset_new(void);
void linkset_free(struct linkset *s);

/* linkset_alike: a digest of what all names of one file have, beside the inode number. */
struct hash;
void linkset_alike(struct hash *h, const struct node *n, struct id *out);

bool linkset_may(const struct node *n); /* it may have other names at all */
/* linkset_find: the first name of n's file, or NULL.  linkset_add: as `path` if there was none
 * (*is_new).  They live as long as the set. */
struct linkset_first *linkset_find(struct linkset *s, const struct node *n);
struct linkset_first *linkset_add(struct linkset *s, const struct node *n, const char *path,
	bool *is_new);
/* linkset_rename: another name is the first. */
void linkset_rename(struct linkset_first *f, const char *path);

#endif
