#include "engine/gone.h"
#include "fs/dir.h"
#include "fs/meta.h"

enum gone_verdict gone_ask(const struct view *v, int dirfd, const char *name, const char *path,
	struct err *err)
{
	struct err e, was = *err;
	struct meta m;
	int rc;

	err_clear(&e);
	if (view_still(v, path, &e) < 0) {
		err_copy(err, &e);
		return GONE_TARGET;
	}
	rc = name ? meta_stat(dirfd, name, false, &m, &e) : dir_stat(path, &m, &e);
	if (rc == ERR_NOTFOUND)
		return GONE_VANISHED;
	if (rc < 0) {
		err_copy(err, &e);
		return GONE_FAULT;
	}
	err_set(err, ERR_IO, "%.900s, but it is there", was.msg);
	return GONE_THERE;
}
