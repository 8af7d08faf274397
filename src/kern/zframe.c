#include "kern/zframe.h"
#include "base/le.h"

#define MAGIC         0xfd2fb528u
#define MAGIC_SKIP    0x184d2a50u /* and the 15 numbers after it */
#define BLOCK_MAX     ((uint64_t)128 << 10)
#define CHECKSUM_SIZE 4

static int bad(struct err *err, const char *why)
{
	return err_set(err, ERR_INVALID, "compressed data: %s", why);
}

static uint64_t le_n(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

/* The window and, when it is there, the content size (f->exact, f->bound).  *used: bytes of the
 * header, *sum: a checksum comes last. */
static int read_header(struct zframe *f, const uint8_t *p, size_t n, size_t *used, bool *sum,
	struct err *err)
{
	static const size_t dict_sizes[] = {0, 1, 2, 4}, content_sizes[] = {0, 2, 4, 8};
	unsigned flags;
	bool single;
	size_t at = 5, dict, content;

	if (n < at)
		return bad(err, "cut off in a frame header");
	flags = p[4];
	single = flags & 0x20;
	dict = dict_sizes[flags & 3];
	content = flags >> 6 == 0 && single ? 1 : content_sizes[flags >> 6];
	*sum = flags & 4;
	if (flags & 8)
		return bad(err, "a reserved bit is set");
	*used = at + !single + dict + content;
	if (n < *used)
		return bad(err, "cut off in a frame header");
	if (!single) {
		f->window = (uint64_t)1 << (10 + (p[at] >> 3));
		f->window += f->window / 8 * (p[at] & 7);
		if (f->window > ZFRAME_WINDOW_MAX)
			return bad(err, "the window is too large");
		at++;
	}
	if (le_n(p + at, dict) != 0)
		return bad(err, "it needs a dictionary");
	at += dict;
	f->exact = content != 0;
	f->bound = le_n(p + at, content) + (content == 2 ? 256 : 0);
	if (single)
		f->window = f->bound;
	return 0;
}

int zframe_read(struct zframe *f, const uint8_t *p, size_t n, struct err *err)
{
	uint64_t block_max, room = 0;
	uint32_t magic;
	bool sum = false, last = false;
	size_t at = 0;
	int rc;

	*f = (struct zframe){0};
	if (n < 4)
		return bad(err, "cut off before a frame");
	magic = le32_get(p);
	if ((magic & ~15u) == MAGIC_SKIP) {
		if (n < 8 || le32_get(p + 4) > n - 8)
			return bad(err, "cut off in a skippable frame");
		f->size = 8 + (size_t)le32_get(p + 4);
		f->exact = true;
		return 0;
	}
	if (magic != MAGIC)
		return bad(err, "this is not a zstd frame");
	rc = read_header(f, p, n, &at, &sum, err);
	if (rc)
		return rc;
	block_max = f->window < BLOCK_MAX ? f->window : BLOCK_MAX;
	while (!last) {
		uint32_t head, size;
		unsigned type;

		if (n - at < 3)
			return bad(err, "cut off in a block header");
		head = (uint32_t)le_n(p + at, 3);
		last = head & 1;
		type = head >> 1 & 3;
		size = head >> 3;
		at += 3;
		if (type == 3 || size > BLOCK_MAX)
			return bad(err, "a block header is wrong");
		room += type == 2 ? block_max : size;
		if (type == 1)
			size = 1; /* one byte that is repeated */
		if (n - at < size)
			return bad(err, "cut off in a block");
		at += size;
	}
	if (sum && n - at < CHECKSUM_SIZE)
		return bad(err, "cut off in the checksum");
	f->size = at + (sum ? CHECKSUM_SIZE : 0);
	if (f->exact && f->bound > room)
		return bad(err, "the content size is more than its blocks hold");
	if (!f->exact)
		f->bound = room;
	return 0;
}
