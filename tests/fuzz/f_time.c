/* A time that can be read is written so that it reads the same again. */
#include "base/err.h"
#include "base/json_out.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ts t, again;
	int32_t offset = 0, zero = 1;
	struct buf b;

	if (json_parse_time((const char *)p, n, &t, &offset) < 0)
		return 0;
	ALWAYS(t.nsec >= 0 && t.nsec < 1000000000);
	ALWAYS(offset > -100 * 3600 && offset < 100 * 3600);
	buf_init(&b, 100);
	json_put_time(&b, &t, NULL);
	ALWAYS(!b.overflow && b.len > 2 && b.p[0] == '"' && b.p[b.len - 1] == '"');
	ALWAYS(json_parse_time((const char *)b.p + 1, b.len - 2, &again, &zero) == 0);
	ALWAYS(zero == 0 && again.nsec == t.nsec);
	/* An offset may carry the first or last hours into years that cannot be written; those are
	 * clamped. */
	ALWAYS(again.sec == t.sec || t.sec < -62167219200 || t.sec > 253402300799);
	buf_release(&b);
	return 0;
}
