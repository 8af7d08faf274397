#include "format/treemend.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

#define TREE(nodes)   "{\"nodes\":[" nodes "]}"
#define A             "{\"name\":\"a\",\"type\":\"file\"}"
#define B             "{ \"type\":\"file\", \"name\":\"b\" }"
#define N(name, more) "{\"name\":\"" name "\",\"type\":\"file\"" more "}"

static void lost(void *arg, const char *name, size_t n, const struct err *why)
{
	buf_addf(arg, "%.*s: %s\n", n ? (int)n : 1, n ? name : "?", why->msg);
}

/* mend: what comes out; what was lost is in `losses`. */
static struct buf losses;

static const char *mend(const char *json)
{
	static char text[4096];
	struct err err = {0};
	struct buf out;

	buf_init(&out, sizeof(text) - 1);
	buf_init(&losses, 4096);
	if (treemend(json, strlen(json), &out, lost, &losses, &err))
		snprintf(text, sizeof(text), "error: %s", err.msg);
	else
		snprintf(text, sizeof(text), "%.*s", (int)out.len, (const char *)out.p);
	buf_release(&out);
	return text;
}

/* So many losses, with these words in this order. */
static void losing(unsigned n, const char *first, const char *second)
{
	const char *text = losses.len ? buf_str(&losses) : "",
		   *at = first ? strstr(text, first) : text;
	unsigned lines = 0;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	if (!CHECK_EQ(lines, n) || !CHECK(at && (!second || strstr(at, second))))
		fprintf(stderr, "%s", text);
	buf_release(&losses);
}

TEST(what_is_right_stays)
{
	CHECK_STR(mend(TREE("")), TREE("") "\n");
	losing(0, NULL, NULL);
	CHECK_STR(mend(" { \"x\":1, \"nodes\" : [ " A " , " B " ], \"y\":[] } "),
		TREE(A "," B) "\n");
	losing(0, NULL, NULL);
}

TEST(order)
{
	CHECK_STR(mend(TREE(B "," A)), TREE(A "," B) "\n");
	losing(0, NULL, NULL);
	CHECK_STR(mend(TREE(N("ab", "") "," N("a", "") "," N("\\\\xff", "") "," N("b", ""))),
		TREE(N("a", "") "," N("ab", "") "," N("b", "") "," N("\\\\xff", "")) "\n");
	losing(0, NULL, NULL);
}

TEST(twice)
{
	CHECK_STR(mend(TREE(N("a", ",\"size\":1") "," B "," N("a", ",\"size\":2") "," N("a",
			  ",\"size\":3"))),
		TREE(N("a", ",\"size\":1") "," B) "\n");
	losing(2, "a: this name comes twice", "a: this name comes twice");
	/* The same name in another spelling. */
	CHECK_STR(mend(TREE(N("a", ",\"size\":1") "," N("\\\\x61", ",\"size\":2"))),
		TREE(N("a", ",\"size\":1")) "\n");
	losing(1, "a: ", NULL);
	/* The first that can be used. */
	CHECK_STR(mend(TREE("{\"name\":\"a\",\"type\":\"door\"}," A)), TREE(A) "\n");
	losing(1, "a: tree: a node has an unknown type", NULL);
}

TEST(nodes_that_cannot_be_used)
{
	CHECK_STR(mend(TREE(A ",{\"name\":\"door\",\"type\":\"door\",\"deep\":[{\"a\":{}}]}," B)),
		TREE(A "," B) "\n");
	losing(1, "door: ", "unknown type");
	CHECK_STR(mend(TREE("null,[[1]],7,\"x\"," A)), TREE(A) "\n");
	losing(4, "?: a node is not an object", NULL);
	CHECK_STR(mend(TREE(N("..", "") "," N("a/b", "") "," N("", "") ",{\"type\":\"file\"}," A)),
		TREE(A) "\n");
	losing(4, "?: tree: a name is empty", "?: tree: a node without name");
	CHECK_STR(mend(TREE(N("x", ",\"content\":[1]") "," N("y", ",\"mode\":-1") "," A)),
		TREE(A) "\n");
	losing(2, "x: ", "y: ");
}

TEST(attributes_that_can_have_no_name)
{
	const char *got = mend(TREE(B "," N("a", ",\"size\":3,\"extended_attributes\":[{\"name\":"
						 "\"\",\"value\":\"AA==\"},{\"name\":\"user.x\","
						 "\"value\":\"AQ==\"},{\"value\":\"AA==\"},{"
						 "\"name\":\"y\\u0000\",\"value\":null}]")));

	CHECK(strstr(got, "\"extended_attributes\":[{\"name\":\"user.x\",\"value\":\"AQ==\"}]"));
	CHECK(strstr(got, "\"size\":3") && strstr(got, B) > strstr(got, "user.x"));
	losing(1, "a: extended attributes whose names", NULL);
}

TEST(what_cannot_be_mended)
{
	static const char *const bad[] = {"", "[]", "{}", "null", "{\"nodes\":null}",
		"{\"nodes\":{}}", "{\"nodes\":[" A, TREE(A ","),
		TREE(A ","
		       "{\"name\":\"b\","),
		TREE(A) "x", "{\"nodes\":[],\"nodes\":[]}", TREE(A ",{\"a\":\"\n\"}")};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!CHECK(!strncmp(mend(bad[i]), "error: tree: ", 13)))
			CHECK_STR(bad[i], "refused");
		buf_release(&losses);
	}
}
