#include "format/keyfile.h"
#include "base/mem.h"
#include "lib/golden.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

static const char *const repos[] = {"v2-0.18", "v1-0.18", "v2-0.14"};

static void golden(const char *repo, const char *file, struct buf *out)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%s", repo, file);
	golden_read(name, out);
}

TEST(golden_there_and_back)
{
	for (size_t i = 0; i < 3; i++) {
		struct buf in, out;
		struct keyfile k;
		struct err err;

		golden(repos[i], "key", &in);
		REQUIRE(keyfile_parse(&k, in.p, in.len, &err) == 0);
		CHECK_STR(k.username, "root");
		CHECK_EQ(k.kdf.n, 32768);
		CHECK_EQ(k.kdf.r, 8);
		buf_init(&out, 1000);
		keyfile_write(&k, NULL, &out);
		CHECK_EQ(out.len, in.len);
		CHECK_MEM(out.p, in.p, in.len);
		keyfile_release(&k);
		buf_release(&in);
		buf_release(&out);
	}
}

TEST(master_key_there_and_back)
{
	for (size_t i = 0; i < 3; i++) {
		struct buf in, out;
		struct seal_key k;
		struct err err;

		golden(repos[i], "masterkey", &in);
		REQUIRE(masterkey_parse(&k, in.p, in.len, &err) == 0);
		buf_init(&out, 1000);
		masterkey_write(&k, &out);
		CHECK_EQ(out.len, in.len);
		CHECK_MEM(out.p, in.p, in.len);
		buf_release(&in);
		buf_wipe(&out);
	}
}

/* The golden password opens the golden key file: all parts of the chain agree with restic. */
TEST(password_opens)
{
	struct buf in, want;
	struct keyfile k;
	struct seal_key user, master, real;
	struct seal *s;
	struct err err;
	uint8_t plain[1000];

	golden(repos[0], "key", &in);
	golden(repos[0], "masterkey", &want);
	REQUIRE(keyfile_parse(&k, in.p, in.len, &err) == 0);
	REQUIRE(kdf_derive(&k.kdf, k.salt, "golden", 6, &user, &err) == 0);
	s = seal_new(&user);
	REQUIRE(k.data.len < sizeof(plain));
	REQUIRE(seal_open(s, k.data.p, k.data.len, plain) == 0);
	CHECK_EQ(k.data.len - SEAL_OVERHEAD, want.len);
	CHECK_EQ(masterkey_parse(&master, plain, k.data.len - SEAL_OVERHEAD, &err), 0);
	CHECK_EQ(masterkey_parse(&real, want.p, want.len, &err), 0);
	CHECK_MEM(&master, &real, sizeof(real));
	seal_free(s);
	keyfile_release(&k);
	buf_release(&in);
	buf_release(&want);
}

#define SALT                                                                                       \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define KEY(kdf, n, r, p, salt, data)                                                              \
	"{\"created\":\"2020-01-02T03:04:05Z\",\"username\":\"u\",\"hostname\":\"h\",\"kdf\":" kdf \
	",\"N\":" n ",\"r\":" r ",\"p\":" p ",\"salt\":\"" salt "\",\"data\":\"" data "\"}"

static int parse(const char *s)
{
	struct keyfile k;
	struct err err;
	int rc;

	err_clear(&err);
	rc = keyfile_parse(&k, s, strlen(s), &err);
	if (rc < 0)
		CHECK(err.msg[0] && !k.username && !k.data.p);
	keyfile_release(&k);
	return rc;
}

TEST(refused)
{
	CHECK_EQ(parse(KEY("\"scrypt\"", "32768", "8", "1", SALT, "AAAA")), 0);
	CHECK_EQ(parse(KEY("\"argon2\"", "32768", "8", "1", SALT, "AAAA")), ERR_UNSUPPORTED);
	CHECK_EQ(parse(KEY("\"argon2\"", "0", "0", "0", SALT, "AAAA")), ERR_UNSUPPORTED);
	CHECK_EQ(parse(KEY("null", "32768", "8", "1", SALT, "AAAA")), ERR_INVALID);
	CHECK_EQ(parse(KEY("\"scrypt\"", "32767", "8", "1", SALT, "AAAA")), ERR_INVALID);
	CHECK_EQ(parse(KEY("\"scrypt\"", "18446744073709551615", "8", "1", SALT, "AAAA")),
		ERR_INVALID);
	CHECK_EQ(parse(KEY("\"scrypt\"", "32768", "8", "4294967296", SALT, "AAAA")), ERR_INVALID);
	CHECK_EQ(parse(KEY("\"scrypt\"", "32768", "0", "1", SALT, "AAAA")), ERR_INVALID);
	CHECK_EQ(parse(KEY("\"scrypt\"", "-1", "8", "1", SALT, "AAAA")), ERR_INVALID);
	CHECK_EQ(parse(KEY("\"scrypt\"", "32768", "8", "1", "AAAA" SALT, "AAAA")), ERR_INVALID);
	CHECK_EQ(parse(KEY("\"scrypt\"", "32768", "8", "1", "AAAA", "AAAA")), ERR_INVALID);
	CHECK_EQ(parse(KEY("\"scrypt\"", "32768", "8", "1", SALT, "")), ERR_INVALID);
	CHECK_EQ(parse(KEY("\"scrypt\"", "32768", "8", "1", SALT, "A")), ERR_INVALID);
	CHECK_EQ(parse("{\"kdf\":\"scrypt\",\"N\":32768,\"r\":8,\"p\":1,\"data\":\"AAAA\"}"),
		ERR_INVALID);
	CHECK_EQ(parse("{}"), ERR_INVALID);
	CHECK_EQ(parse("{\"kdf\":\"scrypt\"}"), ERR_INVALID);
	CHECK_EQ(parse("key"), ERR_INVALID);
}

TEST(master_key_refused)
{
#define B16 "AAECAwQFBgcICQoLDA0ODw=="
#define B32 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	static const struct {
		const char *json;
		int rc;
	} cases[] = {
		{"{\"mac\":{\"k\":\"" B16 "\",\"r\":\"" B16 "\"},\"encrypt\":\"" B32 "\"}", 0},
		{"{\"encrypt\":\"" B32 "\",\"x\":1,\"mac\":{\"y\":{},\"r\":\"" B16 "\",\"k\":\"" B16
		 "\"}}",
			0},
		{"{\"mac\":{\"k\":\"" B16 "\",\"r\":\"" B16 "\"}}", ERR_INVALID},
		{"{\"mac\":{\"k\":\"" B16 "\"},\"encrypt\":\"" B32 "\"}", ERR_INVALID},
		{"{\"encrypt\":\"" B32 "\"}", ERR_INVALID},
		{"{\"mac\":{\"k\":\"" B32 "\",\"r\":\"" B16 "\"},\"encrypt\":\"" B32 "\"}",
			ERR_INVALID},
		{"{\"mac\":{\"k\":\"" B16 "\",\"r\":\"" B16 "\"},\"encrypt\":\"" B16 "\"}",
			ERR_INVALID},
		{"{\"mac\":{\"k\":\"AAAAAAAAAAAAAAAAAAAAAA==\",\"r\":\"" B16
		 "\"},\"encrypt\":\"" B32 "\"}",
			ERR_INVALID},
		{"{\"mac\":null,\"encrypt\":\"" B32 "\"}", ERR_INVALID},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seal_key k;
		struct err err;

		err_clear(&err);
		if (!CHECK_EQ(masterkey_parse(&k, cases[i].json, strlen(cases[i].json), &err),
			    cases[i].rc))
			CHECK_STR(cases[i].json, "");
		/* Nothing of a key in a message. */
		CHECK(!strstr(err.msg, "AAEC"));
		if (cases[i].rc < 0) {
			static const struct seal_key zero;

			CHECK_MEM(&k, &zero, sizeof(k));
		}
	}
}

static void survive(void *arg, const uint8_t *p, size_t n)
{
	struct keyfile k;
	struct seal_key m;
	struct err err;

	(void)arg;
	if (keyfile_parse(&k, p, n, &err) == 0)
		CHECK(k.data.len > 0);
	keyfile_release(&k);
	masterkey_parse(&m, p, n, &err);
}

TEST(hostile_bytes)
{
	struct buf in;

	golden(repos[0], "key", &in);
	hostile_each(in.p, in.len, 1000, survive, NULL);
	buf_release(&in);
	golden(repos[0], "masterkey", &in);
	hostile_each(in.p, in.len, 1000, survive, NULL);
	buf_release(&in);
}
