/*
 * light_repo PLACE [FROM]: a repository, with the chunker polynomial of another one in a directory
 * (same password, from RESTIC_PASSWORD), whose key costs a tenth of what init would choose, of
 * version $LIGHT_VERSION: the end-to-end tests open repositories hundreds of times, and most of
 * that would be scrypt.
 */
#include "backend/local.h"
#include "backend/open.h"
#include "base/mem.h"
#include "kern/crypto.h"
#include "repo/repo.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *variable(const char *name)
{
	return getenv(name);
}

int main(int argc, char **argv)
{
	const char *password = getenv("RESTIC_PASSWORD");
	struct env env = {.clock = clock_real(), .rnd = rnd_real()};
	struct kdf_params cost = {.n = 16384, .r = 8, .p = 1};
	const char *version = getenv("LIGHT_VERSION");
	struct repo_spec what = {.version = version ? (unsigned)atoi(version) : 2,
		.who = {"test", "test"},
		.cost = &cost};
	bool made;
	struct repo *repo = NULL;
	struct backend *be;
	struct err err = {0};
	int rc = 0;

	if (argc < 2 || argc > 3 || !password) {
		fprintf(stderr, "usage: RESTIC_PASSWORD=… light_repo PLACE [FROM]\n");
		return 2;
	}
	if (argc == 3) {
		be = backend_local_new(argv[2], 1);
		rc = repo_open(be, &env, password, strlen(password), NULL, &repo, &err);
		if (!rc)
			what.polynomial = repo->config.polynomial;
		repo_close(repo);
		backend_free(be);
		repo = NULL;
	}
	if (!rc) {
		struct backend_options opt = {.getenv = variable};

		rc = backend_open(argv[1], &opt, &env, &be, &err);
		if (!rc)
			rc = repo_create(be, &env, &what, password, strlen(password), &repo, &made,
				&err);
		repo_close(repo);
		backend_free(be);
	}
	if (rc)
		fprintf(stderr, "light_repo: %s\n", err.msg);
	return rc ? 1 : 0;
}
