#include "backend/rest_place.h"
#include "backend/digest.h"
#include "base/mem.h"
#include <string.h>

/* "Authorization: Basic …" of "user:password". */
static void set_auth(struct rest_place *l, struct buf *pair)
{
	buf_adds(&l->auth, "Authorization: Basic ");
	digest_base64(&l->auth, pair->p, pair->len);
	buf_str(&l->auth);
}

/* Credentials stand in the URL or, if there are none, in the environment. */
static void read_auth(struct rest_place *l, const char *user, size_t n,
	const struct backend_options *opt)
{
	struct buf pair;

	buf_init(&pair, 8192);
	if (user) {
		http_decode(&pair, user, n);
		if (!memchr(user, ':', n))
			buf_addc(&pair, ':');
	} else if (options_getenv(opt, "RESTIC_REST_USERNAME") ||
		   options_getenv(opt, "RESTIC_REST_PASSWORD")) {
		const char *name = options_getenv(opt, "RESTIC_REST_USERNAME"),
			   *word = options_getenv(opt, "RESTIC_REST_PASSWORD");

		buf_adds(&pair, name ? name : "");
		buf_addc(&pair, ':');
		buf_adds(&pair, word ? word : "");
	}
	if (pair.len)
		set_auth(l, &pair);
	buf_wipe(&pair);
}

/* False: what stands for the port is none, as when a / in a password was not encoded. */
static bool port_is_number(const char *host, const char *end)
{
	const char *colon = memrchr(host, ':', (size_t)(end - host));

	if (!colon || memchr(colon, ']', (size_t)(end - colon)))
		return true;
	return strspn(colon + 1, "0123456789") == (size_t)(end - colon - 1);
}

/* No sentence repeats the location: it may hold a password. */
int rest_place_read(struct rest_place *l, const char *url, const struct backend_options *opt,
	struct err *err)
{
	size_t scheme = !strncmp(url, "https://", 8) ? 8 : !strncmp(url, "http://", 7) ? 7 : 0;
	const char *host = url + scheme, *path, *at;
	struct buf b;

	*l = (struct rest_place){0};
	buf_init(&l->auth, 16384);
	if (!strncmp(url, "http+unix:", 10))
		return err_set(err, ERR_UNSUPPORTED,
			"REST servers behind a Unix socket cannot be used");
	if (!scheme)
		return err_set(err, ERR_USAGE,
			"the repository location must be rest:https://HOST/PATH or "
			"rest:http://HOST/PATH");
	path = host + strcspn(host, "/");
	at = memrchr(host, '@', (size_t)(path - host));
	read_auth(l, at ? host : NULL, at ? (size_t)(at - host) : 0, opt);
	if (at)
		host = at + 1;
	if (host == path || strpbrk(host, "?#") ||
		strcspn(host, " \t\r\n\\\"<>") < (size_t)(path - host))
		return err_set(err, ERR_USAGE,
			"the repository location rest:… does not name a server and a path");
	if (!port_is_number(host, path))
		return err_set(err, ERR_USAGE,
			"the repository location rest:… has a port that is no number; in a user "
			"and a password, / @ and : are written %%2F "
			"%%40 and "
			"%%3A");
	buf_init(&b, 65536);
	buf_add(&b, url, scheme);
	buf_add(&b, host, (size_t)(path - host));
	http_encode(&b, path, strlen(path), "/%:@!$&'()*+,;=");
	if (b.p[b.len - 1] != '/')
		buf_addc(&b, '/');
	l->base = mem_strdup(buf_str(&b) ? (const char *)b.p : "");
	buf_release(&b);
	return 0;
}

void rest_place_release(struct rest_place *l)
{
	buf_wipe(&l->auth);
	mem_free(l->base);
	l->base = NULL;
}
