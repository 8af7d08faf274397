#include "engine/check_priv.h"

static int pack_listed(void *arg, const struct id *name, uint64_t size)
{
	struct check *c = arg;
	struct catalog_pack *p = packtable_find(c->packs, name);

	if (!p) {
		c->orphans++;
		return 0;
	}
	p->user |= CHECK_PACK_LISTED;
	if (size != p->size) {
		check_bad(c, "pack %s: unexpected file size: got %llu, expected %llu",
			id_hex(name).s, (unsigned long long)size, (unsigned long long)p->size);
		check_broken(c, name);
	}
	return 0;
}

static void pack_odd(void *arg, enum backend_odd why, const char *path)
{
	struct check *c = arg;

	strays_add(&c->strays, why, path);
}

static void stray_bad(void *arg, const char *message)
{
	check_bad(arg, "%s", message);
}

static void stray_hint(void *arg, const char *message)
{
	check_hint(arg, "%s", message);
}

/* Of all types; those of packs are known. */
static int check_strays(struct check *c, struct err *err)
{
	struct strays_events ev = {stray_bad, stray_hint, c};
	int rc = 0;

	for (int t = 0; t < BACKEND_TYPES && !rc; t++) {
		if (t != BACKEND_PACK)
			rc = strays_find(&c->strays, c->repo->be, (enum backend_type)t, err);
	}
	if (!rc)
		strays_tell(&c->strays, &ev);
	return rc;
}

static int compare(struct check *c, struct err *err)
{
	struct backend_names to = {.file = pack_listed, .odd = pack_odd, .arg = c};
	int rc;

	c->strays.type = BACKEND_PACK;
	rc = backend_list_all(c->repo->be, BACKEND_PACK, &to, err);
	if (!rc)
		rc = check_strays(c, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < packtable_count(c->packs); i++) {
		struct catalog_pack *p = packtable_at(c->packs, i);

		if (!(p->user & CHECK_PACK_LISTED)) {
			check_bad(c, "pack %s: does not exist", id_hex(&p->id).s);
			check_broken(c, &p->id);
		}
		if (p->data && p->tree) {
			check_hint(c,
				"pack %s contains a mix of tree and data blobs; this is "
				"non-critical",
				id_hex(&p->id).s);
			check_advise(c, CHECK_PRUNE);
		}
	}
	return 0;
}

void check_packs(struct check *c)
{
	struct err err = {0};

	check_stage(c, "check all packs", 0);
	if (compare(c, &err))
		run_fail(c->run, &err);
	strays_release(&c->strays);
}

void check_orphans(struct check *c)
{
	if (c->orphans && !c->res->errors) {
		check_advise(c, CHECK_PRUNE);
		check_hint(c,
			"%zu additional files were found in the repo, which likely contain "
			"duplicate data; this is non-critical",
			c->orphans);
	} else if (c->orphans && c->unindexed) {
		c->res->suggest_prune = false;
		check_advise(c, CHECK_REPAIR_INDEX);
		check_hint(c,
			"%zu packs are in no index; they may hold what is missing: an index file "
			"seems to be lost",
			c->orphans);
	}
}
