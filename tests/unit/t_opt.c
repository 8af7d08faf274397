#include "cmd/opt.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

/* parse: a command line, words separated by single blanks ("~" stands for a blank inside a word,
 * "@" for an empty word). */
static int parse(struct opts *o, const char *line, struct err *err)
{
	char *copy = mem_strdup(line), *args[32], *save = NULL;
	int n = 0, rc;

	*o = (struct opts){0};
	*err = (struct err){0};
	for (char *w = strtok_r(copy, " ", &save); w && n < 32; w = strtok_r(NULL, " ", &save)) {
		for (char *c = w; *c; c++) {
			if (*c == '~')
				*c = ' ';
		}
		if (!strcmp(w, "@"))
			*w = 0;
		args[n++] = w;
	}
	rc = opts_parse(o, &verb_table, n, args, err);
	mem_free(copy);
	return rc;
}

/* What was understood: "verb +ID=value … arg …" with ids as numbers. */
static const char *understood(const char *line)
{
	static char text[1024];
	struct opts o;
	struct err err;
	size_t at = 0;

	if (parse(&o, line, &err)) {
		opts_release(&o);
		return "error";
	}
	at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", o.verb->name,
		o.verb_given ? "" : "*");
	for (int id = 0; id < OPT_IDS; id++) {
		for (size_t i = 0; i < o.value[id].n; i++) {
			const char *name = opt_name((enum opt_id)id);

			at += (size_t)snprintf(text + at, sizeof(text) - at, " %s=%s", name,
				o.value[id].s[i]);
		}
	}
	for (size_t i = 0; i < o.args.n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " [%s]", o.args.s[i]);
	opts_release(&o);
	return text;
}

TEST(gnu_forms)
{
	CHECK_STR(understood("list --repo X"), "list repo=X");
	CHECK_STR(understood("list --repo=X"), "list repo=X");
	CHECK_STR(understood("list -r X"), "list repo=X");
	CHECK_STR(understood("list -rX"), "list repo=X");
	CHECK_STR(understood("list -r=X"), "list repo=X");
	CHECK_STR(understood("list --repo="), "list repo=");
	CHECK_STR(understood("list --repo @"), "list repo=");
	CHECK_STR(understood("-r X list"), "list repo=X");
	CHECK_STR(understood("list -cq"), "list quiet=true compact=true");
	CHECK_STR(understood("list -cqrX"), "list repo=X quiet=true compact=true");
	CHECK_STR(understood("list -qr X"), "list repo=X quiet=true");
	CHECK_STR(understood("list --verbose=2"), "list verbose=2");
	CHECK_STR(understood("list --json=false"), "list json=false");
	CHECK_STR(understood("add -e a -e b --exclude=c D"),
		"add exclude=a exclude=b exclude=c [D]");
	CHECK_STR(understood("add A -x B"), "add one-file-system=true [A] [B]");
	CHECK_STR(understood("restore latest -i a -t d"), "restore target=d include=a [latest]");
	CHECK_STR(understood("find -i a"), "find ignore-case=true [a]");
	CHECK_STR(understood("find -l -s ab x"), "find long=true snapshot=ab [x]");
	CHECK_STR(understood("find -N 2026-01-01~10:00 x"), "find newest=2026-01-01 10:00 [x]");
}

TEST(dash_dash_and_dash)
{
	CHECK_STR(understood("add -- -x --json"), "add [-x] [--json]");
	CHECK_STR(understood("-- list"), "add* [list]");
	CHECK_STR(understood("add -"), "add [-]");
	CHECK_STR(understood("--repo -- list"), "list repo=--");
}

TEST(the_wrappers_words)
{
	CHECK_STR(understood("list -last"), "list last=true");
	CHECK_STR(understood("restore ab -target dir"), "restore target=dir [ab]");
	CHECK_STR(understood("-target dir restore ab"), "restore target=dir [ab]");
	CHECK_STR(understood("dump ab -file f"), "dump file=f [ab]");
	CHECK_STR(understood("list -password"), "list password=true");
	CHECK_STR(understood("list -help"), "list help=true");
	CHECK_STR(understood("-h"), "add* help=true");
	CHECK_STR(understood("restore-newer ab"), "restore-newer [ab]");
	CHECK_STR(understood("list -S3"), "list s3=true");
	CHECK_STR(understood("add -last x"), "error");
}

/* So much of a name is typed: the first of several second words. */
static int typed(const struct verb_def *v)
{
	return (int)strcspn(v->name, "|");
}

/* Every long option may be written with one dash, with its value behind it or behind a "=". */
TEST(one_dash)
{
	for (size_t i = 0; i < opt_table_n; i++) {
		const struct opt_def *d = &opt_table[i];

		for (size_t k = 0; k < verb_table.n; k++) {
			const struct verb_def *v = &verb_table.v[k];
			char line[200], *want;

			if (!(d->of & v->options) || d->id == OPT_VERSION)
				continue;
			snprintf(line, sizeof(line), "%.*s --%s%s", typed(v), v->name, d->name,
				d->arg ? " x" : "");
			want = mem_strdup(understood(line));
			CHECK(strcmp(want, "error") != 0);
			snprintf(line, sizeof(line), "%.*s -%s%s", typed(v), v->name, d->name,
				d->arg ? " x" : "");
			CHECK_STR(understood(line), want);
			snprintf(line, sizeof(line), "%.*s -%s=%s", typed(v), v->name, d->name,
				d->arg ? "x" : "true");
			CHECK_STR(understood(line), want);
			mem_free(want);
		}
	}
	CHECK_STR(understood("add -exclude f src"), "add exclude=f [src]");
	CHECK_STR(understood("restore -tag=foo latest"), "restore tag=foo [latest]");
	CHECK_STR(understood("restore latest -verify"), "restore verify=true [latest]");
	CHECK_STR(understood("add -host X src"), "add host=X [src]");
	CHECK_STR(understood("check -read-data"), "check read-data=true");
	CHECK_STR(understood("-exclude f src"), "add* exclude=f [src]");
}

TEST(bundles)
{
	CHECK_STR(understood("restore -tarx ab"), "restore target=arx [ab]");
	CHECK_STR(understood("add -xfn a"), "add one-file-system=true force=true dry-run=true [a]");
	CHECK_STR(understood("add -xe*.o a"), "add exclude=*.o one-file-system=true [a]");
	CHECK_STR(understood("list -rs3:https://x/y"), "list repo=s3:https://x/y");
	CHECK_STR(understood("list -rrepo"), "list repo=repo");
	CHECK_STR(understood("restore -ttarget ab"), "restore target=target [ab]");
	CHECK_STR(understood("restore -t=ag ab"), "restore target=ag [ab]");
	CHECK_STR(understood("add -n=false a"), "add dry-run=false [a]");
	CHECK_STR(understood("add -xn=false a"), "add one-file-system=true dry-run=false [a]");
	CHECK_STR(understood("list -v=2"), "list verbose=2");
	CHECK_STR(understood("list -q=TRUE"), "list quiet=true");
}

TEST(verbs)
{
	CHECK_STR(understood("data"), "add* [data]");
	CHECK_STR(understood("-x data list"), "add* one-file-system=true [data] [list]");
	CHECK_STR(understood("backup data"), "add [data]");
	CHECK_STR(understood("snapshots"), "list");
	CHECK_STR(understood("ls latest"), "files [latest]");
	CHECK_STR(understood("add list"), "add [list]");
	CHECK_STR(understood("-e list data"), "add* exclude=list [data]");
	CHECK_STR(understood("--files-from f"), "add* files-from=f");
	CHECK_STR(understood("-l files latest"), "files long=true [latest]");
	CHECK_STR(understood("mount ab"), "error");
	CHECK_STR(understood("prune --max-unused 0"), "prune max-unused=0");
	CHECK_STR(understood("./delete"), "add* [./delete]");
	/* What an option before the command means is known when the command is. */
	CHECK_STR(understood("-i x restore ab"), "restore include=x [ab]");
	CHECK_STR(understood("-target dir restore ab"), "restore target=dir [ab]");
	CHECK_STR(understood("-i find x"), "find ignore-case=true [x]");
	CHECK_STR(understood("-file f dump ab"), "dump file=f [ab]");
	CHECK_STR(understood("-n delete ab"), "delete dry-run=true [ab]");
}

/* Names of two words, beside those of one that begin alike. */
TEST(two_words)
{
	struct opts o;
	struct err err;

	CHECK_STR(understood("key add --host h"), "key add host=h");
	CHECK_STR(understood("-q key list"), "key list quiet=true");
	CHECK_STR(understood("--host h key add"), "key add host=h");
	CHECK_STR(understood("key remove ab"), "key remove [ab]");
	CHECK_STR(understood("list"), "list");
	CHECK_STR(understood("list ab locks"), "list [ab] [locks]");
	CHECK_STR(understood("list locks"), "list locks");
	CHECK_STR(understood("list packs ab"), "list blobs|packs|index|snapshots|keys [ab]");
	CHECK_STR(understood("list pack"), "list [pack]");
	CHECK_STR(understood("list blobs|packs"), "list [blobs|packs]");
	CHECK_STR(understood("snapshots packs"), "list [packs]");
	CHECK_STR(understood("add key list"), "add [key] [list]");
	CHECK_STR(understood("./key list"), "add* [./key] [list]");
	CHECK_STR(understood("help key add"), "help [key] [add]");
	REQUIRE(!parse(&o, "list packs", &err));
	CHECK_STR(o.second, "packs");
	opts_release(&o);
	REQUIRE(!parse(&o, "list ab", &err));
	CHECK(!o.second);
	opts_release(&o);
}

static const char *complaint(const char *line)
{
	static struct err err;
	struct opts o;

	if (parse(&o, line, &err) != ERR_USAGE)
		strcpy(err.msg, "(no error)");
	opts_release(&o);
	return err.msg;
}

TEST(complaints)
{
	CHECK_STR(complaint("add --exlude x"), "unknown option --exlude; did you mean --exclude?");
	CHECK_STR(complaint("list --exclude x"),
		"--exclude is no option of list; see: a_backup list --help");
	CHECK_STR(complaint("list --zzzzzzzz"),
		"unknown option --zzzzzzzz; see: a_backup list --help");
	CHECK_STR(complaint("--zzzzzzzz"), "unknown option --zzzzzzzz; see: a_backup --help");
	CHECK_STR(complaint("list -z"),
		"unknown option -z for list in \"-z\"; see: a_backup list --help");
	CHECK_STR(complaint("list -qz"),
		"unknown option -z for list in \"-qz\"; see: a_backup list --help");
	CHECK_STR(complaint("list --repo"), "--repo needs a value: PLACE");
	CHECK_STR(complaint("list --json=maybe"), "--json takes no value (or true or false)");
	CHECK_STR(complaint("list -verify"),
		"--verify is no option of list; see: a_backup list --help");
	CHECK_STR(complaint("add -recursive x"),
		"--recursive is no option of add; see: a_backup add --help");
	CHECK_STR(complaint("list -hots x"),
		"-h stands alone, not as in \"-hots\"; see: a_backup list --help");
	CHECK_STR(complaint("list -hs"),
		"unknown option -s for list in \"-hs\"; see: a_backup list --help");
	CHECK_STR(complaint("list -hq"),
		"-h stands alone, not as in \"-hq\"; see: a_backup list --help");
	CHECK_STR(complaint("list -h=q"),
		"-h stands alone, not as in \"-h\"; see: a_backup list --help");
	CHECK_STR(complaint("add -tags x y"), "unknown option -tags; did you mean --tag?");
	CHECK_STR(complaint("list -lates 3"), "unknown option -lates; did you mean --latest?");
	CHECK(strstr(complaint("mount x"), "a_backup add mount") != NULL);
	CHECK_STR(complaint("key"), "key what? a_backup key list|add|remove|passwd; to back up a "
				    "file of that name write: a_backup add key");
	CHECK_STR(complaint("key ad"), complaint("key"));
	CHECK_STR(complaint("key -q add"), complaint("key"));
	CHECK(strstr(complaint("key list --host x"), "no option of key list") != NULL);
	CHECK(strstr(complaint("help key"), "no command") != NULL);
}

/* The wrong reading would do something else in silence: both are named. */
TEST(two_readings)
{
	CHECK_STR(complaint("add -exclude-me src"), "\"-exclude...\" can be read as -e PATTERN or "
						    "as --exclude PATTERN: write the one that "
						    "is meant, with a blank before the value");
	CHECK_STR(complaint("restore -tar ab"),
		"\"-tar\" can be read as -t DIR or as --target DIR: write the one that is meant, "
		"with a blank before the value");
	CHECK_STR(understood("restore -ta=foo ab"), "error");
	CHECK_STR(understood("add -excl f src"), "error");
	CHECK_STR(understood("add -exlude f src"), "error");
	CHECK_STR(understood("add -nexclude f src"), "error");
	CHECK_STR(understood("add -rec f"), "error");
	CHECK(strstr(complaint("restore -targte d latest"), "--target") != NULL);
	CHECK(strstr(complaint("-f data dump"), "options of add or of dump") != NULL);
	CHECK(strstr(complaint("-i find restore latest"), "options of find or of restore") != NULL);
	CHECK(strstr(complaint("list -q -v"), "contradict") != NULL);
	CHECK(strstr(complaint("add --files-from - --exclude-file -"), "named 2 times") != NULL);
	CHECK_STR(understood("add --files-from - --exclude-file x"),
		"add exclude-file=x files-from=-");
	CHECK_STR(complaint("restore-newer ab --overwrite always"),
		"--overwrite is no option of restore-newer; see: a_backup restore-newer --help");
	CHECK_STR(understood("restore ab --overwrite always"), "restore overwrite=always [ab]");
	CHECK_STR(complaint("help lst"), "\"lst\" is no command; commands: a_backup --help");
	CHECK_STR(complaint("help list x"), "\"x\" is no command; commands: a_backup --help");
	CHECK_STR(understood("help snapshots"), "help [snapshots]");
	CHECK_STR(understood("version x"), "error");
	CHECK(strstr(complaint("add f --version"), "stands alone") != NULL);
	CHECK(strstr(complaint("f --version"), "stands alone") != NULL);
	CHECK_STR(understood("--version"), "add* version=true");
}

/* What may be a password is not repeated. */
TEST(secrets)
{
	static const char *const lines[] = {"list --password=hunter2", "list -password=hunter2",
		"list -passwort=hunter2", "list -passwd=hunter2", "list --passwort=hunter2",
		"list -passwordhunter2", "-password=hunter2 list"};
	struct opts o;
	struct err err;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CHECK(!strstr(complaint(lines[i]), "(no error)"));
		CHECK(!strstr(complaint(lines[i]), "hunter2"));
	}
	REQUIRE(!parse(&o, "list --password hunter2", &err));
	CHECK_EQ(o.behind_password, 1);
	opts_release(&o);
	REQUIRE(!parse(&o, "restore latest -password -v hunter2", &err));
	CHECK_EQ(o.behind_password, 0);
	opts_release(&o);
	REQUIRE(!parse(&o, "-password list latest", &err));
	CHECK_EQ(o.behind_password, 0);
	opts_release(&o);
}

static const char *fake_env(const char *name)
{
	if (!strcmp(name, "RESTIC_REPOSITORY"))
		return "/from/env";
	if (!strcmp(name, "RESTIC_PACK_SIZE"))
		return "";
	if (!strcmp(name, "RESTIC_HOST"))
		return "envhost";
	if (!strcmp(name, "RESTIC_IGNORE_INODE"))
		return "TRUE";
	if (!strcmp(name, "RESTIC_IGNORE_CTIME"))
		return "whatever";
	return NULL;
}

TEST(environment)
{
	struct opts o;
	struct err err;

	REQUIRE(!parse(&o, "add -r mine D", &err));
	opts_env(&o, fake_env);
	CHECK_STR(opt_str(&o, OPT_REPO), "mine");
	CHECK_STR(opt_str(&o, OPT_HOST), "envhost");
	CHECK(!opt_str(&o, OPT_PACK_SIZE));
	CHECK(opt_flag(&o, OPT_IGNORE_INODE));
	CHECK(!opt_flag(&o, OPT_IGNORE_CTIME));
	opts_release(&o);
	REQUIRE(!parse(&o, "list --host @", &err));
	opts_env(&o, fake_env);
	CHECK_STR(opt_str(&o, OPT_HOST), "");
	CHECK_STR(opt_str(&o, OPT_REPO), "/from/env");
	opts_release(&o);
}

static int verbosity(const char *line)
{
	struct opts o;
	struct err err;
	int v;

	REQUIRE(!parse(&o, line, &err));
	v = opts_verbosity(&o);
	opts_release(&o);
	return v;
}

TEST(verbosity)
{
	CHECK_EQ(verbosity("list"), 1);
	CHECK_EQ(verbosity("list -q"), 0);
	CHECK_EQ(verbosity("list -q --verbose=0"), 0);
	CHECK_EQ(verbosity("list -q=false -v"), 2);
	CHECK_EQ(verbosity("list -v=2"), 3);
	CHECK_EQ(verbosity("list -v"), 2);
	CHECK_EQ(verbosity("list -vv"), 3);
	CHECK_EQ(verbosity("list -vvvv"), 3);
	CHECK_EQ(verbosity("list --verbose=2"), 3);
	CHECK_EQ(verbosity("list --verbose=0"), 1);
}

TEST(to_another_rank)
{
	struct opts o, got = {0}, bad;
	struct wire_in in;
	struct err err;
	struct buf b;

	REQUIRE(!parse(&o, "add -x -e a -e b~c D E", &err));
	buf_init(&b, 1 << 20);
	opts_put(&o, &verb_table, &b);
	wire_in_init(&in, b.p, b.len);
	CHECK_EQ(opts_get(&got, &verb_table, &in, &err), 0);
	CHECK(wire_done(&in));
	CHECK_STR(got.verb->name, "add");
	CHECK(opt_flag(&got, OPT_ONE_FS));
	CHECK_EQ(got.value[OPT_EXCLUDE].n, 2);
	CHECK_STR(opt_str(&got, OPT_EXCLUDE), "b c");
	CHECK_EQ(got.args.n, 2);
	CHECK_STR(got.args.s[1], "E");
	for (size_t n = 0; n < b.len; n++) {
		bad = (struct opts){0};
		wire_in_init(&in, b.p, n);
		if (!CHECK_EQ(opts_get(&bad, &verb_table, &in, &err), ERR_INVALID))
			n = b.len;
		opts_release(&bad);
	}
	opts_release(&o);
	opts_release(&got);
	buf_release(&b);
}

/* What restic's users type and means nothing here is known by its name, and kept by no other. */
TEST(nothing)
{
	struct opts o = {0};
	char *const args[] = {"--no-cache", "--limit-upload", "100", "check",
		"--cleanup-cache=false", "--cache-dir=/x", "--with-cache"};

	REQUIRE(!opts_parse(&o, &verb_table, 7, args, NULL));
	CHECK_STR(o.verb->name, "check");
	CHECK_EQ(o.args.n, 0);
	REQUIRE(o.value[OPT_NOTHING].n == 5);
	CHECK_STR(o.value[OPT_NOTHING].s[1], "limit-upload");
	CHECK_STR(o.value[OPT_NOTHING].s[4], "with-cache");
	opts_release(&o);
	CHECK_STR(complaint("list --no-scan"),
		"--no-scan is no option of list; see: a_backup list --help");
	CHECK_STR(complaint("list --limit-download"), "--limit-download needs a value: RATE");
}

/* The table obeys its own rules: an id takes a value everywhere or nowhere, and so does a name. */
TEST(the_table)
{
	for (size_t i = 0; i < opt_table_n; i++) {
		const struct opt_def *a = &opt_table[i];

		if (a->id == OPT_NOTHING) {
			CHECK(a->rare && *a->help && !a->env);
			continue;
		}
		CHECK(strlen(a->help) <= 46);
		CHECK(a->rare == !*a->help);
		for (size_t k = i + 1; k < opt_table_n; k++) {
			const struct opt_def *b = &opt_table[k];

			CHECK(a->id != b->id || !a->arg == !b->arg);
			CHECK(strcmp(a->name, b->name) != 0 || !a->arg == !b->arg);
		}
	}
}

static bool alike(const struct opt_def *a, const struct opt_def *b)
{
	return !strcmp(a->name, b->name) || (a->letter && a->letter == b->letter);
}

/* No two options of a command share a name or letter. */
TEST(options_of_a_command_differ)
{
	for (size_t v = 0; v < verb_table.n; v++) {
		uint32_t of = verb_table.v[v].options;

		for (size_t i = 0; i < opt_table_n; i++)
			for (size_t k = i + 1; k < opt_table_n; k++)
				CHECK(!(opt_table[i].of & of) || !(opt_table[k].of & of) ||
					!alike(&opt_table[i], &opt_table[k]));
	}
}
