/* version: of this program. */
#include "cmd/cmd.h"

/* In Go's words. */
#if defined(__x86_64__)
#define ARCH "amd64"
#elif defined(__aarch64__)
#define ARCH "arm64"
#elif defined(__powerpc64__)
#define ARCH "ppc64le"
#else
#define ARCH "unknown"
#endif

void cmd_version(const struct cmd *c)
{
	struct json_out j;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	if (out_json(c->out)) {
		out_message(&j, &b, "version");
		json_key(&j, "version");
		json_str(&j, CMD_VERSION);
		/* What restic was built with and for; programs demand it. */
		json_key(&j, "go_version");
		json_str(&j, "none (C)");
		json_key(&j, "go_os");
		json_str(&j, "linux");
		json_key(&j, "go_arch");
		json_str(&j, ARCH);
		json_key(&j, "program");
		json_str(&j, "a_backup");
		json_object_end(&j);
	} else {
		buf_adds(&b, "a_backup " CMD_VERSION " (repositories as of restic 0.14 to 0.19)");
	}
	out_line(c->out, &b);
	buf_release(&b);
}
