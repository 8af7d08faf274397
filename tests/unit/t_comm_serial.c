#include "comm/comm.h"
#include "base/clock.h"
#include "unit/check.h"
#include <pthread.h>

static void send_number(struct comm *c, uint32_t tag, uint64_t v)
{
	struct buf b;

	buf_init(&b, 64);
	buf_addu(&b, v);
	comm_send(c, 0, tag, &b);
	CHECK_EQ(b.len, 0);
	CHECK(!b.p);
}

TEST(messages_to_oneself_keep_their_order)
{
	struct comm *c = comm_serial_new();
	struct comm_msg m;

	CHECK_EQ(c->size, 1);
	CHECK(comm_sent(c));
	CHECK(!comm_poll(c, &m));
	for (uint32_t i = 0; i < 3; i++)
		send_number(c, i, 100 + i);
	comm_send(c, 0, 3, NULL);
	CHECK(!comm_sent(c));
	for (uint32_t i = 0; i < 3; i++) {
		REQUIRE(comm_poll(c, &m));
		CHECK_EQ(m.from, 0);
		CHECK_EQ(m.tag, i);
		CHECK_EQ(m.data.len, 3);
		CHECK_EQ(m.data.p[2], '0' + i);
		buf_release(&m.data);
	}
	REQUIRE(comm_poll(c, &m));
	CHECK_EQ(m.data.len, 0);
	CHECK(comm_sent(c));
	send_number(c, 9, 9); /* left behind: the sanitizer sees whether free finds it */
	comm_free(c);
	comm_free(NULL);
}

static void *poke(void *arg)
{
	loop_poke(arg);
	return NULL;
}

TEST(idle_ends_with_a_poke_and_does_not_begin_over_mail)
{
	const struct clock *clk = clock_real();
	struct comm *c = comm_serial_new();
	struct loop *l = loop_new();
	struct comm_msg m;
	pthread_t t;
	int64_t start = clock_mono(clk);

	send_number(c, 1, 1);
	comm_idle(c, l, -1);
	REQUIRE(comm_poll(c, &m));
	buf_release(&m.data);
	pthread_create(&t, NULL, poke, l);
	comm_idle(c, l, 60 * (int64_t)1000000000);
	pthread_join(t, NULL);
	CHECK(clock_mono(clk) - start < 30 * (int64_t)1000000000);
	start = clock_mono(clk);
	comm_idle(c, l, 20000000);
	CHECK(clock_mono(clk) - start >= 20000000);
	comm_free(c);
	loop_free(l);
}
