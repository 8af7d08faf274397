/*
 * swift: a repository in a container of an OpenStack Swift or Ceph object store
 * (docs/format.md 16.3): swift:container:/prefix.
 *
 * Objects are single PUTs, checked by the server against their MD5.  One token serves all requests
 * (swift_token.h).
 */
#ifndef BACKEND_SWIFT_H
#define BACKEND_SWIFT_H
#include "backend/backend.h"
#include "backend/swift_auth.h"

/* swift_place_parse(place, &container, &prefix, err): "container:/prefix" to both (owned); the
 * prefix has no / at its ends and may be empty.  ERR_USAGE. */
int swift_place_parse(const char *place, char **container, char **prefix, struct err *err);

/*
 * swift_new(place, src, wire, policy, connections, env, out, err): the bare store.  Takes `src` (on
 * failure too); copies wire and policy (NULL: the store's own choice). connections 0: 5.
 */
int swift_new(const char *place, struct swift_token_source *src, const struct swift_wire *wire,
	const char *policy, unsigned connections, const struct env *env, struct backend **out,
	struct err *err);

#endif
