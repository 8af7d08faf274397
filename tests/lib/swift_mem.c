#include "backend/decorators.h"
#include "lib/swift_mem.h"
#include "backend/http.h"
#include "backend/swift.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORAGE "http://swift/v1"
#define OBJECTS "/box/p/"

struct object {
	char *name; /* behind the container */
	uint8_t *bytes;
	size_t size;
};

/* One store's line to the server. */
struct line {
	struct swift_mem *m;
	int (*ask)(void *arg);
	void *arg;
	struct line *next;
};

struct swift_mem {
	pthread_mutex_t lock;
	struct object *v; /* by name */
	size_t n;
	struct line *lines;
};

static size_t place_of(const struct swift_mem *m, const char *name, bool *found)
{
	size_t i = 0;

	while (i < m->n && strcmp(m->v[i].name, name) < 0)
		i++;
	*found = i < m->n && !strcmp(m->v[i].name, name);
	return i;
}

static const char *header(const struct http_req *r, const char *name)
{
	for (size_t i = 0; i < r->n_header; i++) {
		if (!strncmp(r->header[i], name, strlen(name)))
			return r->header[i] + strlen(name);
	}
	return NULL;
}

static void put(struct swift_mem *m, struct http_req *r, const char *name)
{
	const char *etag = header(r, "ETag: ");
	bool found;
	size_t i = place_of(m, name, &found);

	if (found) {
		mem_free(m->v[i].bytes);
	} else {
		m->v = mem_regrow(m->v, m->n + 1, sizeof(*m->v));
		memmove(m->v + i + 1, m->v + i, (m->n - i) * sizeof(*m->v));
		m->n++;
		m->v[i].name = mem_strdup(name);
	}
	m->v[i].bytes = mem_dup(r->body, r->body_n);
	m->v[i].size = r->body_n;
	r->status = 201;
	buf_addf(&r->headers, "Etag: %s\n", etag ? etag : "");
}

static void get(const struct object *o, struct http_req *r)
{
	const char *range = header(r, "Range: bytes=");
	size_t from = 0, to = o->size;
	char *dash;

	r->status = 200;
	r->length = o->size;
	if (!strcmp(r->method, "HEAD"))
		return;
	if (range) {
		from = strtoull(range, &dash, 10);
		if (dash[1])
			to = strtoull(dash + 1, NULL, 10) + 1;
		if (to > o->size)
			to = o->size;
		r->status = from < to ? 206 : 416;
	}
	if (from < to)
		buf_add(&r->out, o->bytes + from, to - from);
	r->length = r->out.len;
}

static void drop(struct swift_mem *m, size_t i)
{
	mem_free(m->v[i].name);
	mem_free(m->v[i].bytes);
	memmove(m->v + i, m->v + i + 1, (m->n - i - 1) * sizeof(*m->v));
	m->n--;
}

static void object(struct swift_mem *m, struct http_req *r, const char *name)
{
	bool found;
	size_t i = place_of(m, name, &found);

	if (!strcmp(r->method, "PUT")) {
		put(m, r, name);
	} else if (!found) {
		r->status = 404;
	} else if (!strcmp(r->method, "DELETE")) {
		drop(m, i);
		r->status = 204;
	} else {
		get(&m->v[i], r);
	}
}

static void list(struct swift_mem *m, struct http_req *r)
{
	const char *prefix = strstr(r->url, "&prefix="), *marker = strstr(r->url, "&marker=");
	size_t n;

	REQUIRE(prefix != NULL);
	prefix += 8;
	n = strcspn(prefix, "&");
	buf_addc(&r->out, '[');
	for (size_t i = 0; i < m->n; i++) {
		if (strncmp(m->v[i].name, prefix, n) != 0 ||
			(marker && strcmp(m->v[i].name, marker + 8) <= 0))
			continue;
		if (r->out.len > 1)
			buf_addc(&r->out, ',');
		buf_addf(&r->out, "{\"name\":\"%s\",\"bytes\":%zu}", m->v[i].name, m->v[i].size);
	}
	buf_addc(&r->out, ']');
	r->status = 200;
	r->length = r->out.len;
}

static void answer(struct swift_mem *m, struct http_req *r)
{
	const char *path = r->url + strlen(STORAGE);

	if (strstr(r->url, "/auth/")) {
		buf_adds(&r->headers, "X-Storage-Url: " STORAGE "\nX-Auth-Token: token\n");
		r->status = 204;
	} else if (strchr(r->url, '?')) {
		list(m, r);
	} else if (!strncmp(path, OBJECTS, strlen(OBJECTS))) {
		object(m, r, path + strlen("/box/"));
	} else {
		r->status = 204; /* the container is there */
	}
}

static void start(void *arg, struct http_req *r)
{
	struct line *l = arg;
	int code = l->ask && !strstr(r->url, "/auth/") ? l->ask(l->arg) : 0;

	buf_init(&r->headers, 65536);
	buf_reset(&r->out);
	err_clear(&r->err);
	r->length = 0;
	pthread_mutex_lock(&l->m->lock);
	if (code)
		err_set(&r->err, code, "no connection");
	else
		answer(l->m, r);
	pthread_mutex_unlock(&l->m->lock);
	r->done(r);
}

static const char *variable(const char *name)
{
	static const char *const v[] = {"ST_AUTH", "http://swift/auth/v1.0", "ST_USER", "u",
		"ST_KEY", "k"};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i += 2) {
		if (!strcmp(name, v[i]))
			return v[i + 1];
	}
	return NULL;
}

struct backend *swift_mem_store(struct swift_mem *m, int (*ask)(void *arg), void *arg,
	const struct env *env)
{
	struct line *l = mem_alloc(sizeof(*l));
	struct swift_wire w = {.start = start, .arg = l};
	struct swift_creds c;
	struct backend *b = NULL;

	*l = (struct line){.m = m, .ask = ask, .arg = arg};
	pthread_mutex_lock(&m->lock);
	l->next = m->lines;
	m->lines = l;
	pthread_mutex_unlock(&m->lock);
	REQUIRE(swift_creds_read(&c, variable, NULL) == 0);
	REQUIRE(swift_new("box:/p", swift_login_source_new(&c, &w, env), &w, NULL, 0, env, &b,
			NULL) == 0);
	return backend_look_new(b);
}

struct swift_mem *swift_mem_new(void)
{
	struct swift_mem *m = mem_zalloc(sizeof(*m));

	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void swift_mem_free(struct swift_mem *m)
{
	while (m->n)
		drop(m, 0);
	mem_free(m->v);
	while (m->lines) {
		struct line *l = m->lines;

		m->lines = l->next;
		mem_free(l);
	}
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}
