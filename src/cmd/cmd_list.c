/* list: the snapshots as a table or as restic's JSON (docs/format.md 13.3). */
#include "base/json_out.h"
#include "base/mem.h"
#include "cmd/choose.h"
#include "cmd/snaptable.h"
#include "cmd/timearg.h"

/*
 * keep_last: of the chosen, the newest n of each group (host and paths when nothing else is said).
 * They are in the order of one array, so their distance in it numbers them.
 */
static void keep_last(struct choice *c, uint64_t n, unsigned by)
{
	const struct snapshot *first = c->s[0];
	struct groups g;
	size_t kept = 0;
	bool *keep;

	if (!c->n)
		return;
	keep = mem_array((size_t)(c->s[c->n - 1] - first) + 1, sizeof(*keep));
	groups_make(c->s, c->n, by ? by : SNAPSHOTS_BY_HOST | SNAPSHOTS_BY_PATHS, &g);
	for (size_t k = 0; k < g.n; k++)
		for (size_t m = g.g[k].n > n ? g.g[k].n - n : 0; m < g.g[k].n; m++)
			keep[g.g[k].s[m] - first] = true;
	for (size_t i = 0; i < c->n; i++)
		if (keep[c->s[i] - first])
			c->s[kept++] = c->s[i];
	c->n = kept;
	groups_release(&g);
	mem_free(keep);
}

static void write_json(const struct groups *g, unsigned by, struct buf *out)
{
	struct json_out j;

	json_out_init(&j, out);
	if (!by) {
		snaptable_json(&j, g->g->s, g->g->n);
		return;
	}
	json_array(&j);
	for (size_t i = 0; i < g->n; i++) {
		json_object(&j);
		json_key(&j, "group_key");
		json_object(&j);
		json_key(&j, "hostname");
		json_str(&j, g->g[i].hostname);
		json_key(&j, "paths");
		snaptable_json_list(&j, &g->g[i].paths);
		json_key(&j, "tags");
		snaptable_json_list(&j, &g->g[i].tags);
		json_object_end(&j);
		json_key(&j, "snapshots");
		snaptable_json(&j, g->g[i].s, g->g[i].n);
		json_object_end(&j);
	}
	json_array_end(&j);
}

int cmd_list(struct session *s, struct err *err)
{
	const char *latest = opt_str(s->opts, OPT_LATEST), *group = opt_str(s->opts, OPT_GROUP_BY);
	struct snaptable t = {s->cmd->out, s->zone, opt_flag(s->opts, OPT_COMPACT)};
	struct choice c = {0};
	struct groups g = {0};
	struct buf text;
	uint64_t last = opt_flag(s->opts, OPT_LAST) ? 1 : 0;
	unsigned by = 0;
	int rc = 0;

	buf_init(&text, SIZE_MAX / 2);
	if (group)
		rc = group_parse(group, &by, err);
	if (!rc && latest)
		rc = timearg_count(latest, "--latest", 0, UINT32_MAX, &last, err);
	if (!rc)
		rc = session_filter_alone(s, &s->opts->args, err);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = choose_snapshots(s, &s->opts->args, &c, err);
	if (rc)
		goto out;
	snaptable_order(&s->snaps, by);
	if (last)
		keep_last(&c, last, by);
	groups_make(c.s, c.n, by, &g);
	if (out_json(s->cmd->out)) {
		write_json(&g, by, &text);
	} else {
		for (size_t i = 0; i < g.n; i++) {
			snaptable_head(&t, &g.g[i], by, &text);
			snaptable_put(&t, g.g[i].s, NULL, g.g[i].n, &text);
		}
		text.len -= text.len > 0; /* out_line ends it */
	}
	out_line(s->cmd->out, &text);
	rc = s->snaps.n_bad ? CMD_ERROR : 0;
out:
	groups_release(&g);
	choose_release(&c);
	buf_release(&text);
	return rc;
}
