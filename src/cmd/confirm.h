/* confirm: a question to a person. */
#ifndef CMD_CONFIRM_H
#define CMD_CONFIRM_H
#include <stdbool.h>

/* confirm: true when both are terminals and the answer is y or yes.  Nobody is asked in a batch
 * job: false. */
bool confirm(int fd_in, int fd_out, const char *question);

#endif
