#include "lib/hand.h"
#include <stdio.h>
#include <string.h>

static void count(void *arg, enum log_level level, const char *msg)
{
	struct hand *h = arg;

	(void)level;
	h->errors++;
	snprintf(h->last, sizeof(h->last), "%s", msg);
}

void hand_init(struct hand *h, int n)
{
	*h = (struct hand){.n = n};
	comm_threads_new(n, h->comm);
	for (int i = 0; i < n; i++) {
		env_init(&h->env[i]);
		h->env[i].log = (struct log){LOG_WARN, count, h};
		h->r[i] = router_new(h->comm[i], &h->env[i]);
	}
}

void hand_release(struct hand *h)
{
	for (int i = 0; i < h->n; i++) {
		router_free(h->r[i]);
		comm_free(h->comm[i]);
		env_release(&h->env[i]);
	}
}

void hand_settle(struct hand *h)
{
	size_t n;

	do {
		n = 0;
		for (int i = 0; i < h->n; i++)
			n += router_turn(h->r[i]);
	} while (n);
}

void hand_send(struct hand *h, int from, int to, unsigned tag, const void *p, size_t n)
{
	struct buf b;

	buf_init(&b, COMM_MAX);
	buf_add(&b, p, n);
	router_send(h->r[from], to, tag, &b);
}
