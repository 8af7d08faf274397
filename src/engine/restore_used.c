#include "engine/restore_used.h"
#include "base/mem.h"
#include <string.h>

struct restore_used {
	const struct restore_options *opt;
	bool **seen;   /* of each list, of each pattern */
	size_t unseen; /* patterns */
};

/* Those that take something away need not match anything. */
static bool counts(const struct match *m, size_t i)
{
	return !match_negated(m, i);
}

struct restore_used *restore_used_new(const struct restore_options *opt)
{
	struct restore_used *u = mem_zalloc(sizeof(*u));

	u->opt = opt;
	u->seen = mem_array(opt->n_include + 1, sizeof(*u->seen));
	for (size_t k = 0; k < opt->n_include; k++) {
		size_t n = match_count(opt->include[k]);

		u->seen[k] = mem_array(n + 1, sizeof(**u->seen));
		for (size_t i = 0; i < n; i++) {
			u->seen[k][i] = false;
			u->unseen += counts(opt->include[k], i);
		}
	}
	return u;
}

void restore_used_free(struct restore_used *u)
{
	if (!u)
		return;
	for (size_t k = 0; k < u->opt->n_include; k++)
		mem_free(u->seen[k]);
	mem_free(u->seen);
	mem_free(u);
}

void restore_used_node(struct restore_used *u, const char *path,
	void (*first)(void *arg, uint64_t n), void *arg)
{
	uint64_t number = 0;

	if (!u->unseen)
		return;
	for (size_t k = 0; k < u->opt->n_include; k++)
		for (size_t i = 0; i < match_count(u->opt->include[k]); i++, number++)
			if (!u->seen[k][i] && counts(u->opt->include[k], i) &&
				match_pattern(u->opt->include[k], i, path)) {
				u->seen[k][i] = true;
				u->unseen--;
				first(arg, number);
			}
}

void restore_used_pattern(struct restore_used *u, uint64_t n)
{
	for (size_t k = 0; k < u->opt->n_include; k++) {
		size_t count = match_count(u->opt->include[k]);

		if (n < count) {
			u->unseen -= !u->seen[k][n] && counts(u->opt->include[k], n);
			u->seen[k][n] = true;
			return;
		}
		n -= count;
	}
}

bool restore_used_covers(const struct restore_used *u, const char *path)
{
	if (!u->opt->n_include)
		return true;
	for (size_t k = 0; k < u->opt->n_include; k++)
		for (size_t i = 0; i < match_count(u->opt->include[k]); i++)
			if (u->seen[k][i] && match_pattern(u->opt->include[k], i, path))
				return true;
	return false;
}

void restore_used_rest(const struct restore_used *u, void (*fn)(void *arg, const char *pattern),
	void *arg)
{
	for (size_t k = 0; k < u->opt->n_include; k++)
		for (size_t i = 0; i < match_count(u->opt->include[k]); i++)
			if (!u->seen[k][i] && counts(u->opt->include[k], i))
				fn(arg, match_text(u->opt->include[k], i));
}
