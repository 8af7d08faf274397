#include "base/mem.h"
#include "engine/view_spot.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int key_cmp(const void *key, const void *s)
{
	return strcmp(key, ((const struct spot *)s)->path);
}

struct spot *view_spot_at(const struct view *v, const char *path)
{
	return v->n ? bsearch(path, v->spot, v->n, sizeof(*v->spot), key_cmp) : NULL;
}

/* Where numbers are made up, they may be made up anew for what nobody holds. */
static bool spot_is(const struct spot *s, const struct place *now)
{
	bool counts = s->fd >= 0 || place_numbered(&s->at);

	return now->type == s->at.type && now->dev == s->at.dev &&
	       (!counts || now->ino == s->at.ino);
}

static int spot_still(const struct spot *s, struct err *err)
{
	struct place now;
	const char *hint = s->below ? " (what comes and goes may be left out: --exclude)" : "";

	if (s->at.errnum || !s->enter)
		return 0;
	place_again(s->path, &now);
	if (now.errnum)
		return err_set(err, ERR_IO,
			"%s is gone: unmounted, moved away or removed while it was being saved%s",
			s->path, hint);
	if (!spot_is(s, &now))
		return err_set(err, ERR_IO,
			"%s is not what it was when the run began: unmounted, mounted again, or a "
			"link on the way to it was switched%s",
			s->path, hint);
	return 0;
}

/* path becomes the one above it; false: there is none. */
static bool cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !path[1])
		return false;
	slash[slash == path] = 0;
	return true;
}

int view_still(const struct view *v, const char *path, struct err *err)
{
	char *upper;
	int rc = 0;

	if (!v)
		return 0;
	if (!path) {
		for (size_t i = 0; i < v->n && rc == 0; i++)
			rc = spot_still(&v->spot[i], err);
		return rc;
	}
	upper = mem_strdup(path);
	do {
		const struct spot *s = view_spot_at(v, upper);

		if (s)
			rc = spot_still(s, err);
	} while (rc == 0 && cut(upper));
	mem_free(upper);
	return rc;
}

static bool is_begun_with(const struct spot *s)
{
	return s && s->enter && !s->at.errnum && s->at.type == S_IFDIR;
}

bool view_holds(const struct view *v, int fd, const char *path)
{
	const struct spot *s = NULL;
	struct place now;
	size_t levels = 0;
	char *upper;

	if (!v)
		return true;
	upper = mem_strdup(path);
	while (!is_begun_with(s = view_spot_at(v, upper)) && cut(upper))
		levels++;
	mem_free(upper);
	if (!is_begun_with(s))
		return true;
	place_above(fd, levels, &now);
	/* A directory that may be read but not entered: nothing that lies in it can be looked at
	 * either. */
	return now.errnum == EACCES || (!now.errnum && spot_is(s, &now));
}

const struct mounts_map *view_devices(const struct view *v)
{
	return v ? v->map : NULL;
}
