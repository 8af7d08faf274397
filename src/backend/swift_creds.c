#include "backend/swift_creds.h"
#include "base/mem.h"
#include <string.h>

/* The first variable with a value wins (docs/format.md 16.3). */
static const struct {
	size_t field;
	const char *names[3];
} variables[] = {
	{offsetof(struct swift_creds, user), {"OS_USERNAME", "ST_USER"}},
	{offsetof(struct swift_creds, user_id), {"OS_USER_ID"}},
	{offsetof(struct swift_creds, key), {"OS_PASSWORD", "ST_KEY"}},
	{offsetof(struct swift_creds, user_domain), {"OS_USER_DOMAIN_NAME"}},
	{offsetof(struct swift_creds, user_domain_id), {"OS_USER_DOMAIN_ID"}},
	{offsetof(struct swift_creds, project), {"OS_PROJECT_NAME", "OS_TENANT_NAME"}},
	{offsetof(struct swift_creds, project_id), {"OS_TENANT_ID", "OS_PROJECT_ID"}},
	{offsetof(struct swift_creds, project_domain), {"OS_PROJECT_DOMAIN_NAME"}},
	{offsetof(struct swift_creds, project_domain_id), {"OS_PROJECT_DOMAIN_ID"}},
	{offsetof(struct swift_creds, trust_id), {"OS_TRUST_ID"}},
	{offsetof(struct swift_creds, app_id), {"OS_APPLICATION_CREDENTIAL_ID"}},
	{offsetof(struct swift_creds, app_name), {"OS_APPLICATION_CREDENTIAL_NAME"}},
	{offsetof(struct swift_creds, app_secret), {"OS_APPLICATION_CREDENTIAL_SECRET"}},
	{offsetof(struct swift_creds, auth_url), {"OS_AUTH_URL", "ST_AUTH"}},
	{offsetof(struct swift_creds, region), {"OS_REGION_NAME"}},
	{offsetof(struct swift_creds, storage_url), {"OS_STORAGE_URL"}},
	{offsetof(struct swift_creds, token), {"OS_AUTH_TOKEN"}},
};
#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

static char **field(struct swift_creds *c, size_t i)
{
	return (char **)(void *)((char *)c + variables[i].field);
}

void swift_creds_release(struct swift_creds *c)
{
	for (size_t i = 0; i < VARIABLES; i++)
		mem_free_secret(*field(c, i));
	*c = (struct swift_creds){0};
}

int swift_creds_version(const struct swift_creds *c)
{
	static const char *const marks[] = {"v3", "v2", "v1"};

	for (int i = 0; c->auth_url && i < 3; i++) {
		if (strstr(c->auth_url, marks[i]))
			return 3 - i;
	}
	return 0;
}

bool swift_creds_has_app(const struct swift_creds *c)
{
	return (c->app_id || c->app_name) && c->app_secret;
}

bool swift_creds_can_login(const struct swift_creds *c)
{
	switch (swift_creds_version(c)) {
	case 3:
		return swift_creds_has_app(c) || c->key;
	case 2:
	case 1:
		return c->user && c->key;
	default:
		return false;
	}
}

int swift_creds_read(struct swift_creds *c, const char *(*get)(const char *name), struct err *err)
{
	*c = (struct swift_creds){0};
	for (size_t i = 0; i < VARIABLES; i++) {
		for (size_t k = 0; k < 3 && variables[i].names[k] && !*field(c, i); k++) {
			const char *v = get(variables[i].names[k]);

			if (v && *v)
				*field(c, i) = mem_strdup(v);
		}
	}
	if ((c->token && c->storage_url) || swift_creds_can_login(c))
		return 0;
	if (c->auth_url && !swift_creds_version(c))
		return err_set(err, ERR_USAGE,
			"OS_AUTH_URL names no version: it must contain v3, v2 or v1");
	if (c->auth_url)
		return err_set(err, ERR_USAGE,
			"OS_AUTH_URL is set, but OS_USERNAME or OS_PASSWORD is missing (and there "
			"is no OS_AUTH_TOKEN with "
			"OS_STORAGE_URL)");
	return err_set(err, ERR_USAGE,
		"no Swift connection: neither OS_AUTH_TOKEN and OS_STORAGE_URL nor OS_AUTH_URL "
		"with a user and a password are in the "
		"environment");
}
