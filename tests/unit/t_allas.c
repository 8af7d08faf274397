#include "cmd/allas.h"
#include "base/mem.h"
#include "lib/files.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The environment of a test: "NAME=value" lines. */
static const char *env_text;
static const char *env_project; /* what it said before -project; NULL: what it says */
static char *home;

static const char *env(const char *name)
{
	static char values[32][256];
	static unsigned next;
	char *value = values[next++ % 32]; /* the caller may keep some */
	size_t n = strlen(name);

	if (!strcmp(name, "HOME"))
		return home;
	for (const char *p = env_text; p && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		if (!strncmp(p, name, n) && p[n] == '=') {
			snprintf(value, 256, "%.*s", (int)strcspn(p + n + 1, "\n"), p + n + 1);
			return value;
		}
	}
	return NULL;
}

#define SWIFT "OS_AUTH_TOKEN=t\nOS_STORAGE_URL=https://a3s.fi:443/swift/v1/AUTH_x\n"
#define OWN   "OS_PROJECT_NAME=project_2001\n"
#define KEYS  "AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\n"

/* found: what is found for a command line (words separated by blanks) as "PLACE PASSWORD-FILE[
 * usual]", "-" when it does not apply, "error: …". */
static const char *found(const char *line, const char *environment)
{
	static char text[1400];
	char *copy = mem_strdup(line), *args[16], *save = NULL;
	struct err e = {0};
	struct opts o = {0};
	struct allas a;
	int n = 0;

	env_text = environment;
	for (char *w = strtok_r(copy, " ", &save); w && n < 16; w = strtok_r(NULL, " ", &save))
		args[n++] = w;
	REQUIRE(!opts_parse(&o, &verb_table, n, args, &e));
	opts_env(&o, env);
	if (allas_find(&a, &o, env, env_project ? env_project : env("OS_PROJECT_NAME"), &e))
		snprintf(text, sizeof(text), "error: %s", e.msg);
	else if (!a.used)
		snprintf(text, sizeof(text), "-");
	else
		snprintf(text, sizeof(text), "%s %s%s", a.place, strrchr(a.password_file, '/') + 1,
			a.usual ? " usual" : "");
	CHECK(!a.used || !strncmp(a.password_file, home, strlen(home)));
	allas_release(&a);
	opts_release(&o);
	mem_free(copy);
	return text;
}

static bool fails(const char *line, const char *environment, const char *with)
{
	const char *got = found(line, environment);
	bool right = !strncmp(got, "error: ", 7) && strstr(got, with) != NULL;

	if (!right)
		printf("  got: %s\n", got);
	return right;
}

void check_setup(void)
{
	home = files_dir("home");
}

void check_teardown(void)
{
	mem_free(home);
}

/* A home directory with these files; NULL: without. */
static void have(const char *rclone, const char *aws, const char *settings)
{
	static const char *const names[] = {".config/rclone/rclone.conf", ".aws/credentials",
		".a_tools_conf", ".aws/config"};
	const char *text[] = {rclone, aws, settings, NULL};

	files_mkdir(home, ".config/rclone");
	files_mkdir(home, ".aws");
	for (int i = 0; i < 4; i++)
		files_write(home, names[i], text[i] ? text[i] : "", text[i] ? strlen(text[i]) : 0);
}

TEST(a_location_is_none_of_its_business)
{
	have(NULL, NULL, NULL);
	CHECK_STR(found("-r /path list", SWIFT OWN), "-");
	CHECK_STR(found("-r ./path list", SWIFT OWN), "-");
	CHECK_STR(found("-r s3:https://a3s.fi/x list", SWIFT OWN), "-");
	CHECK_STR(found("-r swift:x:/ list", SWIFT OWN), "-");
	CHECK_STR(found("list", SWIFT OWN "RESTIC_REPOSITORY=word\n"), "-");
	CHECK_STR(found("--repository-file /x list", SWIFT OWN), "-");
	CHECK(fails("-project 2002 list", SWIFT OWN "RESTIC_REPOSITORY=/x\n",
		"RESTIC_REPOSITORY names another place"));
	CHECK(fails("-project 2002 list", SWIFT OWN "RESTIC_REPOSITORY_FILE=/x\n",
		"RESTIC_REPOSITORY_FILE names another place"));
	CHECK_STR(found("-r swift:x:/ -project 2002 list", SWIFT OWN), "-");
	/* Without any connection a word is a directory, as restic has it. */
	CHECK_STR(found("-r word list", ""), "-");
	/* So is one that is a repository. */
	files_mkdir(home, "repo");
	files_write(home, "repo/config", "x", 1);
	REQUIRE(!chdir(home));
	CHECK_STR(found("-r repo list", SWIFT OWN), "-");
	CHECK(fails("-r /path -b bucket list", SWIFT OWN, "-r names the place already"));
}

TEST(swift_is_what_is_connected)
{
	have(NULL, NULL, NULL);
	CHECK_STR(found("list", SWIFT OWN), "swift:2001-BACKUP:/backup .backup_passwd_2001 usual");
	CHECK_STR(found("list", SWIFT "OS_PROJECT_NAME=other\n"),
		"swift:other-BACKUP:/backup .backup_passwd_other usual");
	CHECK_STR(found("list", SWIFT OWN KEYS),
		"swift:2001-BACKUP:/backup .backup_passwd_2001 usual");
	CHECK_STR(found("list", "OS_AUTH_URL=https://x/v3\nOS_USERNAME=u\nOS_PASSWORD=p\n" OWN),
		"swift:2001-BACKUP:/backup .backup_passwd_2001 usual");
	CHECK_STR(found("-b mine list", SWIFT OWN), "swift:mine:/backup .backup_passwd_2001");
	CHECK_STR(found("-r 99 list", SWIFT OWN), "swift:99-BACKUP:/backup .backup_passwd_99");
	CHECK_STR(found("-r 99 -b mine list", SWIFT OWN), "swift:mine:/backup .backup_passwd_99");
	CHECK_STR(found("-project project_77 list", SWIFT OWN),
		"swift:77-BACKUP:/backup .backup_passwd_77 usual");
	/* What is asked for wins over what the environment says. */
	CHECK_STR(found("-b mine list", SWIFT OWN "RESTIC_REPOSITORY=/x\n"),
		"swift:mine:/backup .backup_passwd_2001");
	CHECK(fails("list", SWIFT, "of which project"));
	CHECK(fails("-b a/b list", SWIFT OWN, "cannot be called"));
	CHECK(fails("-mode swift list", KEYS OWN, "no Swift connection"));
}

#define TWO                                                                                        \
	"[s3allas]\ntype = s3\naccess_key_id = ka\nsecret_access_key = x\nendpoint = a3s.fi\n"     \
	"[s3allas-project_2001]\ntype = s3\naccess_key_id = ka\nsecret_access_key = x\nendpoint "  \
	"= a3s.fi\n"                                                                               \
	"[s3allas-project_77]\ntype = s3\naccess_key_id = kb\nsecret_access_key = x\nendpoint = "  \
	"a3s.fi\n"
#define LUMI                                                                                       \
	"[lumi-o]\ntype = s3\naccess_key_id = kl\nsecret_access_key = x\nendpoint = "              \
	"https://lumidata.eu\n"                                                                    \
	"[lumi-462-private]\ntype = s3\naccess_key_id = kl\nsecret_access_key = x\nendpoint = "    \
	"https://lumidata.eu\n"

TEST(s3_is_where_keys_are)
{
	have(NULL, NULL, NULL);
	CHECK_STR(found("list", KEYS OWN),
		"s3:https://a3s.fi/2001-s3backup .backup_passwd_2001 usual");
	CHECK_STR(found("list", KEYS OWN "AWS_ENDPOINT_URL=http://localhost:7/\n"),
		"s3:http://localhost:7/2001-s3backup .backup_passwd_2001 usual");
	CHECK_STR(found("-b mine -s3 list", SWIFT KEYS OWN),
		"s3:https://a3s.fi/mine .backup_passwd_2001");
	CHECK_STR(found("-S3 list", SWIFT KEYS OWN),
		"s3:https://a3s.fi/2001-s3backup .backup_passwd_2001 usual");
	CHECK_STR(found("--s3cmd list", SWIFT KEYS OWN),
		"s3:https://a3s.fi/2001-s3backup .backup_passwd_2001 usual");
	CHECK_STR(found("-mode S3 -r 9 list", SWIFT KEYS OWN),
		"s3:https://a3s.fi/9-s3backup .backup_passwd_9");
	CHECK(fails("-mode S3 list", SWIFT OWN, "no S3 keys"));
	CHECK(fails("-mode x list", SWIFT OWN, "-mode must be"));
	CHECK(fails("list", KEYS, "of which project"));
	/* CSC's layout of AWS's file, and the project by its key, as the wrapper finds it. */
	have(TWO, "[default]\nAWS_ACCESS_KEY_ID=kb\nAWS_SECRET_ACCESS_KEY=x\n", NULL);
	CHECK_STR(found("list", "AWS_ACCESS_KEY_ID=kb\nAWS_SECRET_ACCESS_KEY=x\n"),
		"s3:https://a3s.fi/77-s3backup .backup_passwd_77 usual");
	CHECK_STR(found("list", ""), "s3:https://a3s.fi/2001-s3backup .backup_passwd_2001 usual");
	CHECK_STR(found("-project 77 list", ""),
		"s3:https://a3s.fi/77-s3backup .backup_passwd_77 usual");
	have(NULL, "[default]\nAWS_ACCESS_KEY_ID=kb\nAWS_SECRET_ACCESS_KEY=x\n", NULL);
	CHECK_STR(found("list", OWN), "s3:https://a3s.fi/2001-s3backup .backup_passwd_2001 usual");
}

/* Two sections with one key: the wanted project's counts. */
#define SHARED                                                                                     \
	"[s3allas-project_5]\ntype = s3\naccess_key_id = ka\nsecret_access_key = x\nendpoint = "   \
	"a3s.fi\n" TWO

TEST(keys_of_another_project)
{
	static const char twin[] = "[s3allas]\ntype = s3\naccess_key_id = ka\nsecret_access_key = "
				   "x\nendpoint = a3s.fi\n"
				   "[s3allas-project_2002]\ntype = s3\naccess_key_id = "
				   "ka\nsecret_access_key = x\nendpoint = a3s.fi\n";

	have(twin, NULL, NULL);
	CHECK_STR(found("-s3 list", ""),
		"s3:https://a3s.fi/2002-s3backup .backup_passwd_2002 usual");
	CHECK_STR(found("-s3 -project 2002 list", ""),
		"s3:https://a3s.fi/2002-s3backup .backup_passwd_2002 usual");
	CHECK(fails("-s3 -project 2001 list", "", "project 2001 was asked for"));
	CHECK(fails("-s3 -project 2001 list", "", "are those of project 2002"));
	CHECK(fails("-s3 -project 2001 list", "", "allas_conf --mode S3"));
	CHECK(fails("list", "OS_PROJECT_NAME=project_2003\n", "project 2003 was"));
	CHECK(fails("-r label list", "OS_PROJECT_NAME=project_2003\n", "project 2003 was"));
	CHECK(fails("-b mine list", "OS_PROJECT_NAME=project_2003\n", "project 2003 was"));
	/* Keys in the environment that a section knows, too. */
	CHECK(fails("list", "AWS_ACCESS_KEY_ID=ka\nAWS_SECRET_ACCESS_KEY=x\n" OWN,
		"project 2002;"));
	/* Swift is another connection. */
	CHECK_STR(found("list", SWIFT OWN), "swift:2001-BACKUP:/backup .backup_passwd_2001 usual");
	have(SHARED, NULL, NULL);
	CHECK_STR(found("list", OWN), "s3:https://a3s.fi/2001-s3backup .backup_passwd_2001 usual");
	CHECK_STR(found("-project 5 list", ""),
		"s3:https://a3s.fi/5-s3backup .backup_passwd_5 usual");
	have(LUMI, NULL, NULL);
	CHECK(fails("--lumi -project 463 list", "", "allas_conf --lumi"));
}

/* Keys and logins do not say whose they are, but the environment beside them does. */
TEST(an_environment_of_another_project)
{
	static const char only[] = "[s3allas-project_2002]\ntype = s3\naccess_key_id = "
				   "kc\nsecret_access_key = x\nendpoint = a3s.fi\n";

	have(NULL, NULL, NULL);
	env_project = "project_2002";
	for (int i = 0; i < 3; i++) {
		static const char *const lines[] = {"-s3 -project 2001 list",
			"-project project_2001 list", "-b mine -s3 -project 2001 list"};

		CHECK(fails(lines[i], KEYS OWN, "project 2001 was asked for"));
		CHECK(fails(lines[i], KEYS OWN, "those of project 2002"));
		CHECK(fails(lines[i], KEYS OWN, "allas_conf --mode S3, and choose 2001 there"));
	}
	/* The token was put away with the project that it is for. */
	for (int i = 0; i < 2; i++) {
		static const char *const lines[] = {"-project 2001 list",
			"-mode swift -project 2001 list"};

		CHECK(fails(lines[i], OWN, "project 2001 was asked for"));
		CHECK(fails(lines[i], OWN, "those of project 2002"));
		CHECK(fails(lines[i], OWN, "allas_conf, and choose 2001 there"));
	}
	CHECK(fails("-s3 -project 2001 list", OWN, "no S3 keys"));
	/* Nobody is judged who names a place; LUMI-O is no matter of the connection to Allas; a
	 * login with a password is for any project. */
	CHECK_STR(found("-r s3:https://a3s.fi/x -project 2001 list", KEYS OWN), "-");
	CHECK_STR(found("--lumi -project 462 list", KEYS),
		"s3:https://lumidata.eu/462-s3backup .backup_passwd_462 usual");
	CHECK_STR(found("-project 2001 list",
			  "OS_AUTH_URL=https://x/v3\nOS_USERNAME=u\nOS_PASSWORD=p\n" OWN),
		"swift:2001-BACKUP:/backup .backup_passwd_2001 usual");
	CHECK_STR(found("-s3 -project 2002 list", KEYS "OS_PROJECT_NAME=project_2002\n"),
		"s3:https://a3s.fi/2002-s3backup .backup_passwd_2002 usual");
	/* A section that knows the key knows better. */
	have(TWO, NULL, NULL);
	CHECK_STR(found("-s3 -project 2001 list",
			  "AWS_ACCESS_KEY_ID=ka\nAWS_SECRET_ACCESS_KEY=x\n" OWN),
		"s3:https://a3s.fi/2001-s3backup .backup_passwd_2001 usual");
	env_project = NULL;
	have(NULL, NULL, NULL);
	CHECK_STR(found("-s3 -project 2001 list", KEYS),
		"s3:https://a3s.fi/2001-s3backup .backup_passwd_2001 usual");
	/* Keys of another project are not no keys. */
	have(only, NULL, NULL);
	CHECK(fails("-s3 -project 2001 list", "", "project 2001 was asked for"));
	CHECK(fails("-s3 -project 2001 list", "", "those of project 2002"));
	CHECK(fails("-s3 list", OWN, "those of project 2002"));
}

TEST(names_that_are_none)
{
	have(NULL, NULL, NULL);
	CHECK(fails("-project= list", SWIFT OWN, "names no project"));
	CHECK(fails("-project project_ list", SWIFT OWN, "names no project"));
	CHECK(fails("-r /path -project= list", "", "names no project"));
	CHECK(fails("list", SWIFT "OS_PROJECT_NAME=project_\n", "cannot be called \"project_\""));
	CHECK(fails("-b . list", SWIFT OWN, "cannot be called \".\""));
	CHECK(fails("-b .. list", SWIFT OWN, "cannot be called \"..\""));
	CHECK(fails("-b -x list", SWIFT OWN, "cannot be called \"-x\""));
	CHECK(fails("-b a/b list", SWIFT OWN, "cannot be called \"a/b\""));
	CHECK(fails("-r - list", SWIFT OWN, "cannot be called \"-\""));
	CHECK(fails("-project .. list", SWIFT OWN, "cannot be called \"..\""));
}

TEST(lumi_is_the_same)
{
	have(LUMI, NULL, NULL);
	CHECK_STR(found("list", ""),
		"s3:https://lumidata.eu/462-s3backup .backup_passwd_462 usual");
	have(TWO LUMI, NULL, NULL);
	CHECK_STR(found("list", ""), "s3:https://a3s.fi/2001-s3backup .backup_passwd_2001 usual");
	/* The connection to Allas has another project: that of the keys counts. */
	CHECK_STR(found("--lumi list", SWIFT OWN),
		"s3:https://lumidata.eu/462-s3backup .backup_passwd_462 usual");
	CHECK_STR(found("-mode lumi -b mine list", SWIFT OWN),
		"s3:https://lumidata.eu/mine .backup_passwd_462");
	have(TWO, NULL, NULL);
	CHECK(fails("--lumi list", SWIFT OWN, "no keys of LUMI-O"));
	/* Who said that LUMI-O is meant when nothing is said; an open Swift connection says
	 * something. */
	have(TWO LUMI, NULL, "storage_service=lumi\nmode=lumi\nos_project_name=462\n");
	CHECK_STR(found("list", ""),
		"s3:https://lumidata.eu/462-s3backup .backup_passwd_462 usual");
	CHECK_STR(found("list", SWIFT OWN), "swift:2001-BACKUP:/backup .backup_passwd_2001 usual");
}

TEST(without_anything_it_says_what_to_do)
{
	have(NULL, NULL, NULL);
	CHECK(fails("list", "", "source allas_conf") && fails("list", "", "--lumi") &&
		fails("list", "", "-r PLACE"));
}

TEST(the_other_protocol_sees_the_same_buckets)
{
	struct err e = {0};
	struct opts o = {0};
	struct allas a;
	char *args[] = {"list"}, *guess;

	have(NULL, NULL, NULL);
	REQUIRE(!opts_parse(&o, &verb_table, 1, args, &e));
	env_text = SWIFT OWN;
	REQUIRE(!allas_find(&a, &o, env, NULL, &e));
	CHECK_STR(a.other, "swift:2001-s3backup:/");
	guess = allas_default_password(&a);
	CHECK_STR(guess, "restic_2001");
	mem_free(guess);
	allas_release(&a);
	env_text = KEYS OWN;
	REQUIRE(!allas_find(&a, &o, env, NULL, &e));
	CHECK_STR(a.other, "s3:https://a3s.fi/2001-BACKUP/backup");
	allas_release(&a);
	opts_release(&o);
}
