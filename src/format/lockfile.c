#include "format/lockfile.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "format/fields.h"

static int member(void *arg, struct json_in *j)
{
	struct lockfile *l = arg;

	if (FIELD(j, "time"))
		return field_time(j, &l->time, NULL, "time");
	if (FIELD(j, "exclusive"))
		return field_bool(j, &l->exclusive, "exclusive");
	if (FIELD(j, "hostname"))
		return field_dup(j, &l->hostname, "hostname");
	if (FIELD(j, "username"))
		return field_dup(j, &l->username, "username");
	if (FIELD(j, "pid"))
		return field_u64(j, &l->pid, "pid");
	if (FIELD(j, "uid"))
		return field_u32(j, &l->uid, "uid");
	if (FIELD(j, "gid"))
		return field_u32(j, &l->gid, "gid");
	return 0;
}

int lockfile_parse(struct lockfile *l, const void *json, size_t n, struct err *err)
{
	struct json_in j;
	int rc;

	*l = (struct lockfile){.hostname = mem_strdup(""), .username = mem_strdup("")};
	json_in_mem(&j, json, n);
	rc = fields_document(&j, "a lock", member, l);
	if (rc < 0) {
		rc = err_copy(err, &j.err);
		if (err)
			err_prefix(err, "lock");
		lockfile_release(l);
	}
	json_in_release(&j);
	return rc;
}

void lockfile_write(const struct lockfile *l, const struct zone *z, struct buf *out)
{
	struct json_out o;

	json_out_init(&o, out);
	json_object(&o);
	json_key(&o, "time");
	json_time(&o, &l->time, z);
	json_key(&o, "exclusive");
	json_boolean(&o, l->exclusive);
	json_key(&o, "hostname");
	json_str(&o, l->hostname ? l->hostname : "");
	json_key(&o, "username");
	json_str(&o, l->username ? l->username : "");
	json_key(&o, "pid");
	json_uint(&o, l->pid);
	if (l->uid) {
		json_key(&o, "uid");
		json_uint(&o, l->uid);
	}
	if (l->gid) {
		json_key(&o, "gid");
		json_uint(&o, l->gid);
	}
	json_object_end(&o);
}

void lockfile_release(struct lockfile *l)
{
	if (!l)
		return;
	mem_free(l->hostname);
	mem_free(l->username);
	l->hostname = l->username = NULL;
}
