/* A pack header that can be read is what its blobs are written as.  Input: the header, whose blobs
 * are taken to fill what is before it. */
#include "base/le.h"
#include "base/mem.h"
#include "format/pack.h"
#include "fuzz/fuzz.h"

/* The sum that the lengths should have, added up in the plainest way. */
static uint64_t sum(const uint8_t *p, size_t n)
{
	uint64_t s = 0;

	for (size_t i = 0; n - i >= 37; i += p[i] & 2 ? 41 : 37) {
		s += le32_get(p + i + 1);
		if ((p[i] & 2) && n - i < 41)
			break;
	}
	return s;
}

static void header(const uint8_t *p, size_t n, uint64_t end)
{
	struct blob *b = NULL;
	struct buf out;
	struct err err;
	size_t count = 0, offset = 0;

	if (pack_header_parse(p, n, end, &b, &count, &err) < 0)
		return;
	buf_init(&out, n);
	pack_header_write(b, count, &out);
	ALWAYS(!out.overflow && out.len == n && (!n || memcmp(out.p, p, n) == 0));
	for (size_t i = 0; i < count; i++) {
		ALWAYS(b[i].offset == offset && b[i].length >= 32);
		offset += b[i].length;
	}
	ALWAYS(offset == end);
	mem_free(b);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint64_t offset;
	uint32_t length;
	struct err err;

	header(p, n, sum(p, n));
	header(p, n, 0);
	if (n >= 12 && pack_header_span(p, le64_get(p + 4), &offset, &length, &err) == 0) {
		ALWAYS(length >= 32 && length <= PACK_HEADER_MAX - 4);
		ALWAYS(offset + length + 4 == le64_get(p + 4));
	}
	return 0;
}
