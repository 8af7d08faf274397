/*
 * library_threads PLACE DIR PLACE DIR: each repository, whose newest snapshot has DIR's files, is
 * read by four threads, all at once; each compares every file, read in pieces from its end to its
 * beginning and at once, with what is in DIR.  Passwords are "x".  For library.sh.
 */
#include <a_backup/a_backup.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 4
#define PIECE   100003

struct reading {
	ab_repo *repo;
	const char *dir; /* above what the snapshot has */
	char path[4096]; /* of the directory being read */
};
static atomic_int wrong, files, dirs, links, attributes;

static ssize_t password(void *arg, char *buf, size_t room)
{
	(void)arg;
	(void)room;
	*buf = 'x';
	return 1;
}

static void bad(const struct reading *x, const char *name, const char *what)
{
	fprintf(stderr, "%s%s/%s: %s\n", x->dir, x->path, name, what);
	atomic_fetch_add(&wrong, 1);
}

static void read_file(struct reading *x, const ab_node *f, const char *path)
{
	struct ab_error err;
	struct ab_stat st;
	struct stat is;
	char *want, *got;
	int fd = open(path, O_RDONLY);
	size_t n;

	ab_stat(f, &st);
	if (fd < 0 || fstat(fd, &is) || st.size != (uint64_t)is.st_size || st.mode != is.st_mode ||
		st.mtime_sec != is.st_mtim.tv_sec || st.mtime_nsec != is.st_mtim.tv_nsec ||
		st.inode != is.st_ino) {
		bad(x, ab_name(f), "not as the file is");
		close(fd);
		return;
	}
	n = st.size;
	want = malloc(n + 1);
	got = calloc(1, n + 1);
	if (read(fd, want, n + 1) != (ssize_t)n)
		bad(x, ab_name(f), "cannot be read");
	close(fd);
	for (size_t end = n; end;) {
		size_t from = end > PIECE ? end - PIECE : 0;

		if (ab_pread(x->repo, f, got + from, end - from, from, &err) !=
			(ssize_t)(end - from)) {
			bad(x, ab_name(f), err.message);
			break;
		}
		end = from;
	}
	if (memcmp(want, got, n))
		bad(x, ab_name(f), "other bytes");
	if (ab_pread(x->repo, f, got, n + 1, 0, &err) != (ssize_t)n || memcmp(want, got, n))
		bad(x, ab_name(f), "other bytes at once");
	if (ab_pread(x->repo, f, got, 1, n, &err) != 0)
		bad(x, ab_name(f), "more than its end");
	free(want);
	free(got);
	atomic_fetch_add(&files, 1);
}

static int attribute(void *arg, const char *name, const void *value, size_t size)
{
	struct reading *x = arg;

	if (!strcmp(name, "user.note")) {
		if (size != 5 || memcmp(value, "hallo", 5))
			bad(x, name, "another value");
		atomic_fetch_add(&attributes, 1);
	}
	return 0;
}

static int child(void *arg, const ab_node *n)
{
	struct reading *x = arg;
	char path[8192], target[100];
	size_t len = strlen(x->path), size;
	struct ab_error err;
	struct ab_stat st;

	ab_stat(n, &st);
	snprintf(path, sizeof(path), "%s%s/%s", x->dir, x->path, ab_name(n));
	ab_xattrs(n, attribute, x);
	if (S_ISREG(st.mode)) {
		read_file(x, n, path);
	} else if (S_ISLNK(st.mode)) {
		if (ab_readlink(n, target, sizeof(target), &size, &err) || size != 6 ||
			memcmp(target, "target", 6))
			bad(x, ab_name(n), "another target");
		atomic_fetch_add(&links, 1);
	} else if (S_ISDIR(st.mode)) {
		snprintf(x->path + len, sizeof(x->path) - len, "/%s", ab_name(n));
		if (ab_readdir(x->repo, n, child, x, &err))
			bad(x, ab_name(n), err.message);
		x->path[len] = 0;
		atomic_fetch_add(&dirs, 1);
	}
	return 0;
}

static void *read_all(void *arg)
{
	struct reading *x = arg;
	struct ab_error err;
	ab_node *root;

	if (ab_lookup(x->repo, "latest", "/", &root, &err)) {
		bad(x, "", err.message);
		return NULL;
	}
	if (ab_readdir(x->repo, root, child, x, &err))
		bad(x, "", err.message);
	ab_node_free(root);
	return NULL;
}

int main(int argc, char **argv)
{
	struct ab_options options = {.size = sizeof(options), .password = password};
	static struct reading x[2][THREADS];
	pthread_t thread[2][THREADS];
	struct ab_error err;

	if (argc != 5)
		return 2;
	for (int i = 0; i < 2; i++) {
		ab_repo *r;

		options.cache_bytes = i ? 0 : 1 << 20; /* a small one, too */
		if (ab_open(argv[1 + 2 * i], &options, &r, &err)) {
			fprintf(stderr, "%s\n", err.message);
			return 1;
		}
		for (int k = 0; k < THREADS; k++) {
			x[i][k].repo = r;
			x[i][k].dir = argv[2 + 2 * i];
		}
	}
	for (int i = 0; i < 2 * THREADS; i++)
		pthread_create(&thread[i % 2][i / 2], NULL, read_all, &x[i % 2][i / 2]);
	for (int i = 0; i < 2 * THREADS; i++)
		pthread_join(thread[i % 2][i / 2], NULL);
	ab_close(x[0][0].repo);
	ab_close(x[1][0].repo);
	if (wrong)
		return 1;
	printf("files %d dirs %d links %d attributes %d\n", files, dirs, links, attributes);
	return 0;
}
