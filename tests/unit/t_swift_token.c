#include "unit/swift_fake.h"

/* A source that answers when it is told to. */
struct hand {
	struct swift_token_source s;
	unsigned asked, made;
	const struct swift_token *stale;
	swift_token_fn *done;
	void *arg;
	int64_t life; /* seconds; 0: unknown */
	bool freed;
};

static void hand_get(struct swift_token_source *s, const struct swift_token *stale,
	swift_token_fn *done, void *arg)
{
	struct hand *h = (struct hand *)(void *)s;

	CHECK(!h->done);
	h->asked++;
	h->stale = stale;
	h->done = done;
	h->arg = arg;
}

static void hand_free(struct swift_token_source *s)
{
	((struct hand *)(void *)s)->freed = true;
}

static void hand_gives(struct hand *h)
{
	struct ts end = {.sec = fake_time.sec + h->life};
	swift_token_fn *done = h->done;
	struct swift_token *t = NULL;
	char value[16];

	REQUIRE(done);
	h->done = NULL;
	snprintf(value, sizeof(value), "t%u", ++h->made);
	CHECK_EQ(swift_token_new(value, "http://s/", &fake_time, h->life ? &end : NULL, &t, NULL),
		0);
	done(h->arg, t, NULL);
}

static void hand_fails(struct hand *h, int code)
{
	swift_token_fn *done = h->done;
	struct err e = {0};

	REQUIRE(done);
	h->done = NULL;
	err_set(&e, code, "no token today");
	done(h->arg, NULL, &e);
}

struct asker {
	struct swift_wait w;
	struct swift_token *t;
	struct err e;
	unsigned answers;
};

static void asker_done(struct swift_wait *w, struct swift_token *t, const struct err *e)
{
	struct asker *a = (struct asker *)(void *)w;

	swift_token_drop(a->t);
	a->t = t;
	a->e = e ? *e : (struct err){0};
	a->answers++;
}

static struct asker ask[6];

static void get(struct swift_keeper *k, unsigned i)
{
	ask[i].w.done = asker_done;
	ask[i].answers = 0;
	swift_keeper_get(k, &ask[i].w);
}

static void refuse(struct swift_keeper *k, unsigned i)
{
	struct swift_token *t = swift_token_ref(ask[i].t);

	ask[i].answers = 0;
	swift_keeper_refused(k, t, &ask[i].w);
	swift_token_drop(t);
}

/* Asker i holds this token now (NULL: still waits). */
static void has(unsigned i, const char *value)
{
	CHECK_EQ(ask[i].answers, value ? 1 : 0);
	if (value && CHECK(ask[i].t))
		CHECK_STR(ask[i].t->value, value);
}

static void drop(struct swift_keeper *k, struct hand *h)
{
	swift_keeper_free(k);
	CHECK(h->freed);
	for (unsigned i = 0; i < 6; i++) {
		swift_token_drop(ask[i].t);
		ask[i].t = NULL;
	}
}

static struct swift_keeper *keeper(struct hand *h)
{
	h->s.get = hand_get;
	h->s.free = hand_free;
	fake_logged[0] = 0;
	return swift_keeper_new(&h->s, &fake_env);
}

TEST(one_question_for_all)
{
	struct hand h = {0};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	get(k, 1);
	get(k, 2);
	CHECK_EQ(h.asked, 1);
	CHECK(!h.stale);
	has(0, NULL);
	hand_gives(&h);
	has(0, "t1");
	has(1, "t1");
	has(2, "t1");
	get(k, 3);
	has(3, "t1");
	CHECK_EQ(h.asked, 1);
	drop(k, &h);
}

TEST(renewed_before_its_end)
{
	struct hand h = {.life = 8 * 3600};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	fake_time.sec += 8 * 3600 - 61;
	get(k, 0);
	CHECK_EQ(h.asked, 1);
	/* Nobody waits while the old one lives. */
	fake_time.sec += 1;
	get(k, 0);
	get(k, 1);
	has(0, "t1");
	has(1, "t1");
	CHECK_EQ(h.asked, 2);
	hand_gives(&h);
	get(k, 0);
	has(0, "t2");
	CHECK_EQ(h.asked, 2);
	drop(k, &h);
}

TEST(dead_token_is_not_used)
{
	struct hand h = {.life = 8 * 3600};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	fake_time.sec += 8 * 3600 - 5;
	get(k, 0);
	get(k, 1);
	has(0, NULL);
	CHECK_EQ(h.asked, 2);
	hand_gives(&h);
	has(0, "t2");
	has(1, "t2");
	drop(k, &h);
}

TEST(token_of_20_seconds)
{
	struct hand h = {.life = 20};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	fake_time.sec += 14;
	get(k, 0);
	CHECK_EQ(h.asked, 1);
	fake_time.sec += 1;
	get(k, 0);
	has(0, "t1");
	CHECK_EQ(h.asked, 2);
	fake_time.sec += 3;
	get(k, 0);
	has(0, NULL);
	hand_gives(&h);
	has(0, "t2");
	drop(k, &h);
}

/* A lifetime of nothing must not make anybody wait for ever. */
TEST(dead_at_birth)
{
	struct hand h = {.life = -100};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	has(0, "t1");
	get(k, 0);
	has(0, NULL);
	hand_gives(&h);
	has(0, "t2");
	drop(k, &h);
}

TEST(renewal_ahead_that_fails)
{
	struct hand h = {.life = 8 * 3600};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	fake_time.sec += 8 * 3600 - 50;
	get(k, 0);
	has(0, "t1");
	hand_fails(&h, ERR_IO);
	CHECK(strstr(fake_logged, "cannot renew the token: no token today"));
	fake_time.sec += 4;
	get(k, 0);
	has(0, "t1");
	CHECK_EQ(h.asked, 2);
	fake_time.sec += 1;
	get(k, 0);
	has(0, "t1");
	CHECK_EQ(h.asked, 3);
	hand_fails(&h, ERR_IO);
	drop(k, &h);
}

/* A login that worked proves the user: what refuses him afterwards passes.  But it is not asked too
 * often. */
TEST(never_say_never)
{
	static const int codes[] = {ERR_DENIED, ERR_USAGE, ERR_INVALID, ERR_ODD};
	struct hand h = {.life = 8 * 3600};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	atomic_store(&ask[0].t->good, true);
	for (unsigned i = 0; i < 4; i++) {
		refuse(k, 0);
		hand_fails(&h, codes[i]);
		CHECK_EQ(ask[0].e.code, ERR_IO);
		CHECK_STR(ask[0].e.msg, "no token today");
		CHECK_EQ(h.asked, 2 + i);
		get(k, 0);
		/* 5, 10, 20, 40 s */
		fake_time.sec += (5 << i) - 1;
		refuse(k, 0);
		CHECK_EQ(ask[0].e.code, ERR_IO);
		CHECK_EQ(h.asked, 2 + i);
		get(k, 0);
		fake_time.sec += 1;
	}
	refuse(k, 0);
	CHECK_EQ(h.asked, 6);
	hand_gives(&h);
	has(0, "t2");
	drop(k, &h);
}

/* A token that was handed to us proves nobody. */
TEST(a_first_login_that_is_refused_after_an_inherited_token)
{
	struct hand h = {.life = 3600};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	ask[0].t->inherited = true;
	atomic_store(&ask[0].t->good, true);
	refuse(k, 0);
	hand_fails(&h, ERR_DENIED);
	CHECK_EQ(ask[0].e.code, ERR_DENIED);
	get(k, 0);
	has(0, "t1");
	refuse(k, 0);
	CHECK_EQ(h.asked, 2);
	CHECK_EQ(ask[0].e.code, ERR_DENIED);
	drop(k, &h);
}

/* The store hears of it later; if it does not, another one may do. */
TEST(a_new_token_that_the_store_does_not_know_yet)
{
	struct hand h = {.life = 3600};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	atomic_store(&ask[0].t->good, true);
	refuse(k, 0);
	hand_gives(&h);
	has(0, "t2");
	refuse(k, 0);
	CHECK_EQ(ask[0].e.code, ERR_IO);
	get(k, 0);
	has(0, "t2");
	fake_time.sec += 29;
	refuse(k, 0);
	CHECK_EQ(ask[0].e.code, ERR_IO);
	CHECK_EQ(h.asked, 2);
	get(k, 0);
	fake_time.sec += 1;
	refuse(k, 0);
	CHECK_EQ(h.asked, 3);
	hand_gives(&h);
	has(0, "t3");
	drop(k, &h);
}

/* The end of a run is no failure to warn about. */
TEST(renewal_that_is_cancelled)
{
	struct hand h = {.life = 8 * 3600};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	fake_time.sec += 8 * 3600 - 50;
	get(k, 0);
	hand_fails(&h, ERR_CANCELLED);
	CHECK(!strstr(fake_logged, "cannot renew"));
	drop(k, &h);
}

TEST(first_login_that_fails)
{
	struct hand h = {0};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	get(k, 1);
	hand_fails(&h, ERR_IO);
	CHECK_EQ(ask[0].e.code, ERR_IO);
	CHECK_EQ(ask[1].e.code, ERR_IO);
	get(k, 0);
	CHECK_EQ(h.asked, 2);
	/* Refused once is enough: more tries with a wrong password lock accounts. */
	hand_fails(&h, ERR_DENIED);
	get(k, 0);
	get(k, 1);
	CHECK_EQ(h.asked, 2);
	CHECK_EQ(ask[1].e.code, ERR_DENIED);
	CHECK(!ask[1].t);
	drop(k, &h);
}

TEST(refused_token)
{
	struct hand h = {0};
	struct swift_keeper *k = keeper(&h);

	for (unsigned i = 0; i < 4; i++)
		get(k, i);
	hand_gives(&h);
	atomic_store(&ask[0].t->good, true);
	refuse(k, 0);
	refuse(k, 1);
	CHECK_EQ(h.asked, 2);
	CHECK(h.stale == ask[3].t);
	has(0, NULL);
	hand_gives(&h);
	has(0, "t2");
	has(1, "t2");
	/* A late complaint about the first token costs no other login. */
	refuse(k, 2);
	has(2, "t2");
	CHECK_EQ(h.asked, 2);
	drop(k, &h);
}

/* The first token is refused at once: the store does not want this user. */
TEST(refused_user)
{
	struct hand h = {0};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	refuse(k, 0);
	CHECK_EQ(ask[0].e.code, ERR_DENIED);
	CHECK_EQ(h.asked, 1);
	drop(k, &h);
}

/* One that dies is refused like one that is no good, also if nobody had used it before. */
TEST(refused_when_it_dies)
{
	struct hand h = {.life = 100};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	fake_time.sec += 80;
	refuse(k, 0);
	CHECK_EQ(h.asked, 2);
	hand_gives(&h);
	has(0, "t2");
	refuse(k, 0);
	CHECK_EQ(ask[0].e.code, ERR_DENIED);
	drop(k, &h);
}

TEST(refused_inherited_token)
{
	struct hand h = {0};
	struct swift_keeper *k = keeper(&h);

	get(k, 0);
	hand_gives(&h);
	ask[0].t->inherited = true;
	refuse(k, 0);
	CHECK_EQ(h.asked, 2);
	hand_gives(&h);
	has(0, "t2");
	drop(k, &h);
}

TEST(bad_tokens)
{
	struct swift_token *t;

	CHECK_EQ(swift_token_new("", "http://s", &fake_time, NULL, &t, NULL), ERR_INVALID);
	CHECK_EQ(swift_token_new("a\r\nX: y", "http://s", &fake_time, NULL, &t, NULL), ERR_INVALID);
	CHECK_EQ(swift_token_new("a", "ftp://s", &fake_time, NULL, &t, NULL), ERR_INVALID);
	CHECK_EQ(swift_token_new("a", "http://s?x", &fake_time, NULL, &t, NULL), ERR_INVALID);
	CHECK_EQ(swift_token_new("a", "http://s x", &fake_time, NULL, &t, NULL), ERR_INVALID);
	CHECK(!t);
	CHECK_EQ(swift_token_new("a", "http://s/x//", &fake_time, NULL, &t, NULL), 0);
	CHECK_STR(t->storage_url, "http://s/x");
	swift_token_drop(t);
}

/* Nobody asks for what there cannot be; the store says when it is over, and then the sentence is
 * the source's. */
TEST(the_last_token)
{
	struct hand h = {.life = 20};
	struct swift_keeper *k = keeper(&h);
	struct ts got, end;

	CHECK(!swift_keeper_end(k, &got, &end));
	get(k, 0);
	hand_gives(&h);
	CHECK(!swift_keeper_end(k, &got, &end));
	ask[0].t->last = ask[0].t->inherited = true;
	CHECK(swift_keeper_end(k, &got, &end));
	CHECK_EQ(got.sec, fake_time.sec);
	CHECK_EQ(end.sec, fake_time.sec + 20);
	fake_time.sec += 100;
	get(k, 0);
	has(0, "t1");
	CHECK_EQ(h.asked, 1);
	refuse(k, 0);
	CHECK_EQ(h.asked, 2);
	hand_fails(&h, ERR_DENIED);
	CHECK_EQ(ask[0].e.code, ERR_DENIED);
	drop(k, &h);
}

/* For who gives tokens on: he cannot tell whether a token was any good; and a login server that
 * fails is left alone for a while. */
TEST(another_one_for_somebody_else)
{
	struct hand h = {.life = 3600};
	struct swift_keeper *k = keeper(&h);
	struct swift_token *t;

	get(k, 0);
	hand_gives(&h);
	t = swift_token_ref(ask[0].t);
	ask[1].w.done = asker_done;
	ask[1].answers = 0;
	swift_keeper_other(k, t, &ask[1].w);
	has(1, NULL);
	hand_fails(&h, ERR_IO);
	CHECK_EQ(ask[1].e.code, ERR_IO);
	ask[1].answers = 0;
	swift_keeper_other(k, t, &ask[1].w);
	CHECK_EQ(ask[1].answers, 1);
	CHECK_EQ(ask[1].e.code, ERR_IO);
	CHECK_EQ(h.asked, 2);
	fake_time.sec += 6;
	ask[1].answers = 0;
	swift_keeper_other(k, t, &ask[1].w);
	hand_gives(&h);
	has(1, "t2");
	ask[2].w.done = asker_done;
	ask[2].answers = 0;
	swift_keeper_other(k, t, &ask[2].w);
	has(2, "t2");
	CHECK_EQ(h.asked, 3);
	swift_token_drop(t);
	drop(k, &h);
}
