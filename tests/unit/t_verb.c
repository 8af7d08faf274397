#include "cmd/verb.h"
#include "base/mem.h"
#include "base/readall.h"
#include "cmd/opt.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EACH(d)                                                                                    \
	const struct verb_def *d = verb_table.v;                                                   \
	d < verb_table.v + verb_table.n;                                                           \
	d++

/* What a row cannot be without, and what goes together. */
TEST(rows_are_whole)
{
	for (EACH(d)) {
		CHECK(*d->name && *d->about && d->args != NULL);
		CHECK(d->options & OPTS_ALL);
		CHECK(d->plain ? !d->run : d->run != NULL);
		CHECK((d->ranks == VERB_ALL_RANKS) == (d->follow != NULL));
		CHECK((d->ranks == VERB_ALL_RANKS) == (d->together != NULL));
		CHECK(!d->changes || d->lock != VERB_NO_LOCK);
		CHECK(!d->makes_repo || d->changes);
		CHECK(!d->plain || d->lock == VERB_NO_LOCK);
		CHECK(!d->top == !d->top_about && !(d->top && d->among));
	}
}

TEST(words_are_commands_once)
{
	size_t implied = 0;

	for (EACH(d)) {
		implied += d->implied;
		char *first = mem_strndup(d->name, strcspn(d->name, " "));
		const char *second = strchr(d->name, ' ');

		for (size_t n; second && *second; second += n) {
			char *one = mem_strndup(second + 1, n = strcspn(second + 1, "|"));

			n++;
			CHECK(opts_verb(&verb_table, first, one) == d);
			mem_free(one);
		}
		CHECK(strchr(d->name, ' ') || opts_verb(&verb_table, first, NULL) == d);
		CHECK(!d->alias || opts_verb(&verb_table, d->alias, NULL) == d);
		mem_free(first);
		for (const char *const *s = verb_table.elsewhere; *s; s++)
			CHECK(strcmp(d->name, *s) != 0 && (!d->alias || strcmp(d->alias, *s) != 0));
	}
	CHECK_EQ(implied, 1);
	CHECK(opts_verb(&verb_table, "ls -l", NULL) == NULL);
	CHECK(opts_verb(&verb_table, "", NULL) == NULL);
	/* --version and --help stand for these. */
	CHECK(opts_verb(&verb_table, "version", NULL)->plain != NULL);
	CHECK(opts_verb(&verb_table, "help", NULL)->plain != NULL);
}

/* Each set of options belongs to a command, and each option to a set. */
TEST(sets_are_used)
{
	uint32_t of_verbs = 0, of_options = 0;

	for (EACH(d))
		of_verbs |= d->options;
	for (size_t i = 0; i < opt_table_n; i++) {
		CHECK(opt_table[i].of != 0);
		of_options |= opt_table[i].of;
	}
	CHECK_EQ(of_verbs, of_options);
}

/* Does a line that begins a paragraph of COMMANDS (.B or .BR behind .TP) hold this word? */
static bool has_paragraph(const char *page, const char *word)
{
	const char *s = strstr(page, ".SH COMMANDS"), *end = strstr(page, ".SH OPTIONS OF ALL");
	size_t n = strlen(word);

	while (s && (s = strstr(s, "\n.TP\n")) != NULL && s < end) {
		const char *line = s + 5, *eol = strchr(line, '\n');

		for (const char *w = line; (w = strstr(w, word)) != NULL && w < eol; w += n) {
			if (strchr(" \"", w[-1]) && strchr(" \",\n", w[n]))
				return true;
		}
		s = line;
	}
	return false;
}

TEST(the_manual_page_has_each)
{
	struct err err = {0};
	struct buf page;

	buf_init(&page, 1 << 20);
	REQUIRE(!readall_file("docs/man/a_backup.1", &page, "manual page", &err));
	for (EACH(d)) {
		if (!CHECK(has_paragraph(buf_str(&page), d->name)))
			printf("  missing: %s\n", d->name);
		if (d->alias && !CHECK(has_paragraph(buf_str(&page), d->alias)))
			printf("  missing: %s\n", d->alias);
	}
	CHECK(!has_paragraph(buf_str(&page), "mount"));
	buf_release(&page);
}
