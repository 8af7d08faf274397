/*
 * store_fault: a store that fails as told.
 *
 * Every question about the n-th operation is answered by a hash of (seed, n, question), so a run
 * with the same order of operations fails at the same places.
 */
#include "lib/stores.h"
#include "base/mem.h"
#include <stdatomic.h>

#define PPM 1000000u

enum question { Q_FAIL, Q_AFTER, Q_SHORT, Q_FLIP, Q_PERMANENT, Q_WHERE };

struct fault {
	struct backend b;
	struct backend *inner;
	struct backend_fault_policy p;
	_Atomic uint64_t ops, faults;
};

struct fault_op {
	struct fault *f;
	void (*done)(struct backend_op *op);
	void *arg;
	uint64_t n;
};

static struct fault *fault_of(struct backend *b)
{
	return (struct fault *)(void *)b;
}

/* A bijective scrambler of 64 bits (the finaliser of MurmurHash3 by Austin Appleby). */
static uint64_t scramble(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdu;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53u;
	return x ^ x >> 33;
}

static uint64_t answer(const struct fault *f, uint64_t n, enum question q)
{
	return scramble(scramble(f->p.seed + n) + (uint64_t)q);
}

static bool yes(const struct fault *f, uint64_t n, enum question q, unsigned ppm)
{
	return ppm && answer(f, n, q) % PPM < ppm;
}

static uint64_t fault_count_op(struct fault *f)
{
	return atomic_fetch_add(&f->ops, 1) + 1;
}

static bool fault_dead(const struct fault *f, uint64_t n)
{
	return f->p.fail_from_op && n >= f->p.fail_from_op;
}

static int fault_set(struct fault *f, uint64_t n, struct err *err)
{
	atomic_fetch_add(&f->faults, 1);
	if (yes(f, n, Q_PERMANENT, f->p.permanent))
		return err_set(err, ERR_NOSPACE, "injected fault: no space (operation %llu)",
			(unsigned long long)n);
	return err_set(err, ERR_IO, "injected fault (operation %llu)", (unsigned long long)n);
}

static bool fails_before(const struct fault *f, uint64_t n, const struct backend_op *op)
{
	if (fault_dead(f, n))
		return true;
	switch (op->verb) {
	case BACKEND_PUT:
		return yes(f, n, Q_FAIL, f->p.put_fail);
	case BACKEND_GET:
		return yes(f, n, Q_FAIL, f->p.get_fail);
	case BACKEND_REMOVE:
		return yes(f, n, Q_FAIL, f->p.remove_fail) && answer(f, n, Q_WHERE) % 2;
	case BACKEND_STAT:
		break;
	}
	return false;
}

static void spoil_get(struct fault *f, uint64_t n, struct backend_op *op)
{
	uint64_t where = answer(f, n, Q_WHERE);

	if (!op->out.len)
		return;
	if (yes(f, n, Q_SHORT, f->p.get_short)) {
		atomic_fetch_add(&f->faults, 1);
		op->out.len = (size_t)(where % op->out.len);
		if (op->length) {
			err_set(&op->err, ERR_TOOSHORT,
				"injected fault: the object is too short (operation %llu)",
				(unsigned long long)n);
			buf_reset(&op->out);
		}
	} else if (yes(f, n, Q_FLIP, f->p.get_flip)) {
		atomic_fetch_add(&f->faults, 1);
		op->out.p[where % op->out.len] ^= (uint8_t)(1u << (where >> 61));
	}
}

static void fault_done(struct backend_op *op)
{
	struct fault_op *c = op->arg;
	struct fault *f = c->f;
	uint64_t n = c->n;

	op->done = c->done;
	op->arg = c->arg;
	mem_free(c);
	if (!op->err.code) {
		if (op->verb == BACKEND_PUT && yes(f, n, Q_AFTER, f->p.put_fail_after))
			fault_set(f, n, &op->err);
		else if (op->verb == BACKEND_REMOVE && yes(f, n, Q_FAIL, f->p.remove_fail))
			fault_set(f, n, &op->err);
		else if (op->verb == BACKEND_GET)
			spoil_get(f, n, op);
	}
	op->done(op);
}

static void fault_start(struct backend *b, struct backend_op *op)
{
	struct fault *f = fault_of(b);
	uint64_t n = fault_count_op(f);
	struct fault_op *c;

	if (fails_before(f, n, op)) {
		if (op->verb == BACKEND_GET)
			buf_reset(&op->out);
		fault_set(f, n, &op->err);
		op->done(op);
		return;
	}
	c = mem_alloc(sizeof(*c));
	*c = (struct fault_op){.f = f, .done = op->done, .arg = op->arg, .n = n};
	op->done = fault_done;
	op->arg = c;
	backend_start(f->inner, op);
}

struct fault_list {
	const struct backend_names *to;
	uint64_t left; /* names to let through */
	bool broke;
};

static int fault_name(void *arg, const struct id *name, uint64_t size)
{
	struct fault_list *l = arg;

	if (!l->left) {
		l->broke = true;
		return ERR_IO;
	}
	l->left--;
	return l->to->file(l->to->arg, name, size);
}

static int fault_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct fault *f = fault_of(b);
	uint64_t n = fault_count_op(f);
	struct fault_list l = {.to = to, .left = answer(f, n, Q_WHERE) % 4};
	int code;

	if (fault_dead(f, n))
		return fault_set(f, n, err);
	if (!yes(f, n, Q_FAIL, f->p.list_fail))
		return backend_list_all(f->inner, t, to, err);
	code = backend_list(f->inner, t, fault_name, &l, err);
	return code && !l.broke ? code : fault_set(f, n, err);
}

static int fault_create(struct backend *b, struct err *err)
{
	struct fault *f = fault_of(b);
	uint64_t n = fault_count_op(f);

	return fault_dead(f, n) ? fault_set(f, n, err) : backend_create(f->inner, err);
}

static int fault_usage(struct backend *b, struct backend_usage *u, struct err *err)
{
	struct fault *f = fault_of(b);
	uint64_t n = fault_count_op(f);

	return fault_dead(f, n) ? fault_set(f, n, err) : backend_usage(f->inner, u, err);
}

static void fault_give_up(struct backend *b)
{
	backend_give_up(fault_of(b)->inner);
}

static void fault_free(struct backend *b)
{
	backend_free(fault_of(b)->inner);
	mem_free(b);
}

static const struct backend_vtable fault_vtable = {
	.scheme = "fault",
	.start = fault_start,
	.list = fault_list,
	.create = fault_create,
	.free = fault_free,
	.usage = fault_usage,
	.give_up = fault_give_up,
};

struct backend *backend_fault_new(struct backend *inner, const struct backend_fault_policy *p)
{
	struct fault *f = mem_zalloc(sizeof(*f));

	f->b = *inner;
	f->b.vt = &fault_vtable;
	f->inner = inner;
	f->p = *p;
	atomic_init(&f->ops, 0);
	atomic_init(&f->faults, 0);
	return &f->b;
}

uint64_t backend_fault_count(const struct backend *b)
{
	return b->vt == &fault_vtable
		       ? atomic_load(&((const struct fault *)(const void *)b)->faults)
		       : 0;
}
