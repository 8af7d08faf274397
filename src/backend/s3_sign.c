#include "backend/s3_sign.h"
#include "backend/digest.h"
#include "base/civil.h"
#include "base/id.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

#define CANONICAL_MAX 65536 /* a URL with its headers is far below */
#define SCOPE_MAX     128

void s3_sign_date(int64_t sec, char out[S3_DATE])
{
	struct civil c;
	char s[64];

	civil_of(&c, sec);
	snprintf(s, sizeof(s), "%04d%02d%02dT%02d%02d%02dZ", (int)c.year, c.month, c.day, c.hour,
		c.min, c.sec);
	memcpy(out, s, S3_DATE - 1);
	out[S3_DATE - 1] = 0;
}

static void add_signed_names(struct buf *b, const struct s3_sign *s)
{
	for (size_t i = 0; i < s->n_header; i++)
		buf_addf(b, "%s%s", i ? ";" : "", s->header[i].name);
}

/* The canonical request: what both sides hash. */
static int canonical_hash(const struct s3_sign *s, char hex[2 * 32 + 1])
{
	uint8_t sha[32];
	struct buf b;
	int code = 0;

	buf_init(&b, CANONICAL_MAX);
	buf_addf(&b, "%s\n%s\n%s\n", s->method, s->path, s->query);
	for (size_t i = 0; i < s->n_header; i++)
		buf_addf(&b, "%s:%s\n", s->header[i].name, s->header[i].value);
	buf_addc(&b, '\n');
	add_signed_names(&b, s);
	buf_addf(&b, "\n%s", s->payload);
	if (b.overflow)
		code = ERR_NOMEM;
	else
		digest_sha256(b.p, b.len, sha);
	if (!code)
		hex_encode(hex, sha, sizeof(sha));
	/* A session token is among the headers. */
	buf_wipe(&b);
	return code;
}

/* The key is bound to day, region and service by one HMAC each. */
static void derive_key(const struct s3_sign *s, const char *day, uint8_t key[32])
{
	char *first = mem_printf("AWS4%s", s->secret);

	digest_hmac(first, strlen(first), day, 8, key);
	digest_hmac(key, 32, s->region, strlen(s->region), key);
	digest_hmac(key, 32, "s3", 2, key);
	digest_hmac(key, 32, "aws4_request", 12, key);
	mem_wipe(first, strlen(first));
	mem_free(first);
}

int s3_sign(const struct s3_sign *s, struct buf *out)
{
	char date[S3_DATE], hash[2 * 32 + 1], scope[SCOPE_MAX], hex[2 * 32 + 1];
	uint8_t key[32], mac[32];
	char *text;

	s3_sign_date(s->sec, date);
	if (snprintf(scope, sizeof(scope), "%.8s/%s/s3/aws4_request", date, s->region) >=
		(int)sizeof(scope))
		return ERR_NOMEM;
	if (canonical_hash(s, hash))
		return ERR_NOMEM;
	text = mem_printf("AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, hash);
	derive_key(s, date, key);
	digest_hmac(key, sizeof(key), text, strlen(text), mac);
	hex_encode(hex, mac, sizeof(mac));
	mem_wipe(key, sizeof(key));
	mem_free(text);
	buf_addf(out, "AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=", s->access, scope);
	add_signed_names(out, s);
	buf_addf(out, ",Signature=%s", hex);
	return out->overflow ? ERR_NOMEM : 0;
}
