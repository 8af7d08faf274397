/*
 * location: a restic repository location split into its parts (docs/format.md 16).  Lexical only.
 *
 * "/path", "./x", "local:/path": local.  "s3:…", "swift:…", "rest:…": known schemes (their backends
 * come with the network rooms).  Another "word:" is ERR_USAGE.
 */
#ifndef BACKEND_LOCATION_H
#define BACKEND_LOCATION_H
#include "base/err.h"

enum location_scheme { LOCATION_LOCAL, LOCATION_S3, LOCATION_SWIFT, LOCATION_REST };

struct location {
	enum location_scheme scheme;
	char *rest; /* what follows the scheme; a local path as given */
};
int location_parse(struct location *l, const char *s, struct err *err);
void location_release(struct location *l);

/* location_text(s): for messages: as given, but a password in it is ***; owned. */
char *location_text(const char *s);

#endif
