#include "backend/s3_place.h"
#include "base/mem.h"
#include "unit/check.h"
#include <string.h>

/* The URL of an object "k y" and of the bucket. */
static void place_is(const char *s, const char *object, const char *bucket)
{
	struct s3_place p;
	struct err err = {0};
	struct buf b;
	char *key;

	REQUIRE(!s3_place_parse(&p, s, &err));
	buf_init(&b, 1000);
	buf_adds(&b, p.tls ? "https://" : "http://");
	s3_place_host(&p, p.region[0] ? p.region : "us-east-1", false, &b);
	key = mem_printf("%sk y", p.prefix);
	s3_place_path(&p, key, false, &b);
	CHECK_STR(buf_str(&b), object);
	mem_free(key);
	buf_reset(&b);
	s3_place_host(&p, p.region[0] ? p.region : "us-east-1", true, &b);
	s3_place_path(&p, NULL, true, &b);
	CHECK_STR(buf_str(&b), bucket);
	buf_release(&b);
	s3_place_release(&p);
}

TEST(forms)
{
	place_is("https://a3s.fi/2001234-s3backup", "https://a3s.fi/2001234-s3backup/k%20y",
		"a3s.fi/2001234-s3backup");
	place_is("http://127.0.0.1:7580/bkt/a//b/./c/../", "http://127.0.0.1:7580/bkt/a/b/k%20y",
		"127.0.0.1:7580/bkt");
	place_is("LumiData.eu/bkt/p", "https://lumidata.eu/bkt/p/k%20y", "lumidata.eu/bkt");
	place_is("//lumidata.eu//bkt/", "https://lumidata.eu/bkt/k%20y", "lumidata.eu/bkt");
	place_is("https://a3s.fi:443/b1", "https://a3s.fi/b1/k%20y", "a3s.fi/b1");
	place_is("http://a3s.fi:80/b1", "http://a3s.fi/b1/k%20y", "a3s.fi/b1");
	place_is("http://a3s.fi:443/b1/..", "http://a3s.fi:443/b1/k%20y", "a3s.fi:443/b1");
	place_is("http://[::1]:9000/b1/x+y", "http://[::1]:9000/b1/x%2By/k%20y", "[::1]:9000/b1");
}

/* As restic has it: a URL is encoded, the short forms are not. */
TEST(encoded_paths)
{
	place_is("https://a3s.fi/b1/a%20b", "https://a3s.fi/b1/a%20b/k%20y", "a3s.fi/b1");
	place_is("http://a3s.fi/b%31/100%25/x%2Fy", "http://a3s.fi/b1/100%25/x/y/k%20y",
		"a3s.fi/b1");
	place_is("https://a3s.fi/b1/a b+%c3%a9", "https://a3s.fi/b1/a%20b%2B%C3%A9/k%20y",
		"a3s.fi/b1");
	place_is("a3s.fi/b1/a%20b", "https://a3s.fi/b1/a%2520b/k%20y", "a3s.fi/b1");
	place_is("//a3s.fi/b1/100%", "https://a3s.fi/b1/100%25/k%20y", "a3s.fi/b1");
}

TEST(virtual_hosts)
{
	place_is("s3.amazonaws.com/bkt/p",
		"https://bkt.s3.dualstack.us-east-1.amazonaws.com/p/k%20y",
		"s3.dualstack.us-east-1.amazonaws.com/bkt");
	place_is("s3.eu-north-1.amazonaws.com/bkt",
		"https://bkt.s3.dualstack.eu-north-1.amazonaws.com/k%20y",
		"s3.dualstack.eu-north-1.amazonaws.com/bkt");
	place_is("s3-eu-west-1.amazonaws.com/bkt",
		"https://bkt.s3.dualstack.eu-west-1.amazonaws.com/k%20y",
		"s3.dualstack.eu-west-1.amazonaws.com/bkt");
	place_is("s3.dualstack.cn-north-1.amazonaws.com.cn/bkt",
		"https://bkt.s3.dualstack.cn-north-1.amazonaws.com.cn/k%20y",
		"s3.dualstack.cn-north-1.amazonaws.com.cn/bkt");
	/* A certificate for *.s3… does not fit a bucket with a dot. */
	place_is("s3.eu-north-1.amazonaws.com/my.bkt",
		"https://s3.dualstack.eu-north-1.amazonaws.com/my.bkt/k%20y",
		"s3.dualstack.eu-north-1.amazonaws.com/my.bkt");
	place_is("storage.googleapis.com/bkt", "https://bkt.storage.googleapis.com/k%20y",
		"storage.googleapis.com/bkt");
	place_is("vpce-1.s3.eu-north-1.vpce.amazonaws.com/bkt",
		"https://bkt.vpce-1.s3.eu-north-1.vpce.amazonaws.com/k%20y",
		"vpce-1.s3.eu-north-1.vpce.amazonaws.com/bkt");
}

TEST(what_is_no_location)
{
	static const char *const bad[] = {"", "/", "//", "https://", "https:///b", "https://host",
		"https://host/", "ftp://host/bkt", "https://ho st/bkt",
		"https://KEY:hidden@host/bkt", "host?x/bkt", "https://host/bkt?x=1",
		"https://host/bkt/a#b", "https://host/bkt/100%", "https://host/bkt/a%2gb",
		"https://host/bkt/a%00b", "https://host/%2f"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct s3_place p;
		struct err err = {0};

		CHECK_EQ(s3_place_parse(&p, bad[i], &err), ERR_USAGE);
		CHECK(err.msg[0] && !strstr(err.msg, "hidden"));
		s3_place_release(&p);
	}
}
