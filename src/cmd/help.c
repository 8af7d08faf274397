#include "cmd/help.h"
#include <string.h>

#define HELP_COLUMN 33 /* where an option's help begins */
#define HELP_WIDTH  79

static const char help_head[] =
	"a_backup: parallel, encrypted, deduplicated backups in restic's format\n"
	"\n"
	"  a_backup FILE...              back up files and directories (same as: add)\n"
	"  a_backup list                 list the snapshots (-last: only the newest)\n"
	"  a_backup files SNAPSHOT       list the files of a snapshot\n"
	"  a_backup find PATTERN...      find the snapshots that hold a file\n"
	"  a_backup restore SNAPSHOT     restore here; keeps files that exist, unlike\n"
	"           restore-overwrite, restore-newer (than what exists)\n"
	"  a_backup dump SNAPSHOT FILE   write a file, or a directory as tar, to stdout\n"
	"  a_backup delete SNAPSHOT...   remove snapshots\n"
	"  a_backup init | check | unlock | cat | version | help [COMMAND]\n"
	"  srun a_backup add FILE...     one backup by all tasks of a job (or --ranks N)\n"
	"SNAPSHOT: an id, its beginning, or latest. Details: a_backup COMMAND --help\n";

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

/* Options of these verbs; those that every opening verb has are left to the main screen. */
static bool wanted(const struct opt_def *d, uint32_t verbs, bool general)
{
	bool is_general = d->id <= OPT_VERSION;

	return is_general == general && (d->verbs & verbs);
}

static void put_options(struct buf *b, uint32_t verbs, bool general)
{
	for (size_t i = 0; i < opt_table_n; i++) {
		if (wanted(&opt_table[i], verbs, general) && !opt_table[i].rare)
			put_option(b, &opt_table[i]);
	}
}

/* The names of the rare ones, as many on a line as fit. */
static void put_rare(struct buf *b, uint32_t verbs, bool general)
{
	size_t line = b->len;
	bool any = false;

	for (size_t i = 0; i < opt_table_n; i++) {
		const struct opt_def *d = &opt_table[i];

		if (!wanted(d, verbs, general) || !d->rare || d->id == OPT_HELP)
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

void help_main(struct buf *out)
{
	buf_adds(out, help_head);
	put_options(out, 1u << VERB_ADD, true);
	put_rare(out, 1u << VERB_ADD, true);
}

void help_verb(enum verb v, struct buf *out)
{
	const struct verb_def *d = &opt_verbs[v];
	uint32_t bit = 1u << v;

	buf_addf(out, "a_backup %s%s%s: %s\n\n", d->name, d->alias ? ", " : "",
		d->alias ? d->alias : "", d->about);
	buf_addf(out, "  a_backup %s [OPTION...]%s%s\n", d->name, *d->args ? " " : "", d->args);
	if (v == VERB_ADD)
		buf_adds(out,
			"  srun a_backup add [OPTION...] FILE...    (one backup by all tasks)\n");
	if (v == VERB_CAT)
		buf_adds(out, "\n  KIND is config, masterkey, key, lock, snapshot, index, blob, "
			      "pack or tree;\n"
			      "  tree takes SNAPSHOT[:DIR].\n");
	buf_addc(out, '\n');
	put_options(out, bit, false);
	put_rare(out, bit, false);
	buf_adds(out, "\nOptions of all commands: a_backup --help\n");
}
