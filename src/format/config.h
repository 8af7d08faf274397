/* config: the repository's config file (docs/format.md 8). */
#ifndef FORMAT_CONFIG_H
#define FORMAT_CONFIG_H
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"

struct config {
	unsigned version; /* 1 or 2 */
	struct id id;
	uint64_t polynomial; /* irreducible, degree 53 */
};
/* ERR_INVALID, ERR_UNSUPPORTED (version) */
int config_parse(struct config *c, const void *json, size_t n, struct err *err);
void config_write(const struct config *c, struct buf *out);

#endif
