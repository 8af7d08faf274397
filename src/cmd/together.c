#include "cmd/together.h"
#include "backend/location.h"
#include "base/mem.h"
#include "engine/join.h"
#include <string.h>
#include <sys/stat.h>

/* A repository in a directory lies where rank 0 was started. */
static void put_location(const char *location, const char *cwd, struct buf *b)
{
	struct location l;

	if (location_parse(&l, location, NULL) == 0 && l.scheme == LOCATION_LOCAL &&
		l.rest[0] != '/') {
		char *path = mem_printf("%s/%s", cwd, l.rest);

		wire_put_bytes(b, path, strlen(path));
		mem_free(path);
	} else {
		wire_put_bytes(b, location, strlen(location));
	}
	location_release(&l);
}

void together_put(const struct session *s, const char *cwd, struct buf *b)
{
	wire_put_u8(b, CMD_ORDER_RUN);
	opts_put(s->opts, s->cmd->verbs, b);
	put_location(s->open.place, cwd, b);
	wire_put_bytes(b, s->allas.project, s->allas.project ? strlen(s->allas.project) : 0);
	wire_put_bytes(b, cwd, strlen(cwd));
	wire_put_u32(b, s->cmd->mask);
	zone_put(s->zone, b);
}

void together_send(struct session *s, struct buf *b)
{
	agree_bcast(s->agree, b);
	buf_wipe(b);
}

int together_get(struct session *s, struct wire_in *in, char **cwd, struct err *err)
{
	const uint8_t *p;
	size_t n;
	int rc;

	p = wire_bytes(in, &n);
	s->location = mem_strndup((const char *)p, n);
	p = wire_bytes(in, &n);
	if (n)
		s->allas.project = mem_strndup((const char *)p, n);
	p = wire_bytes(in, &n);
	if (cwd)
		*cwd = mem_strndup((const char *)p, n);
	umask((mode_t)wire_u32(in) & 0777);
	session_zone(s, zone_get(in));
	rc = session_start(s, err);
	if (!rc)
		rc = session_backend(s, err);
	return rc;
}

int together_join(struct session *s, struct err *err)
{
	int rc = agree_all(s->agree, err);
	char *place;

	if (!rc)
		rc = join_repo(s->agree, s->router, s->open.be, &s->env, &s->open.repo, err);
	if (rc)
		return rc;
	if (s->comm->rank)
		session_repo_settings(s);
	place = location_text(s->open.place);
	rc = join_same(s->agree, s->router, s->open.repo, s->open.lock, place, err);
	mem_free(place);
	return rc;
}
