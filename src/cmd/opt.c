#include "cmd/opt.h"
#include "base/mem.h"
#include "cmd/opt_word.h"
#include <string.h>

/* Is it one of the words that stand there with bars between them? */
static bool is_among(const char *words, const char *word)
{
	for (size_t n; *words; words += n + (words[n] == '|')) {
		n = strcspn(words, "|");
		if (n && n == strlen(word) && !memcmp(words, word, n))
			return true;
	}
	return false;
}

/* The second part of a name of two words; NULL: it has one. */
static const char *second_words(const struct verb_def *v)
{
	const char *blank = strchr(v->name, ' ');

	return blank ? blank + 1 : NULL;
}

static bool begins_with(const struct verb_def *v, const char *word)
{
	size_t n = strcspn(v->name, " ");

	return n == strlen(word) && !memcmp(v->name, word, n);
}

const struct verb_def *opts_verb(const struct verbs *all, const char *word, const char *next)
{
	const struct verb_def *found = NULL;

	for (const struct verb_def *v = all->v; v < all->v + all->n; v++) {
		const char *second = second_words(v);

		if (second && next && begins_with(v, word) && is_among(second, next))
			return v;
		if ((!second && begins_with(v, word)) || (v->alias && !strcmp(v->alias, word)))
			found = v;
	}
	return found;
}

/* The command that was found by this word has taken the next one for a part of its name. */
static bool took_two(const struct verb_def *v, const char *word)
{
	return second_words(v) && begins_with(v, word);
}

/* How one reads the words up to the command: which of them that is depends on what the options
 * before it mean. */
struct reading {
	int verb;  /* where the first word stands that is no option; n: none */
	bool sure; /* all options before it are the verb's own */
};

static struct reading read_as(const struct verb_def *v, int n, char *const *args)
{
	struct reading r = {.sure = true};

	while (r.verb < n && opt_word_is(args[r.verb]) && strcmp(args[r.verb], "--") != 0) {
		const char *word = args[r.verb++], *at = word;
		struct opt_piece p = {0};

		do {
			if (opt_word_take(word, at, v->options, &p) != OPT_WORD_OK) {
				r.sure = false;
				break;
			}
			at = p.rest;
		} while (at);
		r.verb += !at && p.def->arg && !p.value && r.verb < n;
	}
	/* Behind "--" stand files, whatever they are called. */
	if (r.verb < n && !strcmp(args[r.verb], "--"))
		r.verb = n;
	return r;
}

/* The words that Go reads as true and false. */
static bool read_bool(const char *s, bool *v)
{
	static const char *const words[2][6] = {{"0", "f", "F", "false", "False", "FALSE"},
		{"1", "t", "T", "true", "True", "TRUE"}};

	for (size_t k = 0; k < 12; k++) {
		*v = k >= 6;
		if (!strcmp(s, words[*v][k % 6]))
			return true;
	}
	return false;
}

static int add_flag(struct opts *o, const struct opt_def *d, const char *value, struct err *err)
{
	bool on = true;

	if (value && d->id == OPT_VERBOSE && value[0] >= '0' && value[0] <= '9' && !value[1]) {
		strlist_add(&o->value[d->id], value);
		return 0;
	}
	/* The value is not repeated: it may be a password. */
	if (value && !read_bool(value, &on))
		return err_set(err, ERR_USAGE, "--%s takes no value (or true or false)%s", d->name,
			d->id == OPT_PASSWORD_ASK ? ": it asks for the password; others would see "
						    "one that is typed here"
						  : "");
	strlist_add(&o->value[d->id], on ? "true" : "false");
	return 0;
}

static int add_value(struct opts *o, const struct opt_def *d, const char *value, struct err *err)
{
	if (d->id == OPT_NOTHING)
		strlist_add(&o->value[d->id], d->name);
	else if (d->arg)
		strlist_add(&o->value[d->id], value);
	else
		return add_flag(o, d, value, err);
	return 0;
}

/* parse_one: the argument args[*i], which is an option, and its value if that is the next one. */
static int parse_one(struct opts *o, int n, char *const *args, int *i, struct err *err)
{
	const char *word = args[*i];
	struct opt_piece p;
	int rc = 0;

	for (const char *at = word; at; at = p.rest) {
		enum opt_word w = opt_word_take(word, at, o->verb->options, &p);

		if (w != OPT_WORD_OK)
			return opt_word_complain(w, word, at, o->verb, o->verb_given, err);
		if (p.def->arg && !p.value) {
			if (*i + 1 >= n)
				return err_set(err, ERR_USAGE, "%s needs a value: %s", word,
					p.def->arg);
			p.value = args[++*i];
		}
		rc = add_value(o, p.def, p.value, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int twofold(char *const *args, const struct verb_def *a, const struct verb_def *b,
	struct err *err)
{
	return err_set(err, ERR_USAGE,
		"what stands before the command (%.*s) can be read as options of %s or of %s: "
		"write the command first",
		(int)strcspn(args[0], "="), args[0], a->name, b->name);
}

static const char *word_at(int n, char *const *args, int i)
{
	return i < n ? args[i] : NULL;
}

/* No command, but a word that begins some. */
static int incomplete(const struct verbs *all, const char *word, struct err *err)
{
	struct buf b;
	int rc = 0;

	buf_init(&b, SIZE_MAX / 2);
	for (const struct verb_def *v = all->v; v < all->v + all->n; v++) {
		if (took_two(v, word))
			buf_addf(&b, "%s%s", b.len ? "|" : "", second_words(v));
	}
	if (b.len)
		rc = err_set(err, ERR_USAGE,
			"%s what? a_backup %s %s; to back up a file of that name write: "
			"a_backup add %s",
			word, word, buf_str(&b), word);
	buf_release(&b);
	return rc;
}

static const struct verb_def *implied_of(const struct verbs *all)
{
	const struct verb_def *v = all->v;

	while (!v->implied)
		v++;
	return v;
}

/* Sets o->verb and *at, the word that names it (n: none does). */
static int choose_verb(struct opts *o, const struct verbs *all, int n, char *const *args, int *at,
	struct err *err)
{
	const struct verb_def *implied = implied_of(all), *found;
	struct reading first = read_as(implied, n, args);
	const char *word = first.verb < n ? args[first.verb] : "";
	bool sure;

	o->verb = implied;
	found = opts_verb(all, word, word_at(n, args, first.verb + 1));
	sure = !found && first.sure;
	*at = found ? first.verb : n;
	for (size_t i = 0; i < all->n; i++) {
		const struct verb_def *v = &all->v[i];
		struct reading r = read_as(v, n, args);

		if (r.verb >= n ||
			opts_verb(all, args[r.verb], word_at(n, args, r.verb + 1)) != v ||
			(!r.sure && (sure || found)))
			continue;
		if (r.sure && sure)
			return twofold(args, found ? found : implied, v, err);
		found = v;
		sure = r.sure;
		*at = r.verb;
	}
	o->verb_given = found != NULL;
	if (found)
		o->verb = found;
	if (found && took_two(found, args[*at]))
		o->second = mem_strdup(args[*at + 1]);
	for (const char *const *s = all->elsewhere; !found && *s; s++) {
		if (!strcmp(word, *s))
			return err_set(err, ERR_USAGE,
				"this version has no command \"%s\"; to back up a file of that "
				"name write: a_backup %s %s",
				word, implied->name, word);
	}
	return found ? 0 : incomplete(all, word, err);
}

/* Standard input can be read once: a second list would be an empty one. */
static int check_stdin(const struct opts *o, struct err *err)
{
	static const enum opt_id files[] = {OPT_FILES_FROM, OPT_FILES_VERBATIM, OPT_FILES_RAW,
		OPT_EXCLUDE_FILE, OPT_IEXCLUDE_FILE, OPT_INCLUDE_FILE, OPT_IINCLUDE_FILE};
	size_t n = 0;

	for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
		for (size_t i = 0; i < o->value[files[k]].n; i++)
			n += !strcmp(o->value[files[k]].s[i], "-");
	}
	return n > 1 ? err_set(err, ERR_USAGE,
			       "standard input (-) is named %zu times, but it can be read once "
			       "only",
			       n)
		     : 0;
}

const struct verb_def *opts_about(const struct opts *o, const struct verbs *all)
{
	const struct strlist *w = &o->args;
	const struct verb_def *v = w->n ? opts_verb(all, w->s[0], w->n > 1 ? w->s[1] : NULL) : NULL;

	return v && w->n == 1u + took_two(v, w->s[0]) ? v : NULL;
}

/* What contradicts itself whatever the command does. */
static int check_together(const struct opts *o, const struct verbs *all, struct err *err)
{
	const struct verb_def *v = o->verb;

	if (opt_flag(o, OPT_QUIET) && opts_verbosity(o) > 1)
		return err_set(err, ERR_USAGE, "--quiet and --verbose contradict each other");
	if (v->plain && !*v->args && o->args.n)
		return err_set(err, ERR_USAGE, "%s takes no arguments", v->name);
	if (v->words == VERB_COMMANDS && o->args.n && !opts_about(o, all))
		return err_set(err, ERR_USAGE, "\"%s\" is no command; commands: a_backup --help",
			o->args.s[o->args.n - 1]);
	if (opt_flag(o, OPT_VERSION) &&
		((o->verb_given && v != opts_verb(all, "version", NULL)) || o->args.n))
		return err_set(err, ERR_USAGE, "--version stands alone; it would do nothing else");
	return 0;
}

int opts_parse(struct opts *o, const struct verbs *all, int n, char *const *args, struct err *err)
{
	const struct strlist *asks = &o->value[OPT_PASSWORD_ASK];
	bool only_args = false, behind = false;
	int at, rc = choose_verb(o, all, n, args, &at, err);

	for (int i = 0; i < n && !rc; i++) {
		size_t asked = asks->n;

		if (o->verb_given && (i == at || (o->second && i == at + 1))) {
			behind = false;
			continue;
		}
		if (only_args || !opt_word_is(args[i])) {
			strlist_add(&o->args, args[i]);
			if (behind)
				o->behind_password = o->args.n;
		} else if (!strcmp(args[i], "--")) {
			only_args = true;
		} else {
			rc = parse_one(o, n, args, &i, err);
		}
		behind = asks->n > asked;
	}
	if (!rc)
		rc = check_together(o, all, err);
	return rc ? rc : check_stdin(o, err);
}

void opts_env(struct opts *o, const char *(*env)(const char *name))
{
	for (size_t i = 0; i < opt_table_n; i++) {
		const struct opt_def *d = &opt_table[i];
		const char *v;

		if (!d->env || !(d->of & o->verb->options) || o->value[d->id].n)
			continue;
		v = env(d->env);
		if (!v || !*v)
			continue;
		/* A flag's variable that cannot be read as true or false is ignored, as restic
		 * ignores it. */
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
	mem_free(o->second);
}

const char *opt_name(enum opt_id id)
{
	const struct opt_def *d = opt_table;

	while (d->id != id)
		d++;
	return d->name;
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

	for (size_t i = 0; i < l->n; i++) {
		if (l->s[i][0] >= '0' && l->s[i][0] <= '9')
			v = 1 + (l->s[i][0] - '0');
		else if (!strcmp(l->s[i], "true"))
			v++;
	}
	return v > 1 ? (v > 3 ? 3 : v) : !opt_flag(o, OPT_QUIET);
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

void opts_put(const struct opts *o, const struct verbs *v, struct buf *b)
{
	wire_put_u32(b, (uint32_t)(o->verb - v->v));
	for (size_t i = 0; i < OPT_IDS; i++)
		put_list(&o->value[i], b);
	put_list(&o->args, b);
}

int opts_get(struct opts *o, const struct verbs *v, struct wire_in *in, struct err *err)
{
	uint32_t verb = wire_u32(in);

	o->verb_given = true;
	for (size_t i = 0; i < OPT_IDS; i++)
		get_list(&o->value[i], in);
	get_list(&o->args, in);
	if (in->bad || verb >= v->n)
		return err_set(err, ERR_INVALID, "damaged message from rank 0: options");
	o->verb = &v->v[verb];
	return 0;
}
