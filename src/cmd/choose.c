#include "cmd/choose.h"
#include "base/mem.h"
#include "cmd/out.h"

int choose_word(struct session *s, const char *word, const struct snapshots_filter *f,
	const struct snapshot **one, struct err *err)
{
	int rc = snapshots_pick_whole(&s->snaps, word, f, one, err);

	if (rc != ERR_NOTFOUND && rc != ERR_USAGE)
		return rc;
	out_warn(s->cmd->out, "Ignoring \"%s\": %s", word, err->msg);
	err_clear(err);
	*one = NULL;
	return 0;
}

int choose_snapshots(struct session *s, const struct strlist *words, struct choice *c,
	struct err *err)
{
	struct snapshots_filter f;
	bool *want;
	int rc = session_snapshots(s, err);

	*c = (struct choice){0};
	if (rc)
		return rc;
	session_filter(s, words->n > 0, &f);
	want = mem_array(s->snaps.n + 1, sizeof(*want));
	c->s = mem_array(s->snaps.n + 1, sizeof(*c->s));
	for (size_t i = 0; i < words->n && !rc; i++) {
		const struct snapshot *one;

		rc = choose_word(s, words->s[i], &f, &one, err);
		if (!rc && one)
			want[one - s->snaps.s] = true;
		c->ignored += !rc && !one;
	}
	for (size_t i = 0; i < s->snaps.n && !rc; i++) {
		if (words->n ? want[i] : snapshots_match(&s->snaps.s[i], &f))
			c->s[c->n++] = &s->snaps.s[i];
	}
	mem_free(want);
	snapshots_filter_release(&f);
	return rc;
}

void choose_release(struct choice *c)
{
	mem_free(c->s);
	*c = (struct choice){0};
}
