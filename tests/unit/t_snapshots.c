#include "repo/snapshots.h"
#include "unit/repo_fixture.h"
#include <stdio.h>

struct spec {
	int64_t sec;
	const char *host, *paths, *tags; /* comma lists */
};

static void add_list(struct strlist *l, const char *s)
{
	while (s && *s) {
		size_t n = strcspn(s, ",");

		strlist_addn(l, s, n);
		s += n + (s[n] == ',');
	}
}

static struct id save(struct fixture *f, const struct spec *p)
{
	struct snapshot s = {.time = {.sec = p->sec},
		.hostname = mem_strdup(p->host),
		.username = mem_strdup("u"),
		.program_version = mem_strdup("")};
	struct buf json;
	struct id id;

	s.tree = fixture_id((uint64_t)p->sec);
	add_list(&s.paths, p->paths);
	add_list(&s.tags, p->tags);
	buf_init(&json, 1 << 20);
	snapshot_write(&s, NULL, &json);
	REQUIRE(repo_save(f->repo, BACKEND_SNAPSHOT, json.p, json.len, &id, NULL) == 0);
	buf_release(&json);
	snapshot_release(&s);
	return id;
}

static const struct spec specs[] = {
	{1000, "a", "/x", ""},
	{3000, "a", "/x,/y", "red"},
	{2000, "b", "/x", "red,blue"},
	{4000, "b", "/y", "blue"},
	{5000, "a", "/y,/x", ""},
	{6000, "a", "/x/z", ""},
};
#define N (sizeof(specs) / sizeof(*specs))

static void load(struct fixture *f, struct snapshots *all)
{
	struct err err = {0};

	fixture_init(f, 2);
	for (size_t i = 0; i < N; i++)
		save(f, &specs[i]);
	REQUIRE(snapshots_load(f->repo, all, NULL, NULL, &err) == 0);
}

TEST(load_sorts_by_time)
{
	struct snapshots all;
	struct fixture f;

	load(&f, &all);
	CHECK_EQ(all.n, N);
	for (size_t i = 0; i < all.n; i++) {
		struct id tree = fixture_id((uint64_t)(i + 1) * 1000);

		CHECK_EQ(all.s[i].time.sec, (long long)(i + 1) * 1000);
		CHECK(id_equal(&all.s[i].tree, &tree));
	}
	snapshots_release(&all);
	fixture_release(&f);
}

static void warn(void *arg, const struct id *id, const struct err *e)
{
	(void)e;
	*(struct id *)arg = *id;
}

TEST(load_with_a_damaged_one)
{
	struct id bad, warned = {0};
	struct snapshots all;
	struct fixture f;
	struct err err = {0};

	load(&f, &all);
	bad = all.s[2].id;
	snapshots_release(&all);
	fixture_spoil(f.be, BACKEND_SNAPSHOT, &bad, false);
	CHECK_EQ(snapshots_load(f.repo, &all, NULL, NULL, &err), ERR_INVALID);
	CHECK_EQ(all.n, 0);
	CHECK_EQ(snapshots_load(f.repo, &all, warn, &warned, &err), 0);
	CHECK_EQ(all.n, N - 1);
	CHECK(id_equal(&warned, &bad));
	REQUIRE(all.n_bad == 1);
	CHECK(id_equal(&all.bad[0], &bad));
	snapshots_release(&all);
	fixture_release(&f);
}

/* A store that lists all and gives all but one: it says that there is no such file. */
struct denying {
	struct backend b;
	struct backend *inner;
	struct id name;
	bool listed_once; /* and it is not in later listings */
	int lists;
};

static void denying_start(struct backend *b, struct backend_op *op)
{
	struct denying *d = (struct denying *)(void *)b;

	if (op->verb == BACKEND_GET && id_equal(&op->name, &d->name)) {
		err_set(&op->err, ERR_NOTFOUND, "404");
		op->done(op);
		return;
	}
	backend_start(d->inner, op);
}

struct denying_list {
	struct denying *d;
	const struct backend_names *to;
};

static int denying_name(void *arg, const struct id *name, uint64_t size)
{
	struct denying_list *l = arg;

	return l->d->listed_once && l->d->lists > 1 && id_equal(name, &l->d->name)
		       ? 0
		       : l->to->file(l->to->arg, name, size);
}

static int denying_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct denying_list l = {.d = (struct denying *)(void *)b, .to = to};

	l.d->lists++;
	return backend_list(l.d->inner, t, denying_name, &l, err);
}

static const struct backend_vtable denying_vtable = {.scheme = "denying",
	.start = denying_start,
	.list = denying_list};

TEST(not_found_is_gone_only_if_it_is_not_listed_again)
{
	struct snapshots all;
	struct denying d;
	struct id warned = {0};
	struct fixture f;
	struct err err = {0};

	load(&f, &all);
	d = (struct denying){.b = *f.be, .inner = f.be, .name = all.s[5].id};
	d.b.vt = &denying_vtable;
	snapshots_release(&all);
	f.repo->be = &d.b;

	CHECK_EQ(snapshots_load(f.repo, &all, warn, &warned, &err), 0);
	CHECK(id_equal(&warned, &d.name));
	CHECK_EQ(all.n_bad, 1);
	CHECK_EQ(all.n, N - 1);
	snapshots_release(&all);

	d.listed_once = true;
	d.lists = 0;
	warned = (struct id){0};
	CHECK_EQ(snapshots_load(f.repo, &all, warn, &warned, &err), 0);
	CHECK(id_is_zero(&warned));
	CHECK_EQ(all.n_bad, 0);
	CHECK_EQ(all.n, N - 1);
	snapshots_release(&all);
	f.repo->be = f.be;
	fixture_release(&f);
}

static int64_t latest(const struct snapshots *all, const char *hosts, const char *paths,
	const char *tag1, const char *tag2)
{
	struct snapshots_filter flt = {0};
	const struct snapshot *s;
	struct err err = {0};
	char *sub;
	int rc;

	add_list(&flt.hosts, hosts);
	add_list(&flt.paths, paths);
	if (tag1)
		strlist_add(&flt.tags, tag1);
	if (tag2)
		strlist_add(&flt.tags, tag2);
	rc = snapshots_pick(all, "latest", &flt, &s, &sub, &err);
	CHECK(!sub);
	snapshots_filter_release(&flt);
	CHECK(rc == 0 || rc == ERR_NOTFOUND);
	return rc ? 0 : s->time.sec;
}

TEST(latest_with_filters)
{
	struct snapshots all, none = {0};
	const struct snapshot *s;
	struct fixture f;
	struct err err = {0};
	char *sub;

	load(&f, &all);
	CHECK_EQ(latest(&all, "", "", NULL, NULL), 6000);
	CHECK_EQ(latest(&all, "b", "", NULL, NULL), 4000);
	CHECK_EQ(latest(&all, "b,a", "", NULL, NULL), 6000);
	CHECK_EQ(latest(&all, "c", "", NULL, NULL), 0);
	CHECK_EQ(latest(&all, "", "/x", NULL, NULL), 5000);
	CHECK_EQ(latest(&all, "", "/x,/y", NULL, NULL), 5000);
	CHECK_EQ(latest(&all, "b", "/x,/y", NULL, NULL), 0);
	CHECK_EQ(latest(&all, "", "", "red", NULL), 3000);
	CHECK_EQ(latest(&all, "", "", "red,blue", NULL), 2000);
	CHECK_EQ(latest(&all, "", "", "red,blue", "red"), 3000);
	CHECK_EQ(latest(&all, "", "", "red,", NULL), 0);
	CHECK_EQ(latest(&all, "", "", "", NULL), 6000); /* untagged */
	CHECK_EQ(latest(&all, "b", "", "", NULL), 0);
	CHECK_EQ(latest(&all, "b", "", "", "blue"), 4000);
	CHECK_EQ(snapshots_pick(&none, "latest", NULL, &s, &sub, &err), ERR_NOTFOUND);
	snapshots_release(&all);
	fixture_release(&f);
}

TEST(pick_by_id)
{
	struct snapshot two[2] = {{.id = fixture_id(1)}, {.id = fixture_id(1)}};
	struct snapshots all = {.s = two, .n = 2, .cap = 2};
	struct id_hex hex;
	const struct snapshot *s;
	struct err err = {0};
	char *sub, arg[200];

	two[1].id.b[10] ^= 0x0f; /* the same 21 digits, then another */
	hex = id_hex(&two[1].id);
	CHECK_EQ(snapshots_pick(&all, hex.s, NULL, &s, &sub, &err), 0);
	CHECK(s == &two[1] && !sub);
	for (int i = 0; i < ID_HEX; i++)
		if (hex.s[i] >= 'a')
			hex.s[i] = (char)(hex.s[i] - 32);
	/* a full id may be upper case */
	CHECK_EQ(snapshots_pick(&all, hex.s, NULL, &s, &sub, &err), 0);
	CHECK(s == &two[1]);
	hex = id_hex(&two[1].id);
	snprintf(arg, sizeof(arg), "%.22s", hex.s);
	CHECK_EQ(snapshots_pick(&all, arg, NULL, &s, &sub, &err), 0);
	CHECK(s == &two[1]);
	snprintf(arg, sizeof(arg), "%.21s", hex.s);
	CHECK_EQ(snapshots_pick(&all, arg, NULL, &s, &sub, &err), ERR_USAGE);
	CHECK(!s);
	CHECK_EQ(snapshots_pick(&all, "", NULL, &s, &sub, &err), ERR_NOTFOUND);
	CHECK_EQ(snapshots_pick(&all, "zz", NULL, &s, &sub, &err), ERR_NOTFOUND);
	snprintf(arg, sizeof(arg), "%s0", hex.s);
	CHECK_EQ(snapshots_pick(&all, arg, NULL, &s, &sub, &err), ERR_NOTFOUND);
	snprintf(arg, sizeof(arg), "%s:a//b/../c/", hex.s);
	CHECK_EQ(snapshots_pick(&all, arg, NULL, &s, &sub, &err), 0);
	CHECK_STR(sub, "/a/c");
	mem_free(sub);
	CHECK_EQ(snapshots_pick(&all, "latest:/../x", NULL, &s, &sub, &err), 0);
	CHECK_STR(sub, "/x");
	mem_free(sub);
	CHECK_EQ(snapshots_pick(&all, "latest:", NULL, &s, &sub, &err), 0);
	CHECK(!sub);
}

TEST(one_that_cannot_be_read_is_in_the_way)
{
	struct snapshot one = {.id = fixture_id(1)};
	struct id bad = one.id;
	struct snapshots all = {.s = &one, .n = 1, .bad = &bad, .n_bad = 1};
	struct snapshots_filter any = {.readable = true}, host = {0};
	const struct snapshot *s;
	struct id_hex hex = id_hex(&one.id);
	struct err err = {0};
	char *sub, arg[ID_HEX + 1];

	bad.b[10] ^= 0x0f;
	strlist_add(&host.hosts, "h");
	CHECK_EQ(snapshots_pick(&all, "latest", NULL, &s, &sub, &err), ERR_INVALID);
	CHECK(!s && strstr(err.msg, id_hex(&bad).s));
	CHECK_EQ(snapshots_pick(&all, "latest", &host, &s, &sub, &err), ERR_INVALID);
	CHECK_EQ(snapshots_pick(&all, "latest:/x", NULL, &s, &sub, &err), ERR_INVALID);
	CHECK_EQ(snapshots_pick(&all, "latest", &any, &s, &sub, &err), 0);
	CHECK(s == &one);
	CHECK_EQ(snapshots_pick(&all, hex.s, NULL, &s, &sub, &err), 0); /* the whole id works */
	CHECK(s == &one);
	snprintf(arg, sizeof(arg), "%.22s", hex.s);
	/* longer than what both begin with */
	CHECK_EQ(snapshots_pick(&all, arg, NULL, &s, &sub, &err), 0);
	snprintf(arg, sizeof(arg), "%.20s", hex.s);
	CHECK_EQ(snapshots_pick(&all, arg, NULL, &s, &sub, &err), ERR_USAGE);
	CHECK(!s);
	CHECK_EQ(snapshots_pick(&all, id_hex(&bad).s, NULL, &s, &sub, &err), ERR_INVALID);
	snprintf(arg, sizeof(arg), "%.22s", id_hex(&bad).s);
	CHECK_EQ(snapshots_pick(&all, arg, NULL, &s, &sub, &err), ERR_INVALID);
	snapshots_filter_release(&host);
}

TEST(whole_snapshots)
{
	struct snapshot one = {.id = fixture_id(1)};
	struct snapshots all = {.s = &one, .n = 1};
	const struct snapshot *s;
	struct err err = {0};

	CHECK_EQ(snapshots_pick_whole(&all, "latest", NULL, &s, &err), 0);
	CHECK(s == &one);
	CHECK_EQ(snapshots_pick_whole(&all, "latest:", NULL, &s, &err), ERR_USAGE);
	CHECK(!s);
	CHECK_EQ(snapshots_pick_whole(&all, "latest:/a", NULL, &s, &err), ERR_USAGE);
	CHECK_EQ(snapshots_pick_whole(&all, ":", NULL, &s, &err), ERR_USAGE);
}

static int64_t parent(const struct snapshots *all, int64_t not_after, unsigned by, const char *host,
	const char *paths, const char *tags)
{
	struct strlist p = {0}, t = {0};
	struct ts when = {.sec = not_after};
	const struct snapshot *s;

	add_list(&p, paths);
	add_list(&t, tags);
	s = snapshots_parent(all, &when, by, host, &p, &t);
	strlist_release(&p);
	strlist_release(&t);
	return s ? s->time.sec : 0;
}

TEST(parents)
{
	enum { H = SNAPSHOTS_BY_HOST, P = SNAPSHOTS_BY_PATHS, T = SNAPSHOTS_BY_TAGS };
	struct snapshots all;
	struct fixture f;

	load(&f, &all);
	/* more paths than wanted are fine */
	CHECK_EQ(parent(&all, 9999, H | P, "a", "/x", ""), 5000);
	CHECK_EQ(parent(&all, 5000, H | P, "a", "/x", ""), 5000);
	CHECK_EQ(parent(&all, 4999, H | P, "a", "/x", ""), 3000);
	CHECK_EQ(parent(&all, 9999, H | P, "a", "/x,/y", ""), 5000);
	CHECK_EQ(parent(&all, 9999, H | P, "b", "/x,/y", ""), 0);
	CHECK_EQ(parent(&all, 9999, P, "b", "/x,/y", ""), 5000);
	CHECK_EQ(parent(&all, 9999, H, "b", "/q", ""), 4000);
	CHECK_EQ(parent(&all, 9999, T, "", "", "red"), 3000);
	CHECK_EQ(parent(&all, 9999, T, "", "", "blue,red"), 2000);
	CHECK_EQ(parent(&all, 9999, T, "", "", ""), 6000);
	CHECK_EQ(parent(&all, 999, 0, "", "", ""), 0);
	snapshots_release(&all);
	fixture_release(&f);
}

TEST(blanks_around_tags)
{
	static char *const tags[] = {"a", "b c"};
	struct snapshot tagged = {.hostname = "h", .tags = {(char **)tags, 2}},
			bare = {.hostname = "h"};
	static const struct {
		const char *list;
		bool tagged, bare;
	} cases[] = {{"a", true, false}, {" a", true, false}, {"a ,b c ", true, false},
		{"\ta\u00a0,\u3000b c\u2003", true, false}, {"a, b", false, false},
		{"b c", true, false}, {"b  c", false, false}, {"", false, true}, {" ", false, true},
		{",", false, true}, {"a,", false, false}, {",a", false, true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snapshots_filter f = {0};

		strlist_add(&f.tags, cases[i].list);
		if (!CHECK_EQ(snapshots_match(&tagged, &f), cases[i].tagged) ||
			!CHECK_EQ(snapshots_match(&bare, &f), cases[i].bare))
			printf("  --tag \"%s\"\n", cases[i].list);
		snapshots_filter_release(&f);
	}
}
