/* A growing byte string that states its limit at birth.
 *
 *   CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
 *   buf_str(&b, "{\"id\":"); buf_json_str(&b, id); buf_str(&b, "}");
 *   if (buf_failed(&b)) …        // over the limit: the content is kept up to there, later adds do nothing
 *
 * Invariant: data is NUL-terminated at len whenever it is not NULL; buf_cstr never returns NULL.
 */
#ifndef TOCSIN_BASE_BUF_H
#define TOCSIN_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
    char *data;
    size_t len, cap, limit;
    bool failed;
};

#define BUF_INIT(max) ((struct buf){.limit = (max)})

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_int(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/* A JSON string with its quotes. C0 controls are escaped, all else goes raw (UTF-8 is the caller's promise).
 * NULL gives null. */
void buf_json_str(struct buf *b, const char *s);
void buf_json_strn(struct buf *b, const char *s, size_t n);
/* "name":"value" and "name":12, with a comma before it unless the last byte is { or [ . */
void buf_json_member(struct buf *b, const char *name, const char *value);
void buf_json_member_int(struct buf *b, const char *name, int64_t value);
void buf_json_member_bool(struct buf *b, const char *name, bool value);
void buf_json_key(struct buf *b, const char *name); /* [,]"name": and the value follows */
/* RFC 3339 with the zone's numeric offset; 0 gives null. See clock.h. */
void buf_json_member_time(struct buf *b, const char *name, int64_t wall_ms);

void buf_html(struct buf *b, const char *s); /* escapes & < > " ' */
void buf_url(struct buf *b, const char *s);  /* %XX for all but letters, digits and -._~ */

bool buf_failed(const struct buf *b);
const char *buf_cstr(const struct buf *b);
char *buf_take(struct buf *b); /* the caller frees; b is empty again. Never NULL. */
void buf_clear(struct buf *b); /* len 0, memory kept, failed reset */
void buf_release(struct buf *b);

#endif
