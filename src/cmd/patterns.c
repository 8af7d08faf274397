#include "cmd/patterns.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/readall.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATTERNS_FILE_MAX ((size_t)64 << 20)

/* match_add_file's env callback has no argument; it is called on the thread that loads. */
static _Thread_local struct patterns *recording;
static _Thread_local cmd_env_fn *recording_env;

static const char *var_value(const char *name)
{
	struct patterns *p = recording;
	const char *value;

	for (size_t i = 0; i < p->vars; i++) {
		if (!strcmp(p->var[i].name, name))
			return p->var[i].value;
	}
	if (!recording_env)
		return NULL;
	value = recording_env(name);
	p->var = mem_regrow(p->var, p->vars + 1, sizeof(*p->var));
	p->var[p->vars++] = (struct patterns_var){mem_strdup(name),
		value ? mem_strdup(value) : NULL};
	return value;
}

static int read_file(const char *path, struct patterns_file *f, struct err *err)
{
	char *what = mem_printf("pattern file %s", path);
	int rc;

	f->path = mem_strdup(path);
	buf_init(&f->text, PATTERNS_FILE_MAX);
	rc = strcmp(path, "-") ? readall_file(path, &f->text, what, err)
			       : readall(STDIN_FILENO, &f->text, what, err);
	mem_free(what);
	return rc;
}

/* The text goes through a file of its own in memory: match_add_file wants a path, and the real one
 * may be a pipe that can be read once, or on another machine. */
static int load_text(struct match *m, const struct patterns_file *f, struct err *err)
{
	int fd = memfd_create("patterns", MFD_CLOEXEC), rc = 0, e;
	char path[64];

	if (fd < 0)
		return err_sys(err, errno, "pattern file %s", f->path);
	e = fd_write(fd, f->text.p, f->text.len);
	if (e)
		rc = err_sys(err, e, "pattern file %s", f->path);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!rc) {
		rc = match_add_file(m, path, var_value, err);
		if (rc)
			err_prefix(err, "pattern file %s", f->path);
	}
	close(fd);
	return rc;
}

/* Both lists: the command line's patterns first, then the files'. */
static int make_lists(struct patterns *p, const struct opts *o, bool include, struct err *err)
{
	static const enum opt_id ids[2][2] = {{OPT_EXCLUDE, OPT_IEXCLUDE},
		{OPT_INCLUDE, OPT_IINCLUDE}};
	int rc = 0;

	recording = p;
	for (size_t k = 0; k < 2 && !rc; k++) {
		const struct strlist *given = &o->value[ids[include][k]];

		p->list[k] = match_new(k == 1);
		for (size_t i = 0; i < given->n && !rc; i++)
			rc = match_add(p->list[k], given->s[i], err);
		for (size_t i = 0; i < p->files[k] && !rc; i++)
			rc = load_text(p->list[k], &p->file[k][i], err);
		if (match_count(p->list[k]))
			p->given[p->n++] = p->list[k];
	}
	recording = NULL;
	return rc;
}

/* --include '' or an empty file: nothing is selected, which looks like success; without the list it
 * would be everything. */
static int check_any(const struct patterns *p, const struct opts *o, struct err *err)
{
	static const enum opt_id ids[] = {OPT_INCLUDE, OPT_IINCLUDE, OPT_INCLUDE_FILE,
		OPT_IINCLUDE_FILE};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]) && !p->n; i++) {
		if (o->value[ids[i]].n)
			return err_set(err, ERR_USAGE,
				"the patterns to include are all empty, so nothing would be "
				"restored");
	}
	return 0;
}

int patterns_read(struct patterns *p, const struct opts *o, bool include, cmd_env_fn *env,
	struct err *err)
{
	static const enum opt_id ids[2][2] = {{OPT_EXCLUDE_FILE, OPT_IEXCLUDE_FILE},
		{OPT_INCLUDE_FILE, OPT_IINCLUDE_FILE}};
	int rc = 0;

	*p = (struct patterns){0};
	for (size_t k = 0; k < 2 && !rc; k++) {
		const struct strlist *paths = &o->value[ids[include][k]];

		p->file[k] = mem_array(paths->n + 1, sizeof(*p->file[k]));
		for (size_t i = 0; i < paths->n && !rc; i++)
			rc = read_file(paths->s[i], &p->file[k][p->files[k]++], err);
	}
	recording_env = env;
	if (!rc)
		rc = make_lists(p, o, include, err);
	if (!rc && include)
		rc = check_any(p, o, err);
	recording_env = NULL;
	return rc;
}

void patterns_release(struct patterns *p)
{
	for (size_t k = 0; k < 2; k++) {
		match_free(p->list[k]);
		for (size_t i = 0; i < p->files[k]; i++) {
			mem_free(p->file[k][i].path);
			buf_release(&p->file[k][i].text);
		}
		mem_free(p->file[k]);
	}
	for (size_t i = 0; i < p->vars; i++) {
		mem_free(p->var[i].name);
		mem_free(p->var[i].value);
	}
	mem_free(p->var);
	*p = (struct patterns){0};
}

static void put_string(struct buf *b, const char *s)
{
	wire_put_bytes(b, s, strlen(s));
}

void patterns_put(const struct patterns *p, struct buf *b)
{
	for (size_t k = 0; k < 2; k++) {
		wire_put_u32(b, (uint32_t)p->files[k]);
		for (size_t i = 0; i < p->files[k]; i++) {
			put_string(b, p->file[k][i].path);
			wire_put_bytes(b, p->file[k][i].text.p, p->file[k][i].text.len);
		}
	}
	wire_put_u32(b, (uint32_t)p->vars);
	for (size_t i = 0; i < p->vars; i++) {
		put_string(b, p->var[i].name);
		wire_put_u8(b, p->var[i].value != NULL);
		put_string(b, p->var[i].value ? p->var[i].value : "");
	}
}

static void get_files(struct patterns *p, size_t k, struct wire_in *in)
{
	for (uint32_t n = wire_u32(in); n && !in->bad; n--) {
		struct patterns_file f = {.path = wire_text(in)};
		size_t len;
		const uint8_t *text = wire_bytes(in, &len);

		buf_init(&f.text, PATTERNS_FILE_MAX);
		buf_add(&f.text, text, len);
		p->file[k] = mem_regrow(p->file[k], p->files[k] + 1, sizeof(*p->file[k]));
		p->file[k][p->files[k]++] = f;
	}
}

int patterns_get(struct patterns *p, const struct opts *o, bool include, struct wire_in *in,
	struct err *err)
{
	*p = (struct patterns){0};
	get_files(p, 0, in);
	get_files(p, 1, in);
	for (uint32_t n = wire_u32(in); n && !in->bad; n--) {
		struct patterns_var v = {.name = wire_text(in)};
		bool set = wire_u8(in) != 0;
		char *value = wire_text(in);

		v.value = set ? value : NULL;
		if (!set)
			mem_free(value);
		p->var = mem_regrow(p->var, p->vars + 1, sizeof(*p->var));
		p->var[p->vars++] = v;
	}
	if (in->bad)
		return err_set(err, ERR_INVALID, "damaged message from rank 0: patterns");
	return make_lists(p, o, include, err);
}
