/* The two clocks, and the few forms in which people and feeds write times. */
#include "base/clock.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"

#ifndef TOCSIN_BUILD_EPOCH
#error "TOCSIN_BUILD_EPOCH comes from relay/base/CMakeLists.txt"
#endif

static int64_t read_ms(clockid_t id)
{
    struct timespec ts = {0};
    (void)clock_gettime(id, &ts); /* both clocks exist on every Linux that we run on */
    return (int64_t)ts.tv_sec * SECOND_MS + ts.tv_nsec / 1000000;
}

struct now clock_now(void)
{
    return (struct now){.wall = read_ms(CLOCK_REALTIME), .mono = read_ms(CLOCK_BOOTTIME)};
}

int64_t clock_build_ms(void)
{
    return TOCSIN_BUILD_EPOCH * SECOND_MS;
}

enum relay_err clock_check_zone(const char *iana_name, struct reason *why)
{
    const char *dir = getenv("TZDIR");
    if (!dir || !*dir) dir = "/usr/share/zoneinfo";
    if (!*iana_name || *iana_name == '/' || strstr(iana_name, ".."))
        return fail(why, RELAY_INVALID, _("`%s` is not a time zone; write one like Asia/Shanghai"),
                    iana_name);
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", dir, iana_name);
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return fail(why, RELAY_NOT_FOUND,
                    _("time zone `%s` is not in %s; write one like Asia/Shanghai, or install tzdata"),
                    iana_name, dir);
    return RELAY_OK;
}

/* The day of the minute that was asked for last: many ask for the same one, and libc reads the zone's rules anew each time. */
static _Thread_local struct {
    int64_t minute;
    int day;
} last_day = {.minute = INT64_MIN};

enum relay_err clock_set_zone(const char *iana_name, struct reason *why)
{
    enum relay_err err = clock_check_zone(iana_name, why);
    if (err) return err;
    if (setenv("TZ", iana_name, 1) != 0) return fail(why, RELAY_IO, _("cannot set the time zone"));
    tzset();
    last_day.minute = INT64_MIN;
    return RELAY_OK;
}

/* Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's algorithm). */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

/* Whole seconds and what is left, rounding down also before 1970. */
static int64_t floor_div(int64_t a, int64_t b, int64_t *ret_rest)
{
    int64_t q = a / b, r = a % b;
    if (r < 0) {
        r += b;
        q--;
    }
    *ret_rest = r;
    return q;
}

static struct tm local_tm(int64_t wall_ms)
{
    int64_t rest;
    time_t t = (time_t)floor_div(wall_ms, SECOND_MS, &rest);
    struct tm tm = {0};
    (void)localtime_r(&t, &tm); /* fails only for years beyond int: the zeroed tm is shown then */
    return tm;
}

static char *put_digits(char *p, int value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        p[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return p + width;
}

const char *clock_format(int64_t wall_ms, bool ms, char out[static TIME_TEXT_LEN])
{
    int64_t rest;
    (void)floor_div(wall_ms, SECOND_MS, &rest);
    struct tm tm = local_tm(wall_ms);
    int year = tm.tm_year + 1900;
    if (year < 0 || year > 9999) year = 9999; /* four digits are the format; nothing real is out there */
    long offset = tm.tm_gmtoff / 60;
    char *p = put_digits(out, year, 4);
    *p++ = '-';
    p = put_digits(p, tm.tm_mon + 1, 2);
    *p++ = '-';
    p = put_digits(p, tm.tm_mday, 2);
    *p++ = 'T';
    p = put_digits(p, tm.tm_hour, 2);
    *p++ = ':';
    p = put_digits(p, tm.tm_min, 2);
    *p++ = ':';
    p = put_digits(p, tm.tm_sec, 2);
    if (ms) {
        *p++ = '.';
        p = put_digits(p, (int)rest, 3);
    }
    *p++ = offset < 0 ? '-' : '+';
    if (offset < 0) offset = -offset;
    p = put_digits(p, (int)(offset / 60), 2);
    *p++ = ':';
    p = put_digits(p, (int)(offset % 60), 2);
    *p = '\0';
    return out;
}

/* Exactly `width` digits; moves *p past them, or returns -1. */
static int take_digits(const char **p, int width)
{
    int v = 0;
    for (int i = 0; i < width; i++) {
        char c = (*p)[i];
        if (c < '0' || c > '9') return -1;
        v = v * 10 + (c - '0');
    }
    *p += width;
    return v;
}

static bool take_char(const char **p, char c)
{
    if (**p != c) return false;
    (*p)++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* "+08:00", "-03:30", "Z"; minutes east of Greenwich. */
static bool take_offset(const char **p, int *ret_minutes)
{
    if (take_char(p, 'Z') || take_char(p, 'z')) {
        *ret_minutes = 0;
        return true;
    }
    int sign = **p == '-' ? -1 : 1;
    if (!take_char(p, '+') && !take_char(p, '-')) return false;
    int h = take_digits(p, 2);
    if (h < 0 || h > 23 || !take_char(p, ':')) return false;
    int m = take_digits(p, 2);
    if (m < 0 || m > 59) return false;
    *ret_minutes = sign * (h * 60 + m);
    return true;
}

enum relay_err clock_parse(const char *text, int64_t *ret_wall_ms)
{
    const char *p = text;
    int year = take_digits(&p, 4);
    if (year < 0 || !take_char(&p, '-')) return RELAY_INVALID;
    int month = take_digits(&p, 2);
    if (month < 1 || month > 12 || !take_char(&p, '-')) return RELAY_INVALID;
    int day = take_digits(&p, 2);
    if (day < 1 || day > days_in_month(year, month)) return RELAY_INVALID;
    if (!take_char(&p, 'T') && !take_char(&p, 't')) return RELAY_INVALID;
    int hour = take_digits(&p, 2);
    if (hour < 0 || hour > 23 || !take_char(&p, ':')) return RELAY_INVALID;
    int minute = take_digits(&p, 2);
    if (minute < 0 || minute > 59 || !take_char(&p, ':')) return RELAY_INVALID;
    int second = take_digits(&p, 2);
    if (second < 0 || second > 60) return RELAY_INVALID;
    if (second == 60) second = 59; /* a leap second has no number of its own in Unix time */
    int ms = 0;
    if (take_char(&p, '.')) {
        int scale = 100;
        if (*p < '0' || *p > '9') return RELAY_INVALID;
        for (; *p >= '0' && *p <= '9'; p++) {
            ms += (*p - '0') * scale;
            scale /= 10;
        }
    }
    int offset;
    if (!take_offset(&p, &offset) || *p) return RELAY_INVALID;
    int64_t minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset;
    *ret_wall_ms = (minutes * 60 + second) * SECOND_MS + ms;
    return RELAY_OK;
}

struct local_time clock_local(int64_t wall_ms)
{
    struct tm tm = local_tm(wall_ms);
    return (struct local_time){.year = tm.tm_year + 1900,
                               .month = tm.tm_mon + 1,
                               .day = tm.tm_mday,
                               .hour = tm.tm_hour,
                               .minute = tm.tm_min,
                               .second = tm.tm_sec,
                               .weekday = tm.tm_wday};
}

int64_t clock_local_to_wall(struct local_time t)
{
    /* The zone's offset before and after any change that could touch this local time: of the instants they give, the first
     * that really reads as `t`. In the hour that a change skips there is none; the old offset then leads past the gap. */
    int months = t.month - 1;
    int year = t.year + (months >= 0 ? months / 12 : -((11 - months) / 12));
    int month = months - (year - t.year) * 12 + 1;
    int64_t as_utc = ((days_from_civil(year, month, 1) + t.day - 1) * 24 + t.hour) * 3600 +
                     (int64_t)t.minute * 60 + t.second;
    int64_t before = local_tm((as_utc - 86400) * SECOND_MS).tm_gmtoff;
    int64_t after = local_tm((as_utc + 86400) * SECOND_MS).tm_gmtoff;
    int64_t first = as_utc - before, second = as_utc - after;
    if (second < first && local_tm(second * SECOND_MS).tm_gmtoff == after) return second * SECOND_MS;
    if (local_tm(first * SECOND_MS).tm_gmtoff == before) return first * SECOND_MS;
    if (local_tm(second * SECOND_MS).tm_gmtoff == after) return second * SECOND_MS;
    return first * SECOND_MS;
}

int clock_local_day(int64_t wall_ms)
{
    int64_t rest, minute = floor_div(wall_ms, MINUTE_MS, &rest);
    if (minute != last_day.minute) {
        struct local_time t = clock_local(wall_ms);
        last_day.minute = minute;
        last_day.day = t.year * 10000 + t.month * 100 + t.day;
    }
    return last_day.day;
}

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"d", DAY_MS}, {"h", HOUR_MS}, {"m", MINUTE_MS}, {"s", SECOND_MS}, {"ms", 1}};

enum relay_err duration_parse(const char *text, int64_t *ret_ms)
{
    const char *p = text;
    int64_t n = 0;
    if (*p < '0' || *p > '9') return RELAY_INVALID;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *p - '0', &n))
            return RELAY_INVALID;
    if (!*p) { /* a bare number has no unit to guess */
        if (n != 0) return RELAY_INVALID;
        *ret_ms = 0;
        return RELAY_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(p, units[i].name) != 0) continue;
        int64_t ms;
        if (__builtin_mul_overflow(n, units[i].ms, &ms)) return RELAY_INVALID;
        *ret_ms = ms;
        return RELAY_OK;
    }
    return RELAY_INVALID;
}

const char *duration_format(int64_t ms, char out[static 24])
{
    size_t i = ms == 0 ? 3 : 0; /* "0s" */
    while (ms % units[i].ms != 0) i++;
    (void)snprintf(out, 24, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
    return out;
}

/* "21:30" as minutes; "24:00" ends a day. */
static int take_minutes(const char **p)
{
    int h = take_digits(p, 2);
    if (h < 0 || h > 24 || !take_char(p, ':')) return -1;
    int m = take_digits(p, 2);
    if (m < 0 || m > 59 || (h == 24 && m != 0)) return -1;
    return h * 60 + m;
}

enum relay_err day_window_parse(const char *text, struct day_window *ret)
{
    const char *p = text;
    int from = take_minutes(&p);
    if (from < 0 || !take_char(&p, '-')) return RELAY_INVALID;
    int to = take_minutes(&p);
    if (to < 0 || *p) return RELAY_INVALID;
    *ret = (struct day_window){.from = from == 24 * 60 ? 0 : from, .to = to};
    return RELAY_OK;
}

bool day_window_contains(const struct day_window *w, int64_t wall_ms)
{
    struct local_time t = clock_local(wall_ms);
    int minute = t.hour * 60 + t.minute;
    if (w->from <= w->to) return minute >= w->from && minute < w->to;
    return minute >= w->from || minute < w->to;
}

int64_t day_window_end(const struct day_window *w, int64_t wall_ms)
{
    struct local_time t = clock_local(wall_ms);
    int minute = t.hour * 60 + t.minute;
    struct local_time end = {
        .year = t.year, .month = t.month, .day = t.day, .hour = w->to / 60, .minute = w->to % 60};
    if (w->from > w->to && minute >= w->from) end.day++;
    int64_t wall = clock_local_to_wall(end);
    if (wall > wall_ms) return wall;
    /* Inside the hour that a clock change repeats, the first such end is behind us already: count the minutes. */
    return wall_ms + (w->to - minute) * MINUTE_MS - t.second * SECOND_MS - wall_ms % SECOND_MS;
}

int64_t day_windows_over(const struct day_window *w, size_t n, int64_t wall_ms)
{
    for (size_t turn = 0, i; turn < n; turn++) { /* windows that fill the day have no end */
        for (i = 0; i < n && !day_window_contains(&w[i], wall_ms); i++)
            ;
        if (i == n) break;
        wall_ms = day_window_end(&w[i], wall_ms);
    }
    return wall_ms;
}
