/*
 * The MPI mailbox.  Only immediate calls are used, because the blocking ones and the collectives of
 * MPI libraries spin: a rank that waits here sleeps.
 *
 * A message on the wire is its bytes and then its tag (4 bytes, little-endian); MPI's own tag is
 * the same for all, so that MPI's promise "messages that match the same receive do not overtake
 * each other" holds for everything between two ranks.
 *
 * Sending is synchronous (MPI_Issend: complete when the receiver has matched it) and at most WINDOW
 * messages to one rank are with MPI; the rest wait here in order.  So a slow receiver's unexpected
 * messages are bounded by WINDOW eager messages from each sender, and comm_sent means "taken by
 * their receivers".
 */
#include "comm/comm_mpi.h"
#include "base/le.h"
#include "comm/inbox.h"
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WIRE_TAG     7
#define TRAILER      4
#define WINDOW       16
#define PENDING_MAX  64                 /* receives under way */
#define PENDING_SIZE ((size_t)64 << 20) /* and their bytes; one larger message may pass alone */
#define SECRET_MAX   4096 /* messages up to here may hold keys: their copies are wiped */
#define TAG_LEAVE                                                                                  \
	UINT32_MAX /* each -> rank 0: nothing more from me; rank 0 -> each: we may all go */

/*
 * The sleep between two looks at MPI grows by half each time nothing has come, from 50 us to 5 ms:
 * so it is about a third of the time since the last message, a busy pair of ranks answers in
 * fractions of a millisecond, and a rank that waits for long looks 200 times a second.
 */
#define PAUSE_FIRST 50000
#define PAUSE_MAX   5000000

struct lane { /* to one rank */
	struct inbox waiting;
	int with_mpi;
};

struct pending { /* a receive under way */
	struct comm_msg msg;
	MPI_Request req;
	bool done;
};

struct mpi {
	struct comm c;
	struct inbox self; /* to oneself: never seen by MPI */
	struct lane *lane;
	/* Sends that MPI has: parallel arrays for MPI_Testsome. */
	struct inbox_msg **out;
	MPI_Request *out_req;
	int *out_done; /* indices, for MPI_Testsome */
	int outs, out_room;
	size_t waiting;                 /* messages in lanes that MPI does not have yet */
	struct pending in[PENDING_MAX]; /* in the order of arrival */
	int ins;
	size_t in_size;
	unsigned polls;
	bool looked; /* the last call was a poll that found nothing: comm_idle need not look again
		      */
	int64_t pause;
	int left; /* TAG_LEAVE received */
};

static struct mpi *mpi_of(struct comm *c)
{
	return (struct mpi *)(void *)c;
}

static void out_grow(struct mpi *m)
{
	size_t room = m->out_room ? 2 * (size_t)m->out_room : 64;

	m->out = mem_regrow(m->out, room, sizeof(*m->out));
	m->out_req = mem_regrow(m->out_req, room, sizeof(*m->out_req));
	m->out_done = mem_regrow(m->out_done, room, sizeof(*m->out_done));
	m->out_room = (int)room;
}

static void lane_start(struct mpi *m, int to)
{
	struct lane *l = &m->lane[to];

	while (l->with_mpi < WINDOW && l->waiting.first) {
		struct inbox_msg *x = inbox_get(&l->waiting);

		if (m->outs == m->out_room)
			out_grow(m);
		m->out[m->outs] = x;
		MPI_Issend(x->msg.data.p, (int)x->msg.data.len, MPI_BYTE, to, WIRE_TAG,
			MPI_COMM_WORLD, &m->out_req[m->outs]);
		m->outs++;
		l->with_mpi++;
		m->waiting--;
	}
}

/* In outgoing messages `from` is the receiver. */
static void out_free(struct inbox_msg *x)
{
	if (x->msg.data.len <= SECRET_MAX)
		buf_wipe(&x->msg.data);
	else
		buf_release(&x->msg.data);
	mem_free(x);
}

/* Let go of the sends that are complete and start those that waited for them. */
static void sends_advance(struct mpi *m)
{
	int n = 0, kept = 0;

	if (!m->outs)
		return;
	MPI_Testsome(m->outs, m->out_req, &n, m->out_done, MPI_STATUSES_IGNORE);
	if (n == MPI_UNDEFINED || !n)
		return;
	m->pause = PAUSE_FIRST;
	for (int i = 0; i < n; i++) {
		struct inbox_msg *x = m->out[m->out_done[i]];

		m->out[m->out_done[i]] = NULL;
		m->lane[x->msg.from].with_mpi--;
		out_free(x);
	}
	for (int i = 0; i < m->outs; i++) {
		if (!m->out[i])
			continue;
		m->out[kept] = m->out[i];
		m->out_req[kept++] = m->out_req[i];
	}
	m->outs = kept;
	for (int to = 0; m->waiting && to < m->c.size; to++)
		lane_start(m, to);
}

static void mpi_send(struct comm *c, int to, uint32_t tag, struct buf *data)
{
	struct mpi *m = mpi_of(c);
	struct inbox_msg *x = inbox_new(to, tag, data);
	uint8_t trailer[TRAILER];

	m->pause = PAUSE_FIRST;
	if (to == c->rank) {
		inbox_put(&m->self, x);
		return;
	}
	le32_put(trailer, tag);
	/* Exactly this maximum, so that a large buffer without room behind it grows by the trailer
	 * and does not double. */
	x->msg.data.max = x->msg.data.len + TRAILER;
	buf_add(&x->msg.data, trailer, TRAILER);
	inbox_put(&m->lane[to].waiting, x);
	m->waiting++;
	lane_start(m, to);
}

/* Start receiving what has arrived, until one is there completely or the bound on receives under
 * way is reached. */
static void arrivals_start(struct mpi *m)
{
	while (m->ins < PENDING_MAX && m->in_size < PENDING_SIZE) {
		struct pending *p = &m->in[m->ins];
		MPI_Message handle;
		MPI_Status st;
		int there = 0, n = 0, done = 0;

		MPI_Improbe(MPI_ANY_SOURCE, WIRE_TAG, MPI_COMM_WORLD, &there, &handle, &st);
		if (!there)
			return;
		MPI_Get_count(&st, MPI_BYTE, &n);
		*p = (struct pending){.msg.from = st.MPI_SOURCE};
		buf_init(&p->msg.data, COMM_MAX + TRAILER);
		buf_reserve(&p->msg.data, (size_t)n);
		p->msg.data.len = (size_t)n;
		MPI_Imrecv(p->msg.data.p, n, MPI_BYTE, &handle, &p->req);
		MPI_Test(&p->req, &done, MPI_STATUS_IGNORE);
		p->done = done;
		m->ins++;
		m->in_size += (size_t)n;
		m->pause = PAUSE_FIRST;
		if (done)
			return;
	}
}

/* A message may be read when it is complete and none of the same sender is under way before it. */
static int arrivals_ready(struct mpi *m)
{
	for (int i = 0; i < m->ins; i++) {
		struct pending *p = &m->in[i];
		int done = 0, j = 0;

		while (j < i && m->in[j].msg.from != p->msg.from)
			j++;
		if (j < i)
			continue;
		if (!p->done)
			MPI_Test(&p->req, &done, MPI_STATUS_IGNORE);
		p->done |= done;
		if (p->done)
			return i;
	}
	return -1;
}

/* The message at i out of the list; false when it is not for the user. */
static bool arrivals_take(struct mpi *m, int i, struct comm_msg *out)
{
	*out = m->in[i].msg;
	m->in_size -= out->data.len;
	m->ins--;
	memmove(&m->in[i], &m->in[i + 1], (size_t)(m->ins - i) * sizeof(*m->in));
	m->pause = PAUSE_FIRST;
	out->data.max = COMM_MAX;
	if (out->data.len >= TRAILER) {
		out->data.len -= TRAILER;
		out->tag = le32_get(out->data.p + out->data.len);
		if (out->tag != TAG_LEAVE)
			return true;
		m->left++;
	}
	buf_release(&out->data);
	return false;
}

static bool mpi_poll(struct comm *c, struct comm_msg *out)
{
	struct mpi *m = mpi_of(c);
	struct inbox_msg *x;
	int i;

	m->looked = false;
	/* Under a flood the sends have their turn too. */
	if (m->polls++ % 16 == 0)
		sends_advance(m);
	x = inbox_get(&m->self);
	if (x) {
		inbox_open(x, out);
		out->from = c->rank;
		return true;
	}
	for (;;) {
		i = arrivals_ready(m);
		if (i < 0) {
			arrivals_start(m);
			i = arrivals_ready(m);
		}
		if (i < 0)
			break;
		if (arrivals_take(m, i, out))
			return true;
	}
	sends_advance(m);
	m->looked = true;
	return false;
}

static int64_t pause_next(struct mpi *m)
{
	int64_t ns = m->pause;

	m->pause = ns + ns / 2 < PAUSE_MAX ? ns + ns / 2 : PAUSE_MAX;
	return ns;
}

static void mpi_idle(struct comm *c, struct loop *l, int64_t max_ns)
{
	struct mpi *m = mpi_of(c);
	int64_t ns;

	if (m->self.first)
		return;
	if (!m->looked) {
		if (arrivals_ready(m) >= 0)
			return;
		arrivals_start(m);
		if (arrivals_ready(m) >= 0)
			return;
		sends_advance(m);
	}
	m->looked = false;
	ns = c->size > 1 ? pause_next(m) : -1;
	if (ns < 0 || (max_ns >= 0 && max_ns < ns))
		ns = max_ns;
	loop_wait(l, ns);
}

static bool mpi_sent(struct comm *c)
{
	struct mpi *m = mpi_of(c);

	sends_advance(m);
	return !m->outs && !m->waiting && !m->self.first;
}

static void drop_one(struct mpi *m)
{
	struct comm_msg msg;
	struct timespec ts = {0};

	if (mpi_poll(&m->c, &msg)) {
		buf_release(&msg.data);
		return;
	}
	ts.tv_nsec = (long)pause_next(m);
	nanosleep(&ts, NULL);
}

/*
 * All leave together: what others still send must be taken, or their sends never complete; and who
 * comes early to MPI_Finalize may spin there until the last one comes.
 */
static void mpi_leave(struct mpi *m)
{
	int n = m->c.size;

	while (!mpi_sent(&m->c))
		drop_one(m);
	if (m->c.rank)
		mpi_send(&m->c, 0, TAG_LEAVE, &(struct buf){0});
	while (m->left < (m->c.rank ? 1 : n - 1))
		drop_one(m);
	for (int i = 1; !m->c.rank && i < n; i++)
		mpi_send(&m->c, i, TAG_LEAVE, &(struct buf){0});
	while (!mpi_sent(&m->c))
		drop_one(m);
}

static void mpi_free(struct comm *c)
{
	struct mpi *m = mpi_of(c);

	mpi_leave(m);
	mem_free(m->out);
	mem_free(m->out_req);
	mem_free(m->out_done);
	mem_free(m->lane);
	mem_free(m);
}

static const struct comm_vtable mpi_vtable = {.send = mpi_send,
	.poll = mpi_poll,
	.idle = mpi_idle,
	.sent = mpi_sent,
	.free = mpi_free};

struct comm *comm_mpi_init(int *argc, char ***argv, struct err *err)
{
	struct mpi *m;
	int provided = 0, rank = 0, size = 1;

	/* Where MPI itself must wait (starting, ending) it gives its core away.  A setting of the
	 * user's stays. */
	setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
	if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
		err_set(err, ERR_UNSUPPORTED, "MPI does not start");
		return NULL;
	}
	if (provided < MPI_THREAD_FUNNELED) {
		err_set(err, ERR_UNSUPPORTED,
			"this MPI library does not allow threads (MPI_THREAD_FUNNELED)");
		MPI_Finalize();
		return NULL;
	}
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	m = mem_zalloc(sizeof(*m));
	m->c = (struct comm){.vt = &mpi_vtable, .rank = rank, .size = size};
	m->lane = mem_array((size_t)size, sizeof(*m->lane));
	m->pause = PAUSE_FIRST;
	return &m->c;
}

void comm_mpi_library(char *text, size_t cap)
{
	char all[MPI_MAX_LIBRARY_VERSION_STRING] = "";
	size_t len;
	int n = 0;

	MPI_Get_library_version(all, &n);
	/* "Open MPI v4.1.4, package: …"; MPICH writes lines with tabs. */
	len = strcspn(all, ",\n");
	if (len >= cap)
		len = cap - 1;
	memcpy(text, all, len);
	text[len] = 0;
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
}

void comm_mpi_end(struct comm *c)
{
	comm_free(c);
	MPI_Finalize();
}
