#include "format/pack.h"
#include "base/le.h"
#include "base/mem.h"

#define SEALED   32u /* bytes the seal adds, to a blob and to the header */
#define FILE_MIN 73u /* a seal, the entry of one blob and the length field */

void pack_header_write(const struct blob *b, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t e[41];
		size_t k = 5;

		e[0] = (uint8_t)((b[i].type == BLOB_TREE) | (b[i].plain ? 2 : 0));
		le32_put(e + 1, b[i].length);
		if (b[i].plain) {
			le32_put(e + 5, b[i].plain);
			k = 9;
		}
		memcpy(e + k, b[i].id.b, ID_SIZE);
		buf_add(out, e, k + ID_SIZE);
	}
}

/* parse_entry: one entry without its offset; its size, or ERR_INVALID. */
static int parse_entry(const uint8_t *p, size_t len, struct blob *b, struct err *err)
{
	int size, k = 5;

	if (p[0] > 3)
		return err_set(err, ERR_INVALID, "pack header: unknown entry type %u", p[0]);
	size = p[0] & 2 ? 41 : 37;
	if (len < (size_t)size)
		return err_set(err, ERR_INVALID, "pack header: the last entry is cut off");
	*b = (struct blob){.type = p[0] & 1 ? BLOB_TREE : BLOB_DATA, .length = le32_get(p + 1)};
	if (b->length < SEALED)
		return err_set(err, ERR_INVALID, "pack header: a blob of only %u bytes", b->length);
	if (p[0] & 2) {
		b->plain = le32_get(p + 5);
		k = 9;
		if (!b->plain)
			return err_set(err, ERR_INVALID,
				"pack header: a compressed blob without content");
	}
	memcpy(b->id.b, p + k, ID_SIZE);
	return size;
}

int pack_header_parse(const uint8_t *p, size_t len, uint64_t blobs_end, struct blob **out,
	size_t *n, struct err *err)
{
	struct blob *b;
	uint64_t offset = 0;
	size_t count = 0;

	if (len > PACK_HEADER_MAX)
		return err_set(err, ERR_INVALID, "pack header: %zu bytes are too many", len);
	b = mem_array(len / 37 + 1, sizeof(*b));
	while (len) {
		int size = parse_entry(p, len, &b[count], err);

		if (size < 0) {
			mem_free(b);
			return size;
		}
		b[count].offset = (uint32_t)offset;
		offset += b[count++].length;
		if (offset > blobs_end || offset > UINT32_MAX)
			break;
		p += size;
		len -= (size_t)size;
	}
	if (offset != blobs_end || offset > UINT32_MAX) {
		mem_free(b);
		return err_set(err, ERR_INVALID,
			"pack header: its blobs do not fill the %llu bytes before it",
			(unsigned long long)blobs_end);
	}
	*out = b;
	*n = count;
	return 0;
}

int pack_header_span(const uint8_t last4[4], uint64_t pack_size, uint64_t *offset, uint32_t *length,
	struct err *err)
{
	uint32_t n = le32_get(last4);

	if (pack_size < FILE_MIN)
		return err_set(err, ERR_INVALID, "a pack of %llu bytes is too short",
			(unsigned long long)pack_size);
	if (n < SEALED || n > PACK_HEADER_MAX - 4 || n > pack_size - 4)
		return err_set(err, ERR_INVALID, "a pack header of %u bytes in a pack of %llu", n,
			(unsigned long long)pack_size);
	*offset = pack_size - 4 - n;
	*length = n;
	return 0;
}
