/*
 * firsts: what was said first of each key, as its owner keeps it (struct catalog_first).  32 bytes
 * a key and the table's room.
 */
#ifndef REPO_FIRSTS_H
#define REPO_FIRSTS_H
#include "base/id.h"
#include <stdbool.h>

struct hashtab *firsts_new(void); /* hashtab_free */
/* firsts_agree: nobody has said anything but `what` of this key before */
bool firsts_agree(struct hashtab *firsts, const struct id *key, const struct id *what);

#endif
