#include "backend/http_proxy.h"
#include "backend/http.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 256
#define LINE_CAP 1024

static const char *const variables[2][2] = {{"http_proxy", "HTTP_PROXY"},
	{"https_proxy", "HTTPS_PROXY"}};

static const char *one_of(const char *(*get)(const char *), const char *a, const char *b)
{
	const char *v = get ? get(a) : NULL;

	if (get && (!v || !*v))
		v = get(b);
	return v && *v ? v : NULL;
}

/* ---- what a variable says ---- */

/* The text between two points, decoded; NULL: a '%' that encodes nothing. */
static char *decoded(const char *from, const char *end)
{
	struct buf b;
	char *s = NULL;

	for (const char *p = from; p < end; p++) {
		if (*p == '%' && (end - p < 3 || !isxdigit((unsigned char)p[1]) ||
					 !isxdigit((unsigned char)p[2])))
			return NULL;
	}
	buf_init(&b, 8192);
	http_decode(&b, from, (size_t)(end - from));
	if (!b.overflow && !(b.len && memchr(b.p, 0, b.len)))
		s = mem_strndup((const char *)b.p, b.len);
	buf_wipe(&b);
	return s;
}

static bool is_scheme(const char *s, size_t n)
{
	static const char *const known[] = {"http", "https", "socks4", "socks4a", "socks5",
		"socks5h"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i]) == n && !strncasecmp(s, known[i], n))
			return true;
	}
	return false;
}

/* "name", "name:port", "[::1]:port" */
static bool is_place(const char *s, size_t n)
{
	const char *close = memchr(s, *s == '[' ? ']' : ':', n);
	size_t host = !close ? n : (size_t)(close - s) + (*s == '[');
	size_t digits = host < n ? strspn(s + host + 1, "0123456789") : 0;

	if (!host || (*s == '[' && !close))
		return false;
	for (size_t i = 0; i < host; i++) {
		if (!isalnum((unsigned char)s[i]) && !strchr("-._:[]", s[i]))
			return false;
	}
	return host == n || (s[host] == ':' && host + 1 + digits == n && digits && digits <= 5 &&
				    atoi(s + host + 1) < 65536);
}

/* Of a user and a password the last @ is the end, as for Go; they may hold no / ? #. */
static bool parse(struct http_proxy *p, const char *s)
{
	const char *mark = strstr(s, "://"), *from = mark ? mark + 3 : s,
		   *end = from + strcspn(from, "/?#");
	const char *at = memrchr(from, '@', (size_t)(end - from)), *host = at ? at + 1 : from,
		   *colon;

	if ((mark && !is_scheme(s, (size_t)(mark - s))) || strpbrk(end, "@?#") ||
		!is_place(host, (size_t)(end - host)))
		return false;
	if (at) {
		colon = memchr(from, ':', (size_t)(at - from));
		p->user = decoded(from, colon ? colon : at);
		p->password = decoded(colon ? colon + 1 : at, at);
		if (!p->user || !p->password)
			return false;
	}
	p->url = mem_printf("%.*s://%.*s", mark ? (int)(mark - s) : 4, mark ? s : "http",
		(int)(end - host), host);
	return true;
}

void http_proxies_read(struct http_proxies *p, const char *(*get)(const char *name),
	const char *hosts)
{
	const char *none = one_of(get, "no_proxy", "NO_PROXY");

	*p = (struct http_proxies){.hosts = hosts, .none = none ? mem_strdup(none) : NULL};
	for (int i = 0; i < 2; i++) {
		const char *v = one_of(get, variables[i][0], variables[i][1]);

		p->by[i].bad = v && !parse(&p->by[i], v);
	}
}

void http_proxies_release(struct http_proxies *p)
{
	for (int i = 0; i < 2; i++) {
		mem_free(p->by[i].url);
		mem_free_secret(p->by[i].user);
		mem_free_secret(p->by[i].password);
	}
	mem_free(p->none);
	*p = (struct http_proxies){0};
}

/* ---- whom it is for ---- */

/* An address in 16 bytes, the older kind as ::ffff:a.b.c.d. */
struct address {
	uint8_t b[16];
};

static const uint8_t older[12] = {[10] = 0xff, [11] = 0xff};

static bool address_parse(struct address *a, const char *s)
{
	memcpy(a->b, older, sizeof(older));
	return inet_pton(AF_INET, s, a->b + 12) == 1 || inet_pton(AF_INET6, s, a->b) == 1;
}

static bool address_loops(const struct address *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return !memcmp(a->b, one, 16) || (!memcmp(a->b, older, 12) && a->b[12] == 127);
}

/* "10.0.0.0/8", "fd00::/8".  1: yes, 0: no, -1: it is no such thing. */
static int in_net(const char *net, const struct address *a)
{
	const char *slash = strchr(net, '/');
	char *end, text[HOST_MAX];
	struct address n;
	unsigned long bits;

	if (!slash || (size_t)(slash - net) >= sizeof(text) || !isdigit((unsigned char)slash[1]))
		return -1;
	snprintf(text, sizeof(text), "%.*s", (int)(slash - net), net);
	bits = strtoul(slash + 1, &end, 10);
	if (*end || !address_parse(&n, text) || bits > (strchr(text, ':') ? 128u : 32u))
		return -1;
	bits += strchr(text, ':') ? 0 : 96;
	for (unsigned long i = 0; a && i < bits; i++) {
		if ((n.b[i / 8] ^ a->b[i / 8]) & (0x80 >> i % 8))
			return 0;
	}
	return a != NULL;
}

/* The port behind a host, cut off; NULL: none. */
static char *cut_port(char *s)
{
	char *colon = strrchr(s, ':');

	if (!colon || (*s == '[' ? colon[-1] != ']' : memchr(s, ':', (size_t)(colon - s)) != NULL))
		return NULL;
	*colon = 0;
	return colon + 1;
}

static char *cut_brackets(char *s)
{
	size_t n = strlen(s);

	if (n < 2 || s[0] != '[' || s[n - 1] != ']')
		return s;
	s[n - 1] = 0;
	return s + 1;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* One word of no_proxy, in lower case.  a: the host's address, NULL: it has a name. */
static bool word_fits(char *word, const char *host, const char *port, const struct address *a)
{
	const char *its_port;
	struct address its;
	char *name;
	int net = in_net(word, a);

	if (net >= 0)
		return net;
	its_port = cut_port(word);
	name = cut_brackets(word);
	if (its_port && *its_port && strcmp(its_port, port) != 0)
		return false;
	if (address_parse(&its, name))
		return a && !memcmp(its.b, a->b, sizeof(its.b));
	if (a || !*name)
		return false;
	/* "*.site" and ".site" are what lies below it, "site" also itself. */
	if (name[0] == '*' && name[1] == '.')
		name++;
	if (*name == '.')
		return ends_with(host, name);
	return !strcmp(host, name) || (ends_with(host, name) && strlen(host) > strlen(name) &&
					      host[strlen(host) - strlen(name) - 1] == '.');
}

static bool is_exempt(const char *list, const char *host, const char *port, const struct address *a)
{
	char *copy = mem_strdup(list), *save = NULL;
	bool fits = false;

	for (char *w = strtok_r(copy, ",", &save); w && !fits; w = strtok_r(NULL, ",", &save)) {
		w += strspn(w, " \t");
		for (size_t n = strlen(w); n && strchr(" \t", w[n - 1]); n--)
			w[n - 1] = 0;
		for (char *c = w; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		fits = !strcmp(w, "*") || (*w && word_fits(w, host, port, a));
	}
	mem_free(copy);
	return fits;
}

/* The hosts file gives this name an address of the machine itself.  No name server is asked: behind
 * a proxy there may be none. */
static bool is_own_name(const char *hosts, const char *host)
{
	FILE *f = fopen(hosts, "re");
	char line[LINE_CAP];
	bool own = false;

	while (f && !own && fgets(line, sizeof(line), f)) {
		char *save = NULL, *word;
		struct address a;

		line[strcspn(line, "#\r\n")] = 0;
		word = strtok_r(line, " \t", &save);
		if (!word || !address_parse(&a, word) || !address_loops(&a))
			continue;
		while (!own && (word = strtok_r(NULL, " \t", &save)))
			own = !strcasecmp(word, host);
	}
	if (f)
		fclose(f);
	return own;
}

/* Host in lower case and port of a URL; false: it is too long for one. */
static bool url_split(const char *url, char host[HOST_MAX], char port[8])
{
	const char *from = strstr(url, "://"), *end, *at;
	char text[HOST_MAX], *p;

	from = from ? from + 3 : url;
	end = from + strcspn(from, "/?#");
	at = memrchr(from, '@', (size_t)(end - from));
	if (at)
		from = at + 1;
	if ((size_t)(end - from) >= HOST_MAX)
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)(end - from), from);
	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	p = cut_port(text);
	snprintf(port, 8, "%s", p && *p ? p : !strncasecmp(url, "https:", 6) ? "443" : "80");
	snprintf(host, HOST_MAX, "%s", cut_brackets(text));
	return true;
}

int http_proxy_for(const struct http_proxies *p, const char *url, const struct http_proxy **out,
	struct err *err)
{
	bool tls = !strncasecmp(url, "https:", 6);
	const struct http_proxy *mine = &p->by[tls];
	char host[HOST_MAX], port[8];
	struct address a;
	bool number;

	*out = NULL;
	if ((!mine->url && !mine->bad) || !url_split(url, host, port))
		return 0;
	number = address_parse(&a, host);
	if (number ? address_loops(&a)
		   : !strcmp(host, "localhost") || ends_with(host, ".localhost") ||
				is_own_name(p->hosts, host))
		return 0;
	if (p->none && is_exempt(p->none, host, port, number ? &a : NULL))
		return 0;
	if (mine->bad)
		return err_set(err, ERR_USAGE,
			"the proxy in %s cannot be understood: it is "
			"http://user:password@host:port, and in a user and a password %% / ? # "
			"are "
			"written %%25 %%2F %%3F %%23 (it is not shown here, for it may hold a "
			"password)",
			variables[tls][0]);
	*out = mine;
	return 0;
}
