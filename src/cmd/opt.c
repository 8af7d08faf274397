#include "cmd/opt.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

/* Words that are commands elsewhere: taken for files they would make a backup of a misunderstanding. */
static const char *const reserved[] = {"cache", "copy", "diff", "forget", "key", "migrate", "mount", "prune", "rebuild-index", "recover",
	"repair", "rewrite", "self-update", "stats", "tag"};

static int verb_by_name(const char *s)
{
	for (int v = 0; v < VERBS; v++) {
		if (!strcmp(opt_verbs[v].name, s) || (opt_verbs[v].alias && !strcmp(opt_verbs[v].alias, s)))
			return v;
	}
	return -1;
}

/* The option with this long name (n bytes), letter or word; of those in `verbs` first, any other only if `any`. */
static const struct opt_def *find_long(const char *s, size_t n, uint32_t verbs, bool any)
{
	const struct opt_def *other = NULL;

	for (size_t i = 0; i < opt_table_n; i++) {
		const struct opt_def *d = &opt_table[i];

		if (strlen(d->name) != n || memcmp(d->name, s, n) != 0)
			continue;
		if (d->verbs & verbs)
			return d;
		other = d;
	}
	return any ? other : NULL;
}

static const struct opt_def *find_letter(char c, uint32_t verbs, bool any)
{
	const struct opt_def *other = NULL;

	for (size_t i = 0; i < opt_table_n; i++) {
		const struct opt_def *d = &opt_table[i];

		if (d->letter != c)
			continue;
		if (d->verbs & verbs)
			return d;
		other = d;
	}
	return any ? other : NULL;
}

static const struct opt_def *find_word(const char *s, uint32_t verbs)
{
	for (size_t i = 0; i < opt_table_n; i++) {
		const struct opt_def *d = &opt_table[i];

		if (d->word && (d->verbs & verbs) && !strcmp(d->word, s))
			return d;
	}
	return NULL;
}

/* One argument taken apart. */
struct piece {
	const struct opt_def *def;
	const char *value; /* NULL: none attached */
	const char *rest;  /* further letters of a bundle; NULL: none */
};

/* take: the option that begins at `s` (behind "-" of a bundle when `bundle`).  False: unknown. */
static bool take(const char *s, bool bundle, uint32_t verbs, bool any, struct piece *p)
{
	*p = (struct piece){0};
	if (!bundle && s[1] == '-') {
		size_t n = strcspn(s + 2, "=");

		p->def = find_long(s + 2, n, verbs, any);
		p->value = s[2 + n] == '=' ? s + 3 + n : NULL;
		return p->def != NULL;
	}
	if (!bundle) {
		p->def = find_word(s + 1, any ? ~0u : verbs);
		if (p->def)
			return true;
		s++;
	}
	p->def = find_letter(s[0], verbs, any);
	if (!p->def)
		return false;
	if (p->def->arg && s[1])
		p->value = s[1] == '=' ? s + 2 : s + 1;
	else if (s[1])
		p->rest = s + 1;
	return true;
}

static bool is_option(const char *s)
{
	return s[0] == '-' && s[1];
}

/* Where the first argument that is no option stands, maybe the verb; n when there is none.  Options here may still be of any verb. */
static int find_verb(int n, char *const *args)
{
	uint32_t general = 1u << VERB_ADD;

	for (int i = 0; i < n; i++) {
		struct piece p;
		const char *s = args[i];
		bool bundle = false;

		if (!is_option(s))
			return i;
		if (!strcmp(s, "--"))
			return n; /* behind it stand files, whatever they are called */
		do {
			if (!take(s, bundle, general, true, &p))
				break;
			bundle = true;
			s = p.rest;
		} while (s);
		if (p.def && p.def->arg && !p.value)
			i++;
	}
	return n;
}

/* How far two words are apart: edits of one letter; a swap of neighbours counts as one.  For hints: words are short. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), row[3][40];

	if (la >= 40 || lb >= 40)
		return 99;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *now = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t d = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (d > up[j] + 1)
				d = up[j] + 1;
			if (d > now[j - 1] + 1)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d > up2[j - 2] + 1)
				d = up2[j - 2] + 1;
			now[j] = d;
		}
	}
	return row[la % 3][lb];
}

static const char *near_option(const char *name, uint32_t verbs)
{
	size_t best = 3;
	const char *found = NULL;

	for (size_t i = 0; i < opt_table_n; i++) {
		size_t d = distance(name, opt_table[i].name);

		if ((opt_table[i].verbs & verbs) && d < best) {
			best = d;
			found = opt_table[i].name;
		}
	}
	return found;
}

static int unknown(const char *arg, char letter, enum verb v, bool given, struct err *err)
{
	const char *verb = opt_verbs[v].name, *near;
	char name[64];
	size_t n;

	if (letter)
		return err_set(err, ERR_USAGE, "unknown option -%c for %s in \"%s\"; see: a_backup %s --help", letter, verb, arg, verb);
	n = strcspn(arg + 2, "=");
	if (n >= sizeof(name))
		n = sizeof(name) - 1;
	memcpy(name, arg + 2, n);
	name[n] = 0;
	if (find_long(name, n, ~0u, false))
		return err_set(err, ERR_USAGE, "--%s is no option of %s; see: a_backup %s --help", name, verb, verb);
	near = near_option(name, 1u << v);
	if (near)
		return err_set(err, ERR_USAGE, "unknown option --%s; did you mean --%s?", name, near);
	return err_set(err, ERR_USAGE, "unknown option --%s; see: a_backup %s%s--help", name, given ? verb : "", given ? " " : "");
}

static int add_flag(struct opts *o, const struct opt_def *d, const char *value, struct err *err)
{
	static const char *const yes[] = {"true", "1", "t", "yes"}, *const no[] = {"false", "0", "f", "no"};

	if (!value) {
		strlist_add(&o->value[d->id], "true");
		return 0;
	}
	if (d->id == OPT_VERBOSE && value[0] >= '0' && value[0] <= '9' && !value[1]) {
		strlist_add(&o->value[d->id], value);
		return 0;
	}
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (!strcmp(value, yes[i]) || !strcmp(value, no[i])) {
			strlist_add(&o->value[d->id], !strcmp(value, yes[i]) ? "true" : "false");
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "--%s takes no value, or true or false, not \"%s\"", d->name, value);
}

/* parse_one: the argument args[*i], which is an option, and its value if that is the next one. */
static int parse_one(struct opts *o, int n, char *const *args, int *i, struct err *err)
{
	uint32_t verbs = 1u << o->verb;
	const char *s = args[*i];
	bool bundle = false;
	struct piece p;
	int rc;

	for (const char *at = s; at; at = p.rest, bundle = true) {
		if (!take(at, bundle, verbs, false, &p))
			return unknown(s, s[1] == '-' ? 0 : bundle ? at[0] : at[1], o->verb, o->verb_given, err);
		if (!p.def->arg) {
			rc = add_flag(o, p.def, p.value, err);
			if (rc)
				return rc;
			continue;
		}
		if (!p.value) {
			if (*i + 1 >= n)
				return err_set(err, ERR_USAGE, "%s needs a value: %s", s, p.def->arg);
			p.value = args[++*i];
		}
		strlist_add(&o->value[p.def->id], p.value);
	}
	return 0;
}

static int choose_verb(struct opts *o, const char *word, struct err *err)
{
	int v = word ? verb_by_name(word) : -1;

	o->verb = VERB_ADD;
	if (v >= 0) {
		o->verb = (enum verb)v;
		o->verb_given = true;
		return 0;
	}
	for (size_t i = 0; word && i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (!strcmp(word, reserved[i]))
			return err_set(err, ERR_USAGE,
				"this version has no command \"%s\"; to back up a file of that name write: a_backup add %s", word, word);
	}
	return 0;
}

int opts_parse(struct opts *o, int n, char *const *args, struct err *err)
{
	int at = find_verb(n, args), rc;
	bool only_args = false;

	rc = choose_verb(o, at < n ? args[at] : NULL, err);
	if (rc)
		return rc;
	for (int i = 0; i < n; i++) {
		if (o->verb_given && i == at)
			continue;
		if (only_args || !is_option(args[i])) {
			strlist_add(&o->args, args[i]);
			continue;
		}
		if (!strcmp(args[i], "--")) {
			only_args = true;
			continue;
		}
		rc = parse_one(o, n, args, &i, err);
		if (rc)
			return rc;
	}
	return 0;
}

void opts_env(struct opts *o, const char *(*env)(const char *name))
{
	for (size_t i = 0; i < opt_table_n; i++) {
		const struct opt_def *d = &opt_table[i];
		const char *v;

		if (!d->env || !(d->verbs & 1u << o->verb) || o->value[d->id].n)
			continue;
		v = env(d->env);
		if (!v || !*v)
			continue;
		/* A flag's variable that cannot be read as true or false is ignored, as restic ignores it. */
		if (!d->arg)
			(void)add_flag(o, d, v, NULL);
		else
			strlist_add(&o->value[d->id], v);
		o->from_env[d->id] = o->value[d->id].n > 0;
	}
}

void opts_release(struct opts *o)
{
	for (size_t i = 0; i < OPT_IDS; i++)
		strlist_release(&o->value[i]);
	strlist_release(&o->args);
}

bool opt_flag(const struct opts *o, enum opt_id id)
{
	const char *s = opt_str(o, id);

	return s && !strcmp(s, "true");
}

const char *opt_str(const struct opts *o, enum opt_id id)
{
	const struct strlist *l = &o->value[id];

	return l->n ? l->s[l->n - 1] : NULL;
}

int opts_verbosity(const struct opts *o)
{
	const struct strlist *l = &o->value[OPT_VERBOSE];
	int v = 1;

	if (opt_flag(o, OPT_QUIET))
		return 0;
	for (size_t i = 0; i < l->n; i++) {
		if (l->s[i][0] >= '0' && l->s[i][0] <= '9')
			v = 1 + (l->s[i][0] - '0');
		else if (!strcmp(l->s[i], "true"))
			v++;
	}
	return v > 3 ? 3 : v;
}

static void put_list(const struct strlist *l, struct buf *b)
{
	wire_put_u32(b, (uint32_t)l->n);
	for (size_t i = 0; i < l->n; i++)
		wire_put_bytes(b, l->s[i], strlen(l->s[i]));
}

static void get_list(struct strlist *l, struct wire_in *in)
{
	for (uint32_t n = wire_u32(in); n && !in->bad; n--) {
		size_t len;
		const uint8_t *p = wire_bytes(in, &len);

		strlist_addn(l, (const char *)p, len);
	}
}

void opts_put(const struct opts *o, struct buf *b)
{
	wire_put_u32(b, o->verb);
	for (size_t i = 0; i < OPT_IDS; i++)
		put_list(&o->value[i], b);
	put_list(&o->args, b);
}

int opts_get(struct opts *o, struct wire_in *in, struct err *err)
{
	uint32_t verb = wire_u32(in);

	o->verb = verb < VERBS ? (enum verb)verb : VERB_HELP;
	o->verb_given = true;
	for (size_t i = 0; i < OPT_IDS; i++)
		get_list(&o->value[i], in);
	get_list(&o->args, in);
	return in->bad || verb >= VERBS ? err_set(err, ERR_INVALID, "damaged message from rank 0: options") : 0;
}
