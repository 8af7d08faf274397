#include "engine/join.h"
#include "base/mem.h"
#include "base/wire.h"

/* Rank 0's word: code, sentence, and when all is well: config and master key. */
#define JOIN_MAX ((size_t)64 * 1024)

static void put(struct buf *b, const struct repo *r, const struct err *err)
{
	wire_put_u32(b, (uint32_t)-err->code);
	wire_put_bytes(b, err->msg, strlen(err->msg));
	if (!r)
		return;
	wire_put_u32(b, r->config.version);
	wire_put_id(b, &r->config.id);
	wire_put_u64(b, r->config.polynomial);
	wire_put_bytes(b, &r->master.encrypt, sizeof(r->master.encrypt));
	wire_put_bytes(b, &r->master.mac_k, sizeof(r->master.mac_k));
	wire_put_bytes(b, &r->master.mac_r, sizeof(r->master.mac_r));
}

static void get_key(struct wire_in *w, uint8_t *out, size_t want)
{
	size_t n;
	const uint8_t *p = wire_bytes(w, &n);

	if (n == want)
		memcpy(out, p, n);
	else
		w->bad = true;
}

static int take(struct buf *b, struct backend *be, const struct env *env, struct repo **out, struct err *err)
{
	struct wire_in w;
	struct config config;
	struct seal_key key;
	const uint8_t *msg;
	size_t n;
	int code;

	wire_in_init(&w, b->p, b->len);
	code = -(int)wire_u32(&w);
	msg = wire_bytes(&w, &n);
	if (code)
		return err_set(err, code, "%.*s", (int)n, (const char *)msg);
	config.version = wire_u32(&w);
	wire_id(&w, &config.id);
	config.polynomial = wire_u64(&w);
	get_key(&w, key.encrypt, sizeof(key.encrypt));
	get_key(&w, key.mac_k, sizeof(key.mac_k));
	get_key(&w, key.mac_r, sizeof(key.mac_r));
	if (wire_done(&w))
		*out = repo_adopt(be, env, &config, &key);
	else
		code = err_set(err, ERR_INVALID, "a damaged message from rank 0");
	mem_wipe(&key, sizeof(key));
	return code;
}

int join_repo(struct agree *a, struct router *r, struct backend *be, const struct env *env, struct repo **repo, struct err *err)
{
	struct buf b;
	int code = 0;

	buf_init(&b, JOIN_MAX);
	if (router_rank(r) == 0) {
		put(&b, *repo, err);
		code = err->code;
	}
	agree_bcast(a, &b);
	if (router_rank(r) != 0)
		code = take(&b, be, env, repo, err);
	buf_wipe(&b);
	return code;
}
