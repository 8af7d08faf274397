#include "cmd/resave.h"

int resave(struct session *s, const struct snapshot *changed, bool replace, struct id *id,
	struct err *err)
{
	struct repo *r = s->open.repo;
	struct buf json;
	int rc;

	*id = (struct id){{0}};
	buf_init(&json, REPO_FILE_MAX);
	snapshot_write(changed, NULL, &json);
	rc = repo_save(r, BACKEND_SNAPSHOT, json.p, json.len, id, err);
	buf_release(&json);
	if (rc) {
		*id = (struct id){{0}};
		return err_prefix(err, "save snapshot");
	}
	if (!replace)
		return 0;
	rc = s->open.lock ? lock_check(s->open.lock, err) : 0;
	if (!rc)
		rc = backend_remove(s->open.be, BACKEND_SNAPSHOT, &changed->id, err);
	return rc ? err_prefix(err, "remove snapshot %s", id_short(&changed->id).s) : 0;
}
