/* The part of match.h that reads files: exclude files, lists of targets with their wildcards, and
 * sizes. */
#include "base/mem.h"
#include "base/path.h"
#include "fs/dir.h"
#include "fs/glob.h"
#include "fs/match.h"
#include "fs/meta.h"
#include "fs/text.h"
#include "fs/letter.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATTERN_FILE_MAX ((size_t)64 << 20)
#define TARGET_FILE_MAX  ((size_t)1 << 30)
#define EXPANDED_MAX     ((size_t)1 << 20) /* a pattern after its variables */
#define GLOB_DEPTH       1000              /* components of a wildcard */

/* A pattern or a name ends at a 0 in C; what lies behind it must not be lost without a word. */
static int check_zero(const char *s, size_t n, const char *path, struct err *err)
{
	if (!memchr(s, 0, n))
		return 0;
	return err_set(err, ERR_USAGE,
		"%s: a line contains a zero byte (UTF-16 without a byte order mark?)", path);
}

static int add_line(struct match *m, const char *line, size_t n,
	const char *(*env)(const char *name), struct err *err)
{
	struct buf b;
	int rc;

	line = letter_trim(line, &n);
	if (!n || *line == '#')
		return 0;
	buf_init(&b, EXPANDED_MAX);
	text_expand(&b, line, n, env);
	if (b.overflow)
		rc = err_set(err, ERR_USAGE, "pattern '%.*s' is too long", (int)(n < 80 ? n : 80),
			line);
	else
		rc = match_add(m, buf_str(&b), err);
	buf_release(&b);
	return rc;
}

int match_add_file(struct match *m, const char *path, const char *(*env)(const char *name),
	struct err *err)
{
	struct buf b;
	const char *p, *end, *line;
	size_t n;
	int rc;

	buf_init(&b, PATTERN_FILE_MAX);
	/* Only for lists of targets "-" is standard input. */
	rc = text_load(strcmp(path, "-") == 0 ? "./-" : path, true, &b, err);
	p = (const char *)b.p;
	end = p + b.len;
	if (rc == 0 && b.len)
		rc = check_zero(p, b.len, path, err);
	while (rc == 0 && b.len && (line = text_line(&p, end, &n))) {
		rc = add_line(m, line, n, env, err);
		if (rc < 0)
			err_prefix(err, "%s", path);
	}
	buf_release(&b);
	return rc;
}

/*
 * Wildcards in lists of targets, by the rules of Go's filepath.Glob: only names that exist; what
 * cannot be read counts as empty; a name without wildcards stays as it was written, the others come
 * cleaned and sorted directory by directory.
 */
struct globber {
	void (*fn)(void *arg, const char *name);
	void *arg;
	size_t found;
};

static bool has_meta(const char *s)
{
	return strpbrk(s, "*?[\\") != NULL;
}

/* Every component is tried before the first directory is read, so that a bad pattern is an error
 * whatever exists. */
static int check_glob(const char *pattern, struct err *err)
{
	size_t depth = 0;

	for (const char *s = pattern; *s; depth++) {
		size_t n = strcspn(s, "/");
		struct glob g;

		if (glob_init(&g, s, n) < 0)
			return err_set(err, ERR_USAGE, "pattern %s: syntax error in pattern",
				pattern);
		glob_release(&g);
		s += n + (s[n] == '/');
	}
	return depth <= GLOB_DEPTH
		       ? 0
		       : err_set(err, ERR_USAGE, "pattern %s: too many components", pattern);
}

static void glob_in(struct globber *g, const char *dir, const char *component)
{
	struct dir_list l = {0};
	struct glob one;
	int fd;

	if (glob_init(&one, component, strlen(component)) < 0)
		return;
	fd = dir_open(dir, false, NULL);
	if (fd >= 0) {
		dir_list(fd, &l, NULL);
		close(fd);
	}
	for (size_t i = 0; i < l.n; i++) {
		char *name;

		if (!glob_match(&one, l.entry[i].name, strlen(l.entry[i].name)))
			continue;
		name = path_join(dir, l.entry[i].name);
		g->found++;
		g->fn(g->arg, name);
		mem_free(name);
	}
	dir_list_release(&l);
	glob_release(&one);
}

struct below {
	struct globber *out;
	const char *component;
};

static void glob_below(void *arg, const char *dir)
{
	struct below *b = arg;

	glob_in(b->out, dir, b->component);
}

static void glob_path(struct globber *g, const char *pattern)
{
	const char *slash = strrchr(pattern, '/'), *component = slash ? slash + 1 : pattern;
	struct meta m;
	char *dir;

	if (!has_meta(pattern)) {
		if (meta_stat(AT_FDCWD, *pattern ? pattern : ".", false, &m, NULL) == 0) {
			g->found++;
			g->fn(g->arg, pattern);
		}
		return;
	}
	/* The directory without the slash that ends it, unless it is the root. */
	dir = !slash ? mem_strdup(".")
		     : mem_strndup(pattern, slash == pattern ? 1 : (size_t)(slash - pattern));
	if (has_meta(dir)) {
		struct below b = {.out = g, .component = component};
		struct globber up = {.fn = glob_below, .arg = &b};

		glob_path(&up, dir);
	} else {
		glob_in(g, dir, component);
	}
	mem_free(dir);
}

struct list {
	const char *path;
	void (*fn)(void *arg, const char *name);
	void *arg;
	void (*warn)(void *arg, const char *msg);
};

static int add_target(const struct list *l, enum match_list kind, const char *line, size_t n,
	struct err *err)
{
	struct globber g = {.fn = l->fn, .arg = l->arg};
	char *name;
	int rc = 0;

	if (kind == MATCH_LINES_GLOB)
		line = letter_trim(line, &n);
	if (!n || (kind == MATCH_LINES_GLOB && *line == '#'))
		return 0;
	name = mem_strndup(line, n);
	if (kind == MATCH_LINES_VERBATIM) {
		l->fn(l->arg, name);
	} else {
		rc = check_glob(name, err);
		if (rc == 0)
			glob_path(&g, name);
		if (rc == 0 && !g.found && l->warn) {
			char *msg = mem_printf("pattern '%s' does not match any files, skipping",
				name);

			l->warn(l->arg, msg);
			mem_free(msg);
		}
	}
	mem_free(name);
	return rc;
}

static int read_raw(const struct list *l, const char *p, const char *end, struct err *err)
{
	if (end[-1])
		return err_set(err, ERR_USAGE, "%s: the last name does not end with a zero byte",
			l->path);
	for (; p < end; p += strlen(p) + 1) {
		if (!*p)
			return err_set(err, ERR_USAGE, "%s: empty name", l->path);
		l->fn(l->arg, p);
	}
	return 0;
}

int match_read_list(const char *path, enum match_list kind, void (*fn)(void *arg, const char *name),
	void *arg, void (*warn)(void *arg, const char *msg), struct err *err)
{
	struct list l = {.path = path, .fn = fn, .arg = arg, .warn = warn};
	const char *p, *end, *line;
	struct buf b;
	size_t n;
	int rc;

	buf_init(&b, TARGET_FILE_MAX);
	rc = text_load(path, kind != MATCH_NUL, &b, err);
	if (rc < 0 || !b.len)
		goto out;
	p = (const char *)b.p;
	end = p + b.len;
	if (kind == MATCH_NUL) {
		rc = read_raw(&l, p, end, err);
		goto out;
	}
	rc = check_zero(p, b.len, path, err);
	while (rc == 0 && (line = text_line(&p, end, &n)))
		rc = add_target(&l, kind, line, n, err);
out:
	buf_release(&b);
	return rc;
}

int match_size(const char *s, unsigned long long *bytes, struct err *err)
{
	static const char units[] = "bkmgt";
	const char *digits = s + (*s == '+'), *unit;
	size_t n = strspn(digits, "0123456789");
	unsigned long long v, factor = 1;

	if (!n || (digits[n] && digits[n + 1]))
		goto bad;
	errno = 0;
	v = strtoull(digits, NULL, 10);
	if (digits[n]) {
		unit = strchr(units, digits[n] | 0x20);
		if (!unit || !*unit)
			goto bad;
		factor <<= 10 * (unit - units);
	}
	if (errno || __builtin_mul_overflow(v, factor, bytes) || *bytes > LLONG_MAX)
		return err_set(err, ERR_USAGE, "size '%s' is too large", s);
	return 0;
bad:
	return err_set(err, ERR_USAGE,
		"'%s' is no size: a number and one of b, k, m, g, t are wanted", s);
}
