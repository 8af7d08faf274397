/* Answers as Ceph, AWS and others give them, and broken ones. */
#include "backend/s3_xml.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define END  "<IsTruncated>false</IsTruncated></ListBucketResult>"
#define NS   " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

struct seen {
	char text[400];
	int stop_at, n;
};

static int see(void *arg, const char *key, uint64_t size)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%s=%llu;", key, (unsigned long long)size);
	return ++s->n == s->stop_at ? 77 : 0;
}

static struct s3_page page;

static void list_is(const char *xml, int want, const char *keys)
{
	struct seen s = {0};
	struct err err = {0};

	CHECK_EQ(s3_xml_list(&page, xml, strlen(xml), see, &s, &err), want);
	CHECK_STR(s.text, keys);
	CHECK(!want == !err.msg[0]);
}

TEST(list_of_ceph_and_aws)
{
	s3_page_init(&page);
	list_is(HEAD "<ListBucketResult" NS "><Name>b</Name><Prefix>data/</Prefix><MaxKeys>2</"
		     "MaxKeys><IsTruncated>true</IsTruncated>"
		     "<Contents><Key>data/a</Key><LastModified>2026-01-01T00:00:00.000Z</"
		     "LastModified><ETag>&quot;x&quot;</ETag><Size>5</Size>"
		     "<Owner><ID>u1</ID><DisplayName>u1</DisplayName></Owner></Contents>"
		     "<Contents><Size>18446744073709551</Size><Key>data/b</Key></"
		     "Contents><CommonPrefixes><Prefix>data/c/</Prefix></"
		     "CommonPrefixes>"
		     "<NextContinuationToken>to&amp;ken=</NextContinuationToken><KeyCount>2</"
		     "KeyCount></ListBucketResult>",
		0, "data/a=5;data/b=18446744073709551;");
	CHECK(page.truncated && page.sorted);
	CHECK_EQ(page.keys, 2);
	CHECK_STR(buf_str(&page.token), "to&ken=");
	CHECK_STR(buf_str(&page.last), "data/b");
	CHECK_STR(buf_str(&page.next_marker), "");
	/* The next page must begin behind what was last. */
	list_is("<ListBucketResult><Contents><Key>data/b</Key><Size>1</Size></Contents>" END, 0,
		"data/b=1;");
	CHECK(!page.sorted && !page.truncated);
	CHECK_STR(buf_str(&page.token), "");
	s3_page_release(&page);
}

TEST(list_with_prefixes_and_encoded_keys)
{
	s3_page_init(&page);
	list_is("<s3:ListBucketResult "
		"xmlns:s3=\"urn:x\"><s3:Contents><s3:Key>a%2Fb+c%2B%zz%4</s3:Key><s3:Size>1</"
		"s3:Size></s3:Contents>"
		"<s3:NextMarker>a%2Fb</s3:NextMarker><s3:EncodingType>url</s3:EncodingType></"
		"s3:ListBucketResult>",
		0, "a/b c+%zz%4=1;");
	CHECK_STR(buf_str(&page.next_marker), "a/b");
	/* Not said to be encoded: taken as it is. */
	list_is("<ListBucketResult><Contents><Key>b%2Fb+c</Key><Size>1</Size></Contents>" END, 0,
		"b%2Fb+c=1;");
	list_is("<ListBucketResult>" END, 0, "");
	s3_page_release(&page);
}

/* Names would be missing if any of these counted as the end. */
TEST(whether_there_is_more)
{
#define KEY "<Contents><Key>a</Key><Size>1</Size></Contents>"
	static const char *const odd[] = {"True", "TRUE", "1", "0", " true ", " false", "no", ""};

	s3_page_init(&page);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char *xml = mem_printf(
			"<ListBucketResult><IsTruncated>%s</IsTruncated></ListBucketResult>",
			odd[i]);

		list_is(xml, ERR_INVALID, "");
		mem_free(xml);
	}
	list_is("<ListBucketResult>" KEY "</ListBucketResult>", ERR_INVALID, "a=1;");
	/* Who says where to go on has more. */
	list_is("<ListBucketResult>" KEY
		"<NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
		0, "a=1;");
	CHECK(page.truncated);
	list_is("<ListBucketResult><NextContinuationToken>t</NextContinuationToken>" KEY END, 0,
		"a=1;");
	CHECK(page.truncated);
	list_is("<ListBucketResult>" KEY "<NextMarker>a</NextMarker></ListBucketResult>", 0,
		"a=1;");
	CHECK(page.truncated);
	list_is("<ListBucketResult><NextContinuationToken/>" KEY END, 0, "a=1;");
	CHECK(!page.truncated);
	s3_page_release(&page);
}

TEST(list_unsorted_is_noticed)
{
	s3_page_init(&page);
	list_is("<ListBucketResult><Contents><Key>b</Key><Size>1</Size></"
		"Contents><Contents><Key>a</Key><Size>1</Size></Contents>" END,
		0, "b=1;a=1;");
	CHECK(!page.sorted);
	s3_page_release(&page);
}

TEST(broken_listings)
{
	struct seen s = {.stop_at = 1};
	struct err err = {0};
	const char *two = "<ListBucketResult><Contents><Key>a</Key><Size>1</Size></"
			  "Contents><Contents><Key>b</Key><Size>1</Size></"
			  "Contents></ListBucketResult>";
	char *deep = mem_zalloc(1000), *wide = mem_alloc(20000);

	s3_page_init(&page);
	list_is("", ERR_ODD, "");
	list_is("<html><body>no</body></html>", ERR_ODD, "");
	list_is("<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents>", ERR_ODD, "");
	list_is("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
		ERR_INVALID, "");
	list_is("<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
		ERR_INVALID, "");
	list_is("<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></"
		"ListBucketResult>",
		ERR_INVALID, "");
	list_is("<ListBucketResult><Contents><Key>a</Key><Size>99999999999999999999999</Size></"
		"Contents></ListBucketResult>",
		ERR_INVALID, "");
	list_is("<!DOCTYPE l [<!ENTITY a \"aa\">]><ListBucketResult></ListBucketResult>", ERR_ODD,
		"");
	for (int i = 0; i < 50; i++)
		strcat(deep, "<a>");
	for (int i = 0; i < 50; i++)
		strcat(deep, "</a>");
	list_is(deep, ERR_ODD, "");
	snprintf(wide, 20000,
		"<ListBucketResult><Contents><Key>%010000d</Key><Size>1</Size></Contents></"
		"ListBucketResult>",
		1);
	list_is(wide, ERR_ODD, "");
	/* What the reader says ends it. */
	CHECK_EQ(s3_xml_list(&page, two, strlen(two), see, &s, &err), 77);
	CHECK_STR(s.text, "a=1;");
	mem_free(deep);
	mem_free(wide);
	s3_page_release(&page);
}

static struct s3_error error_of(const char *xml)
{
	struct s3_error e;

	s3_xml_error(&e, xml, strlen(xml));
	return e;
}

TEST(errors)
{
	struct s3_error e = error_of(
		HEAD "<Error><Code>NoSuchKey</Code><BucketName>b</BucketName><RequestId>tx0</"
		     "RequestId><HostId>h</HostId></Error>");

	CHECK_STR(e.code, "NoSuchKey");
	CHECK_STR(e.message, "");
	e = error_of("<Error><Message>the region "
		     "is\nwrong</Message><Code>AuthorizationHeaderMalformed</"
		     "Code><Region>eu-north-1</Region></Error>");
	CHECK_STR(e.code, "AuthorizationHeaderMalformed");
	CHECK_STR(e.message, "the region is wrong");
	CHECK_STR(e.region, "eu-north-1");
	e = error_of("<ErrorResponse" NS "><Error><Code>SlowDown</Code></Error></ErrorResponse>");
	CHECK_STR(e.code, "SlowDown");
	e = error_of("503 <b>Service Unavailable");
	CHECK_STR(e.code, "");
	e = error_of("");
	CHECK_STR(e.code, "");
}

static void is_deleted(void *arg, const char *key, const struct s3_error *e)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%s:%s;", key, e ? e->code : "gone");
}

TEST(deleted)
{
	const char *xml = HEAD
		"<DeleteResult" NS "><Deleted><Key>a</Key></Deleted><Error><Key>b</"
		"Key><Code>AccessDenied</Code><Message>m</Message></Error>"
		"<Error><Code>InternalError</Code><Key>c</Key></Error></DeleteResult>";
	struct seen s = {0};
	struct err err = {0};

	CHECK_EQ(s3_xml_deleted(xml, strlen(xml), is_deleted, &s, &err), 0);
	CHECK_STR(s.text, "a:gone;b:AccessDenied;c:InternalError;");
	CHECK_EQ(s3_xml_deleted(xml, 90, is_deleted, &s, &err), ERR_INVALID);
	CHECK(err.msg[0]);
}
