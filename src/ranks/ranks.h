/*
 * ranks: several ranks as threads of this process.  With one rank it is a plain call.
 */
#ifndef RANKS_RANKS_H
#define RANKS_RANKS_H
#include "comm/comm.h"

/*
 * ranks_run(n, fn, arg): n - 1 threads and the caller, which is rank 0, each call fn(arg, its
 * mailbox) and free the mailbox afterwards. Returns the largest result, or ERR_NOMEM when the
 * system does not give the threads: then fn ran nowhere.
 */
int ranks_run(int n, int (*fn)(void *arg, struct comm *c), void *arg);

#endif
