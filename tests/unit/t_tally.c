#include "engine/tally.h"
#include "unit/check.h"
#include <string.h>

/* Every member with a value of its own, so that none can stand for another. */
static struct backup_counts sample(uint64_t k)
{
	struct backup_counts c;
	uint64_t v = 0;

	memset(&c, 0, sizeof(c));
#define SET(name) c.name = ++v * k;
	TALLY_ALL(SET)
#undef SET
	return c;
}

TEST(the_list_names_all_members)
{
	size_t n = 0;

#define COUNT(name) n++;
	TALLY_ALL(COUNT)
#undef COUNT
	CHECK_EQ(n * sizeof(uint64_t), sizeof(struct backup_counts));
}

TEST(counts_travel_and_add_up)
{
	struct backup_counts c = sample(1000003), back, sum = sample(7), want = sample(1000010);
	struct wire_in in;
	struct buf b;

	buf_init(&b, 4096);
	tally_put(&b, &c);
	wire_in_init(&in, b.p, b.len);
	memset(&back, 0xee, sizeof(back));
	tally_get(&in, &back);
	CHECK(wire_done(&in));
	CHECK_MEM(&back, &c, sizeof(c));
	tally_sum(&sum, &c);
	CHECK_MEM(&sum, &want, sizeof(sum));
	buf_release(&b);
}

TEST(what_threads_raise_is_read)
{
	struct tally t;
	struct backup_counts c = sample(1), was = c;

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
