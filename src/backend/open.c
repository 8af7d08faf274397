#include "backend/open.h"
#include "backend/decorators.h"
#include "backend/local.h"
#include "backend/location.h"

/* One row for each scheme; `open` builds the bare store from the part behind the scheme.  A row
 * without it is a store we know of but do not speak. */
struct scheme {
	enum location_scheme scheme;
	const char *name;
	backend_open_fn *open;
};

static struct backend *open_local(const struct location *l, const struct backend_options *opt,
	const struct env *env, struct err *err)
{
	(void)env;
	(void)err;
	return backend_local_new(l->rest, opt->connections);
}

static const struct scheme schemes[] = {
	{LOCATION_LOCAL, "local", open_local},
	{LOCATION_S3, "s3", backend_s3_open},
	{LOCATION_SWIFT, "swift", backend_swift_open},
	{LOCATION_REST, "rest", backend_rest_open},
};

int backend_open(const char *location, const struct backend_options *opt, const struct env *env,
	struct backend **out, struct err *err)
{
	static const struct backend_options defaults = {0};
	const struct scheme *s = NULL;
	struct location l = {0};
	struct backend *bare;
	struct err why = {0};
	int code = location_parse(&l, location, err);

	*out = NULL;
	if (code)
		goto out;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (schemes[i].scheme == l.scheme)
			s = &schemes[i];
	}
	if (!s || !s->open) {
		code = err_set(err, ERR_UNSUPPORTED,
			"this version cannot use %s repositories, only local directories",
			s ? s->name : "such");
		goto out;
	}
	bare = s->open(&l, opt ? opt : &defaults, env, &why);
	if (!bare) {
		code = err_copy(err, &why);
		goto out;
	}
	/* Whoever waits for a connection waits here: its token is taken and its request signed when
	 * its turn comes.  A try that failed gives its place away. */
	if (l.scheme != LOCATION_LOCAL)
		bare = backend_limit_new(backend_look_new(bare), bare->connections);
	*out = backend_retry_new(bare, &backend_retry_default, env);
out:
	location_release(&l);
	return code;
}
