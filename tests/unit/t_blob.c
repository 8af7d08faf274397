#include "format/blob.h"
#include "unit/check.h"

TEST(names)
{
	CHECK_STR(blob_type_name(BLOB_DATA), "data");
	CHECK_STR(blob_type_name(BLOB_TREE), "tree");
}

TEST(plain_size)
{
	struct blob b = {.length = 132};

	CHECK_EQ(blob_plain_size(&b), 100);
	b.plain = 77;
	CHECK_EQ(blob_plain_size(&b), 77);
}
