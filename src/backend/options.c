#include "backend/options.h"

const char *options_getenv(const struct backend_options *opt, const char *name)
{
	const char *v = opt->getenv ? opt->getenv(name) : NULL;

	return v && *v ? v : NULL;
}

int options_http(const struct backend_options *opt, const struct env *env, struct http **h,
	struct err *err)
{
	struct http_options o = {
		.cacert = opt->cacert,
		.tls_client_cert = opt->tls_client_cert,
		.insecure_tls = opt->insecure_tls,
		.user_agent = opt->user_agent,
		.connections = opt->connections,
		.getenv = opt->getenv,
	};

	return http_new(&o, env, h, err);
}
