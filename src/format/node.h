/*
 * node: one entry of a tree (docs/format.md 10.1).
 *
 * All strings are (pointer, length), raw bytes, borrowed: from the caller when writing, from the
 * reader when reading (valid until its next call).
 */
#ifndef FORMAT_NODE_H
#define FORMAT_NODE_H
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json_in.h"
#include <sys/types.h>

enum node_type {
	NODE_FILE,
	NODE_DIR,
	NODE_SYMLINK,
	NODE_DEV,
	NODE_CHARDEV,
	NODE_FIFO,
	NODE_SOCKET,
	NODE_IRREGULAR,
	NODE_TYPES
};
const char *node_type_name(enum node_type t); /* "file", "dir", … */
int node_type_parse(const char *s, size_t n); /* the type, or ERR_INVALID */
mode_t node_type_bits(enum node_type t);      /* S_IFREG, … as in st_mode; 0: irregular */

struct str {
	const char *p; /* not 0-terminated */
	size_t n;
};

struct node_xattr {
	struct str name;
	struct str value;
	bool null; /* the value is JSON null */
};

struct node {
	struct str name;
	enum node_type type;
	uint32_t mode; /* Go FileMode bits */
	struct ts mtime, atime, ctime;
	uint32_t uid, gid;
	struct str user, group;
	uint64_t inode, device_id, size, links, device;
	struct str linktarget; /* raw; linktarget_raw is written as needed and has been applied when
				  read */
	const struct node_xattr *xattr;
	size_t n_xattr;
	const struct id *content; /* files */
	size_t n_content;
	bool has_content;  /* reading: "content" was an array */
	struct id subtree; /* directories; zero when absent */
	bool has_subtree;
	struct str error;   /* legacy */
	struct str generic; /* generic_attributes as raw JSON, empty when absent */
};

/* node_write: the JSON object, byte for byte as restic 0.18 writes it. */
void node_write(const struct node *n, const struct zone *z, struct buf *out);

/*
 * node_apart: in the JSON of n bytes that node_write made: no other node is the same file: "links"
 * becomes 1, and "device_id" goes, for restic links whatever has the (device, inode) of a node with
 * several links, also what has one (internal/restorer/restorer.go).  The inode stays: it tells
 * whether a file has changed. Returns the new length, n at most.
 */
size_t node_apart(uint8_t *json, size_t n);

/* node_equal: all members say the same (restic's Node.Equals); extended attributes in any order.
 * node_same_content: the lists of a file's contents alone. */
bool node_equal(const struct node *a, const struct node *b);
bool node_same_content(const struct node *a, const struct node *b);

/*
 * node_unchanged: restic's test (11.2) whether the file `now` (from lstat) is still the one `then`
 * from the parent. NODE_IGNORE_INODE ignores ctime too, as restic's --ignore-inode does.
 */
enum { NODE_IGNORE_CTIME = 1, NODE_IGNORE_INODE = 2 };
bool node_unchanged(const struct node *then, const struct node *now, unsigned flags);
/*
 * node_settled: what node_unchanged goes by was not set after `time`.  Times are coarse, and a
 * store into a page that is mapped and dirty already changes none: a file that was read shortly
 * after its last change may have changed again behind the same times.  A modification time that is
 * still to come after `future` was made up, and tells nothing; where ctime does not count it is all
 * there is.
 */
bool node_settled(const struct node *now, unsigned flags, const struct ts *time,
	const struct ts *future);

#endif
