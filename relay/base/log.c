/* One line per happening on standard error, written whole so that lines of two threads never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum { LINE_MAX_BYTES = 2048 };

static enum log_level threshold = LOG_LEVEL_INFO;
static void (*capture)(enum log_level level, const char *line, void *arg);
static void *capture_arg;

void log_set_level(enum log_level level)
{
    threshold = level;
}

const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};

void log_set_named_level(int index)
{
    static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
                                            LOG_LEVEL_DEBUG};
    log_set_level(levels[index]);
}

bool log_enabled(enum log_level level)
{
    return level <= threshold;
}

void log_capture(void (*fn)(enum log_level level, const char *line, void *arg), void *arg)
{
    capture = fn;
    capture_arg = arg;
}

/* systemd names the device and inode of the stream that it reads: a redirected standard error is not that. */
static bool under_journal(void)
{
    static int known = -1;
    if (known >= 0) return known;
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char mine[64];
    known = 0;
    if (stream && fstat(STDERR_FILENO, &st) == 0) {
        (void)snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev,
                       (unsigned long long)st.st_ino);
        known = strcmp(mine, stream) == 0;
    }
    return known;
}

static const char *level_word(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR: return "error";
    case LOG_LEVEL_WARNING: return "warning";
    case LOG_LEVEL_INFO: return "info";
    case LOG_LEVEL_DEBUG: return "debug";
    }
    return "info";
}

void log_write(enum log_level level, const char *fmt, ...)
{
    if (level > threshold) return;
    char line[LINE_MAX_BYTES], when[TIME_TEXT_LEN];
    int head = 0;
    if (!capture) {
        if (under_journal())
            head = snprintf(line, sizeof(line), "<%d>", (int)level);
        else
            head = snprintf(line, sizeof(line), "%s %s ", clock_format(clock_now().wall, true, when),
                            level_word(level));
    }
    size_t from = head > 0 ? (size_t)head : 0, room = sizeof(line) - from - 1; /* 1 for the line feed */
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line + from, room, fmt, ap);
    va_end(ap);
    if (n < 0) return;
    size_t len = (size_t)n < room ? (size_t)n : room - 1;
    /* A cut must not leave half a character, and nothing that came from outside may begin a line of its own. */
    if ((size_t)n >= room) {
        while (len > 0 && ((unsigned char)line[from + len - 1] & 0xc0) == 0x80) len--;
        if (len > 0 && (unsigned char)line[from + len - 1] >= 0xc0) len--;
    }
    for (size_t i = from; i < from + len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) line[i] = ' ';
    line[from + len] = '\0';
    if (capture) {
        capture(level, line, capture_arg);
        return;
    }
    line[from + len] = '\n';
    const char *p = line;
    for (size_t left = from + len + 1; left > 0;) {
        ssize_t w = write(STDERR_FILENO, p, left);
        if (w <= 0) return; /* nobody reads: there is nowhere left to say so */
        p += w;
        left -= (size_t)w;
    }
}

const char *log_redact_url(const char *url, char *out, size_t out_size)
{
    const char *scheme_end = strstr(url, "://");
    if (!scheme_end || scheme_end == url) {
        (void)snprintf(out, out_size, "…");
        return out;
    }
    const char *host = scheme_end + 3;
    size_t authority = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', authority);
    size_t host_len = authority;
    if (at) {
        host_len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    (void)snprintf(out, out_size, "%.*s://%.*s/…", (int)(scheme_end - url), url, (int)host_len, host);
    return out;
}
