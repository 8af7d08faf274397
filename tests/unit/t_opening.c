#include "repo/opening.h"
#include "base/mem.h"
#include "unit/check.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)

static const struct lock_timing fast = {.recheck = 5 * MS,
	.refresh = 60000 * MS,
	.give_up = 600000 * MS,
	.stale = 1800000 * MS,
	.again = 10 * MS};
static const struct kdf_params cheap = {.n = 2, .r = 1, .p = 1};

/* One client: what it answers and what it was told. */
struct client {
	struct opening open;
	const char *place, *other;
	const char *passwords[4]; /* one after the other; then it gives up */
	bool make;
	int patience; /* waits so often, if the lock is to be waited for; then it is cut short */
	int asked, made, taken_over, moved, opened, closed, waited, lost;
	int64_t pause[16];
	char wrong[200];
};

static struct env env;

static int answer(struct client *c, struct buf *out)
{
	const char *word = c->passwords[c->asked];

	if (!word)
		return ERR_CANCELLED;
	c->asked++;
	out->max = 100;
	return buf_adds(out, word);
}

static int password(void *arg, const struct err *wrong, struct buf *out, struct err *err)
{
	struct client *c = arg;

	CHECK_EQ(out->max, 0);
	if (wrong)
		snprintf(c->wrong, sizeof(c->wrong), "%.190s", wrong->msg);
	if (wrong && !c->passwords[c->asked])
		return err_copy(err, wrong);
	return answer(c, out) ? err_set(err, ERR_CANCELLED, "nobody answers") : 0;
}

static int new_password(void *arg, struct buf *out, struct err *err)
{
	return answer(arg, out) ? err_set(err, ERR_CANCELLED, "nobody answers") : 0;
}

static bool make(void *arg)
{
	return ((struct client *)arg)->make;
}

static void made(void *arg, bool ours)
{
	struct client *c = arg;

	c->made += ours;
	c->taken_over += !ours;
}

static void moved(void *arg)
{
	((struct client *)arg)->moved++;
}

static void opened(void *arg, struct backend *be)
{
	struct client *c = arg;

	CHECK(c->open.be == be);
	c->opened++;
}

static void closing(void *arg, struct backend *be)
{
	struct client *c = arg;

	CHECK(c->open.be == be);
	c->closed++;
}

static bool wait_for(void *arg, const struct err *held, int64_t left, int64_t pause)
{
	struct client *c = arg;

	CHECK_EQ(held->code, ERR_LOCKED);
	CHECK(pause <= left);
	c->pause[c->waited++ % 16] = pause;
	return c->waited > c->patience;
}

static void lost(void *arg, const struct err *why)
{
	(void)why;
	((struct client *)arg)->lost++;
}

static struct opening_options options(struct client *c)
{
	struct opening_options opt = {.place = c->place,
		.other = c->other,
		.spec = {.version = 2, .who = {"tester", "here"}, .cost = &cheap},
		.who = {"here", "tester", 1, 1, (uint64_t)getpid()},
		.timing = &fast,
		.calls = {.password = password,
			.new_password = new_password,
			.make = make,
			.made = made,
			.moved = moved,
			.opened = opened,
			.closing = closing,
			.wait = wait_for,
			.lost = lost,
			.arg = c}};

	return opt;
}

static int begin(struct client *c, struct err *err)
{
	struct opening_options opt = options(c);

	err_clear(err);
	opening_init(&c->open, &opt, &env);
	return opening_store(&c->open, err);
}

/* As far as it goes, and an exclusive lock. */
static int open_all(struct client *c, struct err *err)
{
	int rc = begin(c, err);

	if (!rc)
		rc = opening_repo(&c->open, err);
	return rc ? rc : opening_lock(&c->open, true, err);
}

/* What was opened is closed once; nothing is left to close twice. */
static void close_all(struct client *c)
{
	opening_close(&c->open);
	opening_close(&c->open);
	CHECK(!c->open.be && !c->open.repo && !c->open.lock);
	CHECK_EQ(c->opened, c->closed);
	CHECK_EQ(c->lost, 0);
}

static char *dir(const char *name)
{
	return mem_printf("%s/%s", check_tmpdir(), name);
}

static size_t files(const char *repo, const char *below)
{
	char *path = mem_printf("%s/%s", repo, below);
	DIR *d = opendir(path);
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	mem_free(path);
	return n;
}

static char *new_repo(const char *name, const char *word)
{
	char *place = dir(name);
	struct client c = {.place = place, .passwords = {word}, .make = true};
	struct err err;

	REQUIRE(begin(&c, &err) == 0 && opening_repo(&c.open, &err) == 0);
	CHECK_EQ(c.made, 1);
	CHECK(c.open.place == place);
	close_all(&c);
	CHECK_EQ(files(place, "keys"), 1);
	CHECK_EQ(files(place, "locks"), 0);
	return place;
}

void check_setup(void)
{
	env_init(&env);
	env_start(&env, 2, 2, (size_t)32 << 20);
}

void check_teardown(void)
{
	env_release(&env);
}

static void save(struct client *c, const char *text, struct id *id)
{
	CHECK_EQ(repo_save(c->open.repo, BACKEND_SNAPSHOT, text, strlen(text), id, NULL), 0);
}

static void holds(struct client *c, const char *text, const struct id *id)
{
	struct buf b;

	buf_init(&b, 1000);
	if (CHECK_EQ(repo_load(c->open.repo, BACKEND_SNAPSHOT, id, &b, NULL), 0)) {
		CHECK_EQ(b.len, strlen(text));
		CHECK_MEM(b.p, text, b.len);
	}
	buf_release(&b);
}

/* Two at once, each under its own key and exclusive lock; the one that stays does not notice when
 * the other goes. */
static void two(bool first_goes_first, int round)
{
	char *names[2] = {mem_printf("two-a%d", round), mem_printf("two-b%d", round)};
	char *place[2] = {new_repo(names[0], "geheim"), new_repo(names[1], "salaisuus")};
	struct client c[2] = {{.place = place[0], .passwords = {"geheim"}},
		{.place = place[1], .passwords = {"salaisuus"}}};
	int first = first_goes_first ? 0 : 1, last = 1 - first;
	struct id id[2];
	struct err err;

	for (int i = 0; i < 2; i++) {
		REQUIRE(open_all(&c[i], &err) == 0);
		CHECK_EQ(files(place[i], "locks"), 1);
	}
	CHECK(!id_equal(&c[0].open.repo->config.id, &c[1].open.repo->config.id));
	CHECK(memcmp(&c[0].open.repo->master, &c[1].open.repo->master, sizeof(struct seal_key)) !=
		0);
	save(&c[0], "{\"a\":1}", &id[0]);
	save(&c[1], "{\"b\":2}", &id[1]);
	close_all(&c[first]);
	CHECK_EQ(files(place[first], "locks"), 0);
	CHECK_EQ(files(place[last], "locks"), 1);
	CHECK_EQ(lock_check(c[last].open.lock, &err), 0);
	holds(&c[last], last ? "{\"b\":2}" : "{\"a\":1}", &id[last]);
	save(&c[last], "{\"c\":3}", &id[first]);
	close_all(&c[last]);
	CHECK_EQ(files(place[last], "locks"), 0);
	for (int i = 0; i < 2; i++) {
		mem_free(place[i]);
		mem_free(names[i]);
	}
}

TEST(two_at_once)
{
	two(true, 0);
	two(false, 1);
}

/* The other one's password is wrong here. */
TEST(a_wrong_password)
{
	char *place = new_repo("wrong", "geheim");
	struct client c = {.place = place, .passwords = {"salaisuus", "x", "geheim"}}, no = c,
		      none = {.place = place};
	struct opening_options opt;
	struct err err;

	no.passwords[2] = NULL;
	CHECK_EQ(open_all(&c, &err), 0);
	CHECK_EQ(c.asked, 3);
	CHECK(strstr(c.wrong, "password") != NULL);
	/* While that one is locked another one fails, and nothing of it stays. */
	CHECK_EQ(open_all(&no, &err), ERR_PASSWORD);
	CHECK_STR(err.msg, no.wrong);
	CHECK_EQ(no.asked, 2);
	CHECK(!no.open.repo && !no.open.lock);
	close_all(&no);
	CHECK_EQ(open_all(&none, &err), ERR_CANCELLED);
	CHECK_STR(err.msg, "nobody answers");
	close_all(&none);
	opt = options(&none);
	opt.calls = (struct opening_calls){.password = NULL};
	opening_init(&none.open, &opt, &env);
	CHECK_EQ(opening_store(&none.open, &err), 0);
	CHECK_EQ(opening_repo(&none.open, &err), ERR_PASSWORD);
	opening_close(&none.open);
	CHECK_EQ(files(place, "locks"), 1);
	close_all(&c);
	CHECK_EQ(files(place, "locks"), 0);
	mem_free(place);
}

/* A lock of another opening is waited for as long as is allowed, and as the client wants. */
TEST(a_held_lock)
{
	static const int64_t pauses[] = {5, 10, 20, 40, 60, 60};
	char *place = new_repo("held", "x");
	struct client c = {.place = place, .passwords = {"x"}}, no = c, waits = c;
	struct opening_options opt;
	struct err err;

	REQUIRE(open_all(&c, &err) == 0);
	CHECK_EQ(open_all(&no, &err), ERR_LOCKED);
	CHECK_EQ(no.waited, 0);
	CHECK(no.open.repo && !no.open.lock);
	close_all(&no);
	waits.patience = 5;
	opt = options(&waits);
	opt.lock_wait_ns = 3600 * SECOND;
	opening_init(&waits.open, &opt, &env);
	REQUIRE(opening_store(&waits.open, &err) == 0 && opening_repo(&waits.open, &err) == 0);
	CHECK_EQ(opening_lock(&waits.open, false, &err), ERR_CANCELLED);
	CHECK_EQ(waits.waited, 6);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(waits.pause[i], pauses[i] * SECOND);
	CHECK_EQ(files(place, "locks"), 1);
	close_all(&c);
	/* The same opening may go on. */
	CHECK_EQ(opening_lock(&waits.open, false, &err), 0);
	CHECK_EQ(files(place, "locks"), 1);
	opening_unlock(&waits.open);
	CHECK_EQ(files(place, "locks"), 0);
	CHECK(waits.open.be && !waits.open.repo);
	close_all(&waits);
	mem_free(place);
}

static void drop(const char *repo, const char *name)
{
	char *path = mem_printf("%s/%s", repo, name);

	CHECK_EQ(unlink(path), 0);
	mem_free(path);
}

static void not_there(const char *place, enum repo_state found, const char *says)
{
	struct client c = {.place = place, .passwords = {"x"}};
	struct err err;

	CHECK_EQ(open_all(&c, &err), ERR_NOREPO);
	CHECK_EQ(c.open.found, found);
	if (!CHECK(strstr(err.msg, says) != NULL))
		printf("  it says: %s\n", err.msg);
	CHECK_EQ(c.asked, 0);
	close_all(&c);
	CHECK_EQ(files(place, "locks"), 0);
}

TEST(no_repository)
{
	char *nowhere = dir("nowhere"), *begun = new_repo("begun", "x"),
	     *gone = new_repo("gone", "x");
	struct client c = {.place = "sftp:x"}, again = {.place = gone, .passwords = {"x"}};
	struct id id;
	struct err err;

	not_there(nowhere, REPO_NONE, "there is no repository at ");
	CHECK(access(nowhere, F_OK) < 0);
	drop(begun, "config");
	not_there(begun, REPO_BEGUN, "it has a key and no config");
	REQUIRE(begin(&again, &err) == 0 && opening_repo(&again.open, &err) == 0);
	save(&again, "{}", &id);
	close_all(&again);
	drop(gone, "config");
	not_there(gone, REPO_LOST, "put a copy of its config back");
	CHECK_EQ(begin(&c, &err), ERR_USAGE);
	close_all(&c);
	mem_free(nowhere);
	mem_free(begun);
	mem_free(gone);
}

TEST(the_other_place)
{
	char *usual = dir("usual"), *other = new_repo("other", "x"), *none = dir("none");
	struct client c = {.place = usual, .other = other, .passwords = {"x"}},
		      neither = {.place = usual, .other = none, .passwords = {"x"}};
	struct err err;

	CHECK_EQ(open_all(&c, &err), 0);
	CHECK(c.open.place == other);
	CHECK_EQ(c.moved, 1);
	CHECK_EQ(c.opened, 2);
	CHECK_EQ(c.closed, 1);
	CHECK_EQ(files(other, "locks"), 1);
	close_all(&c);
	CHECK_EQ(open_all(&neither, &err), ERR_NOREPO);
	CHECK(neither.open.place == usual);
	CHECK_EQ(neither.moved, 0);
	close_all(&neither);
	neither.other = "sftp:x";
	CHECK_EQ(open_all(&neither, &err), ERR_USAGE);
	close_all(&neither);
	mem_free(usual);
	mem_free(other);
	mem_free(none);
}

/* One that another run has made is taken if it is what was wanted. */
TEST(made_by_another)
{
	char *place = new_repo("made", "x");
	struct client c = {.place = place, .passwords = {"x"}}, old = c, secret = c;
	struct err err;

	REQUIRE(begin(&c, &err) == 0);
	CHECK_EQ(opening_make(&c.open, &err), 0);
	CHECK_EQ(c.taken_over, 1);
	close_all(&c);
	REQUIRE(begin(&old, &err) == 0);
	old.open.opt.spec.version = 1;
	CHECK_EQ(opening_make(&old.open, &err), ERR_EXISTS);
	CHECK(strstr(err.msg, "create a repository at ") == err.msg);
	CHECK(strstr(err.msg, "of version 2") != NULL);
	CHECK_EQ(old.made + old.taken_over, 0);
	close_all(&old);
	secret.passwords[0] = "y";
	REQUIRE(begin(&secret, &err) == 0);
	CHECK_EQ(opening_make(&secret.open, &err), ERR_PASSWORD);
	close_all(&secret);
	CHECK_EQ(files(place, "keys"), 1);
	mem_free(place);
}

/* ---- a server that hears who asks ---- */

static struct {
	int fd;
	char who[2][80]; /* asked for /a…, for /b… */
} server;

static void *serve(void *arg)
{
	static const char nothing[] =
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	int c;

	(void)arg;
	while ((c = accept(server.fd, NULL, NULL)) >= 0) {
		char text[4096], *auth, *path;
		size_t n = 0;
		ssize_t k;

		do {
			k = read(c, text + n, sizeof(text) - 1 - n);
			n += k > 0 ? (size_t)k : 0;
			text[n] = 0;
		} while (k > 0 && !strstr(text, "\r\n\r\n"));
		auth = strstr(text, "\nAuthorization: ");
		path = strchr(text, '/');
		if (auth && path && (path[1] == 'a' || path[1] == 'b'))
			snprintf(server.who[path[1] == 'b'], 80, "%.*s",
				(int)strcspn(auth + 1, "\r"), auth + 1);
		CHECK(write(c, nothing, sizeof(nothing) - 1) > 0);
		close(c);
	}
	return NULL;
}

static const char *env_of(const char *name, const char *user, const char *word)
{
	return !strcmp(name, "RESTIC_REST_USERNAME")   ? user
	       : !strcmp(name, "RESTIC_REST_PASSWORD") ? word
						       : NULL;
}

static const char *env_of_a(const char *name)
{
	return env_of(name, "alice", "one");
}

static const char *env_of_b(const char *name)
{
	return env_of(name, "bob", "two");
}

/* Each with its own credentials, whatever the process's environment has. */
TEST(credentials)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);
	struct client c[2] = {{.passwords = {"x"}}, {.passwords = {"x"}}};
	char *place[2];
	struct err err;
	pthread_t t;

	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(!bind(server.fd, (struct sockaddr *)&at, size) && !listen(server.fd, 8) &&
		!getsockname(server.fd, (struct sockaddr *)&at, &size) &&
		!pthread_create(&t, NULL, serve, NULL));
	for (int i = 0; i < 2; i++) {
		struct opening_options opt;

		place[i] = mem_printf("rest:http://127.0.0.1:%d/%c/", ntohs(at.sin_port), 'a' + i);
		c[i].place = place[i];
		opt = options(&c[i]);
		opt.store.getenv = i ? env_of_b : env_of_a;
		opening_init(&c[i].open, &opt, &env);
		REQUIRE(opening_store(&c[i].open, &err) == 0);
	}
	for (int i = 1; i >= 0; i--)
		CHECK_EQ(opening_probe(&c[i].open, &err), ERR_NOREPO);
	close_all(&c[0]);
	close_all(&c[1]);
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(t, NULL);
	close(server.fd);
	CHECK_STR(server.who[0], "Authorization: Basic YWxpY2U6b25l");
	CHECK_STR(server.who[1], "Authorization: Basic Ym9iOnR3bw==");
	mem_free(place[0]);
	mem_free(place[1]);
}
