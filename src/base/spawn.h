/* spawn: other programs, whose output is read. */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H
#include <sys/types.h>

/*
 * spawn_reading: starts argv[0], looked for in $PATH, with env (NULL: this process's), nothing to
 * read, and signals as a shell would give it.  *fd: what it writes to its standard output, owned.
 * 0, then the caller waits for *pid (spawn_wait); else an errno.  Any thread.
 */
int spawn_reading(char *const *argv, char *const *env, int *fd, pid_t *pid);
int spawn_wait(pid_t pid); /* its status as of waitpid(2) */

#endif
