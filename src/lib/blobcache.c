#include "lib/blobcache.h"
#include "base/mem.h"
#include <pthread.h>

#define SLOTS 256 /* so few that looking at all of them costs nothing beside decoding one */

struct slot {
	struct id id;
	struct buf plain;
	uint64_t used; /* when, for the oldest to go; 0: it is empty */
	size_t holders;
	bool coming; /* somebody fetches it */
};

struct blobcache {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something has come, or is held no more */
	size_t bytes, max;
	uint64_t now;
	struct slot slot[SLOTS];
};

struct blobcache *blobcache_new(size_t bytes)
{
	struct blobcache *c = mem_zalloc(sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	c->max = bytes;
	return c;
}

static void empty(struct blobcache *c, struct slot *s)
{
	c->bytes -= s->plain.cap;
	buf_release(&s->plain);
	s->used = 0;
}

void blobcache_free(struct blobcache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		empty(c, &c->slot[i]);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	mem_free(c);
}

static struct slot *find(struct blobcache *c, const struct id *id)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (c->slot[i].used && id_equal(&c->slot[i].id, id))
			return &c->slot[i];
	}
	return NULL;
}

/* An empty one, else the one that nobody has used for longest; NULL: all are in use. */
static struct slot *oldest(struct blobcache *c, bool full)
{
	struct slot *best = NULL;

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &c->slot[i];

		if (!s->holders && !s->coming && !(full && !s->used) &&
			(!best || s->used < best->used))
			best = s;
	}
	return best;
}

static void shrink(struct blobcache *c)
{
	struct slot *s;

	while (c->bytes > c->max && (s = oldest(c, true)) != NULL)
		empty(c, s);
}

/* The lock is held, but not while it is read. */
static int fetch(struct blobcache *c, struct slot *s, struct reader *rd, const struct id *id,
	struct err *err)
{
	struct buf plain;
	int rc;

	if (s->used)
		empty(c, s);
	s->id = *id;
	s->used = ++c->now;
	s->coming = true;
	pthread_mutex_unlock(&c->lock);
	rc = reader_read(rd, BLOB_DATA, id, NULL, &plain, err);
	pthread_mutex_lock(&c->lock);
	s->coming = false;
	if (rc) {
		buf_release(&plain);
		s->used = 0;
	} else {
		buf_move(&s->plain, &plain);
		c->bytes += s->plain.cap;
	}
	pthread_cond_broadcast(&c->changed);
	return rc;
}

int blobcache_get(struct blobcache *c, struct reader *rd, const struct id *id,
	const struct buf **plain, struct err *err)
{
	struct slot *s;
	int rc = 0;

	*plain = NULL;
	pthread_mutex_lock(&c->lock);
	for (;;) {
		s = find(c, id);
		if (s ? !s->coming : (s = oldest(c, false)) != NULL)
			break;
		pthread_cond_wait(&c->changed, &c->lock);
	}
	if (!s->used || !id_equal(&s->id, id))
		rc = fetch(c, s, rd, id, err);
	if (!rc) {
		s->used = ++c->now;
		s->holders++;
		shrink(c);
		*plain = &s->plain;
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void blobcache_put(struct blobcache *c, const struct buf *plain)
{
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < SLOTS; i++) {
		if (&c->slot[i].plain == plain)
			c->slot[i].holders--;
	}
	shrink(c);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}
