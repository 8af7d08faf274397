/*
 * hash_many: feeds messages into lanes.  A job is up to three runs of blocks (what its stream had
 * left over, the bytes in place, the end with the padding); a lane that has no run left takes the
 * next job.
 */
#include "base/mem.h"
#include "kern/crypto.h"
#include "kern/hash_lanes.h"
#include <openssl/evp.h>
#include <string.h>

/* FIPS 180-4, 5.3.3. */
static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
	0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

struct hash_stream {
	const struct hash_variant *v;
	EVP_MD_CTX *ctx; /* of a variant without lanes, which uses nothing else of this */
	uint32_t s[8];
	uint64_t total;           /* bytes fed; the last total % HASH_BLOCK of them are in `part` */
	uint8_t part[HASH_BLOCK]; /* and not yet in s */
};

struct feed {
	struct hash_lane lane;
	struct hash_job *job;
	size_t left; /* blocks at lane.p */
	struct {
		const uint8_t *p;
		size_t blocks;
	} run[3]; /* to come, from `next` to `runs` */
	size_t next, runs;
	const uint8_t *rest; /* what the stream keeps until its next piece */
	size_t rest_n;
	uint8_t end[2 * HASH_BLOCK];
};

/* Blocks of a message's last bytes (n of them, less than a block) with what FIPS 180-4, 5.1.1 puts
 * behind them. */
static size_t pad(uint8_t *end, const uint8_t *p, size_t n, uint64_t total)
{
	size_t blocks = n + 1 + 8 > HASH_BLOCK ? 2 : 1;

	if (n)
		memcpy(end, p, n);
	end[n] = 0x80;
	memset(end + n + 1, 0, blocks * HASH_BLOCK - n - 1);
	for (size_t i = 0; i < 8; i++)
		end[blocks * HASH_BLOCK - 1 - i] = (uint8_t)(total * 8 >> 8 * i);
	return blocks;
}

static void digest(const uint32_t *s, struct id *out)
{
	for (size_t i = 0; i < 8; i++)
		for (size_t k = 0; k < 4; k++)
			out->b[4 * i + k] = (uint8_t)(s[i] >> (24 - 8 * k));
}

static void add_run(struct feed *f, const uint8_t *p, size_t blocks)
{
	if (!blocks)
		return;
	f->run[f->runs].p = p;
	f->run[f->runs++].blocks = blocks;
}

static void load_message(struct feed *f)
{
	const struct hash_job *job = f->job;
	size_t blocks = job->n / HASH_BLOCK, used = blocks * HASH_BLOCK;

	memcpy(f->lane.s, initial, sizeof initial);
	add_run(f, job->p, blocks);
	add_run(f, f->end, pad(f->end, used ? job->p + used : job->p, job->n - used, job->n));
}

static void load_piece(struct feed *f)
{
	struct hash_stream *s = f->job->stream;
	const uint8_t *p = f->job->p;
	size_t n = f->job->n, have = s->total % HASH_BLOCK;

	memcpy(f->lane.s, s->s, sizeof s->s);
	f->rest_n = 0;
	if (!n)
		return;
	s->total += n;
	if (have) {
		size_t take = n < HASH_BLOCK - have ? n : HASH_BLOCK - have;

		memcpy(s->part + have, p, take);
		p += take;
		n -= take;
		add_run(f, s->part, (have + take) / HASH_BLOCK);
		/* Nothing behind it: what is in `part` stays there. */
		if (!n)
			return;
	}
	add_run(f, p, n / HASH_BLOCK);
	f->rest_n = n % HASH_BLOCK;
	f->rest = p + (n - f->rest_n);
}

static void finish(struct feed *f)
{
	struct hash_stream *s = f->job->stream;

	if (!s) {
		digest(f->lane.s, &f->job->out);
		return;
	}
	memcpy(s->s, f->lane.s, sizeof s->s);
	if (f->rest_n)
		memcpy(s->part, f->rest, f->rest_n);
}

static bool next_run(struct feed *f)
{
	if (f->next == f->runs)
		return false;
	f->lane.p = f->run[f->next].p;
	f->left = f->run[f->next++].blocks;
	return true;
}

struct queue {
	struct hash_job *job;
	size_t n;
};

/* False when no job with a block to do is left. */
static bool next_job(struct feed *f, struct queue *q)
{
	while (q->n) {
		f->job = q->job++;
		q->n--;
		f->next = f->runs = 0;
		if (f->job->stream)
			load_piece(f);
		else
			load_message(f);
		if (next_run(f))
			return true;
		finish(f);
	}
	return false;
}

/* Takes all lanes to where the first of them ends its run, gives those that did their next run or
 * job, returns how many go on. */
static size_t advance(const struct hash_variant *v, struct feed **on, size_t active,
	struct queue *q)
{
	struct hash_lane *lane[HASH_LANES];
	size_t step = on[0]->left, go = 0;

	for (size_t i = 0; i < active; i++) {
		lane[i] = &on[i]->lane;
		if (on[i]->left < step)
			step = on[i]->left;
	}
	v->blocks[active - 1](lane, step);
	for (size_t i = 0; i < active; i++) {
		struct feed *f = on[i];

		f->left -= step;
		if (!f->left && !next_run(f)) {
			finish(f);
			if (!next_job(f, q))
				continue;
		}
		on[go++] = f;
	}
	return go;
}

static void in_lanes(const struct hash_variant *v, struct hash_job *job, size_t n)
{
	struct feed feed[HASH_LANES], *on[HASH_LANES];
	struct queue q = {job, n};
	size_t active = 0;

	while (active < v->lanes && next_job(&feed[active], &q)) {
		on[active] = &feed[active];
		active++;
	}
	while (active)
		active = advance(v, on, active, &q);
}

void hash_many_by(const struct hash_variant *v, struct hash *h, struct hash_job *job, size_t n)
{
	if (v->lanes) {
		in_lanes(v, job, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (job[i].stream) {
			crypto_must(EVP_DigestUpdate(job[i].stream->ctx, job[i].p, job[i].n) == 1);
		} else {
			hash_begin(h);
			hash_add(h, job[i].p, job[i].n);
			hash_end(h, &job[i].out);
		}
	}
}

struct hash_stream *hash_stream_new_by(const struct hash_variant *v)
{
	struct hash_stream *s = mem_zalloc(sizeof *s);

	s->v = v;
	if (!v->lanes) {
		s->ctx = EVP_MD_CTX_new();
		crypto_must(s->ctx && EVP_DigestInit_ex2(s->ctx, crypto_get()->sha256, NULL) == 1);
	}
	hash_stream_begin(s);
	return s;
}

void hash_stream_free(struct hash_stream *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	mem_free(s);
}

void hash_stream_begin(struct hash_stream *s)
{
	if (s->ctx)
		crypto_must(EVP_DigestInit_ex2(s->ctx, NULL, NULL) == 1);
	memcpy(s->s, initial, sizeof initial);
	s->total = 0;
}

void hash_stream_end(struct hash_stream *s, struct id *out)
{
	struct hash_lane lane, *lanes[] = {&lane};
	uint8_t end[2 * HASH_BLOCK];
	unsigned n = 0;

	if (s->ctx) {
		crypto_must(EVP_DigestFinal_ex(s->ctx, out->b, &n) == 1 && n == ID_SIZE);
		return;
	}
	memcpy(lane.s, s->s, sizeof lane.s);
	lane.p = end;
	s->v->blocks[0](lanes, pad(end, s->part, s->total % HASH_BLOCK, s->total));
	digest(lane.s, out);
}
