/* The one string type. */
#include "base/buf.h"

#include <stdarg.h>

#include "base/clock.h"
#include "base/mem.h"

/* Room for n more bytes and the NUL. */
static bool buf_room(struct buf *b, size_t n)
{
    if (b->failed) return false;
    if (n > b->limit || b->len > b->limit - n) {
        b->failed = true;
        return false;
    }
    if (b->len + n + 1 <= b->cap) return true;
    size_t cap = b->cap ? b->cap * 2 : 128;
    while (cap < b->len + n + 1) cap *= 2;
    b->data = xrealloc(b->data, cap);
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (!buf_room(b, n)) return;
    if (n) memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_int(struct buf *b, int64_t v)
{
    char digits[24];
    char *end = digits + sizeof(digits), *p = end;
    uint64_t u = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
    do {
        *--p = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (v < 0) *--p = '-';
    buf_add(b, p, (size_t)(end - p));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && buf_room(b, (size_t)n)) {
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_json_strn(struct buf *b, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    buf_char(b, '"');
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        buf_add(b, s + from, i - from);
        from = i + 1;
        switch (c) {
        case '"': buf_str(b, "\\\""); break;
        case '\\': buf_str(b, "\\\\"); break;
        case '\n': buf_str(b, "\\n"); break;
        case '\r': buf_str(b, "\\r"); break;
        case '\t': buf_str(b, "\\t"); break;
        default: {
            char u[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            buf_add(b, u, sizeof(u));
        }
        }
    }
    buf_add(b, s + from, n - from);
    buf_char(b, '"');
}

void buf_json_str(struct buf *b, const char *s)
{
    if (s)
        buf_json_strn(b, s, strlen(s));
    else
        buf_str(b, "null");
}

void buf_json_key(struct buf *b, const char *name)
{
    char last = b->len ? b->data[b->len - 1] : '{';
    if (last != '{' && last != '[') buf_char(b, ',');
    buf_json_str(b, name);
    buf_char(b, ':');
}

void buf_json_member(struct buf *b, const char *name, const char *value)
{
    buf_json_key(b, name);
    buf_json_str(b, value);
}

void buf_json_member_int(struct buf *b, const char *name, int64_t value)
{
    buf_json_key(b, name);
    buf_int(b, value);
}

void buf_json_member_bool(struct buf *b, const char *name, bool value)
{
    buf_json_key(b, name);
    buf_str(b, value ? "true" : "false");
}

void buf_json_member_time(struct buf *b, const char *name, int64_t wall_ms)
{
    char t[TIME_TEXT_LEN];
    buf_json_member(b, name, wall_ms ? clock_format(wall_ms, true, t) : NULL);
}

void buf_html(struct buf *b, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&': buf_str(b, "&amp;"); break;
        case '<': buf_str(b, "&lt;"); break;
        case '>': buf_str(b, "&gt;"); break;
        case '"': buf_str(b, "&quot;"); break;
        case '\'': buf_str(b, "&#39;"); break;
        default: buf_char(b, *s);
        }
    }
}

void buf_url(struct buf *b, const char *s)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t n; *s; s += n ? n : 1) {
        n = strspn(s, plain);
        buf_add(b, s, n);
        if (!n) buf_printf(b, "%%%02X", (unsigned char)*s);
    }
}

bool buf_failed(const struct buf *b)
{
    return b->failed;
}

const char *buf_cstr(const struct buf *b)
{
    return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
    char *s = b->data ? b->data : xstrdup("");
    *b = BUF_INIT(b->limit);
    return s;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data) b->data[0] = '\0';
}

void buf_release(struct buf *b)
{
    free(b->data);
    *b = BUF_INIT(b->limit);
}
