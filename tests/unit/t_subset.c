#include "cmd/subset.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

static bool taken(const char *s, struct check_options *o)
{
	struct err err = {0};
	int rc;

	*o = (struct check_options){0};
	rc = subset_read(s, o, &err);
	CHECK(!rc || (rc == ERR_USAGE && strstr(err.msg, "--read-data-subset")));
	return !rc && o->read_data;
}

TEST(what_restic_takes)
{
	struct check_options o;

	CHECK(taken("1/1", &o) && o.subset_n == 1 && o.subset_t == 1);
	CHECK(taken("2/7", &o) && o.subset_n == 2 && o.subset_t == 7);
	CHECK(taken("01/05", &o) && o.subset_n == 1 && o.subset_t == 5);
	CHECK(taken("256/256", &o) && o.subset_t == 256);
	CHECK(taken("5%", &o) && o.subset_percent == 5);
	CHECK(taken("+5%", &o) && o.subset_percent == 5);
	CHECK(taken(".5%", &o) && o.subset_percent == 0.5);
	CHECK(taken("5e1%", &o) && o.subset_percent == 50);
	CHECK(taken("100%", &o));
	CHECK(taken("1K", &o) && o.subset_bytes == 1024);
	CHECK(taken("+1", &o) && o.subset_bytes == 1);
	CHECK(taken("10G", &o) && o.subset_bytes == 10737418240);
}

TEST(what_it_refuses)
{
	static const char *const bad[] = {"1/-2", "-1/2", "+1/5", "1/ 2", " 1/2", "1/2 ", "0/5",
		"3/2", "1/257", "4294967297/4294967298", "1/4294967295",
		"18446744073709551617/18446744073709551618", "1/2/3", "1/", "/2", "/", "0x1/2",
		"1/0x2", " 5%", "5 %", "0x10%", "inf%", "nan%", "0%", "-5%", "100.1%", "5%%", "%",
		"5%1", "0", "1", "10", "-1K", "1KB", "0x10", " 1K", "0K", "99999999999T", "K"};
	struct check_options o;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK(!taken(bad[i], &o)))
			printf("  taken: \"%s\"\n", bad[i]);
}
