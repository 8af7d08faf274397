#include "repo/strays.h"
#include "base/mem.h"
#include "backend/layout.h"
#include <string.h>

#define TOLD_MAX 10 /* of what does not matter */

void strays_add(void *arg, enum backend_odd why, const char *path)
{
	struct strays *s = arg;

	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 16;
		s->v = mem_regrow(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = (struct stray){.type = s->type, .why = why, .path = mem_strdup(path)};
}

static int no_file(void *arg, const struct id *name, uint64_t size)
{
	(void)arg;
	(void)name;
	(void)size;
	return 0;
}

int strays_find(struct strays *s, struct backend *be, enum backend_type t, struct err *err)
{
	struct backend_names to = {.file = no_file, .odd = strays_add, .arg = s};
	int rc;

	s->type = t;
	rc = backend_list_all(be, t, &to, err);
	return rc ? err_prefix(err, "list %s files", backend_type_name(t)) : 0;
}

void strays_release(struct strays *s)
{
	for (size_t i = 0; i < s->n; i++)
		mem_free(s->v[i].path);
	mem_free(s->v);
	*s = (struct strays){0};
}

/* hides: it may be a snapshot, index or key that nobody finds. */
static bool hides(const struct stray *s)
{
	bool matters = s->type == BACKEND_SNAPSHOT || s->type == BACKEND_INDEX ||
		       s->type == BACKEND_KEY;

	/* A directory that is not mounted, or a link to one, has what is in it all the same. */
	if (s->why == BACKEND_ODD_GONE)
		return s->type == BACKEND_SNAPSHOT;
	return matters && (s->why == BACKEND_ODD_CASE || s->why == BACKEND_ODD_KIND ||
				  s->why == BACKEND_ODD_PLACE);
}

/* text_of(s, b): at the end of b, what it is and what to do. */
static void text_of(const struct stray *s, struct buf *b)
{
	const char *what = backend_type_name(s->type), *name = strrchr(s->path, '/');
	char where[LAYOUT_MAX];
	struct id id;

	buf_addf(b, "%s: ", s->path);
	switch (s->why) {
	case BACKEND_ODD_CASE:
		buf_addf(b,
			"if this is a %s, then nothing finds it before its name is in lower case",
			what);
		break;
	case BACKEND_ODD_KIND:
		buf_addf(b, "a %s has this name, but this is no regular file", what);
		break;
	case BACKEND_ODD_PLACE:
		if (!id_parse(&id, name ? name + 1 : s->path, ID_HEX)) {
			layout_path(s->type, &id, where);
			buf_addf(b, "nothing finds this %s here; it belongs to %s", what, where);
		}
		break;
	case BACKEND_ODD_TEMP:
		buf_adds(b, "left by a writer that was killed, unless one is just writing it");
		break;
	case BACKEND_ODD_GONE:
		buf_adds(b,
			"this directory is not there; if it lies elsewhere, or is to be mounted, "
			"bring it back; if there are no snapshots, make an empty one");
		break;
	case BACKEND_ODD_NAME:
		buf_adds(b, "this is no file of a repository");
		break;
	}
}

void strays_temps(const struct strays *s, struct buf *b)
{
	const char *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].why != BACKEND_ODD_TEMP)
			continue;
		first = n++ ? first : s->v[i].path;
	}
	if (n == 1)
		buf_addf(b,
			"%s was left by a writer that was killed, unless one writes it just now; "
			"when no run is under way it can be "
			"removed",
			first);
	else if (n)
		buf_addf(b,
			"%zu temporary files (%s, …) were left by writers that were killed, unless "
			"one writes them just now; when no run "
			"is under way "
			"they can be removed: find . -name '*-tmp-*'",
			n, first);
}

static void tell(const struct strays *s, void (*say)(void *arg, const char *message), void *arg,
	bool errors)
{
	size_t told = 0, more = 0;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	for (size_t i = 0; i < s->n; i++) {
		const struct stray *one = &s->v[i];

		if (one->why == BACKEND_ODD_TEMP || (one->why == BACKEND_ODD_GONE && !hides(one)) ||
			(hides(one) || one->why == BACKEND_ODD_PLACE) != errors)
			continue;
		if (!errors && told == TOLD_MAX) {
			more++;
			continue;
		}
		told++;
		text_of(one, &b);
		say(arg, buf_str(&b));
		buf_reset(&b);
	}
	if (more) {
		buf_addf(&b, "%zu more are no files of a repository", more);
		say(arg, buf_str(&b));
	}
	buf_release(&b);
}

void strays_tell(const struct strays *s, const struct strays_events *ev)
{
	struct buf b;

	tell(s, ev->error, ev->arg, true);
	tell(s, ev->hint, ev->arg, false);
	buf_init(&b, SIZE_MAX / 2);
	strays_temps(s, &b);
	if (b.len)
		ev->hint(ev->arg, buf_str(&b));
	buf_release(&b);
}

int strays_refuse(struct backend *be, struct err *err)
{
	static const enum backend_type types[] = {BACKEND_SNAPSHOT, BACKEND_INDEX, BACKEND_KEY};
	struct strays s = {0};
	int rc = 0;

	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]) && !rc; t++)
		rc = strays_find(&s, be, types[t], err);
	for (size_t i = 0; i < s.n && !rc; i++) {
		struct buf b;

		if (!hides(&s.v[i]))
			continue;
		buf_init(&b, SIZE_MAX / 2);
		text_of(&s.v[i], &b);
		rc = err_set(err, ERR_INVALID,
			"nothing is removed while something may be hidden: %s%s", buf_str(&b),
			s.v[i].why == BACKEND_ODD_GONE ? "" : "; rename it, or take it away");
		buf_release(&b);
	}
	strays_release(&s);
	return rc;
}
