/*
 * curl_late: libcurl, loaded when the first network store is opened.  It brings some thirty
 * libraries, and loading them took longer than all else that a command on a local repository does
 * before it asks for the key.
 *
 * curl_late.c defines those of curl's functions that http.c calls, so http.c is written as for a
 * linked libcurl.
 */
#ifndef BACKEND_CURL_LATE_H
#define BACKEND_CURL_LATE_H
#include "base/err.h"

/*
 * curl_late(err): load and start libcurl; once a process, thread safe.  0, or ERR_UNSUPPORTED when
 * this machine has none.  Before it has returned 0 no function of curl may be called.
 */
int curl_late(struct err *err);

#endif
