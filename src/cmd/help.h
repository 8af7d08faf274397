/* help: the help screens, made from the option table; each fits a terminal of 80 x 24.  Prints
 * nothing. */
#ifndef CMD_HELP_H
#define CMD_HELP_H
#include "cmd/opt.h"

void help_main(struct buf *out);
void help_verb(enum verb v, struct buf *out);

#endif
