#include "cmd/choose.h"
#include "base/mem.h"
#include "cmd/out.h"

static int by_word(struct session *s, const char *word, const struct snapshots_filter *f,
	bool *want, struct choice *c, struct err *err)
{
	const struct snapshot *one = NULL;
	int rc = snapshots_pick_whole(&s->snaps, word, f, &one, err);

	if (!rc) {
		want[one - s->snaps.s] = true;
	} else if (rc == ERR_NOTFOUND || rc == ERR_USAGE) {
		out_warn(s->cmd->out, "Ignoring \"%s\": %s", word, err->msg);
		err_clear(err);
		c->ignored++;
		rc = 0;
	}
	return rc;
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
	for (size_t i = 0; i < words->n && !rc; i++)
		rc = by_word(s, words->s[i], &f, want, c, err);
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
