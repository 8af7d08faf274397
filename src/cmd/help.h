/* help: the help screens, made from the tables of commands and options; each fits a terminal of 80
 * x 24.  Prints nothing. */
#ifndef CMD_HELP_H
#define CMD_HELP_H
#include "cmd/opt.h"

void help_main(const struct verbs *all, struct buf *out);
void help_verb(const struct verb_def *v, struct buf *out);

#endif
