#include "cmd/out.h"
#include "unit/check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Two pipes in place of standard output and error. */
struct pipes {
	struct out *o;
	int out[2], err[2];
	char text[8192];
};

static void open_pipes(struct pipes *p)
{
	REQUIRE(!pipe2(p->out, O_NONBLOCK) && !pipe2(p->err, O_NONBLOCK));
	p->o = out_new(p->out[1], p->err[1]);
}

static const char *drain(struct pipes *p, int fd)
{
	ssize_t n = read(fd, p->text, sizeof(p->text) - 1);

	p->text[n > 0 ? n : 0] = 0;
	return p->text;
}

static void close_pipes(struct pipes *p)
{
	out_free(p->o);
	for (int i = 0; i < 2; i++) {
		close(p->out[i]);
		close(p->err[i]);
	}
}

TEST(sentences_by_verbosity)
{
	struct pipes p;

	open_pipes(&p);
	out_say(p.o, 1, "one %d", 1);
	out_say(p.o, 2, "two");
	CHECK_STR(drain(&p, p.out[0]), "one 1\n");
	out_mode(p.o, false, 0);
	out_say(p.o, 1, "one");
	out_result(p.o, "result\n", 7);
	CHECK_EQ(out_flush(p.o, NULL), 0);
	CHECK_STR(drain(&p, p.out[0]), "result\n");
	out_mode(p.o, true, 3);
	out_say(p.o, 1, "one");
	CHECK_STR(drain(&p, p.out[0]), "");
	out_warn(p.o, "a\n\n");
	CHECK_STR(drain(&p, p.err[0]), "a\n");
	close_pipes(&p);
}

/* Results and sentences keep their order though results are held back. */
TEST(order)
{
	struct pipes p;

	open_pipes(&p);
	out_result(p.o, "a\n", 2);
	CHECK_STR(drain(&p, p.out[0]), "");
	out_say(p.o, 1, "b");
	CHECK_STR(drain(&p, p.out[0]), "a\nb\n");
	close_pipes(&p);
}

TEST(no_escape_sequences)
{
	struct pipes p;

	open_pipes(&p);
	out_warn(p.o, "x\033[2Jy\x7f\xc2\x9bz\tt\xc3\xa4");
	CHECK_STR(drain(&p, p.err[0]), "x\\x1b[2Jy\\x7f\\xc2\\x9bz\tt\xc3\xa4\n");
	out_warn(p.o, "/a\nFatal: locked: not found\n");
	CHECK_STR(drain(&p, p.err[0]), "/a\\x0aFatal: locked: not found\n");
	out_last(p.o, 1, "Fatal: /a\nb: not found");
	CHECK_STR(drain(&p, p.err[0]), "Fatal: /a\\x0ab: not found\n");
	out_item_error(p.o, "archival", "/a\nb", "no\rgood");
	CHECK_STR(drain(&p, p.err[0]), "error: \"/a\\x0ab\": no\\x0dgood\n");
	close_pipes(&p);
}

TEST(json_errors)
{
	struct pipes p;

	open_pipes(&p);
	out_mode(p.o, true, 1);
	out_item_error(p.o, "archival", "/a", "bad \"x\"");
	CHECK_STR(drain(&p, p.err[0]), "{\"message_type\":\"error\",\"error\":{\"message\":\"bad "
				       "\\\"x\\\"\"},\"during\":\"archival\",\"item\":\"/a\"}\n");
	out_last(p.o, 11, "Fatal: locked");
	CHECK_STR(drain(&p, p.err[0]),
		"{\"message_type\":\"exit_error\",\"code\":11,\"message\":\"Fatal: locked\"}\n");
	out_status(p.o, "progress", true);
	CHECK_STR(drain(&p, p.out[0]), "");
	close_pipes(&p);
}

TEST(progress_without_a_terminal)
{
	struct pipes p;

	open_pipes(&p);
	out_status(p.o, "half", false);
	CHECK_STR(drain(&p, p.out[0]), "");
	out_status(p.o, "half", true);
	CHECK_STR(drain(&p, p.out[0]), "half\n");
	out_status(p.o, "", true);
	CHECK_STR(drain(&p, p.out[0]), "");
	close_pipes(&p);
}

/* On a terminal other output pushes the line aside and it comes back. */
TEST(progress_on_a_terminal)
{
	static const char want[] = "half\r\033[Ksaid\r\nhalf\r\033[K";
	int master, slave;
	char text[1024] = "";
	struct out *o;
	ssize_t n;

	if (openpty(&master, &slave, NULL, NULL, NULL))
		SKIP("no pseudo-terminal here");
	o = out_new(slave, slave);
	CHECK(out_terminal(o));
	out_status(o, "half", false);
	out_say(o, 1, "said");
	out_status(o, "", false);
	/* A terminal hands over pieces as it likes. */
	for (size_t at = 0;
		at < strlen(want) && (n = read(master, text + at, sizeof(text) - 1 - at)) > 0;)
		at += (size_t)n;
	CHECK_STR(text, want);
	out_free(o);
	close(master);
	close(slave);
}

TEST(a_reader_that_goes_away)
{
	struct pipes p;
	struct err e = {0};

	signal(SIGPIPE, SIG_IGN);
	open_pipes(&p);
	close(p.out[0]);
	p.out[0] = -1;
	CHECK(!out_broken(p.o));
	for (int i = 0; i < 100000; i++)
		out_result(p.o, "line\n", 5);
	CHECK(out_broken(p.o));
	CHECK_EQ(out_flush(p.o, &e), ERR_IO);
	close_pipes(&p);
}

TEST(large_results)
{
	int fd = open("/dev/full", O_WRONLY);
	struct err e = {0};
	struct out *o;

	REQUIRE(fd >= 0);
	o = out_new(fd, 2);
	out_result(o, "x", 1);
	CHECK_EQ(out_flush(o, &e), ERR_NOSPACE);
	CHECK(strstr(e.msg, "standard output") != NULL);
	out_free(o);
	close(fd);
}

/* Marks that turn the direction of writing, and bytes that may drive an older terminal, are shown
 * for what they are; a pipe gets the name. */
TEST(names_on_a_terminal)
{
	static const char name[] = "\xe2\x80\xae"
				   "exe.\xff\xc3\xa4\xe3\x80\x80";
	int master, slave;
	char text[1024];
	struct pipes p;
	struct buf b;
	ssize_t n;
	struct out *o;

	open_pipes(&p);
	out_say(p.o, 1, "%s", name);
	CHECK_STR(drain(&p, p.out[0]), "\xe2\x80\xae"
				       "exe.\xff\xc3\xa4\xe3\x80\x80\n");
	close_pipes(&p);
	if (openpty(&master, &slave, NULL, NULL, NULL))
		SKIP("no pseudo-terminal here");
	o = out_new(slave, slave);
	out_say(o, 1, "%s", name);
	n = read(master, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	CHECK_STR(text, "\\xe2\\x80\\xaeexe.\\xff\xc3\xa4\\xe3\\x80\\x80\r\n");
	out_mode(o, true, 1);
	buf_init(&b, 1000);
	buf_adds(&b, "{\"a\":\"\xe2\x80\xae\xc3\xa4\"}");
	out_line(o, &b);
	n = read(master, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	CHECK_STR(text, "{\"a\":\"\\u202e\xc3\xa4\"}\r\n");
	buf_adds(&b, "{\"b\":\"\x7f\"}");
	out_json_error(o, &b);
	n = read(master, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	CHECK_STR(text, "{\"b\":\"\\u007f\"}\r\n");
	buf_release(&b);
	out_free(o);
	close(master);
	close(slave);
}

struct slow_reader {
	int fd;
	size_t got;
};

static void *read_late(void *arg)
{
	struct slow_reader *r = arg;
	char piece[4096];
	struct pollfd f = {.fd = r->fd, .events = POLLIN};
	ssize_t n;

	usleep(100000);
	while (poll(&f, 1, -1) > 0 && (n = read(r->fd, piece, sizeof(piece))) > 0)
		r->got += (size_t)n;
	return NULL;
}

/* Whoever started us may have made the streams non-blocking: nothing is lost for that. */
TEST(non_blocking_streams)
{
	struct slow_reader r[2] = {{0}};
	pthread_t t[2];
	struct pipes p;

	open_pipes(&p);
	for (int i = 0; i < 2; i++) {
		r[i].fd = i ? p.err[0] : p.out[0];
		REQUIRE(!pthread_create(&t[i], NULL, read_late, &r[i]));
	}
	for (int i = 0; i < 20000; i++) {
		out_result(p.o, "a line of results\n", 18);
		out_warn(p.o, "a line of errors");
	}
	CHECK_EQ(out_flush(p.o, NULL), 0);
	out_free(p.o);
	close(p.out[1]);
	close(p.err[1]);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(r[0].got, 20000 * 18);
	CHECK_EQ(r[1].got, 20000 * 17);
	close(p.out[0]);
	close(p.err[0]);
}
