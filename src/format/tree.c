#include "format/tree.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "format/base64.h"
#include "format/fields.h"
#include "format/gojson.h"

void tree_begin(struct buf *out)
{
	buf_adds(out, "{\"nodes\":[");
}

void tree_node(struct buf *out, bool first, const void *json, size_t n)
{
	if (!first)
		buf_addc(out, ',');
	buf_add(out, json, n);
}

void tree_end(struct buf *out)
{
	buf_adds(out, "]}\n");
}

void tree_in_init(struct tree_in *t, const void *json, size_t n)
{
	/* Decoding makes text shorter, but for an invalid byte, which becomes three. */
	size_t max = n < SIZE_MAX / 4 ? 3 * n + 64 : SIZE_MAX;

	memset(t, 0, sizeof(*t));
	json_in_mem(&t->json, json, n);
	buf_init(&t->names, max);
	buf_init(&t->last, max);
	buf_init(&t->generic, max);
}

void tree_in_release(struct tree_in *t)
{
	if (!t)
		return;
	json_in_release(&t->json);
	buf_release(&t->names);
	buf_release(&t->last);
	buf_release(&t->generic);
	mem_free(t->content);
	mem_free(t->xattr);
	t->content = NULL;
	t->xattr = NULL;
	t->content_cap = t->xattr_cap = 0;
}

static void rebase(struct str *s, const uint8_t *from, const uint8_t *to)
{
	if (s->n)
		s->p = (const char *)to + (s->p - (const char *)from);
}

/* names_room: room for n more bytes in t->names.  The strings found so far point into it, so
 * growing has to take them along. */
static int names_room(struct tree_in *t, size_t n)
{
	struct buf *old = &t->names, bigger;
	struct node *d = &t->node;
	size_t want;

	if (n <= old->cap - old->len)
		return 0;
	if (n > old->max - old->len)
		return json_bad(&t->json, "the strings of a node are too long");
	want = old->len + n > old->max / 2 ? old->max : 2 * (old->len + n);
	buf_init(&bigger, old->max);
	if (buf_reserve(&bigger, want < 1024 && old->max >= 1024 ? 1024 : want) < 0)
		return json_bad(&t->json, "the strings of a node are too long");
	if (old->len) {
		struct str *const all[] = {&d->name, &d->user, &d->group, &d->linktarget,
			&d->error};

		memcpy(bigger.p, old->p, old->len);
		bigger.len = old->len;
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			rebase(all[i], old->p, bigger.p);
		for (size_t i = 0; i < d->n_xattr; i++) {
			rebase(&t->xattr[i].name, old->p, bigger.p);
			rebase(&t->xattr[i].value, old->p, bigger.p);
		}
	}
	buf_move(old, &bigger);
	return 0;
}

/* What was appended to t->names from `start` on; its address is that of the memory now, which
 * rebase() keeps true. */
static struct str names_from(const struct tree_in *t, size_t start)
{
	return (struct str){t->names.len > start ? (const char *)t->names.p + start : NULL,
		t->names.len - start};
}

static int read_string(struct tree_in *t, struct str *out, const char *what)
{
	struct json_in *j = &t->json;
	size_t start = t->names.len;
	int rc = json_string(j, what);

	if (rc < 0 || (rc = names_room(t, j->len)) < 0)
		return rc;
	buf_add(&t->names, j->str, j->len);
	*out = names_from(t, start);
	return 1;
}

/* read_bytes: base64, or null. */
static int read_bytes(struct tree_in *t, struct str *out, bool *null, const char *what)
{
	struct json_in *j = &t->json;
	size_t start = t->names.len, n;
	enum json_token token = json_next(j);

	*null = token == JSON_NULL;
	if (*null)
		return 1;
	if (token != JSON_STRING)
		return json_bad(j, "%s is not a string", what);
	/* One more, so that there is memory even for nothing. */
	if (names_room(t, base64_room(j->len) + 1) < 0)
		return ERR_INVALID;
	if (base64_get(j->str, j->len, t->names.p + start, &n) < 0)
		return json_bad(j, "%s is not base64", what);
	t->names.len += n;
	*out = names_from(t, start);
	return 1;
}

bool tree_name_good(const struct str *name)
{
	return name->n && !memchr(name->p, '/', name->n) && !memchr(name->p, 0, name->n) &&
	       !(name->n == 1 && name->p[0] == '.') &&
	       !(name->n == 2 && name->p[0] == '.' && name->p[1] == '.');
}

static int read_name(struct tree_in *t)
{
	struct json_in *j = &t->json;
	size_t start = t->names.len;
	struct str *name = &t->node.name;
	int rc = json_string(j, "name");

	if (rc < 0 || (rc = names_room(t, j->len)) < 0)
		return rc;
	if (gojson_unquote(j->str, j->len, &t->names) < 0)
		return json_bad(j, "a name is not quoted as it should");
	*name = names_from(t, start);
	if (!tree_name_good(name))
		return json_bad(j, "a name is empty, \".\", \"..\" or contains '/' or a 0 byte");
	return 1;
}

static int read_type(struct tree_in *t)
{
	struct json_in *j = &t->json;
	int rc = json_string(j, "type");

	if (rc < 0)
		return rc;
	rc = node_type_parse(j->str, j->len);
	if (rc < 0)
		return json_bad(j, "a node has an unknown type");
	t->node.type = (enum node_type)rc;
	return 1;
}

static int read_content(struct tree_in *t)
{
	struct json_in *j = &t->json;
	struct node *d = &t->node;
	enum json_token token = json_next(j);

	d->n_content = 0;
	d->has_content = token == JSON_ARRAY;
	if (token == JSON_NULL)
		return 1;
	if (token != JSON_ARRAY)
		return json_bad(j, "content is not an array");
	while ((token = json_next(j)) == JSON_STRING) {
		if (d->n_content == t->content_cap) {
			t->content_cap = t->content_cap ? 2 * t->content_cap : 16;
			t->content = mem_regrow(t->content, t->content_cap, sizeof(*t->content));
		}
		if (id_parse(&t->content[d->n_content], j->str, j->len) < 0)
			return json_bad(j, "content has something that is not an id");
		d->n_content++;
	}
	return token == JSON_ARRAY_END ? 1 : json_bad(j, "content has something that is not an id");
}

static int xattr_member(void *arg, struct json_in *j)
{
	struct tree_in *t = arg;
	struct node_xattr *x = &t->xattr[t->node.n_xattr - 1];

	if (FIELD(j, "name"))
		return read_string(t, &x->name, "the name of an extended attribute");
	if (FIELD(j, "value"))
		return read_bytes(t, &x->value, &x->null, "the value of an extended attribute");
	return 0;
}

/* The system's calls end names with a 0 byte. */
static int check_xattr(struct tree_in *t, const struct node_xattr *x)
{
	if (x->name.n && !memchr(x->name.p, 0, x->name.n))
		return 0;
	if (!t->lenient)
		return json_bad(&t->json,
			"the name of an extended attribute is empty or contains a 0 byte");
	t->node.n_xattr--;
	t->dropped++;
	return 0;
}

static int read_xattrs(struct tree_in *t)
{
	struct json_in *j = &t->json;
	struct node *d = &t->node;
	enum json_token token = json_next(j);

	d->n_xattr = 0;
	t->dropped = 0;
	if (token == JSON_NULL)
		return 1;
	if (token != JSON_ARRAY)
		return json_bad(j, "extended_attributes is not an array");
	while ((token = json_next(j)) == JSON_OBJECT) {
		if (d->n_xattr == t->xattr_cap) {
			t->xattr_cap = t->xattr_cap ? 2 * t->xattr_cap : 8;
			t->xattr = mem_regrow(t->xattr, t->xattr_cap, sizeof(*t->xattr));
		}
		/* A missing value is a nil slice to Go, and that is written as null. */
		t->xattr[d->n_xattr++] = (struct node_xattr){.null = true};
		if (fields_rest(j, xattr_member, t) < 0 ||
			check_xattr(t, &t->xattr[d->n_xattr - 1]) < 0)
			return ERR_INVALID;
	}
	return token == JSON_ARRAY_END
		       ? 1
		       : json_bad(j, "extended_attributes has something that is not an object");
}

/* read_generic: the tokens written again; json_in keeps no source text. */
static int read_generic(struct tree_in *t)
{
	struct json_in *j = &t->json;
	struct json_out o;
	int depth = 0;

	buf_reset(&t->generic);
	json_out_init(&o, &t->generic);
	do {
		enum json_token token = json_next(j);

		if (token == JSON_NULL && depth == 0)
			return 1;
		if (token != JSON_OBJECT && depth == 0)
			return json_bad(j, "generic_attributes is not an object");
		switch (token) {
		case JSON_OBJECT:
			json_object(&o);
			depth++;
			break;
		case JSON_OBJECT_END:
			json_object_end(&o);
			depth--;
			break;
		case JSON_ARRAY:
			json_array(&o);
			depth++;
			break;
		case JSON_ARRAY_END:
			json_array_end(&o);
			depth--;
			break;
		case JSON_KEY:
			if (o.comma)
				buf_addc(&t->generic, ',');
			json_put_string(&t->generic, j->str, j->len);
			buf_addc(&t->generic, ':');
			o.comma = false;
			break;
		case JSON_STRING:
			json_strn(&o, j->str, j->len);
			break;
		case JSON_NUMBER:
			json_raw(&o, j->str, j->len);
			break;
		case JSON_TRUE:
		case JSON_FALSE:
			json_boolean(&o, token == JSON_TRUE);
			break;
		case JSON_NULL:
			json_null(&o);
			break;
		default:
			return json_bad(j, "generic_attributes is cut off");
		}
	} while (depth);
	return t->generic.overflow ? json_bad(j, "generic_attributes is too long") : 1;
}

static int read_subtree(struct tree_in *t)
{
	struct json_in *j = &t->json;
	struct node *d = &t->node;
	enum json_token token = json_next(j);

	d->has_subtree = token == JSON_STRING;
	if (token == JSON_NULL) {
		memset(&d->subtree, 0, sizeof(d->subtree));
		return 1;
	}
	if (token != JSON_STRING || id_parse(&d->subtree, j->str, j->len) < 0)
		return json_bad(j, "subtree is not an id");
	return 1;
}

struct reading {
	struct tree_in *t;
	bool has_name, has_type;
	bool raw_null;
	struct str raw; /* linktarget_raw, which wins over linktarget wherever it stands */
};

/* The members whose values are strings and lists. */
static int text_member(struct reading *r, struct json_in *j)
{
	struct tree_in *t = r->t;
	struct node *d = &t->node;

	if (FIELD(j, "user"))
		return read_string(t, &d->user, "user");
	if (FIELD(j, "group"))
		return read_string(t, &d->group, "group");
	if (FIELD(j, "content"))
		return read_content(t);
	if (FIELD(j, "subtree"))
		return read_subtree(t);
	if (FIELD(j, "linktarget"))
		return r->raw.n ? 0 : read_string(t, &d->linktarget, "linktarget");
	if (FIELD(j, "linktarget_raw")) {
		int rc = read_bytes(t, &r->raw, &r->raw_null, "linktarget_raw");

		if (rc > 0 && r->raw.n)
			d->linktarget = r->raw;
		return rc;
	}
	if (FIELD(j, "extended_attributes"))
		return read_xattrs(t);
	if (FIELD(j, "generic_attributes"))
		return read_generic(t);
	if (FIELD(j, "error"))
		return read_string(t, &d->error, "error");
	return 0;
}

static int node_member(void *arg, struct json_in *j)
{
	struct reading *r = arg;
	struct node *d = &r->t->node;

	if (FIELD(j, "name")) {
		r->has_name = true;
		return read_name(r->t);
	}
	if (FIELD(j, "type")) {
		r->has_type = true;
		return read_type(r->t);
	}
	if (FIELD(j, "mode"))
		return field_u32(j, &d->mode, "mode");
	if (FIELD(j, "mtime"))
		return field_time(j, &d->mtime, NULL, "mtime");
	if (FIELD(j, "atime"))
		return field_time(j, &d->atime, NULL, "atime");
	if (FIELD(j, "ctime"))
		return field_time(j, &d->ctime, NULL, "ctime");
	if (FIELD(j, "uid"))
		return field_u32(j, &d->uid, "uid");
	if (FIELD(j, "gid"))
		return field_u32(j, &d->gid, "gid");
	if (FIELD(j, "inode"))
		return field_u64(j, &d->inode, "inode");
	if (FIELD(j, "device_id"))
		return field_u64(j, &d->device_id, "device_id");
	if (FIELD(j, "size"))
		return field_u64(j, &d->size, "size");
	if (FIELD(j, "links"))
		return field_u64(j, &d->links, "links");
	if (FIELD(j, "device"))
		return field_u64(j, &d->device, "device");
	return text_member(r, j);
}

/* start: {"nodes":[ with any other members before it. */
static int start(struct tree_in *t)
{
	struct json_in *j = &t->json;
	enum json_token token;

	if (json_expect(j, JSON_OBJECT, "a tree") < 0)
		return ERR_INVALID;
	while ((token = json_next(j)) == JSON_KEY) {
		if (FIELD(j, "nodes"))
			return json_expect(j, JSON_ARRAY, "nodes");
		if (json_skip(j) < 0)
			return ERR_INVALID;
	}
	return json_bad(j, "there is no \"nodes\"");
}

static int no_member(void *arg, struct json_in *j)
{
	(void)arg;
	return FIELD(j, "nodes") ? json_bad(j, "there are two \"nodes\"") : 0;
}

/* next_node: 1, 0 or ERR_INVALID with the sentence in t->json.err. */
static int next_node(struct tree_in *t)
{
	struct json_in *j = &t->json;
	struct reading r = {.t = t};
	struct node *d = &t->node;
	enum json_token token;
	size_t n;
	int c;

	buf_reset(&t->last);
	buf_add(&t->last, d->name.p, d->name.n);
	buf_reset(&t->names);
	buf_reset(&t->generic);
	t->dropped = 0;
	memset(d, 0, sizeof(*d));
	token = json_next(j);
	if (token == JSON_ARRAY_END) {
		if (fields_rest(j, no_member, NULL) < 0 || json_expect(j, JSON_END, "a tree") < 0)
			return ERR_INVALID;
		t->ended = true;
		return 0;
	}
	if (token != JSON_OBJECT)
		return json_bad(j, "a node is not an object");
	t->raw = j->p - 1;
	if (fields_rest(j, node_member, &r) < 0)
		return ERR_INVALID;
	t->raw_len = (size_t)(j->p - t->raw);
	if (!r.has_name || !r.has_type)
		return json_bad(j, "a node without %s", r.has_name ? "type" : "name");
	n = d->name.n < t->last.len ? d->name.n : t->last.len;
	c = n ? memcmp(t->last.p, d->name.p, n) : -1;
	if (c > 0 || (c == 0 && t->last.len >= d->name.n))
		return json_bad(j, "the names are not in ascending order");
	d->content = t->content;
	d->xattr = t->xattr;
	d->generic = (struct str){(const char *)t->generic.p, t->generic.len};
	return 1;
}

int tree_in_next(struct tree_in *t, const struct node **node, struct err *err)
{
	int rc = 0;

	*node = NULL;
	if (t->ended)
		return 0;
	if (!t->started) {
		t->started = true;
		rc = start(t);
	}
	if (rc >= 0)
		rc = next_node(t);
	if (rc < 0) {
		err_copy(err, &t->json.err);
		if (err)
			err_prefix(err, "tree");
		return ERR_INVALID;
	}
	if (rc)
		*node = &t->node;
	return rc;
}
