/*
 * choose: the snapshots that a command works on: those that its arguments name, or without any all
 * that --host, --tag and --path let through (docs/format.md 13.2).
 */
#ifndef CMD_CHOOSE_H
#define CMD_CHOOSE_H
#include "cmd/session.h"

struct choice {
	const struct snapshot **s; /* owned; borrowed from s->snaps, oldest first */
	size_t n;
	size_t ignored; /* words that name none, which were told */
};

/* choose_word: the snapshot that a word names, of those that are loaded.  As restic does: one that
 * names none, or not just one, is told and ignored: *one is NULL. */
int choose_word(struct session *s, const char *word, const struct snapshots_filter *f,
	const struct snapshot **one, struct err *err);
/* choose_snapshots: loads the snapshots and chooses; words are taken as choose_word does.
 * choose_release: also of a zeroed one. */
int choose_snapshots(struct session *s, const struct strlist *words, struct choice *c,
	struct err *err);
void choose_release(struct choice *c);

#endif
