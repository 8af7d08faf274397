/*
 * allas: where the backups of a CSC project lie, found as CSC's own command finds them, so that its
 * users change nothing: the store, the bucket, the password file (~/.backup_passwd_LABEL).  A
 * restic location is none of its business.
 *
 * Looks at options, environment and the files that allas_conf leaves (and rclone and AWS have);
 * asks no server, prints nothing.
 */
#ifndef CMD_ALLAS_H
#define CMD_ALLAS_H
#include "cmd/cmd.h"

struct allas {
	bool used;     /* false: the user gave a location, and the rest means nothing */
	bool usual;    /* the project's usual bucket: made without a question when it is needed */
	char *label;   /* the project's name without "project_", or what -r gave instead */
	char *project; /* whose keys are to be used; NULL: $OS_PROJECT_NAME's */
	char *place;   /* a restic location */
	char *other;   /* where the repository lies if it was made through the other protocol: Ceph
			  shows both the same buckets */
	char *password_file; /* NULL when there is no home directory */
};

/*
 * allas_find(a, o, env, env_project, err): a->used tells whether it applies: no location is given,
 * but -b, -project, a mode, a label with -r, or a connection that is open. `env_project`: the
 * project whose connection the environment is, whatever -project asks for (struct cmd); its keys
 * and tokens are never another project's. ERR_USAGE with what to do when it applies and something
 * is missing, and when there is nothing at all; the system's error for a file that cannot be read.
 */
int allas_find(struct allas *a, const struct opts *o, cmd_env_fn *env, const char *env_project,
	struct err *err);
void allas_release(struct allas *a);

/* allas_default_password: what CSC's command writes into a new password file; owned.  Everybody can
 * guess it: only ever tried, never given to a new repository. */
char *allas_default_password(const struct allas *a);

#endif
