/*
 * settings: options that are numbers or modes, read and checked once; and how many threads and
 * bytes a rank takes by default.
 */
#ifndef CMD_SETTINGS_H
#define CMD_SETTINGS_H
#include "cmd/cmd.h"

struct settings {
	size_t workers, readers; /* threads */
	uint64_t memory;         /* bytes that this rank may use in all */
	size_t budget;           /* bytes of plaintext in flight */
	size_t cache;            /* bytes of packs kept for trees */
	size_t pack_size;
	int level; /* COMPRESS_* */
	bool compress_data;
	unsigned connections;              /* 0: the backend's default */
	const char *s3_region, *s3_lookup; /* -o, see struct backend_options; NULL: not given;
					      borrowed from the options */
	bool s3_list_v1;
	int64_t retry_ns; /* --retry-lock */
	int64_t stop_ns;  /* --stop-timeout */
	int64_t drain_ns; /* --drain-time */
	int64_t limit_ns; /* --time-limit; 0: none */
	double fps;       /* $RESTIC_PROGRESS_FPS, 0: not set */
};

/* settings_read: ERR_USAGE for what cannot be meant. `local_ranks`: threads that share this
 * process's cores. */
int settings_read(struct settings *s, const struct opts *o, cmd_env_fn *env, int local_ranks,
	struct err *err);

/* settings_share: cores for one rank: `cores` that it may use, among `ranks` on a machine (or job)
 * with `total` cores, which may all be the same ones. */
size_t settings_share(size_t cores, size_t total, size_t ranks);

/* settings_budget: bytes in flight for so many workers of a rank that may use so much memory. */
size_t settings_budget(size_t workers, uint64_t memory);

/* settings_memory: bytes this process may use: the machine's, or less by control group or ulimit
 * -v. */
uint64_t settings_memory(void);

#endif
