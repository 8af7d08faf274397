#include "repo/lock_scan.h"
#include "base/mem.h"
#include "format/lockfile.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>

const struct lock_timing lock_timing_default = {
	.recheck = LOCK_SECOND / 5,
	.refresh = 300 * LOCK_SECOND,
	.give_up = 1350 * LOCK_SECOND,
	.stale = 1800 * LOCK_SECOND,
	.again = 5 * LOCK_SECOND,
};

struct lock_entry {
	struct id id;
	uint64_t size;
};

struct listing {
	struct lock_entry *v;
	size_t n, cap;
};

static int remember(void *arg, const struct id *name, uint64_t size)
{
	struct listing *l = arg;

	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->v = mem_regrow(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct lock_entry){.id = *name, .size = size};
	return 0;
}

static int list_locks(struct repo *r, struct listing *l, struct err *err)
{
	int rc = backend_list(r->be, BACKEND_LOCK, remember, l, err);

	if (rc)
		err_prefix(err, "list locks");
	return rc;
}

int lock_listed(struct repo *r, const struct id *id, bool *found, struct err *err)
{
	struct listing l = {0};
	int rc = list_locks(r, &l, err);

	*found = false;
	for (size_t i = 0; i < l.n && !rc; i++)
		*found |= id_equal(&l.v[i].id, id);
	mem_free(l.v);
	return rc;
}

static int load_lock(struct repo *r, const struct id *id, struct lockfile *f, struct err *err)
{
	struct buf json;
	int rc;

	buf_init(&json, REPO_SMALL_MAX);
	rc = repo_load(r, BACKEND_LOCK, id, &json, err);
	if (!rc) {
		rc = lockfile_parse(f, json.p, json.len, err);
		if (rc)
			err_prefix(err, "lock %s", id_short(id).s);
	}
	buf_release(&json);
	/* Nobody can tell whose it is: only a person knows whether it still means something. */
	if (err && (rc == ERR_INVALID || rc == ERR_TOOSHORT || rc == ERR_UNSUPPORTED ||
			   rc == ERR_NOMEM)) {
		struct err what = *err;

		err_set(err, rc,
			"%.800s; when no program uses the repository any more: a_backup unlock "
			"--remove-all",
			what.msg);
	}
	return rc;
}

/* Seconds; a lock from the future is young. */
static int64_t lock_age(const struct repo *r, const struct lockfile *f)
{
	struct ts now = clock_now(r->env->clock);

	return f->time.sec > now.sec ? 0 : now.sec - f->time.sec;
}

static bool process_gone(uint64_t pid)
{
	return pid > 0 && pid <= INT_MAX && kill((pid_t)pid, 0) && errno == ESRCH;
}

static bool lock_stale(const struct repo *r, const struct lock_owner *who, const struct lockfile *f,
	int64_t stale)
{
	return lock_age(r, f) > stale / LOCK_SECOND ||
	       (who->hostname && strcmp(f->hostname, who->hostname) == 0 && process_gone(f->pid));
}

/* A name out of somebody's file, fit for a terminal. */
static void clean_name(char out[64], const char *s)
{
	size_t n;

	for (n = 0; n < 63 && s[n]; n++)
		out[n] = (unsigned char)s[n] < ' ' || s[n] == 127 ? '?' : s[n];
	out[n] = 0;
}

static int tell_conflict(const struct repo *r, const struct lock_owner *who, const struct id *id,
	const struct lockfile *f, int64_t stale, struct err *err)
{
	const char *unit = "seconds", *hint = "";
	int64_t age = lock_age(r, f);
	char host[64], user[64];

	clean_name(host, f->hostname);
	clean_name(user, f->username);
	if (age >= 7200) {
		age /= 3600;
		unit = "hours";
	} else if (age >= 120) {
		age /= 60;
		unit = "minutes";
	}
	if (lock_stale(r, who, f, stale))
		hint = "; that process seems to be gone: unlock removes its lock";
	return err_set(err, ERR_LOCKED,
		"the repository is locked%s by process %llu of %s on %s since %lld %s (lock %s)%s",
		f->exclusive ? " exclusively" : "", (unsigned long long)f->pid, user, host,
		(long long)age, unit, id_short(id).s, hint);
}

static bool is_own(struct lock_scan *s, const struct id *id)
{
	for (size_t i = 0; i < s->n_own; i++)
		if (id_equal(&s->own[i], id)) {
			s->found_first |= i == 0;
			return true;
		}
	return false;
}

int lock_scan_once(struct lock_scan *s, struct err *err)
{
	struct listing l = {0};
	int rc = list_locks(s->r, &l, err);

	s->found_first = false;
	for (size_t i = 0; i < l.n && !rc; i++) {
		struct lockfile f = {0};

		/* An empty file is what a full disk leaves; restic ignores it too. */
		if (is_own(s, &l.v[i].id) || !l.v[i].size)
			continue;
		rc = load_lock(s->r, &l.v[i].id, &f, err);
		if (rc == ERR_NOTFOUND)
			rc = 0; /* released since we listed it */
		else if (!rc && (s->exclusive || f.exclusive))
			rc = tell_conflict(s->r, s->who, &l.v[i].id, &f, s->stale_ns, err);
		lockfile_release(&f);
	}
	mem_free(l.v);
	return rc;
}

int lock_scan_patiently(struct lock_scan *s, int64_t pause, struct err *err)
{
	int rc = lock_scan_once(s, err);

	for (int pass = 0;
		pass < 3 && (rc == ERR_INVALID || rc == ERR_TOOSHORT || rc == ERR_UNSUPPORTED);
		pass++) {
		clock_sleep(s->r->env->clock, pause);
		pause *= 2;
		rc = lock_scan_once(s, err);
	}
	return rc;
}

int lock_unlock(struct repo *r, const struct lock_owner *who, bool all, size_t *removed,
	struct err *err)
{
	struct listing l = {0};
	int rc = list_locks(r, &l, err);

	*removed = 0;
	for (size_t i = 0; i < l.n && !rc; i++) {
		struct lockfile f = {0};
		struct err why = {0};
		bool gone = all;

		if (!all && l.v[i].size) {
			if (!load_lock(r, &l.v[i].id, &f, &why))
				gone = lock_stale(r, who, &f, lock_timing_default.stale);
			else if (why.code != ERR_NOTFOUND)
				log_msg(&r->env->log, LOG_WARN, "lock %s is left alone: %s",
					id_short(&l.v[i].id).s, why.msg);
			lockfile_release(&f);
		}
		if (!gone)
			continue;
		rc = backend_remove(r->be, BACKEND_LOCK, &l.v[i].id, err);
		if (rc)
			err_prefix(err, "remove lock %s", id_short(&l.v[i].id).s);
		else
			++*removed;
	}
	mem_free(l.v);
	return rc;
}
