/*
 * What servers answer that no server at hand does: other regions, old listings, listings that go
 * round in circles, a page that fails now and then.  A script of answers stands in for those;
 * everything else is tested against real servers (tests/services).
 */
#include "backend/s3.h"
#include "backend/http.h"
#include "base/mem.h"
#include "unit/check.h"
#include <pthread.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct reply {
	const char *status, *headers, *body;
};

static struct {
	int fd;
	unsigned port;
	pthread_t thread;
	const struct reply *script;
	size_t n, at;
	char got[64][4096]; /* the requests: heads and what came of the bodies */
} srv;

static void read_request(int c, char *out, size_t cap)
{
	size_t n = 0, want = 0;
	ssize_t k;

	while (n + 1 < cap && (k = read(c, out + n, cap - 1 - n)) > 0) {
		char *end, *length;

		n += (size_t)k;
		out[n] = 0;
		end = strstr(out, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(out, "\r\nContent-Length: ");
		want = (size_t)(end - out) + 4 +
		       (length && length < end ? strtoul(length + 18, NULL, 10) : 0);
		if (n >= want)
			return;
	}
}

static void *serve(void *arg)
{
	int c;

	(void)arg;
	while ((c = accept(srv.fd, NULL, NULL)) >= 0) {
		const struct reply none = {"599 Script ended", "", ""},
				   *r = srv.at < srv.n ? &srv.script[srv.at] : &none;
		char *got = srv.got[srv.at < 63 ? srv.at : 63], *text;

		read_request(c, got, sizeof(srv.got[0]));
		text = mem_printf(
			"HTTP/1.1 %s\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s",
			r->status, r->headers ? r->headers : "", r->body ? strlen(r->body) : 0,
			r->body && strncmp(got, "HEAD", 4) ? r->body : "");
		CHECK(write(c, text, strlen(text)) > 0);
		mem_free(text);
		srv.at++;
		close(c);
	}
	return NULL;
}

static void server_start(const struct reply *script, size_t n)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	memset(srv.got, 0, sizeof(srv.got));
	srv.script = script;
	srv.n = n;
	srv.at = 0;
	srv.fd = socket(AF_INET, SOCK_STREAM, 0);
	REQUIRE(!bind(srv.fd, (struct sockaddr *)&a, sizeof(a)) && !listen(srv.fd, 16) &&
		!getsockname(srv.fd, (struct sockaddr *)&a, &len));
	srv.port = ntohs(a.sin_port);
	REQUIRE(!pthread_create(&srv.thread, NULL, serve, NULL));
}

static void server_stop(void)
{
	shutdown(srv.fd, SHUT_RDWR);
	pthread_join(srv.thread, NULL);
	close(srv.fd);
	CHECK_EQ(srv.at, srv.n);
}

static const char *region;

static const char *access_key = "access"; /* what the environment says now */

static const char *variable(const char *name)
{
	if (!strcmp(name, "AWS_ACCESS_KEY_ID"))
		return access_key;
	if (!strcmp(name, "AWS_SECRET_ACCESS_KEY"))
		return "hush";
	return strcmp(name, "AWS_DEFAULT_REGION") ? NULL : region;
}

/* Waits cost nothing here. */
static int64_t slept;

static void no_sleep(void *arg, int64_t ns)
{
	(void)arg;
	slept += ns;
}

static struct clock fast;
static struct env env;

void check_setup(void)
{
	fast = *clock_real();
	fast.sleep_ns = no_sleep;
	env.clock = &fast;
	env.rnd = rnd_real();
}

static struct s3_options given; /* what a test asks for beside the rest */

static struct backend *store(const struct reply *script, size_t n)
{
	struct s3_options o = given;
	struct http_options h = {0};
	struct http *http = NULL;
	struct backend *b = NULL;
	char place[64];

	o.getenv = variable;
	o.any_names = true;
	server_start(script, n);
	/* The zero is sent and signed as it is written. */
	snprintf(place, sizeof(place), "http://%s:0%u/bkt/p", o.lookup ? "localhost" : "127.0.0.1",
		srv.port);
	REQUIRE(!http_new(&h, &env, &http, NULL));
	REQUIRE(!backend_s3_new(place, http, &o, &env, &b, NULL));
	return b;
}

static void done(struct backend *b)
{
	backend_free(b);
	server_stop();
}

#define STORE(script) store(script, sizeof(script) / sizeof((script)[0]))
#define NAME_A        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME_B        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OBJECT(key)   "<Contents><Key>p/snapshots/" key "</Key><Size>3</Size></Contents>"
#define NO_MORE       "<IsTruncated>false</IsTruncated>"
#define LIST(inner)   "<ListBucketResult>" NO_MORE inner "</ListBucketResult>"
#define MORE          "<IsTruncated>true</IsTruncated>"

TEST(region_in_the_error)
{
	static const struct reply script[] = {
		{"400 Bad Request", NULL,
			"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-north-1</"
			"Region></Error>"},
		{"200 OK", "ETag: \"x\"\r\n", ""},
		{"204 No Content", NULL, ""},
	};
	struct backend *b = STORE(script);
	struct err err = {0};

	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "abc", 3, &err), 0);
	CHECK_EQ(backend_remove(b, BACKEND_CONFIG, NULL, &err), 0);
	CHECK(strstr(srv.got[0], "/us-east-1/s3/aws4_request"));
	CHECK(strstr(srv.got[1], "/eu-north-1/s3/aws4_request"));
	CHECK(strstr(srv.got[1], "\r\n\r\nabc"));
	/* Remembered. */
	CHECK(strstr(srv.got[2], "/eu-north-1/s3/aws4_request"));
	CHECK(strstr(srv.got[1], "PUT /bkt/p/config HTTP/1.1") == srv.got[1]);
	CHECK(!strstr(srv.got[1], "hush") && !strcasestr(srv.got[1], "\nExpect"));
	done(b);
}

TEST(answers_to_a_deletion)
{
	static const struct reply script[] = {
		{"204 No Content", NULL, ""},
		{"200 OK", NULL, ""},
		{"200 OK", NULL, "<Error><Code>InternalError</Code></Error>"},
		{"202 Accepted", NULL, ""},
		{"207 Multi-Status", NULL, ""},
		{"404 Not Found", NULL, "<Error><Code>NoSuchKey</Code></Error>"},
		{"404 Not Found", NULL, "page not found"},
	};
	/* what ERR_NOTFOUND means is look.c's */
	static const int want[] = {0, 0, ERR_ODD, ERR_ODD, ERR_ODD, ERR_NOTFOUND, ERR_ODD};
	struct backend *b = STORE(script);

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		CHECK_EQ(backend_remove(b, BACKEND_CONFIG, NULL, NULL), want[i]);
	done(b);
}

static unsigned count_of(const char *s, const char *what)
{
	unsigned n = 0;

	while ((s = strcasestr(s, what))) {
		s++;
		n++;
	}
	return n;
}

TEST(the_host_is_sent_as_it_is_signed)
{
	static const struct reply script[] = {{"204 No Content", NULL, ""}};
	struct backend *b = STORE(script);
	char want[64];

	CHECK_EQ(backend_remove(b, BACKEND_CONFIG, NULL, NULL), 0);
	snprintf(want, sizeof(want), "\r\nhost: 127.0.0.1:0%u\r\n", srv.port);
	CHECK_EQ(count_of(srv.got[0], want), 1);
	CHECK_EQ(count_of(srv.got[0], "\r\nhost:"), 1);
	done(b);
}

/* AWS, where objects are locked. */
TEST(uploads_that_need_an_md5)
{
	static const struct reply script[] = {
		{"400 Bad Request", NULL,
			"<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- "
			"HTTP header is required for Put Object "
			"requests "
			"with Object Lock parameters</Message></Error>"},
		{"200 OK", "ETag: \"x\"\r\n", ""},
		{"200 OK", "ETag: \"x\"\r\n", ""},
		{"204 No Content", NULL, ""},
		{"400 Bad Request", NULL,
			"<Error><Code>InvalidRequest</Code><Message>Content-MD5 is "
			"wrong</Message></Error>"},
	};
	struct backend *b = STORE(script);

	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "abc", 3, NULL), 0);
	CHECK_EQ(count_of(srv.got[0], "content-md5"), 0);
	CHECK(strstr(srv.got[1], "\r\ncontent-md5: kAFQmDzST7DWlj99KOF/cg==\r\n"));
	CHECK(strstr(srv.got[1], "SignedHeaders=content-md5;"));
	/* Remembered, for bodies alone. */
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "abc", 3, NULL), 0);
	CHECK(strstr(srv.got[2], "\r\ncontent-md5: kAFQmDzST7DWlj99KOF/cg==\r\n"));
	CHECK_EQ(backend_remove(b, BACKEND_CONFIG, NULL, NULL), 0);
	CHECK_EQ(count_of(srv.got[3], "content-md5"), 0);
	/* No circle. */
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "abc", 3, NULL), ERR_INVALID);
	done(b);
}

/* Keys that somebody exchanges in mid-run are found where the first ones were. */
TEST(keys_that_change)
{
	static const struct reply script[] = {
		{"204 No Content", NULL, ""},
		{"403 Forbidden", NULL, "<Error><Code>InvalidAccessKeyId</Code></Error>"},
		{"204 No Content", NULL, ""},
		{"403 Forbidden", NULL, "<Error><Code>AccessDenied</Code></Error>"},
		{"400 Bad Request", NULL, "<Error><Code>ExpiredToken</Code></Error>"},
		{"403 Forbidden", NULL, "<Error><Code>AccessDenied</Code></Error>"},
	};
	struct backend *b = STORE(script);

	CHECK_EQ(backend_remove(b, BACKEND_CONFIG, NULL, NULL), 0);
	CHECK(strstr(srv.got[0], "Credential=access/"));
	access_key = "second";
	CHECK_EQ(backend_remove(b, BACKEND_CONFIG, NULL, NULL), 0);
	CHECK(strstr(srv.got[1], "Credential=access/"));
	CHECK(strstr(srv.got[2], "Credential=second/"));
	/* The same ones are not tried again. */
	CHECK_EQ(backend_remove(b, BACKEND_CONFIG, NULL, NULL), ERR_DENIED);
	access_key = "third";
	CHECK_EQ(backend_remove(b, BACKEND_CONFIG, NULL, NULL), ERR_DENIED);
	CHECK(strstr(srv.got[5], "Credential=third/"));
	access_key = "access";
	done(b);
}

TEST(region_in_a_header)
{
	static const struct reply script[] = {
		{"301 Moved Permanently", "x-amz-bucket-region: ap-south-1\r\n", NULL},
		{"200 OK", "Content-Type: x\r\n", "abcd"},
		/* No new region: an error, not a circle. */
		{"301 Moved Permanently", "x-amz-bucket-region: ap-south-1\r\n", NULL},
		{"301 Moved Permanently", "x-amz-bucket-region: a/b\r\n",
			"<Error><Code>PermanentRedirect</Code><Endpoint>other.example.org</"
			"Endpoint></Error>"},
	};
	struct backend *b = STORE(script);
	struct err err = {0};
	uint64_t size = 0;
	struct buf out;

	CHECK_EQ(backend_stat(b, BACKEND_CONFIG, NULL, &size, &err), 0);
	CHECK_EQ(size, 4);
	CHECK(strstr(srv.got[1], "/ap-south-1/s3/aws4_request"));
	CHECK_EQ(backend_stat(b, BACKEND_CONFIG, NULL, &size, &err), ERR_ODD);
	buf_init(&out, 10);
	CHECK_EQ(backend_get(b, BACKEND_CONFIG, NULL, &out, &err), ERR_USAGE);
	CHECK(strstr(err.msg, "other.example.org"));
	buf_release(&out);
	done(b);
}

TEST(regions_in_circles)
{
	static const struct reply script[] = {
		{"400 Bad Request", NULL,
			"<Error><Code>AuthorizationHeaderMalformed</Code><Region>r1</Region></"
			"Error>"},
		{"400 Bad Request", NULL,
			"<Error><Code>AuthorizationHeaderMalformed</Code><Region>r2</Region></"
			"Error>"},
	};
	struct backend *b = STORE(script);
	struct err err = {0};

	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "abc", 3, &err), ERR_INVALID);
	CHECK(strstr(err.msg, "AuthorizationHeaderMalformed"));
	done(b);
}

static unsigned names;

static int count(void *arg, const struct id *name, uint64_t size)
{
	(void)arg;
	(void)name;
	names += size == 3;
	return 0;
}

static int list(struct backend *b, struct err *err)
{
	names = 0;
	err_clear(err);
	return backend_list(b, BACKEND_SNAPSHOT, count, NULL, err);
}

TEST(version_2_refused)
{
	static const struct reply script[] = {
		{"501 Not Implemented", NULL, "<Error><Code>NotImplemented</Code></Error>"},
		{"200 OK", NULL, LIST(OBJECT(NAME_A) MORE)},
		{"200 OK", NULL, LIST(OBJECT(NAME_B))},
		{"200 OK", NULL, LIST("")},
	};
	struct backend *b = STORE(script);
	struct err err;

	CHECK_EQ(list(b, &err), 0);
	CHECK_EQ(names, 2);
	CHECK(strstr(srv.got[0], "list-type=2"));
	CHECK(!strstr(srv.got[1], "list-type=2"));
	CHECK(strstr(srv.got[2], "marker=p%2Fsnapshots%2F" NAME_A));
	CHECK_EQ(list(b, &err), 0);
	CHECK(!strstr(srv.got[3], "list-type=2"));
	done(b);
}

TEST(version_2_not_understood)
{
	static const struct reply script[] = {
		{"200 OK", NULL,
			LIST(OBJECT(NAME_A) "<CommonPrefixes><Prefix>p/snapshots/x/</Prefix></"
					    "CommonPrefixes>" MORE)},
		{"200 OK", NULL, LIST(OBJECT(NAME_B))},
	};
	struct backend *b = STORE(script);
	struct err err;

	CHECK_EQ(list(b, &err), 0);
	CHECK_EQ(names, 2);
	CHECK(strstr(srv.got[1], "marker=p%2Fsnapshots%2F" NAME_A) &&
		!strstr(srv.got[1], "list-type"));
	done(b);
}

static void odd(void *arg, enum backend_odd why, const char *path)
{
	buf_addf(arg, "%d %s\n", (int)why, path);
}

/* What is no file of ours is told, and that it is none; markers of directories are nothing. */
TEST(odd_names)
{
	static const char upper[] =
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	static const struct reply script[] = {
		{"200 OK", NULL,
			LIST(OBJECT(
				"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
					OBJECT("") OBJECT("README") OBJECT(NAME_A))},
	};
	struct backend *b = STORE(script);
	struct buf told;
	struct backend_names to = {.file = count, .odd = odd, .arg = &told};
	char want[200];

	buf_init(&told, 1000);
	names = 0;
	CHECK_EQ(backend_list_all(b, BACKEND_SNAPSHOT, &to, NULL), 0);
	CHECK_EQ(names, 1);
	snprintf(want, sizeof(want), "%d snapshots/%s\n%d snapshots/README\n", BACKEND_ODD_CASE,
		upper, BACKEND_ODD_NAME);
	CHECK_STR(buf_str(&told), want);
	buf_release(&told);
	done(b);
}

/* To pass over a key that was not asked for might lose one of ours, written in another way; that
 * there may be more is no guess either. */
TEST(listings_that_would_lose_names)
{
	static const char *const keys[] = {"/p/snapshots/" NAME_A, "p%2Fsnapshots%2F" NAME_A,
		"snapshots/" NAME_A};
	static const char *const ends[] = {"", "<IsTruncated>True</IsTruncated>",
		"<IsTruncated>1</IsTruncated>"};
	struct err err;

	for (int i = 0; i < 6; i++) {
		char *xml = mem_printf("<ListBucketResult><Contents><Key>%s</Key><Size>3</Size></"
				       "Contents>%s</ListBucketResult>",
			i < 3 ? keys[i] : "p/snapshots/" NAME_A,
			i < 3 ? "<IsTruncated>false</IsTruncated>" : ends[i - 3]);
		struct reply script[] = {{"200 OK", NULL, xml}};
		struct backend *b = STORE(script);

		CHECK_EQ(list(b, &err), ERR_INVALID);
		CHECK(strstr(err.msg, i < 3 ? "asked for" : "whether there is more"));
		done(b);
		mem_free(xml);
	}
}

/* A token means more, whatever is said of it. */
TEST(a_token_without_a_word_of_more)
{
	static const struct reply script[] = {
		{"200 OK", NULL,
			"<ListBucketResult>" OBJECT(
				NAME_A) "<NextContinuationToken>t1</NextContinuationToken></"
					"ListBucketResult>"},
		{"200 OK", NULL, LIST(OBJECT(NAME_B))},
	};
	struct backend *b = STORE(script);
	struct err err;

	CHECK_EQ(list(b, &err), 0);
	CHECK_EQ(names, 2);
	done(b);
}

TEST(listings_in_circles)
{
	static const struct reply token[] = {
		{"200 OK", NULL,
			LIST(OBJECT(NAME_A) MORE
				"<NextContinuationToken>t 1</NextContinuationToken>")},
		{"200 OK", NULL,
			LIST(OBJECT(NAME_B) MORE
				"<NextContinuationToken>t 1</NextContinuationToken>")},
	};
	static const struct reply marker[] = {
		{"200 OK", NULL, LIST(OBJECT(NAME_B) MORE)},
		{"200 OK", NULL, LIST(OBJECT(NAME_A) MORE)},
	};
	static const struct reply nothing[] = {{"200 OK", NULL, LIST(MORE)}};
	struct backend *b = STORE(token);
	struct err err;

	CHECK_EQ(list(b, &err), ERR_INVALID);
	CHECK(strstr(err.msg, "no progress"));
	CHECK(strstr(srv.got[1], "continuation-token=t%201&"));
	done(b);
	b = STORE(marker);
	CHECK_EQ(list(b, &err), ERR_INVALID);
	done(b);
	b = STORE(nothing);
	CHECK_EQ(list(b, &err), ERR_INVALID);
	done(b);
}

TEST(pages_are_asked_for_again)
{
	static const struct reply script[] = {
		{"200 OK", NULL,
			LIST(OBJECT(NAME_A) MORE
				"<NextContinuationToken>t1</NextContinuationToken>")},
		{"503 Slow Down", "Retry-After: 7\r\n", "<Error><Code>SlowDown</Code></Error>"},
		{"500 Internal Server Error", NULL, "<html>"},
		{"200 OK", NULL, LIST(OBJECT(NAME_B))},
	};
	static const struct reply down[] = {{"503 x", NULL, NULL}, {"503 x", NULL, NULL},
		{"503 x", NULL, NULL}, {"503 x", NULL, NULL}, {"503 x", NULL, NULL},
		{"503 x", NULL, NULL}};
	struct backend *b = STORE(script);
	struct err err;

	slept = 0;
	CHECK_EQ(list(b, &err), 0);
	CHECK_EQ(names, 2);
	CHECK(strstr(srv.got[3], "continuation-token=t1"));
	CHECK(slept >= INT64_C(7000000000) && slept < INT64_C(9000000000));
	done(b);
	b = STORE(down);
	CHECK_EQ(list(b, &err), ERR_IO);
	CHECK(strstr(err.msg, "503"));
	done(b);
}

TEST(missing_and_refused)
{
	static const struct reply script[] = {
		{"404 Not Found", NULL, "<Error><Code>NoSuchBucket</Code></Error>"},
		{"404 Not Found", NULL, "<html>no such page</html>"},
		{"200 OK", NULL,
			LIST(OBJECT(NAME_A) MORE
				"<NextContinuationToken>t1</NextContinuationToken>")},
		{"404 Not Found", NULL, "<Error><Code>NoSuchBucket</Code></Error>"},
		{"200 OK", NULL, "<html>please log in</html>"},
		{"403 Forbidden", NULL, "<Error><Code>QuotaExceeded</Code></Error>"},
		{"507 Insufficient Storage", NULL, NULL},
		{"403 Forbidden", NULL, "<Error><Code>ExpiredToken</Code></Error>"},
	};
	struct backend *b = STORE(script);
	struct err err;

	CHECK_EQ(list(b, &err), 0); /* nothing was made yet */
	CHECK_EQ(names, 0);
	CHECK_EQ(list(b, &err), ERR_ODD); /* but this is no S3 server's answer */
	CHECK_EQ(list(b, &err), ERR_NOTFOUND);
	CHECK_EQ(list(b, &err), ERR_ODD);
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "x", 1, &err), ERR_NOSPACE);
	CHECK(strstr(err.msg, "quota"));
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "x", 1, &err), ERR_NOSPACE);
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "x", 1, &err), ERR_DENIED);
	done(b);
}

/* One request says "only if there is none"; a server that cannot is asked plainly. */
TEST(put_only_what_is_not_there)
{
	static const struct reply script[] = {
		{"200 OK", "ETag: \"x\"\r\n", ""},
		{"412 Precondition Failed", NULL, "<Error><Code>PreconditionFailed</Code></Error>"},
		{"409 Conflict", NULL, "<Error><Code>ConditionalRequestConflict</Code></Error>"},
		{"501 Not Implemented", NULL, "<Error><Code>NotImplemented</Code></Error>"},
		{"200 OK", "ETag: \"x\"\r\n", ""},
		{"409 Conflict", NULL, "<Error><Code>OperationAborted</Code></Error>"},
	};
	struct backend *b = STORE(script);
	struct err err;

	CHECK_EQ(backend_put_fresh(b, BACKEND_CONFIG, NULL, "x", 1, &err), 0);
	CHECK(strstr(srv.got[0], "\r\nif-none-match: *\r\n"));
	CHECK(strstr(srv.got[0], "SignedHeaders=content-type;host;if-none-match;x-amz"));
	CHECK_EQ(backend_put_fresh(b, BACKEND_CONFIG, NULL, "x", 1, &err), ERR_EXISTS);
	CHECK_EQ(backend_put_fresh(b, BACKEND_CONFIG, NULL, "x", 1, &err), ERR_EXISTS);
	CHECK_EQ(backend_put_fresh(b, BACKEND_CONFIG, NULL, "x", 1, &err), 0);
	CHECK(strstr(srv.got[3], "if-none-match") && !strstr(srv.got[4], "if-none-match"));
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "x", 1, &err), ERR_IO);
	CHECK(!strstr(srv.got[5], "if-none-match"));
	done(b);
}

/* An answer to a HEAD has no body, so the reason is asked for; and with another region it is none
 * any more. */
TEST(why_a_head_is_refused)
{
	static const struct reply script[] = {
		{"403 Forbidden", NULL, NULL},
		{"403 Forbidden", NULL, "<Error><Code>InvalidAccessKeyId</Code></Error>"},
		{"400 Bad Request", NULL, NULL},
		{"400 Bad Request", NULL,
			"<Error><Code>AuthorizationHeaderMalformed</Code><Region>north-1</Region></"
			"Error>"},
		{"206 Partial Content", NULL, "0"},
		{"200 OK", NULL, "0123456789"},
		{"403 Forbidden", NULL, NULL},
		{"404 Not Found", NULL, "<Error><Code>NoSuchKey</Code></Error>"},
		{"403 Forbidden", NULL, NULL},
		{"200 OK", NULL, "01234567890123456789"},
		{"403 Forbidden", NULL, NULL},
	};
	struct backend *b = STORE(script);
	struct err err = {0};
	uint64_t size = 0;

	CHECK_EQ(backend_stat(b, BACKEND_CONFIG, NULL, &size, &err), ERR_DENIED);
	CHECK(strstr(err.msg, "does not know this access key"));
	CHECK(strstr(srv.got[1], "GET /bkt/") == srv.got[1] &&
		strcasestr(srv.got[1], "range: bytes=0-0"));
	err_clear(&err);
	CHECK_EQ(backend_stat(b, BACKEND_CONFIG, NULL, &size, &err), 0);
	CHECK(strstr(srv.got[4], "/north-1/s3/") && strstr(srv.got[5], "HEAD ") == srv.got[5] &&
		strstr(srv.got[5], "/north-1/s3/"));
	CHECK(!strcasestr(srv.got[5], "\r\nrange:"));
	CHECK_EQ(backend_stat(b, BACKEND_CONFIG, NULL, &size, &err), ERR_NOTFOUND);
	err_clear(&err);
	CHECK_EQ(backend_stat(b, BACKEND_CONFIG, NULL, &size, &err), ERR_DENIED);
	done(b);
}

TEST(usage)
{
	static const struct reply replies[] = {
		{"200 OK",
			"X-RGW-Object-Count: 12\r\nX-RGW-Bytes-Used: "
			"3456\r\nX-RGW-Quota-Bucket-Objects: -1\r\n",
			NULL},
		{"200 OK",
			"X-RGW-Object-Count: 12\r\nX-RGW-Bytes-Used: "
			"3456\r\nX-RGW-Quota-Bucket-Objects: 1000\r\n",
			NULL},
		{"200 OK", NULL, NULL}, {"404 Not Found", NULL, NULL}};
	struct backend_usage u;
	struct err err = {0};
	struct backend *b = STORE(replies);

	CHECK_EQ(b->objects_max, 500000);
	CHECK_EQ(backend_usage(b, &u, &err), 0);
	CHECK(strstr(srv.got[0], "HEAD /bkt HTTP") == srv.got[0]);
	CHECK(u.known && u.objects == 12 && u.bytes == 3456 && !u.objects_max);
	CHECK_EQ(backend_usage(b, &u, &err), 0);
	CHECK(u.known && u.objects_max == 1000);
	CHECK_EQ(backend_usage(b, &u, &err), 0);
	CHECK(!u.known);
	CHECK_EQ(backend_usage(b, &u, &err), ERR_NOTFOUND);
	done(b);
}

TEST(buckets_are_made)
{
	static const struct reply fresh[] = {{"404 Not Found", NULL, NULL}, {"200 OK", NULL, NULL}};
	static const struct reply own[] = {{"404 Not Found", NULL, NULL},
		{"409 Conflict", NULL, "<Error><Code>BucketAlreadyOwnedByYou</Code></Error>"}};
	static const struct reply taken[] = {{"404 Not Found", NULL, NULL},
		{"409 Conflict", NULL, "<Error><Code>BucketAlreadyExists</Code></Error>"},
		{"404 Not Found", NULL, NULL}};
	static const struct reply secret[] = {{"403 Forbidden", NULL, NULL}};
	struct err err = {0};
	struct backend *b = STORE(fresh);

	CHECK_EQ(backend_create(b, &err), 0);
	CHECK(strstr(srv.got[1], "PUT /bkt HTTP") == srv.got[1] &&
		!strstr(srv.got[1], "LocationConstraint"));
	done(b);
	region = "eu-north-1";
	b = STORE(fresh);
	CHECK_EQ(backend_create(b, &err), 0);
	CHECK(strstr(srv.got[1], "<LocationConstraint>eu-north-1</LocationConstraint>"));
	done(b);
	/* -o s3.region. */
	given.region = "xx-far-7";
	b = STORE(fresh);
	CHECK_EQ(backend_create(b, &err), 0);
	CHECK(strstr(srv.got[1], "<LocationConstraint>xx-far-7</LocationConstraint>"));
	done(b);
	given = (struct s3_options){0};
	region = NULL;
	b = STORE(own);
	CHECK_EQ(backend_create(b, &err), 0);
	done(b);
	b = STORE(taken);
	CHECK_EQ(backend_create(b, &err), ERR_EXISTS);
	CHECK(strstr(err.msg, "bkt") && strstr(err.msg, "choose another"));
	done(b);
	b = STORE(secret);
	CHECK_EQ(backend_create(b, &err), 0);
	done(b);
}

/* A server that takes no notice of Range sends everything. */
TEST(range_ignored)
{
	static const struct reply script[] = {{"200 OK", NULL, "0123456789"},
		{"200 OK", NULL, "0123456789"}, {"206 Partial Content", NULL, "012"}};
	struct backend *b = STORE(script);
	struct backend_op op = {.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.offset = 3,
		.length = 4};
	struct err err = {0};

	buf_init(&op.out, 100);
	CHECK_EQ(backend_run(b, &op, &err), 0);
	if (CHECK_EQ(op.out.len, 4))
		CHECK_MEM(op.out.p, "3456", 4);
	op.offset = 11;
	CHECK_EQ(backend_run(b, &op, &err), ERR_TOOSHORT);
	CHECK_EQ(op.out.len, 0);
	/* A part shorter than asked for. */
	op.offset = 0;
	CHECK_EQ(backend_run(b, &op, &err), ERR_TOOSHORT);
	CHECK_EQ(op.out.len, 0);
	buf_release(&op.out);
	done(b);
}

/* -o s3.bucket-lookup: a server that is no known provider may want the bucket in its host name. */
TEST(bucket_in_the_host_name)
{
	static const struct reply script[] = {{"200 OK", NULL, NULL}};
	static const char *const lookups[] = {"dns", "path", "auto"};

	for (int i = 0; i < 3; i++) {
		struct backend *b;
		uint64_t size;
		struct err err = {0};

		given.lookup = lookups[i];
		b = STORE(script);
		CHECK_EQ(backend_stat(b, BACKEND_CONFIG, NULL, &size, &err), 0);
		CHECK(strstr(srv.got[0], i ? "HEAD /bkt/p/config HTTP" : "HEAD /p/config HTTP") ==
			srv.got[0]);
		CHECK(strstr(srv.got[0], i ? "Host: localhost:" : "Host: bkt.localhost:") != NULL);
		done(b);
	}
	given = (struct s3_options){0};
}
