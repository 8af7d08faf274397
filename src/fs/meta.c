#include "fs/meta.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LINK_MAX_BYTES (1 << 20)  /* Linux has 4095; more than this is no link */
#define OWNER_BUF_MAX  (16 << 20) /* getgrgid_r needs room for all members of a group */

static struct ts ts_of(const struct statx_timestamp *t)
{
	return (struct ts){.sec = t->tv_sec, .nsec = (int32_t)t->tv_nsec};
}

int meta_stat(int dirfd, const char *name, bool follow, struct meta *m, struct err *err)
{
	struct statx x;
	/* AT_NO_AUTOMOUNT as stat(2): looking at a directory must not mount what nobody asked for.
	 */
	int flags = AT_NO_AUTOMOUNT | (follow ? 0 : AT_SYMLINK_NOFOLLOW) |
		    (*name ? 0 : AT_EMPTY_PATH),
	    rc;

	do
		rc = statx(dirfd, name, flags, STATX_BASIC_STATS, &x);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return err_sys(err, errno, "stat");
	*m = (struct meta){
		.mode = x.stx_mode,
		.uid = x.stx_uid,
		.gid = x.stx_gid,
		.ino = x.stx_ino,
		.dev = makedev(x.stx_dev_major, x.stx_dev_minor),
		.rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor),
		.nlink = x.stx_nlink,
		.size = x.stx_size,
		.atime = ts_of(&x.stx_atime),
		.mtime = ts_of(&x.stx_mtime),
		.ctime = ts_of(&x.stx_ctime),
	};
	return 0;
}

int meta_link(int dirfd, const char *name, char **target, size_t *n, struct err *err)
{
	char small[256];
	char *room = small;
	size_t size = sizeof(small);
	ssize_t got;
	int rc = 0;

	for (;;) {
		got = readlinkat(dirfd, name, room, size);
		/* A full buffer may have lost the end; st_size is no help on /proc and some network
		 * file systems. */
		if (got < 0 || (size_t)got < size || size >= LINK_MAX_BYTES)
			break;
		size *= 4;
		room = mem_realloc(room == small ? NULL : room, size);
	}
	if (got < 0)
		rc = err_sys(err, errno, "read link");
	else if ((size_t)got == size)
		rc = err_set(err, ERR_NOMEM, "read link: its target is longer than %d bytes",
			LINK_MAX_BYTES);
	if (rc == 0) {
		*target = mem_strndup(room, (size_t)got);
		*n = (size_t)got;
	}
	if (room != small)
		mem_free(room);
	return rc;
}

/* One table of ids.  `look` is held while the name service is asked, `lock` never, so a slow answer
 * delays only those who need a new name. */
struct owner {
	uint32_t id;
	char *name; /* NULL: has none */
	bool settled;
};

struct names {
	pthread_mutex_t lock, look;
	struct hashtab *table;
	char *(*ask)(uint32_t id);
};

struct owners {
	struct names user, group;
};

static char *ask_user(uint32_t id)
{
	struct passwd pw, *found = NULL;
	char *room = NULL, *name = NULL;
	int rc = ERANGE;

	for (size_t size = 1024; size <= OWNER_BUF_MAX && (rc == ERANGE || rc == EINTR);
		size *= rc == ERANGE ? 4 : 1) {
		room = mem_realloc(room, size);
		rc = getpwuid_r(id, &pw, room, size, &found);
	}
	if (rc == 0 && found)
		name = mem_strdup(found->pw_name);
	mem_free(room);
	return name;
}

static char *ask_group(uint32_t id)
{
	struct group gr, *found = NULL;
	char *room = NULL, *name = NULL;
	int rc = ERANGE;

	for (size_t size = 1024; size <= OWNER_BUF_MAX && (rc == ERANGE || rc == EINTR);
		size *= rc == ERANGE ? 4 : 1) {
		room = mem_realloc(room, size);
		rc = getgrgid_r(id, &gr, room, size, &found);
	}
	if (rc == 0 && found)
		name = mem_strdup(found->gr_name);
	mem_free(room);
	return name;
}

static void names_init(struct names *n, char *(*ask)(uint32_t id))
{
	pthread_mutex_init(&n->lock, NULL);
	pthread_mutex_init(&n->look, NULL);
	n->table = hashtab_new(sizeof(struct owner), sizeof(uint32_t), HASHTAB_MIX);
	n->ask = ask;
}

static int free_name(void *arg, void *entry)
{
	(void)arg;
	mem_free(((struct owner *)entry)->name);
	return 0;
}

static void names_release(struct names *n)
{
	hashtab_each(n->table, free_name, NULL);
	hashtab_free(n->table);
	pthread_mutex_destroy(&n->lock);
	pthread_mutex_destroy(&n->look);
}

static bool names_known(struct names *n, uint32_t id, const char **name)
{
	const struct owner *o;

	pthread_mutex_lock(&n->lock);
	o = hashtab_find(n->table, &id);
	*name = o ? o->name : NULL;
	pthread_mutex_unlock(&n->lock);
	return o;
}

static const char *names_get(struct names *n, uint32_t id)
{
	const char *name;

	if (names_known(n, id, &name))
		return name;
	pthread_mutex_lock(&n->look);
	/* Whoever held `look` before may have asked for the same id. */
	if (!names_known(n, id, &name)) {
		char *fresh = n->ask(id);
		struct owner *o;

		pthread_mutex_lock(&n->lock);
		o = hashtab_add(n->table, &id, NULL);
		o->name = fresh;
		name = fresh;
		pthread_mutex_unlock(&n->lock);
	}
	pthread_mutex_unlock(&n->look);
	return name;
}

struct owners *owners_new(void)
{
	struct owners *o = mem_zalloc(sizeof(*o));

	names_init(&o->user, ask_user);
	names_init(&o->group, ask_group);
	return o;
}

void owners_free(struct owners *o)
{
	if (!o)
		return;
	names_release(&o->user);
	names_release(&o->group);
	mem_free(o);
}

const char *owners_user(struct owners *o, uint32_t uid)
{
	return names_get(&o->user, uid);
}

const char *owners_group(struct owners *o, uint32_t gid)
{
	return names_get(&o->group, gid);
}

static void names_offer(struct names *n, uint32_t id, const char *name, bool settled)
{
	struct owner *o;

	pthread_mutex_lock(&n->lock);
	o = hashtab_add(n->table, &id, NULL);
	if (!o->name && name)
		o->name = mem_strdup(name);
	o->settled |= settled;
	pthread_mutex_unlock(&n->lock);
}

void owners_offer(struct owners *o, uint32_t uid, const char *user, uint32_t gid, const char *group,
	bool settled)
{
	names_offer(&o->user, uid, user, settled);
	names_offer(&o->group, gid, group, settled);
}

static bool names_settled(struct names *n, uint32_t id)
{
	const struct owner *o;
	bool settled;

	pthread_mutex_lock(&n->lock);
	o = hashtab_find(n->table, &id);
	settled = o && o->settled;
	pthread_mutex_unlock(&n->lock);
	return settled;
}

bool owners_settled(struct owners *o, uint32_t uid, uint32_t gid)
{
	return names_settled(&o->user, uid) && names_settled(&o->group, gid);
}
