#include "base/mem.h"
#include "repo/repo_priv.h"
#include <pthread.h>
#include <stdlib.h>

/* Scratch above what a chunk needs is given back: a huge tree, an index file or a pack of tiny
 * blobs is rare, and there are many contexts. */
#define KEEP ((size_t)CHUNKER_MAX + ((size_t)1 << 20))

struct repo_ctx_pool {
	pthread_mutex_t lock;
	struct repo_ctx *free;
};

struct repo_ctx_pool *repo_ctx_pool_new(void)
{
	struct repo_ctx_pool *p = mem_zalloc(sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

static void ctx_free(struct repo_ctx *c)
{
	seal_free(c->seal);
	compress_free(c->compress);
	hash_free(c->hash);
	buf_wipe(&c->tmp);
	buf_wipe(&c->tmp2);
	mem_free(c);
}

void repo_ctx_pool_free(struct repo_ctx_pool *p)
{
	struct repo_ctx *c;

	if (!p)
		return;
	while ((c = p->free) != NULL) {
		p->free = c->next;
		ctx_free(c);
	}
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}

struct repo_ctx *repo_ctx_get(struct repo *r)
{
	struct repo_ctx *c;

	pthread_mutex_lock(&r->pool->lock);
	c = r->pool->free;
	if (c)
		r->pool->free = c->next;
	pthread_mutex_unlock(&r->pool->lock);
	if (c)
		return c;
	c = mem_zalloc(sizeof(*c));
	c->seal = seal_new(&r->master);
	c->compress = compress_new();
	c->hash = hash_new();
	c->rnd = r->env->rnd;
	/* Twice: the compressed or sealed form of a blob may be a little longer than the blob. */
	buf_init(&c->tmp, (size_t)2 * REPO_BLOB_MAX);
	buf_init(&c->tmp2, (size_t)2 * REPO_BLOB_MAX);
	return c;
}

void repo_ctx_put(struct repo *r, struct repo_ctx *c)
{
	if (!c)
		return;
	if (c->tmp.cap > KEEP)
		buf_release(&c->tmp);
	if (c->tmp2.cap > KEEP)
		buf_release(&c->tmp2);
	pthread_mutex_lock(&r->pool->lock);
	c->next = r->pool->free;
	r->pool->free = c;
	pthread_mutex_unlock(&r->pool->lock);
}

static bool all_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return !any;
}

const uint8_t *repo_ctx_iv(struct repo_ctx *c)
{
	/* Zero comes up once in 2^128 draws; a generator that gives nothing else is broken, and no
	 * data may be sealed with it. */
	for (unsigned zeros = 0; zeros < 2 * REPO_CTX_IVS; zeros++) {
		const uint8_t *iv;

		if (!c->ivs) {
			rnd_fill(c->rnd, c->iv, sizeof(c->iv));
			c->ivs = REPO_CTX_IVS;
		}
		iv = c->iv[--c->ivs];
		if (!all_zero(iv, SEAL_IV))
			return iv;
	}
	abort();
}
