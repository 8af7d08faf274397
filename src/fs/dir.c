#include "fs/dir.h"
#include "base/mem.h"
#include "fs/meta.h"
#include "fs/sys.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdalign.h>
#include <string.h>
#include <unistd.h>

/* About 1500 short names a call.  16 to 256 KiB measured equal on ext4; it has to fit on a worker's
 * stack. */
#define DIR_BUFFER 65536

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY)

/*
 * A path that the kernel would not take at once is walked in pieces that it takes.  Links in the
 * middle are followed, as in a short path.
 */
static int open_long(const char *path, int flags)
{
	char piece[PATH_MAX];
	int at = AT_FDCWD, fd, saved;

	for (;;) {
		size_t n = strlen(path), cut = n;

		if (n >= PATH_MAX) {
			cut = PATH_MAX - 1;
			while (cut && path[cut] != '/')
				cut--;
		}
		if (!cut) {
			errno = ENAMETOOLONG;
			fd = -1;
			break;
		}
		memcpy(piece, path, cut);
		piece[cut] = 0;
		path += cut;
		path += strspn(path, "/");
		fd = *path ? sys_openat(at, piece, O_PATH | O_DIRECTORY, 0)
			   : sys_open_noatime(at, piece, flags);
		if (fd < 0 || !*path)
			break;
		if (at != AT_FDCWD)
			close(at);
		at = fd;
	}
	saved = errno;
	if (at != AT_FDCWD)
		close(at);
	errno = saved;
	return fd;
}

int dir_open(const char *path, bool nofollow, struct err *err)
{
	int flags = DIR_FLAGS | (nofollow ? O_NOFOLLOW : 0), fd;

	fd = strlen(path) < PATH_MAX ? sys_open_noatime(AT_FDCWD, path, flags)
				     : open_long(path, flags);
	return fd < 0 ? err_sys(err, errno, "open directory") : fd;
}

int dir_stat(const char *path, struct meta *m, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *above;
	int fd, rc;

	if (strlen(path) < PATH_MAX || !slash)
		return meta_stat(AT_FDCWD, path, false, m, err);
	above = mem_strndup(path, (size_t)(slash - path));
	fd = dir_open(above, false, err);
	rc = fd < 0 ? fd : meta_stat(fd, slash + 1, false, m, err);
	if (fd >= 0)
		close(fd);
	mem_free(above);
	return rc;
}

int dir_open_at(int dirfd, const char *name, struct err *err)
{
	int fd = sys_open_noatime(dirfd, name, DIR_FLAGS | O_NOFOLLOW);

	return fd < 0 ? err_sys(err, errno, "open directory") : fd;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static struct dir_entry *new_entry(struct dir_list *l)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 32;
		l->entry = mem_regrow(l->entry, l->cap, sizeof(*l->entry));
	}
	return &l->entry[l->n++];
}

/*
 * The names of one call's records go into one piece of memory of just their size: names never move,
 * and a small directory stays small. Newer kernels check names; an older one passes on what a
 * broken file system says, and a '/' must not reach those who build paths.
 */
static int add_records(struct dir_list *l, const char *p, size_t n, struct err *err)
{
	const char *end = p + n;
	size_t names = 0;
	char *room;

	for (const char *q = p; q < end;) {
		const struct dirent64 *d = (const void *)q;

		if (!d->d_name[0] || strchr(d->d_name, '/'))
			return err_set(err, ERR_INVALID,
				"list directory: the file system gave a name that is none: '%s'",
				d->d_name);
		names += strlen(d->d_name) + 1;
		q += d->d_reclen;
	}
	l->arena = mem_regrow(l->arena, l->arenas + 1, sizeof(*l->arena));
	room = l->arena[l->arenas++] = mem_alloc(names);
	l->arena_used = 0;
	while (p < end) {
		const struct dirent64 *d = (const void *)p;

		p += d->d_reclen;
		if (is_dots(d->d_name))
			continue;
		size_t len = strlen(d->d_name) + 1;
		struct dir_entry *e = new_entry(l);

		e->name = memcpy(room + l->arena_used, d->d_name, len);
		e->ino = d->d_ino;
		e->type = d->d_type;
		l->arena_used += len;
	}
	return 0;
}

/*
 * Sorting.  Names in a large directory often begin alike ("out_000017.dat"), so the bytes that all
 * have in common are left out, and the next 8 as one integer decide most comparisons without
 * touching the names.  Merging keeps the worst case at n log n whatever a user names his files.
 */
struct sort_key {
	uint64_t head;
	const struct dir_entry *e;
};

static size_t common_prefix(const struct dir_list *l)
{
	const char *first = l->entry[0].name;
	size_t common = strlen(first);

	for (size_t i = 1; i < l->n && common; i++) {
		const char *s = l->entry[i].name;
		size_t k = 0;

		while (k < common && s[k] == first[k])
			k++;
		common = k;
	}
	return common;
}

static uint64_t head_of(const char *s)
{
	uint64_t head = 0;

	for (unsigned i = 0; i < 8 && s[i]; i++)
		head |= (uint64_t)(uint8_t)s[i] << (56 - 8 * i);
	return head;
}

static bool before(const struct sort_key *a, const struct sort_key *b, size_t skip)
{
	/* strcmp compares as unsigned bytes, shorter first: the order of raw bytes, as there is no
	 * 0 inside. */
	return a->head != b->head ? a->head < b->head
				  : strcmp(a->e->name + skip, b->e->name + skip) < 0;
}

static void sort_keys(struct sort_key *k, struct sort_key *tmp, size_t n, size_t skip)
{
	size_t half = n / 2, a = 0, b = half, out = 0;

	if (n <= 12) {
		for (size_t i = 1; i < n; i++) {
			struct sort_key x = k[i];
			size_t j = i;

			for (; j && before(&x, &k[j - 1], skip); j--)
				k[j] = k[j - 1];
			k[j] = x;
		}
		return;
	}
	sort_keys(k, tmp, half, skip);
	sort_keys(k + half, tmp, n - half, skip);
	/* The left half moves out of the way; what is left of the right one lies where it belongs
	 * already. */
	memcpy(tmp, k, half * sizeof(*k));
	while (a < half && b < n)
		k[out++] = before(&k[b], &tmp[a], skip) ? k[b++] : tmp[a++];
	memcpy(k + out, tmp + a, (half - a) * sizeof(*k));
}

static bool is_sorted(const struct dir_list *l)
{
	for (size_t i = 1; i < l->n; i++)
		if (strcmp(l->entry[i - 1].name, l->entry[i].name) > 0)
			return false;
	return true;
}

static void sort_entries(struct dir_list *l)
{
	struct sort_key *k;
	struct dir_entry *sorted;
	size_t skip;

	if (is_sorted(l))
		return;
	skip = common_prefix(l);
	k = mem_array(l->n + l->n / 2, sizeof(*k));
	for (size_t i = 0; i < l->n; i++)
		k[i] = (struct sort_key){.head = head_of(l->entry[i].name + skip),
			.e = &l->entry[i]};
	sort_keys(k, k + l->n, l->n, skip);
	sorted = mem_array(l->n, sizeof(*sorted));
	for (size_t i = 0; i < l->n; i++)
		sorted[i] = *k[i].e;
	mem_free(k);
	mem_free(l->entry);
	l->entry = sorted;
	l->cap = l->n;
}

int dir_list(int fd, struct dir_list *l, struct err *err)
{
	alignas(struct dirent64) char records[DIR_BUFFER];
	ssize_t n;
	int rc = 0;

	*l = (struct dir_list){0};
	/* A descriptor that was listed before stands at its end, where there is nothing: that must
	 * not look like an empty directory. */
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "list directory");
	for (;;) {
		n = getdents64(fd, records, sizeof(records));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = err_sys(err, errno, "list directory");
		if (n > 0)
			rc = add_records(l, records, (size_t)n, err);
		if (n <= 0 || rc < 0)
			break;
	}
	if (rc < 0)
		dir_list_release(l);
	else
		sort_entries(l);
	return rc;
}

void dir_list_release(struct dir_list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->arenas; i++)
		mem_free(l->arena[i]);
	mem_free(l->arena);
	mem_free(l->entry);
	*l = (struct dir_list){0};
}
