/*
 * repo_making: a repository that is being made: what repo_create.c and repo_settle.c share.
 */
#ifndef REPO_REPO_MAKING_H
#define REPO_REPO_MAKING_H
#include "repo/repo_priv.h"

#define MAKING_KEYS 20 /* of other runs, that are looked into */
#define MAKING_NONE SIZE_MAX

/* A key at this place. */
struct making_key {
	struct repo_key key;
	bool listed; /* at the last look */
	bool early;  /* before we wrote anything */
	bool absent; /* listed, and then not found */
	bool tried;  /* with the password */
	bool fits;
};

struct making {
	struct backend *be;
	const struct env *env;
	const struct repo_spec *what;
	const void *pass;
	size_t pass_n;
	struct buf json; /* our config */
	struct id id;    /* … and what is in it */
	struct making_key known[MAKING_KEYS];
	size_t n;
	size_t mine;    /* the key that this run wrote, or MAKING_NONE */
	bool stored;    /* the store has acknowledged it */
	bool gone;      /* it has been removed, or cannot be */
	size_t use;     /* whose master key seals our config */
	struct err put; /* why our config is not stored */
	unsigned pauses;
	bool replaced; /* our config has come over another repository's */
};

bool making_stopped(const struct making *m);

/* making_list_keys: which keys are there.  making_try_keys: the password on what is listed and was
 * not tried.  A key that cannot be read fits nothing; one that is not found is tried again as long
 * as it is listed. */
int making_list_keys(struct making *m, struct err *err);
int making_try_keys(struct making *m, struct err *err);
/* making_none_fits: no key fits: an error if one that could not be got may be the one that does. */
int making_none_fits(struct making *m, struct err *err);
/* making_rival: a key that this run did not write, and that is there: the first that fits (fits),
 * or that may; or MAKING_NONE. */
size_t making_rival(const struct making *m, bool fits);
/* making_put_config: our config, sealed with the master key of that one. */
int making_put_config(struct making *m, size_t key, bool fresh, struct err *err);

/* making_settle: our key lies at the place, or may, and our config, or not: looks until nothing is
 * left to do.  0: *out is open. */
int making_settle(struct making *m, struct repo **out, struct err *err);

#endif
