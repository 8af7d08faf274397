#include "backend/ini.h"
#include <string.h>

static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t\r");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r", end[-1]))
		*--end = 0;
	return s;
}

void ini_read(char *text,
	void (*fn)(void *arg, const char *section, const char *key, const char *value), void *arg)
{
	const char *section = "";

	while (text) {
		char *next = strchr(text, '\n'), *line, *eq;

		if (next)
			*next++ = 0;
		line = trim(text);
		text = next;
		if (*line == '#' || *line == ';')
			continue;
		if (*line == '[') {
			char *end = strchr(line, ']');

			if (end)
				*end = 0;
			section = trim(line + 1);
			continue;
		}
		eq = strchr(line, '=');
		if (!eq)
			continue;
		*eq = 0;
		fn(arg, section, trim(line), trim(eq + 1));
	}
}
