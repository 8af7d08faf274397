#include "cmd/allas.h"
#include "backend/ini.h"
#include "backend/s3_conf.h"
#include "backend/swift_creds.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ALLAS_S3   "https://a3s.fi"
#define LUMI_S3    "https://lumidata.eu"
#define SETTINGS   ".a_tools_conf" /* of CSC's a-commands, below the home directory */
#define SETTINGS_N 65536u

/* How one hears of it: the same words for all who have no connection. */
#define HOW_TO_CONNECT                                                                             \
	"On Allas (CSC): module load allas; source allas_conf (for jobs: source allas_conf -k). "  \
	"On LUMI-O: source allas_conf --lumi, then the same command with --lumi. "                 \
	"Elsewhere: -r PLACE or RESTIC_REPOSITORY, for instance: a_backup -r "                     \
	"/path/of/repository init"

enum mode { MODE_ANY, MODE_SWIFT, MODE_S3, MODE_LUMI };

struct search {
	struct allas *a;
	const struct opts *o;
	cmd_env_fn *env;
	struct s3_conf_where where;
	enum mode mode;
	bool connected;          /* to a store, by whatever protocol */
	const char *label;       /* -r LABEL; NULL: not given */
	const char *bucket;      /* -b */
	const char *project;     /* -project, else $OS_PROJECT_NAME; "project_" may be missing */
	const char *env_project; /* see allas_find */
	char *set_project;       /* of the settings file */
	/* S3: */
	char *endpoint, *access;
	int rank;
	char *key_project;  /* whose key `access` is: whose section has it, the wanted project's
			       rather than another, or whose environment */
	char *seen_project; /* a project that there are keys of, maybe not the wanted one */
};

static const char *env_of(const struct search *s, const char *name)
{
	const char *v = s->env(name);

	return v && *v ? v : NULL;
}

void allas_release(struct allas *a)
{
	mem_free(a->label);
	mem_free(a->project);
	mem_free(a->place);
	mem_free(a->other);
	mem_free(a->password_file);
	*a = (struct allas){.used = false};
}

char *allas_default_password(const struct allas *a)
{
	return mem_printf("restic_%s", a->label);
}

/* A directory of that name here is what restic would take; any other word without a separator can
 * only be a label. */
static bool is_label(const char *s)
{
	char *config = mem_printf("%s/config", s);
	struct stat st;
	bool word = *s && *s != '.' && *s != '~' && !strpbrk(s, "/:\\ \t") &&
		    stat(config, &st) != 0;

	mem_free(config);
	return word;
}

static int read_mode(struct search *s, struct err *err)
{
	static const struct {
		const char *name;
		enum mode mode;
	} modes[] = {{"swift", MODE_SWIFT}, {"S3", MODE_S3}, {"s3", MODE_S3}, {"s3cmd", MODE_S3},
		{"lumi", MODE_LUMI}};
	const char *given = opt_str(s->o, OPT_MODE);

	if (opt_flag(s->o, OPT_S3))
		s->mode = MODE_S3;
	if (opt_flag(s->o, OPT_LUMI))
		s->mode = MODE_LUMI;
	for (size_t i = 0; given && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(given, modes[i].name)) {
			s->mode = modes[i].mode;
			return 0;
		}
	}
	return given ? err_set(err, ERR_USAGE, "-mode must be swift, S3 or lumi, not \"%s\"", given)
		     : 0;
}

static void on_setting(void *arg, const char *section, const char *key, const char *value)
{
	struct search *s = arg;

	(void)section;
	if (!strcmp(key, "mode") && !strcmp(value, "lumi") && s->mode == MODE_ANY)
		s->mode = MODE_LUMI;
	if (!strcmp(key, "os_project_name") && *value) {
		mem_free(s->set_project);
		s->set_project = mem_strdup(value);
	}
}

/* allas_conf --lumi asks whether LUMI-O shall be what is meant when nothing is said, and notes it
 * there. */
static void read_settings(struct search *s)
{
	char *path = s->where.home ? mem_printf("%s/" SETTINGS, s->where.home) : NULL,
	     *text = mem_zalloc(SETTINGS_N + 1);
	FILE *f = path ? fopen(path, "re") : NULL;

	if (f) {
		text[fread(text, 1, SETTINGS_N, f)] = 0;
		fclose(f);
		ini_read(text, on_setting, s);
	}
	mem_free(text);
	mem_free(path);
}

static bool swift_open(const struct search *s)
{
	struct swift_creds c;
	bool open = !swift_creds_read(&c, s->env, NULL);

	swift_creds_release(&c);
	return open;
}

/* The project of a section that allas_conf made; NULL: another one. */
static const char *section_project(const char *name, size_t *n)
{
	size_t len = strlen(name);

	if (!strncmp(name, "s3allas-", 8) && len > 8) {
		*n = len - 8;
		return name + 8;
	}
	if (!strncmp(name, "lumi-", 5) && len > 13 && !strcmp(name + len - 8, "-private")) {
		*n = len - 13;
		return name + 5;
	}
	return NULL;
}

static char *url_of(const char *endpoint)
{
	return strstr(endpoint, "://") ? mem_strdup(endpoint) : mem_printf("https://%s", endpoint);
}

static void take(struct search *s, const char *endpoint, const char *access)
{
	mem_free(s->endpoint);
	mem_free(s->access);
	s->endpoint = url_of(endpoint);
	s->access = mem_strdup(access);
}

static bool is_lumi(const struct s3_conf *c)
{
	return s3_conf_same_host(c->endpoint, "lumidata.eu");
}

static const char *bare(const char *project)
{
	return strncmp(project, "project_", 8) ? project : project + 8;
}

static bool same_project(const char *name, const char *of, size_t n)
{
	const char *a = bare(name), *b = n > 8 ? bare(of) : of;

	n -= (size_t)(b - of);
	return strlen(a) == n && !memcmp(a, b, n);
}

/* The project's own section, before that of the last login to Allas, before that to LUMI-O. */
static void judge_section(void *arg, struct s3_conf *c)
{
	struct search *s = arg;
	size_t n = 0;
	const char *of = section_project(c->name, &n);
	int rank = 0;

	if (s->mode == MODE_LUMI && !is_lumi(c))
		return;
	if (of && !s->seen_project)
		s->seen_project = mem_strndup(of, n);
	if (of && s->project && same_project(s->project, of, n))
		rank = 3;
	else if (!strcmp(c->name, "s3allas"))
		rank = 2;
	else if (!strcmp(c->name, "lumi-o"))
		rank = s->mode == MODE_LUMI ? 2 : 1;
	if (rank > s->rank) {
		s->rank = rank;
		take(s, c->endpoint, c->access);
	}
}

static void judge_key(void *arg, struct s3_conf *c)
{
	struct search *s = arg;
	size_t n = 0;
	const char *of = section_project(c->name, &n);

	if (!of || strcmp(c->access, s->access) != 0 ||
		(s->key_project && !(s->project && same_project(s->project, of, n))))
		return;
	mem_free(s->key_project);
	s->key_project = mem_strndup(of, n);
}

/* Which S3 server, as s3_cred.h will look for its keys.  s->endpoint stays NULL when there are no
 * keys. */
static int find_s3(struct search *s, struct err *err)
{
	struct s3_conf c;
	bool inherited = s3_conf_env(&s->where, &c);
	int rc = 0;

	if (inherited)
		take(s,
			c.endpoint             ? c.endpoint
			: s->mode == MODE_LUMI ? LUMI_S3
					       : ALLAS_S3,
			c.access);
	s3_conf_release(&c);
	if (!s->endpoint)
		rc = s3_conf_rclone(&s->where, judge_section, s, err);
	if (!rc && (!s->endpoint || s->rank == 1)) {
		rc = s3_conf_aws(&s->where, &c, err);
		if (!rc && c.access && (s->mode != MODE_LUMI || (c.endpoint && is_lumi(&c))))
			take(s, c.endpoint ? c.endpoint : ALLAS_S3, c.access);
		s3_conf_release(&c);
	}
	if (!rc && s->endpoint)
		rc = s3_conf_rclone(&s->where, judge_key, s, err);
	/* Keys carry no project's name, but the environment that they are in does: of Allas; LUMI-O
	 * has nothing to do with it. */
	if (!rc && inherited && !s->key_project && s->env_project &&
		!s3_conf_same_host(s->endpoint, "lumidata.eu"))
		s->key_project = mem_strdup(s->env_project);
	return rc;
}

static void places(struct search *s, bool swift)
{
	struct allas *a = s->a;
	char *swift_bucket = s->bucket ? mem_strdup(s->bucket) : mem_printf("%s-BACKUP", a->label),
	     *s3_bucket = s->bucket ? mem_strdup(s->bucket) : mem_printf("%s-s3backup", a->label);

	if (swift) {
		a->place = mem_printf("swift:%s:/backup", swift_bucket);
		a->other = mem_printf("swift:%s:/", s3_bucket);
	} else {
		size_t n = strlen(s->endpoint);

		while (n && s->endpoint[n - 1] == '/')
			n--;
		a->place = mem_printf("s3:%.*s/%s", (int)n, s->endpoint, s3_bucket);
		a->other = mem_printf("s3:%.*s/%s/backup", (int)n, s->endpoint, swift_bucket);
	}
	mem_free(swift_bucket);
	mem_free(s3_bucket);
}

static bool differ(const char *project, const char *of)
{
	return project && of && !same_project(project, of, strlen(of));
}

/* What there is makes and fills buckets of its own project, whatever the buckets are called.
 * `keys`: S3 keys, else the login of the environment. */
static int of_another(const struct search *s, bool keys, const char *there, const char *wanted,
	struct err *err)
{
	bool lumi = s->endpoint ? s3_conf_same_host(s->endpoint, "lumidata.eu")
				: s->mode == MODE_LUMI;

	return err_set(err, ERR_USAGE,
		"the repository of project %s was asked for, but the %s those of project %s; to "
		"get the right ones: source allas_conf%s, "
		"and "
		"choose %s there; or name the project that is there: -project %s",
		bare(wanted),
		keys ? "S3 keys that were found are"
		     : "connections of this environment (OS_PROJECT_NAME) are",
		bare(there),
		!keys  ? ""
		: lumi ? " --lumi"
		       : " --mode S3",
		bare(wanted), bare(there));
}

static int not_connected(const struct search *s, struct err *err)
{
	if ((s->mode == MODE_SWIFT || s->mode == MODE_ANY) && differ(s->project, s->env_project))
		return of_another(s, false, s->env_project, s->project, err);
	if (differ(s->project, s->seen_project))
		return of_another(s, true, s->seen_project, s->project, err);
	switch (s->mode) {
	case MODE_SWIFT:
		return err_set(err, ERR_USAGE,
			"no Swift connection is open (OS_AUTH_TOKEN with OS_STORAGE_URL, or a "
			"login). " HOW_TO_CONNECT);
	case MODE_S3:
		return err_set(err, ERR_USAGE,
			"no S3 keys were found (AWS_ACCESS_KEY_ID, ~/.aws/credentials, rclone's "
			"[s3allas]); on Allas they are made by: "
			"source allas_conf --mode S3");
	case MODE_LUMI:
		return err_set(err, ERR_USAGE,
			"no keys of LUMI-O were found (rclone's [lumi-o], ~/.aws/credentials); "
			"they are made by: source allas_conf --lumi");
	default:
		return err_set(err, ERR_USAGE,
			"no repository is given, and no connection to an object store is "
			"open. " HOW_TO_CONNECT);
	}
}

/* Whether a bucket or a project can have this name: "." and ".." are resolved away in URLs, and
 * what begins with - was to be an option. */
static bool is_name(const char *s)
{
	return *s && *s != '-' && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 &&
	       !strpbrk(s, "/: \t\n");
}

/* -r LABEL names another repository of the same project; the wrapper looks for its password under
 * that name. */
static int name_all(struct search *s, bool swift, struct err *err)
{
	struct allas *a = s->a;
	const char *given = opt_str(s->o, OPT_PROJECT);
	const char *project = given                                    ? given
			      : s->mode == MODE_LUMI && s->key_project ? s->key_project
			      : s->project                             ? s->project
			      : s->key_project                         ? s->key_project
								       : s->set_project;

	if (s->label)
		a->label = mem_strdup(s->label);
	else if (project)
		a->label = mem_strdup(bare(project));
	else if (s->bucket)
		a->label = mem_strdup(s->bucket);
	else
		return err_set(err, ERR_USAGE,
			"no repository is given. There is a connection to an object store, but of "
			"which project? Say -project NAME or set "
			"OS_PROJECT_NAME; or name another place with -r PLACE or RESTIC_REPOSITORY "
			"(-r /path/of/repository, -r "
			"s3:https://…)");
	if (s->bucket && !is_name(s->bucket))
		return err_set(err, ERR_USAGE, "a bucket cannot be called \"%s\"", s->bucket);
	if (!is_name(a->label))
		return err_set(err, ERR_USAGE, "a project cannot be called \"%s\"",
			s->label || !project ? a->label : project);
	if (!swift && differ(project, s->key_project))
		return of_another(s, true, s->key_project, project, err);
	/* Keys are looked for under the section's own name. */
	if (s->key_project && project &&
		same_project(project, s->key_project, strlen(s->key_project)))
		a->project = mem_strdup(s->key_project);
	else if (given)
		a->project = mem_strdup(given);
	a->usual = !s->label && !s->bucket;
	if (s->where.home)
		a->password_file = mem_printf("%s/.backup_passwd_%s", s->where.home, a->label);
	places(s, swift);
	return 0;
}

static int find(struct search *s, struct err *err)
{
	bool swift = (s->mode == MODE_SWIFT || s->mode == MODE_ANY) && swift_open(s);
	int rc = 0;

	if (!swift && s->mode == MODE_ANY)
		read_settings(s);
	if (!swift && s->mode != MODE_SWIFT)
		rc = find_s3(s, err);
	if (rc)
		return rc;
	if (!swift && !s->endpoint)
		return not_connected(s, err);
	s->connected = true;
	return name_all(s, swift, err);
}

/* What is left without a connection: a word is a directory then, as restic has it. */
static bool may_be_directory(const struct search *s, bool asked)
{
	return s->label && !asked && !s->connected;
}

int allas_find(struct allas *a, const struct opts *o, cmd_env_fn *env, const char *env_project,
	struct err *err)
{
	struct search s = {.a = a,
		.o = o,
		.env = env,
		.env_project = env_project,
		.where = {.getenv = env}};
	const char *repo = opt_str(o, OPT_REPO);
	bool typed = repo && !o->from_env[OPT_REPO], named, asked, inherited;
	int rc = read_mode(&s, err);

	*a = (struct allas){.used = false};
	if (rc)
		return rc;
	s.where.home = env_of(&s, "HOME");
	s.bucket = opt_str(o, OPT_BUCKET);
	s.project = opt_str(o, OPT_PROJECT) ? opt_str(o, OPT_PROJECT)
					    : env_of(&s, "OS_PROJECT_NAME");
	if (opt_str(o, OPT_PROJECT) && !*bare(s.project))
		return err_set(err, ERR_USAGE, "-project \"%s\" names no project", s.project);
	s.label = typed && is_label(repo) ? repo : NULL;
	asked = s.bucket || s.mode != MODE_ANY;
	named = (repo && !s.label) || opt_str(o, OPT_REPO_FILE);
	if (typed && !s.label && asked)
		return err_set(err, ERR_USAGE,
			"-r names the place already: -b and -mode are for the repository of a "
			"project");
	inherited = named && (repo ? o->from_env[OPT_REPO] : o->from_env[OPT_REPO_FILE]);
	if (inherited && opt_str(o, OPT_PROJECT) && !asked)
		return err_set(err, ERR_USAGE,
			"-project asks for the repository of a project, but %s names another "
			"place: unset it, or leave -project out",
			repo ? "RESTIC_REPOSITORY" : "RESTIC_REPOSITORY_FILE");
	/* Whoever asks for a bucket or a mode means that, whatever the environment says. */
	if (named && (typed || !asked))
		return 0;
	rc = find(&s, err);
	a->used = !rc;
	if (rc == ERR_USAGE && may_be_directory(&s, asked)) {
		err_clear(err);
		rc = 0;
	}
	mem_free(s.set_project);
	mem_free(s.endpoint);
	mem_free(s.access);
	mem_free(s.key_project);
	mem_free(s.seen_project);
	if (!a->used)
		allas_release(a);
	return rc;
}
