/*
 * path: lexical work on paths as Go's path/filepath does it on Unix (no file is touched).  All
 * results are heap strings owned by the caller.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H
#include <stdbool.h>
#include <stddef.h>

/* collapse //, drop ., resolve x/.., /.. = /, empty = . */
char *path_clean(const char *p);
char *path_join(const char *a, const char *b);  /* clean(a/b); an empty part is left out */
char *path_abs(const char *cwd, const char *p); /* clean(p) if absolute, else clean(cwd/p) */

#endif
