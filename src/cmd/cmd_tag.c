/* tag: the tags of snapshots that are there (docs/format.md 13.12). */
#include "base/mem.h"
#include "cmd/choose.h"
#include "cmd/resave.h"
#include <string.h>

struct change {
	struct strlist set, add, remove;
	bool sets; /* --set, maybe to nothing */
};

static void change_release(struct change *c)
{
	strlist_release(&c->set);
	strlist_release(&c->add);
	strlist_release(&c->remove);
}

/* The tags of all these comma lists; empty ones are none. */
static void flatten(const struct strlist *lists, struct strlist *out)
{
	for (size_t i = 0; i < lists->n; i++) {
		const char *rest = lists->s[i], *tag;
		size_t n;

		while (snapshots_next_tag(&rest, &tag, &n)) {
			if (n)
				strlist_addn(out, tag, n);
		}
	}
}

static int read_change(const struct opts *o, struct change *c, struct err *err)
{
	const struct strlist *set = &o->value[OPT_SET_TAGS], *add = &o->value[OPT_ADD_TAGS],
			     *remove = &o->value[OPT_REMOVE_TAGS];

	if (!set->n && !add->n && !remove->n)
		return err_set(err, ERR_USAGE,
			"which tags? write for instance: a_backup tag --add good latest");
	if (set->n && (add->n || remove->n))
		return err_set(err, ERR_USAGE,
			"--set and --add or --remove exclude each other: --set says all that is "
			"left");
	c->sets = set->n > 0;
	flatten(set, &c->set);
	flatten(add, &c->add);
	flatten(remove, &c->remove);
	return 0;
}

static void remove_tag(struct strlist *l, const char *tag)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->s[i], tag) != 0)
			continue;
		mem_free(l->s[i]);
		l->s[i] = l->s[--l->n]; /* the order that restic leaves */
		return;
	}
}

/* The tags that it has then; whether they are others. */
static bool apply(const struct change *c, const struct strlist *had, struct strlist *tags)
{
	bool changed = c->sets;

	for (size_t i = 0; i < (c->sets ? c->set.n : had->n); i++)
		strlist_add(tags, c->sets ? c->set.s[i] : had->s[i]);
	for (size_t i = 0; i < c->add.n; i++) {
		if (!strlist_has(tags, c->add.s[i])) {
			strlist_add(tags, c->add.s[i]);
			changed = true;
		}
	}
	for (size_t i = 0; i < c->remove.n; i++) {
		if (strlist_has(tags, c->remove.s[i])) {
			remove_tag(tags, c->remove.s[i]);
			changed = true;
		}
	}
	return changed;
}

static void say_changed(struct session *s, const struct id *from, const struct id *to)
{
	struct json_out j;
	struct buf b;

	if (!out_json(s->cmd->out)) {
		out_say(s->cmd->out, 2, "old snapshot ID: %s -> new snapshot ID: %s",
			id_hex(from).s, id_hex(to).s);
		return;
	}
	buf_init(&b, SIZE_MAX / 2);
	out_message(&j, &b, "changed");
	json_key(&j, "old_snapshot_id");
	json_id(&j, from);
	json_key(&j, "new_snapshot_id");
	json_id(&j, to);
	json_object_end(&j);
	out_line(s->cmd->out, &b);
	buf_release(&b);
}

static void say_sum(struct session *s, size_t changed)
{
	struct json_out j;
	struct buf b;

	if (!out_json(s->cmd->out)) {
		if (changed)
			out_say(s->cmd->out, 1, "modified %zu snapshots", changed);
		else
			out_say(s->cmd->out, 1, "no snapshots were modified");
		return;
	}
	buf_init(&b, SIZE_MAX / 2);
	out_message(&j, &b, "summary");
	json_key(&j, "changed_snapshots");
	json_uint(&j, changed);
	json_object_end(&j);
	out_line(s->cmd->out, &b);
	buf_release(&b);
}

/* 1: changed; 0: it was so already. */
static int tag_one(struct session *s, const struct change *c, const struct snapshot *one,
	struct err *err)
{
	struct snapshot changed = *one;
	struct strlist tags = {0};
	struct id id;
	int rc = 0;

	if (apply(c, &one->tags, &tags)) {
		changed.tags = tags;
		/* The first of all that this one has been. */
		if (!one->has_original)
			changed.original = one->id;
		changed.has_original = true;
		rc = resave(s, &changed, true, &id, err);
		if (!rc)
			say_changed(s, &one->id, &id);
		rc = rc ? rc : 1;
	}
	strlist_release(&tags);
	return rc;
}

static int tag_all(struct session *s, const struct change *c, const struct choice *which,
	struct err *err)
{
	size_t changed = 0, failed = 0;

	for (size_t i = 0; i < which->n; i++) {
		struct err e = {0};
		int rc = session_stopped(s) ? err_set(&e, ERR_CANCELLED, "interrupted")
					    : tag_one(s, c, which->s[i], &e);

		if (rc == ERR_CANCELLED)
			return err_copy(err, &e);
		changed += rc > 0;
		failed += rc < 0;
		if (rc < 0)
			out_warn(s->cmd->out,
				"unable to modify the tags for snapshot %s, ignoring: %s",
				id_hex(&which->s[i]->id).s, e.msg);
	}
	say_sum(s, changed);
	return failed ? err_set(err, ERR_IO, "%zu snapshots could not be modified", failed) : 0;
}

int cmd_tag(struct session *s, struct err *err)
{
	struct change c = {0};
	struct choice which = {0};
	int rc = read_change(s->opts, &c, err);

	if (!rc)
		rc = session_filter_alone(s, &s->opts->args, err);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = choose_snapshots(s, &s->opts->args, &which, err);
	if (!rc)
		rc = session_lost(s, tag_all(s, &c, &which, err), err);
	choose_release(&which);
	change_release(&c);
	return rc;
}
