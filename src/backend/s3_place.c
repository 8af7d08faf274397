#include "backend/s3_place.h"
#include "backend/http.h"
#include "base/mem.h"
#include "base/path.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool ends_with(const char *s, size_t n, const char *end)
{
	size_t m = strlen(end);

	return n >= m && !memcmp(s + n - m, end, m);
}

static const char *aws_domain(const char *host)
{
	size_t n = strlen(host);

	if (ends_with(host, n, ".amazonaws.com"))
		return ".amazonaws.com";
	return ends_with(host, n, ".amazonaws.com.cn") ? ".amazonaws.com.cn" : NULL;
}

/* s3.REGION.amazonaws.com, s3-REGION…, s3.dualstack.REGION…; s3.amazonaws.com says nothing. */
static void aws_region(const char *host, size_t n, char region[S3_REGION_MAX])
{
	static const char *const heads[] = {"s3.dualstack.", "s3.", "s3-"};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		size_t m = strlen(heads[i]);

		if (n > m && !strncmp(host, heads[i], m)) {
			if (n - m < S3_REGION_MAX && !memchr(host + m, '.', n - m))
				snprintf(region, S3_REGION_MAX, "%.*s", (int)(n - m), host + m);
			return;
		}
	}
}

static bool is_host(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && !strchr(".-_:[]", s[i]))
			return false;
	}
	return n > 0;
}

static void take_host(struct s3_place *p, const char *s, size_t n)
{
	static const char *const vhost[] = {".amazonaws.com", ".amazonaws.com.cn",
		"storage.googleapis.com", ".aliyuncs.com"};
	const char *own = p->tls ? ":443" : ":80", *domain;

	if (ends_with(s, n, own))
		n -= strlen(own);
	p->host = mem_strndup(s, n);
	for (char *c = p->host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	domain = aws_domain(p->host);
	/* Only the public endpoints are made from the region; VPC endpoints and the like are taken
	 * as they are. */
	p->aws = domain && (!strncmp(p->host, "s3.", 3) || !strncmp(p->host, "s3-", 3));
	if (p->aws)
		aws_region(p->host, strlen(p->host) - strlen(domain), p->region);
	for (size_t i = 0; i < sizeof(vhost) / sizeof(vhost[0]); i++)
		p->virtual_host |= ends_with(p->host, strlen(p->host), vhost[i]);
}

/* restic takes what begins with http for a URL, whose path is encoded, and the shorter forms as
 * they are.  NULL: a '%' encodes nothing, or a 0. */
static char *path_of(const char *s, bool is_url)
{
	size_t n = strlen(s);
	char *path = NULL;
	struct buf b;

	if (!is_url)
		return mem_strdup(s);
	for (const char *c = s; *c; c++) {
		if (*c == '%' && (!isxdigit((unsigned char)c[1]) ||
					 !isxdigit((unsigned char)c[2]) || !strncmp(c, "%00", 3)))
			return NULL;
	}
	buf_init(&b, n + 1);
	http_decode(&b, s, n);
	path = mem_strndup((const char *)b.p, b.len);
	buf_release(&b);
	return path;
}

int s3_place_parse(struct s3_place *p, const char *s, struct err *err)
{
	bool is_url = !strncmp(s, "http://", 7) || !strncmp(s, "https://", 8);
	const char *scheme_end = strstr(s, "://"), *slash;
	char *rooted, *clean, *path;
	size_t n;

	*p = (struct s3_place){.tls = true};
	if (is_url) {
		p->tls = s[4] == 's';
		s = scheme_end + 3;
	} else if (!strncmp(s, "//", 2)) {
		s += 2;
	} else if (scheme_end && !memchr(s, '/', (size_t)(scheme_end - s))) {
		return err_set(err, ERR_USAGE,
			"an S3 location begins with s3:https://, s3:http:// or s3:HOST/");
	}
	n = strcspn(s, "/");
	if (memchr(s, '@', n))
		return err_set(err, ERR_USAGE,
			"an S3 location holds no keys: give them in AWS_ACCESS_KEY_ID and "
			"AWS_SECRET_ACCESS_KEY, or in ~/.aws/credentials");
	if (!is_host(s, n))
		return err_set(err, ERR_USAGE,
			"the S3 location has no valid host: it is s3:https://HOST/BUCKET[/PREFIX]");
	take_host(p, s, n);
	path = strpbrk(s + n, "?#") ? NULL : path_of(s + n, is_url);
	slash = path ? path + strspn(path, "/") : "";
	n = strcspn(slash, "/");
	if (!n) {
		mem_free(path);
		s3_place_release(p);
		return err_set(err, ERR_USAGE,
			"the S3 location has no valid bucket: it is "
			"s3:https://HOST/BUCKET[/PREFIX]; a %% is written %%25 in it");
	}
	p->bucket = mem_strndup(slash, n);
	if (p->tls && strchr(p->bucket, '.'))
		p->virtual_host = false;
	rooted = mem_printf("/%s", slash + n);
	mem_free(path);
	clean = path_clean(rooted);
	p->prefix = clean[1] ? mem_printf("%s/", clean + 1) : mem_strdup("");
	mem_free(rooted);
	mem_free(clean);
	return 0;
}

void s3_place_release(struct s3_place *p)
{
	if (!p)
		return;
	mem_free(p->host);
	mem_free(p->bucket);
	mem_free(p->prefix);
	*p = (struct s3_place){0};
}

void s3_place_host(const struct s3_place *p, const char *region, bool path_style, struct buf *b)
{
	if (p->virtual_host && !path_style)
		buf_addf(b, "%s.", p->bucket);
	if (p->aws)
		buf_addf(b, "s3.dualstack.%s%s", region, aws_domain(p->host));
	else
		buf_adds(b, p->host);
}

void s3_place_path(const struct s3_place *p, const char *key, bool path_style, struct buf *b)
{
	buf_addc(b, '/');
	if (!p->virtual_host || path_style) {
		http_encode(b, p->bucket, strlen(p->bucket), "");
		if (key)
			buf_addc(b, '/');
	}
	if (key)
		http_encode(b, key, strlen(key), "/");
}
