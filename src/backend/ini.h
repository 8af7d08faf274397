/* ini: "[section]" and "key = value" lines, as AWS's and rclone's files have them.  Lexical; the
 * text is changed in place and read once. */
#ifndef BACKEND_INI_H
#define BACKEND_INI_H

/*
 * ini_read(text, fn, arg): fn(arg, section, key, value) for each pair of the 0-terminated text,
 * blanks around each removed; section "" before the first. Lines that are neither are passed over,
 * like those that begin with # or ;.
 */
void ini_read(char *text,
	void (*fn)(void *arg, const char *section, const char *key, const char *value), void *arg);

#endif
