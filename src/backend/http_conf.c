#include "backend/http_conf.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define CA_MAX (8 << 20)

static int read_ca(struct buf *ca, const char *path, struct err *err)
{
	uint8_t *p = NULL;
	int code = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st)) {
		code = err_sys(err, errno, "the certificates in %s", path);
		goto out;
	}
	if (st.st_size > CA_MAX) {
		code = err_set(err, ERR_USAGE, "the certificates in %s: the file is too large", path);
		goto out;
	}
	p = mem_alloc((size_t)st.st_size + 1);
	n = read(fd, p, (size_t)st.st_size);
	if (n < 0)
		code = err_sys(err, errno, "the certificates in %s", path);
	else if (!memmem(p, (size_t)n, "-----BEGIN ", 11))
		code = err_set(err, ERR_USAGE, "the certificates in %s: there is no certificate in PEM form", path);
	else if (buf_add(ca, p, (size_t)n) || buf_addc(ca, '\n'))
		code = err_set(err, ERR_USAGE, "the certificates in %s: too many", path);
out:
	if (fd >= 0)
		close(fd);
	mem_free(p);
	return code;
}

static int read_cas(struct buf *ca, const char *list, struct err *err)
{
	int code = 0;

	for (const char *p = list; *p && !code;) {
		size_t n = strcspn(p, ",");
		char *path = mem_strndup(p, n);

		if (n)
			code = read_ca(ca, path, err);
		mem_free(path);
		p += n + (p[n] == ',');
	}
	return code;
}

static char *one_of(const struct http_options *o, const char *a, const char *b)
{
	const char *v = o->getenv ? o->getenv(a) : NULL;

	if (o->getenv && (!v || !*v))
		v = o->getenv(b);
	return v && *v ? mem_strdup(v) : NULL;
}

/* As Go does it, so that a proxy that works for restic works here; the machine itself is never reached through one. */
static void read_proxies(struct http_conf *c, const struct http_options *o)
{
	char *none = one_of(o, "no_proxy", "NO_PROXY");

	c->proxy[0] = one_of(o, "http_proxy", "HTTP_PROXY");
	c->proxy[1] = one_of(o, "https_proxy", "HTTPS_PROXY");
	if (none && !strcmp(none, "*"))
		c->no_proxy = mem_strdup(none);
	else
		c->no_proxy = mem_printf("%s%slocalhost,127.0.0.1,::1", none ? none : "", none ? "," : "");
	mem_free(none);
}

int http_conf_read(struct http_conf *c, const struct http_options *o, struct err *err)
{
	int code = 0;

	c->insecure = o->insecure_tls;
	c->agent = mem_strdup(o->user_agent && *o->user_agent ? o->user_agent : "a_backup");
	c->cert = o->tls_client_cert && *o->tls_client_cert ? mem_strdup(o->tls_client_cert) : NULL;
	c->cacert = o->cacert ? mem_strdup(o->cacert) : NULL;
	buf_init(&c->ca, CA_MAX);
	read_proxies(c, o);
	if (c->cacert)
		code = read_cas(&c->ca, c->cacert, err);
	if (!code && c->cert && access(c->cert, R_OK))
		code = err_sys(err, errno, "the client certificate %s", c->cert);
	return code;
}

void http_conf_release(struct http_conf *c)
{
	for (int i = 0; i < 2; i++) {
		if (c->proxy[i])
			mem_wipe(c->proxy[i], strlen(c->proxy[i]));
		mem_free(c->proxy[i]);
	}
	mem_free(c->no_proxy);
	mem_free(c->cacert);
	mem_free(c->cert);
	mem_free(c->agent);
	buf_release(&c->ca);
}

const char *http_proxy(const struct http_conf *c, const char *url)
{
	return c->proxy[!strncasecmp(url, "https:", 6)];
}

size_t http_server_len(const char *url)
{
	const char *host = strstr(url, "://");

	return host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 0;
}

void http_server_name(const char *url, char *out, size_t cap)
{
	const char *end = url + http_server_len(url);
	const char *at = memrchr(url, '@', (size_t)(end - url));
	const char *from = at ? at + 1 : url;

	snprintf(out, cap, "%.*s", (int)(end - from < 255 ? end - from : 255), from);
}
