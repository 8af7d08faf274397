#include "cmd/session.h"
#include "base/mem.h"
#include "base/whoami.h"
#include "kern/crypto.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_MARGIN_S                                                                             \
	300 /* before a token's end, or a quarter of its life: to store what is under way and      \
	       remove the lock */
#define TOKEN_FAR 100000000 /* seconds; nobody waits so long */

void session_init(struct session *s, struct cmd *cmd, struct comm *comm)
{
	*s = (struct session){.cmd = cmd, .opts = &cmd->opts, .comm = comm};
	pthread_mutex_init(&s->lost_lock, NULL);
	s->hostname = whoami_host();
	s->zone = zone_new(cmd->env("TZ"));
	env_init(&s->env);
	s->env.node = s->hostname;
	s->env.zone = s->zone;
	s->env.log = out_log(cmd->out);
	s->env.rescue = stop_rescue(cmd->stop);
	stop_add_loop(cmd->stop, s->env.loop);
	s->router = router_new(comm, &s->env);
	s->agree = agree_new(s->router);
	s->tokens = tokens_new(s->router);
	s->username = whoami_user();
}

void session_zone(struct session *s, struct zone *z)
{
	zone_free(s->zone);
	s->zone = z;
	s->env.zone = z;
}

void session_release(struct session *s)
{
	reader_free(s->reader);
	loader_free(s->loader);
	catalog_free(s->catalog);
	snapshots_release(&s->snaps);
	opening_unlock(&s->open);
	loop_cancel(s->env.loop, &s->token_ends);
	env_stop(&s->env);
	tokens_stop(s->tokens);
	opening_close(&s->open);
	loop_run(s->env.loop);
	tokens_free(s->tokens);
	agree_free(s->agree);
	router_free(s->router);
	stop_drop_loop(s->cmd->stop, s->env.loop);
	env_release(&s->env);
	zone_free(s->zone);
	if (s->location)
		mem_wipe(s->location, strlen(s->location));
	mem_free(s->location);
	allas_release(&s->allas);
	opts_release(&s->received);
	mem_free(s->hostname);
	mem_free(s->username);
	pthread_mutex_destroy(&s->lost_lock);
}

int session_settings(struct session *s, struct err *err)
{
	int rc;

	if (s->settled)
		return 0;
	rc = settings_read(&s->set, s->opts, s->cmd->env, s->cmd->ranks, err);
	if (rc)
		return rc;
	s->settled = true;
	stop_limit(s->cmd->stop, s->set.stop_ns);
	return 0;
}

int session_start(struct session *s, struct err *err)
{
	int rc = crypto_ready(err);

	if (!rc)
		rc = session_settings(s, err);
	if (!rc)
		env_start(&s->env, s->set.workers, s->set.readers, s->set.budget);
	return rc;
}

static void set_lost(struct session *s, const struct err *why)
{
	pthread_mutex_lock(&s->lost_lock);
	if (!s->lost.code)
		err_copy(&s->lost, why);
	pthread_mutex_unlock(&s->lost_lock);
}

void session_lock_lost(void *arg, const struct err *why)
{
	struct session *s = arg;
	struct err e = {0};

	/* Not ERR_LOCKED: exit code 11 tells a script that it may simply try again later. */
	err_set(&e, ERR_IO, "the lock on the repository was lost, so the run had to end: %s",
		why->msg);
	set_lost(s, &e);
	stop_lost(s->cmd->stop);
}

static void on_token_ends(struct task *t)
{
	struct session *s = task_of(t, struct session, token_ends);
	struct err e = {0};

	err_set(&e, ERR_DENIED,
		"the Swift token dies soon, so the run had to end; what it has stored is "
		"kept. " SWIFT_GO_ON);
	set_lost(s, &e);
	/* What is on its way by then, on all ranks, the index and the lock need the rest. */
	stop_early(s->cmd->stop, STOP_TOKEN, s->token_left / 4);
}

void session_watch_token(struct session *s)
{
	struct ts now = clock_now(s->env.clock);
	int64_t left, margin, second = 1000000000;
	struct ts got, end;

	if (!s->open.keeper || !swift_keeper_end(s->open.keeper, &got, &end) ||
		end.sec - now.sec > TOKEN_FAR)
		return;
	left = (end.sec - now.sec) * second + end.nsec - now.nsec;
	margin = (end.sec - got.sec) * second / 4;
	if (margin > TOKEN_MARGIN_S * second)
		margin = TOKEN_MARGIN_S * second;
	if (margin > left)
		margin = left > 0 ? left : 0;
	s->token_left = margin;
	s->token_ends.done = on_token_ends;
	loop_after(s->env.loop, left - margin, &s->token_ends);
}

int session_lost(struct session *s, int rc, struct err *err)
{
	pthread_mutex_lock(&s->lost_lock);
	if (s->lost.code && rc)
		rc = err_copy(err, &s->lost);
	pthread_mutex_unlock(&s->lost_lock);
	return rc;
}

bool session_stopped(const struct session *s)
{
	return stop_requested(s->cmd->stop);
}

struct lock_owner session_owner(const struct session *s)
{
	struct lock_owner who = {.hostname = s->hostname,
		.username = s->username,
		.uid = getuid(),
		.gid = getgid(),
		.pid = (uint64_t)getpid()};

	return who;
}