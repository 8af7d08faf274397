/* files: small trees of files for tests, by paths relative to a folder. */
#ifndef LIB_FILES_H
#define LIB_FILES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* files_dir: the folder check_tmpdir()/name, made anew; owned. */
char *files_dir(const char *name);

/* All take a folder and a path below it, and end the program when the file system refuses. */
/* with those above it */
void files_mkdir(const char *dir, const char *path);
/* a new file with these bytes */
void files_write(const char *dir, const char *path, const void *p, size_t n);
void files_text(const char *dir, const char *path, const char *text);
/* bytes that do not repeat */
void files_random(const char *dir, const char *path, size_t n, uint64_t seed);
void files_link(const char *dir, const char *path, const char *target); /* a symbolic link */
void files_mtime(const char *dir, const char *path, int64_t sec);
bool files_there(const char *dir, const char *path); /* lstat */
/* lstat; all zero when it is not there */
struct stat files_stat(const char *dir, const char *path);
/* it can be read and holds this */
bool files_has(const char *dir, const char *path, const char *text);

/* files_read: the contents, owned, with a 0 behind them; NULL if it cannot be read.  n may be NULL.
 */
char *files_read(const char *dir, const char *path, size_t *n);
/* files_same: both are there and have equal contents. */
bool files_same(const char *dir, const char *path, const char *dir2, const char *path2);

/* files_differ: how many files below the two folders differ in type, mode, time, links, content or
 * by not being there; says which. */
size_t files_differ(const char *a, const char *b);

/* files_count: how many files and directories lie below. */
size_t files_count(const char *dir);

/* files_fds: descriptors this process has open. */
size_t files_fds(void);

#endif
