/* Any bytes quoted as a name come back; what unquotes, quoted again, unquotes to the same. */
#include "format/gojson.h"
#include "base/json_in.h"
#include "fuzz/fuzz.h"

static void there_and_back(const uint8_t *p, size_t n)
{
	struct json_in j;
	struct buf json, raw;

	buf_init(&json, 12 * n + 2);
	buf_init(&raw, n);
	gojson_put_name(&json, (const char *)p, n);
	ALWAYS(!json.overflow);
	for (size_t i = 0; i < json.len; i++)
		ALWAYS(json.p[i] >= 0x20 && json.p[i] != 0x7f);
	json_in_mem(&j, json.p, json.len);
	ALWAYS(json_string(&j, "name") == 0);
	ALWAYS(gojson_unquote(j.str, j.len, &raw) == 0);
	ALWAYS(raw.len == n && (!n || memcmp(raw.p, p, n) == 0));
	ALWAYS(json_next(&j) == JSON_END);
	json_in_release(&j);
	buf_release(&json);
	buf_release(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf raw;

	there_and_back(p, n);
	buf_init(&raw, n);
	if (gojson_unquote((const char *)p, n, &raw) == 0) {
		ALWAYS(!raw.overflow && raw.len <= n);
		there_and_back(raw.p, raw.len);
	}
	buf_release(&raw);
	return 0;
}
