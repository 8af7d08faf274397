#include "backend/http_conf.h"
#include "base/mem.h"
#include "base/readall.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CA_MAX (8 << 20)

static int read_ca(struct buf *ca, const char *path, struct err *err)
{
	char *what = mem_printf("the certificates in %s", path);
	struct buf b;
	int code;

	buf_init(&b, CA_MAX);
	code = readall_file(path, &b, what, err);
	if (!code && !memmem(b.p, b.len, "-----BEGIN ", 11))
		code = err_set(err, ERR_USAGE, "%s: there is no certificate in PEM form", what);
	else if (!code && (buf_add(ca, b.p, b.len) || buf_addc(ca, '\n')))
		code = err_set(err, ERR_USAGE, "%s: too many", what);
	buf_release(&b);
	mem_free(what);
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

/* As Go has it: what is no certificate, or cannot be read, is passed over. */
static void add_file(struct buf *ca, const char *path)
{
	struct err ignored;

	read_ca(ca, path, &ignored);
}

static void add_dir(struct buf *ca, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char *file = mem_printf("%s/%s", path, e->d_name);

		if (*e->d_name != '.')
			add_file(ca, file);
		mem_free(file);
	}
	if (d)
		closedir(d);
}

/*
 * SSL_CERT_FILE and SSL_CERT_DIR (a list with colons) replace the system's file and directories,
 * each for itself, for Go and so for restic; libcurl knows neither. With the first alone the
 * system's directories stay; with the second alone its file is read as well.
 */
static void read_system_cas(struct http_conf *c, const char *(*get)(const char *name))
{
	static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"};
	const char *file = get ? get("SSL_CERT_FILE") : NULL,
		   *dirs = get ? get("SSL_CERT_DIR") : NULL;
	bool has_file = file && *file, has_dirs = dirs && *dirs;

	c->ca_path = !has_dirs;
	if (has_file) {
		c->cacert = mem_strdup(file);
		add_file(&c->ca, file);
	}
	for (size_t i = 0;
		has_dirs && !has_file && !c->ca.len && i < sizeof(bundles) / sizeof(bundles[0]);
		i++)
		add_file(&c->ca, bundles[i]);
	while (has_dirs && *dirs) {
		size_t n = strcspn(dirs, ":");
		char *path = mem_strndup(dirs, n);

		if (n)
			add_dir(&c->ca, path);
		mem_free(path);
		dirs += n + (dirs[n] == ':');
	}
}

int http_conf_read(struct http_conf *c, const struct http_options *o, struct err *err)
{
	int code = 0;

	c->insecure = o->insecure_tls;
	c->agent = mem_strdup(o->user_agent && *o->user_agent ? o->user_agent : "a_backup");
	c->cert = o->tls_client_cert && *o->tls_client_cert ? mem_strdup(o->tls_client_cert) : NULL;
	c->cacert = o->cacert ? mem_strdup(o->cacert) : NULL;
	buf_init(&c->ca, CA_MAX);
	http_proxies_read(&c->proxies, o->getenv, HTTP_PROXY_HOSTS);
	if (c->cacert)
		code = read_cas(&c->ca, c->cacert, err);
	else
		read_system_cas(c, o->getenv);
	if (!code && c->cert && access(c->cert, R_OK))
		code = err_sys(err, errno, "the client certificate %s", c->cert);
	return code;
}

void http_conf_release(struct http_conf *c)
{
	http_proxies_release(&c->proxies);
	mem_free(c->cacert);
	mem_free(c->cert);
	mem_free(c->agent);
	buf_release(&c->ca);
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
