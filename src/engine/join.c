#include "engine/join.h"
#include "base/mem.h"
#include "base/wire.h"

/* Rank 0's word: code, sentence, and when all is well: config and master key. */
#define JOIN_MAX ((size_t)64 * 1024)

#define LOOKS                                                                                      \
	5 /* for the lock's file: a store may show a new file late, and the lock may just be       \
	     renewed */
#define LOOK_NS ((int64_t)250 * 1000 * 1000) /* before the second; doubles */

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

static int take(struct buf *b, struct backend *be, const struct env *env, struct repo **out,
	struct err *err)
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

int join_repo(struct agree *a, struct router *r, struct backend *be, const struct env *env,
	struct repo **repo, struct err *err)
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

/* Reading from the store blocks, and its token may come by message: so it is a reader's business.
 */
struct look {
	struct repo *repo;
	struct buf config, file;
	bool has_lock;
	struct id lock;
	struct err no_config, no_lock;
};

static void look(void *arg)
{
	struct look *l = arg;

	err_clear(&l->no_config);
	err_clear(&l->no_lock);
	buf_reset(&l->config);
	backend_get(l->repo->be, BACKEND_CONFIG, NULL, &l->config, &l->no_config);
	if (l->has_lock)
		backend_get(l->repo->be, BACKEND_LOCK, &l->lock, &l->file, &l->no_lock);
}

static int differs(const char *place, int code, const char *why, struct err *err)
{
	return err_set(err, code,
		"%.600s is not the repository that rank 0 opened: %.200s (another server, disk or "
		"copy?)",
		place, why);
}

/* What rank 0 says: its config, its lock's name. */
static int compare(struct look *l, struct router *r, const struct buf *b, const char *place,
	struct err *err)
{
	const uint8_t *config;
	struct wire_in in;
	size_t n;

	wire_in_init(&in, b->p, b->len);
	l->has_lock = wire_u8(&in);
	wire_id(&in, &l->lock);
	config = wire_bytes(&in, &n);
	if (!wire_done(&in))
		return err_set(err, ERR_INVALID, "a damaged message from rank 0: its config");
	router_aside(r, look, l);
	if (l->no_config.code)
		return differs(place, ERR_INVALID,
			l->no_config.code == ERR_NOTFOUND ? "it has no config" : l->no_config.msg,
			err);
	if (l->config.len != n || memcmp(l->config.p, config, n) != 0)
		return differs(place, ERR_INVALID, "it has another config", err);
	if (l->no_lock.code)
		return differs(place, l->no_lock.code,
			l->no_lock.code == ERR_NOTFOUND ? "the lock of this run is not there"
							: l->no_lock.msg,
			err);
	return 0;
}

static void tell(struct look *l, struct lock *lock, struct buf *b)
{
	struct id id = {{0}};

	if (lock)
		lock_name(lock, &id);
	buf_reset(b);
	wire_put_u8(b, lock != NULL);
	wire_put_id(b, &id);
	wire_put_bytes(b, l->config.p, l->config.len);
}

int join_same(struct agree *a, struct router *r, struct repo *repo, struct lock *lock,
	const char *place, struct err *err)
{
	struct look l = {.repo = repo};
	int64_t pause = LOOK_NS;
	struct buf b;
	int rc = 0;

	err_clear(err);
	if (router_size(r) == 1)
		return 0;
	buf_init(&b, 2 * REPO_SMALL_MAX);
	buf_init(&l.config, REPO_SMALL_MAX);
	buf_init(&l.file, REPO_SMALL_MAX);
	if (router_rank(r) == 0) {
		router_aside(r, look, &l);
		err_copy(err, &l.no_config);
	}
	rc = agree_all(a, err);
	for (int i = 0; !rc; i++, pause *= 2) {
		if (router_rank(r) == 0)
			tell(&l, lock, &b);
		agree_bcast(a, &b);
		if (router_rank(r) != 0)
			compare(&l, r, &b, place, err);
		rc = agree_all(a, err);
		if (rc != ERR_NOTFOUND || i + 1 == LOOKS)
			break;
		clock_sleep(router_env(r)->clock, pause);
		err_clear(err);
		rc = 0;
	}
	if (rc == ERR_NOTFOUND)
		rc = err->code = ERR_INVALID;
	buf_release(&b);
	buf_release(&l.config);
	buf_release(&l.file);
	return rc;
}
