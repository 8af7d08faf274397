/* The vectors are those of the S3 API Reference, "Examples: Signature Calculations in AWS Signature
 * Version 4" (keys of the documentation's example user). */
#include "backend/s3_sign.h"
#include "unit/check.h"
#include <string.h>

#define EXAMPLE_TIME 1369353600 /* 2013-05-24T00:00:00Z */

static struct s3_sign example(const char *method, const char *path, const char *query)
{
	return (struct s3_sign){
		.access = "AKIAIOSFODNN7EXAMPLE",
		.secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		.region = "us-east-1",
		.sec = EXAMPLE_TIME,
		.method = method,
		.path = path,
		.query = query,
		.payload = S3_EMPTY_SHA256,
	};
}

static void add(struct s3_sign *s, const char *name, const char *value)
{
	s->header[s->n_header++] = (struct s3_header){name, value};
}

static void signs(const struct s3_sign *s, const char *names, const char *want)
{
	struct buf b;
	const char *text;

	buf_init(&b, 1000);
	CHECK_EQ(s3_sign(s, &b), 0);
	text = buf_str(&b);
	CHECK(strstr(text, "AWS4-HMAC-SHA256 "
			   "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,") ==
		text);
	REQUIRE(strstr(text, ",SignedHeaders=") && strstr(text, ",Signature="));
	CHECK(!strncmp(strstr(text, ",SignedHeaders=") + 15, names, strlen(names)));
	CHECK_STR(strstr(text, ",Signature=") + 11, want);
	CHECK(!strstr(text, "wJalr"));
	buf_release(&b);
}

static void add_usual(struct s3_sign *s)
{
	add(s, "host", "examplebucket.s3.amazonaws.com");
	add(s, "x-amz-content-sha256", s->payload);
	add(s, "x-amz-date", "20130524T000000Z");
}

TEST(get_object_with_range)
{
	struct s3_sign s = example("GET", "/test.txt", "");

	add(&s, "host", "examplebucket.s3.amazonaws.com");
	add(&s, "range", "bytes=0-9");
	add(&s, "x-amz-content-sha256", S3_EMPTY_SHA256);
	add(&s, "x-amz-date", "20130524T000000Z");
	signs(&s, "host;range;x-amz-content-sha256;x-amz-date,",
		"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(put_object)
{
	struct s3_sign s = example("PUT", "/test%24file.text", "");

	/* "Welcome to Amazon S3." */
	s.payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
	add(&s, "date", "Fri, 24 May 2013 00:00:00 GMT");
	add(&s, "host", "examplebucket.s3.amazonaws.com");
	add(&s, "x-amz-content-sha256", s.payload);
	add(&s, "x-amz-date", "20130524T000000Z");
	add(&s, "x-amz-storage-class", "REDUCED_REDUNDANCY");
	signs(&s, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,",
		"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(query_without_a_value)
{
	struct s3_sign s = example("GET", "/", "lifecycle=");

	add_usual(&s);
	signs(&s, "host;x-amz-content-sha256;x-amz-date,",
		"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(query_with_values)
{
	struct s3_sign s = example("GET", "/", "max-keys=2&prefix=J");

	add_usual(&s);
	signs(&s, "host;x-amz-content-sha256;x-amz-date,",
		"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(too_small_a_place_is_an_error)
{
	struct s3_sign s = example("GET", "/", "");
	struct buf b;

	add_usual(&s);
	buf_init(&b, 100);
	CHECK_EQ(s3_sign(&s, &b), ERR_NOMEM);
	buf_release(&b);
}

TEST(date)
{
	char s[S3_DATE];

	s3_sign_date(EXAMPLE_TIME, s);
	CHECK_STR(s, "20130524T000000Z");
	s3_sign_date(1709210096, s);
	CHECK_STR(s, "20240229T123456Z");
}
