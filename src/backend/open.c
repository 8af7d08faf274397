#include "backend/open.h"

const char *open_getenv(const struct backend_options *opt, const char *name)
{
	const char *v = opt->getenv ? opt->getenv(name) : NULL;

	return v && *v ? v : NULL;
}

int open_http(const struct backend_options *opt, const struct env *env, struct http **h,
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

void open_judge_put(struct backend_op *op)
{
	if (op->verb == BACKEND_PUT && op->err.code == ERR_NOTFOUND)
		op->err.code = ERR_ODD;
}

int open_judge_removed(const struct http_req *r, int also, struct err *err)
{
	bool markup = http_is_markup(r);

	if ((r->status == 200 || r->status == also) && !markup)
		return 0;
	return err_set(err, ERR_ODD,
		"the server answers %d%s to a deletion: that is no such store's answer", r->status,
		markup ? " and a page" : "");
}
