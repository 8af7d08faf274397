/*
 * err: what went wrong, for the program (a code) and for the user (a sentence).
 *
 * A function that can fail returns 0 or a negative `enum err_code` and fills the caller's `struct
 * err`.  On the way up each layer may put what it was doing in front, so that the user reads "add
 * /scratch/x: upload pack ab12cd34: 503 after 8 tries".  Nothing here prints.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
	ERR_IO = -1,           /* the system or the store failed; trying again may help */
	ERR_NOMEM = -2,        /* a bounded buffer or queue would exceed its maximum */
	ERR_NOTFOUND = -3,     /* no such file, object or entry */
	ERR_EXISTS = -4,       /* it is there already */
	ERR_DENIED = -5,       /* permission refused; permanent */
	ERR_INVALID = -6,      /* bytes that were read break their format, hash or MAC */
	ERR_USAGE = -7,        /* the user asked for something impossible */
	ERR_CANCELLED = -8,    /* another part of the run failed or a signal came */
	ERR_LOCKED = -9,       /* the repository is locked: exit code 11 */
	ERR_PASSWORD = -10,    /* no key fits the password: exit code 12 */
	ERR_NOREPO = -11,      /* there is no repository: exit code 10 */
	ERR_NOSPACE = -12,     /* disk or quota is full; permanent */
	ERR_TOOSHORT = -13,    /* an object is shorter than the range asked for; permanent */
	ERR_UNSUPPORTED = -14, /* a format version or feature this program does not know */
	ERR_ODD = -15 /* an answer that is none of the store's: a proxy's, a balancer's, a login
			 page; permanent at a wrong address only */
};

#define ERR_MSG_MAX 1024 /* bytes with the final 0; a longer sentence loses its end */

struct err {
	int code; /* 0 or an enum err_code */
	char msg[ERR_MSG_MAX];
};

void err_clear(struct err *e);

/* err_set(e, code, fmt, ...): make `e` (may be NULL) say this; returns `code`. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* err_sys(e, errnum, fmt, ...): as err_set with the code that fits `errnum` and ": strerror" behind
 * the sentence.  Returns the code. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* err_prefix(e, fmt, ...): put "…: " in front of the sentence.  Returns e->code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* err_copy(to, from): `to` may be NULL.  Returns from->code. */
int err_copy(struct err *to, const struct err *from);

/* err_of_errno(errnum): the code for an errno value (ENOENT -> ERR_NOTFOUND, EACCES -> ERR_DENIED,
 * ENOSPC/EDQUOT -> ERR_NOSPACE, …). */
int err_of_errno(int errnum);

/* err_permanent(code): true when trying the same again cannot help (all codes but ERR_IO).  ERR_ODD
 * is, until somebody knows better: see backend_retry_new. */
int err_permanent(int code);

#endif
