/* zone: the part of base/clock.h about time zones: reads TZif files (RFC 8536). */
#include "base/buf.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/readall.h"
#include "base/tzrule.h"
#include "base/wire.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1 << 20) /* the largest zone file is a few KiB */
#define RULE_YEAR                                                                                  \
	2100 /* up to this year the footer's rule is written out as transitions, so that a lookup  \
		is one binary search */

struct change {
	int64_t at;
	int32_t offset;
};

struct zone {
	int32_t before; /* before the first change */
	bool has_rule;
	struct tzrule rule; /* from `rule_from` on */
	int64_t rule_from;
	size_t n;
	struct change *changes; /* ascending */
	uint8_t *file;          /* what all this was read from */
	size_t file_size;
};

struct type {
	int32_t offset;
	bool dst;
};

struct header {
	size_t isut, isstd, leap, times, types, chars;
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be_time(const uint8_t *p, size_t size)
{
	return size == 4 ? (int32_t)be32(p) : (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* Only a regular file: a FIFO must not hold the run. */
static bool slurp(const char *path, struct buf *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool ok = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && !readall(fd, b, path, NULL);

	if (fd >= 0)
		close(fd);
	return ok;
}

#define HEADER_SIZE 44
static bool header(struct header *h, const uint8_t *p, size_t n)
{
	size_t *field[] = {&h->isut, &h->isstd, &h->leap, &h->times, &h->types, &h->chars};

	if (n < HEADER_SIZE || memcmp(p, "TZif", 4) != 0)
		return false;
	for (size_t i = 0; i < 6; i++) {
		*field[i] = be32(p + 20 + 4 * i);
		if (*field[i] > FILE_MAX)
			return false;
	}
	return true;
}

static size_t body_size(const struct header *h, size_t time_size)
{
	return h->times * (time_size + 1) + h->types * 6 + h->chars + h->leap * (time_size + 4) +
	       h->isstd + h->isut;
}

static bool valid(const struct header *h, const uint8_t *index)
{
	for (size_t i = 0; i < h->times; i++)
		if (index[i] >= h->types)
			return false;
	return h->types > 0 && h->types <= 256;
}

/*
 * The type that holds before the first transition, chosen as Go does: type 0 if no transition uses
 * it; else, if the first transition goes to DST, the nearest standard type before that one; else
 * the first standard type.
 */
static size_t first_type(const struct header *h, const uint8_t *index, const struct type *types)
{
	size_t used = 0;

	for (size_t i = 0; i < h->times; i++)
		used |= index[i] == 0;
	if (!used)
		return 0;
	if (h->times && types[index[0]].dst)
		for (size_t i = index[0]; i-- > 0;)
			if (!types[i].dst)
				return i;
	for (size_t i = 0; i < h->types; i++)
		if (!types[i].dst)
			return i;
	return 0;
}

static void add_change(struct zone *z, int64_t at, int32_t offset)
{
	if (z->n % 64 == 0)
		z->changes = mem_regrow(z->changes, z->n + 64, sizeof(*z->changes));
	z->changes[z->n++] = (struct change){at, offset};
}

static void body(struct zone *z, const struct header *h, const uint8_t *p, size_t time_size)
{
	const uint8_t *index = p + h->times * time_size, *t = index + h->times;
	struct type types[256];

	for (size_t i = 0; i < h->types; i++)
		types[i] = (struct type){(int32_t)be32(t + 6 * i), t[6 * i + 4] != 0};
	z->before = types[first_type(h, index, types)].offset;
	for (size_t i = 0; i < h->times; i++)
		add_change(z, be_time(p + i * time_size, time_size), types[index[i]].offset);
}

/*
 * Writes the rule out from the last change on, where it is the rule that counts.  In each year the
 * offset can change at its begin, at `start` and at `end` only.
 */
static void unroll(struct zone *z)
{
	struct civil c;
	int64_t last = z->n ? z->changes[z->n - 1].at : INT64_MIN;

	z->rule_from = civil_days(RULE_YEAR, 1, 1) * 86400;
	if (!z->n || !z->rule.has_dst || last >= z->rule_from) {
		z->rule_from = last;
		return;
	}
	z->changes[z->n - 1].offset = tzrule_offset(&z->rule, last);
	civil_of(&c, last);
	for (int64_t year = c.year; year < RULE_YEAR; year++) {
		int64_t at[3] = {civil_days(year, 1, 1) * 86400},
			next = civil_days(year + 1, 1, 1) * 86400;

		tzrule_year(&z->rule, year, &at[1], &at[2]);
		if (at[1] > at[2]) {
			int64_t swap = at[1];

			at[1] = at[2];
			at[2] = swap;
		}
		for (size_t i = 0; i < 3; i++)
			if (at[i] > last && at[i] >= at[0] && at[i] < next)
				add_change(z, at[i], tzrule_offset(&z->rule, at[i]));
	}
}

static bool parse(struct zone *z, const uint8_t *p, size_t n)
{
	struct header h;
	size_t time_size = 4;

	if (!header(&h, p, n))
		return false;
	if (p[4] >= '2') {
		/* The first block is for readers of version 1. */
		size_t skip = HEADER_SIZE + body_size(&h, 4);

		if (skip > n)
			return false;
		p += skip;
		n -= skip;
		time_size = 8;
		if (!header(&h, p, n))
			return false;
	}
	p += HEADER_SIZE;
	n -= HEADER_SIZE;
	if (body_size(&h, time_size) > n || !valid(&h, p + h.times * time_size))
		return false;
	body(z, &h, p, time_size);
	p += body_size(&h, time_size);
	n -= body_size(&h, time_size);
	if (time_size == 8 && n > 2 && p[0] == '\n') {
		const uint8_t *nl = memchr(p + 1, '\n', n - 1);

		z->has_rule = nl &&
			      tzrule_parse(&z->rule, (const char *)p + 1, (size_t)(nl - p) - 1);
	}
	for (size_t i = 1; i < z->n; i++)
		if (z->changes[i].at <= z->changes[i - 1].at)
			return false;
	if (z->has_rule)
		unroll(z);
	return true;
}

static struct zone *of_file(const uint8_t *p, size_t n)
{
	struct zone *z = mem_zalloc(sizeof(*z));

	if (!parse(z, p, n)) {
		zone_free(z);
		return NULL;
	}
	z->file = mem_dup(p, n);
	z->file_size = n;
	return z;
}

static struct zone *load(const char *dir, const char *name)
{
	char *path = mem_printf("%s%s%s", dir, *dir ? "/" : "", name);
	struct zone *z = NULL;
	struct buf b;

	buf_init(&b, FILE_MAX);
	if (slurp(path, &b))
		z = of_file(b.p, b.len);
	buf_release(&b);
	mem_free(path);
	return z;
}

struct zone *zone_new(const char *tz)
{
	static const char *const dirs[] = {"/usr/share/zoneinfo", "/usr/share/lib/zoneinfo",
		"/usr/lib/locale/TZ", "/etc/zoneinfo"};
	struct zone *z = NULL;

	if (!tz)
		return load("/etc", "localtime");
	if (*tz == ':')
		tz++;
	if (!*tz || strcmp(tz, "UTC") == 0)
		return NULL;
	if (*tz == '/')
		return load("", tz);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !z; i++)
		z = load(dirs[i], tz);
	return z;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	mem_free(z->changes);
	mem_free(z->file);
	mem_free(z);
}

void zone_put(const struct zone *z, struct buf *b)
{
	wire_put_bytes(b, z ? z->file : NULL, z ? z->file_size : 0);
}

struct zone *zone_get(struct wire_in *in)
{
	size_t n;
	const uint8_t *p = wire_bytes(in, &n);
	struct zone *z = n ? of_file(p, n) : NULL;

	if (n && !z)
		in->bad = true;
	return z;
}

int32_t zone_offset(const struct zone *z, int64_t sec)
{
	size_t lo = 0, hi;

	if (!z)
		return 0;
	if (z->has_rule && sec >= z->rule_from)
		return tzrule_offset(&z->rule, sec);
	/* The number of changes at or before sec. */
	for (hi = z->n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->changes[mid].at <= sec)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? z->changes[lo - 1].offset : z->before;
}
