#include "format/blob.h"
#include "unit/check.h"

TEST(names)
{
	CHECK_STR(blob_type_name(BLOB_DATA), "data");
	CHECK_STR(blob_type_name(BLOB_TREE), "tree");
}

/* Each field counts, and what belongs together. */
TEST(digest)
{
	const struct blob b = {.id = {{1, 2, 3}}, .offset = 5, .length = 70, .plain = 90};
	struct blob x[6];
	uint64_t seen[6];

	for (int i = 0; i < 6; i++)
		x[i] = b;
	x[1].id.b[7] ^= 0x80;
	x[2].type = BLOB_TREE;
	x[3].offset++;
	x[4].length++;
	x[5].plain++;
	for (int i = 0; i < 6; i++) {
		seen[i] = blob_digest(&x[i]);
		for (int k = 0; k < i; k++)
			CHECK(seen[i] != seen[k]);
	}
	CHECK_EQ(blob_digest(&b), seen[0]);
	/* Two blobs that change places, lengths alone, or kinds. */
	x[0] = x[1] = b;
	x[1].id.b[0] = 9;
	x[1].offset = 500;
	x[2] = x[0];
	x[3] = x[1];
	x[2].offset = 500;
	x[3].offset = 5;
	CHECK(blob_digest(&x[0]) + blob_digest(&x[1]) != blob_digest(&x[2]) + blob_digest(&x[3]));
	x[2] = x[0];
	x[3] = x[1];
	x[2].length = 71;
	x[3].length = 69;
	CHECK(blob_digest(&x[0]) + blob_digest(&x[1]) != blob_digest(&x[2]) + blob_digest(&x[3]));
}

TEST(plain_size)
{
	struct blob b = {.length = 132};

	CHECK_EQ(blob_plain_size(&b), 100);
	b.plain = 77;
	CHECK_EQ(blob_plain_size(&b), 77);
}
