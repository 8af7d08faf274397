#include "backend/listing.h"
#include "base/mem.h"

#define SEEN_MAX 100000 /* names remembered, of each type */

struct listed {
	struct id name;
	uint64_t size;
};

struct odd {
	enum backend_odd why;
	char *path;
};

static int listing_add(void *arg, const struct id *name, uint64_t size)
{
	struct listing *l = arg;

	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->v = mem_regrow(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct listed){.name = *name, .size = size};
	return 0;
}

static void listing_odd(void *arg, enum backend_odd why, const char *path)
{
	struct listing *l = arg;

	if (l->n_odd == l->cap_odd) {
		l->cap_odd = l->cap_odd ? 2 * l->cap_odd : 16;
		l->odd = mem_regrow(l->odd, l->cap_odd, sizeof(*l->odd));
	}
	l->odd[l->n_odd++] = (struct odd){.why = why, .path = mem_strdup(path)};
}

static void listing_reset(struct listing *l)
{
	l->n = 0;
	while (l->n_odd)
		mem_free(l->odd[--l->n_odd].path);
}

int listing_read(struct listing *l, struct backend *b, struct err *err)
{
	struct backend_names to = {.file = listing_add,
		.odd = l->all ? listing_odd : NULL,
		.arg = l};

	listing_reset(l);
	return backend_list_all(b, l->type, &to, err);
}

int listing_tell(const struct listing *l, const struct backend_names *to)
{
	int code = 0;

	for (size_t i = 0; i < l->n && !code; i++)
		code = to->file(to->arg, &l->v[i].name, l->v[i].size);
	for (size_t i = 0; i < l->n_odd && !code; i++)
		to->odd(to->arg, l->odd[i].why, l->odd[i].path);
	return code;
}

void listing_release(struct listing *l)
{
	listing_reset(l);
	mem_free(l->odd);
	mem_free(l->v);
	l->odd = NULL;
	l->v = NULL;
}

static bool is_remembered(enum backend_type t)
{
	return t == BACKEND_KEY || t == BACKEND_SNAPSHOT || t == BACKEND_INDEX;
}

void seen_init(struct seen *s)
{
	*s = (struct seen){.names = {NULL}};
	pthread_mutex_init(&s->lock, NULL);
}

void seen_release(struct seen *s)
{
	for (int t = 0; t < BACKEND_TYPES; t++)
		hashtab_free(s->names[t]);
	pthread_mutex_destroy(&s->lock);
}

void seen_add(struct seen *s, const struct listing *l)
{
	struct hashtab **h = &s->names[l->type];
	bool is_new;

	if (!is_remembered(l->type))
		return;
	pthread_mutex_lock(&s->lock);
	if (!*h)
		*h = hashtab_new(sizeof(struct id), ID_SIZE, HASHTAB_MIX);
	for (size_t i = 0; i < l->n && hashtab_count(*h) < SEEN_MAX; i++)
		hashtab_add(*h, &l->v[i].name, &is_new);
	pthread_mutex_unlock(&s->lock);
}

void seen_remove(struct seen *s, enum backend_type t, const struct id *name)
{
	if (!is_remembered(t))
		return;
	pthread_mutex_lock(&s->lock);
	if (s->names[t])
		hashtab_remove(s->names[t], name);
	pthread_mutex_unlock(&s->lock);
}

bool seen_has(struct seen *s, enum backend_type t, const struct id *name)
{
	bool has;

	pthread_mutex_lock(&s->lock);
	has = s->names[t] && hashtab_find(s->names[t], name);
	pthread_mutex_unlock(&s->lock);
	return has;
}
