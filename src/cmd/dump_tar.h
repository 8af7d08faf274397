/*
 * dump_tar: the headers of a POSIX.1-2001 (pax) archive, for dump.  Pure: appends to a buffer.
 *
 * Extended attributes are written as SCHILY.xattr.*, POSIX ACLs as text in SCHILY.acl.access and
 * .default (docs/format.md 13.10).
 */
#ifndef CMD_DUMP_TAR_H
#define CMD_DUMP_TAR_H
#include "base/buf.h"
#include "format/node.h"

/*
 * dump_tar_header: what stands before an entry's contents.  `path` without a leading '/'.  first:
 * NULL, or the path of another name of this file that is in the archive already: then this one is a
 * hard link and has no contents.  False: this type has no place in an archive (sockets).
 */
bool dump_tar_header(struct buf *out, const struct node *n, const char *path, size_t len,
	const char *first);
void dump_tar_pad(struct buf *out, uint64_t size); /* behind contents of so many bytes */
void dump_tar_end(struct buf *out);

/* dump_tar_acl: a system.posix_acl_* value as text "user::rw-,…"; false when it is none. */
bool dump_tar_acl(struct buf *out, const void *value, size_t n);

#endif
