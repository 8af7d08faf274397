#include "format/nodeedit.h"
#include <string.h>

/* One member of an object, in its text. */
struct member {
	const uint8_t *key, *value, *end;
	size_t key_len;
};

static const uint8_t *blanks(const uint8_t *p, const uint8_t *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Behind a string that begins at p. */
static const uint8_t *behind_string(const uint8_t *p, const uint8_t *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\' && p + 1 < end;
	return p < end ? p + 1 : end;
}

/* Behind a value: at the comma or bracket that ends it. */
static const uint8_t *behind_value(const uint8_t *p, const uint8_t *end)
{
	unsigned depth = 0;

	while (p < end && (depth || (*p != ',' && *p != '}' && *p != ']'))) {
		if (*p == '"') {
			p = behind_string(p, end);
			continue;
		}
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
	}
	return p;
}

/* The member at *p, which moves on; false: there is none any more. */
static bool next(const uint8_t **p, const uint8_t *end, struct member *m)
{
	const uint8_t *at = blanks(*p, end);

	if (at < end && (*at == ',' || *at == '{'))
		at = blanks(at + 1, end);
	if (at >= end || *at != '"')
		return false;
	m->key = at + 1;
	at = behind_string(at, end);
	if (at <= m->key || at[-1] != '"')
		return false;
	m->key_len = (size_t)(at - m->key) - 1;
	at = blanks(at, end);
	m->value = blanks(at < end ? at + 1 : at, end);
	m->end = behind_value(m->value, end);
	*p = m->end;
	return true;
}

static bool is(const struct member *m, const char *key)
{
	return m->key_len == strlen(key) && !memcmp(m->key, key, m->key_len);
}

/* restic writes the size before any of these. */
static bool behind_size(const struct member *m)
{
	static const char *const keys[] = {"links", "linktarget", "linktarget_raw",
		"extended_attributes", "generic_attributes", "device", "content", "subtree",
		"error"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (is(m, keys[i]))
			return true;
	return false;
}

struct editing {
	const struct nodeedit *e;
	struct buf *out;
	bool any, size, content, subtree; /* written: something, these members */
};

static void begin(struct editing *w, const char *key)
{
	buf_adds(w->out, w->any ? ",\"" : "\"");
	buf_adds(w->out, key);
	buf_adds(w->out, "\":");
	w->any = true;
}

static void put_size(struct editing *w)
{
	if (!w->e->content || w->size)
		return;
	w->size = true;
	if (w->e->size) {
		begin(w, "size");
		buf_addu(w->out, w->e->size);
	}
}

static void put_content(struct editing *w)
{
	if (!w->e->content || w->content)
		return;
	w->content = true;
	begin(w, "content");
	buf_addc(w->out, '[');
	for (size_t i = 0; i < w->e->n_ids; i++)
		buf_addf(w->out, "%s\"%s\"", i ? "," : "", id_hex(&w->e->ids[i]).s);
	buf_addc(w->out, ']');
}

static void put_subtree(struct editing *w)
{
	if (!w->e->subtree || w->subtree)
		return;
	w->subtree = true;
	begin(w, "subtree");
	buf_addf(w->out, "\"%s\"", id_hex(w->e->subtree).s);
}

static void copy(struct editing *w, const struct member *m)
{
	buf_adds(w->out, w->any ? ",\"" : "\"");
	buf_add(w->out, m->key, m->key_len);
	buf_adds(w->out, "\":");
	buf_add(w->out, m->value, (size_t)(m->end - m->value));
	w->any = true;
}

void nodeedit(const uint8_t *json, size_t n, const struct nodeedit *e, struct buf *out)
{
	const uint8_t *p = json, *end = json + n;
	struct editing w = {.e = e, .out = out};
	struct member m;

	buf_addc(out, '{');
	while (next(&p, end, &m)) {
		if (is(&m, "size") || behind_size(&m))
			put_size(&w);
		if (is(&m, "subtree") || is(&m, "error"))
			put_content(&w);
		if (is(&m, "error"))
			put_subtree(&w);
		if (e->content && is(&m, "content"))
			put_content(&w);
		else if (e->subtree && is(&m, "subtree"))
			put_subtree(&w);
		else if (!e->content || !is(&m, "size"))
			copy(&w, &m);
	}
	put_size(&w);
	put_content(&w);
	put_subtree(&w);
	buf_addc(out, '}');
}
