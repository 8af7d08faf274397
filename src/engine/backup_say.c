#include "engine/backup_priv.h"
#include <string.h>

enum kind { KIND_ERROR, KIND_WARNING, KIND_ITEM, KIND_MISSING, KIND_UNSEEN };

#define NAMED 20 /* paths that are told of one partial snapshot */

static void missing(struct backup *b, unsigned i, uint64_t n, const char *path)
{
	if (i >= b->opt->partials)
		return;
	if (b->missing_told[i]++ < NAMED && b->ev->missing)
		b->ev->missing(b->ev->arg, i, path, n);
	b->missing[i] += n;
}

void backup_heard(void *arg, unsigned kind, const char *a, const char *path, uint64_t n)
{
	struct backup *b = arg;

	if (kind == KIND_WARNING)
		log_msg(&b->env->log, LOG_WARN, "%s: %s", path, a);
	else if (kind == KIND_ITEM && b->ev->item)
		b->ev->item(b->ev->arg, a, path, n);
	else if (kind == KIND_MISSING)
		missing(b, (unsigned)(n & 0xff), n >> 8, path);
	else if (kind == KIND_UNSEEN && n < b->opt->partials)
		b->missing[n]++;
	else if (kind == KIND_ERROR && b->ev->error)
		b->ev->error(b->ev->arg, path, a);
}

void backup_note(struct backup *b, const char *action, const char *path, const char *message,
	uint64_t size)
{
	if (!action) {
		tally_add(&b->tally, errors, 1);
		run_note(b->run, KIND_ERROR, message, path, size);
	} else if (!strcmp(action, WALK_WARNING)) {
		run_note(b->run, KIND_WARNING, message, path, size);
	} else if (!strcmp(action, WALK_MISSING)) {
		run_note(b->run, KIND_MISSING, NULL, path, size);
	} else {
		run_note(b->run, KIND_ITEM, action, path, size);
	}
}

void backup_unseen(struct backup *b, uint8_t parents)
{
	for (unsigned i = 0; i < b->partials; i++) {
		if ((parents & ~b->unseen) >> i & 1)
			run_note(b->run, KIND_UNSEEN, NULL, NULL, i);
	}
	b->unseen |= parents;
}

void backup_notes(struct backup *b, const struct walk_note *n, size_t count)
{
	for (size_t i = 0; i < count; i++)
		backup_note(b, n[i].action, n[i].path, n[i].message, n[i].size);
}

void backup_item(struct backup *b, const char *action, const char *dir, const char *name,
	uint64_t size)
{
	struct walk_note *n = NULL;
	size_t count = 0;

	if (!b->opt->verbose_items)
		return;
	walk_say(&n, &count, dir, name, action, size, NULL);
	backup_notes(b, n, count);
	walk_notes_release(n, count);
}
