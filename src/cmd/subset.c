#include "cmd/subset.h"
#include "cmd/timearg.h"
#include "fs/match.h"
#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 256 /* a pack's part is known by the first byte of its name */

static int read_part(const char *s, struct check_options *o, struct err *err)
{
	size_t digits = strcspn(s, "/");
	uint64_t n, t;
	char first[8];

	if (digits >= sizeof(first))
		digits = 0;
	memcpy(first, s, digits);
	first[digits] = 0;
	if (timearg_count(first, "n", 1, PARTS_MAX, &n, err) ||
		timearg_count(s + strcspn(s, "/") + 1, "t", 1, PARTS_MAX, &t, err) || n > t)
		return err_set(err, ERR_USAGE, "--read-data-subset %s: n/t needs 1 <= n <= t <= %d",
			s, PARTS_MAX);
	o->subset_n = (unsigned)n;
	o->subset_t = (unsigned)t;
	return 0;
}

static int read_percent(const char *s, struct check_options *o, struct err *err)
{
	size_t n = strspn(s, "0123456789.eE+-"); /* strtod would take blanks, hex and words too */
	char *end;

	o->subset_percent = strtod(s, &end);
	if (s[n] != '%' || s[n + 1] || end != s + n ||
		!(o->subset_percent > 0 && o->subset_percent <= 100))
		return err_set(err, ERR_USAGE,
			"--read-data-subset %s: more than 0%%, at most 100%%", s);
	return 0;
}

int subset_read(const char *s, struct check_options *o, struct err *err)
{
	unsigned long long bytes;

	o->read_data = true;
	if (strchr(s, '/'))
		return read_part(s, o, err);
	if (strchr(s, '%'))
		return read_percent(s, o, err);
	/* A bare number might be meant as a percentage. */
	if (!s[strspn(s, "0123456789")] || match_size(s, &bytes, err) || !bytes)
		return err_set(err, ERR_USAGE,
			"--read-data-subset takes n/t, x%% or a size such as 10G, not \"%s\"", s);
	o->subset_bytes = bytes;
	return 0;
}
