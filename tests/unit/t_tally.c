#include "engine/tally.h"
#include "unit/check.h"
#include <string.h>

TEST(what_threads_raise_is_read)
{
	struct tally t;
	struct backup_counts c, was;
	uint64_t v = 0;

	/* Every member with a value of its own, so that none can stand for another. */
#define SET(name) c.name = ++v;
	BACKUP_COUNTS(SET)
#undef SET
	was = c;
	memset(&t, 0, sizeof(t));
	tally_add(&t, files_new, 3);
	tally_add(&t, files_new, 4);
	tally_add(&t, errors, 1);
	tally_read(&t, &c);
	CHECK_EQ(c.files_new, 7);
	CHECK_EQ(c.errors, 1);
	CHECK_EQ(c.dirs_new, 0);
	CHECK_EQ(c.data_blobs, was.data_blobs); /* not a tally's: left alone */
	CHECK_EQ(c.items_stolen, was.items_stolen);
}
