#include "cmd/opt_word.h"
#include <string.h>

#define ANY_SET UINT32_MAX

/* The option with this long name of n bytes. */
static const struct opt_def *find_long(const char *s, size_t n, uint32_t of)
{
	for (size_t i = 0; i < opt_table_n; i++) {
		const struct opt_def *d = &opt_table[i];

		if ((d->of & of) && strlen(d->name) == n && !memcmp(d->name, s, n))
			return d;
	}
	return NULL;
}

static const struct opt_def *find_letter(char c, uint32_t of)
{
	for (size_t i = 0; i < opt_table_n; i++) {
		if (opt_table[i].letter == c && (opt_table[i].of & of))
			return &opt_table[i];
	}
	return NULL;
}

/* How far two words are apart: edits of one letter; a swap of neighbours counts as one.  For hints:
 * words are short. */
static size_t distance(const char *a, size_t la, const char *b)
{
	size_t lb = strlen(b), row[3][40];

	if (la >= 40 || lb >= 40)
		return 99;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *now = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t d = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (d > up[j] + 1)
				d = up[j] + 1;
			if (d > now[j - 1] + 1)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d > up2[j - 2] + 1)
				d = up2[j - 2] + 1;
			now[j] = d;
		}
	}
	return row[la % 3][lb];
}

static const struct opt_def *near_option(const char *name, size_t n, uint32_t of)
{
	const struct opt_def *found = NULL;
	size_t best = 3;

	for (size_t i = 0; i < opt_table_n; i++) {
		size_t d = distance(name, n, opt_table[i].name);

		if ((opt_table[i].of & of) && d < best) {
			best = d;
			found = &opt_table[i];
		}
	}
	return found;
}

/* A short word is near to many others, so a slip counts only in a longer one that begins right:
 * "-rrepo" and "-ttarget" mean what they say. */
static bool nearly(const char *s, size_t n, const char *name)
{
	return n >= 5 && strlen(name) >= 5 && !memcmp(s, name, 2) && distance(s, n, name) <= 2;
}

/* The long option that somebody may have meant who wrote these letters and their value without a
 * blank; NULL: none.  One of `of` rather than another's. */
static const struct opt_def *mistakable(const char *s, uint32_t of)
{
	const struct opt_def *found = NULL;
	size_t n = strcspn(s, "=");

	for (size_t i = 0; i < opt_table_n && n > 1; i++) {
		const struct opt_def *d = &opt_table[i];
		size_t len = strlen(d->name);

		if (memcmp(d->name, s, len < n ? len : n) != 0 && !nearly(s, n, d->name))
			continue;
		if (!found || (!(found->of & of) && (d->of & of)))
			found = d;
	}
	return found;
}

bool opt_word_is(const char *word)
{
	return word[0] == '-' && word[1];
}

/* The letter at `at` and what is attached to it. */
static enum opt_word take_letter(const char *word, const char *at, uint32_t of, struct opt_piece *p)
{
	p->def = find_letter(*at, of);
	if (!p->def)
		return OPT_WORD_UNKNOWN;
	if (at[1] == '=') {
		p->value = at + 2;
	} else if (!at[1]) {
		return OPT_WORD_OK;
	} else if (p->def->arg) {
		if (mistakable(word + 1, of) || mistakable(at, of))
			return OPT_WORD_TWOFOLD;
		p->value = at + 1;
	} else {
		p->rest = at + 1;
	}
	/* Nobody wants a help screen and something else; "-hots NAME" wanted --host. */
	return p->def->id == OPT_HELP ? OPT_WORD_UNKNOWN : OPT_WORD_OK;
}

enum opt_word opt_word_take(const char *word, const char *at, uint32_t of, struct opt_piece *p)
{
	bool dashes = word[1] == '-';
	const char *name = word + 1 + dashes;
	size_t n = strcspn(name, "=");

	*p = (struct opt_piece){0};
	if (at != word)
		return take_letter(word, at, of, p);
	if (!dashes && n < 2)
		return take_letter(word, word + 1, of, p);
	p->def = find_long(name, n, of);
	p->value = p->def && name[n] ? name + n + 1 : NULL;
	if (p->def)
		return OPT_WORD_OK;
	return dashes || find_long(name, n, ANY_SET) ? OPT_WORD_UNKNOWN
						     : take_letter(word, word + 1, of, p);
}

static int twofold(const char *word, const char *at, const struct verb_def *v, struct err *err)
{
	const char *s = at == word ? word + 1 : at;
	const struct opt_def *name = mistakable(word + 1, v->options),
			     *letter = find_letter(*s, v->options);
	size_t n = strcspn(word + 1, "="), most;

	if (!name)
		name = mistakable(s, v->options);
	/* What follows a whole name may be a secret. */
	most = (size_t)(s - word) - 1 + strlen(name->name);
	return err_set(err, ERR_USAGE,
		"\"-%.*s%s\" can be read as -%c %s or as --%s%s%s: write the one that is meant, "
		"with a blank before the value",
		(int)(n < most ? n : most), word + 1, n < most ? "" : "...", *s, letter->arg,
		name->name, name->arg ? " " : "", name->arg ? name->arg : "");
}

/* In the word's first n letters. */
static int strange_letter(const char *word, const char *at, int n, const struct verb_def *v,
	struct err *err)
{
	const struct opt_def *d = find_letter(*at, v->options);

	/* -h, and something behind it. */
	if (d && (at[1] == '=' || find_letter(at[1], v->options)))
		return err_set(err, ERR_USAGE,
			"-%c stands alone, not as in \"%.*s\"; see: a_backup %s --help", *at, n + 1,
			word, v->name);
	return err_set(err, ERR_USAGE,
		"unknown option -%c for %s in \"%.*s\"; see: a_backup %s --help", d ? at[1] : *at,
		v->name, n + 1, word, v->name);
}

int opt_word_complain(enum opt_word why, const char *word, const char *at, const struct verb_def *v,
	bool given, struct err *err)
{
	const char *verb = v->name, *name = word + 1 + (word[1] == '-');
	const struct opt_def *near;
	int n = (int)strcspn(name, "=");

	if (why == OPT_WORD_TWOFOLD)
		return twofold(word, at, v, err);
	if (n > 1 && find_long(name, (size_t)n, ANY_SET))
		return err_set(err, ERR_USAGE, "--%.*s is no option of %s; see: a_backup %s --help",
			n, name, verb, verb);
	near = word[1] == '-' ? near_option(name, (size_t)n, v->options)
	       : n > 2        ? mistakable(name, v->options)
			      : NULL;
	if (near)
		return err_set(err, ERR_USAGE, "unknown option %.*s; did you mean --%s?",
			(int)(name - word) + n, word, near->name);
	if (word[1] != '-')
		return strange_letter(word, at == word ? at + 1 : at, n, v, err);
	return err_set(err, ERR_USAGE, "unknown option --%.*s; see: a_backup %s%s--help", n, name,
		given ? verb : "", given ? " " : "");
}
