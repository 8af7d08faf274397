#include "backend/curl_late.h"
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

/* The name of libcurl's interface, the same since 2006 (7.16). */
#define SONAME "libcurl.so.4"

#define EACH(X)                                                                                    \
	X(curl_global_init)                                                                        \
	X(curl_easy_init)                                                                          \
	X(curl_easy_reset)                                                                         \
	X(curl_easy_cleanup)                                                                       \
	X(curl_easy_setopt)                                                                        \
	X(curl_easy_getinfo)                                                                       \
	X(curl_easy_strerror)                                                                      \
	X(curl_slist_append)                                                                       \
	X(curl_slist_free_all)                                                                     \
	X(curl_multi_init)                                                                         \
	X(curl_multi_cleanup)                                                                      \
	X(curl_multi_setopt)                                                                       \
	X(curl_multi_add_handle)                                                                   \
	X(curl_multi_remove_handle)                                                                \
	X(curl_multi_perform)                                                                      \
	X(curl_multi_wait)                                                                         \
	X(curl_multi_info_read)

static struct {
#define MEMBER(f) __typeof__(f) *f;
	EACH(MEMBER)
} late;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char why[256]; /* empty: all is well */

static bool find(void *lib, const char *name, void *pointer)
{
	void *f = dlsym(lib, name);

	memcpy(pointer, &f, sizeof f);
	return f != NULL;
}

static void load(void)
{
	void *lib = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	bool ok = lib != NULL;

#define FIND(f) ok = ok && find(lib, #f, &late.f);
	EACH(FIND)
	if (!ok)
		strncpy(why, dlerror(), sizeof why - 1);
	else if (late.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		strcpy(why, "it does not start");
}

int curl_late(struct err *err)
{
	pthread_once(&once, load);
	if (*why)
		return err_set(err, ERR_UNSUPPORTED,
			"network stores need libcurl, and it cannot be used (Debian: install the "
			"package libcurl4 or libcurl4t64): %s",
			why);
	return 0;
}

/* In brackets, because curl.h has macros of some of these names. */

CURL *(curl_easy_init)(void)
{
	return late.curl_easy_init();
}

void(curl_easy_reset)(CURL *easy)
{
	late.curl_easy_reset(easy);
}

void(curl_easy_cleanup)(CURL *easy)
{
	late.curl_easy_cleanup(easy);
}

/* The kind of an option's value follows from its number (curl.h, CURLOPTTYPE_*). */
#define PASS_ON(call, subject, option)                                                             \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, option);                                                              \
		switch ((int)(option) / 10000 * 10000) {                                           \
		case CURLOPTTYPE_LONG:                                                             \
			code = (call)(subject, option, va_arg(ap, long));                          \
			break;                                                                     \
		case CURLOPTTYPE_OFF_T:                                                            \
			code = (call)(subject, option, va_arg(ap, curl_off_t));                    \
			break;                                                                     \
		case CURLOPTTYPE_FUNCTIONPOINT:                                                    \
			code = (call)(subject, option, va_arg(ap, void (*)(void)));                \
			break;                                                                     \
		default:                                                                           \
			code = (call)(subject, option, va_arg(ap, void *));                        \
		}                                                                                  \
		va_end(ap);                                                                        \
	} while (0)

CURLcode(curl_easy_setopt)(CURL *easy, CURLoption option, ...)
{
	CURLcode code;

	PASS_ON(late.curl_easy_setopt, easy, option);
	return code;
}

CURLMcode(curl_multi_setopt)(CURLM *multi, CURLMoption option, ...)
{
	CURLMcode code;

	PASS_ON(late.curl_multi_setopt, multi, option);
	return code;
}

CURLcode(curl_easy_getinfo)(CURL *easy, CURLINFO info, ...)
{
	CURLcode code;
	va_list ap;

	va_start(ap, info);
	code = (late.curl_easy_getinfo)(easy, info, va_arg(ap, void *));
	va_end(ap);
	return code;
}

const char *(curl_easy_strerror)(CURLcode code)
{
	return late.curl_easy_strerror(code);
}

struct curl_slist *(curl_slist_append)(struct curl_slist *list, const char *line)
{
	return late.curl_slist_append(list, line);
}

void(curl_slist_free_all)(struct curl_slist *list)
{
	late.curl_slist_free_all(list);
}

CURLM *(curl_multi_init)(void)
{
	return late.curl_multi_init();
}

CURLMcode(curl_multi_cleanup)(CURLM *multi)
{
	return late.curl_multi_cleanup(multi);
}

CURLMcode(curl_multi_add_handle)(CURLM *multi, CURL *easy)
{
	return late.curl_multi_add_handle(multi, easy);
}

CURLMcode(curl_multi_remove_handle)(CURLM *multi, CURL *easy)
{
	return late.curl_multi_remove_handle(multi, easy);
}

CURLMcode(curl_multi_perform)(CURLM *multi, int *running)
{
	return late.curl_multi_perform(multi, running);
}

CURLMcode(curl_multi_wait)(CURLM *multi, struct curl_waitfd *extra, unsigned extra_n, int ms,
	int *ready)
{
	return late.curl_multi_wait(multi, extra, extra_n, ms, ready);
}

CURLMsg *(curl_multi_info_read)(CURLM *multi, int *left)
{
	return late.curl_multi_info_read(multi, left);
}
