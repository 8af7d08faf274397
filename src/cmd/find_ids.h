/*
 * find_ids: the IDs that `find --blob`, `--tree` or `--pack` looks for, whole or their first 8
 * digits (docs/format.md 13.5).  Pure.
 */
#ifndef CMD_FIND_IDS_H
#define CMD_FIND_IDS_H
#include "repo/catalog.h"

enum find_kind { FIND_BLOBS, FIND_TREES, FIND_PACKS, FIND_KINDS };

struct find_ids;
struct find_ids *find_ids_new(void);
void find_ids_free(struct find_ids *f); /* NULL is fine */
/* find_ids_add: ERR_USAGE when it is not an ID. */
int find_ids_add(struct find_ids *f, enum find_kind kind, const char *id, struct err *err);
/* find_ids_unpack: what lies in the packs, by the index, is looked for too.  ERR_NOTFOUND names the
 * packs that the index does not have. */
int find_ids_unpack(struct find_ids *f, struct catalog *c, struct err *err);
bool find_ids_has(const struct find_ids *f, enum find_kind kind, const struct id *id);

#endif
