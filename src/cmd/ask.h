/* ask: a question to a person. */
#ifndef CMD_ASK_H
#define CMD_ASK_H
#include <stdbool.h>

/* ask_yes: true when both are terminals and the answer is y or yes.  Nobody is asked in a batch job: false. */
bool ask_yes(int fd_in, int fd_out, const char *question);

#endif
