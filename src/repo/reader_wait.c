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

int reader_read(struct reader *rd, enum blob_type t, const struct id *id, const volatile int *stop,
	struct buf *plain, struct err *err)
{
	struct waiting x = {.task = {.done = begin},
		.reader = rd,
		.q = {.n = 1, .takes = true, .stop = stop, .got = came, .ended = ended},
		.plain = plain,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER};

	assert(!pthread_equal(rd->loop, pthread_self()));
	buf_init(plain, REPO_BLOB_MAX);
	err_set(&x.err, ERR_CANCELLED, "stopped"); /* unless it comes */
	x.want.at.blob.type = t;
	x.want.at.blob.id = *id;
	x.wants = &x.want;
	x.q.want = &x.wants;
	x.q.arg = &x;
	loop_post(rd->repo->env->loop, &x.task);
	pthread_mutex_lock(&x.lock);
	while (!x.over)
		pthread_cond_wait(&x.ended, &x.lock);
	pthread_mutex_unlock(&x.lock);
	pthread_mutex_destroy(&x.lock);
	pthread_cond_destroy(&x.ended);
	return x.err.code ? err_copy(err, &x.err) : 0;
}
