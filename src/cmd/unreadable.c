#include "cmd/unreadable.h"
#include "base/mem.h"
#include "base/path.h"
#include "fs/meta.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct owner {
	uint32_t uid;
	uint64_t items;
};

struct unreadable {
	const char *cwd;
	struct owner *owner; /* few people share a project */
	size_t n;
};

struct unreadable *unreadable_new(const char *cwd)
{
	struct unreadable *u = mem_zalloc(sizeof(*u));

	u->cwd = cwd;
	return u;
}

void unreadable_free(struct unreadable *u)
{
	if (u)
		mem_free(u->owner);
	mem_free(u);
}

static void count(struct unreadable *u, uint32_t uid)
{
	size_t i = 0;

	while (i < u->n && u->owner[i].uid != uid)
		i++;
	if (i == u->n) {
		u->owner = mem_regrow(u->owner, u->n + 1, sizeof(*u->owner));
		u->owner[u->n++] = (struct owner){uid, 0};
	}
	u->owner[i].items++;
}

void unreadable_add(struct unreadable *u, const char *path)
{
	char *full = path_abs(u->cwd, path);
	struct stat st;

	if (!lstat(full, &st) && !S_ISLNK(st.st_mode) &&
		faccessat(AT_FDCWD, full, S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK, AT_EACCESS) &&
		errno == EACCES)
		count(u, st.st_uid);
	mem_free(full);
}

static void say_json(const struct owner *w, const char *name, struct out *o)
{
	struct json_out j;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	out_message(&j, &b, "unreadable");
	json_key(&j, "user");
	json_str(&j, name);
	json_key(&j, "uid");
	json_uint(&j, w->uid);
	json_key(&j, "items");
	json_uint(&j, w->items);
	json_object_end(&j);
	out_line(o, &b);
	buf_release(&b);
}

void unreadable_say(const struct unreadable *u, struct out *o)
{
	struct owners *names = owners_new();

	out_say(o, 1, "%s", "");
	if (!u->n)
		out_say(o, 1, "permissions: all could be read");
	else
		out_say(o, 1,
			"permissions: you may not read files or directories of these users; ask "
			"them for chmod g+rX:");
	for (size_t i = 0; i < u->n; i++) {
		const char *name = owners_user(names, u->owner[i].uid);
		char *uid = mem_printf("uid %u", u->owner[i].uid);

		if (out_json(o))
			say_json(&u->owner[i], name ? name : "", o);
		else
			out_say(o, 1, "%8llu %s", (unsigned long long)u->owner[i].items,
				name && *name ? name : uid);
		mem_free(uid);
	}
	owners_free(names);
}
