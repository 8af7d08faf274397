/*
 * log: messages for the user on their way up to the command, which alone prints.  `fn` may be
 * called from any thread, also at once.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
	enum log_level max;
	/* msg: one line without a newline */
	void (*fn)(void *arg, enum log_level level, const char *msg);
	void *arg;
};

/* log_msg(l, level, fmt, ...): `l` NULL, or a level above l->max: nothing happens. */
void log_msg(const struct log *l, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
