#include "cmd/human.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "format/gojson.h"
#include <stdio.h>
#include <string.h>

struct human human_size(uint64_t bytes)
{
	static const struct {
		unsigned shift;
		const char *unit;
	} units[] = {{40, "TiB"}, {30, "GiB"}, {20, "MiB"}, {10, "KiB"}};
	struct human t;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (bytes >> units[i].shift) {
			snprintf(t.s, sizeof(t.s), "%.3f %s",
				(double)bytes / (double)((uint64_t)1 << units[i].shift),
				units[i].unit);
			return t;
		}
	}
	snprintf(t.s, sizeof(t.s), "%u B", (unsigned)bytes);
	return t;
}

struct human human_duration(uint64_t seconds)
{
	unsigned long long h = seconds / 3600, m = seconds / 60 % 60, s = seconds % 60;
	struct human t;

	if (h)
		snprintf(t.s, sizeof(t.s), "%llu:%02llu:%02llu", h, m, s);
	else
		snprintf(t.s, sizeof(t.s), "%llu:%02llu", m, s);
	return t;
}

void human_safe(struct buf *b, const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	bool plain = true;
	uint32_t r;

	for (size_t i = 0, k; i < n && plain; i += k) {
		k = utf8_get(p + i, n - i, &r);
		plain = k && gojson_printable(r);
	}
	if (plain) {
		buf_add(b, s, n);
		return;
	}
	buf_addc(b, '"');
	for (size_t i = 0, k; i < n; i += k) {
		k = utf8_get(p + i, n - i, &r);
		if (k && gojson_printable(r)) {
			if (r == '"' || r == '\\')
				buf_addc(b, '\\');
			buf_add(b, p + i, k);
		} else {
			k = k ? k : 1;
			for (size_t j = 0; j < k; j++)
				buf_addf(b, "\\x%02x", p[i + j]);
		}
	}
	buf_addc(b, '"');
}

static void json_unit(struct buf *b, uint32_t u)
{
	buf_addf(b, "\\u%04x", (unsigned)u);
}

void human_json(struct buf *b, const void *s, size_t n)
{
	const uint8_t *p = s;
	uint32_t r;

	for (size_t i = 0, k; i < n; i += k ? k : 1) {
		k = utf8_get(p + i, n - i, &r);
		if (!k)
			json_unit(b, UTF8_BAD);
		else if (r == '\n' || r == '\t' || gojson_printable(r))
			buf_add(b, p + i, k);
		else if (r < 0x10000)
			json_unit(b, r);
		else {
			json_unit(b, 0xd800 + ((r - 0x10000) >> 10));
			json_unit(b, 0xdc00 + ((r - 0x10000) & 0x3ff));
		}
	}
}

/* East Asian wide and emoji blocks take two cells, combining marks none; close enough for aligning
 * columns. */
static size_t rune_width(uint32_t r)
{
	static const struct {
		uint32_t first, last;
	} wide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
		{0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
		{0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

	if ((r >= 0x300 && r <= 0x36f) || (r >= 0x200b && r <= 0x200f))
		return 0;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		if (r >= wide[i].first && r <= wide[i].last)
			return 2;
	}
	return 1;
}

size_t human_width(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t width = 0;
	uint32_t r;

	for (size_t i = 0, k; i < n; i += k ? k : 1) {
		k = utf8_get(p + i, n - i, &r);
		width += k ? rune_width(r) : 1;
	}
	return width;
}

struct table {
	const char *const *heads;
	size_t columns, cells, cap;
	char **cell; /* row by row */
	bool gaps;
};

struct table *table_new(const char *const *heads, size_t columns)
{
	struct table *t = mem_zalloc(sizeof(*t));

	t->heads = heads;
	t->columns = columns;
	return t;
}

void table_cell(struct table *t, const char *text)
{
	if (t->cells == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->cell = mem_regrow(t->cell, t->cap, sizeof(*t->cell));
	}
	t->cell[t->cells++] = mem_strdup(text);
}

void table_gaps(struct table *t)
{
	t->gaps = true;
}

/* cell_line: line `k` of a cell; NULL behind its last one. */
static const char *cell_line(const char *cell, size_t k, size_t *n)
{
	for (; k; k--) {
		cell = strchr(cell, '\n');
		if (!cell)
			return NULL;
		cell++;
	}
	*n = strcspn(cell, "\n");
	return cell;
}

/* One printed line: line k of each cell of a row.  False when no cell has that many. */
static bool put_line(struct buf *out, const char *const *row, size_t columns, const size_t *width,
	size_t k)
{
	bool any = false;
	size_t owed = 0;

	for (size_t c = 0; c < columns; c++) {
		size_t n = 0, used = 0;
		const char *s = cell_line(row[c], k, &n);

		if (s) {
			any = true;
			used = human_width(s, n);
			while (n && s[n - 1] == ' ')
				n--;
		}
		if (n) {
			for (; owed; owed--)
				buf_addc(out, ' ');
			buf_add(out, s, n);
			used = human_width(s, n);
		} else {
			used = 0;
		}
		owed += (used < width[c] ? width[c] - used : 0) + 2;
	}
	if (any)
		buf_addc(out, '\n');
	return any;
}

static void put_rule(struct buf *out, size_t n)
{
	while (n--)
		buf_addc(out, '-');
	buf_addc(out, '\n');
}

void table_write(const struct table *t, struct buf *out)
{
	size_t *width = mem_array(t->columns, sizeof(*width)), total = 0;

	for (size_t c = 0; c < t->columns; c++) {
		width[c] = human_width(t->heads[c], strlen(t->heads[c]));
		for (size_t i = c; i < t->cells; i += t->columns) {
			const char *s;
			size_t n;

			for (size_t k = 0; (s = cell_line(t->cell[i], k, &n)); k++) {
				size_t w = human_width(s, n);

				if (w > width[c])
					width[c] = w;
			}
		}
		total += width[c] + (c ? 2 : 0);
	}
	put_line(out, t->heads, t->columns, width, 0);
	put_rule(out, total);
	for (size_t i = 0; i + t->columns <= t->cells; i += t->columns) {
		for (size_t k = 0;
			put_line(out, (const char *const *)t->cell + i, t->columns, width, k); k++)
			;
		if (t->gaps && i + t->columns < t->cells)
			buf_addc(out, '\n');
	}
	put_rule(out, total);
	mem_free(width);
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->cells; i++)
		mem_free(t->cell[i]);
	mem_free(t->cell);
	mem_free(t);
}
