/* hash_once: with the variant that was picked. */
#include "kern/hash_lanes.h"

void hash_many(struct hash *h, struct hash_job *job, size_t n)
{
	hash_many_by(hash_pick(), h, job, n);
}

void hash_once(struct hash *h, const void *p, size_t n, struct id *out)
{
	struct hash_job job = {.p = p, .n = n};

	hash_many_by(hash_pick(), h, &job, 1);
	*out = job.out;
}

struct hash_stream *hash_stream_new(void)
{
	return hash_stream_new_by(hash_pick());
}
