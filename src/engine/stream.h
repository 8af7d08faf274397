/*
 * stream: bytes and the contents of files, written in the order they were put in; the blobs are
 * fetched ahead, several at a time.
 *
 * A store answers in tens of milliseconds: asked for one blob after the other, a dump would see a
 * few MiB a second.  Loop thread only; the functions run env->loop.  The first failure ends it:
 * from then on each function returns it and nothing more is written.
 */
#ifndef ENGINE_STREAM_H
#define ENGINE_STREAM_H
#include "format/node.h"
#include "repo/reader.h"

/* stream_write_fn: false: nothing more is wanted (the reader is gone, or a signal came): the stream
 * fails with ERR_CANCELLED. */
typedef bool stream_write_fn(void *arg, const void *p, size_t n);

struct stream;
/* stream_new: borrows both.  ahead: requests that may be on their way or wait for their turn, at
 * least 1, each of some small blobs or a large one. */
struct stream *stream_new(struct reader *rd, struct loop *loop, size_t ahead,
	stream_write_fn *write, void *arg);
void stream_free(struct stream *s); /* waits for what is on its way.  NULL is fine */

int stream_bytes(struct stream *s, struct buf *b, struct err *err); /* takes the contents */
/* stream_file: ERR_INVALID, later, when the contents are not of the size that the node says; `path`
 * is copied, for messages. */
int stream_file(struct stream *s, const struct node *n, const char *path, struct err *err);
int stream_end(struct stream *s, struct err *err); /* all is written */

#endif
