#include "repo/strays.h"
#include "base/mem.h"
#include "unit/check.h"

#define HEX   "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
#define UPPER "ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789"

/* A store that holds one odd name. */
struct store {
	struct backend b;
	enum backend_type type;
	enum backend_odd why;
	const char *path;
	int lists;
};

static int store_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct store *s = (struct store *)(void *)b;

	s->lists++;
	if (s->path && s->why == 0)
		return err_set(err, ERR_IO, "no luck");
	if (s->path && t == s->type)
		to->odd(to->arg, s->why, s->path);
	return 0;
}

static const struct backend_vtable store_vtable = {.scheme = "odd", .list = store_list};

static int refuse(enum backend_type t, enum backend_odd why, const char *path, struct err *err)
{
	struct store s = {.b = {.vt = &store_vtable}, .type = t, .why = why, .path = path};

	err_clear(err);
	return strays_refuse(&s.b, err);
}

TEST(what_hides_something_stops_a_removal)
{
	struct err err;

	CHECK_EQ(refuse(BACKEND_SNAPSHOT, BACKEND_ODD_CASE, "snapshots/" UPPER, &err), ERR_INVALID);
	CHECK(strstr(err.msg, "snapshots/" UPPER));
	CHECK_EQ(refuse(BACKEND_SNAPSHOT, BACKEND_ODD_KIND, "snapshots/" HEX, &err), ERR_INVALID);
	CHECK_EQ(refuse(BACKEND_INDEX, BACKEND_ODD_CASE, "index/" UPPER, &err), ERR_INVALID);
	CHECK_EQ(refuse(BACKEND_INDEX, BACKEND_ODD_PLACE, "index/x/" HEX, &err), ERR_INVALID);
	CHECK_EQ(refuse(BACKEND_KEY, BACKEND_ODD_KIND, "keys/" HEX, &err), ERR_INVALID);
	CHECK_EQ(refuse(BACKEND_SNAPSHOT, BACKEND_ODD_GONE, "snapshots", &err), ERR_INVALID);
	CHECK(strstr(err.msg, "snapshots: this directory is not there"));
	CHECK_EQ(refuse(BACKEND_INDEX, BACKEND_ODD_GONE, "index", &err), 0);
	CHECK_EQ(refuse(BACKEND_KEY, 0, "", &err), ERR_IO); /* a listing that fails */
	CHECK_EQ(refuse(BACKEND_SNAPSHOT, BACKEND_ODD_NAME, "snapshots/README", &err), 0);
	CHECK_EQ(refuse(BACKEND_SNAPSHOT, BACKEND_ODD_TEMP, "snapshots/" HEX "-tmp-1", &err), 0);
	CHECK_EQ(refuse(BACKEND_PACK, BACKEND_ODD_PLACE, "data/" HEX, &err), 0);
	CHECK_EQ(refuse(BACKEND_LOCK, BACKEND_ODD_KIND, "locks/" HEX, &err), 0);
	CHECK_EQ(refuse(BACKEND_KEY, 0, NULL, &err), 0);
}

struct told {
	struct buf errors, hints;
};

static void on_error(void *arg, const char *message)
{
	buf_addf(&((struct told *)arg)->errors, "%s\n", message);
}

static void on_hint(void *arg, const char *message)
{
	buf_addf(&((struct told *)arg)->hints, "%s\n", message);
}

static unsigned lines(struct buf *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += b->p[i] == '\n';
	return n;
}

TEST(they_are_told)
{
	struct told t;
	struct strays_events ev = {on_error, on_hint, &t};
	struct strays s = {0};

	buf_init(&t.errors, 1 << 16);
	buf_init(&t.hints, 1 << 16);
	strays_tell(&s, &ev);
	CHECK_EQ(t.errors.len + t.hints.len, 0);

	s.type = BACKEND_PACK;
	strays_add(&s, BACKEND_ODD_PLACE, "data/00/" HEX);
	strays_add(&s, BACKEND_ODD_TEMP, "data/ab/" HEX "-tmp-1");
	strays_add(&s, BACKEND_ODD_TEMP, "data/ab/" HEX "-tmp-2");
	strays_add(&s, BACKEND_ODD_CASE, "data/ab/" UPPER);
	strays_add(&s, BACKEND_ODD_GONE, "data"); /* a copy without empty directories */
	s.type = BACKEND_SNAPSHOT;
	strays_add(&s, BACKEND_ODD_KIND, "snapshots/" HEX);
	strays_add(&s, BACKEND_ODD_GONE, "snapshots");
	for (int i = 0; i < 30; i++)
		strays_add(&s, BACKEND_ODD_NAME, "snapshots/README");
	strays_tell(&s, &ev);
	CHECK_EQ(lines(&t.errors), 3);
	CHECK(strstr(buf_str(&t.errors), "belongs to data/ab/" HEX));
	CHECK(strstr(buf_str(&t.errors), "snapshots/" HEX ": a snapshot has this name"));
	/* Ten, how many more, and the temporary files together. */
	CHECK_EQ(lines(&t.hints), 12);
	CHECK(strstr(buf_str(&t.hints), "21 more"));
	CHECK(strstr(buf_str(&t.hints), "2 temporary files (data/ab/" HEX "-tmp-1"));
	buf_release(&t.errors);
	buf_release(&t.hints);
	strays_release(&s);
}
