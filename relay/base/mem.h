/* Memory: our own allocations abort when memory is gone, because the store and a restart are the recovery.
 * Library out-of-memory codes are ordinary errors. */
#ifndef TOCSIN_BASE_MEM_H
#define TOCSIN_BASE_MEM_H

#include <stddef.h>

#include "base/err.h"

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF(1, 2) __attribute__((malloc, returns_nonnull));

/* CLEANUP(buf_release) struct buf b = BUF_INIT(1024);   runs at the end of the scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

void free_ptr(void *pp); /* CLEANUP(free_ptr) char *s = …; */

/* For a process that holds keys: from here on no core file of it, nor of a program that it starts, is written, and no other
 * process of its user may read its memory (with the sanitisers it may: their leak finder must). Called by secret_read, and
 * at the start of whoever has keys from elsewhere. RELAY_IO: it goes on, and only the caller can say so. */
enum relay_err memory_keep_private(struct reason *why) MUST_CHECK;

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Bump allocator for things that die together: an event, a configuration, a rule set.
 * Pointers stay valid until arena_reset or arena_release. Memory comes zeroed. */
struct arena {
    struct arena_block *head;
    size_t total; /* bytes handed out since the last reset */
};

void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3) __attribute__((returns_nonnull));
void arena_reset(struct arena *a); /* keeps the first block for the next event */
void arena_release(struct arena *a);

#endif
