/* Two clocks. Wall time (UTC milliseconds) is for records and for what people read; monotonic time
 * (milliseconds that also count while the host sleeps: CLOCK_BOOTTIME) is for every wait.
 * `now` is a parameter everywhere but in the loop, so that decide and backoff are pure and tests set the time.
 */
#ifndef TOCSIN_BASE_CLOCK_H
#define TOCSIN_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct now {
    int64_t wall; /* ms since 1970-01-01 UTC */
    int64_t mono; /* ms, starts anywhere, never goes back */
};

#define SECOND_MS 1000LL
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

static inline int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct now clock_now(void);
int64_t clock_build_ms(void); /* wall time of the build: a clock before it is not trusted */

/* The zone in which people's times are written and days begin. An IANA name; needs tzdata. Set once at start. */
enum relay_err clock_set_zone(const char *iana_name, struct reason *why) MUST_CHECK;
enum relay_err clock_check_zone(const char *iana_name, struct reason *why) MUST_CHECK; /* would it? */

#define TIME_TEXT_LEN 40
/* "2026-11-22T18:33:55+08:00" in the set zone; with milliseconds when `ms` is true. Returns out. */
const char *clock_format(int64_t wall_ms, bool ms, char out[static TIME_TEXT_LEN]);

/* RFC 3339, offset required (numeric or Z), fraction allowed, leap second read as :59. */
enum relay_err clock_parse(const char *text, int64_t *ret_wall_ms) MUST_CHECK;

struct local_time {
    int year, month, day; /* 2026, 1..12, 1..31 */
    int hour, minute, second;
    int weekday; /* 0 Sunday .. 6 */
};
struct local_time clock_local(int64_t wall_ms);
int64_t clock_local_to_wall(struct local_time t); /* the first such instant where a clock change makes two */
int clock_local_day(int64_t wall_ms);             /* 20261122 */

/* "90s" "2h" "72h" "7d" "150ms": a number and a unit (ms s m h d), or 0. */
enum relay_err duration_parse(const char *text, int64_t *ret_ms) MUST_CHECK;
const char *duration_format(int64_t ms, char out[static 24]); /* the largest unit that divides it */

/* A window of the day in local time, minutes since 00:00; "21:30-07:30" wraps round midnight.
 * from == to never contains anything. */
struct day_window {
    int from, to;
};
enum relay_err day_window_parse(const char *text, struct day_window *ret) MUST_CHECK;
bool day_window_contains(const struct day_window *w, int64_t wall_ms);
/* The wall time at which the window that contains wall_ms ends. */
int64_t day_window_end(const struct day_window *w, int64_t wall_ms);
/* The first time from wall_ms on that no window contains: where one begins before another ends they are one. */
int64_t day_windows_over(const struct day_window *w, size_t n, int64_t wall_ms);

#endif
