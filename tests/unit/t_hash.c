#include "kern/hash.h"
#include "unit/check.h"
#include <stdlib.h>

static void expect(struct hash *h, const char *text, const char *hex)
{
	struct id id;

	hash_once(h, text, strlen(text), &id);
	CHECK_STR(id_hex(&id).s, hex);
}

/* FIPS 180-4 examples, on one context, so that what a message leaves behind would show in the next.
 */
TEST(known_answers)
{
	struct hash *h = hash_new();

	for (int round = 0; round < 2; round++) {
		expect(h, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
		expect(h, "abc",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		expect(h, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	}
	hash_free(h);
	hash_free(NULL);
}

TEST(pieces)
{
	struct hash *h = hash_new();
	uint8_t data[1000];
	struct id whole, parts;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	hash_once(h, data, sizeof data, &whole);
	for (size_t step = 1; step < 200; step += 13) {
		hash_begin(h);
		for (size_t at = 0; at < sizeof data; at += step)
			hash_add(h, data + at, sizeof data - at < step ? sizeof data - at : step);
		hash_end(h, &parts);
		CHECK(id_equal(&whole, &parts));
	}
	/* A message that was begun and given up leaves nothing behind. */
	hash_begin(h);
	hash_add(h, data, 100);
	hash_once(h, data, sizeof data, &parts);
	CHECK(id_equal(&whole, &parts));
	data[500] ^= 1;
	hash_once(h, data, sizeof data, &parts);
	CHECK(!id_equal(&whole, &parts));
	hash_free(h);
}
