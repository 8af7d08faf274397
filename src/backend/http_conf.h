/*
 * http_conf: what all transfers of one struct http have in common: certificates, proxies, the
 * program's name; and what a URL says about its server.  Private to http.c and http_xfer.c.
 */
#ifndef BACKEND_HTTP_CONF_H
#define BACKEND_HTTP_CONF_H
#include "backend/http.h"
#include "backend/http_proxy.h"

struct http_conf {
	struct buf ca; /* the certificates of all files of --cacert, or of SSL_CERT_FILE and
			  SSL_CERT_DIR; empty: the system's */
	char *cacert;  /* those files; NULL: none */
	bool ca_path;  /* the system's directory of certificates counts beside them */
	char *cert;    /* the file of --tls-client-cert; NULL: none */
	char *agent;
	struct http_proxies proxies;
	bool insecure;
};

/* http_conf_read: 0, or why a certificate cannot be used.  http_conf_release: in both cases; also
 * of one that is zero. */
int http_conf_read(struct http_conf *c, const struct http_options *o, struct err *err);
void http_conf_release(struct http_conf *c);

size_t http_server_len(
	const char *url); /* of the part that names the server: scheme, host and port */
/* http_server_name: that part for messages: without a user and a password, should there be any. */
void http_server_name(const char *url, char *out, size_t cap);

#endif
