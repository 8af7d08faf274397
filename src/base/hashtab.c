#include "base/hashtab.h"
#include "base/le.h"
#include "base/mem.h"
#include <stdint.h>
#include <string.h>

/*
 * Linear hashing (Litwin) over segments.  A table of `base` segments (a power of two) grows by
 * splitting segment 0, 1, 2 … in turn; when all are split, base doubles.  So growing by one moves
 * the entries of one segment, and a segment holds SEG_MEAN to 2 * SEG_MEAN entries.
 *
 * A segment is open addressing with linear probing over `cap` slots, and one tag byte a slot, which
 * is probed eight at a time, so that an entry is touched only when seven bits of its hash fit.  A
 * segment that is fuller than LOAD_MAX is rebuilt with LOAD_NEW: the whole table stays between the
 * two, which is where the memory bound of the header comes from.
 */
#define SEG_MEAN 1024
#define CAP_MIN  8

enum tag { TAG_EMPTY, TAG_GONE, TAG_PAD, TAG_FULL = 0x80 };

struct seg {
	uint8_t *entries; /* cap entries, then cap tags, then 8 bytes of TAG_PAD so that a probe of
			     8 tags stays inside */
	uint32_t cap;
	uint32_t used; /* slots that are not empty: entries and removed ones */
	uint32_t count;
};

struct hashtab {
	size_t entry_size, key_size;
	int flags;
	size_t base, split; /* base + split segments exist */
	size_t room;        /* elements in segs */
	struct seg *segs;
	size_t count, bytes;
};

#define BYTES(x) (0x0101010101010101u * (uint64_t)(x))

static uint64_t finish(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

/*
 * Even a well mixed key is mixed once more: a rank of a distributed table sees only the ids whose
 * first bits made it their owner.
 */
static uint64_t hash(const struct hashtab *t, const void *key)
{
	const uint8_t *p = key;
	size_t n = t->key_size;
	uint64_t h = 0x9e3779b97f4a7c15u;

	if (!(t->flags & HASHTAB_MIX) && n >= 8)
		return finish(le64_get(p));
	for (; n >= 8; n -= 8, p += 8)
		h = finish(h ^ le64_get(p));
	for (; n; n--, p++)
		h = (h ^ *p) * 0x100000001b3u;
	return finish(h);
}

static struct seg *seg_of(const struct hashtab *t, uint64_t h)
{
	size_t i = h & (t->base - 1);

	if (i < t->split)
		i = h & (2 * t->base - 1);
	return &t->segs[i];
}

static uint8_t tag_of(uint64_t h)
{
	return (uint8_t)(TAG_FULL | (h >> 25 & 0x7f));
}

static uint32_t start_of(const struct seg *s, uint64_t h)
{
	return (uint32_t)((h >> 32) * s->cap >> 32);
}

static uint8_t *seg_tags(const struct hashtab *t, const struct seg *s)
{
	return s->entries + s->cap * t->entry_size;
}

static size_t seg_bytes(const struct hashtab *t, const struct seg *s)
{
	return s->cap * (t->entry_size + 1) + 8;
}

static void seg_init(struct hashtab *t, struct seg *s, size_t cap)
{
	if (cap < CAP_MIN)
		cap = CAP_MIN;
	*s = (struct seg){.cap = (uint32_t)cap};
	s->entries = mem_alloc(seg_bytes(t, s));
	memset(seg_tags(t, s), TAG_EMPTY, cap);
	memset(seg_tags(t, s) + cap, TAG_PAD, 8);
	t->bytes += seg_bytes(t, s);
}

static void seg_release(struct hashtab *t, struct seg *s)
{
	t->bytes -= seg_bytes(t, s);
	mem_free(s->entries);
}

/* The slots for `count` entries so that about three quarters of them are taken. */
static size_t cap_for(size_t count)
{
	return count + count / 4 + count / 16 + 4;
}

static uint8_t *seg_find(const struct hashtab *t, const struct seg *s, uint64_t h, const void *key)
{
	const uint8_t *tags = seg_tags(t, s);
	uint64_t want = BYTES(tag_of(h));

	for (uint32_t pos = start_of(s, h);; pos = pos + 8 < s->cap ? pos + 8 : 0) {
		uint64_t w = le64_get(tags + pos), x = w ^ want;

		/*
		 * The zero bytes of x.  The trick may also report a byte of 1 above a zero one;
		 * such a tag has TAG_FULL too, so the slot exists and comparing its key decides.
		 */
		for (uint64_t m = (x - BYTES(1)) & ~x & BYTES(0x80); m; m &= m - 1) {
			uint8_t *e = s->entries +
				     (pos + (unsigned)__builtin_ctzll(m) / 8) * t->entry_size;

			if (memcmp(e, key, t->key_size) == 0)
				return e;
		}
		if ((w - BYTES(1)) & ~w & BYTES(0x80))
			return NULL;
	}
}

/* The first free slot for hash h; the caller knows that the key is absent and that there is room.
 */
static uint8_t *seg_place(const struct hashtab *t, struct seg *s, uint64_t h)
{
	uint8_t *tags = seg_tags(t, s);
	uint32_t pos = start_of(s, h);

	while (tags[pos] & TAG_FULL)
		pos = pos + 1 < s->cap ? pos + 1 : 0;
	s->used += tags[pos] == TAG_EMPTY;
	s->count++;
	tags[pos] = tag_of(h);
	return s->entries + pos * t->entry_size;
}

/* Moves the entries of `from` to a or b by the bit `bit` of their hash (0: all to a), and releases
 * it. */
static void seg_spread(struct hashtab *t, struct seg *from, struct seg *a, struct seg *b,
	size_t bit)
{
	const uint8_t *tags = seg_tags(t, from);

	for (uint32_t i = 0; i < from->cap; i++) {
		const uint8_t *e = from->entries + i * t->entry_size;

		if (tags[i] & TAG_FULL) {
			uint64_t h = hash(t, e);

			memcpy(seg_place(t, h & bit ? b : a, h), e, t->entry_size);
		}
	}
	seg_release(t, from);
}

static void seg_rebuild(struct hashtab *t, struct seg *s)
{
	struct seg old = *s;

	seg_init(t, s, cap_for(old.count + 1));
	seg_spread(t, &old, s, NULL, 0);
}

static void split_next(struct hashtab *t)
{
	size_t a = t->split, b = t->base + t->split, bit = t->base, upper = 0;
	struct seg old = t->segs[a];
	const uint8_t *tags = seg_tags(t, &old);

	if (b == t->room) {
		t->bytes += (t->room + 1) * sizeof(struct seg);
		t->room = 2 * t->room + 1;
		t->segs = mem_regrow(t->segs, t->room, sizeof(struct seg));
	}
	for (uint32_t i = 0; i < old.cap; i++)
		if (tags[i] & TAG_FULL)
			upper += (hash(t, old.entries + i * t->entry_size) & bit) != 0;
	seg_init(t, &t->segs[a], cap_for(old.count - upper));
	seg_init(t, &t->segs[b], cap_for(upper));
	seg_spread(t, &old, &t->segs[a], &t->segs[b], bit);
	if (++t->split == t->base) {
		t->base *= 2;
		t->split = 0;
	}
}

struct hashtab *hashtab_new(size_t entry_size, size_t key_size, int flags)
{
	struct hashtab *t = mem_zalloc(sizeof(*t));

	t->entry_size = entry_size;
	t->key_size = key_size;
	t->flags = flags;
	t->base = t->room = 1;
	t->segs = mem_alloc(sizeof(struct seg));
	t->bytes = sizeof(*t) + sizeof(struct seg);
	seg_init(t, t->segs, CAP_MIN);
	return t;
}

void hashtab_free(struct hashtab *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->base + t->split; i++)
		mem_free(t->segs[i].entries);
	mem_free(t->segs);
	mem_free(t);
}

void *hashtab_find(const struct hashtab *t, const void *key)
{
	uint64_t h = hash(t, key);

	return seg_find(t, seg_of(t, h), h, key);
}

void *hashtab_add(struct hashtab *t, const void *key, bool *is_new)
{
	uint64_t h = hash(t, key);
	struct seg *s = seg_of(t, h);
	uint8_t *e = seg_find(t, s, h, key);

	if (is_new)
		*is_new = !e;
	if (e)
		return e;
	if (++t->count > (t->base + t->split) * SEG_MEAN) {
		split_next(t);
		s = seg_of(t, h);
	}
	/* At least one slot stays empty: that is what ends every search. */
	if (s->used + 1 > s->cap - s->cap / 8)
		seg_rebuild(t, s);
	e = seg_place(t, s, h);
	memcpy(e, key, t->key_size);
	memset(e + t->key_size, 0, t->entry_size - t->key_size);
	return e;
}

bool hashtab_remove(struct hashtab *t, const void *key)
{
	uint64_t h = hash(t, key);
	struct seg *s = seg_of(t, h);
	uint8_t *e = seg_find(t, s, h, key), *tags = seg_tags(t, s);
	size_t pos, next;

	if (!e)
		return false;
	/* Other entries stay where they are (callers hold pointers); the slot must not end the
	 * searches that pass over it. */
	pos = (size_t)(e - s->entries) / t->entry_size;
	next = pos + 1 < s->cap ? pos + 1 : 0;
	tags[pos] = tags[next] == TAG_EMPTY ? TAG_EMPTY : TAG_GONE;
	s->used -= tags[pos] == TAG_EMPTY;
	s->count--;
	t->count--;
	return true;
}

size_t hashtab_count(const struct hashtab *t)
{
	return t->count;
}

size_t hashtab_bytes(const struct hashtab *t)
{
	return t->bytes;
}

int hashtab_each(struct hashtab *t, int (*fn)(void *arg, void *entry), void *arg)
{
	for (size_t i = 0; i < t->base + t->split; i++) {
		struct seg *s = &t->segs[i];
		const uint8_t *tags = seg_tags(t, s);

		for (uint32_t k = 0; k < s->cap; k++) {
			int rc = tags[k] & TAG_FULL ? fn(arg, s->entries + k * t->entry_size) : 0;

			if (rc)
				return rc;
		}
	}
	return 0;
}
