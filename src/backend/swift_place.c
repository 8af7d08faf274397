/* Where a swift: location leads. */
#include "backend/swift.h"
#include "base/mem.h"
#include <string.h>

/* Like Go's path.Join: no empty and no "." components.  ".." would leave the place that the user
 * named. */
static int prefix_clean(const char *s, char **out, struct err *err)
{
	struct buf b;

	buf_init(&b, 1024);
	while (*s) {
		size_t n = strcspn(s, "/");

		if (n == 2 && !strncmp(s, "..", 2)) {
			buf_release(&b);
			return err_set(err, ERR_USAGE,
				"the prefix of a swift: location may not contain \"..\"");
		}
		if (n && !(n == 1 && *s == '.')) {
			if (b.len)
				buf_addc(&b, '/');
			buf_add(&b, s, n);
		}
		s += n + (s[n] == '/');
	}
	if (!buf_str(&b)) {
		buf_release(&b);
		return err_set(err, ERR_USAGE, "the prefix of a swift: location is too long");
	}
	*out = mem_strdup(buf_str(&b));
	buf_release(&b);
	return 0;
}

int swift_place_parse(const char *place, char **container, char **prefix, struct err *err)
{
	const char *colon = strchr(place, ':');

	*container = *prefix = NULL;
	if (!colon || colon[1] != '/')
		return err_set(err, ERR_USAGE,
			"a swift location is written swift:container:/prefix");
	if (colon == place || memchr(place, '/', (size_t)(colon - place)) || colon - place > 256)
		return err_set(err, ERR_USAGE,
			"a swift container's name has 1 to 256 characters and no /");
	if (prefix_clean(colon + 1, prefix, err))
		return ERR_USAGE;
	*container = mem_strndup(place, (size_t)(colon - place));
	return 0;
}
