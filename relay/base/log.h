/* One line per happening on standard error: level, then "id first, stable keys, outcome last".
 * Under systemd (JOURNAL_STREAM set) lines begin with <N>; else with the local time and the level's name.
 * Lines that are not the end of something end in what happens next ("retrying in 40 s").
 * Nothing personal and no key ever enters a log: pass addresses through log_redact_url first. */
#ifndef TOCSIN_BASE_LOG_H
#define TOCSIN_BASE_LOG_H

#include "base/err.h"

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

void log_set_level(enum log_level level);
/* As configurations name them: error, warning, info, debug. */
extern const char *const log_level_names[]; /* NULL at the end */
void log_set_named_level(int index);
bool log_enabled(enum log_level level); /* whether it is worth while to put a line together */
void log_write(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* For tests: lines go to fn instead. NULL restores standard error. */
void log_capture(void (*fn)(enum log_level level, const char *line, void *arg), void *arg);

/* "https://host/…": keeps scheme and host, drops user, path, query. Returns out. */
const char *log_redact_url(const char *url, char *out, size_t out_size);

#endif
