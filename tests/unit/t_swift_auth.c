#include "unit/swift_fake.h"

#define V3    "OS_AUTH_URL", "https://keys.example:5001/v3"
#define STORE "OS_STORAGE_URL", "https://store.example/swift/v1/AUTH_7"

static const char catalog[] =
	"{\"token\":{\"issued_at\":\"2001-01-01T00:00:00.000000Z\",\"expires_at\":\"2001-01-01T08:"
	"00:00.000000Z\",\"user\":{\"name\":\"u\","
	"\"x\":[1,{}]},"
	"\"catalog\":[{\"endpoints\":[{\"interface\":\"public\",\"region\":\"A\",\"url\":\"https://"
	"other.example/\"}],\"type\":\"volume\"},"
	"{\"endpoints\":[{\"interface\":\"admin\",\"region\":\"A\",\"url\":\"https://admin.example/"
	"\"},"
	"{\"interface\":\"public\",\"region\":\"A\",\"url\":\"https://a.example/AUTH_1/\"},"
	"{\"interface\":\"public\",\"region_id\":\"B\",\"region\":null,\"url\":\"https://b.example/"
	"AUTH_1\"}],\"type\":\"object-store\"}]}}";

static struct swift_token *token;
static struct err error;
static unsigned answers;

static void keep(void *arg, struct swift_token *t, const struct err *e)
{
	(void)arg;
	swift_token_drop(token);
	token = t;
	error = (struct err){0};
	if (e)
		error = *e;
	answers++;
}

static struct swift_token_source *source(struct fake_server *f)
{
	struct swift_wire w = {.start = fake_start, .arg = f};
	struct swift_creds c;
	struct err err = {0};

	CHECK_EQ(swift_creds_read(&c, fake_getenv, &err), 0);
	CHECK_STR(err.msg, "");
	answers = 0;
	return swift_login_source_new(&c, &w, &fake_env);
}

/* The result of a first question. */
static void ask(struct fake_server *f)
{
	struct swift_token_source *s = source(f);

	s->get(s, NULL, keep, NULL);
	CHECK_EQ(answers, 1);
	s->free(s);
}

static void forget(void)
{
	swift_token_drop(token);
	token = NULL;
}

TEST(variables)
{
	struct swift_creds c;

	FAKE_VARS("OS_USERNAME", "", "ST_USER", "st", "OS_PASSWORD", "pw", "ST_KEY", "no", V3,
		"OS_TENANT_NAME", "p", "OS_PROJECT_ID", "77");
	CHECK_EQ(swift_creds_read(&c, fake_getenv, NULL), 0);
	CHECK_STR(c.user, "st");
	CHECK_STR(c.key, "pw");
	CHECK_STR(c.project, "p");
	CHECK_STR(c.project_id, "77");
	CHECK_EQ(swift_creds_version(&c), 3);
	CHECK(swift_creds_can_login(&c));
	swift_creds_release(&c);
	CHECK(!c.key);
}

static void refused(const char *says)
{
	struct err err = {0};
	struct swift_creds c;

	CHECK_EQ(swift_creds_read(&c, fake_getenv, &err), ERR_USAGE);
	if (!strstr(err.msg, says))
		CHECK_STR(err.msg, says);
	swift_creds_release(&c);
}

TEST(too_little)
{
	FAKE_VARS("HOME", "/root");
	refused("no Swift connection");
	FAKE_VARS("OS_AUTH_TOKEN", "t");
	refused("no Swift connection");
	FAKE_VARS(V3, "OS_USERNAME", "u");
	refused("OS_PASSWORD is missing");
	FAKE_VARS("OS_AUTH_URL", "https://keys.example/", "OS_USERNAME", "u", "OS_PASSWORD", "p");
	refused("names no version");
	FAKE_VARS("OS_AUTH_URL", "https://keys.example/v1.0", "OS_PASSWORD", "p");
	refused("OS_USERNAME");
}

TEST(password_v3)
{
	struct fake_server f = {0};

	FAKE_VARS(V3, "OS_USERNAME", "u\"", "OS_PASSWORD", "geh\\eim", "OS_PROJECT_NAME",
		"project_1", "OS_USER_DOMAIN_NAME", "D");
	fake_says(&f, 201, "x-subject-token: gAAA\r\n", catalog);
	ask(&f);
	CHECK(fake_got(&f, 0,
		"POST https://keys.example:5001/v3/auth/tokens\nContent-Type: application/json\n"));
	CHECK(fake_got(&f, 0,
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{"
		"\"name\":\"u\\\"\",\"domain\":{\"name\":\"D\"}"
		","
		"\"password\":\"geh\\\\eim\"}}},\"scope\":{\"project\":{\"name\":\"project_1\","
		"\"domain\":{\"name\":\"D\"}}}}}"));
	REQUIRE(token);
	CHECK_STR(token->value, "gAAA");
	CHECK_STR(token->storage_url, "https://a.example/AUTH_1");
	/* The server's clock is decades off: only the lifetime counts. */
	CHECK_EQ(token->expires.sec, fake_time.sec + 8 * 3600);
	CHECK(!token->inherited);
	forget();
	CHECK(!strstr(fake_logged, "gAAA"));
}

TEST(region)
{
	struct fake_server f = {0};

	FAKE_VARS(V3, "OS_USER_ID", "id", "OS_PASSWORD", "p", "OS_TENANT_ID", "77",
		"OS_REGION_NAME", "B");
	fake_says(&f, 201, "X-Subject-Token: t\r\n", catalog);
	ask(&f);
	CHECK(fake_got(&f, 0,
		"{\"user\":{\"id\":\"id\",\"password\":\"p\"}}},\"scope\":{\"project\":{\"id\":"
		"\"77\"}}}}"));
	REQUIRE(token);
	CHECK_STR(token->storage_url, "https://b.example/AUTH_1");
	forget();

	f = (struct fake_server){0};
	FAKE_VARS(V3, "OS_USER_ID", "id", "OS_PASSWORD", "p", "OS_REGION_NAME", "C");
	fake_says(&f, 201, "X-Subject-Token: t\r\n", catalog);
	ask(&f);
	CHECK(fake_got(&f, 0, "\"password\":\"p\"}}}}}"));
	CHECK_EQ(error.code, ERR_USAGE);
	CHECK(strstr(error.msg, "region \"C\""));
}

TEST(application_credential)
{
	struct fake_server f = {0};

	FAKE_VARS(V3, "OS_APPLICATION_CREDENTIAL_ID", "a1", "OS_APPLICATION_CREDENTIAL_SECRET", "s",
		"OS_PROJECT_NAME", "not for these");
	fake_says(&f, 201, "X-Subject-Token: t\r\n", catalog);
	ask(&f);
	CHECK(fake_got(&f, 0,
		"\n{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],\"application_"
		"credential\":{\"id\":\"a1\",\"secret\":"
		"\"s\"}}}}"));
	f = (struct fake_server){0};
	FAKE_VARS(V3, "OS_APPLICATION_CREDENTIAL_NAME", "a1", "OS_APPLICATION_CREDENTIAL_SECRET",
		"s", "OS_USERNAME", "u");
	fake_says(&f, 201, "X-Subject-Token: t\r\n", catalog);
	ask(&f);
	CHECK(fake_got(&f, 0,
		"{\"name\":\"a1\",\"secret\":\"s\",\"user\":{\"name\":\"u\",\"domain\":{\"name\":"
		"\"Default\"}}}}}}"));
	forget();
}

TEST(token_method_and_trust)
{
	struct fake_server f = {0};

	FAKE_VARS(V3, "OS_PASSWORD", "tok", "OS_TRUST_ID", "tr");
	fake_says(&f, 201, "X-Subject-Token: t\r\n", catalog);
	ask(&f);
	CHECK(fake_got(&f, 0,
		"{\"methods\":[\"token\"],\"token\":{\"id\":\"tok\"}},\"scope\":{\"OS-TRUST:"
		"trust\":{\"id\":\"tr\"}}}}"));
	forget();
}

TEST(v2)
{
	struct fake_server f = {0};

	FAKE_VARS("OS_AUTH_URL", "http://keys.example/v2.0/", "OS_USERNAME", "u", "OS_PASSWORD",
		"p", "OS_TENANT_NAME", "t");
	fake_says(&f, 200, NULL,
		"{\"access\":{\"token\":{\"id\":\"v2tok\",\"expires\":\"2001-01-01T01:00:00Z\","
		"\"issued_at\":\"2001-01-01T00:00:00.5\","
		"\"tenant\":{\"id\":\"5\"}},"
		"\"serviceCatalog\":[{\"type\":\"object-store\",\"endpoints\":[{\"region\":\"R\","
		"\"publicURL\":\"http://s.example/v1/"
		"AUTH_x\"}]}],\"user\":{}}}");
	ask(&f);
	CHECK(fake_got(&f, 0, "POST http://keys.example/v2.0/tokens\n"));
	CHECK(fake_got(&f, 0,
		"{\"auth\":{\"passwordCredentials\":{\"username\":\"u\",\"password\":\"p\"},"
		"\"tenantName\":\"t\"}}"));
	REQUIRE(token);
	CHECK_STR(token->value, "v2tok");
	CHECK_STR(token->storage_url, "http://s.example/v1/AUTH_x");
	forget();
}

TEST(v1)
{
	struct fake_server f = {0};

	FAKE_VARS("ST_AUTH", "http://s.example/auth/v1.0", "ST_USER", "u1:swift", "ST_KEY", "k");
	fake_says(&f, 204,
		"X-Storage-Url: http://s.example/swift/v1\r\nX-Auth-Token: "
		"AUTH_tk\r\nX-Auth-Token-Expires: 300\r\n",
		NULL);
	ask(&f);
	CHECK(fake_got(&f, 0,
		"GET http://s.example/auth/v1.0\nX-Auth-User: u1:swift\nX-Auth-Key: k\n"));
	REQUIRE(token);
	CHECK_STR(token->value, "AUTH_tk");
	CHECK_STR(token->storage_url, "http://s.example/swift/v1");
	CHECK_EQ(token->expires.sec, fake_time.sec + 300);
	forget();
}

TEST(ready_made_token)
{
	struct fake_server f = {0};
	struct swift_token_source *s;
	struct swift_token *first;

	FAKE_VARS("OS_AUTH_TOKEN", "given", STORE);
	s = source(&f);
	s->get(s, NULL, keep, NULL);
	REQUIRE(token);
	CHECK_EQ(f.n_got, 0);
	CHECK_STR(token->value, "given");
	CHECK(token->inherited);
	CHECK_EQ(token->expires.sec, 0);
	first = swift_token_ref(token);
	s->get(s, first, keep, NULL);
	CHECK_EQ(error.code, ERR_DENIED);
	CHECK(strstr(error.msg, "allas_conf"));
	CHECK(!token);
	swift_token_drop(first);
	s->free(s);
}

/* With a way to log in the end of the given token is asked for, and the next token is a new one
 * under the same URL. */
TEST(ready_made_token_with_a_password)
{
	struct fake_server f = {0};
	struct swift_token_source *s;
	struct swift_token *first;

	FAKE_VARS("OS_AUTH_TOKEN", "given", STORE, V3, "OS_USERNAME", "u", "OS_PASSWORD", "p");
	fake_says(&f, 200, NULL, "{\"token\":{\"expires_at\":\"2023-11-14T22:20:00Z\"}}");
	fake_says(&f, 201, "X-Subject-Token: next\r\n", catalog);
	s = source(&f);
	s->get(s, NULL, keep, NULL);
	CHECK(fake_got(&f, 0,
		"GET https://keys.example:5001/v3/auth/tokens?nocatalog\nX-Auth-Token: "
		"given\nX-Subject-Token: given\n"));
	REQUIRE(token);
	CHECK_STR(token->value, "given");
	CHECK_EQ(token->expires.sec, 1700000400);
	first = swift_token_ref(token);
	s->get(s, first, keep, NULL);
	REQUIRE(token);
	CHECK_STR(token->value, "next");
	CHECK_STR(token->storage_url, "https://store.example/swift/v1/AUTH_7");
	swift_token_drop(first);
	forget();
	s->free(s);
}

/* A job that waited too long in its queue: the login server says so, and a request that must fail
 * is saved.  A server out of reach proves nothing. */
TEST(ready_made_token_that_died)
{
	struct fake_server f = {0};

	FAKE_VARS("OS_AUTH_TOKEN", "given", STORE, V3, "OS_USERNAME", "u", "OS_PASSWORD", "p");
	fake_says(&f, 401, NULL, "{}");
	fake_says(&f, 201, "X-Subject-Token: next\r\n", catalog);
	ask(&f);
	REQUIRE(token);
	CHECK_STR(token->value, "next");

	f = (struct fake_server){.n_reply = 1, .reply = {{.err = ERR_IO}}};
	ask(&f);
	REQUIRE(token);
	CHECK_STR(token->value, "given");
	CHECK_EQ(token->expires.sec, 0);
	forget();
}

static void login_fails(int status, const char *headers, const char *body, int code,
	const char *says)
{
	struct fake_server f = {0};

	FAKE_VARS(V3, "OS_USERNAME", "u", "OS_PASSWORD", "geheim");
	fake_says(&f, status, headers, body);
	ask(&f);
	CHECK(!token);
	CHECK_EQ(error.code, code);
	if (!strstr(error.msg, says))
		CHECK_STR(error.msg, says);
	CHECK(!strstr(error.msg, "geheim"));
	forget();
}

TEST(failures)
{
	login_fails(401, NULL, "{}", ERR_DENIED, "refuses this user");
	login_fails(403, NULL, NULL, ERR_DENIED, "refuses this user");
	login_fails(404, NULL, NULL, ERR_USAGE, "does not lead to a login server");
	login_fails(503, NULL, NULL, ERR_IO, "503");
	login_fails(429, NULL, NULL, ERR_IO, "429");
	login_fails(201, NULL, catalog, ERR_INVALID, "no token");
	login_fails(201, "X-Subject-Token: t\r\n", "<html>", ERR_INVALID, "answer");
	login_fails(201, "X-Subject-Token: t\r\n", "{\"token\":{", ERR_INVALID, "answer");
	login_fails(201, "X-Subject-Token: t\r\n", "{\"token\":{\"catalog\":[]}}", ERR_USAGE,
		"no object store");
	login_fails(201, "X-Subject-Token: a b\r\n", catalog, ERR_INVALID, "strange characters");
	login_fails(201, "X-Subject-Token: t\r\n",
		"{\"token\":{\"catalog\":[{\"type\":\"object-store\",\"endpoints\":[{\"interface\":"
		"\"public\",\"url\":\"file:///"
		"etc\"}]}]}}",
		ERR_INVALID, "storage URL");
}

#define PLACE(region, url)                                                                         \
	"{\"interface\":\"public\",\"region\":\"" region "\",\"region_id\":\"" region              \
	"\",\"url\":\"" url "\"}"
#define PLACES(list)                                                                               \
	"{\"token\":{\"catalog\":[{\"type\":\"object-store\",\"endpoints\":[" list "]}]}}"
#define A PLACE("R1", "http://a/v1/")
#define B PLACE("R2", "http://b/v1")

static void next(struct swift_token_source *s)
{
	struct swift_token *stale = token ? swift_token_ref(token) : NULL;

	s->get(s, stale, keep, NULL);
	swift_token_drop(stale);
}

/* The order of a catalog means nothing: what the first login chose stays, as long as it is there.
 */
TEST(several_regions)
{
	struct fake_server f = {0};
	struct swift_token_source *s;

	FAKE_VARS(V3, "OS_USERNAME", "u", "OS_PASSWORD", "p");
	fake_says(&f, 201, "X-Subject-Token: t1\r\n", PLACES(A "," B));
	fake_says(&f, 201, "X-Subject-Token: t2\r\n", PLACES(B "," A));
	fake_says(&f, 201, "X-Subject-Token: t3\r\n", PLACES(PLACE("R9", "http://a/v1")));
	fake_says(&f, 201, "X-Subject-Token: t4\r\n", PLACES(B));
	forget();
	fake_logged[0] = 0;
	s = source(&f);
	next(s);
	REQUIRE(token);
	CHECK_STR(token->storage_url, "http://a/v1");
	/* One of two for no good reason: worth a word, once. */
	CHECK(strstr(fake_logged, "2 object stores (R1, R2)") &&
		strstr(fake_logged, "OS_REGION_NAME"));
	fake_logged[0] = 0;
	next(s);
	REQUIRE(token);
	CHECK_STR(token->value, "t2");
	CHECK_STR(token->storage_url, "http://a/v1");
	next(s);
	REQUIRE(token);
	CHECK_STR(token->storage_url, "http://a/v1");
	CHECK(!strstr(fake_logged, "OS_REGION_NAME"));
	next(s);
	CHECK(!token);
	CHECK_EQ(error.code, ERR_USAGE);
	CHECK(strstr(error.msg, "http://b/v1") && strstr(error.msg, "http://a/v1"));
	s->free(s);
}

/* A region that was named is told apart, and there is nothing to say. */
TEST(one_region_of_several)
{
	struct fake_server f = {0};
	struct swift_token_source *s;

	FAKE_VARS(V3, "OS_USERNAME", "u", "OS_PASSWORD", "p", "OS_PROJECT_ID", "77",
		"OS_REGION_NAME", "R2");
	fake_says(&f, 201, "X-Subject-Token: t1\r\n", PLACES(A "," B));
	fake_says(&f, 201, "X-Subject-Token: t2\r\n", PLACES(B "," A));
	/* The same address in another region is not what was asked for. */
	fake_says(&f, 201, "X-Subject-Token: t3\r\n",
		PLACES(PLACE("R1", "http://b/v1") "," PLACE("R2", "http://c/v1")));
	forget();
	fake_logged[0] = 0;
	s = source(&f);
	next(s);
	CHECK(fake_got(&f, 0, "\"scope\":{\"project\":{\"id\":\"77\"}}"));
	next(s);
	REQUIRE(token);
	CHECK_STR(token->storage_url, "http://b/v1");
	next(s);
	CHECK(!token);
	CHECK(!strstr(fake_logged, "OS_REGION_NAME"));
	s->free(s);
}
