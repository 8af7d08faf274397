#include "engine/gone.h"
#include "fs/dir.h"
#include "fs/meta.h"
#include <unistd.h>

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

int gone_open(const struct view *v, const char *path, bool follow, bool *fatal, struct err *err)
{
	for (int tries = 0; tries < GONE_TRIES; tries++) {
		int fd = dir_open(path, !follow, err);

		if (fd < 0 || view_holds(v, fd, path))
			return fd;
		close(fd);
		if (view_still(v, path, err) < 0) {
			*fatal = true;
			return err->code;
		}
	}
	return err_set(err, ERR_IO,
		"it does not lie where it was found: a link is in the way, or it was moved");
}
