/*
 * restore_spare: what nothing may remove that makes room or is superfluous: the repository that is
 * read from, what holds it, and what the filter does not select.  Read-only once it is made: any
 * thread.
 */
#ifndef ENGINE_RESTORE_SPARE_H
#define ENGINE_RESTORE_SPARE_H
#include "engine/restore.h"

struct restore_spare_list;
struct restore_spare_list *restore_spare_new(const struct restore_options *opt);
void restore_spare_free(struct restore_spare_list *l);

/* restore_spare_repository: the open directory is the repository, one of its folders wherever that
 * lies, or lies in such. */
bool restore_spare_repository(const struct restore_spare_list *l, int fd);
/* restore_spare_is: it is the repository, its config or one of its folders.  restore_spare_holds:
 * or holds one of them. */
bool restore_spare_is(const struct restore_spare_list *l, const struct meta *m);
bool restore_spare_holds(const struct restore_spare_list *l, const struct meta *m);
/*
 * restore_spare_clear: removes what lies at (dirfd, name), which is dir/name to the user; a
 * directory with its contents only for --delete. ERR_EXISTS when something of it had to be kept.
 */
int restore_spare_clear(const struct restore_spare_list *l, int dirfd, const char *dir,
	const char *name, struct err *err);

#endif
