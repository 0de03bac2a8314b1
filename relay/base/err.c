/* Reasons: filled on the way down, prefixed on the way up. */
#include "base/err.h"

#include <stdarg.h>

#include "base/text.h"

void reason_mend(struct reason *why)
{
    text_mend(why->text);
}

enum relay_err fail(struct reason *why, enum relay_err err, const char *fmt, ...)
{
    if (!why) return err;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why->text, sizeof(why->text), fmt, ap); /* a long reason is cut: it is for people */
    va_end(ap);
    reason_mend(why);
    return err;
}

enum relay_err fail_in(struct reason *why, enum relay_err err, const char *fmt, ...)
{
    if (!why) return err;
    struct reason inner = *why;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(why->text, sizeof(why->text), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(why->text)) return err;
    (void)snprintf(why->text + n, sizeof(why->text) - (size_t)n, ": %s", inner.text);
    reason_mend(why);
    return err;
}

const char *relay_err_name(enum relay_err err)
{
    switch (err) {
    case RELAY_OK: return "ok";
    case RELAY_INVALID: return "invalid";
    case RELAY_NOT_FOUND: return "not_found";
    case RELAY_CONFLICT: return "conflict";
    case RELAY_LIMIT: return "limit";
    case RELAY_FULL: return "full";
    case RELAY_IO: return "io";
    case RELAY_CORRUPT: return "corrupt";
    case RELAY_OFFLINE: return "offline";
    case RELAY_TIMEOUT: return "timeout";
    case RELAY_DENIED: return "denied";
    case RELAY_UNSUPPORTED: return "unsupported";
    }
    return "unknown";
}
