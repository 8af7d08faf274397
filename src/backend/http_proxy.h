/*
 * http_proxy: whether a URL is reached through a proxy, and through which: what http_proxy,
 * https_proxy and no_proxy (and in capitals) say, read as Go reads them
 * (golang.org/x/net/http/httpproxy), so that what works for restic works here.  Private to the http
 * modules.
 *
 * The machine itself is never reached through a proxy: localhost, 127/8, ::1, and the names that
 * its hosts file gives such an address.  The latter is ours: Go looks no name up, and restic 0.19
 * asks the proxy for such a name, whose own address that would be, if any.  A name that only a name
 * server knows as loopback goes through the proxy here as there.
 */
#ifndef BACKEND_HTTP_PROXY_H
#define BACKEND_HTTP_PROXY_H
#include "base/err.h"
#include <stdbool.h>

struct http_proxy {
	char *url; /* scheme://host[:port], nothing else; NULL: no proxy, or one that is `bad` */
	char *user, *password; /* decoded; NULL: none */
	bool bad;
};

struct http_proxies {
	struct http_proxy by[2]; /* for http and https */
	char *none;              /* no_proxy; NULL: none */
	const char *hosts;       /* the hosts file, borrowed */
};

#define HTTP_PROXY_HOSTS "/etc/hosts"

/* http_proxies_read(p, get, hosts): `get` answers like getenv; NULL: there is no environment.
 * http_proxies_release wipes; also of one that is zero. */
void http_proxies_read(struct http_proxies *p, const char *(*get)(const char *name),
	const char *hosts);
void http_proxies_release(struct http_proxies *p);

/*
 * http_proxy_for(p, url, out, err): the proxy of a URL, *out NULL: none.  ERR_USAGE, naming the
 * variable and never its value (which may hold a password), when that cannot be understood.
 */
int http_proxy_for(const struct http_proxies *p, const char *url, const struct http_proxy **out,
	struct err *err);

#endif
