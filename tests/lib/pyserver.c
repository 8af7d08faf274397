#include "lib/pyserver.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct pyserver pyserver_start(const char *cert, const char *key, const char *ca)
{
	struct pyserver s = {0};
	int in[2], out[2];
	char text[32] = "";
	size_t n = 0;

	REQUIRE(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC));
	s.pid = fork();
	REQUIRE(s.pid >= 0);
	if (!s.pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execlp("python3", "python3", "tests/lib/http_server.py", cert, key, ca,
			(char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	s.stdin_fd = in[1];
	while (n < sizeof(text) - 1 && !strchr(text, '\n'))
		REQUIRE(read(out[0], text + n++, 1) == 1);
	s.port = atoi(text);
	close(out[0]);
	return s;
}

void pyserver_stop(struct pyserver *s)
{
	close(s->stdin_fd);
	waitpid(s->pid, NULL, 0);
}
