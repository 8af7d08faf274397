#include "backend/location.h"
#include "base/mem.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const struct {
	const char *word;
	enum location_scheme scheme;
} known[] = {
	{"local", LOCATION_LOCAL},
	{"s3", LOCATION_S3},
	{"swift", LOCATION_SWIFT},
	{"rest", LOCATION_REST},
};

static bool starts_with(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* Paths that may hold a colon: restic's rule (docs/format.md 16.1, drive letters included) and
 * "./", which restic refuses although it is no scheme. */
static bool is_path(const char *s)
{
	if (s[0] == '/' || s[0] == '\\' || starts_with(s, "./") || starts_with(s, "../") ||
		starts_with(s, "..\\"))
		return true;
	return isalpha((unsigned char)s[0]) && s[1] == ':' && (s[2] == '\\' || s[2] == '/');
}

static bool is_word(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '+')
			return false;
	}
	return n > 0 && n <= 16;
}

/* Behind the colon may stand a user and a password, so no sentence ever repeats more than the word
 * in front of it. */
static int unknown_scheme(const char *s, size_t n, struct err *err)
{
	if (is_word(s, n))
		return err_set(err, ERR_USAGE,
			"\"%.*s:\" is not a kind of repository known here (local, s3, swift, "
			"rest); write local:PATH for a directory",
			(int)n, s);
	return err_set(err, ERR_USAGE,
		"the repository location is ambiguous; write local:PATH for a directory with a "
		"colon in its name");
}

int location_parse(struct location *l, const char *s, struct err *err)
{
	const char *colon = strchr(s, ':');
	const char *rest = s;

	l->scheme = LOCATION_LOCAL;
	l->rest = NULL;
	if (colon && !is_path(s)) {
		size_t n = (size_t)(colon - s);
		size_t i = 0;

		while (i < sizeof(known) / sizeof(known[0]) &&
			(strlen(known[i].word) != n || strncmp(known[i].word, s, n) != 0))
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			return unknown_scheme(s, n, err);
		l->scheme = known[i].scheme;
		rest = colon + 1;
	}
	if (!*rest)
		return err_set(err, ERR_USAGE, "the repository location is empty");
	l->rest = mem_strdup(rest);
	return 0;
}

void location_release(struct location *l)
{
	if (!l)
		return;
	if (l->rest)
		mem_wipe(l->rest, strlen(l->rest));
	mem_free(l->rest);
	l->rest = NULL;
}

/* Where the password of a location ends: at the @ before the host; NULL: it holds none.  A / or @
 * in it should have been encoded but may not be shown for that. */
static const char *password_end(const char *host, const char *colon)
{
	size_t n = strcspn(host, "/");
	const char *at = memrchr(host, '@', n);

	if (!at && colon < host + n &&
		strspn(colon + 1, "0123456789") != (size_t)(host + n - colon - 1) && *host != '[')
		at = strrchr(host, '@');
	return at && colon < at ? at : NULL;
}

char *location_text(const char *location)
{
	const char *host = strstr(location, "://"), *colon, *end;

	host = host ? host + 3 : location;
	colon = strchr(host, ':');
	if (!colon)
		return mem_strdup(location);
	/* Without a scheme it is no URL: names of containers and files may hold what they like. */
	end = host != location ? password_end(host, colon) : memchr(host, '@', strcspn(host, "/"));
	if (!end || colon > end)
		return mem_strdup(location);
	return mem_printf("%.*s:***%s", (int)(colon - location), location, end);
}
