#include "backend/http.h"
#include "base/mem.h"
#include "lib/pyserver.h"
#include "unit/check.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)

static struct env env;

static struct pyserver plain, secure, mutual;

static char *at(const char *name)
{
	return mem_printf("%s/%s", check_tmpdir(), name);
}

void check_setup(void)
{
	char *cert = at("cert.pem"), *key = at("key.pem"), *both = at("both.pem");
	char *cmd = mem_printf(
		"cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
		"-nodes -keyout key.pem -out cert.pem "
		"-days 2 -subj /CN=a_backup-test -addext subjectAltName=IP:127.0.0.1 2>/dev/null "
		"&& cat cert.pem key.pem >both.pem && "
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "
		"other.key -out other.pem -days 2 "
		"-subj /CN=other 2>/dev/null",
		check_tmpdir());

	env.clock = clock_real();
	env.rnd = rnd_real();
	REQUIRE(!system(cmd));
	plain = pyserver_start(NULL, NULL, NULL);
	secure = pyserver_start(cert, key, NULL);
	mutual = pyserver_start(cert, key, cert);
	mem_free(cmd);
	mem_free(cert);
	mem_free(key);
	mem_free(both);
}

void check_teardown(void)
{
	pyserver_stop(&plain);
	pyserver_stop(&secure);
	pyserver_stop(&mutual);
}

static struct http *client(const struct http_options *o)
{
	static const struct http_options defaults;
	struct http *h = NULL;
	struct err err = {0};

	CHECK_EQ(http_new(o ? o : &defaults, &env, &h, &err), 0);
	CHECK_STR(err.msg, "");
	REQUIRE(h);
	return h;
}

static char *url_at(const struct pyserver *s, const char *path)
{
	return mem_printf("%s://127.0.0.1:%d%s", s == &plain ? "http" : "https", s->port, path);
}

/* One request; the answer's body must be `want` unless that is NULL.  Returns the transport's code.
 */
static int ask(struct http *h, const struct pyserver *s, const char *method, const char *path,
	int status, const char *want)
{
	char *url = url_at(s, path);
	struct http_req r = {.method = method, .url = url};
	int code;

	buf_init(&r.out, 1 << 20);
	code = http_run(h, &r);
	CHECK_EQ(r.status, status);
	CHECK_EQ(!code, !r.err.msg[0]);
	if (want)
		CHECK_STR(buf_str(&r.out), want);
	http_req_release(&r);
	mem_free(url);
	return code;
}

/* What the server counted: a number from its JSON. */
static int seen(struct http *h, const struct pyserver *s, const char *what)
{
	char *url = url_at(s, "/seen"), *key = mem_printf("\"%s\": ", what);
	struct http_req r = {.method = "GET", .url = url};
	const char *p;
	int n = -1;

	buf_init(&r.out, 1000);
	REQUIRE(!http_run(h, &r));
	p = strstr(buf_str(&r.out), key);
	if (CHECK(p))
		n = atoi(p + strlen(key));
	http_req_release(&r);
	mem_free(url);
	mem_free(key);
	return n;
}

TEST(methods_bodies_and_headers)
{
	struct http *h = client(NULL);
	char *url = url_at(&plain, "/echo");
	static uint8_t body[3 << 20];
	char want[100];
	struct http_req r = {.method = "PUT",
		.url = url,
		.header = {"X-Own: mine", "Content-Type: a/b"},
		.n_header = 2};

	CHECK_EQ(ask(h, &plain, "GET", "/echo", 200, "GET 0 0 - - a_backup -"), 0);
	CHECK_EQ(ask(h, &plain, "POST", "/echo", 200, "POST 0 0 - - a_backup -"), 0);
	CHECK_EQ(ask(h, &plain, "PUT", "/echo", 200, "PUT 0 0 - - a_backup -"), 0);
	CHECK_EQ(ask(h, &plain, "DELETE", "/echo", 200, "DELETE 0 0 - - a_backup -"), 0);
	memset(body, 3, sizeof(body));
	r.body = body;
	r.body_n = sizeof(body);
	buf_init(&r.out, 1000);
	for (int i = 0; i < 2; i++) {
		r.method = i ? "POST" : "PUT";
		CHECK_EQ(http_run(h, &r), 0);
		snprintf(want, sizeof(want), "%s %zu %zu mine a/b a_backup -", r.method,
			sizeof(body), 3 * sizeof(body));
		CHECK_STR(buf_str(&r.out), want);
	}
	http_req_release(&r);
	/* Large as it is, nobody waited for a "100 Continue". */
	CHECK_EQ(seen(h, &plain, "expect"), 0);
	http_free(h);
	mem_free(url);
}

TEST(head_tells_the_length)
{
	struct http *h = client(NULL);
	char *url = url_at(&plain, "/bytes/12345");
	struct http_req r = {.method = "HEAD", .url = url};
	char v[20];

	buf_init(&r.out, 0);
	CHECK_EQ(http_run(h, &r), 0);
	CHECK_EQ(r.status, 200);
	CHECK_EQ(r.length, 12345);
	CHECK(http_header(&r, "content-length", v, sizeof(v)));
	CHECK_STR(v, "12345");
	http_req_release(&r);
	http_free(h);
	mem_free(url);
}

TEST(body_up_to_the_maximum)
{
	struct http *h = client(NULL);
	char *url = url_at(&plain, "/bytes/100000");
	struct http_req r = {.method = "GET", .url = url};

	buf_init(&r.out, 100000);
	CHECK_EQ(http_run(h, &r), 0);
	CHECK_EQ(r.out.len, 100000);
	for (size_t i = 0; i < r.out.len; i++) {
		if (r.out.p[i] != i % 251)
			REQUIRE(!"the bytes as sent");
	}
	CHECK_EQ(r.out.cap, 100000);
	buf_release(&r.out);
	buf_init(&r.out, 99999);
	CHECK_EQ(http_run(h, &r), ERR_INVALID);
	CHECK(r.out.overflow);
	CHECK_EQ(r.status, 0);
	http_req_release(&r);
	http_free(h);
	mem_free(url);
}

/* The sentence of a server that refuses is wanted however small the thing asked for is. */
TEST(body_of_a_fault_is_kept)
{
	struct http *h = client(NULL);
	char *url = url_at(&plain, "/status/503");
	struct http_req r = {.method = "GET", .url = url};
	struct ts now = {0};
	char text[40];

	buf_init(&r.out, 3);
	CHECK_EQ(http_run(h, &r), 0);
	CHECK_EQ(r.status, 503);
	CHECK_EQ(r.out.max, 3);
	http_fault_text(&r, text, sizeof(text));
	CHECK_STR(text, "<first>line [31m</first>");
	CHECK_EQ(http_retry_after_ns(&r, &now), INT64_C(7000000000));
	http_req_release(&r);
	CHECK_EQ(ask(h, &plain, "GET", "/nothing", 404, "no such path"), 0);
	http_free(h);
	mem_free(url);
}

TEST(connections_are_used_again)
{
	struct http *h = client(NULL);
	int before = seen(h, &plain, "connections");

	for (int i = 0; i < 30; i++)
		CHECK_EQ(ask(h, &plain, i % 2 ? "GET" : "PUT", "/echo", 200, NULL), 0);
	CHECK_EQ(ask(h, &plain, "GET", "/nothing", 404, NULL), 0);
	CHECK_EQ(seen(h, &plain, "connections"), before);
	http_free(h);
}

/* The server has closed the connection that is kept: the body is sent again through a new one. */
TEST(a_dead_connection_costs_nothing)
{
	struct http *h = client(NULL);

	for (int i = 0; i < 5; i++) {
		CHECK_EQ(ask(h, &plain, "GET", "/drop", 200, "good-bye"), 0);
		CHECK_EQ(ask(h, &plain, "PUT", "/echo", 200, NULL), 0);
	}
	http_free(h);
}

/* As a dead one, but it is noticed only when the body is on its way already. */
TEST(a_body_is_sent_again)
{
	struct http *h = client(NULL);
	char *url = url_at(&plain, "/echo");
	static uint8_t body[2 << 20];
	struct http_req r = {.method = "PUT", .url = url, .body = body, .body_n = sizeof(body)};
	char want[100];

	memset(body, 1, sizeof(body));
	buf_init(&r.out, 1000);
	snprintf(want, sizeof(want), "PUT %zu %zu - - a_backup -", sizeof(body), sizeof(body));
	CHECK_EQ(ask(h, &plain, "GET", "/fickle", 200, "once"), 0);
	CHECK_EQ(http_run(h, &r), 0);
	CHECK_STR(buf_str(&r.out), want);
	http_req_release(&r);
	http_free(h);
	mem_free(url);
}

/* Many requests at once, each starting the next from its done(). */
enum { MANY = 40, ROUNDS = 3 };

struct crowd {
	struct http *h;
	pthread_mutex_t m;
	pthread_cond_t c;
	unsigned left, wrong;
	int want;
};

struct member {
	struct crowd *crowd;
	struct http_req r;
	unsigned round;
};

static void member_done(struct http_req *r)
{
	struct member *x = r->arg;
	struct crowd *w = x->crowd;
	bool last = ++x->round == ROUNDS;

	pthread_mutex_lock(&w->m);
	if (r->err.code != w->want || (!w->want && (r->status != 200 || r->out.len != 4)))
		w->wrong++;
	if (last && !--w->left)
		pthread_cond_signal(&w->c);
	pthread_mutex_unlock(&w->m);
	if (!last)
		http_start(w->h, r);
}

static void crowd_run(struct crowd *w, const char *url, unsigned rounds,
	void (*meanwhile)(struct crowd *w))
{
	struct member *x = mem_array(MANY, sizeof(*x));

	pthread_mutex_init(&w->m, NULL);
	pthread_cond_init(&w->c, NULL);
	w->left = MANY;
	for (unsigned i = 0; i < MANY; i++) {
		x[i] = (struct member){.crowd = w,
			.r = {.method = "GET", .url = url, .done = member_done},
			.round = ROUNDS - rounds};
		x[i].r.arg = &x[i];
		buf_init(&x[i].r.out, 2000);
		http_start(w->h, &x[i].r);
	}
	if (meanwhile)
		meanwhile(w);
	pthread_mutex_lock(&w->m);
	while (w->left)
		pthread_cond_wait(&w->c, &w->m);
	pthread_mutex_unlock(&w->m);
	CHECK_EQ(w->wrong, 0);
	for (unsigned i = 0; i < MANY; i++)
		http_req_release(&x[i].r);
	pthread_cond_destroy(&w->c);
	pthread_mutex_destroy(&w->m);
	mem_free(x);
}

static void at_once(unsigned connections, int most, unsigned rounds, int ms)
{
	struct http *h = client(&(struct http_options){.connections = connections});
	struct crowd w = {.h = h};
	struct pyserver s = pyserver_start(NULL, NULL, NULL);
	char *url = mem_printf("http://127.0.0.1:%d/slow/%d", s.port, ms);
	struct pyserver saved = plain;

	crowd_run(&w, url, rounds, NULL);
	plain = s;
	CHECK_EQ(seen(h, &plain, "most"), most);
	CHECK_EQ(seen(h, &plain, "connections"), most);
	plain = saved;
	http_free(h);
	pyserver_stop(&s);
	mem_free(url);
}

TEST(many_in_flight_up_to_the_connections)
{
	at_once(0, 5, ROUNDS, 20);
	at_once(1, 1, 1, 1);
	at_once(20, 20, ROUNDS, 200);
}

TEST(urgent_does_not_wait)
{
	struct http *h = client(&(struct http_options){.connections = 1});
	char *slow = url_at(&plain, "/stall"), *quick = url_at(&plain, "/echo");
	struct crowd w = {.h = h, .left = 1};
	struct member x = {.crowd = &w,
		.r = {.method = "GET", .url = slow, .done = member_done},
		.round = ROUNDS - 1};
	struct http_req r = {.method = "GET", .url = quick, .urgent = true};

	pthread_mutex_init(&w.m, NULL);
	pthread_cond_init(&w.c, NULL);
	x.r.arg = &x;
	buf_init(&x.r.out, 2000);
	buf_init(&r.out, 100);
	http_start(h, &x.r);
	CHECK_EQ(http_run(h, &r), 0);
	pthread_mutex_lock(&w.m);
	CHECK_EQ(w.left, 1); /* that one never ends by itself */
	http_cancel(h);
	while (w.left)
		pthread_cond_wait(&w.c, &w.m);
	pthread_mutex_unlock(&w.m);
	http_req_release(&x.r);
	http_req_release(&r);
	http_free(h);
	mem_free(slow);
	mem_free(quick);
}

TEST(stall)
{
	struct http *h = client(&(struct http_options){.stall_ns = 400 * MS});
	int64_t began = clock_mono(env.clock), took;

	CHECK_EQ(ask(h, &plain, "GET", "/stall", 0, NULL), ERR_IO);
	took = clock_mono(env.clock) - began;
	CHECK(took >= 400 * MS && took < 30000 * MS);
	CHECK_EQ(ask(h, &plain, "GET", "/slow/10000", 0, NULL), ERR_IO);
	/* 8 times 150 ms: longer than a stall in all, but never still for so long. */
	CHECK_EQ(ask(h, &plain, "GET", "/drip/150", 200, "........"), 0);
	CHECK_EQ(ask(h, &plain, "GET", "/echo", 200, NULL), 0);
	http_free(h);
}

TEST(broken_answers)
{
	struct http *h = client(NULL);

	CHECK_EQ(ask(h, &plain, "GET", "/cut", 0, NULL), ERR_IO);
	CHECK_EQ(ask(h, &plain, "GET", "/vanish", 0, NULL), ERR_IO);
	CHECK_EQ(ask(h, &plain, "GET", "/headers/30000", 200, "many"), 0);
	CHECK_EQ(ask(h, &plain, "GET", "/headers/80000", 0, NULL), ERR_ODD);
	CHECK_EQ(ask(h, &plain, "GET", "/long/60000", 200, "long"), 0);
	CHECK_EQ(ask(h, &plain, "GET", "/long/70000", 0, NULL), ERR_ODD);
	CHECK_EQ(ask(h, &plain, "GET", "/long/3000000", 0, NULL), ERR_ODD);
	CHECK_EQ(ask(h, &plain, "GET", "/echo", 200, NULL), 0);
	http_free(h);
}

/* Bytes that come one by one are no progress: as long as a stall, and no longer. */
TEST(drops_without_end)
{
	struct http *h = client(&(struct http_options){.stall_ns = 1500 * MS});
	int64_t began = clock_mono(env.clock), took;

	CHECK_EQ(ask(h, &plain, "GET", "/dripping/50", 0, NULL), ERR_IO);
	took = clock_mono(env.clock) - began;
	CHECK(took >= 1500 * MS && took < 30000 * MS);
	http_free(h);
}

/* Nothing of an answer without an end is of use. */
TEST(answers_without_end)
{
	struct http *h = client(NULL), *soon = client(&(struct http_options){.stall_ns = 300 * MS});
	char *url = url_at(&plain, "/endless/1");
	struct http_req r = {.method = "GET", .url = url};
	int64_t began = clock_mono(env.clock);

	buf_init(&r.out, 10);
	CHECK_EQ(http_run(h, &r), 0);
	CHECK_EQ(r.status, 404);
	CHECK_EQ(r.out.len, HTTP_FAULT_MAX);
	http_req_release(&r);
	CHECK_EQ(ask(soon, &plain, "GET", "/dripping/50", 0, NULL), ERR_IO);
	CHECK_EQ(ask(h, &plain, "GET", "/continue/1", 0, NULL), ERR_ODD);
	CHECK_EQ(ask(h, &plain, "GET", "/echo", 200, NULL), 0);
	CHECK(clock_mono(env.clock) - began < 20000 * MS);
	http_free(soon);
	http_free(h);
	mem_free(url);
}

/* Swift says 202 with a page, and any server may refuse with one; but no object is a page. */
TEST(a_web_page_is_no_answer)
{
	struct http *h = client(NULL);

	CHECK_EQ(ask(h, &plain, "GET", "/page/200", 0, NULL), ERR_ODD);
	CHECK_EQ(ask(h, &plain, "PUT", "/page/200", 0, NULL), ERR_ODD);
	CHECK_EQ(ask(h, &plain, "HEAD", "/page/200", 200, ""), 0);
	CHECK_EQ(ask(h, &plain, "PUT", "/page/202", 202, NULL), 0);
	CHECK_EQ(ask(h, &plain, "GET", "/page/404", 404, NULL), 0);
	http_free(h);
}

/* A server that says no before it has read the body. */
TEST(refused_upload)
{
	struct http *h = client(NULL);
	char *url = url_at(&plain, "/early");
	uint8_t *body = mem_zalloc(20000);
	struct http_req r = {.method = "PUT", .url = url, .body = body, .body_n = 20000};

	buf_init(&r.out, 100);
	CHECK_EQ(http_run(h, &r), 0);
	CHECK_EQ(r.status, 507);
	CHECK_STR(buf_str(&r.out), "full");
	http_req_release(&r);
	http_free(h);
	mem_free(body);
	mem_free(url);
}

TEST(nobody_there)
{
	struct http *h = client(NULL);
	struct http_req r = {.method = "GET", .url = "http://user:secret@127.0.0.1:1/x"};

	buf_init(&r.out, 100);
	CHECK_EQ(http_run(h, &r), ERR_IO);
	CHECK(strstr(r.err.msg, "127.0.0.1:1"));
	CHECK(!strstr(r.err.msg, "secret"));
	r.url = "ftp://127.0.0.1/x";
	CHECK_EQ(http_run(h, &r), ERR_USAGE);
	r.url = "file:///etc/passwd";
	CHECK_EQ(http_run(h, &r), ERR_USAGE);
	CHECK_EQ(r.out.len, 0);
	http_req_release(&r);
	http_free(h);
}

static void cancel(struct crowd *w)
{
	struct timespec ts = {.tv_nsec = 200000000};

	nanosleep(&ts, NULL);
	http_cancel(w->h);
}

TEST(cancel_ends_what_is_under_way_waiting_and_new)
{
	struct http *h = client(NULL);
	struct crowd w = {.h = h, .want = ERR_CANCELLED};
	char *url = url_at(&plain, "/slow/15000");
	int64_t began = clock_mono(env.clock);

	crowd_run(&w, url, ROUNDS, cancel);
	CHECK(clock_mono(env.clock) - began < 3000 * MS);
	CHECK_EQ(ask(h, &plain, "GET", "/echo", 0, NULL), ERR_CANCELLED);
	http_free(h);
	mem_free(url);
}

/* A lock's refresh must not suffer. */
static void give_up_soon(struct crowd *others)
{
	struct timespec ts = {.tv_nsec = 200000000};
	char *url = url_at(&plain, "/slow/600");
	struct crowd w = {.h = others->h, .left = 1};
	struct member x = {.crowd = &w,
		.r = {.method = "GET", .url = url, .done = member_done, .urgent = true},
		.round = ROUNDS - 1};

	pthread_mutex_init(&w.m, NULL);
	pthread_cond_init(&w.c, NULL);
	x.r.arg = &x;
	buf_init(&x.r.out, 100);
	http_start(w.h, &x.r);
	nanosleep(&ts, NULL);
	http_give_up(w.h);
	pthread_mutex_lock(&w.m);
	while (w.left)
		pthread_cond_wait(&w.c, &w.m);
	pthread_mutex_unlock(&w.m);
	CHECK_EQ(w.wrong, 0);
	http_req_release(&x.r);
	mem_free(url);
}

TEST(giving_up_ends_what_is_under_way_and_waiting_and_no_more)
{
	struct http *h = client(NULL);
	struct crowd w = {.h = h, .want = ERR_CANCELLED};
	char *url = url_at(&plain, "/slow/15000");
	int64_t began = clock_mono(env.clock);

	crowd_run(&w, url, 1, give_up_soon);
	CHECK(clock_mono(env.clock) - began < 5000 * MS);
	CHECK_EQ(ask(h, &plain, "GET", "/echo", 200, NULL), 0);
	http_free(h);
	mem_free(url);
}

TEST(tls)
{
	char *cert = at("cert.pem"), *other = at("other.pem"),
	     *list = mem_printf("%s,%s", other, cert);
	struct http *h = client(NULL);

	/* Nobody vouches for it. */
	CHECK_EQ(ask(h, &secure, "GET", "/echo", 0, NULL), ERR_ODD);
	http_free(h);
	h = client(&(struct http_options){.insecure_tls = true});
	CHECK_EQ(ask(h, &secure, "GET", "/echo", 200, "GET 0 0 - - a_backup -"), 0);
	http_free(h);
	h = client(&(struct http_options){.cacert = cert, .user_agent = "other/1"});
	CHECK_EQ(ask(h, &secure, "GET", "/echo", 200, "GET 0 0 - - other/1 -"), 0);
	http_free(h);
	h = client(&(struct http_options){.cacert = other});
	CHECK_EQ(ask(h, &secure, "GET", "/echo", 0, NULL), ERR_ODD);
	http_free(h);
	h = client(&(struct http_options){.cacert = list});
	CHECK_EQ(ask(h, &secure, "GET", "/echo", 200, NULL), 0);
	http_free(h);
	mem_free(cert);
	mem_free(other);
	mem_free(list);
}

TEST(tls_where_there_is_none)
{
	struct http *h = client(NULL);
	char *url = mem_printf("https://127.0.0.1:%d/echo", plain.port);
	struct http_req r = {.method = "GET", .url = url};

	buf_init(&r.out, 1 << 20);
	CHECK_EQ(http_run(h, &r), ERR_ODD);
	CHECK(strstr(r.err.msg, "does not speak TLS"));
	http_req_release(&r);
	http_free(h);
	mem_free(url);
}

TEST(tls_client_certificate)
{
	char *cert = at("cert.pem"), *both = at("both.pem");
	struct http *h = client(&(struct http_options){.cacert = cert});

	CHECK(ask(h, &mutual, "GET", "/echo", 0, NULL) < 0);
	http_free(h);
	h = client(&(struct http_options){.cacert = cert, .tls_client_cert = both});
	CHECK_EQ(ask(h, &mutual, "GET", "/echo", 200, NULL), 0);
	http_free(h);
	mem_free(cert);
	mem_free(both);
}

TEST(certificates_that_are_none)
{
	char *key = at("none.pem"), *none = at("nothing.pem");
	struct http *h = NULL;
	struct err err = {0};
	int fd = open(key, O_CREAT | O_WRONLY, 0600);

	CHECK(fd >= 0 && write(fd, "text", 4) == 4);
	close(fd);
	CHECK_EQ(http_new(&(struct http_options){.cacert = none}, &env, &h, &err), ERR_NOTFOUND);
	CHECK(strstr(err.msg, none));
	CHECK_EQ(http_new(&(struct http_options){.cacert = key}, &env, &h, &err), ERR_USAGE);
	CHECK_EQ(http_new(&(struct http_options){.tls_client_cert = none}, &env, &h, &err),
		ERR_NOTFOUND);
	CHECK(!h);
	mem_free(key);
	mem_free(none);
}

static char proxy_url[64];

static const char *proxied(const char *name)
{
	return !strcmp(name, "http_proxy") ? proxy_url : NULL;
}

static const char *ssl_file, *ssl_dir;

static const char *certs(const char *name)
{
	return !strcmp(name, "SSL_CERT_FILE")  ? ssl_file
	       : !strcmp(name, "SSL_CERT_DIR") ? ssl_dir
					       : NULL;
}

/* What Go looks into, and so restic. */
TEST(certificates_of_the_environment)
{
	struct http_options o = {.getenv = certs};
	char *cert = at("cert.pem"), *other = at("other.pem"),
	     *dirs = mem_printf("/nowhere:%s", check_tmpdir());
	struct http *h;

	ssl_file = cert;
	h = client(&o);
	CHECK_EQ(ask(h, &secure, "GET", "/echo", 200, NULL), 0);
	http_free(h);
	ssl_file = NULL;
	ssl_dir = dirs;
	h = client(&o);
	CHECK_EQ(ask(h, &secure, "GET", "/echo", 200, NULL), 0);
	http_free(h);
	/* --cacert stands alone. */
	o.cacert = other;
	h = client(&o);
	CHECK_EQ(ask(h, &secure, "GET", "/echo", 0, NULL), ERR_ODD);
	http_free(h);
	o.cacert = NULL;
	ssl_dir = "";
	ssl_file = "/nowhere/at/all";
	h = client(&o);
	CHECK_EQ(ask(h, &secure, "GET", "/echo", 0, NULL), ERR_ODD);
	http_free(h);
	mem_free(cert);
	mem_free(other);
	mem_free(dirs);
}

static const char *not_proxied(const char *name)
{
	return !strcmp(name, "NO_PROXY") ? "store.invalid" : proxied(name);
}

/* Proxies come from the environment that was handed in, and from no other. */
TEST(proxies)
{
	struct http_req r = {.method = "GET", .url = "http://store.invalid/x"};
	struct http *h = client(&(struct http_options){.getenv = proxied});

	snprintf(proxy_url, sizeof(proxy_url), "http://127.0.0.1:%d", plain.port);
	http_free(h);
	h = client(&(struct http_options){.getenv = proxied});
	buf_init(&r.out, 100);
	CHECK_EQ(http_run(h, &r), 0);
	CHECK_STR(buf_str(&r.out), "through the proxy");
	/* What cannot be used is said, and its password is not. */
	snprintf(proxy_url, sizeof(proxy_url), "http://me:SEC#RET@127.0.0.1:1");
	http_free(h);
	h = client(&(struct http_options){.getenv = proxied});
	CHECK_EQ(http_run(h, &r), ERR_USAGE);
	CHECK(strstr(r.err.msg, "http_proxy") && !strstr(r.err.msg, "SEC"));
	/* The machine itself needs none. */
	CHECK_EQ(ask(h, &plain, "DELETE", "/echo", 200, "DELETE 0 0 - - a_backup -"), 0);
	http_free(h);
	h = client(&(struct http_options){.getenv = not_proxied});
	CHECK_EQ(http_run(h, &r), ERR_IO);
	http_free(h);
	setenv("http_proxy", proxy_url, 1);
	h = client(NULL);
	CHECK_EQ(http_run(h, &r), ERR_IO);
	http_free(h);
	unsetenv("http_proxy");
	http_req_release(&r);
}
