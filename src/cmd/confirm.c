#include "cmd/confirm.h"
#include "base/fd.h"
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool confirm(int fd_in, int fd_out, const char *question)
{
	char line[64];
	ssize_t n;

	if (!isatty(fd_in) || !isatty(fd_out))
		return false;
	fd_write(fd_out, question, strlen(question));
	fd_write(fd_out, " [y/N] ", 7);
	n = fd_read(fd_in, line, sizeof(line) - 1); /* a line, since it is a terminal */
	if (n <= 0)
		return false;
	line[n] = 0;
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r' || line[n - 1] == ' '))
		line[--n] = 0;
	return !strcasecmp(line, "y") || !strcasecmp(line, "yes");
}
