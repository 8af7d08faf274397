#include "backend/s3_cred.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The environment of the test at hand: names and values in turn. */
static const char *const *vars;
static char *home;
static const char *named; /* the project that the caller knows */

static const char *get(const char *name)
{
	for (const char *const *v = vars; v && *v; v += 2) {
		if (!strcmp(*v, name))
			return v[1];
	}
	return NULL;
}

static void new_home(void)
{
	static const char *const dirs[] = {"", "/.aws", "/.config", "/.config/rclone"};
	static int n;

	mem_free(home);
	home = mem_printf("%s/home%d", check_tmpdir(), n++);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char *d = mem_printf("%s%s", home, dirs[i]);

		REQUIRE(!mkdir(d, 0700));
		mem_free(d);
	}
	vars = NULL;
}

static void file(const char *name, const char *text)
{
	char *path = mem_printf("%s/%s", home, name);
	FILE *f = fopen(path, "w");

	REQUIRE(f);
	fputs(text, f);
	REQUIRE(!fclose(f));
	mem_free(path);
}

#define RCLONE ".config/rclone/rclone.conf"

static void finds(const char *host, const char *access, const char *secret, const char *token)
{
	struct s3_cred_where w = {.host = host,
		.project = named,
		.conf = {.home = home, .getenv = get}};
	struct s3_cred c;
	struct err err = {0};

	CHECK_EQ(s3_cred_find(&c, &w, &err), access ? 0 : ERR_DENIED);
	CHECK_STR(c.access, access);
	CHECK_STR(c.secret, secret);
	CHECK_STR(c.token, token);
	CHECK(!access || (c.from && !strstr(c.from, secret)));
	s3_cred_release(&c);
}

TEST(environment_comes_first)
{
	static const char *const e[] = {"AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "s",
		"AWS_SESSION_TOKEN", "t", NULL};
	static const char *const older[] = {"AWS_ACCESS_KEY_ID", "", "AWS_ACCESS_KEY", "a2",
		"AWS_SECRET_KEY", "s2", NULL};
	static const char *const half[] = {"AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "",
		NULL};
	static const char *const minio[] = {"AWS_ACCESS_KEY_ID", "a", "MINIO_ROOT_USER", "m",
		"MINIO_ROOT_PASSWORD", "p", NULL};

	new_home();
	file(".aws/credentials",
		"[default]\naws_access_key_id=file\naws_secret_access_key=filesecret\n");
	vars = e;
	finds("h", "a", "s", "t");
	vars = older;
	finds("h", "a2", "s2", NULL);
	vars = half;
	finds("h", "file", "filesecret", NULL);
	vars = minio;
	finds("h", "m", "p", NULL);
}

TEST(profiles)
{
	static const char *const other[] = {"AWS_PROFILE", "other", NULL};
	static const char *const none[] = {"AWS_PROFILE", "missing", NULL};

	new_home();
	file(".aws/credentials", "; a comment\n[other]\r\naws_access_key_id = "
				 "oa\r\naws_secret_access_key = os=/+\r\naws_session_token = ot\r\n"
				 "[default]\naws_access_key_id=da\n# "
				 "aws_access_key_id=no\naws_secret_access_key=ds");
	finds("h", "da", "ds", NULL);
	vars = other;
	finds("h", "oa", "os=/+", "ot");
	vars = none;
	finds("h", NULL, NULL, NULL);
}

TEST(named_file)
{
	const char *e[] = {"AWS_SHARED_CREDENTIALS_FILE", NULL, NULL};
	char *path;

	new_home();
	path = mem_printf("%s/elsewhere", home);
	e[1] = path;
	vars = e;
	file("elsewhere", "[default]\naws_access_key_id=a\naws_secret_access_key=Secret\n");
	finds("h", "a", "Secret", NULL);
	mem_free(path);
}

/* What allas-conf writes, for Allas and then for LUMI-O: ~/.aws belongs to the last one, rclone's
 * file to both. */
TEST(csc_layout)
{
	static const char *const project[] = {"OS_PROJECT_NAME", "project_2005678", NULL};

	new_home();
	file(".aws/credentials",
		"[default]\nAWS_ACCESS_KEY_ID=lumikey\n\tAWS_SECRET_ACCESS_KEY=lumisecret\n");
	file(".aws/config", "[default]\nendpoint_url = https://lumidata.eu\n");
	file(RCLONE, "[allas]\ntype = swift\nenv_auth = true\n\n"
		     "[s3allas-project_2005678]\ntype = s3\nprovider = Other\nenv_auth = "
		     "false\naccess_key_id = otherkey\n"
		     "secret_access_key = othersecret\nendpoint = a3s.fi\nacl = private\n\n"
		     "[s3allas]\ntype = s3\naccess_key_id = allaskey\nsecret_access_key = "
		     "allassecret\nendpoint = a3s.fi\n"
		     "[lumi-o]\ntype = s3\naccess_key_id = rlumi\nsecret_access_key = "
		     "rlumisecret\nendpoint = https://lumidata.eu\n");
	finds("lumidata.eu", "lumikey", "lumisecret", NULL);
	finds("a3s.fi", "allaskey", "allassecret", NULL);
	finds("a3s.fi:443", "allaskey", "allassecret", NULL);
	finds("example.org", NULL, NULL, NULL);
	vars = project;
	finds("a3s.fi", "otherkey", "othersecret", NULL);
	/* ~/.aws belongs to the project of the last login; the section that is named after this
	 * one's is right. */
	file(".aws/config", "[default]\nendpoint_url = https://a3s.fi\n");
	finds("a3s.fi", "otherkey", "othersecret", NULL);
	named = "project_2009999";
	finds("a3s.fi", "lumikey", "lumisecret", NULL);
	named = "project_2005678";
	vars = NULL;
	finds("a3s.fi", "otherkey", "othersecret", NULL);
	named = NULL;
	file(".aws/credentials", "");
	finds("lumidata.eu", "rlumi", "rlumisecret", NULL);
}

TEST(rclone_sections_must_be_whole)
{
	new_home();
	file(RCLONE,
		"[s3allas]\ntype = s3\naccess_key_id = a\nendpoint = a3s.fi\n"
		"[x]\ntype = swift\naccess_key_id = a\nsecret_access_key = s\nendpoint = a3s.fi\n"
		"[y]\ntype = s3\naccess_key_id = ya\nsecret_access_key = ys\nendpoint = "
		"a3s.fi:8080\n");
	finds("a3s.fi:80", NULL, NULL, NULL);
	finds("a3s.fi:8080", "ya", "ys", NULL);
	finds("a3s.fi.example.org", NULL, NULL, NULL);
}

/* The keys of somebody else than the role might open other buckets. */
TEST(roles_are_refused)
{
	static const char *const always[] = {"AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "s",
		"RESTIC_AWS_ASSUME_ROLE_ARN", "arn:x", NULL};
	static const char *const own[] = {"AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "s",
		"AWS_ROLE_ARN", "arn:x", NULL};
	static const char *const web[] = {"AWS_ROLE_ARN", "arn:x", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"/x", NULL};
	static const char *const task[] = {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x", NULL};
	struct s3_cred_where w = {.host = "h", .conf.getenv = get};
	static const struct {
		const char *const *vars;
		const char *name;
	} bad[] = {{always, "RESTIC_AWS_ASSUME_ROLE_ARN"}, {web, "AWS_ROLE_ARN"},
		{task, "AWS_CONTAINER_CREDENTIALS_FULL_URI"}};

	new_home();
	file(".aws/credentials", "[default]\naws_access_key_id = fa\naws_secret_access_key = fs\n");
	w.conf.home = home;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct s3_cred c;
		struct err err = {0};

		vars = bad[i].vars;
		CHECK_EQ(s3_cred_find(&c, &w, &err), ERR_UNSUPPORTED);
		CHECK(!c.access && strstr(err.msg, bad[i].name) && strstr(err.msg, "assume-role"));
	}
	/* As for AWS's own programs: what stands in the environment itself is meant. */
	vars = own;
	finds("h", "a", "s", NULL);
}

TEST(unreadable_is_said)
{
	struct s3_cred_where w = {.host = "h", .conf.getenv = get};
	struct s3_cred c;
	struct err err = {0};
	char *d;

	new_home();
	w.conf.home = home;
	d = mem_printf("%s/.aws/credentials", home);
	REQUIRE(!mkdir(d, 0700));
	CHECK(s3_cred_find(&c, &w, &err) < 0);
	CHECK(strstr(err.msg, ".aws/credentials"));
	s3_cred_release(&c);
	mem_free(d);
	/* No home, no environment: no keys, and a sentence that helps. */
	w.conf.home = NULL;
	CHECK_EQ(s3_cred_find(&c, &w, &err), ERR_DENIED);
	CHECK(strstr(err.msg, "allas-conf"));
}

void check_teardown(void)
{
	mem_free(home);
}
