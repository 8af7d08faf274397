/* whoami: what this machine and this process's user are called, for locks and snapshots. */
#ifndef BASE_WHOAMI_H
#define BASE_WHOAMI_H

/* Owned strings: "localhost" and "" where nobody knows. */
char *whoami_host(void);
char *whoami_user(void);

#endif
