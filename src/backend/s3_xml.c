#include "backend/s3_xml.h"
#include "base/mem.h"
#include <expat.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 8
#define NAME_CAP  48
#define TEXT_MAX  8192 /* a key of 1024 bytes percent-encoded, or a long token */

/*
 * One pass over a document.  leaf(arg, parent, name, text) is called at the end of each element
 * with the text since its last child; parent is "" for the root.  A non-zero result ends the pass.
 */
struct walk {
	XML_Parser x;
	char name[DEPTH_MAX][NAME_CAP];
	size_t depth;
	struct buf text;
	int (*leaf)(void *arg, const char *parent, const char *name, const char *text);
	void *arg;
	int result;
	bool refused;
	char root[NAME_CAP];
};

static void walk_stop(struct walk *w, bool refused)
{
	w->refused = refused;
	XML_StopParser(w->x, XML_FALSE);
}

static void XMLCALL on_open(void *arg, const XML_Char *name, const XML_Char **attrs)
{
	struct walk *w = arg;
	const char *colon = strrchr(name, ':');

	(void)attrs;
	if (w->depth == DEPTH_MAX) {
		walk_stop(w, true);
		return;
	}
	/* A longer name than any we know is cut and so stays unknown. */
	snprintf(w->name[w->depth], NAME_CAP, "%s", colon ? colon + 1 : name);
	if (!w->depth)
		memcpy(w->root, w->name[0], NAME_CAP);
	w->depth++;
	buf_reset(&w->text);
}

static void XMLCALL on_close(void *arg, const XML_Char *name)
{
	struct walk *w = arg;
	const char *text = buf_str(&w->text);

	(void)name;
	if (w->result || w->refused)
		return;
	w->depth--;
	if (!text) {
		walk_stop(w, true);
		return;
	}
	w->result = w->leaf(w->arg, w->depth ? w->name[w->depth - 1] : "", w->name[w->depth], text);
	buf_reset(&w->text);
	if (w->result)
		walk_stop(w, false);
}

static void XMLCALL on_text(void *arg, const XML_Char *s, int n)
{
	struct walk *w = arg;

	buf_add(&w->text, s, (size_t)n);
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *sys,
	const XML_Char *pub, int internal)
{
	(void)name;
	(void)sys;
	(void)pub;
	(void)internal;
	walk_stop(arg, true);
}

/* 0, the result of a leaf, or ERR_INVALID. */
static int walk_run(struct walk *w, const void *p, size_t n)
{
	int code = 0;

	if (n > INT_MAX)
		return ERR_INVALID;
	w->x = XML_ParserCreate(NULL);
	if (!w->x)
		return ERR_INVALID;
	buf_init(&w->text, TEXT_MAX);
	XML_SetUserData(w->x, w);
	XML_SetElementHandler(w->x, on_open, on_close);
	XML_SetCharacterDataHandler(w->x, on_text);
	XML_SetStartDoctypeDeclHandler(w->x, on_doctype);
	if (XML_Parse(w->x, n ? p : "", (int)n, 1) != XML_STATUS_OK)
		code = w->result ? w->result : ERR_INVALID;
	else
		code = w->result;
	XML_ParserFree(w->x);
	buf_release(&w->text);
	return code;
}

static void error_field(struct s3_error *e, const char *name, const char *text)
{
	if (!strcmp(name, "Code"))
		snprintf(e->code, sizeof(e->code), "%s", text);
	else if (!strcmp(name, "Message"))
		snprintf(e->message, sizeof(e->message), "%s", text);
	else if (!strcmp(name, "Region"))
		snprintf(e->region, sizeof(e->region), "%s", text);
	else if (!strcmp(name, "Endpoint"))
		snprintf(e->endpoint, sizeof(e->endpoint), "%s", text);
}

/* Text of the server that goes into messages must not move a terminal's cursor. */
static void printable(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = ' ';
	}
}

static int error_leaf(void *arg, const char *parent, const char *name, const char *text)
{
	if (!strcmp(parent, "Error"))
		error_field(arg, name, text);
	return 0;
}

void s3_xml_error(struct s3_error *e, const void *p, size_t n)
{
	struct walk w = {.leaf = error_leaf, .arg = e};

	*e = (struct s3_error){0};
	walk_run(&w, p, n);
	printable(e->code);
	printable(e->message);
	printable(e->region);
	printable(e->endpoint);
}

void s3_page_init(struct s3_page *p)
{
	*p = (struct s3_page){0};
	buf_init(&p->token, TEXT_MAX);
	buf_init(&p->next_marker, TEXT_MAX);
	buf_init(&p->last, TEXT_MAX);
}

void s3_page_release(struct s3_page *p)
{
	buf_release(&p->token);
	buf_release(&p->next_marker);
	buf_release(&p->last);
}

struct list {
	struct s3_page *page;
	char key[TEXT_MAX + 1];
	bool has_key, has_size, has_end;
	const char *bad; /* what is wrong with it; NULL: nothing yet */
	uint64_t size;
	bool encoded;
	int (*fn)(void *arg, const char *key, uint64_t size);
	void *arg;
};

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place: %xx, and + for a blank, as S3 encodes. */
static void url_decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		int hi = *s == '%' ? hex_digit((unsigned char)s[1]) : -1;
		int lo = hi >= 0 ? hex_digit((unsigned char)s[2]) : -1;

		if (lo >= 0) {
			*to++ = (char)(hi << 4 | lo);
			s += 2;
		} else {
			*to++ = *s == '+' ? ' ' : *s;
		}
	}
	*to = 0;
}

static void set(struct buf *b, const char *s)
{
	buf_reset(b);
	buf_adds(b, s);
}

static int list_object(struct list *l)
{
	struct s3_page *p = l->page;
	const char *last = buf_str(&p->last);

	if (!l->has_key || !l->has_size) {
		l->bad = "the server lists an object without its name or size";
		return ERR_INVALID;
	}
	if (l->encoded)
		url_decode(l->key);
	if (!last || strcmp(l->key, last) <= 0)
		p->sorted = false;
	set(&p->last, l->key);
	p->keys++;
	l->has_key = l->has_size = false;
	return l->fn(l->arg, l->key, l->size);
}

static bool parse_size(const char *s, uint64_t *v)
{
	*v = 0;
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || *v > (UINT64_MAX - 9) / 10)
			return false;
		*v = *v * 10 + (uint64_t)(*s - '0');
	}
	return true;
}

/* "true" or "false" (XML Schema's other spellings are not S3's): to guess would lose the rest of
 * the names. */
static int list_end(struct list *l, const char *text)
{
	l->page->truncated = !strcmp(text, "true");
	l->has_end = l->page->truncated || !strcmp(text, "false");
	if (l->has_end)
		return 0;
	l->bad =
		"the server's listing says neither \"true\" nor \"false\" to whether there is more";
	return ERR_INVALID;
}

/* Who tells where to go on has more, whatever else it says or leaves out. */
static int list_ended(struct list *l)
{
	struct s3_page *p = l->page;

	if (p->token.len || p->next_marker.len)
		p->truncated = l->has_end = true;
	if (l->has_end)
		return 0;
	l->bad = "the server's listing does not say whether there is more";
	return ERR_INVALID;
}

static int list_leaf(void *arg, const char *parent, const char *name, const char *text)
{
	struct list *l = arg;
	struct s3_page *p = l->page;

	if (!strcmp(parent, "Contents")) {
		if (!strcmp(name, "Key")) {
			snprintf(l->key, sizeof(l->key), "%s", text);
			l->has_key = true;
		} else if (!strcmp(name, "Size")) {
			l->has_size = parse_size(text, &l->size);
		}
	} else if (!strcmp(parent, "ListBucketResult")) {
		if (!strcmp(name, "Contents"))
			return list_object(l);
		if (!strcmp(name, "IsTruncated"))
			return list_end(l, text);
		if (!strcmp(name, "NextContinuationToken"))
			set(&p->token, text);
		else if (!strcmp(name, "NextMarker"))
			set(&p->next_marker, text);
	}
	return 0;
}

/* EncodingType may stand behind the keys it is about (Ceph puts it there), so it is looked for
 * first. */
static int encoding_leaf(void *arg, const char *parent, const char *name, const char *text)
{
	if (!strcmp(parent, "ListBucketResult") && !strcmp(name, "EncodingType"))
		*(bool *)arg = !strcmp(text, "url");
	return 0;
}

int s3_xml_list(struct s3_page *page, const void *p, size_t n,
	int (*fn)(void *, const char *, uint64_t), void *arg, struct err *err)
{
	struct list *l = mem_zalloc(sizeof(*l));
	struct walk w = {.leaf = encoding_leaf, .arg = &l->encoded};
	int code;

	l->page = page;
	l->fn = fn;
	l->arg = arg;
	page->truncated = false;
	page->keys = 0;
	page->sorted = true;
	buf_reset(&page->token);
	buf_reset(&page->next_marker);
	code = walk_run(&w, p, n);
	if (!code && strcmp(w.root, "ListBucketResult") != 0)
		code = ERR_INVALID;
	if (code) {
		code = err_set(err, ERR_ODD, "the server's answer is no listing");
		goto out;
	}
	w = (struct walk){.leaf = list_leaf, .arg = l};
	code = walk_run(&w, p, n);
	if (!code)
		code = list_ended(l);
	if (l->bad)
		err_set(err, ERR_INVALID, "%s", l->bad);
	if (!code && l->encoded && page->next_marker.len && buf_str(&page->next_marker)) {
		url_decode((char *)page->next_marker.p);
		page->next_marker.len = strlen((char *)page->next_marker.p);
	}
out:
	mem_free(l);
	return code;
}

struct deleted {
	char key[S3_KEY_MAX + 1];
	struct s3_error e;
	void (*fn)(void *arg, const char *key, const struct s3_error *e);
	void *arg;
};

static int deleted_leaf(void *arg, const char *parent, const char *name, const char *text)
{
	struct deleted *d = arg;

	if (!strcmp(parent, "Error")) {
		error_field(&d->e, name, text);
		if (!strcmp(name, "Key"))
			snprintf(d->key, sizeof(d->key), "%s", text);
	} else if (!strcmp(name, "Error") && !strcmp(parent, "DeleteResult")) {
		printable(d->e.code);
		printable(d->e.message);
		d->fn(d->arg, d->key, &d->e);
		d->e = (struct s3_error){0};
		d->key[0] = 0;
	} else if (!strcmp(name, "Key") && !strcmp(parent, "Deleted")) {
		d->fn(d->arg, text, NULL);
	}
	return 0;
}

int s3_xml_deleted(const void *p, size_t n,
	void (*fn)(void *, const char *, const struct s3_error *), void *arg, struct err *err)
{
	struct deleted *d = mem_zalloc(sizeof(*d));
	struct walk w = {.leaf = deleted_leaf, .arg = d};
	int code;

	d->fn = fn;
	d->arg = arg;
	code = walk_run(&w, p, n);
	if (!code && strcmp(w.root, "DeleteResult") != 0)
		code = ERR_INVALID;
	if (code)
		err_set(err, code,
			"the server's answer to a deletion of many objects makes no sense");
	mem_free(d);
	return code;
}
