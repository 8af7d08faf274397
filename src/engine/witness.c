#include "engine/witness.h"
#include "base/loop.h"
#include "base/mem.h"
#include "engine/sight.h"
#include "fs/dir.h"
#include "fs/xattr.h"
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/*
 * ASK: u64 number, the sight, the path, u8 kinds of attributes + 1 (0: not asked), the asker's own
 * names of user and group, the node. ANSWER: u64 number, u8 bit 0: rank 0 saw that file, so what it
 * says holds from now on; the names of user and group.  An empty name is none.
 */
struct question {
	struct task task;
	struct witness *w;
	struct question *next;
	uint64_t number;
	struct sight seen;
	unsigned kinds;
	char *path;
	char *user, *group; /* ours; then rank 0's */
	char *node;         /* on rank 0 */
	int from;
	bool done, sure;
	struct err err;
};

struct witness {
	struct router *r;
	unsigned ask_tag, answer_tag;
	struct owners *owners, *mine; /* mine: what this node calls them */
	char *node;
	void (*failed)(void *arg, const struct err *e);
	void *arg;
	struct jobs *jobs; /* rank 0: its looking must not wait behind its reading */
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct question *waiting;
	uint64_t next;
	bool cancelled;
	uint64_t *device; /* that rank 0 was asked about */
	size_t devices;
};

static void put_name(struct buf *b, const char *s)
{
	wire_put_bytes(b, s ? s : "", s ? strlen(s) : 0);
}

static char *get_name(struct wire_in *in)
{
	size_t n;
	const uint8_t *p = wire_bytes(in, &n);

	return n ? mem_strndup((const char *)p, n) : NULL;
}

static void question_free(struct question *q)
{
	mem_free(q->path);
	mem_free(q->user);
	mem_free(q->group);
	mem_free(q->node);
	mem_free(q);
}

/* ---- rank 0 ---- */

static void look(struct task *t)
{
	struct question *q = task_of(t, struct question, task);
	struct witness *w = q->w;
	struct meta m;
	int fd;

	owners_user(w->owners, q->seen.uid);
	owners_group(w->owners, q->seen.gid);
	owners_offer(w->owners, q->seen.uid, q->user, q->seen.gid, q->group, false);
	if (dir_stat(q->path, &m, NULL) < 0)
		return;      /* it went meanwhile; there will be another one */
	m.dev = q->seen.dev; /* what numbers stand for was compared when the run began */
	q->sure = sight_compare(&q->seen, &m) != SIGHT_OLDER &&
		  ts_cmp(&q->seen.ctime, &m.ctime) == 0;
	if (!q->sure || sight_agree(&q->seen, q->node, &m, q->path, &q->err) < 0 || !q->kinds)
		return;
	fd = dir_open(q->path, true, NULL);
	if (fd >= 0 && xattr_kinds_differ(q->kinds - 1, xattr_kinds(fd)))
		err_set(&q->err, ERR_IO,
			"%.600s: %.200s and rank 0 do not see the same kinds of extended "
			"attributes there: the file system is mounted "
			"otherwise",
			q->path, q->node);
	if (fd >= 0)
		close(fd);
}

static void looked(struct task *t)
{
	struct question *q = task_of(t, struct question, task);
	struct witness *w = q->w;
	struct buf m;

	if (w->cancelled) {
		question_free(q);
		return;
	}
	if (q->err.code)
		w->failed(w->arg, &q->err);
	buf_init(&m, COMM_MAX);
	wire_put_u64(&m, q->number);
	wire_put_u8(&m, q->sure);
	put_name(&m, owners_user(w->owners, q->seen.uid));
	put_name(&m, owners_group(w->owners, q->seen.gid));
	router_send(w->r, q->from, w->answer_tag, &m);
	question_free(q);
}

static void on_ask(void *arg, struct comm_msg *msg)
{
	struct witness *w = arg;
	struct question *q = mem_zalloc(sizeof(*q));
	struct wire_in in;

	wire_in_init(&in, msg->data.p, msg->data.len);
	q->task = (struct task){.run = look, .done = looked};
	q->w = w;
	q->from = msg->from;
	q->number = wire_u64(&in);
	sight_get(&in, &q->seen);
	q->path = get_name(&in);
	q->kinds = wire_u8(&in);
	q->user = get_name(&in);
	q->group = get_name(&in);
	q->node = get_name(&in);
	if (!wire_done(&in) || !q->path || !q->node) {
		err_set(&q->err, ERR_INVALID, "a damaged question from rank %d", msg->from);
		w->failed(w->arg, &q->err);
		question_free(q);
		return;
	}
	jobs_put(w->jobs, &q->task);
}

/* ---- the others ---- */

/* On the loop: only it may send. */
static void send_question(struct task *t)
{
	struct question *q = task_of(t, struct question, task);
	struct witness *w = q->w;
	struct buf m;

	buf_init(&m, COMM_MAX);
	wire_put_u64(&m, q->number);
	sight_put(&m, &q->seen);
	put_name(&m, q->path);
	wire_put_u8(&m, (uint8_t)q->kinds);
	put_name(&m, q->user);
	put_name(&m, q->group);
	put_name(&m, w->node);
	question_free(q);
	router_send(w->r, 0, w->ask_tag, &m);
}

static void on_answer(void *arg, struct comm_msg *msg)
{
	struct witness *w = arg;
	struct wire_in in;
	uint64_t number;
	bool sure;
	char *user, *group;

	wire_in_init(&in, msg->data.p, msg->data.len);
	number = wire_u64(&in);
	sure = wire_u8(&in);
	user = get_name(&in);
	group = get_name(&in);
	pthread_mutex_lock(&w->lock);
	for (struct question *q = w->waiting; q; q = q->next) {
		if (q->number != number || in.bad)
			continue;
		q->done = true;
		q->sure = sure;
		q->user = user;
		q->group = group;
		user = group = NULL;
	}
	pthread_cond_broadcast(&w->answered);
	pthread_mutex_unlock(&w->lock);
	mem_free(user);
	mem_free(group);
}

static void unlink_question(struct witness *w, const struct question *q)
{
	struct question **at = &w->waiting;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
}

/* Waits for the answer; true when rank 0 saw the same file.  kinds: as in the message. */
static bool ask(struct witness *w, const struct meta *m, const char *path, unsigned kinds)
{
	struct question here = {.w = w}, *q = mem_zalloc(sizeof(*q));
	const char *user = owners_user(w->mine, m->uid), *group = owners_group(w->mine, m->gid);

	q->task = (struct task){.done = send_question};
	q->w = w;
	sight_of(&q->seen, m);
	q->kinds = kinds;
	q->path = mem_strdup(path);
	q->user = user ? mem_strdup(user) : NULL;
	q->group = group ? mem_strdup(group) : NULL;
	pthread_mutex_lock(&w->lock);
	if (w->cancelled) {
		pthread_mutex_unlock(&w->lock);
		question_free(q);
		return false;
	}
	q->number = here.number = w->next++;
	here.next = w->waiting;
	w->waiting = &here;
	loop_post(router_loop(w->r), &q->task);
	while (!here.done && !w->cancelled)
		pthread_cond_wait(&w->answered, &w->lock);
	unlink_question(w, &here);
	pthread_mutex_unlock(&w->lock);
	if (here.done)
		owners_offer(w->owners, m->uid, here.user, m->gid, here.group, here.sure);
	mem_free(here.user);
	mem_free(here.group);
	return here.sure;
}

/* What the kernel shows for an owner that it cannot name. */
static bool is_nobody(const struct meta *m)
{
	const uint32_t nobody = 65534, minus_two = UINT32_MAX - 1;

	return m->uid == nobody || m->gid == nobody || m->uid == minus_two || m->gid == minus_two;
}

bool witness_news(struct witness *w, struct witness_last *last, const struct meta *m)
{
	bool nobody, news;

	if (!w || !w->mine || (last->any && last->uid == m->uid && last->gid == m->gid))
		return false;
	nobody = is_nobody(m);
	news = nobody ? !last->nobody : !owners_settled(w->owners, m->uid, m->gid);
	*last = (struct witness_last){true, last->nobody || nobody, m->uid, m->gid};
	return news;
}

void witness_owner(struct witness *w, const struct meta *m, const char *path)
{
	ask(w, m, path, 0);
}

static bool device_known(struct witness *w, uint64_t dev)
{
	bool known = false;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->devices && !known; i++)
		known = w->device[i] == dev;
	pthread_mutex_unlock(&w->lock);
	return known;
}

static void device_add(struct witness *w, uint64_t dev)
{
	pthread_mutex_lock(&w->lock);
	w->device = mem_regrow(w->device, w->devices + 1, sizeof(*w->device));
	w->device[w->devices++] = dev;
	pthread_mutex_unlock(&w->lock);
}

void witness_directory(struct witness *w, struct witness_last *last, int fd, const struct meta *m,
	const char *path)
{
	bool news = witness_news(w, last, m);

	if (!w || !w->mine)
		return;
	if (device_known(w, m->dev)) {
		if (news)
			ask(w, m, path, 0);
	} else if (ask(w, m, path, xattr_kinds(fd) + 1)) {
		device_add(w, m->dev);
	}
}

void witness_cancel(struct witness *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->cancelled = true;
	pthread_cond_broadcast(&w->answered);
	pthread_mutex_unlock(&w->lock);
}

struct witness *witness_new(struct router *r, unsigned ask_tag, unsigned answer_tag,
	struct owners *owners, const char *node, void (*failed)(void *arg, const struct err *e),
	void *arg)
{
	struct witness *w = mem_zalloc(sizeof(*w));

	w->r = r;
	w->ask_tag = ask_tag;
	w->answer_tag = answer_tag;
	w->owners = owners;
	w->failed = failed;
	w->arg = arg;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->answered, NULL);
	if (router_rank(r) == 0) {
		w->jobs = jobs_new(1, router_loop(r), "witness");
		router_on(r, ask_tag, on_ask, w);
	} else {
		w->mine = owners_new();
		w->node = mem_printf("rank %d%s%s", router_rank(r), node ? " on " : "",
			node ? node : "");
		router_on(r, answer_tag, on_answer, w);
	}
	return w;
}

void witness_free(struct witness *w)
{
	if (!w)
		return;
	router_on(w->r, w->ask_tag, NULL, NULL);
	router_on(w->r, w->answer_tag, NULL, NULL);
	/* Who asked has gone, but what was asked may still be looked at. */
	w->cancelled = true;
	jobs_free(w->jobs);
	loop_run(router_loop(w->r));
	owners_free(w->mine);
	mem_free(w->node);
	mem_free(w->device);
	pthread_cond_destroy(&w->answered);
	pthread_mutex_destroy(&w->lock);
	mem_free(w);
}
