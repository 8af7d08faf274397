#include "engine/walk.h"
#include "base/mem.h"
#include "base/path.h"
#include "format/tree.h"
#include "lib/files.h"
#include "unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct owners *owners;
static struct nodemake make;
static struct backup_options opt;
static struct tally tally;

void check_setup(void)
{
	owners = owners_new();
	make.owners = owners;
}

void check_teardown(void)
{
	owners_free(owners);
}

static struct walk walk_new(const char *path)
{
	return (struct walk){.opt = &opt,
		.make = &make,
		.tally = &tally,
		.path = path,
		.parent[0].settled = {INT64_MAX, 0}};
}

/* What was found as text: names with F (to be read), D, A (above), U (unchanged), R (ready) behind
 * them; notes in brackets. */
static const char *text(const struct walk *w)
{
	static struct buf b;

	buf_release(&b);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < w->n; i++)
		buf_addf(&b, "%s%s:%c", i ? " " : "", w->entry[i].name, "RUFDA"[w->entry[i].kind]);
	for (size_t i = 0; i < w->n_note; i++)
		buf_addf(&b, " [%s %s]", w->note[i].action ? w->note[i].action : "error",
			strrchr(w->note[i].path, '/') + 1);
	return buf_str(&b);
}

/* One walk, its text, and nothing else. */
static const char *found(const char *path)
{
	static char keep[65536];
	struct walk w = walk_new(path);

	walk_run(&w);
	CHECK_EQ(w.err.code, 0);
	snprintf(keep, sizeof(keep), "%s", text(&w));
	walk_release(&w);
	return keep;
}

static const struct walk_entry *entry(const struct walk *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->entry[i].name, name))
			return &w->entry[i];
	CHECK_STR(name, "an entry of the directory");
	check_stop();
}

/* The node of an entry whose JSON is in the arena, as a tree of one. */
static void node_text(const struct walk *w, const char *name, struct buf *tree)
{
	const struct walk_entry *e = entry(w, name);

	buf_init(tree, 1 << 20);
	tree_begin(tree);
	tree_node(tree, true, w->arena.p + e->json, e->json_n);
	tree_end(tree);
}

TEST(all_kinds_of_entries)
{
	char *dir = files_dir("kinds"), *p;
	struct walk w = walk_new(dir);
	struct tree_in in;
	const struct node *n;
	struct buf t;

	files_text(dir, "b file", "123");
	files_mkdir(dir, "c/d");
	files_link(dir, "a", "/no\xffwhere");
	p = mem_printf("%s/fifo", dir);
	REQUIRE(mkfifo(p, 0640) == 0);
	mem_free(p);
	p = mem_printf("%s/s", dir);
	REQUIRE(mknod(p, S_IFSOCK | 0600, 0) == 0);
	mem_free(p);
	walk_run(&w);
	CHECK_EQ(w.err.code, 0);
	CHECK_STR(text(&w), "a:R b file:F c:D fifo:R"); /* the socket without a word */
	CHECK_EQ(entry(&w, "b file")->size, 3);
	CHECK(!entry(&w, "b file")->had && !entry(&w, "c")->had);
	CHECK(S_ISDIR(w.meta.mode) && w.meta.ino);
	node_text(&w, "a", &t);
	tree_in_init(&in, t.p, t.len);
	REQUIRE(tree_in_next(&in, &n, NULL) == 1);
	CHECK_EQ(n->type, NODE_SYMLINK);
	CHECK(n->linktarget.n == 9 && !memcmp(n->linktarget.p, "/no\xffwhere", 9));
	tree_in_release(&in);
	buf_release(&t);
	walk_release(&w);
	mem_free(dir);
}

TEST(excludes)
{
	char *dir = files_dir("excl");
	struct match *m = match_new(false);
	const struct match *list[] = {m};
	struct backup_marker mark[] = {{(char *)(uintptr_t) ".nobackup", NULL},
		{(char *)(uintptr_t) "TAG", (char *)(uintptr_t) "sig"}};
	struct err e;

	files_mkdir(dir, "sub/x");
	files_text(dir, "a.o", "1");
	files_text(dir, "big", "12345");
	files_text(dir, "small", "1234");
	REQUIRE(match_add(m, "*.o", &e) == 0 && match_add(m, "sub", &e) == 0);
	opt = (struct backup_options){.exclude = list, .n_exclude = 1};
	CHECK_STR(found(dir), "big:F small:F");
	opt.verbose_items = true;
	CHECK_STR(found(dir), "big:F small:F [excluded a.o] [excluded sub]");
	opt = (struct backup_options){.larger_than = 4, .larger_than_given = true};
	CHECK_STR(found(dir), "a.o:F small:F sub:D");
	opt = (struct backup_options){.marker = mark, .n_marker = 2};
	files_text(dir, "TAG", "other");
	CHECK_STR(found(dir), "TAG:F a.o:F big:F small:F sub:D [warning TAG]");
	files_text(dir, "TAG", "signature");
	CHECK_STR(found(dir), "TAG:F");
	files_text(dir, ".nobackup", "");
	CHECK_STR(found(dir), "");
	opt = (struct backup_options){.n_marker = 0};
	match_free(m);
	mem_free(dir);
}

/* ---- the parent's tree ---- */

static void node_at(const char *dir, const char *name, struct node *n)
{
	char *path = mem_printf("%s/%s", dir, name);
	struct meta m;
	struct err e;

	REQUIRE(meta_stat(AT_FDCWD, path, false, &m, &e) == 0);
	REQUIRE(nodemake_fill(&make, n, name, &m));
	mem_free(path);
}

static struct id id_of(uint8_t b)
{
	struct id id;

	memset(&id, b, sizeof(id));
	return id;
}

/* The tree that an earlier run would have stored of these names (sorted): files have content {1},
 * {2}, …; directories the tree {9}. */
static struct buf parent_of(const char *dir, const char *const *name, size_t count,
	void (*change)(struct node *n))
{
	struct buf b, json;

	buf_init(&b, 1 << 20);
	buf_init(&json, 1 << 20);
	tree_begin(&b);
	for (size_t i = 0; i < count; i++) {
		struct node n;
		struct id ids[2] = {id_of((uint8_t)(i + 1)), id_of(0xcc)};

		node_at(dir, name[i], &n);
		if (n.type == NODE_FILE) {
			n.has_content = true;
			n.content = ids;
			n.n_content = n.size ? 2 : 0;
		} else if (n.type == NODE_DIR) {
			n.has_subtree = true;
			n.subtree = id_of(9);
		}
		if (change)
			change(&n);
		buf_reset(&json);
		node_write(&n, NULL, &json);
		tree_node(&b, i == 0, json.p, json.len);
	}
	tree_end(&b);
	buf_release(&json);
	return b;
}

static const char *const four[] = {"a", "b", "cc", "d"};

static struct walk with_parent(const char *dir, void (*change)(struct node *n))
{
	struct walk w = walk_new(dir);

	w.parent[0].has = true;
	w.parent[0].tree = parent_of(dir, four, 4, change);
	walk_run(&w);
	CHECK_EQ(w.err.code, 0);
	return w;
}

static char *parent_dir(void)
{
	char *dir = files_dir("parent");

	files_text(dir, "a", "aaa");
	files_text(dir, "aa new", "x");
	files_text(dir, "b", "");
	files_text(dir, "c new", "");
	files_text(dir, "c", "new, and the beginning of one that is not");
	files_text(dir, "cc", "c");
	files_mkdir(dir, "d");
	files_text(dir, "z", "x");
	return dir;
}

static void older(struct node *n)
{
	n->mtime.sec--;
}

static void bigger(struct node *n)
{
	n->size++;
}

static void other_ctime(struct node *n)
{
	n->ctime.nsec ^= 1;
}

static void other_inode(struct node *n)
{
	n->inode++;
}

static void other_mode(struct node *n)
{
	n->mode ^= 1;
}

static void other_device(struct node *n)
{
	n->device_id++;
}

static void no_content(struct node *n)
{
	n->has_content = false;
	n->content = NULL;
	n->n_content = 0;
}

static void fifos(struct node *n)
{
	no_content(n);
	n->type = NODE_FIFO;
	n->has_subtree = false;
}

TEST(unchanged_files_keep_their_content)
{
	char *dir = parent_dir();
	struct walk w = with_parent(dir, NULL);
	const struct walk_entry *a = entry(&w, "a");
	struct tree_in in;
	const struct node *n;
	struct buf t;

	CHECK_STR(text(&w), "a:U aa new:F b:U c:F c new:F cc:U d:D z:F");
	CHECK(a->had && a->meta_same);
	REQUIRE(a->n_ids == 2 && w.n_ids == 4);
	CHECK(id_equal(&w.ids[a->ids], &(struct id[]){id_of(1)}[0]));
	CHECK_EQ(entry(&w, "b")->n_ids, 0);
	node_text(&w, "a", &t);
	tree_in_init(&in, t.p, t.len);
	REQUIRE(tree_in_next(&in, &n, NULL) == 1);
	CHECK_EQ(n->n_content, 2);
	CHECK_EQ(n->size, 3);
	tree_in_release(&in);
	buf_release(&t);
	CHECK(entry(&w, "d")->had && entry(&w, "d")->meta_same);
	REQUIRE(w.n_parents == 1);
	CHECK(id_equal(parents_first(&w.parents[entry(&w, "d")->dir]),
		&(struct id[]){id_of(9)}[0]));
	CHECK(!entry(&w, "z")->had);
	walk_release(&w);
	mem_free(dir);
}

/* What may have changed behind its times is read, with what it was. */
TEST(files_too_young_to_be_believed)
{
	char *dir = parent_dir();
	struct walk w = walk_new(dir);
	struct id content;

	w.parent[0].settled = (struct ts){0, 0};
	w.parent[0].has = true;
	w.parent[0].tree = parent_of(dir, four, 4, NULL);
	walk_run(&w);
	CHECK_STR(text(&w), "a:F aa new:F b:F c:F c new:F cc:F d:D z:F");
	CHECK(entry(&w, "a")->had && entry(&w, "a")->again && entry(&w, "a")->meta_same);
	nodemake_content((struct id[]){id_of(1), id_of(0xcc)}, 2, &content);
	CHECK(id_equal(&entry(&w, "a")->content, &content));
	CHECK(!entry(&w, "z")->again);
	CHECK_EQ(w.n_ids, 4); /* what they were is asked about: has the repository lost it? */
	walk_release(&w);
	mem_free(dir);
}

static void expect(const char *dir, void (*change)(struct node *n), unsigned flags,
	const char *want)
{
	struct walk w;

	opt.unchanged_flags = flags;
	w = with_parent(dir, change);
	opt.unchanged_flags = 0;
	CHECK_STR(text(&w), want);
	walk_release(&w);
}

static struct ts stat_ctime(const char *dir, const char *name)
{
	char *path = path_join(dir, name);
	struct stat st;

	REQUIRE(!stat(path, &st));
	mem_free(path);
	return (struct ts){st.st_ctim.tv_sec, (int32_t)st.st_ctim.tv_nsec};
}

/* Content that nobody looked at keeps the ctime at which it was read, else no later run could see
 * that (ADR 8). */
TEST(content_keeps_its_ctime)
{
	static const unsigned flags[] = {NODE_IGNORE_CTIME, NODE_IGNORE_INODE};
	char *dir = parent_dir();

	for (size_t i = 0; i < 2; i++) {
		struct node then = {.ctime = {0, 0}};
		const struct node *n;
		struct tree_in in;
		struct walk w;
		struct buf t;

		opt.unchanged_flags = flags[i];
		w = with_parent(dir, other_ctime);
		opt.unchanged_flags = 0;
		CHECK(entry(&w, "a")->meta_same);
		node_text(&w, "a", &t);
		tree_in_init(&in, t.p, t.len);
		REQUIRE(tree_in_next(&in, &n, NULL) == 1);
		then.ctime = stat_ctime(dir, "a");
		other_ctime(&then);
		CHECK(n->ctime.sec == then.ctime.sec && n->ctime.nsec == then.ctime.nsec);
		tree_in_release(&in);
		buf_release(&t);
		walk_release(&w);
	}
	mem_free(dir);
}

TEST(what_makes_a_file_changed)
{
	static const char same[] = "a:U aa new:F b:U c:F c new:F cc:U d:D z:F",
			  changed[] = "a:F aa new:F b:F c:F c new:F cc:F d:D z:F";
	char *dir = parent_dir();

	expect(dir, older, 0, changed);
	expect(dir, older, NODE_IGNORE_CTIME | NODE_IGNORE_INODE, changed);
	expect(dir, bigger, NODE_IGNORE_CTIME | NODE_IGNORE_INODE, changed);
	expect(dir, other_ctime, 0, changed);
	expect(dir, other_ctime, NODE_IGNORE_CTIME, same);
	expect(dir, other_ctime, NODE_IGNORE_INODE, same);
	expect(dir, other_inode, 0, changed);
	expect(dir, other_inode, NODE_IGNORE_CTIME, changed);
	expect(dir, other_inode, NODE_IGNORE_INODE, same);
	expect(dir, other_mode, 0, same); /* the content is */
	expect(dir, other_device, 0, same);
	/* three bytes out of no blob cannot be */
	expect(dir, no_content, 0, "a:F aa new:F b:U c:F c new:F cc:F d:D z:F");
	expect(dir, fifos, 0, changed);
	opt.force = true;
	expect(dir, NULL, 0, changed);
	opt.force = false;
	mem_free(dir);
}

TEST(unchanged_content_with_other_metadata)
{
	char *dir = parent_dir();
	struct walk w = with_parent(dir, other_mode);

	CHECK(!entry(&w, "a")->meta_same && !entry(&w, "d")->meta_same);
	walk_release(&w);
	w = with_parent(dir, fifos); /* there was something of that name, but no such thing */
	CHECK(!entry(&w, "a")->had && !entry(&w, "d")->had);
	walk_release(&w);
	mem_free(dir);
}

TEST(a_damaged_parent_costs_reading_only)
{
	char *dir = parent_dir();
	struct walk w = walk_new(dir);
	struct buf b = parent_of(dir, four, 4, NULL);

	w.parent[0].has = true;
	w.parent[0].tree = b;
	w.parent[0].tree.len = b.len / 2;
	walk_run(&w);
	CHECK_EQ(w.err.code, 0);
	CHECK_EQ(w.n, 8);
	CHECK_EQ(w.n_note, 1);
	CHECK(w.n_note && strncmp(w.note[0].message, "parent snapshot: ", 17) == 0 &&
		!w.note[0].action);
	CHECK_EQ(entry(&w, "a")->kind, WALK_UNCHANGED); /* it came before the damage */
	CHECK_EQ(entry(&w, "d")->had, false);
	walk_release(&w);
	mem_free(dir);
}

/* ---- what goes wrong ---- */

TEST(gone_or_not_a_directory)
{
	char *dir = files_dir("gone"), *p = mem_printf("%s/x", dir);
	struct walk w = walk_new(p);

	walk_run(&w);
	CHECK_EQ(w.err.code, ERR_NOTFOUND);
	CHECK(w.vanished);
	walk_release(&w);
	files_link(dir, "x", "/tmp"); /* a link now: what it leads to is not ours */
	w = walk_new(p);
	walk_run(&w);
	CHECK(w.err.code < 0);
	CHECK_EQ(w.n, 0);
	walk_release(&w);
	mem_free(p);
	mem_free(dir);
}

static void be_nobody(void)
{
	REQUIRE(setegid(65534) == 0 && seteuid(65534) == 0);
}

static void be_root(void)
{
	REQUIRE(seteuid(0) == 0 && setegid(0) == 0);
}

TEST(without_permission)
{
	char *dir = files_dir("perm"), *locked = mem_printf("%s/locked", dir),
	     *blind = mem_printf("%s/blind", dir);
	struct target file = {.name = (char *)(uintptr_t) "f",
		.path = mem_printf("%s/blind/f", dir),
		.leaf = true,
		.named = true};
	struct target *children[] = {&file};
	struct target above = {.name = (char *)(uintptr_t) "blind",
		.path = blind,
		.child = children,
		.n = 1};
	struct walk w;

	if (geteuid() != 0)
		SKIP("needs root to be somebody else");
	files_mkdir(dir, "locked");
	files_mkdir(dir, "blind");
	files_text(dir, "blind/f", "f");
	/* The folder above belongs to the test alone: let others pass. */
	REQUIRE(chmod(check_tmpdir(), 0711) == 0 && chmod(locked, 0700) == 0 &&
		chmod(blind, 0711) == 0);
	be_nobody();
	w = walk_new(locked);
	walk_run(&w);
	CHECK_EQ(w.err.code, ERR_DENIED);
	CHECK(!w.vanished);
	walk_release(&w);
	w = walk_new(dir); /* what cannot be entered is still seen */
	walk_run(&w);
	CHECK_STR(text(&w), "blind:D locked:D");
	walk_release(&w);
	/* A directory above a target need not be listed. */
	w = walk_new(blind);
	w.above = &above;
	walk_run(&w);
	be_root();
	CHECK_EQ(w.err.code, 0);
	CHECK_STR(text(&w), "f:F");
	CHECK(S_ISDIR(w.meta.mode));
	walk_release(&w);
	mem_free(file.path);
	mem_free(locked);
	mem_free(blind);
	mem_free(dir);
}

static atomic_bool stop_making;

static void *come_and_go(void *arg)
{
	const char *dir = arg;
	char path[4200];

	for (unsigned i = 0; !atomic_load(&stop_making); i++) {
		snprintf(path, sizeof(path), "%s/t%u", dir, i % 50);
		if (i % 3 == 0) {
			if (symlink("x", path) == 0 && i % 2)
				unlink(path);
		} else if (i % 3 == 1) {
			close(open(path, O_CREAT | O_WRONLY, 0600));
		}
		snprintf(path, sizeof(path), "%s/t%u", dir, (i * 7) % 50);
		unlink(path);
	}
	return NULL;
}

TEST(what_vanishes_meanwhile_is_left_out_silently)
{
	char *dir = files_dir("vanish");
	pthread_t t;

	files_text(dir, "stays", "");
	atomic_store(&stop_making, false);
	REQUIRE(pthread_create(&t, NULL, come_and_go, dir) == 0);
	for (int i = 0; i < 300; i++) {
		struct walk w = walk_new(dir);

		walk_run(&w);
		CHECK_EQ(w.err.code, 0);
		CHECK_EQ(w.n_note, 0);
		entry(&w, "stays");
		walk_release(&w);
	}
	atomic_store(&stop_making, true);
	pthread_join(t, NULL);
	mem_free(dir);
}

TEST(attributes)
{
	char *dir = files_dir("attr"), *link = mem_printf("%s/l", dir);
	struct walk w = walk_new(dir);
	struct buf t;

	files_link(dir, "l", "x");
	if (setxattr(dir, "user.dir", "v", 1, 0) < 0 ||
		lsetxattr(link, "trusted.link", "w", 1, 0) < 0)
		SKIP("this file system or user has no attributes");
	walk_run(&w);
	CHECK_EQ(w.xattr.n, 1);
	node_text(&w, "l", &t);
	CHECK(strstr(buf_str(&t), "trusted.link") != NULL);
	buf_release(&t);
	walk_release(&w);
	mem_free(link);
	mem_free(dir);
}

/* ---- targets ---- */

static struct target *targets(const char *cwd, const char *const *name, size_t n)
{
	struct strlist l = {0};
	struct target *t;
	struct err e;

	for (size_t i = 0; i < n; i++)
		strlist_add(&l, name[i]);
	REQUIRE(target_tree(&l, cwd, &t, &e) == 0);
	strlist_release(&l);
	return t;
}

static const char *above(const struct target *t)
{
	static char keep[4096];
	struct walk w = walk_new(t->path);

	w.above = t;
	walk_run(&w);
	CHECK_EQ(w.err.code, 0);
	snprintf(keep, sizeof(keep), "%s", text(&w));
	walk_release(&w);
	return keep;
}

TEST(excludes_do_not_apply_to_what_was_named)
{
	static const char *const dot[] = {"."}, *const named[] = {"a.o", "sub", "."},
				 *const deep[] = {"sub/x.o", "a.o"};
	static const char *const inner[] = {"sub", "sub/x.o"};
	char *dir = files_dir("named");
	struct match *m = match_new(false);
	const struct match *list[] = {m};
	struct backup_marker mark = {(char *)(uintptr_t) "a.o", NULL};
	struct target *t;
	struct err e;

	files_mkdir(dir, "sub");
	files_text(dir, "a.o", "1");
	files_text(dir, "big", "12345");
	files_text(dir, "sub/x.o", "1");
	files_text(dir, "sub/y.o", "1");
	REQUIRE(match_add(m, "*.o", &e) == 0);
	opt = (struct backup_options){.exclude = list,
		.n_exclude = 1,
		.larger_than = 3,
		.larger_than_given = true};
	t = targets(dir, dot, 1);
	CHECK_STR(above(t), "sub:D");
	target_free(t);
	t = targets(dir, named, 3);
	CHECK_STR(above(t), "a.o:F sub:D");
	target_free(t);
	t = targets(dir, deep, 2);
	CHECK_STR(above(t), "a.o:F sub:A");
	CHECK_STR(above(t->child[1]), "x.o:F");
	target_free(t);
	t = targets(dir, inner, 2); /* sub is what lies in it, and x.o is named */
	CHECK_STR(above(t), "sub:A");
	CHECK_STR(above(t->child[0]), "x.o:F");
	target_free(t);
	opt = (struct backup_options){.marker = &mark, .n_marker = 1, .verbose_items = true};
	t = targets(dir, dot, 1);
	CHECK_STR(above(t), "a.o:F [excluded big] [excluded sub]");
	target_free(t);
	t = targets(dir, named, 3);
	CHECK_STR(above(t), "a.o:F sub:D [excluded big]");
	target_free(t);
	opt = (struct backup_options){.n_marker = 0};
	match_free(m);
	mem_free(dir);
}

TEST(links_above_are_followed_and_links_named_are_kept)
{
	static const char *const name[] = {"way/f", "link", "f/below"};
	char *dir = files_dir("above");
	struct target *t;
	struct walk w;

	files_mkdir(dir, "real");
	files_text(dir, "real/f", "f");
	files_text(dir, "f", "f");
	files_link(dir, "way", "real");
	files_link(dir, "link", "real");
	t = targets(dir, name, 3);
	w = walk_new(t->path);
	w.above = t;
	walk_run(&w);
	CHECK_STR(text(&w), "link:R way:A [error f]"); /* f is no directory */
	walk_release(&w);
	w = walk_new(t->child[2]->path);
	w.above = t->child[2];
	walk_run(&w);
	CHECK(S_ISDIR(w.meta.mode));
	CHECK_STR(text(&w), "f:F");
	walk_release(&w);
	target_free(t);
	mem_free(dir);
}

/* ---- one file system ---- */

TEST(one_file_system)
{
	static const char *const dot[] = {"."}, *const inner[] = {".", "mnt/in"};
	char *dir = files_dir("onefs"), *mnt = mem_printf("%s/mnt", dir);
	struct walk w;
	struct target *t;
	struct stat st;
	uint64_t device;

	files_mkdir(dir, "mnt");
	files_text(dir, "f", "f");
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("t", mnt, "tmpfs", 0, "size=1m") < 0)
		SKIP("cannot mount");
	files_mkdir(mnt, "in/deep");
	files_mkdir(mnt, "side");
	files_text(mnt, "g", "g");
	REQUIRE(stat(dir, &st) == 0);
	device = st.st_dev;
	opt = (struct backup_options){.one_file_system = true};
	w = walk_new(dir);
	w.device = device;
	walk_run(&w);
	CHECK_STR(text(&w), "f:F mnt:D"); /* the mount point stays */
	CHECK_EQ(entry(&w, "mnt")->size, device);
	walk_release(&w);
	w = walk_new(mnt);
	w.device = device;
	walk_run(&w);
	CHECK_STR(text(&w), ""); /* and is empty */
	walk_release(&w);
	/* The same for what "." stands for, unless it is named. */
	t = targets(dir, dot, 1);
	CHECK_STR(above(t), "f:F mnt:D");
	w = walk_new(t->path);
	w.above = t;
	walk_run(&w);
	CHECK_EQ(entry(&w, "mnt")->size, device);
	walk_release(&w);
	target_free(t);
	t = targets(dir, inner, 2);
	CHECK_STR(above(t), "f:F mnt:A");
	w = walk_new(t->child[1]->path);
	w.above = t->child[1];
	walk_run(&w);
	CHECK_STR(text(&w), "in:D"); /* g and side lie on another file system */
	REQUIRE(stat(mnt, &st) == 0);
	CHECK_EQ(entry(&w, "in")->size, st.st_dev);
	walk_release(&w);
	target_free(t);
	/* Device numbers are rank 0's everywhere, or items could not travel. */
	make.mounts = mounts_map_new(&(struct mounts_pair){st.st_dev, 4711}, 1);
	w = walk_new(mnt);
	w.device = 4711;
	walk_run(&w);
	CHECK_EQ(w.meta.dev, 4711);
	CHECK_STR(text(&w), "g:F in:D side:D");
	walk_release(&w);
	mounts_map_free((struct mounts_map *)(uintptr_t)make.mounts);
	make.mounts = NULL;
	opt = (struct backup_options){.n_marker = 0};
	umount(mnt);
	mem_free(mnt);
	mem_free(dir);
}

/* ---- what another rank has listed ---- */

/* A walk of dir for a rank that saw it just now. */
static struct walk walk_for(const char *dir, struct sight *seen)
{
	struct walk w = walk_new(dir);
	struct meta m;
	struct err e;

	REQUIRE(meta_stat(AT_FDCWD, dir, false, &m, &e) == 0);
	sight_of(seen, &m);
	w.foreign = true;
	w.seen = seen;
	return w;
}

TEST(what_another_rank_listed_is_left_to_it_when_it_looks_otherwise)
{
	char *dir = files_dir("foreign"), *gone = mem_printf("%s/gone", dir);
	struct sight seen, right;
	struct walk w = walk_for(dir, &seen);

	files_text(dir, "a", "a");
	w = walk_for(dir, &seen);
	right = seen;
	walk_run(&w);
	CHECK(!w.back && !w.err.code && w.n == 1);
	walk_release(&w);
	for (int i = 0; i < 3; i++) {
		seen = right;
		seen.mtime.sec += i == 0; /* older here */
		seen.ctime.sec += i == 1;
		if (i == 2) { /* another directory */
			seen.ino++;
			seen.size++;
		}
		w = walk_for(dir, &right);
		w.seen = &seen;
		walk_run(&w);
		CHECK(w.back && !w.differs && !w.fatal && !w.vanished);
		CHECK_EQ(w.n + w.n_note, 0);
		walk_release(&w);
	}
	w = walk_for(dir, &seen);
	w.path = gone;
	walk_run(&w);
	CHECK(w.back && !w.vanished);
	walk_release(&w);
	mem_free(gone);
	mem_free(dir);
}

TEST(another_owner_is_told_to_who_listed_it)
{
	char *dir = files_dir("owner");
	struct sight seen, other;
	struct walk w = walk_for(dir, &seen);

	seen.uid += 7;
	walk_run(&w);
	CHECK(w.back && w.differs);
	sight_of(&other, &w.meta);
	walk_release(&w);
	/* The rank that listed it sees what the first one saw: nothing is wrong. */
	w = walk_new(dir);
	w.by = "rank 1 on node-2";
	w.other = &other;
	walk_run(&w);
	CHECK(!w.back && !w.fatal && !w.err.code);
	walk_release(&w);
	other.gid = 65534;
	w = walk_new(dir);
	w.by = "rank 1 on node-2";
	w.other = &other;
	walk_run(&w);
	CHECK(w.fatal && !w.back);
	CHECK(strstr(w.err.msg, dir) && strstr(w.err.msg, "rank 1 on node-2"));
	walk_release(&w);
	mem_free(dir);
}

/* Where a node numbers inodes by itself, equal numbers are no hard links. */
TEST(other_inode_numbers_make_no_links)
{
	char *dir = files_dir("numbers"), *a = mem_printf("%s/a", dir),
	     *b = mem_printf("%s/b", dir);
	struct sight seen;
	struct walk w;
	struct buf tree;

	REQUIRE(symlink("x", a) == 0 && linkat(AT_FDCWD, a, AT_FDCWD, b, 0) == 0);
	w = walk_for(dir, &seen);
	walk_run(&w);
	node_text(&w, "a", &tree);
	CHECK(strstr(buf_str(&tree), "\"links\":2") != NULL);
	buf_release(&tree);
	CHECK(!w.apart);
	walk_release(&w);
	w = walk_for(dir, &seen);
	seen.ino++;
	walk_run(&w);
	CHECK(w.apart && !w.back);
	node_text(&w, "a", &tree);
	CHECK(strstr(buf_str(&tree), "\"links\":1") != NULL);
	buf_release(&tree);
	walk_release(&w);
	mem_free(a);
	mem_free(b);
	mem_free(dir);
}

TEST(what_is_not_found_is_counted_or_an_error)
{
	char *dir = files_dir("missing"), *gone = mem_printf("%s/gone", dir);
	struct target leaf = {.name = "gone", .path = gone, .leaf = true, .named = true},
		      *child[] = {&leaf};
	struct target above = {.name = "missing", .path = dir, .child = child, .n = 1};
	uint64_t before = atomic_load(&tally.dirs_vanished);
	struct walk w = walk_new(gone);

	walk_run(&w);
	CHECK(w.vanished);
	CHECK_EQ(atomic_load(&tally.dirs_vanished), before + 1);
	walk_release(&w);
	w = walk_new(gone);
	w.named = true;
	walk_run(&w);
	CHECK(!w.vanished && w.err.code == ERR_NOTFOUND);
	walk_release(&w);
	/* A file that was named. */
	w = walk_new(dir);
	w.above = &above;
	walk_run(&w);
	CHECK_STR(text(&w), " [error gone]");
	walk_release(&w);
	CHECK_EQ(atomic_load(&tally.dirs_vanished), before + 1);
	mem_free(gone);
	mem_free(dir);
}
