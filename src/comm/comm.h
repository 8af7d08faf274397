/*
 * comm: a rank's mailbox.  Messages are byte strings with a tag; between two ranks they arrive in
 * the order sent.
 *
 * Three implementations are chosen by who creates the mailbox, never by #ifdef: comm_serial.c (one
 * rank), comm_threads.c (ranks as threads of one process), comm_mpi.c (linked into a_backup-mpi
 * only).  A mailbox belongs to its rank's main thread; only that thread may call anything here
 * (MPI_THREAD_FUNNELED).  Sending never blocks: a message that cannot leave yet is kept, and goes
 * out during later calls.
 */
#ifndef COMM_COMM_H
#define COMM_COMM_H
#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"

struct comm_msg {
	int from;
	uint32_t tag;
	struct buf data; /* owned by the receiver */
};

struct comm;
struct comm_vtable {
	void (*send)(struct comm *c, int to, uint32_t tag, struct buf *data);
	bool (*poll)(struct comm *c, struct comm_msg *m);
	void (*idle)(struct comm *c, struct loop *l, int64_t max_ns);
	bool (*sent)(struct comm *c);
	void (*free)(struct comm *c);
};
struct comm {
	const struct comm_vtable *vt;
	int rank, size;
};

/*
 * comm_send(c, to, tag, data): takes the contents of data (NULL: empty).  To oneself is fine.  At
 * most COMM_MAX bytes; a buffer that has overflowed is refused by assert.  The tag UINT32_MAX is
 * the mailbox's own.
 */
#define COMM_MAX ((size_t)1 << 30)
void comm_send(struct comm *c, int to, uint32_t tag, struct buf *data);

/* comm_poll(c, m): the next message that has arrived, or false. */
bool comm_poll(struct comm *c, struct comm_msg *m);

/*
 * comm_idle(c, l, max_ns): nothing to do: sleep until a message arrives, something is posted to or
 * due on the loop, or max_ns have passed
 * (< 0: no limit).  May return early.  Where arrival can only be polled (MPI) the sleep starts
 * short and grows while nothing happens, so that a waiting rank costs next to nothing.
 */
void comm_idle(struct comm *c, struct loop *l, int64_t max_ns);

/*
 * comm_sent(c): everything sent has left this rank's memory, because its receivers have taken it
 * (comm_poll).  For senders of much: wait for it now and then.
 */
bool comm_sent(struct comm *c);

/*
 * comm_free: NULL is fine.  The MPI mailbox waits, without spinning, until all ranks are here and
 * all that was sent has left; what arrives meanwhile is dropped.
 */
void comm_free(struct comm *c);

struct comm *comm_serial_new(void);

/*
 * comm_threads_new(n, out): n mailboxes out[0 … n-1].  Each is freed by its rank; letters to a
 * freed mailbox are dropped. comm_threads_bind(c, l): letters also wake loop_wait(l) called by
 * others than comm_idle, which needs no binding; l must live until comm_free or bind NULL.
 */
void comm_threads_new(int n, struct comm **out);
void comm_threads_bind(struct comm *c, struct loop *l);

/*
 * comm_launched(env): what launchers say in the environment of a task (PMIX_RANK,
 * OMPI_COMM_WORLD_…, PMI_…, SLURM_…).  Which of several tasks this is, is said by the innermost of
 * nested launchers.  comm_launch.c
 */
struct comm_launch {
	int tasks;  /* started beside each other; 1: by no launcher */
	int task;   /* this one: 0 … tasks - 1 */
	bool sure;  /* tasks is known; else there may be fewer or more: PMIx alone tells no size */
	bool slurm; /* srun started them and no mpirun */
	bool strangers; /* nothing that MPI could use tells them of each other */
};
struct comm_launch comm_launched(const char *(*env)(const char *name));

#endif
