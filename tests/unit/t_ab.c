#include "a_backup/a_backup.h"
#include "backend/local.h"
#include "base/mem.h"
#include "lib/craft.h"
#include "repo/lock.h"
#include "unit/check.h"
#include <dirent.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOBS   40
#define BLOB    3000u
#define SIZE    (BLOBS * BLOB - BLOBS * (BLOBS - 1) / 2) /* each is a byte shorter */
#define THREADS 4

static uint8_t text[SIZE];

static char *dir(const char *name)
{
	return mem_printf("%s/%s", check_tmpdir(), name);
}

static size_t locks(const char *repo)
{
	char *path = mem_printf("%s/locks", repo);
	DIR *d = opendir(path);
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	mem_free(path);
	return n;
}

static ssize_t password(void *arg, char *buf, size_t room)
{
	const char *word = arg;

	REQUIRE(room >= 100);
	if (!word)
		return -1;
	memcpy(buf, word, strlen(word));
	return (ssize_t)strlen(word);
}

static int open_as(const char *place, const char *word, size_t cache, ab_repo **r,
	struct ab_error *err)
{
	struct ab_options options = {.size = sizeof(options),
		.password = password,
		.arg = (void *)(uintptr_t)word,
		.cache_bytes = cache};

	return ab_open(place, &options, r, err);
}

static ab_repo *opened(const char *place, size_t cache)
{
	struct ab_error err = {0};
	ab_repo *r;

	if (open_as(place, "x", cache, &r, &err)) {
		CHECK_STR(err.message, "");
		check_stop();
	}
	return r;
}

static void put_contents(struct craft *c, struct id *id)
{
	size_t at = 0;

	for (size_t i = 0; i < SIZE; i++)
		text[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t i = 0; i < BLOBS; i++) {
		id[i] = craft_blob(c, BLOB_DATA, text + at, BLOB - i);
		at += BLOB - i;
	}
	REQUIRE(at == SIZE);
}

/* /f, /l and /sub/f; what is wrong is /sub/… */
static char *new_repo(const char *name)
{
	char *place = dir(name);
	struct id id[BLOBS], sub, root, nothing = {{1}};
	struct node node;
	struct craft_tree t;
	struct craft c;

	craft_init_at(&c, 2, place, "x");
	put_contents(&c, id);
	craft_tree(&t);
	craft_file(&t, "f", id, BLOBS, SIZE);
	craft_file(&t, "lost", &nothing, 1, 10);
	craft_file(&t, "none", NULL, 0, 0);
	craft_file(&t, "size", id, 2, SIZE);
	sub = craft_end(&c, &t);
	craft_tree(&t);
	node = craft_node(NODE_FILE, "f");
	node.content = id;
	node.n_content = BLOBS;
	node.has_content = true;
	node.size = SIZE;
	node.uid = 7;
	node.gid = 8;
	node.inode = 9;
	node.xattr = &(struct node_xattr){.name = {"user.a", 6}, .value = {"b\0c", 3}};
	node.n_xattr = 1;
	craft_put(&t, &node);
	craft_link(&t, "l", "target");
	craft_dir(&t, "lost", &nothing);
	craft_dir(&t, "sub", &sub);
	root = craft_end(&c, &t);
	craft_save(&c);
	craft_snapshot(&c, &root);
	craft_release(&c);
	return place;
}

static ab_node *at(ab_repo *r, const char *path)
{
	struct ab_error err = {0};
	ab_node *n;

	if (ab_lookup(r, "latest", path, &n, &err)) {
		CHECK_STR(err.message, "");
		check_stop();
	}
	return n;
}

static void is_part(ab_repo *r, const ab_node *f, size_t n, uint64_t from)
{
	uint8_t *buf = mem_zalloc(n + 1);
	ssize_t want = from >= SIZE ? 0 : n < SIZE - from ? (ssize_t)n : (ssize_t)(SIZE - from);

	buf[want] = 0xee;
	if (CHECK_EQ(ab_pread(r, f, buf, n, from, NULL), want) && want)
		CHECK_MEM(buf, text + from, (size_t)want);
	CHECK_EQ(buf[want], 0xee);
	mem_free(buf);
}

static void *read_parts(void *arg)
{
	ab_repo *r = arg;
	ab_node *f = at(r, "/sub/f");

	for (size_t n = 1; n < SIZE * 2; n += (n / 3 + 1) * CHECK_LESS) {
		for (uint64_t from = 0; from <= SIZE; from += SIZE / 5)
			is_part(r, f, n, from);
		is_part(r, f, n, BLOB);
		is_part(r, f, n, BLOB - 1);
		is_part(r, f, n, SIZE - 1);
		is_part(r, f, n, UINT64_MAX);
	}
	ab_node_free(f);
	return NULL;
}

/* Two repositories with four threads each; of one nothing stays in the cache. */
TEST(parts)
{
	char *place[2] = {new_repo("parts-a"), new_repo("parts-b")};
	pthread_t thread[2][THREADS];
	ab_repo *r[2];

	for (int i = 0; i < 2; i++) {
		r[i] = opened(place[i], i ? 1 : 0);
		CHECK_EQ(locks(place[i]), 1);
		for (int k = 0; k < THREADS; k++)
			REQUIRE(pthread_create(&thread[i][k], NULL, read_parts, r[i]) == 0);
	}
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < THREADS; k++)
			pthread_join(thread[i][k], NULL);
		ab_close(r[i]);
		CHECK_EQ(locks(place[i]), 0);
		mem_free(place[i]);
	}
	ab_close(NULL);
}

static int attribute(void *arg, const char *name, const void *value, size_t size)
{
	CHECK_STR(name, "user.a");
	CHECK_EQ(size, 3);
	CHECK_MEM(value, "b\0c", 3);
	++*(int *)arg;
	return 5;
}

struct listed {
	ab_repo *r;
	char names[100];
	int stop;
};

static int list(void *arg, const ab_node *child)
{
	struct listed *l = arg;

	if (!strcmp(ab_name(child), "f"))
		is_part(l->r, child, 10, 5);
	strcat(l->names, ab_name(child));
	strcat(l->names, " ");
	return l->stop;
}

static int count_snapshot(void *arg, const struct ab_snapshot *s)
{
	if (s->unreadable) {
		CHECK_EQ(s->paths[0] == NULL, 1);
		*(int *)arg += 100;
		return 0;
	}
	CHECK_EQ(strlen(s->id), 64);
	CHECK_STR(s->hostname, "h");
	CHECK_STR(s->username, "u");
	CHECK_STR(s->paths[0], "/x");
	CHECK(!s->paths[1] && !s->tags[0]);
	CHECK_EQ(s->time_sec, CRAFT_TIME);
	++*(int *)arg;
	return 0;
}

TEST(nodes)
{
	char *place = new_repo("nodes"), buf[10] = "";
	ab_repo *r = opened(place, 0);
	ab_node *n = at(r, "/f"), *link = at(r, "//sub/../l");
	struct listed l = {.r = r};
	struct ab_error err;
	struct ab_stat st;
	int seen = 0;
	size_t len;

	ab_stat(n, &st);
	CHECK_EQ(st.mode, S_IFREG | 0644);
	CHECK_EQ(st.size, SIZE);
	CHECK_EQ(st.uid, 7);
	CHECK_EQ(st.gid, 8);
	CHECK_EQ(st.inode, 9);
	CHECK_EQ(st.mtime_sec, CRAFT_TIME);
	CHECK_EQ(st.mtime_nsec, 5);
	CHECK_STR(ab_name(n), "f");
	CHECK_EQ(ab_xattrs(n, attribute, &seen), 5);
	CHECK_EQ(seen, 1);
	CHECK_EQ(ab_readdir(r, n, list, &l, &err), AB_EUSAGE);
	CHECK_EQ(ab_readlink(n, buf, 10, &len, &err), AB_EUSAGE);
	CHECK_EQ(ab_readlink(link, buf, 3, &len, &err), 0);
	CHECK_EQ(len, 6);
	CHECK_STR(buf, "tar");
	CHECK_EQ(ab_pread(r, link, buf, 3, 0, &err), AB_EUSAGE);
	ab_node_free(link);
	ab_node_free(n);
	n = at(r, "/");
	ab_stat(n, &st);
	CHECK_EQ(st.mode, S_IFDIR | 0755);
	CHECK_STR(ab_name(n), "");
	CHECK_EQ(ab_readdir(r, n, list, &l, &err), 0);
	CHECK_STR(l.names, "f l lost sub ");
	l.stop = 42;
	CHECK_EQ(ab_readdir(r, n, list, &l, &err), 42);
	CHECK_STR(l.names, "f l lost sub f ");
	seen = 0;
	CHECK_EQ(ab_snapshots(r, count_snapshot, &seen, &err), 0);
	CHECK_EQ(seen, 1);
	ab_close(r);
	ab_node_free(n); /* it may live longer */
	ab_node_free(NULL);
	mem_free(place);
}

static void fails(ab_repo *r, const char *path, int code)
{
	struct ab_error err = {0};
	ab_node *n;

	CHECK_EQ(ab_lookup(r, "latest", path, &n, &err), code);
	CHECK_EQ(err.code, code);
	CHECK(n == NULL && err.message[0]);
}

TEST(what_is_not_there)
{
	char *place = new_repo("lost"), buf[10];
	ab_repo *r = opened(place, 0);
	struct ab_error err;
	ab_node *n;

	fails(r, "/nothing", AB_ENOTFOUND);
	fails(r, "/f/x", AB_ENOTFOUND);
	fails(r, "f", AB_EUSAGE);
	fails(r, "/lost/x", AB_EDAMAGED); /* the directory's tree is in no pack */
	CHECK_EQ(ab_lookup(r, "abcdef", "/", &n, &err), AB_ENOTFOUND);
	CHECK_EQ(ab_lookup(r, "latest:/", "/", &n, &err), AB_EUSAGE);
	n = at(r, "/sub/lost");
	CHECK_EQ(ab_pread(r, n, buf, 1, 0, &err), AB_EDAMAGED);
	CHECK(strstr(err.message, "lost") != NULL);
	ab_node_free(n);
	n = at(r, "/sub/size"); /* and not what its blobs have */
	CHECK_EQ(ab_pread(r, n, buf, 1, 0, &err), AB_EDAMAGED);
	ab_node_free(n);
	n = at(r, "/sub/none");
	CHECK_EQ(ab_pread(r, n, buf, 1, 0, &err), 0);
	ab_node_free(n);
	ab_close(r);
	mem_free(place);
}

static void spoil_snapshot(const char *place)
{
	char *cmd = mem_printf("f=$(ls -d %s/snapshots/*) && chmod u+w $f && echo x >$f", place);

	REQUIRE(system(cmd) == 0);
	mem_free(cmd);
}

TEST(damage)
{
	char *place = new_repo("damage");
	int seen = 0;
	ab_repo *r;

	spoil_snapshot(place);
	r = opened(place, 0);
	CHECK_EQ(ab_snapshots(r, count_snapshot, &seen, NULL), 0);
	CHECK_EQ(seen, 100);
	fails(r, "/", AB_EDAMAGED); /* the latest may be that one */
	ab_close(r);
	mem_free(place);
}

/* Out of order is put in order; what would be missing is an error. */
TEST(odd_trees)
{
	char *place = dir("odd");
	struct listed l = {.stop = 0};
	struct ab_error err;
	struct id sub[2], root;
	struct craft_tree t;
	struct craft c;
	ab_node *n;

	craft_init_at(&c, 2, place, "x");
	craft_tree(&t);
	craft_link(&t, "b", "y");
	craft_link(&t, "a", "x");
	sub[0] = craft_end(&c, &t);
	craft_tree(&t);
	craft_link(&t, "a", "x");
	craft_link(&t, "b/c", "y");
	sub[1] = craft_end(&c, &t);
	craft_tree(&t);
	craft_dir(&t, "bad", &sub[1]);
	craft_dir(&t, "order", &sub[0]);
	root = craft_end(&c, &t);
	craft_save(&c);
	craft_snapshot(&c, &root);
	craft_release(&c);
	l.r = opened(place, 0);
	n = at(l.r, "/order");
	CHECK_EQ(ab_readdir(l.r, n, list, &l, &err), 0);
	CHECK_STR(l.names, "a b ");
	ab_node_free(n);
	ab_node_free(at(l.r, "/order/b"));
	n = at(l.r, "/bad");
	CHECK_EQ(ab_readdir(l.r, n, list, &l, &err), AB_EDAMAGED);
	CHECK_STR(l.names, "a b ");
	ab_node_free(n);
	fails(l.r, "/bad/a", AB_EDAMAGED);
	ab_close(l.r);
	mem_free(place);
}

/* An index file that gives a blob 4 GiB, and a file that has it: refused, even where so much cannot
 * be had. */
static int read_huge(const char *place)
{
	const struct rlimit little = {(rlim_t)3 << 30, (rlim_t)3 << 30};
	ab_repo *r = opened(place, 0);
	ab_node *n = at(r, "/huge");
	struct ab_error err;
	uint8_t byte = 7;
	ssize_t rc;

	/* Sanitizers need room of their own. */
	if (CHECK_LESS == 1)
		setrlimit(RLIMIT_AS, &little);
	rc = ab_pread(r, n, &byte, 1, 0, &err);
	ab_node_free(n);
	ab_close(r);
	return byte == 7 && (rc == AB_ENOMEM || rc == AB_EDAMAGED) ? 5 : 6;
}

TEST(a_huge_blob)
{
	struct id id, huge = {{9}}, root, pack;
	char *place = dir("huge");
	struct craft_tree t;
	struct craft c;
	struct blob b;
	pid_t pid;
	int status = 0;

	craft_init_at(&c, 2, place, "x");
	id = craft_text(&c, "what is there instead");
	craft_tree(&t);
	craft_file(&t, "huge", &huge, 1, UINT32_MAX);
	root = craft_end(&c, &t);
	craft_save(&c);
	craft_load(&c);
	b = craft_place(&c, BLOB_DATA, &id, 0).blob;
	pack = craft_place(&c, BLOB_DATA, &id, 0).pack;
	b.id = huge;
	b.plain = UINT32_MAX;
	craft_index(&c, &pack, &b, 1);
	craft_snapshot(&c, &root);
	craft_release(&c);
	pid = fork();
	REQUIRE(pid >= 0);
	if (!pid)
		_exit(read_huge(place));
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	mem_free(place);
}

TEST(opening)
{
	static const struct lock_owner other = {"elsewhere", "tester", 1, 1, 1};
	static const struct lock_timing fast = {.recheck = 1000000,
		.refresh = INT64_C(60000000000),
		.give_up = INT64_C(600000000000),
		.stale = INT64_C(1800000000000),
		.again = 1000000};
	char *place = new_repo("opening"), *none = dir("opening-none");
	struct ab_options free_of_locks = {.size = sizeof(free_of_locks),
		.password = password,
		.arg = (void *)(uintptr_t) "x",
		.no_lock = true};
	struct ab_error err = {0};
	struct env env;
	struct backend *be;
	struct repo *repo;
	struct lock *lock;
	ab_repo *r;

	CHECK_EQ(open_as(place, "y", 0, &r, &err), AB_EPASSWORD);
	CHECK(r == NULL && err.code == AB_EPASSWORD && strstr(err.message, "password"));
	CHECK_EQ(open_as(place, NULL, 0, &r, NULL), AB_EPASSWORD);
	CHECK_EQ(open_as(none, "x", 0, &r, &err), AB_ENOTFOUND);
	CHECK_EQ(open_as("sftp:x", "x", 0, &r, &err), AB_EUSAGE);
	CHECK_EQ(open_as(NULL, "x", 0, &r, &err), AB_EUSAGE);
	CHECK_EQ(ab_open(place, &(struct ab_options){.size = 3}, &r, &err), AB_EUSAGE);
	CHECK_EQ(locks(place), 0);
	env_init(&env);
	be = backend_local_new(place, 1);
	REQUIRE(repo_open(be, &env, "x", 1, NULL, &repo, NULL) == 0);
	REQUIRE(lock_acquire(repo, &other, true, 0, &fast, NULL, NULL, &lock, NULL) == 0);
	CHECK_EQ(open_as(place, "x", 0, &r, &err), AB_ELOCKED);
	CHECK(strstr(err.message, "elsewhere") != NULL);
	CHECK_EQ(ab_open(place, &free_of_locks, &r, &err), 0);
	CHECK_EQ(locks(place), 1);
	ab_close(r);
	lock_release(lock);
	repo_close(repo);
	backend_free(be);
	env_release(&env);
	mem_free(place);
	mem_free(none);
}

static void no_more(size_t size)
{
	(void)size;
	_exit(7);
}

TEST(exhausted)
{
	pid_t pid = fork();
	int status = 0;

	REQUIRE(pid >= 0);
	if (!pid) {
		ab_on_exhausted(no_more);
		mem_array(SIZE_MAX, 2);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
