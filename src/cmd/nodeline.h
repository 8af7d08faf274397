/*
 * nodeline: one node of a tree, or a snapshot's head, as the commands files and find show them
 * (docs/format.md 13.4, 13.5).  Appends; prints nothing.
 */
#ifndef CMD_NODELINE_H
#define CMD_NODELINE_H
#include "cmd/out.h"
#include "format/node.h"
#include "format/snapshot.h"

/* nodeline_text: the path; like `ls -l`; with sizes like "1.500 KiB".  o: whether it goes to a
 * terminal. */
enum nodeline_style { NODELINE_PATH, NODELINE_LONG, NODELINE_HUMAN };
static inline enum nodeline_style nodeline_style(bool with_meta, bool human)
{
	return !with_meta ? NODELINE_PATH : human ? NODELINE_HUMAN : NODELINE_LONG;
}
void nodeline_text(const struct out *o, struct buf *b, const struct node *n, const char *path,
	size_t len, enum nodeline_style style, const struct zone *z);
/* restic ls --json */
void nodeline_files(struct buf *b, const struct node *n, const char *path, size_t len,
	const struct zone *z);
/* restic ls --ncdu: https://dev.yorhel.nl/ncdu/jsonfmt */
void nodeline_ncdu(struct buf *b, const struct node *n);
/* restic find --json */
void nodeline_find(struct buf *b, const struct node *n, const char *path, size_t len,
	const struct zone *z);

/* nodeline_object: a blob or, without a parent, a tree that lies at this path: restic find --blob
 * --json. */
void nodeline_object(struct buf *b, const struct id *id, const char *path, size_t len,
	const struct id *parent, const struct snapshot *s);

/* nodeline_snapshot: the object of a snapshot with id and short_id; `ls`: with the two members that
 * mark it in `ls --json`. */
void nodeline_snapshot(struct buf *b, const struct snapshot *s, bool ls);
/* nodeline_head: "snapshot ab12cd34 of [/x] at TIME by user@host". */
void nodeline_head(const struct out *o, struct buf *b, const struct snapshot *s);

#endif
