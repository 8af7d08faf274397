/* version: of this program. */
#include "cmd/cmd.h"

void cmd_version(const struct cmd *c)
{
	struct json_out j;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	if (out_json(c->out)) {
		out_message(&j, &b, "version");
		json_key(&j, "version");
		json_str(&j, CMD_VERSION);
		json_key(&j, "program");
		json_str(&j, "a_backup");
		json_object_end(&j);
	} else {
		buf_adds(&b, "a_backup " CMD_VERSION " (repositories as of restic 0.14 to 0.19)");
	}
	out_line(c->out, &b);
	buf_release(&b);
}
