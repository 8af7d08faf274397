/*
 * options: what the user and the environment say about a store, and what each store makes of it:
 * one function for each scheme of the network.
 */
#ifndef BACKEND_OPTIONS_H
#define BACKEND_OPTIONS_H
#include "backend/backend.h"
#include "backend/http.h"
#include "backend/location.h"

struct swift_token_source;
struct swift_keeper;
struct backend_options {
	unsigned connections; /* 0: the backend's default */
	/* For stores that are reached over HTTP, see http.h.  Borrowed until the store is open. */
	const char *cacert, *tls_client_cert, *user_agent;
	bool insecure_tls;
	const char *project;   /* whose S3 keys, see s3_cred.h; NULL: $OS_PROJECT_NAME */
	const char *s3_region; /* NULL: $AWS_DEFAULT_REGION, else what the host name or the server
				  says */
	const char *s3_lookup; /* "dns": the bucket is part of the host name; "path"; NULL, "auto":
				  as the provider wants it */
	bool s3_list_v1;       /* the server knows no ListObjectsV2, and does not say so */
	/* credentials, proxies; NULL: there is no environment.  Kept until backend_free */
	const char *(*getenv)(const char *name);
	/* Swift, see swift_token.h: a source of tokens, called for one instead of looking into the
	 * environment; where to leave who keeps them until backend_free. */
	struct swift_token_source *(*tokens)(void *arg);
	void *tokens_arg;
	struct swift_keeper **keeper; /* NULL: nowhere.  Untouched by stores without tokens */
	bool any_names; /* for tests: a file's name need not be the SHA-256 of its bytes, which S3
			   uploads are checked by */
};

/* Each takes the location behind its scheme and returns the bare store (no decorators) without
 * touching it, or NULL with `err` filled (never NULL here). */
typedef struct backend *backend_open_fn(const struct location *l, const struct backend_options *opt,
	const struct env *env, struct err *err);
backend_open_fn backend_s3_open, backend_swift_open, backend_rest_open;

/* options_getenv(opt, name): the variable through the caller's eyes; NULL when unset, empty or when
 * the caller gave no environment. */
const char *options_getenv(const struct backend_options *opt, const char *name);

/* options_http(opt, env, &h, err): the transfers that these options ask for. */
int options_http(const struct backend_options *opt, const struct env *env, struct http **h,
	struct err *err);

#endif
