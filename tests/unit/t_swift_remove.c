#include "backend/swift_remove.h"
#include "unit/check.h"
#include <string.h>

static bool all(const char *json, size_t n)
{
	return swift_removed_read(json, strlen(json), n);
}

TEST(an_answer_that_says_of_all_that_they_are_gone)
{
	/* OpenStack's, and a Ceph gateway's. */
	CHECK(all("{\"Number Not Found\": 1, \"Response Status\": \"200 OK\", \"Response Body\": "
		  "\"\", \"Errors\": [], \"Number Deleted\": 2}",
		3));
	CHECK(all("{\"Number Deleted\":3,\"Number Not Found\":0,\"Errors\":[],\"Response "
		  "Status\":\"200 OK\",\"more\":{\"a\":[1]}}",
		3));
}

TEST(any_other)
{
	CHECK(!all("{\"Number Not Found\": 0, \"Response Status\": \"200 OK\", \"Errors\": [], "
		   "\"Number Deleted\": 2}",
		3));
	CHECK(!all("{\"Number Not Found\": 0, \"Response Status\": \"200 OK\", \"Errors\": [], "
		   "\"Number Deleted\": 4}",
		3));
	CHECK(!all("{\"Number Not Found\": 18446744073709551615, \"Response Status\": \"200 "
		   "OK\", \"Errors\": [], \"Number Deleted\": 4}",
		3));
	CHECK(!all("{\"Number Not Found\": 0, \"Response Status\": \"400 Bad Request\", "
		   "\"Errors\": [], \"Number Deleted\": 3}",
		3));
	CHECK(!all("{\"Number Not Found\": 0, \"Response Status\": \"200 OK\", \"Errors\": "
		   "[[\"/c/o\", \"403 Forbidden\"]], \"Number Deleted\": 3}",
		3));
	CHECK(!all("{\"Number Not Found\": 0, \"Response Status\": \"200 OK\", \"Errors\": "
		   "[{\"Name\": \"/c/o\"}], \"Number Deleted\": 3}",
		3));
	CHECK(!all("{\"Number Not Found\": 0, \"Errors\": [], \"Number Deleted\": 3}", 3));
	CHECK(!all("{\"Number Not Found\": 0, \"Response Status\": \"200 OK\", \"Number Deleted\": "
		   "3",
		3));
	CHECK(!all("{}", 3));
	CHECK(!all("", 3));
	CHECK(!all("<html>please log in</html>", 3));
	CHECK(!all("[]", 3));
}
