#include "base/err.h"
#include "unit/check.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

TEST(set_and_prefix)
{
	struct err e;

	CHECK_EQ(err_set(&e, ERR_IO, "503 after %d tries", 8), ERR_IO);
	CHECK_EQ(err_prefix(&e, "upload pack %s", "ab12cd34"), ERR_IO);
	CHECK_EQ(err_prefix(&e, "add /scratch/%c", 'x'), ERR_IO);
	CHECK_STR(e.msg, "add /scratch/x: upload pack ab12cd34: 503 after 8 tries");
	CHECK_EQ(e.code, ERR_IO);
	err_clear(&e);
	CHECK_EQ(e.code, 0);
	CHECK_STR(e.msg, "");
}

TEST(null_is_allowed)
{
	struct err from;

	CHECK_EQ(err_set(NULL, ERR_USAGE, "x"), ERR_USAGE);
	CHECK_EQ(err_sys(NULL, ENOENT, "x"), ERR_NOTFOUND);
	err_set(&from, ERR_LOCKED, "held");
	CHECK_EQ(err_copy(NULL, &from), ERR_LOCKED);
	err_clear(NULL);
}

TEST(sys_says_why)
{
	struct err e;

	CHECK_EQ(err_sys(&e, ENOENT, "open %s", "/x"), ERR_NOTFOUND);
	CHECK_STR(e.msg, "open /x: No such file or directory");
	CHECK_EQ(err_of_errno(EACCES), ERR_DENIED);
	CHECK_EQ(err_of_errno(EDQUOT), ERR_NOSPACE);
	CHECK_EQ(err_of_errno(EIO), ERR_IO);
	CHECK_EQ(err_of_errno(ESTALE), ERR_IO);
	CHECK(err_permanent(ERR_DENIED) && err_permanent(ERR_TOOSHORT));
	CHECK(!err_permanent(ERR_IO) && !err_permanent(0));
}

TEST(long_sentences_lose_their_end)
{
	char big[3 * ERR_MSG_MAX];
	struct err e, copy;

	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = 0;
	err_set(&e, ERR_IO, "%s", big);
	CHECK_EQ(strlen(e.msg), ERR_MSG_MAX - 1);
	err_prefix(&e, "front");
	CHECK_EQ(strlen(e.msg), ERR_MSG_MAX - 1);
	CHECK(memcmp(e.msg, "front: aaaa", 11) == 0);
	err_prefix(&e, "%s", big);
	CHECK_EQ(strlen(e.msg), ERR_MSG_MAX - 1);
	err_sys(&e, EIO, "%s", big);
	CHECK_EQ(strlen(e.msg), ERR_MSG_MAX - 1);
	CHECK_EQ(err_copy(&copy, &e), ERR_IO);
	CHECK_STR(copy.msg, e.msg);
}
