#include "base/whoami.h"
#include "base/mem.h"
#include <pwd.h>
#include <unistd.h>

char *whoami_host(void)
{
	char name[256];

	if (gethostname(name, sizeof(name)))
		return mem_strdup("localhost");
	name[sizeof(name) - 1] = 0;
	return mem_strdup(name);
}

char *whoami_user(void)
{
	struct passwd pw, *found = NULL;
	char room[16384];

	if (getpwuid_r(getuid(), &pw, room, sizeof(room), &found) || !found)
		return mem_strdup("");
	return mem_strdup(found->pw_name);
}
