/* From rank 0: u8 how, u64 inode number, the file's name, what it holds. */
#include "engine/restore_proof.h"
#include "base/mem.h"
#include "fs/dest.h"
#include "fs/file.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECRET 16

enum how { NOT_THERE, BY_NUMBER, BY_FILE };

static int target(const struct restore_dirs *s)
{
	return s->top ? s->top->fd : -1;
}

static bool make(int fd, const char *name, const uint8_t *secret)
{
	struct meta is;
	int file = dest_create(fd, name, &is, NULL), rc;

	if (file < 0)
		return false;
	rc = dest_pwrite(file, secret, SECRET, 0, NULL);
	close(file);
	if (rc < 0)
		dest_remove(fd, name, NULL, NULL);
	return rc == 0;
}

static int find(int fd, const char *name, const uint8_t *secret, size_t n)
{
	uint8_t got[SECRET];
	struct meta m;
	int file = file_open(fd, name, &m, NULL);
	bool same;

	if (file < 0)
		return ERR_NOTFOUND;
	same = n == SECRET && pread(file, got, SECRET, 0) == SECRET && !memcmp(got, secret, SECRET);
	file_close(file);
	return same ? 0 : ERR_NOTFOUND;
}

/* On another rank. */
static int look(const struct restore_dirs *s, struct wire_in *in, struct err *err)
{
	enum how how = (enum how)wire_u8(in);
	uint64_t ino = wire_u64(in);
	char *name = wire_text(in);
	const uint8_t *secret;
	int fd = target(s), rc = 0;
	size_t n;

	secret = wire_bytes(in, &n);
	if (how == NOT_THERE)
		rc = fd < 0 ? 0 : ERR_EXISTS;
	else if (fd < 0 || in->bad)
		rc = ERR_NOTFOUND;
	else
		rc = how == BY_NUMBER ? (ino == s->top->is.ino ? 0 : ERR_NOTFOUND)
				      : find(fd, name, secret, n);
	mem_free(name);
	return rc ? err_set(err, ERR_INVALID,
			    "the target %s is another directory here than on rank 0's node, or is "
			    "not there: is a file system not mounted? Nothing was restored",
			    s->opt->target)
		  : 0;
}

int restore_proof(const struct restore_dirs *s, struct router *r, struct agree *a, struct err *err)
{
	const struct env *env = router_env(r);
	uint8_t secret[SECRET];
	char name[64];
	uint64_t number;
	bool first = router_rank(r) == 0, made = false;
	struct wire_in in;
	struct buf b;
	int rc;

	buf_init(&b, COMM_MAX);
	if (first && !err->code) {
		rnd_fill(env->rnd, &number, sizeof(number));
		snprintf(name, sizeof(name), ".a_backup-restore-%016llx",
			(unsigned long long)number);
		rnd_fill(env->rnd, secret, sizeof(secret));
		made = target(s) >= 0 && !s->opt->dry_run && make(target(s), name, secret);
		wire_put_u8(&b, made ? BY_FILE : target(s) >= 0 ? BY_NUMBER : NOT_THERE);
		wire_put_u64(&b, s->top->is.ino);
		wire_put_bytes(&b, name, strlen(name));
		wire_put_bytes(&b, secret, sizeof(secret));
	}
	agree_bcast(a, &b);
	wire_in_init(&in, b.p, b.len);
	if (!first && b.len) {
		err_clear(err);
		look(s, &in, err);
	}
	rc = agree_all(a, err);
	if (made)
		dest_remove(target(s), name, NULL, NULL);
	buf_release(&b);
	return rc;
}
