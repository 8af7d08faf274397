/* cores: how many processors a control group leaves to its members.  For jobs_cores() and its test.
 */
#ifndef BASE_CORES_H
#define BASE_CORES_H
#include <stddef.h>

/*
 * cores_quota(membership, root): the smallest CPU quota on the way from the process's group up to
 * the root, rounded up to whole cores; 0 = no limit found.  `membership` is a file like
 * /proc/self/cgroup, `root` the mount point, usually /sys/fs/cgroup.  Versions 1 and 2.
 */
size_t cores_quota(const char *membership, const char *root);

/* cores_affinity(): the processors this thread may run on; at least 1. */
size_t cores_affinity(void);

#endif
