#include "repo/firsts.h"
#include "base/hashtab.h"
#include <string.h>

/* Half of each SHA-256 is enough to tell apart what one run comes across. */
struct said {
	uint8_t key[ID_SIZE / 2], what[ID_SIZE / 2];
};

struct hashtab *firsts_new(void)
{
	return hashtab_new(sizeof(struct said), ID_SIZE / 2, 0);
}

bool firsts_agree(struct hashtab *firsts, const struct id *key, const struct id *what)
{
	bool is_new;
	struct said *s = hashtab_add(firsts, key->b, &is_new);

	if (is_new)
		memcpy(s->what, what->b, sizeof(s->what));
	return memcmp(s->what, what->b, sizeof(s->what)) == 0;
}
