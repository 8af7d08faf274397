#include "repo/password.h"
#include "base/mem.h"
#include "base/readall.h"
#include "base/spawn.h"
#include "base/utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSWORD_MAX ((size_t)64 << 10)

/* The code point at p, and its length in *len; a byte that is not UTF-8 stands for itself. */
static uint32_t rune_at(const uint8_t *p, size_t n, size_t *len)
{
	uint32_t c = UTF8_BAD;

	*len = utf8_get(p, n, &c);
	if (!*len)
		*len = 1;
	return c;
}

static void trim(struct buf *b)
{
	const char *from = (const char *)b->p;

	utf8_trim(&from, &b->len);
	memmove(b->p, from, b->len);
}

static void put_utf8(struct buf *b, uint32_t c)
{
	uint8_t bytes[4];

	buf_add(b, bytes, utf8_put(bytes, c));
}

/* Text files from Windows: a byte order mark is dropped, UTF-16 becomes UTF-8 (lone surrogates
 * U+FFFD). */
static void decode_text(struct buf *b)
{
	bool big, little;
	struct buf out;

	if (b->len >= 3 && memcmp(b->p, "\xef\xbb\xbf", 3) == 0) {
		b->len -= 3;
		memmove(b->p, b->p + 3, b->len);
		return;
	}
	big = b->len >= 2 && b->p[0] == 0xfe && b->p[1] == 0xff;
	little = b->len >= 2 && b->p[0] == 0xff && b->p[1] == 0xfe;
	if (!big && !little)
		return;
	/* All memory at once, here and for the contents: growing would leave copies of the secret
	 * behind. */
	buf_init(&out, 3 * PASSWORD_MAX);
	buf_reserve(&out, 3 * PASSWORD_MAX);
	for (size_t i = 2; i + 1 < b->len; i += 2) {
		uint32_t c = (uint32_t)b->p[i + big] | (uint32_t)b->p[i + !big] << 8, low;

		if (c >= 0xd800 && c < 0xdc00 && i + 3 < b->len) {
			low = (uint32_t)b->p[i + 2 + big] | (uint32_t)b->p[i + 2 + !big] << 8;
			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i += 2;
			}
		}
		put_utf8(&out, c);
	}
	buf_wipe(b);
	buf_move(b, &out);
}

/* To the end of the file or pipe. */
static int read_secret(int fd, struct buf *out, const char *what, struct err *err)
{
	size_t max = out->max;
	int rc;

	/* All memory at once: growing would leave copies of the secret behind. */
	out->max = PASSWORD_MAX;
	if (buf_reserve(out, PASSWORD_MAX))
		rc = err_set(err, ERR_NOMEM, "%s: no room for a password", what);
	else
		rc = readall(fd, out, what, err);
	if (rc == ERR_NOMEM)
		rc = err_set(err, ERR_USAGE, "%s: more than %zu bytes cannot be a password", what,
			PASSWORD_MAX);
	out->max = max;
	return rc;
}

static int from_file(const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_sys(err, errno, "password file %s", path);
	rc = read_secret(fd, out, "password file", err);
	close(fd);
	if (!rc) {
		decode_text(out);
		trim(out);
	}
	return rc;
}

struct words {
	char **v; /* ends with NULL */
	size_t n;
};

static void words_release(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		mem_free(w->v[i]);
	mem_free(w->v);
}

static void words_add(struct words *w, const char *s, size_t n)
{
	w->v = mem_regrow(w->v, w->n + 2, sizeof(*w->v));
	w->v[w->n++] = mem_strndup(s, n);
	w->v[w->n] = NULL;
}

/*
 * Words by restic's rules (docs/format.md 17), which are no shell's: white space separates; so does
 * a quote at its beginning and at its end, and outside quotes a backslash; a quote behind a
 * backslash is an ordinary character (and inside quotes the backslash stays). There are no empty
 * words.
 */
static int split(const char *s, struct words *w, struct err *err)
{
	const char *word = NULL;
	uint32_t quote = 0, last = 0, c;
	size_t n = strlen(s), len;

	for (size_t i = 0; i < n; i += len) {
		bool ends;

		c = rune_at((const uint8_t *)s + i, n - i, &len);
		if (last != '\\' && (quote ? c == quote : c == '\'' || c == '"')) {
			quote = quote ? 0 : c;
			ends = true;
		} else {
			last = c;
			ends = !quote && (c == '\\' || utf8_space(c));
		}
		if (!ends && !word)
			word = s + i;
		if (ends && word) {
			words_add(w, word, (size_t)(s + i - word));
			word = NULL;
		}
	}
	if (word)
		words_add(w, word, (size_t)(s + n - word));
	if (quote)
		return err_set(err, ERR_USAGE, "password command: a %s quote is not closed",
			quote == '"' ? "double" : "single");
	if (!w->n)
		return err_set(err, ERR_USAGE, "password command: it is empty");
	return 0;
}

static int run(char *const *argv, struct buf *out, struct err *err)
{
	int fd, status, rc;
	pid_t pid;

	rc = spawn_reading(argv, NULL, &fd, &pid);
	if (rc)
		return err_sys(err, rc, "password command %s", argv[0]);
	rc = read_secret(fd, out, "password command", err);
	close(fd); /* a command that still writes ends by SIGPIPE */
	status = spawn_wait(pid);
	if (rc)
		return rc;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(err, ERR_IO, "password command %s failed (%s %d)", argv[0],
			WIFEXITED(status) ? "status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	trim(out);
	return 0;
}

static int from_command(const char *command, struct buf *out, struct err *err)
{
	struct words w = {0};
	int rc = split(command, &w, err);

	if (!rc)
		rc = run(w.v, out, err);
	words_release(&w);
	return rc;
}

static bool given(const char *s)
{
	return s && *s;
}

int password_get(const struct password_source *s, struct buf *out, struct err *err)
{
	bool any = given(s->command) || given(s->file) || given(s->value);
	int rc;

	if (!out->max)
		buf_init(out, 3 * PASSWORD_MAX);
	buf_reset(out);
	if (given(s->command) && given(s->file))
		return err_set(err, ERR_USAGE,
			"a password file and a password command exclude each other");
	if (s->allow_empty && any)
		return err_set(err, ERR_USAGE, "a password is given although none is wanted");
	if (s->allow_empty)
		return 0;
	if (given(s->command)) {
		rc = from_command(s->command, out, err);
	} else if (given(s->file)) {
		rc = from_file(s->file, out, err);
	} else if (given(s->value)) {
		rc = buf_add(out, s->value, strlen(s->value));
		if (rc)
			err_set(err, rc, "the password is too long");
	} else if (s->prompt) {
		rc = s->prompt(s->arg, out, err);
	} else {
		return err_set(err, ERR_PASSWORD, "no password is given");
	}
	if (!rc && !out->len)
		rc = err_set(err, ERR_USAGE, "an empty password is not allowed");
	if (rc)
		buf_wipe(out);
	return rc;
}
