/*
 * pyserver: tests/lib/http_server.py as a child of the test.
 */
#ifndef LIB_PYSERVER_H
#define LIB_PYSERVER_H
#include <sys/types.h>

struct pyserver {
	pid_t pid;
	int stdin_fd;
	int port; /* on 127.0.0.1 */
};

/* pyserver_start(cert, key, ca): files in PEM; all NULL: plain HTTP; with ca, clients need a
 * certificate.  Ends the test if it cannot. */
struct pyserver pyserver_start(const char *cert, const char *key, const char *ca);
void pyserver_stop(struct pyserver *s);

#endif
