#include "cmd/help.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

/* A screen is at most 24 lines of 80 columns, and ASCII. */
static void fits(const char *what, struct buf *b)
{
	const char *s = buf_str(b);
	size_t lines = 0, widest = 0;

	REQUIRE(s != NULL);
	for (; *s; s += strcspn(s, "\n") + 1) {
		size_t n = strcspn(s, "\n");

		widest = n > widest ? n : widest;
		lines++;
		CHECK(s[n] == '\n');
	}
	CHECK(lines <= 24);
	CHECK(widest <= 79);
	for (size_t i = 0; i < b->len; i++)
		REQUIRE(b->p[i] == '\n' || (b->p[i] >= 32 && b->p[i] < 127));
	CHECK(what != NULL && lines > 3);
	buf_reset(b);
}

TEST(all_screens_fit)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	help_main(&verb_table, &b);
	fits("main", &b);
	for (size_t v = 0; v < verb_table.n; v++) {
		help_verb(&verb_table.v[v], &b);
		fits(verb_table.v[v].name, &b);
	}
	buf_release(&b);
}

/* Each option that does something is on some screen. */
TEST(all_options_are_named)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	help_main(&verb_table, &b);
	for (size_t v = 0; v < verb_table.n; v++)
		help_verb(&verb_table.v[v], &b);
	for (size_t i = 0; i < opt_table_n; i++) {
		char name[64];

		snprintf(name, sizeof(name), "--%s", opt_table[i].name);
		if (opt_table[i].id != OPT_HELP && opt_table[i].id != OPT_NOTHING &&
			!CHECK(strstr(buf_str(&b), name) != NULL))
			printf("  missing: %s\n", name);
	}
	buf_release(&b);
}

/* Commands that begin alike share their place there. */
static bool has_first_word(const char *screen, const char *name)
{
	char word[64];

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, " "), name);
	return strstr(screen, word) != NULL;
}

/* Each command is on the main screen, and its own says what it takes. */
TEST(all_commands_are_named)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (size_t v = 0; v < verb_table.n; v++) {
		const struct verb_def *d = &verb_table.v[v];

		buf_reset(&b);
		help_main(&verb_table, &b);
		if (!CHECK(has_first_word(buf_str(&b), d->name)))
			printf("  missing: %s\n", d->name);
		buf_reset(&b);
		help_verb(d, &b);
		CHECK(strstr(buf_str(&b), d->about) != NULL);
		CHECK(strstr(buf_str(&b), d->args) != NULL);
		CHECK(!d->together == (strstr(buf_str(&b), "srun") == NULL));
	}
	buf_release(&b);
}
