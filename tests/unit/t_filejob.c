#include "lib/stores.h"
#include "engine/filejob.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "format/tree.h"
#include "lib/files.h"
#include "unit/check.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define POLY 0x3da3358b4dc173u
#define STEP ((size_t)256 * 1024) /* filejob.c reads large files so */

/* ---- a rank of its own, and what a job says ---- */

struct blob_entry {
	struct id id;
	struct buf plain;
};

static struct env env;
static struct backend *be;
static struct repo *repo;
static struct chunker_tables *tables;
static struct nodemake make;
static struct tally tally;
static struct backup_options opt;
static struct run_flags flags;
static struct hashtab *blobs;
/* cancel_at, late_at: when so many chunks have come */
static size_t chunks, cancel_at, late_at;
static bool slow; /* the budget comes back later, as from a store */

static void env_open(size_t threads, size_t budget)
{
	struct config config = {.version = 2, .polynomial = POLY};
	struct seal_key key = {{1}, {2}, {3}};

	env_init(&env);
	env_start(&env, threads, threads, budget);
	be = backend_mem_new();
	repo = repo_adopt(be, &env, &config, &key);
	blobs = hashtab_new(sizeof(struct blob_entry), ID_SIZE, 0);
	atomic_store(&flags.end, RUN_GOES_ON);
	atomic_store(&flags.late, false);
	chunks = cancel_at = late_at = 0;
	slow = false;
}

static int free_blob(void *arg, void *entry)
{
	(void)arg;
	buf_release(&((struct blob_entry *)entry)->plain);
	return 0;
}

static void env_close(void)
{
	CHECK_EQ(budget_used(env.budget), 0);
	hashtab_each(blobs, free_blob, NULL);
	hashtab_free(blobs);
	env_stop(&env);
	repo_close(repo);
	backend_free(be);
	env_release(&env);
}

void check_setup(void)
{
	tables = chunker_tables_new(POLY);
	make.owners = owners_new();
}

void check_teardown(void)
{
	chunker_tables_free(tables);
	owners_free(make.owners);
}

struct job {
	struct item *item;
	struct filejob *job;
	struct buf json[200];
	bool foreign;
	size_t settled;
	bool done;
};

struct give {
	struct task task;
	size_t charge;
};

static void give_back(struct task *t)
{
	struct give *g = task_of(t, struct give, task);

	budget_give(env.budget, g->charge);
	mem_free(g);
}

static void cancel(void)
{
	atomic_store(&flags.end, RUN_CANCELLED);
	atomic_store(&flags.late, true);
}

static void drain(void)
{
	atomic_store(&flags.end, RUN_DRAINS);
	atomic_store(&flags.late, true);
}

static void on_chunk(void *arg, const struct id *id, struct buf *plain, size_t charge)
{
	bool is_new;
	struct blob_entry *e = hashtab_add(blobs, id, &is_new);

	(void)arg;
	CHECK(run_flags_end(&flags) != RUN_CANCELLED); /* its id may not have been made */
	CHECK(plain->len <= CHUNKER_MAX && plain->len > 0 && charge >= plain->len);
	if (is_new)
		buf_move(&e->plain, plain);
	buf_release(plain);
	if (slow) {
		struct give *g = mem_zalloc(sizeof(*g));

		g->charge = charge;
		g->task.done = give_back;
		loop_after(env.loop, 200000, &g->task);
	} else {
		budget_give(env.budget, charge);
	}
	if (++chunks == cancel_at)
		cancel();
	if (chunks == late_at)
		drain();
}

static void on_file(void *arg, size_t i, uint8_t *json, size_t n)
{
	struct job *j = arg;

	CHECK(!j->json[i].p && !j->done);
	j->settled++;
	buf_init(&j->json[i], (size_t)1 << 30);
	if (!json)
		return;
	tree_begin(&j->json[i]);
	tree_node(&j->json[i], true, json, n);
	tree_end(&j->json[i]);
	mem_free(json);
}

static void on_done(void *arg)
{
	struct job *j = arg;

	CHECK(!j->done);
	CHECK_EQ(j->settled, j->item->n);
	j->done = true;
}

static struct job job_of(const char *dir)
{
	struct dirref up = {0};

	return (struct job){.item = item_new(ITEM_FILES, &up, dir)};
}

static void add(struct job *j, const char *name)
{
	item_add_file(j->item, name, NULL, (uint32_t)j->item->n);
}

static void start(struct job *j)
{
	struct filejob_events ev = {on_chunk, on_file, on_done, j};

	j->job = filejob_new(j->item, &env, repo, tables, &opt, &make, &tally, j->foreign, &flags,
		&ev);
	filejob_start(j->job);
}

static void wait_for(struct job *j)
{
	int64_t end = clock_mono(clock_real()) + (int64_t)60 * 1000000000;

	while (!j->done) {
		if (!loop_run(env.loop))
			loop_wait(env.loop, 100000000);
		REQUIRE(clock_mono(clock_real()) < end); /* a hang */
	}
	/* What was held back by `slow`. */
	while (slow && budget_used(env.budget) && clock_mono(clock_real()) < end)
		if (!loop_run(env.loop))
			loop_wait(env.loop, 1000000);
}

static void release(struct job *j)
{
	for (size_t i = 0; i < j->item->n; i++)
		buf_release(&j->json[i]);
	filejob_free(j->job);
	item_free(j->item);
}

/* The file as stored: its blobs joined; NULL when it was left out. */
static char *stored(struct job *j, size_t i, size_t *n, size_t *pieces)
{
	struct tree_in in;
	const struct node *d;
	struct buf all;

	*n = 0;
	if (!j->json[i].len)
		return NULL;
	buf_init(&all, (size_t)1 << 30);
	tree_in_init(&in, j->json[i].p, j->json[i].len);
	REQUIRE(tree_in_next(&in, &d, NULL) == 1);
	CHECK(d->has_content && d->type == NODE_FILE);
	for (size_t k = 0; k < d->n_content; k++) {
		struct blob_entry *e = hashtab_find(blobs, &d->content[k]);

		if (CHECK(e != NULL))
			buf_add(&all, e->plain.p, e->plain.len);
	}
	CHECK_EQ(all.len, d->size);
	*n = all.len;
	if (pieces)
		*pieces = d->n_content;
	tree_in_release(&in);
	buf_addc(&all, 0);
	return (char *)all.p;
}

static const char *note(struct job *j, size_t i)
{
	return i < j->job->n_note ? j->job->note[i].message : NULL;
}

/* ---- sizes ---- */

/* How many chunks restic's rule makes of these bytes. */
static size_t count_chunks(const uint8_t *p, size_t n)
{
	struct chunker c;
	size_t count = 0;

	chunker_init(&c, tables);
	while (n) {
		size_t len = chunker_next(&c, p, n, true);

		p += len;
		n -= len;
		count++;
	}
	return count;
}

static void check_sizes(const size_t *size, size_t count, bool zeros)
{
	char *dir = files_dir("sizes"), name[32];
	struct job j = job_of(dir);

	env_open(2, (size_t)24 << 20);
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		if (zeros) {
			uint8_t *z = mem_zalloc(size[i] + 1);

			files_write(dir, name, z, size[i]);
			mem_free(z);
		} else {
			files_random(dir, name, size[i], i);
		}
		add(&j, name);
	}
	start(&j);
	wait_for(&j);
	for (size_t i = 0; i < count; i++) {
		size_t n, want_n, pieces;
		char *got = stored(&j, i, &n, &pieces), *want;

		snprintf(name, sizeof(name), "%zu", i);
		want = files_read(dir, name, &want_n);
		CHECK_EQ(n, size[i]);
		CHECK(got && want && n == want_n && memcmp(got, want, n) == 0);
		CHECK_EQ(pieces, count_chunks((uint8_t *)want, want_n));
		mem_free(got);
		mem_free(want);
	}
	CHECK_EQ(j.job->n_note, 0);
	release(&j);
	env_close();
	mem_free(dir);
}

TEST(sizes_around_the_borders)
{
	static const size_t small[] = {0, 1, 2, 4096, STEP - 1, STEP, STEP + 1, CHUNKER_MIN - 1,
		CHUNKER_MIN, CHUNKER_MIN + 1, CHUNKER_MIN + STEP - 1, CHUNKER_MIN + STEP,
		CHUNKER_MIN + STEP + 1, 4 * STEP - 1, 4 * STEP, 4 * STEP + 1, 0, 1};
	static const size_t large[] = {CHUNKER_MAX - 1, CHUNKER_MAX, CHUNKER_MAX + 1,
		CHUNKER_MAX + CHUNKER_MIN, 2 * CHUNKER_MAX, 2 * CHUNKER_MAX + STEP,
		3 * CHUNKER_MAX + 12345};

	check_sizes(small, sizeof(small) / sizeof(*small), false);
	check_sizes(small, sizeof(small) / sizeof(*small), true);
	check_sizes(large, sizeof(large) / sizeof(*large), false);
	/* only ends cut: chunks of the largest size */
	check_sizes(large, sizeof(large) / sizeof(*large), true);
}

/* ---- files that change ---- */

TEST(more_or_less_than_the_size_says)
{
	struct job j = job_of("/proc"), k = job_of("/sys/kernel");
	size_t n;
	char *text;

	env_open(1, (size_t)16 << 20);
	add(&j, "version"); /* size 0, and yet something to read: as if it had grown since */
	start(&j);
	wait_for(&j);
	text = stored(&j, 0, &n, NULL);
	CHECK(text && strncmp(text, "Linux version", 13) == 0 && n > 30);
	mem_free(text);
	release(&j);
	add(&k, "uevent_seqnum"); /* 4096, and only a number in it */
	start(&k);
	wait_for(&k);
	text = stored(&k, 0, &n, NULL);
	CHECK(!text || (n > 0 && n < 100));
	mem_free(text);
	release(&k);
	env_close();
}

struct grower {
	int fd;
	atomic_bool stop;
	size_t written;
};

static void *grow(void *arg)
{
	struct grower *g = arg;
	uint8_t piece[7919];

	while (!atomic_load(&g->stop) && g->written < ((size_t)40 << 20)) {
		for (size_t i = 0; i < sizeof(piece); i++)
			piece[i] = (uint8_t)((g->written + i) * 2654435761u >> 13);
		if (write(g->fd, piece, sizeof(piece)) != (ssize_t)sizeof(piece))
			break;
		g->written += sizeof(piece);
	}
	return NULL;
}

TEST(a_growing_file_is_stored_as_read)
{
	char *dir = files_dir("grow"), *path = mem_printf("%s/log", dir);

	for (int round = 0; round < 4; round++) {
		struct grower g = {.fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644)};
		struct job j = job_of(dir);
		pthread_t t;
		size_t n;
		char *got;

		env_open(2, (size_t)24 << 20);
		REQUIRE(pthread_create(&t, NULL, grow, &g) == 0);
		if (round % 2)
			usleep(3000);
		add(&j, "log");
		start(&j);
		wait_for(&j);
		atomic_store(&g.stop, true);
		pthread_join(t, NULL);
		got = stored(&j, 0, &n, NULL);
		CHECK(got != NULL && n <= g.written);
		for (size_t i = 0; got && i < n; i++)
			if (!CHECK_EQ((uint8_t)got[i], (uint8_t)(i * 2654435761u >> 13)))
				break;
		mem_free(got);
		close(g.fd);
		release(&j);
		env_close();
	}
	mem_free(path);
	mem_free(dir);
}

TEST(not_a_file_any_more)
{
	char *dir = files_dir("replaced"), *fifo = mem_printf("%s/fifo", dir);
	struct job j = job_of(dir);
	uint64_t vanished = atomic_load(&tally.files_vanished);
	size_t n;
	char *text;

	env_open(1, (size_t)16 << 20);
	REQUIRE(mkfifo(fifo, 0600) == 0);
	files_mkdir(dir, "dir");
	files_text(dir, "file", "still here");
	files_link(dir, "link", "file");
	add(&j, "fifo");
	add(&j, "dir");
	add(&j, "gone");
	add(&j, "link");
	add(&j, "file");
	start(&j);
	wait_for(&j);
	for (size_t i = 0; i < 4; i++)
		CHECK_EQ(j.json[i].len, 0);
	text = stored(&j, 4, &n, NULL);
	CHECK_STR(text, "still here");
	CHECK_EQ(j.job->n_note, 3); /* what is gone is no error */
	CHECK_EQ(atomic_load(&tally.files_vanished), vanished + 1);
	for (size_t i = 0; i < j.job->n_note; i++)
		CHECK(j.job->note[i].action == NULL && !strstr(j.job->note[i].path, "gone"));
	mem_free(text);
	release(&j);
	env_close();
	mem_free(fifo);
	mem_free(dir);
}

TEST(unreadable)
{
	char *dir = files_dir("denied"), *shut = mem_printf("%s/shut", dir);
	struct job j = job_of(dir), k = job_of(shut);

	if (geteuid() != 0)
		SKIP("needs root to be somebody else");
	env_open(1, (size_t)16 << 20);
	files_mkdir(dir, "shut");
	files_text(dir, "shut/a", "a");
	files_text(dir, "open", "o");
	files_text(dir, "secret", "s");
	REQUIRE(chmod(check_tmpdir(), 0711) == 0 && chmod(shut, 0700) == 0);
	{
		char *secret = mem_printf("%s/secret", dir);

		REQUIRE(chmod(secret, 0600) == 0);
		mem_free(secret);
	}
	REQUIRE(setegid(65534) == 0 && seteuid(65534) == 0);
	add(&j, "secret");
	add(&j, "open");
	start(&j);
	wait_for(&j);
	add(&k, "a");
	add(&k, "b");
	start(&k);
	wait_for(&k);
	REQUIRE(seteuid(0) == 0 && setegid(0) == 0);
	CHECK_EQ(j.json[0].len, 0);
	CHECK(j.json[1].len > 0);
	CHECK_EQ(j.job->n_note, 1);
	CHECK(note(&j, 0) && strstr(note(&j, 0), "Permission denied"));
	CHECK(k.json[0].len == 0 && k.json[1].len == 0);
	CHECK_EQ(k.job->n_note, 2); /* that they cannot be reached is said for each */
	release(&j);
	release(&k);
	env_close();
	mem_free(shut);
	mem_free(dir);
}

TEST(the_directory_itself)
{
	char *dir = files_dir("way"), *gone = mem_printf("%s/gone", dir),
	     *link = mem_printf("%s/link", dir);
	struct job j = job_of(gone), k = job_of(link), l = job_of(link);

	env_open(1, (size_t)16 << 20);
	files_mkdir(dir, "real");
	files_text(dir, "real/f", "f");
	files_link(dir, "link", "real");
	add(&j, "f");
	start(&j);
	wait_for(&j);
	CHECK(j.json[0].len == 0 && j.job->n_note == 0);
	add(&k, "f"); /* was a directory when it was listed */
	start(&k);
	wait_for(&k);
	CHECK_EQ(k.json[0].len, 0);
	l.item->follow = true; /* a directory above a target may be a link */
	item_add_file(l.item, "f", "f-1", 0);
	start(&l);
	wait_for(&l);
	CHECK(l.json[0].len && strstr(buf_str(&l.json[0]), "\"name\":\"f-1\""));
	release(&j);
	release(&k);
	release(&l);
	env_close();
	mem_free(gone);
	mem_free(link);
	mem_free(dir);
}

TEST(attributes_and_device)
{
	char *dir = files_dir("attr"), *path = mem_printf("%s/f", dir);
	struct job j = job_of(dir);
	struct stat st;

	files_text(dir, "f", "f");
	if (setxattr(path, "user.x", "v", 1, 0) < 0)
		SKIP("this file system has no attributes");
	REQUIRE(stat(path, &st) == 0);
	make.mounts = mounts_map_new(&(struct mounts_pair){st.st_dev, 77}, 1);
	env_open(1, (size_t)16 << 20);
	add(&j, "f");
	start(&j);
	wait_for(&j);
	CHECK(strstr(buf_str(&j.json[0]),
		      "\"extended_attributes\":[{\"name\":\"user.x\",\"value\":\"dg==\"}]") !=
		NULL);
	CHECK(strstr(buf_str(&j.json[0]), "\"device_id\":77,") != NULL);
	release(&j);
	env_close();
	mounts_map_free((struct mounts_map *)(uintptr_t)make.mounts);
	make.mounts = NULL;
	mem_free(path);
	mem_free(dir);
}

/* ---- budget ---- */

static char *mixed_dir(void)
{
	char *dir = files_dir("mixed"), name[32];

	for (unsigned i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "%02u", i);
		files_random(dir, name, i % 20 == 19 ? (size_t)9 << 20 : 1000 + i * 500, i);
	}
	return dir;
}

TEST(cancelled_in_the_middle_every_byte_comes_back)
{
	char *dir = mixed_dir(), name[32];

	for (size_t at = 1; at < 80; at += 7) {
		struct job j = job_of(dir), k = job_of(dir);

		env_open(2, (size_t)20 << 20);
		cancel_at = at;
		slow = at % 2;
		for (unsigned i = 0; i < 60; i++) {
			snprintf(name, sizeof(name), "%02u", i);
			add(&j, name);
			add(&k, name);
		}
		start(&j);
		start(&k);
		wait_for(&j);
		wait_for(&k);
		CHECK_EQ(j.job->n_note + k.job->n_note, 0);
		release(&j);
		release(&k);
		env_close(); /* checks the budget */
	}
	mem_free(dir);
}

/* A run that drains and has no time left: a large file stops at its next chunk and is left out,
 * without a word; what was read before it is there. */
TEST(late_in_the_middle_of_a_large_file)
{
	char *dir = files_dir("late");
	struct job j = job_of(dir);

	files_random(dir, "0", 1000, 1);
	files_random(dir, "1", (size_t)40 << 20, 2);
	files_random(dir, "2", 1000, 3);
	env_open(2, (size_t)20 << 20);
	late_at = 3;
	add(&j, "0");
	add(&j, "1");
	add(&j, "2");
	start(&j);
	wait_for(&j);
	CHECK(j.json[0].len > 0 && j.json[1].len == 0 && j.json[2].len == 0);
	CHECK_EQ(j.job->n_note, 0);
	CHECK(chunks >= 3 && chunks < 30);
	release(&j);
	env_close();
	mem_free(dir);
}

/* Whatever comes back while the run drains counts: chunks are hashed and handed on. */
TEST(a_drain_that_is_not_late_changes_nothing)
{
	char *dir = files_dir("drains");
	struct job j = job_of(dir);

	files_random(dir, "0", 1000, 1);
	files_random(dir, "1", (size_t)9 << 20, 2);
	env_open(2, (size_t)20 << 20);
	atomic_store(&flags.end, RUN_DRAINS);
	add(&j, "0");
	add(&j, "1");
	start(&j);
	wait_for(&j);
	CHECK(j.json[0].len > 0 && j.json[1].len > 0);
	release(&j);
	env_close();
	mem_free(dir);
}

TEST(cancelled_before_it_begins)
{
	char *dir = mixed_dir();
	struct job j = job_of(dir);

	env_open(1, (size_t)20 << 20);
	cancel();
	add(&j, "00");
	add(&j, "19");
	start(&j);
	wait_for(&j);
	CHECK(j.json[0].len == 0 && j.json[1].len == 0 && chunks == 0 && j.job->n_note == 0);
	release(&j);
	env_close();
	mem_free(dir);
}

/* Many readers with their hands full of small files, and a budget smaller than what they want
 * together: nobody may wait for ever. */
TEST(a_small_budget_stops_nobody)
{
	enum { JOBS = 12 };
	char *dir = files_dir("tight"), name[32];
	struct job *j = mem_array(JOBS, sizeof(*j));

	env_open(8, CHUNKER_MAX + 4096);
	slow = true;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "%02u", i);
		files_random(dir, name, i == 39 ? (size_t)1 << 20 : 200000, i);
	}
	for (size_t k = 0; k < JOBS; k++) {
		j[k] = job_of(dir);
		for (unsigned i = 0; i < 40; i++) {
			snprintf(name, sizeof(name), "%02u", (unsigned)(i + k) % 40);
			add(&j[k], name);
		}
		start(&j[k]);
	}
	for (size_t k = 0; k < JOBS; k++)
		wait_for(&j[k]);
	for (size_t k = 0; k < JOBS; k++) {
		for (size_t i = 0; i < 40; i++) {
			size_t n;
			char *p = stored(&j[k], i, &n, NULL);

			CHECK_EQ(n, j[k].item->file[i].name[0] == '3' &&
						    j[k].item->file[i].name[1] == '9'
					    ? (size_t)1 << 20
					    : 200000);
			mem_free(p);
		}
		release(&j[k]);
	}
	env_close();
	mem_free(j);
	mem_free(dir);
}

/* Files that another rank listed: what is not as it saw them is left to it, the others are read. */
TEST(what_another_rank_listed)
{
	static const char *const name[] = {"same", "older", "short", "owner", "numbered", "gone"};
	char *dir = files_dir("foreign");
	struct job j = job_of(dir);

	env_open(1, (size_t)16 << 20);
	j.foreign = true;
	for (size_t i = 0; i < 6; i++) {
		char *path = mem_printf("%s/%s", dir, name[i]),
		     *link = mem_printf("%s/%s.2", dir, name[i]);
		struct meta m;

		files_text(dir, name[i], "text");
		REQUIRE(linkat(AT_FDCWD, path, AT_FDCWD, link, 0) == 0);
		REQUIRE(meta_stat(AT_FDCWD, path, false, &m, NULL) == 0);
		sight_of(&item_add_file(j.item, name[i], NULL, (uint32_t)i)->seen, &m);
		if (i == 5)
			unlink(path);
		mem_free(path);
		mem_free(link);
	}
	j.item->file[1].seen.ctime.sec++;
	j.item->file[2].seen.size++;
	j.item->file[3].seen.uid++;
	j.item->file[4].seen.ino++;
	start(&j);
	wait_for(&j);
	for (size_t i = 0; i < 6; i++) {
		bool read = i == 0 || i == 4;

		CHECK_EQ(j.json[i].len > 0, read);
		CHECK_EQ(j.job->file[i].back, !read);
		CHECK_EQ(j.job->file[i].differs, i == 3);
	}
	CHECK(strstr(buf_str(&j.json[0]), "\"links\":2") &&
		strstr(buf_str(&j.json[4]), "\"links\":1"));
	CHECK_EQ(j.job->n_note, 0);
	release(&j);
	env_close();
	mem_free(dir);
}

TEST(a_named_file_does_not_vanish)
{
	char *dir = files_dir("named");
	struct job j = job_of(dir);

	env_open(1, (size_t)16 << 20);
	add(&j, "gone");
	j.item->file[0].named = true;
	start(&j);
	wait_for(&j);
	CHECK_EQ(j.job->n_note, 1);
	release(&j);
	env_close();
	mem_free(dir);
}
