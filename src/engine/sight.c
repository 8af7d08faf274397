#include "engine/sight.h"
#include <sys/stat.h>

void sight_of(struct sight *s, const struct meta *m)
{
	*s = (struct sight){.mode = m->mode,
		.uid = m->uid,
		.gid = m->gid,
		.ino = m->ino,
		.dev = m->dev,
		.size = m->size,
		.mtime = m->mtime,
		.ctime = m->ctime};
}

enum sight_verdict sight_compare(const struct sight *seen, const struct meta *now)
{
	int mtime = ts_cmp(&now->mtime, &seen->mtime), ctime = ts_cmp(&now->ctime, &seen->ctime);
	bool dir = S_ISDIR(now->mode), numbered = seen->ino != now->ino || seen->dev != now->dev;
	bool alike = mtime == 0 && seen->size == now->size;

	if (((now->mode ^ seen->mode) & S_IFMT) || mtime < 0 || ctime < 0)
		return SIGHT_OLDER;
	/* Replaced since, or another one here only (something mounted over it): who listed it reads
	 * what it is there. */
	if (numbered && !alike)
		return SIGHT_OLDER;
	if (!dir && ctime == 0 && !alike)
		return SIGHT_OLDER;
	if (ctime == 0 &&
		(now->mode != seen->mode || now->uid != seen->uid || now->gid != seen->gid))
		return SIGHT_OTHER;
	return numbered ? SIGHT_NUMBERED : SIGHT_SAME;
}

int sight_agree(const struct sight *other, const char *by, const struct meta *now, const char *path,
	struct err *err)
{
	if (!by || sight_compare(other, now) != SIGHT_OTHER)
		return 0;
	return err_set(err, ERR_IO,
		"%.600s: %.200s sees owner %u:%u and mode %04o, others see %u:%u and %04o: nothing "
		"is saved that depends on who reads it",
		path, by, other->uid, other->gid, other->mode & 07777, now->uid, now->gid,
		(unsigned)now->mode & 07777);
}

static void ts_put(struct buf *b, const struct ts *t)
{
	wire_put_u64(b, (uint64_t)t->sec);
	wire_put_u32(b, (uint32_t)t->nsec);
}

static void ts_get(struct wire_in *w, struct ts *t)
{
	t->sec = (int64_t)wire_u64(w);
	t->nsec = (int32_t)wire_u32(w);
}

void sight_put(struct buf *b, const struct sight *s)
{
	wire_put_u32(b, s->mode);
	wire_put_u32(b, s->uid);
	wire_put_u32(b, s->gid);
	wire_put_u64(b, s->ino);
	wire_put_u64(b, s->dev);
	wire_put_u64(b, s->size);
	ts_put(b, &s->mtime);
	ts_put(b, &s->ctime);
}

void sight_get(struct wire_in *w, struct sight *s)
{
	s->mode = wire_u32(w);
	s->uid = wire_u32(w);
	s->gid = wire_u32(w);
	s->ino = wire_u64(w);
	s->dev = wire_u64(w);
	s->size = wire_u64(w);
	ts_get(w, &s->mtime);
	ts_get(w, &s->ctime);
}
