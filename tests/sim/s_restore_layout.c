/* What a repository says twice, and differently: lengths of blobs in several packs, sizes that the
 * contents do not have. */
#include "base/mem.h"
#include "lib/files.h"
#include "lib/restoring.h"
#include "repo/blobtable.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

void check_setup(void)
{
	lab_init();
}

void check_teardown(void)
{
	lab_release();
}

static char text[3000];

static const char *letters(char which, size_t n)
{
	memset(text, which, n);
	text[n] = 0;
	return text;
}

/*
 * A data blob whose index has, before the true place, one of another pack and another length, whose
 * bytes are something else.  The file is E D D.
 */
static struct id two_lengths(char which, int delta, struct id *root, char *want)
{
	struct id bad, d, e, content[3];
	struct catalog_place at;
	struct craft_tree t;
	struct blob b;

	bad = craft_text(&lab.c, letters((char)(which + 1), (size_t)(1000 + delta)));
	craft_save(&lab.c);
	craft_load(&lab.c);
	at = craft_place(&lab.c, BLOB_DATA, &bad, 0);
	strcpy(want, letters('e', 500));
	e = craft_text(&lab.c, text);
	strcat(want, letters(which, 1000));
	strcat(want, text);
	craft_forget(&lab.c);
	/* Its id without its contents, for the false place comes first. */
	d = craft_text(&lab.c, letters(which, 1000));
	b = at.blob;
	b.id = d;
	craft_index(&lab.c, &at.pack, &b, 1);
	content[0] = e;
	content[1] = content[2] = d;
	craft_tree(&t);
	craft_file(&t, "f", content, 3, 2500);
	*root = craft_end(&lab.c, &t);
	return d;
}

LAB_TEST(places_of_different_lengths)
{
	static const int deltas[] = {1, -1, -300, 0};
	static char want[3000];
	struct id root;

	for (size_t i = 0; i < 2 * sizeof(deltas) / sizeof(*deltas); i++) {
		const char *dir = lab_fresh();
		struct id d = two_lengths((char)('A' + 3 * i), deltas[i / 2], &root, want);

		lab.slow = i % 2;
		CHECK_EQ(lab_restore(&root,
				 (struct restore_options){.target = dir, .verify = i / 2 % 2}),
			0);
		CHECK_STR(lab_errors(), "");
		CHECK(files_has(dir, "f", want));
		/* there are two */
		CHECK(blobtable_find(lab.c.table, BLOB_DATA, &d, 1, &(struct catalog_place){0}));
		/* With the right file in its place already. */
		CHECK_EQ(
			lab_restore(&root, (struct restore_options){.target = dir, .verify = true}),
			0);
		CHECK_STR(lab_errors(), "");
		CHECK(files_has(dir, "f", want));
		CHECK_EQ(lab.counts.files_skipped, 1);
	}
}

LAB_TEST(sizes_that_the_contents_do_not_have)
{
	static const uint64_t sizes[] = {5000, 999, 0, 1000};
	struct id a = craft_text(&lab.c, letters('a', 1000)), root;
	struct craft_tree t;

	for (size_t i = 0; i < 8; i++) {
		const char *dir = lab_fresh();
		bool right = sizes[i / 2] == 1000;

		craft_tree(&t);
		craft_file(&t, "f", &a, 1, sizes[i / 2]);
		lab.slow = i % 2;
		craft_file(&t, "none", NULL, 0, right ? 0 : 700);
		root = craft_end(&lab.c, &t);
		files_text(dir, "f", right ? "" : "mine");
		CHECK_EQ(
			lab_restore(&root, (struct restore_options){.target = dir, .verify = true}),
			0);
		CHECK_EQ(lab.counts.errors, right ? 0 : 2);
		CHECK_EQ(lab.counts.verified, right ? 2 : 0);
		if (right)
			continue;
		CHECK(strstr(lab_errors(),
			      "/none: the snapshot says 700 bytes, but its contents have 0") !=
			NULL);
		CHECK(files_has(dir, "f", "mine") && !files_there(dir, "none")); /* untouched */
	}
}

/* Many more blobs than are asked for at once; the first one that is missing is named. */
LAB_TEST(the_first_that_is_missing)
{
	struct id content[3000], root;
	struct craft_tree t;

	for (size_t i = 0; i < 3000; i++) {
		content[i] = craft_text(&lab.c, letters('m', 1 + i % 2999));
		if (i == 1500 || i == 1600)
			content[i].b[5] ^= 1;
	}
	for (int slow = 0; slow < 2; slow++) {
		const char *dir = lab_fresh();
		char want[100];

		lab.slow = slow;
		craft_tree(&t);
		craft_file(&t, "bad", content, 3000, 1);
		craft_file(&t, "good", content, 1500, 1500 * 1501 / 2);
		root = craft_end(&lab.c, &t);
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
		CHECK_EQ(lab.counts.errors, 1);
		snprintf(want, sizeof(want), "/bad: blob %s is not in the index",
			id_short(&content[1500]).s);
		CHECK(strstr(lab_errors(), want) != NULL);
		CHECK_EQ(files_stat(dir, "good").st_size, 1500 * 1501 / 2);
	}
}
