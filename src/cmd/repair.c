#include "cmd/repair.h"

static void say(void *arg, const char *sentence)
{
	const struct session *s = arg;

	out_say(s->cmd->out, 1, "%s", sentence);
}

static void found(void *arg, const char *sentence)
{
	const struct session *s = arg;

	out_warn(s->cmd->out, "%s", sentence);
}

static bool stopped(void *arg)
{
	return session_stopped(arg);
}

struct repair_events repair_events(struct session *s)
{
	return (struct repair_events){.say = say, .found = found, .stopped = stopped, .arg = s};
}

int repair_index(struct session *s, const struct repair_index_options *o, struct err *err)
{
	struct repair_events ev = repair_events(s);
	struct repair_index_result res;

	return session_lost(s, repair_index_run(s->open.repo, o, &ev, &res, err), err);
}
