/* Allocation that cannot return NULL, and an arena for things that die together. */
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/i18n.h"

static void out_of_memory(size_t size)
{
    (void)fprintf(stderr, "<2>out of memory (%zu bytes): stopping; the store has all that was accepted\n",
                  size);
    abort();
}

void *xmalloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p) out_of_memory(size);
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p) out_of_memory(n * size);
    return p;
}

void *xrealloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) out_of_memory(size);
    return p;
}

void *xreallocarray(void *old, size_t n, size_t size)
{
    void *p = reallocarray(old, n ? n : 1, size ? size : 1);
    if (!p) out_of_memory(size);
    return p;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
    char *p = xmalloc(n + 1);
    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

char *xasprintf(const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0 || !s) out_of_memory(0);
    return s;
}

void free_ptr(void *pp)
{
    void **p = pp;
    free(*p);
    *p = NULL;
}

enum { ARENA_BLOCK = 16 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

void *arena_alloc(struct arena *a, size_t size)
{
    size_t aligned = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
    struct arena_block *b = a->head;
    if (!b || b->size - b->used < aligned) {
        size_t room = aligned > ARENA_BLOCK ? aligned : ARENA_BLOCK;
        b = xmalloc(sizeof(*b) + room);
        b->size = room;
        b->used = 0;
        b->next = a->head;
        a->head = b;
    }
    void *p = b->bytes + b->used;
    b->used += aligned;
    a->total += aligned;
    memset(p, 0, aligned);
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);
    memcpy(p, s, n);
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    char most[512]; /* of them fit: then they are put together once */
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(most, sizeof(most), fmt, ap);
    va_end(ap);
    if (n < 0) n = 0;
    char *p;
    if ((size_t)n < sizeof(most)) {
        p = arena_strndup(a, most, (size_t)n);
    } else {
        p = arena_alloc(a, (size_t)n + 1);
        (void)vsnprintf(p, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    return p;
}

void arena_reset(struct arena *a)
{
    while (a->head && a->head->next) {
        struct arena_block *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    if (a->head) a->head->used = 0;
    a->total = 0;
}

void arena_release(struct arena *a)
{
    while (a->head) {
        struct arena_block *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    a->total = 0;
}

/* -- keys --------------------------------------------------------------------------------------------------------- */

enum relay_err memory_keep_private(struct reason *why)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return fail(why, RELAY_IO, _("core files cannot be switched off: %s"), strerror(errno));
#ifndef __SANITIZE_ADDRESS__
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return fail(why, RELAY_IO, _("others can read this program's memory: %s"), strerror(errno));
#endif
    return RELAY_OK;
}
