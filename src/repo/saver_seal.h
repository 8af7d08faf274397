/*
 * saver_seal: one blob from its plaintext into a pack: compressed where that helps, sealed right
 * where it lies, and opened again and compared (repo->verify).  Workers.
 */
#ifndef REPO_SAVER_SEAL_H
#define REPO_SAVER_SEAL_H
#include "repo/saver.h"

/* saver_seal: raw: data that does not shrink is stored as it is.  ctx's scratch buffers are
 * overwritten.  added: what was stored is added to it. */
int saver_seal(struct repo *r, struct packer *to, struct repo_ctx *ctx, enum blob_type type,
	const struct id *id, const struct buf *plain, bool raw, struct saver_stats *added,
	struct err *err);

/* saver_count: to `added`: b, whose plaintext has n bytes, was stored. */
void saver_count(const struct blob *b, size_t n, struct saver_stats *added);

#endif
