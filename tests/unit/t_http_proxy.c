#include "backend/http_proxy.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

static const char *vars[8];

static const char *get(const char *name)
{
	for (size_t i = 0; vars[i]; i += 2) {
		if (!strcmp(vars[i], name))
			return vars[i + 1];
	}
	return NULL;
}

static struct http_proxies p;

static void with(const char *proxy, const char *none)
{
	static char hosts[4096];
	FILE *f;

	snprintf(hosts, sizeof(hosts), "%s/hosts", check_tmpdir());
	f = fopen(hosts, "w");
	REQUIRE(f);
	fputs("127.0.0.1 localhost\n# 127.0.0.1 no.site\n127.0.1.1\tmine.site  Mine # other\n::1 "
	      "six\n10.0.0.1 far.site\n",
		f);
	fclose(f);
	memset(vars, 0, sizeof(vars));
	vars[0] = "http_proxy";
	vars[1] = proxy;
	vars[2] = "HTTPS_PROXY";
	vars[3] = proxy;
	vars[4] = "no_proxy";
	vars[5] = none;
	http_proxies_release(&p);
	http_proxies_read(&p, get, hosts);
}

static bool proxied(const char *url)
{
	const struct http_proxy *out;
	struct err err = {0};

	CHECK_EQ(http_proxy_for(&p, url, &out, &err), 0);
	return out != NULL;
}

static void is(const char *proxy, const char *url, const char *user, const char *password)
{
	const struct http_proxy *out;
	struct err err = {0};

	with(proxy, NULL);
	CHECK_EQ(http_proxy_for(&p, "https://store.site/x", &out, &err), 0);
	if (!CHECK(out))
		return;
	CHECK_STR(out->url, url);
	CHECK_STR(out->user ? out->user : "-", user);
	CHECK_STR(out->password ? out->password : "-", password);
}

TEST(what_a_proxy_is)
{
	is("http://gate:3128", "http://gate:3128", "-", "-");
	is("gate:3128/", "http://gate:3128", "-", "-");
	is("gate", "http://gate", "-", "-");
	is("HTTPS://gate/", "HTTPS://gate", "-", "-");
	is("socks5h://[::1]:1080", "socks5h://[::1]:1080", "-", "-");
	is("http://me:secret@gate:1", "http://gate:1", "me", "secret");
	is("me@gate:1", "http://gate:1", "me", "");
	is("http://me:s%40%25%2f@gate:1", "http://gate:1", "me", "s@%/");
	/* As for Go, the last @ is the one. */
	is("http://me:SEC@RET@127.0.0.1:3128", "http://127.0.0.1:3128", "me", "SEC@RET");
}

/* What cannot be understood may have a password anywhere. */
TEST(a_bad_proxy_is_not_repeated)
{
	static const char *const bad[] = {"http://me:SEC#RET@127.0.0.1:3128",
		"http://me:SEC?RET@127.0.0.1:3128", "http://me:SEC/RET@127.0.0.1:3128",
		"http://me:SEC%RET@127.0.0.1:3128", "foo://me:SECRET@127.0.0.1:3128",
		"http://me:SECRET@127.0.0.1:SECRET", "http://me:12/SECRET@gate:1",
		"http://SEC RET:1", "http://gate:70000", "http://gate:", "http://",
		"http://me:SECRET@", "http://[::1:3128"};
	const struct http_proxy *out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};

		with(bad[i], NULL);
		CHECK_EQ(http_proxy_for(&p, "http://store.site/x", &out, &err), ERR_USAGE);
		CHECK(!out && strstr(err.msg, "http_proxy") && !strstr(err.msg, "SEC") &&
			!strstr(err.msg, "RET"));
		/* Who does not need it is not troubled. */
		CHECK_EQ(http_proxy_for(&p, "http://127.0.0.1/x", &out, &err), 0);
	}
}

TEST(the_machine_itself)
{
	with("gate", NULL);
	CHECK(!proxied("http://localhost:8000/"));
	CHECK(!proxied("http://LOCALHOST/"));
	CHECK(!proxied("http://a.localhost/"));
	CHECK(!proxied("http://127.0.0.1/"));
	CHECK(!proxied("http://127.8.9.10:80/"));
	CHECK(!proxied("https://[::1]:80/"));
	CHECK(!proxied("https://[0:0:0:0:0:0:0:1]/"));
	CHECK(!proxied("https://[::ffff:127.0.0.1]/"));
	CHECK(!proxied("http://mine.site/"));
	CHECK(!proxied("http://mine:8000/"));
	CHECK(!proxied("http://six/"));
	CHECK(proxied("http://other/"));
	CHECK(proxied("http://no.site/"));
	CHECK(proxied("http://far.site/"));
	CHECK(proxied("http://128.0.0.1/"));
	CHECK(proxied("http://localhost.site/"));
}

/* As in golang.org/x/net/http/httpproxy. */
TEST(no_proxy)
{
	with("gate", "a.site, *.b.site,.c.site,d.site:8080,*.e.site:443, "
		     "10.0.0.5,10.1.0.0/16,10.2.0.1:99,[fd00::1]:7,fd01::/16,:80,Z.SITE");
	CHECK(!proxied("http://a.site/") && !proxied("http://x.a.site/") &&
		proxied("http://xa.site/"));
	CHECK(!proxied("http://A.Site/") && !proxied("http://z.site/"));
	CHECK(proxied("http://b.site/") && !proxied("http://x.b.site/") &&
		!proxied("http://y.x.b.site:9/"));
	CHECK(proxied("http://c.site/") && !proxied("http://x.c.site/"));
	CHECK(proxied("http://d.site/") && !proxied("http://d.site:8080/") &&
		!proxied("http://x.d.site:8080/") && proxied("http://d.site:80/"));
	CHECK(!proxied("https://x.e.site/") && proxied("http://x.e.site/") &&
		proxied("https://e.site/"));
	CHECK(!proxied("http://10.0.0.5:1/") && proxied("http://10.0.0.6/") &&
		!proxied("http://10.1.255.1/") && proxied("http://10.2.0.1/"));
	CHECK(!proxied("http://10.2.0.1:99/"));
	CHECK(!proxied("http://[fd00::1]:7/") && proxied("http://[fd00::1]/") &&
		!proxied("http://[fd01:2::3]/") && proxied("http://[fd02::3]/"));
	with("gate", "x.site,*");
	CHECK(!proxied("http://any.where/") && !proxied("http://10.9.9.9/"));
	with("gate", "");
	CHECK(proxied("http://any.where/"));
	with("", "");
	CHECK(!proxied("http://any.where/"));
	http_proxies_release(&p);
}
