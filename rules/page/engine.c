/* The engine of the page that `tocsin rules page` writes: the relay's own normalising, masking and wording rules, compiled
 * to WebAssembly together with this file, which stands in for the C library. Patterns are the browser's.
 *
 *   page.js: heap_reset -> alloc, write the text -> prepare | normal | wording -> read the result at once
 *
 * Memory is handed out upwards and taken back as a whole by heap_reset: a page lives for a few texts.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/text.h"
#include "rules/wording.h"

#define EXPORT(name) __attribute__((export_name(#name), used)) name

/* Given by page.js. */
__attribute__((import_module("page"), import_name("translate"))) const char *page_translate(const char *s);
__attribute__((import_module("page"), import_name("found"))) void page_found(int error, const char *code,
                                                                             const char *text);

/* ---- memory ---- */

extern unsigned char __heap_base;
enum { PAGE_BYTES = 65536, ALIGN = 16 };
static size_t heap_at;

void EXPORT(heap_reset)(void)
{
    heap_at = ((size_t)&__heap_base + ALIGN - 1) / ALIGN * ALIGN;
}

/* Each piece has its size before it, for realloc. */
void *EXPORT(alloc)(size_t n)
{
    size_t at = heap_at + ALIGN, end = (at + n + ALIGN - 1) / ALIGN * ALIGN;
    size_t have = (size_t)__builtin_wasm_memory_size(0) * PAGE_BYTES;
    if (end < at) abort();
    if (end > have && __builtin_wasm_memory_grow(0, (end - have) / PAGE_BYTES + 1) == (size_t)-1) abort();
    *(size_t *)(at - ALIGN) = n;
    heap_at = end;
    return (void *)at;
}

void abort(void)
{
    __builtin_trap();
}

void free(void *p)
{
    (void)p; /* all goes at once */
}

void *xmalloc(size_t size)
{
    return alloc(size);
}

void *xcalloc(size_t n, size_t size)
{
    return memset(alloc(n * size), 0, n * size);
}

void *xrealloc(void *p, size_t size)
{
    void *fresh = alloc(size);
    size_t had = p ? *(size_t *)((unsigned char *)p - ALIGN) : 0;
    return p ? memcpy(fresh, p, had < size ? had : size) : fresh;
}

void *xreallocarray(void *p, size_t n, size_t size)
{
    return xrealloc(p, n * size);
}

char *xstrndup(const char *s, size_t n)
{
    char *copy = alloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

void free_ptr(void *p)
{
    (void)p;
}

/* ---- strings ---- */

void *memcpy(void *to, const void *from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    for (size_t i = 0; i < n; i++) t[i] = f[i];
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    if (t < f) return memcpy(to, from, n);
    while (n-- > 0) t[n] = f[n];
    return to;
}

void *memset(void *to, int value, size_t n)
{
    unsigned char *t = to;
    for (size_t i = 0; i < n; i++) t[i] = (unsigned char)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

void *memchr(const void *s, int c, size_t n)
{
    const unsigned char *p = s;
    for (size_t i = 0; i < n; i++)
        if (p[i] == (unsigned char)c) return (void *)(p + i);
    return NULL;
}

void *memmem(const void *s, size_t n, const void *part, size_t part_n)
{
    const unsigned char *p = s;
    for (size_t i = 0; i + part_n <= n; i++)
        if (memcmp(p + i, part, part_n) == 0) return (void *)(p + i);
    return NULL;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n]) n++;
    return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];
        if (x != y) return x < y ? -1 : 1;
        if (!x) return 0;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, (size_t)-1);
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c) return (char *)s;
        if (!*s) return NULL;
    }
}

size_t strcspn(const char *s, const char *stop)
{
    size_t n = 0;
    while (s[n] && !strchr(stop, s[n])) n++;
    return n;
}

size_t strspn(const char *s, const char *of)
{
    size_t n = 0;
    while (s[n] && strchr(of, s[n])) n++;
    return n;
}

char *strstr(const char *s, const char *part)
{
    return memmem(s, strlen(s), part, strlen(part));
}

/* ---- what base gives elsewhere ---- */

char *gettext(const char *s)
{
    return (char *)page_translate(s);
}

void buf_add(struct buf *b, const void *data, size_t n)
{
    if (b->len + n + 1 > b->cap) {
        b->cap = 2 * (b->len + n) + 64;
        b->data = xrealloc(b->data, b->cap);
    }
    memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_release(struct buf *b)
{
    *b = (struct buf){.limit = b->limit};
}

struct out {
    char *to;
    size_t size, n;
};

static void put(struct out *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++, o->n++)
        if (o->n + 1 < o->size) o->to[o->n] = s[i];
}

static void put_number(struct out *o, long long v)
{
    char digits[24];
    size_t at = sizeof(digits);
    bool negative = v < 0;
    unsigned long long left = negative ? 0ULL - (unsigned long long)v : (unsigned long long)v;
    do digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (negative) digits[--at] = '-';
    put(o, digits + at, sizeof(digits) - at);
}

/* What the messages of wording.c and slots.c use: %s %.*s %d %zu %.1f %%. */
int vsnprintf(char *to, size_t size, const char *fmt, va_list ap)
{
    struct out o = {to, size, 0};
    for (const char *p = fmt; *p; p++) {
        if (*p != '%') {
            put(&o, p, 1);
        } else if (strncmp(p, "%zu", 3) == 0) {
            put_number(&o, (long long)va_arg(ap, size_t));
            p += 2;
        } else if (strncmp(p, "%.*s", 4) == 0) {
            int n = va_arg(ap, int);
            put(&o, va_arg(ap, const char *), n > 0 ? (size_t)n : 0);
            p += 3;
        } else if (strncmp(p, "%.1f", 4) == 0) {
            long long tenths = (long long)(va_arg(ap, double) * 10 + 0.5);
            put_number(&o, tenths / 10);
            put(&o, ".", 1);
            put_number(&o, tenths % 10);
            p += 3;
        } else if (*++p == 's') {
            const char *s = va_arg(ap, const char *);
            put(&o, s, strlen(s));
        } else if (*p == 'd') {
            put_number(&o, va_arg(ap, int));
        } else {
            put(&o, p, 1);
        }
    }
    if (size) to[o.n < size ? o.n : size - 1] = '\0';
    return (int)o.n;
}

enum relay_err fail(struct reason *why, enum relay_err err, const char *fmt, ...)
{
    if (!why) return err;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why->text, sizeof(why->text), fmt, ap); /* a long reason is cut: it is for people */
    va_end(ap);
    return err;
}

/* ---- for the page ---- */

/* As 32-bit numbers: where the normal form is, its length, its offsets, what may be shown, its length. */
static uint32_t result[5];

uint32_t *EXPORT(prepare)(const char *text, size_t n)
{
    struct norm_text norm = {0};
    struct buf shown = BUF_INIT((size_t)-1 / 2);
    mask_text(text, n, &norm, NULL, &shown);
    result[0] = (uint32_t)norm.text;
    result[1] = (uint32_t)norm.len;
    result[2] = (uint32_t)norm.origin;
    result[3] = (uint32_t)shown.data;
    result[4] = (uint32_t)shown.len;
    return result;
}

/* A word of a list, as the relay reads it in a rule. */
uint32_t *EXPORT(normal)(const char *word, size_t n)
{
    struct norm_text norm = {0};
    normalise(word, n, &norm);
    result[0] = (uint32_t)norm.text;
    result[1] = (uint32_t)norm.len;
    return result;
}

static void tell(void *arg, bool error, const char *code, const char *text)
{
    (void)arg;
    page_found(error, code, text);
}

void EXPORT(wording)(const char *name, const char *text)
{
    wording_check(name, text, tell, NULL);
}

int EXPORT(seconds_tenths)(const char *text)
{
    return (int)(wording_seconds(text) * 10 + 0.5);
}

size_t EXPORT(filled_bytes)(const char *text)
{
    return wording_bytes(text);
}
