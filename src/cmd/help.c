#include "cmd/help.h"
#include <string.h>

#define HELP_COLUMN 33 /* where an option's help begins */
#define HELP_WIDTH  79

static void pad(struct buf *b, size_t from, size_t column)
{
	while (b->len - from < column)
		buf_addc(b, ' ');
}

static void put_option(struct buf *b, const struct opt_def *d)
{
	size_t from = b->len;

	if (d->letter)
		buf_addf(b, "  -%c, --%s", d->letter, d->name);
	else
		buf_addf(b, "      --%s", d->name);
	if (d->arg)
		buf_addf(b, " %s", d->arg);
	buf_addc(b, ' ');
	pad(b, from, HELP_COLUMN);
	buf_addf(b, "%s\n", d->help);
}

/* Options of these sets; those that every command has are left to the main screen. */
static bool wanted(const struct opt_def *d, uint32_t of, bool general)
{
	return !!(d->of & OPTS_ALL) == general && (d->of & of);
}

static void put_options(struct buf *b, uint32_t of, bool general)
{
	for (size_t i = 0; i < opt_table_n; i++) {
		if (wanted(&opt_table[i], of, general) && !opt_table[i].rare)
			put_option(b, &opt_table[i]);
	}
}

/* The names of the rare ones, as many on a line as fit. */
static void put_rare(struct buf *b, uint32_t of, bool general)
{
	size_t line = b->len;
	bool any = false;

	for (size_t i = 0; i < opt_table_n; i++) {
		const struct opt_def *d = &opt_table[i];

		if (!wanted(d, of, general) || !d->rare || d->id == OPT_HELP ||
			d->id == OPT_NOTHING)
			continue;
		if (!any) {
			buf_adds(b, "  also:");
			any = true;
		}
		if (b->len - line + strlen(d->name) + 3 > HELP_WIDTH) {
			line = b->len + 1;
			buf_adds(b, "\n       ");
		}
		buf_addf(b, " --%s", d->name);
	}
	if (any)
		buf_addc(b, '\n');
}

/* The commands: some on a line of their own, of the others as many on one as fit. */
static void put_verbs(const struct verbs *all, struct buf *b)
{
	static const char begin[] = "  a_backup ";
	size_t line = b->len;
	bool any = false;

	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].top)
			buf_addf(b, "  a_backup %-20s %s\n", all->v[i].top, all->v[i].top_about);
	}
	for (size_t i = 0; i < all->n; i++) {
		const char *name = all->v[i].among;

		if (!name)
			continue;
		if (!any || b->len - line + strlen(name) + 3 > HELP_WIDTH) {
			buf_adds(b, any ? "\n" : "");
			line = b->len;
			buf_adds(b, begin);
		} else {
			buf_adds(b, " | ");
		}
		buf_adds(b, name);
		any = true;
	}
	buf_addc(b, '\n');
}

void help_main(const struct verbs *all, struct buf *out)
{
	buf_adds(out, "a_backup: parallel, encrypted, deduplicated backups in restic's format\n\n");
	put_verbs(all, out);
	buf_adds(out,
		"  srun a_backup add FILE...     one backup by all tasks of a job (or --ranks N)\n"
		"SNAPSHOT: an id, its beginning, or latest. Details: a_backup COMMAND --help\n");
	put_options(out, OPTS_ALL, true);
	put_rare(out, OPTS_ALL, true);
}

void help_verb(const struct verb_def *v, struct buf *out)
{
	buf_addf(out, "a_backup %s%s%s: %s\n\n", v->name, v->alias ? ", " : "",
		v->alias ? v->alias : "", v->about);
	buf_addf(out, "  a_backup %s [OPTION...]%s%s\n", v->name, *v->args ? " " : "", v->args);
	if (v->ranks == VERB_ALL_RANKS)
		buf_addf(out, "  srun a_backup %s [OPTION...]%s%s    (%s)\n", v->name,
			*v->args ? " " : "", v->args, v->together);
	buf_adds(out, v->more ? v->more : "");
	buf_addc(out, '\n');
	put_options(out, v->options, false);
	put_rare(out, v->options, false);
	buf_adds(out, "\nOptions of all commands: a_backup --help\n");
}
