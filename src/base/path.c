#include "base/path.h"
#include "base/mem.h"
#include <string.h>

char *path_clean(const char *p)
{
	bool rooted = *p == '/';
	/* The result is never longer than the input, except for the "." of an empty one. */
	char *out = mem_alloc(strlen(p) + 2);
	size_t n = 0, floor; /* floor: what .. must not take away: "/" or a leading "../.." */

	if (rooted)
		out[n++] = '/';
	floor = n;
	while (*p) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.' && n > floor) {
			while (n > floor && out[n - 1] != '/')
				n--;
			if (n > floor)
				n--;
		} else if (len == 2 && p[0] == '.' && p[1] == '.') {
			if (!rooted) {
				if (n)
					out[n++] = '/';
				out[n++] = '.';
				out[n++] = '.';
				floor = n;
			}
		} else if (len && !(len == 1 && p[0] == '.')) {
			if (n > (rooted ? 1u : 0u))
				out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p += len;
		while (*p == '/')
			p++;
	}
	if (!n)
		out[n++] = '.';
	out[n] = 0;
	return out;
}

char *path_join(const char *a, const char *b)
{
	char *both, *clean;

	if (!*a && !*b)
		return mem_strdup("");
	both = *a && *b ? mem_printf("%s/%s", a, b) : mem_strdup(*a ? a : b);
	clean = path_clean(both);
	mem_free(both);
	return clean;
}

char *path_abs(const char *cwd, const char *p)
{
	return *p == '/' ? path_clean(p) : path_join(cwd, p);
}
