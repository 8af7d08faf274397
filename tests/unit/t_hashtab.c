#include "base/hashtab.h"
#include "base/le.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdint.h>
#include <string.h>

struct entry {
	uint8_t key[32];
	uint64_t value;
};

/* Distinct for distinct i and well mixed, like a SHA-256. */
static void key_of(uint64_t i, uint8_t key[32])
{
	for (uint64_t k = 0; k < 4; k++) {
		uint64_t x = i * 4 + k + 1;

		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		x = (x ^ x >> 27) * 0x94d049bb133111ebu;
		le64_put(key + 8 * k, x ^ x >> 31);
	}
}

#define N 100000
TEST(many)
{
	struct hashtab *t = hashtab_new(sizeof(struct entry), 32, 0);
	uint8_t key[32];
	bool is_new;
	double worst = 0;

	for (uint64_t i = 0; i < N; i++) {
		struct entry *e;
		double ratio;

		key_of(i, key);
		e = hashtab_add(t, key, &is_new);
		REQUIRE(is_new);
		REQUIRE(e->value == 0 && memcmp(e->key, key, 32) == 0);
		e->value = i + 1;
		ratio = (double)hashtab_bytes(t) / (double)((i + 1) * sizeof(struct entry));
		if (i > 10000 && ratio > worst)
			worst = ratio;
	}
	CHECK_EQ(hashtab_count(t), N);
	CHECK(worst < 1.4);
	for (uint64_t i = 0; i < N; i++) {
		struct entry *e;

		key_of(i, key);
		e = hashtab_find(t, key);
		REQUIRE(e && e->value == i + 1);
		REQUIRE(hashtab_add(t, key, &is_new) == e && !is_new);
		key_of(i + N, key);
		REQUIRE(!hashtab_find(t, key));
	}
	CHECK_EQ(hashtab_count(t), N);
	hashtab_free(t);
	hashtab_free(NULL);
}

static int add_up(void *arg, void *entry)
{
	*(uint64_t *)arg += ((struct entry *)entry)->value;
	return 0;
}

static int stop(void *arg, void *entry)
{
	(void)entry;
	return ++*(int *)arg == 3 ? 7 : 0;
}

/* Against an array that remembers what is in: adds, removes and finds in random order, over and
 * over the same keys. */
TEST(against_an_oracle)
{
	enum { KEYS = 5000 };
	struct hashtab *t = hashtab_new(sizeof(struct entry), 32, 0);
	uint64_t *oracle = mem_array(KEYS, sizeof(*oracle)), x = 7, sum = 0, got = 0;
	uint8_t key[32];
	size_t count = 0;
	int n = 0;

	for (uint64_t i = 1; i < 400000; i++) {
		size_t k;
		struct entry *e;
		bool is_new;

		x = x * 6364136223846793005u + 1442695040888963407u;
		k = (x >> 33) % KEYS;
		key_of(k, key);
		e = hashtab_find(t, key);
		REQUIRE((e != NULL) == (oracle[k] != 0));
		REQUIRE(!e || e->value == oracle[k]);
		if (x >> 63) {
			e = hashtab_add(t, key, &is_new);
			REQUIRE(is_new == !oracle[k]);
			count += is_new;
			e->value = oracle[k] = i;
		} else {
			REQUIRE(hashtab_remove(t, key) == (oracle[k] != 0));
			count -= oracle[k] != 0;
			oracle[k] = 0;
		}
		REQUIRE(hashtab_count(t) == count);
	}
	for (size_t k = 0; k < KEYS; k++)
		sum += oracle[k];
	CHECK_EQ(hashtab_each(t, add_up, &got), 0);
	CHECK(got == sum);
	CHECK_EQ(hashtab_each(t, stop, &n), 7);
	CHECK_EQ(n, 3);
	mem_free(oracle);
	hashtab_free(t);
}

TEST(pointers_survive_a_remove)
{
	struct hashtab *t = hashtab_new(sizeof(struct entry), 32, 0);
	struct entry *e[200];
	uint8_t key[32];

	for (uint64_t i = 0; i < 200; i++) {
		key_of(i, key);
		hashtab_add(t, key, NULL);
	}
	for (uint64_t i = 0; i < 200; i++) {
		key_of(i, key);
		e[i] = hashtab_find(t, key);
		e[i]->value = i;
	}
	for (uint64_t i = 0; i < 200; i += 2) {
		key_of(i, key);
		CHECK(hashtab_remove(t, key));
		CHECK(!hashtab_remove(t, key));
	}
	for (uint64_t i = 1; i < 200; i += 2) {
		key_of(i, key);
		CHECK_EQ(e[i]->value, i);
		CHECK(hashtab_find(t, key) == e[i]);
	}
	hashtab_free(t);
}

TEST(poor_keys_when_mixed)
{
	struct hashtab *t = hashtab_new(12, 12, HASHTAB_MIX), *s = hashtab_new(3, 3, 0);
	uint8_t key[12] = {0};

	for (uint32_t i = 0; i < 60000; i++) {
		bool is_new;

		le32_put(key + 4, i);
		hashtab_add(t, key, &is_new);
		REQUIRE(is_new);
		hashtab_add(s, key + 4, &is_new);
		REQUIRE(is_new);
	}
	for (uint32_t i = 0; i < 70000; i++) {
		le32_put(key + 4, i);
		REQUIRE((hashtab_find(t, key) != NULL) == (i < 60000));
		REQUIRE((hashtab_find(s, key + 4) != NULL) == (i < 60000));
	}
	hashtab_free(t);
	hashtab_free(s);
}
