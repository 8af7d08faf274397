/* What only several ranks have: who fetches what, ends in the middle, trees that are wide and deep,
 * what one rank finds and others do. */
#include "base/mem.h"
#include "lib/files.h"
#include "lib/gate.h"
#include "lib/lines.h"
#include "lib/restoring.h"
#include "lib/stores.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void check_setup(void)
{
	lab_init();
}

void check_teardown(void)
{
	lab_release();
}

/* ---- who fetches what ---- */

static atomic_size_t fetched, asked;
static size_t stop_at;

static int look(void *arg, const struct backend_op *op, enum backend_type t)
{
	(void)arg;
	if (!op || op->verb != BACKEND_GET || t != BACKEND_PACK)
		return 0;
	atomic_fetch_add(&fetched, op->length);
	if (atomic_fetch_add(&asked, 1) + 1 == stop_at)
		__atomic_store_n(&lab.stop, 1, __ATOMIC_RELAXED);
	return 0;
}

/* n blobs of `size` bytes that do not repeat, in packs of `pack` of them. */
static void blobs(struct id *id, size_t n, size_t size, size_t pack)
{
	uint8_t *p = mem_alloc(size);
	uint64_t x = 88172645463325252u;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < size; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			p[k] = (uint8_t)x;
		}
		id[i] = craft_blob(&lab.c, BLOB_DATA, p, size);
		if (i % pack == pack - 1)
			craft_save(&lab.c);
	}
	mem_free(p);
}

/* Directories of files of two blobs each; file f of directory d has those from 2 * (f * dirs + d)
 * on, so that each pack is wanted from in every directory; `twice`: and once more, below "again".
 */
static struct id spread(const struct id *id, int dirs, int files, size_t size, bool twice)
{
	struct craft_tree top, t;
	struct id sub;
	char name[32];

	craft_tree(&top);
	for (int d = 0; d < dirs; d++) {
		craft_tree(&t);
		for (int f = 0; f < files; f++) {
			snprintf(name, sizeof(name), "f%04d", f);
			craft_file(&t, name, id + 2 * (f * dirs + d), 2, 2 * size);
		}
		sub = craft_end(&lab.c, &t);
		snprintf(name, sizeof(name), "d%04d", d);
		craft_dir(&top, name, &sub);
	}
	sub = craft_end(&lab.c, &top);
	if (!twice)
		return sub;
	craft_tree(&top);
	craft_dir(&top, "again", &sub);
	craft_dir(&top, "once", &sub);
	return craft_end(&lab.c, &top);
}

enum { SIZE = 3000, DIRS = 20, FILES = 20, BLOBS = 2 * DIRS * FILES };

static size_t bytes_by(int ranks, const struct id *root)
{
	struct backend *mem = lab.c.be;
	size_t bytes;

	craft_save(&lab.c);
	craft_load(&lab.c);
	lab.ranks = ranks;
	lab.c.be = lab.c.repo->be = gate_new(backend_share(mem), look, NULL);
	lab_fresh();
	fetched = 0;
	CHECK_EQ(lab_run(root, &(struct restore_options){.target = lab.target}), 0);
	CHECK_STR(lab_errors(), "");
	bytes = fetched;
	backend_free(lab.c.be);
	lab.c.be = lab.c.repo->be = mem;
	return bytes;
}

TEST(no_pack_is_fetched_from_by_two)
{
	struct id id[BLOBS], root;
	const size_t wanted = (size_t)BLOBS * SIZE;

	blobs(id, BLOBS, SIZE, 50);
	for (int twice = 0; twice < 2; twice++) {
		size_t one;

		root = spread(id, DIRS, FILES, SIZE, twice);
		one = bytes_by(1, &root);
		CHECK(one >= wanted);
		for (int ranks = 2; ranks <= 4; ranks++) {
			size_t all = bytes_by(ranks, &root);

			printf("    %d ranks: %zu bytes, one: %zu, wanted: %zu\n", ranks, all, one,
				wanted);
			CHECK(all * 10 <= wanted * 11);
			CHECK(all * 10 <= one * 11);
			CHECK_EQ(lab.counts.files_restored,
				twice ? 2 * (DIRS * (FILES + 1) + 1) : DIRS * (FILES + 1));
		}
	}
}

/* ---- an end in the middle ---- */

static void small_with_links(struct craft_tree *t, const struct id *id)
{
	struct node n;

	for (int i = 0; i < 3; i++) {
		char name[] = {'n', (char)('1' + i), 0};

		n = craft_node(NODE_FILE, name);
		n.links = 6;
		n.inode = 77;
		n.device_id = 1;
		n.has_content = true;
		n.content = id;
		n.n_content = 1;
		n.size = SIZE;
		craft_put(t, &n);
	}
}

/* Names of one inode in two directories, empty files, links, and what spread() makes. */
static struct id motley(const struct id *id)
{
	struct id all = spread(id, 6, 6, SIZE, true), sub;
	struct craft_tree t, top;

	craft_tree(&top);
	for (int i = 0; i < 2; i++) {
		craft_tree(&t);
		lab_text_file(&t, "empty", "");
		craft_link(&t, "link", "empty");
		small_with_links(&t, id);
		sub = craft_end(&lab.c, &t);
		craft_dir(&top, i ? "b" : "a", &sub);
	}
	craft_dir(&top, "c", &all);
	return craft_end(&lab.c, &top);
}

TEST(a_stop_at_any_request_and_on)
{
	struct id id[72], root;
	char *want = files_dir("want"), *now;
	struct backend *mem = lab.c.be;
	size_t stops = 0;

	lab_anew(1);
	mem = lab.c.be;
	blobs(id, 72, SIZE, 9);
	root = motley(id);
	craft_save(&lab.c);
	craft_load(&lab.c);
	CHECK_EQ(lab_run(&root, &(struct restore_options){.target = want}), 0);
	lab.index = mem;
	for (int ranks = 2; ranks <= 4; ranks += 2) {
		bool came = true;

		lab.ranks = ranks;
		for (stop_at = 1; came; stop_at++) {
			struct restore_options o = {.target = lab_fresh(),
				.overwrite = (enum restore_overwrite)(stop_at % 4)};
			int rc;

			asked = 0;
			lab.c.be = gate_new(backend_share(mem), look, NULL);
			rc = lab_run(&root, &o);
			came = asked >= stop_at;
			CHECK(rc == 0 || (came && rc == ERR_CANCELLED));
			stops += rc != 0;
			backend_free(lab.c.be);
			lab.c.be = mem;
			lab.stop = 0;
			o.verify = true;
			CHECK_EQ(lab_run(&root, &o), 0);
			CHECK_STR(lab_errors(), "");
			CHECK_EQ(files_differ(want, lab.target), 0);
			now = mem_printf("%s/a", lab.target);
			CHECK_EQ(files_stat(now, "n1").st_nlink, 6);
			mem_free(now);
		}
	}
	CHECK(stops > 10);
	stop_at = 0;
	mem_free(want);
}

/* ---- shapes ---- */

/* More directories in one than the queue is to hold, and below each of some as many again. */
LAB_TEST(wider_than_the_queue)
{
	struct craft_tree t, top, more;
	struct id sub, id = craft_text(&lab.c, "in it"), wide;
	char name[32];

	craft_tree(&more);
	craft_tree(&t);
	craft_link(&t, "l", "x");
	sub = craft_end(&lab.c, &t);
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "%03d", i);
		craft_dir(&more, name, &sub);
	}
	wide = craft_end(&lab.c, &more);
	craft_tree(&top);
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "%03d", i);
		craft_tree(&t);
		craft_file(&t, "f", &id, 1, 5);
		if (i % 200 == 7)
			craft_dir(&t, "wide", &wide);
		sub = craft_end(&lab.c, &t);
		craft_dir(&top, name, &sub);
	}
	sub = craft_end(&lab.c, &top);
	lab_fresh();
	CHECK_EQ(lab_restore(&sub, (struct restore_options){.target = lab.target}), 0);
	CHECK_STR(lab_errors(), "");
	CHECK_EQ(lab.counts.files_restored, 400 * 2 + 2 * (1 + 400 * 2));
	CHECK(files_has(lab.target, "399/f", "in it") && files_there(lab.target, "207/wide/399/l"));
	CHECK_EQ(files_stat(lab.target, "207/wide/399").st_mtim.tv_sec, CRAFT_TIME);
	CHECK_EQ(files_stat(lab.target, "207/wide").st_mtim.tv_sec, CRAFT_TIME);
	CHECK_EQ(files_stat(lab.target, "207").st_mtim.tv_sec, CRAFT_TIME);
}

/* Directories that are made only for what is in them; and a pattern that one rank alone finds. */
LAB_TEST(only_some_files)
{
	struct id id[BLOBS], root;
	struct match *m = match_new(false), *deep = match_new(false);
	const struct match *list[] = {m, deep};
	struct restore_options o = {.target = lab_fresh(), .include = list, .n_include = 1};

	REQUIRE(!match_add(m, "f0003", NULL) && !match_add(m, "/c/once/d0004", NULL));
	REQUIRE(!match_add(deep, "/nowhere", NULL) && !match_add(deep, "/b/empty", NULL));
	blobs(id, 72, SIZE, 9);
	root = motley(id);
	CHECK_EQ(lab_restore(&root, o), 0);
	CHECK_STR(lab_errors(), "");
	CHECK_EQ(files_count(lab.target), 1 + 2 * 7 + 2 * 6 + 5);
	CHECK_EQ(lab.counts.total_files, 12 + 1 + 5);
	CHECK_EQ(files_stat(lab.target, "c/once").st_mtim.tv_sec, CRAFT_TIME);
	CHECK_EQ(files_stat(lab.target, "c/again/d0000").st_mtim.tv_sec, CRAFT_TIME);
	o.n_include = 2;
	o.delete = true;
	CHECK_EQ(lab_restore(&root, o), 0);
	CHECK_STR(lab_errors(), "/nowhere: the pattern matches nothing in the snapshot: nothing is "
				"deleted for it\n");
	match_free(m);
	match_free(deep);
}

/* ---- damage ---- */

static int remove_index(void *arg, const struct id *name, uint64_t size)
{
	static int n;

	(void)size;
	return n++ ? 0 : backend_remove(arg, BACKEND_INDEX, name, NULL);
}

/* Which blob of a file is named, if it has lost several, is by chance. */
static char *sorted_errors(void)
{
	char *text = mem_strdup(lab_errors()), *out;

	for (char *b = strstr(text, ": blob "); b; b = strstr(b + 1, ": blob "))
		memset(b + 7, '.', 8);
	out = lines_sorted(text);
	mem_free(text);
	return out;
}

/* Whatever is lost, by any number of ranks the same is said and counted, and the rest is there. */
TEST(the_same_is_said_of_damage)
{
	for (int damage = 0; damage < 5; damage++) {
		struct restore_counts counts[3];
		struct id id[72], root;
		struct catalog_place at;
		char *said[3];

		lab_anew(1);
		blobs(id, 72, SIZE, 9);
		root = motley(id);
		craft_save(&lab.c);
		craft_load(&lab.c);
		at = craft_place(&lab.c, damage < 3 ? BLOB_DATA : BLOB_TREE,
			damage < 3 ? &id[40] : &root, 0);
		if (damage == 0)
			craft_spoil(&lab.c, &at.pack, at.blob.offset + 5);
		else if (damage == 1)
			craft_cut(&lab.c, &at.pack, at.blob.offset + 9);
		else if (damage == 2)
			REQUIRE(!backend_remove(lab.c.be, BACKEND_PACK, &at.pack, NULL));
		else if (damage == 3)
			craft_spoil(&lab.c, &at.pack, 5); /* a tree below */
		else
			REQUIRE(!backend_list(lab.c.be, BACKEND_INDEX, remove_index, lab.c.be,
				NULL));
		for (int i = 0; i < 3; i++) {
			lab.ranks = 1 << i;
			lab_fresh();
			CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
							    .verify = true}),
				0);
			CHECK(lab.counts.errors > 0);
			counts[i] = lab.counts;
			/* Of what is lost how much was written is by chance. */
			counts[i].bytes_restored = counts[0].bytes_restored;
			said[i] = sorted_errors();
			CHECK_STR(said[i], said[0]);
			CHECK_MEM(&counts[i], &counts[0], sizeof(counts[0]));
		}
		for (int i = 0; i < 3; i++)
			mem_free(said[i]);
	}
}

/* ---- a file in ranges ---- */

enum { PIECES = 100, PIECE = 20000, RANGE = 150000 };

/* big: all of id, with a hole in the middle; part: half of it; small; wrong: a size that is none.
 */
static struct id with_large(const struct id *id, bool wrong)
{
	struct id all[PIECES], sub, zero;
	uint8_t *zeros = mem_zalloc(PIECE);
	struct craft_tree t;

	zero = craft_blob(&lab.c, BLOB_DATA, zeros, PIECE);
	for (int i = 0; i < PIECES; i++)
		all[i] = i / 20 == 2 ? zero : id[i];
	craft_tree(&t);
	craft_file(&t, "big", all, PIECES, (uint64_t)PIECES * PIECE);
	craft_file(&t, "part", all, PIECES / 2, (uint64_t)PIECES / 2 * PIECE);
	if (wrong)
		craft_file(&t, "quite", all, PIECES, (uint64_t)PIECES * PIECE + 1);
	lab_text_file(&t, "small", "small");
	sub = craft_end(&lab.c, &t);
	craft_tree(&t);
	craft_dir(&t, "d", &sub);
	craft_file(&t, "top", all + 7, PIECES - 7, (uint64_t)(PIECES - 7) * PIECE);
	mem_free(zeros);
	return craft_end(&lab.c, &t);
}

/* What one rank does, two and four do with ranges: counts, sentences, contents. */
static void as_one(const struct id *root, struct restore_options o, void (*lay)(const char *dir))
{
	char *want = files_dir("want"), *said;
	struct restore_counts counts;

	for (int ranks = 1; ranks <= 4; ranks *= 2) {
		lab.ranks = ranks;
		lab.seed = (uint64_t)ranks - 1;
		o.target = ranks == 1 ? want : lab_fresh();
		if (lay)
			lay(o.target);
		CHECK_EQ(lab_restore(root, o), 0);
		if (ranks == 1) {
			counts = lab.counts;
			said = sorted_errors();
		} else {
			char *now = sorted_errors();

			CHECK_STR(now, said);
			if (*said) /* how much of a file that is lost is by chance */
				counts.bytes_restored = lab.counts.bytes_restored;
			CHECK_MEM(&lab.counts, &counts, sizeof(counts));
			if (!*said && !o.dry_run)
				CHECK_EQ(files_differ(want, lab.target), 0);
			mem_free(now);
		}
	}
	mem_free(said);
	mem_free(want);
}

static void lay_others(const char *dir)
{
	files_mkdir(dir, "d/big");
	files_link(dir, "top", "elsewhere");
	files_text(dir, "d/part", "something of ours");
}

TEST(a_large_file_in_ranges)
{
	struct restore_options o = {.range = RANGE, .verify = true};
	struct id id[PIECES], root;

	lab_anew(1);
	blobs(id, PIECES, PIECE, 7);
	root = with_large(id, false);
	as_one(&root, o, NULL);
	CHECK_STR(lab_errors(), "");
	CHECK_EQ(lab.counts.verified, 4);
	CHECK_EQ(files_stat(lab.target, "d/big").st_mode & 07777, 0644);
	CHECK_EQ(files_stat(lab.target, "d/big").st_mtim.tv_sec, CRAFT_TIME);
	CHECK_EQ(files_stat(lab.target, "d").st_mtim.tv_sec, CRAFT_TIME);
	o.sparse = true;
	as_one(&root, o, lay_others);
	CHECK_STR(lab_errors(), "");
	CHECK(files_stat(lab.target, "d/big").st_blocks * 512 < (PIECES - 15) * PIECE);
	/* All is there: nothing is restored, and nothing verified. */
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
					    .range = RANGE,
					    .verify = true}),
		0);
	CHECK_EQ(lab.counts.files_skipped, 4);
	CHECK_EQ(lab.counts.verified, 0);
	/* A dry run tells what a true one would do. */
	o = (struct restore_options){.range = RANGE, .dry_run = true};
	as_one(&root, o, lay_others);
	/* Its lengths are not its size: nothing is made. */
	root = with_large(id, true);
	o.dry_run = false;
	as_one(&root, o, NULL);
	CHECK_EQ(lab.counts.errors, 1);
	CHECK(!files_there(lab.target, "d/quite") && files_there(lab.target, "d/part"));
}

/* One range fails the file, once; it stays marked, and the next restore ends it. */
TEST(a_range_that_is_lost)
{
	struct restore_options o = {.range = RANGE};
	struct id id[PIECES], root;
	struct catalog_place at;

	lab_anew(1);
	blobs(id, PIECES, PIECE, 7);
	root = with_large(id, false);
	craft_save(&lab.c);
	craft_load(&lab.c);
	for (int i = 60; i < 90; i += 10) {
		at = craft_place(&lab.c, BLOB_DATA, &id[i], 0);
		craft_spoil(&lab.c, &at.pack, at.blob.offset + 5);
		if (i == 60) {
			as_one(&root, o, NULL);
			continue;
		}
		o.target = lab_fresh();
		CHECK_EQ(lab_restore(&root, o), 0);
	}
	CHECK_EQ(lab.counts.errors, 2);
	CHECK_EQ(files_stat(lab.target, "d/big").st_mode & 07777, 01600);
	CHECK_EQ(files_stat(lab.target, "d/part").st_mode & 07777, 0644);
	craft_forget(&lab.c);
	blobs(id, PIECES, PIECE, 9);
	o.target = lab.target;
	o.overwrite = RESTORE_NEVER;
	CHECK_EQ(lab_restore(&root, o), 0);
	CHECK_STR(lab_errors(), "");
	CHECK_EQ(files_stat(lab.target, "d/big").st_mode & 07777, 0644);
}

TEST(a_stop_among_ranges)
{
	struct restore_options o = {.range = RANGE};
	struct id id[PIECES], root;
	char *want = files_dir("want");
	struct backend *mem;
	bool came = true;
	size_t stops = 0;

	lab_anew(1);
	blobs(id, PIECES, PIECE, 7);
	root = with_large(id, false);
	craft_save(&lab.c);
	craft_load(&lab.c);
	o.target = want;
	CHECK_EQ(lab_run(&root, &o), 0);
	lab.index = mem = lab.c.be;
	lab.ranks = 3;
	for (stop_at = 1; came; stop_at++) {
		int rc;

		o.target = lab_fresh();
		asked = 0;
		lab.c.be = gate_new(backend_share(mem), look, NULL);
		rc = lab_run(&root, &o);
		came = asked >= stop_at;
		CHECK(rc == 0 || (came && rc == ERR_CANCELLED));
		stops += rc != 0;
		backend_free(lab.c.be);
		lab.c.be = mem;
		lab.stop = 0;
		o.verify = true;
		CHECK_EQ(lab_run(&root, &o), 0);
		o.verify = false;
		CHECK_STR(lab_errors(), "");
		CHECK_EQ(files_differ(want, lab.target), 0);
	}
	CHECK(stops > 5);
	stop_at = 0;
	mem_free(want);
}
