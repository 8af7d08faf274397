/*
 * opt_word: one word of the command line taken apart into options.  Pure.
 *
 * Two dashes: a long option.  One dash: a long option too, if its name stands there whole
 * ("-target", "-tag=x": the older wrapper's way, and what people type); else letters as restic has
 * them: flags, and at most one option with a value at their end.  A word that could be either
 * ("-exclude-me": -e or --exclude?) is refused, because the wrong reading would back up, restore or
 * remove something else in silence.
 */
#ifndef CMD_OPT_WORD_H
#define CMD_OPT_WORD_H
#include "cmd/opt.h"

struct opt_piece {
	const struct opt_def *def;
	const char *value; /* NULL: none attached */
	const char *rest;  /* further letters of the word; NULL: none */
};

enum opt_word { OPT_WORD_OK, OPT_WORD_UNKNOWN, OPT_WORD_TWOFOLD };

/*
 * opt_word_take(word, at, of, p): the option of these sets that begins at `at`: the word
 * itself, or the `rest` of the piece before.  It borrows from the word.
 */
enum opt_word opt_word_take(const char *word, const char *at, uint32_t of, struct opt_piece *p);

bool opt_word_is(const char *word); /* an option; also "--", but not "-" */

/*
 * opt_word_complain: why opt_word_take said UNKNOWN or TWOFOLD of this word for verb `v` (given: it
 * was typed).  ERR_USAGE.  What stands behind a "=" may be a secret and is not repeated.
 */
int opt_word_complain(enum opt_word why, const char *word, const char *at, const struct verb_def *v,
	bool given, struct err *err);

#endif
