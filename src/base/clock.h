/*
 * clock: time and randomness as parameters, so that tests can fix them.  The real ones are
 * clock_real() and rnd_real().
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stddef.h>
#include <stdint.h>

struct ts {
	int64_t sec;  /* since 1970, may be negative */
	int32_t nsec; /* 0 … 999999999 */
};

struct clock {
	struct ts (*now)(void *arg);   /* wall clock */
	int64_t (*mono_ns)(void *arg); /* monotonic nanoseconds */
	void (*sleep_ns)(void *arg, int64_t ns);
	void *arg;
};
const struct clock *clock_real(void);
static inline struct ts clock_now(const struct clock *c)
{
	return c->now(c->arg);
}
static inline int64_t clock_mono(const struct clock *c)
{
	return c->mono_ns(c->arg);
}
static inline void clock_sleep(const struct clock *c, int64_t ns)
{
	c->sleep_ns(c->arg, ns);
}
int ts_cmp(const struct ts *a, const struct ts *b);

/* rnd: cryptographic random bytes.  rnd_real() never fails (getrandom(2)); thread safe. */
struct rnd {
	void (*fill)(void *arg, void *p, size_t n);
	void *arg;
};
const struct rnd *rnd_real(void);
static inline void rnd_fill(const struct rnd *r, void *p, size_t n)
{
	r->fill(r->arg, p, n);
}

/*
 * zone: the local time zone by Go's rules for $TZ (docs/format.md 10.5): unset = /etc/localtime, ""
 * or "UTC" = UTC, a zoneinfo name with or without ':', an absolute path; anything else (POSIX rule
 * strings too) = UTC.  Immutable after zone_new, so thread safe; NULL means UTC.
 */
struct zone;
struct zone *zone_new(const char *tz); /* tz: the value of $TZ, NULL if unset.  Never fails: what
					  cannot be read is UTC */
void zone_free(struct zone *z);
int32_t zone_offset(const struct zone *z, int64_t sec); /* seconds east of UTC at that instant */
/* zone_put, zone_get: to and from a message, for another process may have another zone.  An owned
 * zone, NULL for UTC; in->bad when it is damaged. */
struct buf;
struct wire_in;
void zone_put(const struct zone *z, struct buf *b);
struct zone *zone_get(struct wire_in *in);

#endif
