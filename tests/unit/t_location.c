#include "backend/location.h"
#include "base/mem.h"
#include "unit/check.h"
#include <string.h>

static void parses(const char *s, enum location_scheme scheme, const char *rest)
{
	struct location l = {0};
	struct err err = {0};

	if (!CHECK_EQ(location_parse(&l, s, &err), 0))
		return;
	CHECK_EQ(l.scheme, scheme);
	CHECK_STR(l.rest, rest);
	location_release(&l);
	CHECK(!l.rest);
	location_release(&l);
}

static void refused(const char *s, const char *says)
{
	struct location l = {0};
	struct err err = {0};

	CHECK_EQ(location_parse(&l, s, &err), ERR_USAGE);
	CHECK_EQ(err.code, ERR_USAGE);
	CHECK(!l.rest);
	if (!strstr(err.msg, says))
		CHECK_STR(err.msg, says);
}

TEST(local_paths)
{
	parses("/srv/repo", LOCATION_LOCAL, "/srv/repo");
	parses("repo", LOCATION_LOCAL, "repo");
	parses("./x", LOCATION_LOCAL, "./x");
	parses("../x", LOCATION_LOCAL, "../x");
	parses("local:/srv/repo", LOCATION_LOCAL, "/srv/repo");
	parses("local:a:b", LOCATION_LOCAL, "a:b");
	parses("local:local:x", LOCATION_LOCAL, "local:x");
	parses("s3", LOCATION_LOCAL, "s3");
}

TEST(paths_with_a_colon)
{
	parses("/srv/a:b", LOCATION_LOCAL, "/srv/a:b");
	parses("./a:b", LOCATION_LOCAL, "./a:b");
	parses("../a:b", LOCATION_LOCAL, "../a:b");
	parses("..\\a:b", LOCATION_LOCAL, "..\\a:b");
	parses("\\a:b", LOCATION_LOCAL, "\\a:b");
	parses("C:\\repo", LOCATION_LOCAL, "C:\\repo");
	parses("c:/repo", LOCATION_LOCAL, "c:/repo");
}

TEST(known_schemes)
{
	parses("s3:https://host/bucket/x", LOCATION_S3, "https://host/bucket/x");
	parses("s3://host/bucket", LOCATION_S3, "//host/bucket");
	parses("swift:container:/prefix", LOCATION_SWIFT, "container:/prefix");
	parses("rest:https://u:p@host/", LOCATION_REST, "https://u:p@host/");
}

TEST(refusals)
{
	refused("", "empty");
	refused("local:", "empty");
	refused("s3:", "empty");
	refused("sftp:user@host:/srv", "\"sftp:\"");
	refused("S3:bucket", "\"S3:\"");
	refused("s3x:bucket", "\"s3x:\"");
	refused("loca:x", "\"loca:\"");
	refused("c:repo", "\"c:\"");
	refused("a/b:c", "ambiguous");
	refused(":x", "ambiguous");
	refused("\033[2J:x", "ambiguous");
}

/* A URL pasted without "rest:" must not put its password into a message. */
TEST(no_secrets_in_messages)
{
	struct location l = {0};
	struct err err = {0};

	CHECK_EQ(location_parse(&l, "https://user:geheim@host/repo", &err), ERR_USAGE);
	CHECK(strstr(err.msg, "https"));
	CHECK(!strstr(err.msg, "geheim"));
	CHECK_EQ(location_parse(&l, "user@geheim:x", &err), ERR_USAGE);
	CHECK(!strstr(err.msg, "geheim"));
}

static void shown(const char *place, const char *as)
{
	char *text = location_text(place);

	CHECK_STR(text, as);
	mem_free(text);
}

TEST(shown_without_a_password)
{
	shown("/srv/repo", "/srv/repo");
	shown("/srv/a:b@c", "/srv/a:b@c");
	shown("swift:bucket:/x", "swift:bucket:/x");
	shown("rest:http://host:8000/x", "rest:http://host:8000/x");
	shown("rest:http://u:geheim@host:8000/x", "rest:http://u:***@host:8000/x");
	shown("rest:https://u:ge/he@im@host/x", "rest:https://u:***@host/x");
	shown("rest:http://u@host/x", "rest:http://u@host/x");
	shown("rest:http://[::1]:8000/x", "rest:http://[::1]:8000/x");
	shown("s3:https://host/b", "s3:https://host/b");
}
