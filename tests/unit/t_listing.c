#include "backend/listing.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

/* A store that lists three names and an odd one, or breaks after the second. */
static bool breaks;

static int list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	(void)b;
	(void)t;
	for (uint8_t i = 1; i <= 3; i++) {
		struct id name = {{i}};

		if (i == 3 && breaks)
			return err_set(err, ERR_IO, "broken");
		to->file(to->arg, &name, i);
		if (i == 1 && to->odd)
			to->odd(to->arg, BACKEND_ODD_NAME, "README");
	}
	return 0;
}

static const struct backend_vtable vt = {.list = list};
static struct backend store = {.vt = &vt};

static char told[100];

static int on_file(void *arg, const struct id *name, uint64_t size)
{
	const int *end = arg;

	sprintf(told + strlen(told), "%d:%d ", name->b[0], (int)size);
	return name->b[0] == *end ? ERR_CANCELLED : 0;
}

static void on_odd(void *arg, enum backend_odd why, const char *path)
{
	(void)arg;
	sprintf(told + strlen(told), "%d:%s ", why, path);
}

static int tell(const struct listing *l, bool odd, int end)
{
	struct backend_names to = {.file = on_file, .odd = odd ? on_odd : NULL, .arg = &end};

	told[0] = 0;
	return listing_tell(l, &to);
}

TEST(a_second_try_repeats_nothing)
{
	struct listing l = {.type = BACKEND_INDEX, .all = true};
	struct err err = {0};

	breaks = true;
	CHECK_EQ(listing_read(&l, &store, &err), ERR_IO);
	breaks = false;
	CHECK_EQ(listing_read(&l, &store, &err), 0);
	CHECK_EQ(tell(&l, true, 0), 0);
	CHECK_STR(told, "1:1 2:2 3:3 1:README ");
	listing_release(&l);
}

TEST(who_listens_may_end_it)
{
	struct listing l = {.type = BACKEND_INDEX, .all = true};

	CHECK_EQ(listing_read(&l, &store, NULL), 0);
	CHECK_EQ(tell(&l, true, 2), ERR_CANCELLED);
	CHECK_STR(told, "1:1 2:2 ");
	listing_release(&l);
}

TEST(what_is_odd_only_for_who_asks)
{
	struct listing l = {.type = BACKEND_INDEX};

	CHECK_EQ(listing_read(&l, &store, NULL), 0);
	CHECK_EQ(tell(&l, false, 0), 0);
	CHECK_STR(told, "1:1 2:2 3:3 ");
	listing_release(&l);
}

TEST(seen_names)
{
	static const enum backend_type kept[] = {BACKEND_KEY, BACKEND_SNAPSHOT, BACKEND_INDEX};
	static const enum backend_type none[] = {BACKEND_LOCK, BACKEND_PACK};
	struct id first = {{1}}, third = {{3}}, fourth = {{4}};
	struct seen s;

	seen_init(&s);
	for (size_t i = 0; i < 3; i++) {
		struct listing l = {.type = kept[i]};

		CHECK(!seen_has(&s, kept[i], &first));
		seen_remove(&s, kept[i], &first);
		CHECK_EQ(listing_read(&l, &store, NULL), 0);
		seen_add(&s, &l);
		listing_release(&l);
		CHECK(seen_has(&s, kept[i], &first) && seen_has(&s, kept[i], &third));
		CHECK(!seen_has(&s, kept[i], &fourth));
		seen_remove(&s, kept[i], &first);
		CHECK(!seen_has(&s, kept[i], &first) && seen_has(&s, kept[i], &third));
	}
	for (size_t i = 0; i < 2; i++) {
		struct listing l = {.type = none[i]};

		CHECK_EQ(listing_read(&l, &store, NULL), 0);
		seen_add(&s, &l);
		listing_release(&l);
		CHECK(!seen_has(&s, none[i], &first));
	}
	seen_release(&s);
}
