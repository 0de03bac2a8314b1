/* See string.h here. */
#ifndef TOCSIN_PAGE_STDIO_H
#define TOCSIN_PAGE_STDIO_H
#include <stdarg.h>
#include <stddef.h>
int vsnprintf(char *to, size_t size, const char *fmt, va_list ap);
#endif
