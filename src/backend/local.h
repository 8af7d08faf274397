/* local: a repository in a directory (docs/format.md 1). */
#ifndef BACKEND_LOCAL_H
#define BACKEND_LOCAL_H
#include "backend/backend.h"

/* connections 0: as many as make sense */
struct backend *backend_local_new(const char *path, unsigned connections);

#endif
