#include "repo/reader_priv.h"
#include <assert.h>

struct waiting {
	struct task task;
	struct reader *reader;
	struct reader_blobs q;
	struct reader_want want, *wants;
	struct buf *plain;
	struct err err;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool over;
};

static void came(struct reader_blobs *q, struct reader_want *w, const struct reader_got *g)
{
	struct waiting *x = q->arg;

	if (g->err) {
		err_copy(&x->err, g->err);
		reader_explain(w, &x->err);
	} else {
		err_clear(&x->err);
		buf_move(x->plain, g->plain);
	}
}

static void ended(struct reader_blobs *q)
{
	struct waiting *x = q->arg;

	/* Under the lock to the end: it is gone once the other thread sees it. */
	pthread_mutex_lock(&x->lock);
	x->over = true;
	pthread_cond_signal(&x->ended);
	pthread_mutex_unlock(&x->lock);
}

static void begin(struct task *t)
{
	struct waiting *x = task_of(t, struct waiting, task);

	reader_blobs_start(x->reader, &x->q);
}

static void wait_init(struct waiting *x, struct reader *rd, enum blob_type t, const struct id *id,
	struct buf *plain)
{
	*x = (struct waiting){.task = {.done = begin},
		.reader = rd,
		.q = {.n = 1,
			.takes = true,
			.want = &x->wants,
			.got = came,
			.ended = ended,
			.arg = x},
		.want.at.blob = {.type = t, .id = *id},
		.wants = &x->want,
		.plain = plain,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER};
	buf_init(plain, REPO_BLOB_MAX);
	err_set(&x->err, ERR_CANCELLED, "stopped"); /* unless it comes */
}

static int wait_end(struct waiting *x, struct err *err)
{
	pthread_mutex_destroy(&x->lock);
	pthread_cond_destroy(&x->ended);
	return x->err.code ? err_copy(err, &x->err) : 0;
}

int reader_read(struct reader *rd, enum blob_type t, const struct id *id, const volatile int *stop,
	struct buf *plain, struct err *err)
{
	struct waiting x;

	assert(!pthread_equal(rd->loop, pthread_self()));
	wait_init(&x, rd, t, id, plain);
	x.q.stop = stop;
	loop_post(rd->repo->env->loop, &x.task);
	pthread_mutex_lock(&x.lock);
	while (!x.over)
		pthread_cond_wait(&x.ended, &x.lock);
	pthread_mutex_unlock(&x.lock);
	return wait_end(&x, err);
}

int reader_read_here(struct reader *rd, enum blob_type t, const struct id *id, struct buf *plain,
	struct err *err)
{
	struct waiting x;

	assert(pthread_equal(rd->loop, pthread_self()));
	wait_init(&x, rd, t, id, plain);
	reader_blobs_start(rd, &x.q);
	loop_until(rd->repo->env->loop, &x.over);
	return wait_end(&x, err);
}
