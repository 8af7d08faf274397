#include "base/wire.h"
#include "base/mem.h"
#include "unit/check.h"

TEST(round_trip)
{
	struct id id = {{1, 2, 3}}, got;
	struct wire_in w;
	struct buf b;
	const uint8_t *s;
	size_t n;

	buf_init(&b, 1000);
	wire_put_u8(&b, 200);
	wire_put_u32(&b, 0xdeadbeefu);
	wire_put_u64(&b, UINT64_MAX - 1);
	wire_put_id(&b, &id);
	wire_put_bytes(&b, "hello", 5);
	wire_put_bytes(&b, NULL, 0);
	CHECK_EQ(b.len, 1 + 4 + 8 + 32 + 9 + 4);

	/* Every shorter message is bad, and reading it stays inside (the address sanitizer
	 * watches). */
	for (size_t len = 0; len <= b.len; len++) {
		struct buf part;

		buf_init(&part, len);
		buf_reserve(&part, len);
		buf_add(&part, b.p, len);
		wire_in_init(&w, part.p, len);
		wire_u8(&w);
		wire_u32(&w);
		wire_u64(&w);
		wire_id(&w, &got);
		wire_bytes(&w, &n);
		s = wire_bytes(&w, &n);
		CHECK(s != NULL);
		CHECK_EQ(n, 0);
		CHECK_EQ(wire_done(&w), len == b.len);
		CHECK_EQ(w.bad, len != b.len);
		buf_release(&part);
	}
	wire_in_init(&w, b.p, b.len);
	CHECK_EQ(wire_u8(&w), 200);
	CHECK_EQ(wire_u32(&w), 0xdeadbeefu);
	CHECK(wire_u64(&w) == UINT64_MAX - 1);
	wire_id(&w, &got);
	CHECK(id_equal(&got, &id));
	s = wire_bytes(&w, &n);
	CHECK_EQ(n, 5);
	CHECK_MEM(s, "hello", 5);
	CHECK(!wire_done(&w));
	buf_release(&b);
}

TEST(bad_stays_bad)
{
	static const uint8_t lie[] = {0xff, 0xff, 0xff, 0xff, 1, 2, 3};
	struct wire_in w;
	struct id id;
	size_t n = 7;

	wire_in_init(&w, lie, sizeof(lie));
	wire_bytes(&w, &n);
	CHECK_EQ(n, 0);
	CHECK(w.bad);
	CHECK_EQ(wire_u8(&w), 0);
	wire_id(&w, &id);
	CHECK(id_is_zero(&id));
	CHECK(!wire_done(&w));
}

TEST(a_text_of_its_own)
{
	struct wire_in in;
	struct buf b;
	char *s;

	buf_init(&b, 100);
	wire_put_bytes(&b, "some text", 9);
	wire_in_init(&in, b.p, b.len);
	s = wire_text(&in);
	CHECK(wire_done(&in));
	CHECK_STR(s, "some text");
	mem_free(s);
	/* cut short */
	wire_in_init(&in, b.p, b.len - 1);
	s = wire_text(&in);
	CHECK(in.bad);
	CHECK_STR(s, "");
	mem_free(s);
	buf_release(&b);
}
