/* help: the main screen, or a command's; also what --help of a command prints. */
#include "cmd/cmd.h"
#include "cmd/help.h"

void cmd_help(const struct cmd *c)
{
	const struct opts *o = &c->opts;
	const struct verb_def *v = o->verb_given ? o->verb : NULL;
	struct buf b;

	if (v && v->words == VERB_COMMANDS)
		v = opts_about(o, c->verbs);
	buf_init(&b, SIZE_MAX / 2);
	if (v && v->words != VERB_COMMANDS)
		help_verb(v, &b);
	else
		help_main(c->verbs, &b);
	out_result(c->out, b.p, b.len);
	buf_release(&b);
}
