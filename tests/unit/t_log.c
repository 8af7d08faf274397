#include "base/log.h"
#include "unit/check.h"
#include <string.h>

static char last[4096];
static int calls;

static void keep(void *arg, enum log_level level, const char *msg)
{
	*(enum log_level *)arg = level;
	strncpy(last, msg, sizeof(last) - 1);
	calls++;
}

TEST(levels)
{
	enum log_level got = LOG_DEBUG;
	struct log l = {.max = LOG_INFO, .fn = keep, .arg = &got};

	log_msg(&l, LOG_WARN, "%d files", 3);
	CHECK_STR(last, "3 files");
	CHECK_EQ(got, LOG_WARN);
	log_msg(&l, LOG_DEBUG, "no");
	log_msg(NULL, LOG_ERROR, "no");
	CHECK_EQ(calls, 1);
	log_msg(&l, LOG_INFO, "a\nb");
	CHECK_STR(last, "a b");
}
