/* See string.h here. */
#ifndef TOCSIN_PAGE_STDLIB_H
#define TOCSIN_PAGE_STDLIB_H
#include <stddef.h>
void free(void *p);
_Noreturn void abort(void);
#endif
