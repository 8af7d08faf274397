/*
 * s3_list: the names in a bucket, page after page.
 *
 * A listing is one range of keys at first.  Packs are many: once a first page shows that there are
 * more, and that this server sorts its keys as S3 says, the rest is cut into ranges by the first
 * digit of the name, which are read at the same time.  Requests run on the http thread, pages are
 * read by the caller's thread, which thus tells one name after the other.
 *
 * A page that fails for a reason that may pass is asked for again here: a listing of hundreds of
 * pages would never get through if it had to begin anew.
 */
#include "backend/layout.h"
#include "backend/s3_call.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

#define PAGE_BYTES                                                                                 \
	((size_t)16 << 20) /* of a page's XML: 1000 keys of 1024 bytes, encoded, and what stands   \
			      around them */
#define EMPTY_PAGES 1000   /* in a row: more is no progress */
#define PAGE_TRIES  6
#define WAIT_FIRST  INT64_C(200000000)
#define WAIT_MAX    INT64_C(20000000000)

struct range {
	struct lister *l;
	struct s3_call call;
	struct s3_page page;
	char *prefix; /* of its keys */
	char *after;  /* keys behind this one only; NULL: from the start */
	char *token;  /* version 2: the next page; NULL: the first one */
	char *query;
	bool v1;
	bool whole; /* not a part that range_split made */
	bool any;   /* a page came */
	unsigned empty, tries;
	struct err *err; /* while a page is read */
	struct range *next;
};

struct lister {
	struct s3 *s;
	enum backend_type type;
	char *base;
	const struct backend_names *to;
	unsigned under_way;
	pthread_mutex_t m;
	pthread_cond_t c;
	struct range *ready;
};

/* A key elsewhere was not asked for: it is one of ours, written in a way that nobody can foresee,
 * and to pass it over would lose it. */
static int on_key(void *arg, const char *key, uint64_t size)
{
	struct range *r = arg;
	struct lister *l = r->l;
	size_t n = strlen(l->base);
	enum backend_odd why;
	struct id name;

	if (strncmp(key, l->base, n) != 0)
		return err_set(r->err, ERR_INVALID,
			"the server lists a key that does not begin with what was asked for: "
			"%.200s",
			key);
	why = layout_read(l->type, key + n, &name);
	if (!why)
		return l->to->file(l->to->arg, &name, size);
	layout_odd(l->to, l->type, why, key + n);
	return 0;
}

static void page_done(struct s3_call *c)
{
	struct range *r = c->arg;
	struct lister *l = r->l;

	pthread_mutex_lock(&l->m);
	r->next = l->ready;
	l->ready = r;
	pthread_cond_signal(&l->c);
	pthread_mutex_unlock(&l->m);
}

static void add_param(struct buf *q, const char *name, const char *value)
{
	buf_addf(q, "%s%s=", q->len ? "&" : "", name);
	http_encode(q, value, strlen(value), "");
}

/* Parameters in the order of their names: that is how they are signed. */
static char *page_query(const struct range *r)
{
	const struct lister *l = r->l;
	struct buf q;
	char number[16], *text;

	buf_init(&q, (size_t)1 << 16);
	if (r->token)
		add_param(&q, "continuation-token", r->token);
	if (l->type != BACKEND_PACK)
		add_param(&q, "delimiter", "/");
	add_param(&q, "encoding-type", "url");
	if (!r->v1)
		add_param(&q, "list-type", "2");
	if (r->v1 && r->after)
		add_param(&q, "marker", r->after);
	snprintf(number, sizeof(number), "%u", l->s->page);
	if (l->s->page)
		add_param(&q, "max-keys", number);
	add_param(&q, "prefix", r->prefix);
	if (!r->v1 && r->after && !r->token)
		add_param(&q, "start-after", r->after);
	text = buf_str(&q) ? mem_strdup(buf_str(&q)) : mem_strdup("");
	buf_release(&q);
	return text;
}

static void range_start(struct range *r)
{
	s3_call_release(&r->call);
	mem_free(r->query);
	r->query = page_query(r);
	r->call.method = "GET";
	r->call.query = r->query;
	r->call.done = page_done;
	r->call.arg = r;
	s3_call_start(r->l->s, &r->call);
}

static void range_new(struct lister *l, const char *prefix, const char *after, bool whole, bool v1)
{
	struct range *r = mem_zalloc(sizeof(*r));

	r->l = l;
	r->whole = whole;
	r->v1 = v1;
	r->prefix = mem_strdup(prefix);
	r->after = after ? mem_strdup(after) : NULL;
	s3_page_init(&r->page);
	buf_init(&r->call.r.out, PAGE_BYTES);
	l->under_way++;
	range_start(r);
}

static void range_free(struct range *r)
{
	r->l->under_way--;
	s3_call_release(&r->call);
	buf_release(&r->call.r.out);
	s3_page_release(&r->page);
	mem_free(r->prefix);
	mem_free(r->after);
	mem_free(r->token);
	mem_free(r->query);
	mem_free(r);
}

static void set_v1(struct range *r)
{
	r->v1 = true;
	mem_free(r->token);
	r->token = NULL;
	pthread_mutex_lock(&r->l->s->lock);
	r->l->s->list_v1 = true;
	pthread_mutex_unlock(&r->l->s->lock);
}

static void set_text(char **p, const char *s)
{
	mem_free(*p);
	*p = mem_strdup(s);
}

static int stuck(struct err *err)
{
	return err_set(err, ERR_INVALID, "the server's listing makes no progress");
}

/* Where the next page of a range begins. */
static int range_advance(struct range *r, struct err *err)
{
	struct s3_page *p = &r->page;
	const char *token = buf_str(&p->token), *marker;

	r->empty = p->keys ? 0 : r->empty + 1;
	if (r->empty > EMPTY_PAGES)
		return stuck(err);
	if (!r->v1 && token && *token) {
		if (r->token && !strcmp(r->token, token))
			return stuck(err);
		set_text(&r->token, token);
		return 0;
	}
	/* A server that took no notice of "list-type=2" answers in the older way. */
	if (!r->v1)
		set_v1(r);
	/* Ceph encodes keys but not NextMarker, so a key is the better guide. */
	marker = buf_str(p->keys ? &p->last : &p->next_marker);
	if (!marker || !*marker || (r->after && strcmp(marker, r->after) <= 0))
		return stuck(err);
	set_text(&r->after, marker);
	return 0;
}

/* The first page showed packs up to `last`: go on behind it with one range for each first digit.
 * False: this range goes on alone. */
static bool range_split(struct range *r)
{
	static const char digits[] = "0123456789abcdef";
	struct lister *l = r->l;
	size_t n = strlen(l->base);
	const char *last = buf_str(&r->page.last), *digit;

	if (!r->whole || r->any || l->type != BACKEND_PACK || !r->page.sorted || !last ||
		strncmp(last, l->base, n) != 0 || !last[n])
		return false;
	digit = strchr(digits, last[n]);
	if (!digit)
		return false;
	for (const char *d = digit; *d; d++) {
		char *prefix = mem_printf("%s%c", l->base, *d);

		range_new(l, prefix, d == digit ? last : NULL, false, r->v1);
		mem_free(prefix);
	}
	/* Keys behind all digits are none of ours. */
	return true;
}

static void wait_before(const struct range *r)
{
	const struct env *env = r->l->s->env;
	struct ts now = clock_now(env->clock);
	int64_t asked = http_retry_after_ns(&r->call.r, &now), wait = WAIT_FIRST << (r->tries - 1);
	uint32_t dice;

	rnd_fill(env->rnd, &dice, sizeof(dice));
	wait += wait * (int64_t)(dice % 1000) / 1000;
	if (asked > wait)
		wait = asked;
	clock_sleep(env->clock, wait < WAIT_MAX ? wait : WAIT_MAX);
}

/* A server that knows no version 2 refuses it in one way or another; rights and what is not there
 * are no matter of versions. */
static bool refuses_v2(const struct range *r, int code)
{
	int s = r->call.r.status;

	return !r->v1 && !r->any && s >= 400 && s != 401 && s != 403 && s != 404 &&
	       (code == ERR_UNSUPPORTED || code == ERR_INVALID || code == ERR_ODD);
}

/* True if the range was started again in spite of `code`. */
static bool range_again(struct range *r, int code)
{
	if (!err_permanent(code)) {
		if (++r->tries >= PAGE_TRIES)
			return false;
		wait_before(r);
	} else if (refuses_v2(r, code)) {
		set_v1(r);
	} else {
		return false;
	}
	range_start(r);
	return true;
}

/* Takes r's page.  r is then on its way again or freed. */
static int range_page(struct range *r, struct err *err)
{
	int code = s3_call_judge(&r->call, err);

	if (code) {
		if (range_again(r, code)) {
			err_clear(err);
			return 0;
		}
		/* What was never made holds nothing; but it does not vanish between two pages. */
		if (r->whole && !r->any && r->call.r.status == 404 &&
			!strcmp(r->call.e.code, "NoSuchBucket")) {
			err_clear(err);
			code = 0;
		} else {
			err_prefix(err, "list %s", r->prefix);
		}
		range_free(r);
		return code;
	}
	r->tries = 0;
	r->err = err;
	code = s3_xml_list(&r->page, r->call.r.out.p, r->call.r.out.len, on_key, r, err);
	if (code || !r->page.truncated || range_split(r)) {
		range_free(r);
		return code;
	}
	r->any = true;
	code = range_advance(r, err);
	if (code)
		range_free(r);
	else
		range_start(r);
	return code;
}

static struct range *next_ready(struct lister *l)
{
	struct range *r;

	pthread_mutex_lock(&l->m);
	while (!l->ready)
		pthread_cond_wait(&l->c, &l->m);
	r = l->ready;
	l->ready = r->next;
	pthread_mutex_unlock(&l->m);
	return r;
}

int s3_list(struct backend *b, enum backend_type t, const struct backend_names *to, struct err *err)
{
	struct s3 *s = (struct s3 *)(void *)b;
	struct lister l = {.s = s, .type = t, .to = to};
	struct err e = {0};
	int code = 0;
	bool v1;

	if (t == BACKEND_CONFIG)
		return 0;
	pthread_mutex_init(&l.m, NULL);
	pthread_cond_init(&l.c, NULL);
	pthread_mutex_lock(&s->lock);
	v1 = s->list_v1;
	pthread_mutex_unlock(&s->lock);
	l.base = mem_printf("%s%s/", s->place.prefix, layout_dir(t));
	range_new(&l, l.base, NULL, true, v1);
	while (l.under_way) {
		struct range *r = next_ready(&l);

		if (code)
			range_free(r);
		else
			code = range_page(r, &e);
	}
	mem_free(l.base);
	pthread_cond_destroy(&l.c);
	pthread_mutex_destroy(&l.m);
	/* What `to` said is its business. */
	return e.code && e.code == code ? err_copy(err, &e) : code;
}
