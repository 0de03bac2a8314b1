/* The part of the C library that the page's engine uses; engine.c has the functions. */
#ifndef TOCSIN_PAGE_STRING_H
#define TOCSIN_PAGE_STRING_H
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
void *memmem(const void *s, size_t n, const void *part, size_t part_n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
size_t strcspn(const char *s, const char *stop);
size_t strspn(const char *s, const char *of);
char *strchr(const char *s, int c);
char *strstr(const char *s, const char *part);
#endif
