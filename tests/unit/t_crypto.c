#include "kern/crypto.h"
#include "unit/check.h"
#include <pthread.h>
#include <stddef.h>

static void *get(void *arg)
{
	*(const struct crypto **)arg = crypto_get();
	return NULL;
}

/* All threads get the same algorithms, whoever is first. */
TEST(once)
{
	const struct crypto *seen[4] = {0};
	pthread_t th[4];
	struct err err = {0};

	for (int i = 0; i < 4; i++)
		REQUIRE(pthread_create(&th[i], NULL, get, &seen[i]) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	for (int i = 0; i < 4; i++)
		CHECK(seen[i] && seen[i] == seen[0]);
	CHECK_EQ(crypto_ready(&err), 0);
	CHECK(seen[0]->sha256 && seen[0]->aes256_ctr && seen[0]->aes128_ecb && seen[0]->poly1305 &&
		seen[0]->scrypt);
}
