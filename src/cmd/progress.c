#include "cmd/progress.h"
#include <stdarg.h>
#include <stdio.h>

void progress_init(struct progress *p, struct session *s)
{
	struct out *o = s->cmd->out;
	double fps = s->set.fps;
	bool wanted = out_verbosity(o) > 0 && (out_terminal(o) || out_json(o) || fps > 0);

	*p = (struct progress){.s = s, .start = clock_mono(s->env.clock)};
	p->last = p->start;
	p->lines = !out_terminal(o) && fps > 0;
	/* Ten times a second for a person; once for a program that said nothing. */
	if (fps <= 0)
		fps = out_terminal(o) ? 10 : 1;
	p->pause = wanted ? (int64_t)(1e9 / fps) : -1;
}

bool progress_due(struct progress *p)
{
	int64_t now = clock_mono(p->s->env.clock);

	p->asked = stop_asks(p->s->cmd->stop);
	if (!p->asked && (p->pause < 0 || now - p->last < p->pause))
		return false;
	p->last = now;
	return true;
}

double progress_seconds(const struct progress *p)
{
	return (double)(clock_mono(p->s->env.clock) - p->start) / 1e9;
}

void progress_show(struct progress *p, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	out_status(p->s->cmd->out, text, p->lines || p->asked);
}

void progress_end(struct progress *p)
{
	out_status(p->s->cmd->out, "", false);
}
