/*
 * restore_content: one file's bytes on their way into the file system, by workers; several may
 * write to one file at once.
 */
#ifndef ENGINE_RESTORE_CONTENT_H
#define ENGINE_RESTORE_CONTENT_H
#include "engine/restore_window.h"
#include "repo/repo.h"

/* restore_content_fail: this file cannot be restored; the first reason counts. */
void restore_content_fail(struct restore_file *f, const struct err *e);

/*
 * restore_content_compare: an existing file: uses that it has already become `done`; when it has
 * all of them and no byte more, it is unchanged and only gets its metadata.  In a dry run nothing
 * is touched.
 */
void restore_content_compare(struct restore_file *f, struct repo_ctx *ctx);
/* restore_content_range: likewise, of a range of a file that is not finished. */
void restore_content_range(struct restore_file *f, struct repo_ctx *ctx);
/* restore_content_has: the open file, which is *m, has f's content and nothing more; which of its
 * uses it has is in `done`. */
bool restore_content_has(struct restore_file *f, int fd, const struct meta *m,
	struct repo_ctx *ctx);
/* restore_content_drop: what lies there has none of its uses.  restore_content_empty: a file
 * without content. */
void restore_content_drop(struct restore_file *f);
void restore_content_empty(struct restore_file *f);

/* restore_content_write: a use's plaintext; true when it is in the file.  restore_content_lose: it
 * cannot be had. */
bool restore_content_write(struct restore_use *u, const uint8_t *p, size_t n);
void restore_content_lose(struct restore_use *u, const struct err *e);

/* restore_content_verify: the uses first … end-1 of the file, read again. */
void restore_content_verify(struct restore_file *f, size_t first, size_t end, struct repo_ctx *ctx);

#endif
