#include "base/cores.h"
#include "base/loop.h"
#include "base/mem.h"
#include "unit/check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct item {
	struct task task;
	int number;
	pthread_t ran_on;
	struct jobs *jobs;
};

static atomic_int ran;
static int done_count, order[2000];
static atomic_int n_order;

static void work(struct task *t)
{
	struct item *i = task_of(t, struct item, task);

	i->ran_on = pthread_self();
	order[atomic_fetch_add(&n_order, 1)] = i->number;
	atomic_fetch_add(&ran, 1);
}

static void done(struct task *t)
{
	(void)t;
	done_count++;
}

static void pump(struct loop *l, int n)
{
	while (done_count < n) {
		loop_wait(l, -1);
		loop_run(l);
	}
}

TEST(everything_comes_back)
{
	struct loop *l = loop_new();
	struct jobs *j = jobs_new(3, l, "test");
	struct item *items = mem_array(2000, sizeof(*items));

	done_count = 0;
	atomic_store(&ran, 0);
	atomic_store(&n_order, 0);
	CHECK_EQ(jobs_threads(j), 3);
	for (int i = 0; i < 2000; i++) {
		items[i] = (struct item){.task = {.run = work, .done = done}, .number = i};
		jobs_put(j, &items[i].task);
		if (i % 500 == 0)
			usleep(1000);
	}
	pump(l, 2000);
	CHECK_EQ(atomic_load(&ran), 2000);
	for (int i = 0; i < 2000; i++)
		CHECK(!pthread_equal(items[i].ran_on, pthread_self()));
	jobs_free(j);
	jobs_free(NULL);
	mem_free(items);
	loop_free(l);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_at_gate(struct task *t)
{
	(void)t;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
}

TEST(front_and_free)
{
	struct loop *l = loop_new();
	struct jobs *j = jobs_new(1, l, "a name longer than the system's limit");
	struct item first = {.task = {.run = wait_at_gate, .done = done}}, items[4];

	done_count = 0;
	atomic_store(&n_order, 0);
	pthread_mutex_lock(&gate);
	jobs_put(j, &first.task);
	usleep(2000);
	for (int i = 0; i < 4; i++) {
		items[i] = (struct item){.task = {.run = work, .done = done}, .number = i};
		if (i < 2)
			jobs_put(j, &items[i].task);
		else
			jobs_put_front(j, &items[i].task);
	}
	pthread_mutex_unlock(&gate);
	/* Freeing runs what is queued; done() is still due. */
	jobs_free(j);
	CHECK_EQ(atomic_load(&n_order), 4);
	CHECK_EQ(order[0], 3);
	CHECK_EQ(order[1], 2);
	CHECK_EQ(order[2], 0);
	CHECK_EQ(order[3], 1);
	CHECK_EQ(done_count, 0);
	loop_run(l);
	CHECK_EQ(done_count, 5);
	loop_free(l);
}

static atomic_int inline_done;

static void done_anywhere(struct task *t)
{
	(void)t;
	atomic_fetch_add(&inline_done, 1);
}

static void put_another(struct task *t)
{
	struct item *i = task_of(t, struct item, task);

	if (i->number > 0)
		jobs_put_front(i->jobs, &i[1].task);
}

TEST(without_a_loop_and_from_a_worker)
{
	struct jobs *j = jobs_new(0, NULL, "x");
	struct item items[10];

	CHECK_EQ(jobs_threads(j), 1);
	for (int i = 0; i < 10; i++)
		items[i] = (struct item){.task = {.run = put_another, .done = done_anywhere},
			.number = 9 - i,
			.jobs = j};
	jobs_put(j, &items[0].task);
	jobs_free(j);
	CHECK_EQ(atomic_load(&inline_done), 10);
}

static void file(const char *dir, const char *name, const char *text)
{
	char *path = mem_printf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	REQUIRE(f && fputs(text, f) >= 0 && fclose(f) == 0);
	mem_free(path);
}

TEST(cores)
{
	const char *d = check_tmpdir();
	char *cmd = mem_printf("mkdir -p %s/job/step %s/cpu/box", d, d),
	     *list = mem_printf("%s/list", d);

	CHECK(jobs_cores() >= 1);
	CHECK(jobs_cores() <= cores_affinity());
	REQUIRE(system(cmd) == 0);
	file(d, "list", "0::/job/step\n");
	CHECK_EQ(cores_quota(list, d), 0);
	file(d, "job/step/cpu.max", "max 100000\n");
	CHECK_EQ(cores_quota(list, d), 0);
	file(d, "job/cpu.max", "250000 100000\n");
	CHECK_EQ(cores_quota(list, d), 3);
	file(d, "job/step/cpu.max", "100000 100000\n");
	CHECK_EQ(cores_quota(list, d), 1);
	file(d, "list", "4:memory:/box\n5:cpu,cpuacct:/box\n");
	file(d, "cpu/box/cpu.cfs_quota_us", "-1\n");
	file(d, "cpu/box/cpu.cfs_period_us", "100000\n");
	CHECK_EQ(cores_quota(list, d), 0);
	file(d, "cpu/box/cpu.cfs_quota_us", "400000\n");
	CHECK_EQ(cores_quota(list, d), 4);
	file(d, "list", "rubbish\n7:cpuset:/box\n");
	CHECK_EQ(cores_quota(list, d), 0);
	CHECK_EQ(cores_quota("/nonexistent", d), 0);
	mem_free(cmd);
	mem_free(list);
}
