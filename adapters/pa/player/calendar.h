/* Days and minutes as the hospital's wall clock shows them, and what kind of day it is.
 *
 * A "civil minute" counts minutes of local wall-clock time since 1970-01-01T00:00. Slots are keyed by it and not by an
 * instant, so that a stepped clock or another time zone neither repeats nor loses one. A "civil day" counts days.
 *
 * Holidays come from files in holiday-cn's form, one a year: {"year":2026,"days":[{"name","date","isOffDay"},…]}.
 * A year is known when New Year's Day is said to be a holiday, as every paper says: neither an empty list, which is
 * published long before the paper is, nor a file of a few days that the house keeps differently makes it known. The days of
 * a year that is not known are plain weekdays and weekends, and calendar_day says so, for an alarm.
 *
 *   calendar_new -> calendar_load_folder, calendar_load … -> calendar_day -> calendar_free
 */
#ifndef TOCSIN_PLAYER_CALENDAR_H
#define TOCSIN_PLAYER_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define MINUTES_A_DAY  1440
#define CIVIL_TEXT_LEN 24

int64_t civil_day(int year, int month, int day);
void civil_day_split(int64_t day, int *ret_year, int *ret_month, int *ret_day);
int civil_weekday(int64_t day); /* 0 Sunday .. 6 */

int64_t civil_minute(int64_t wall_ms); /* the minute that the local wall clock shows */
int64_t civil_ms(int64_t wall_ms);     /* the same with seconds and milliseconds */
int64_t civil_to_wall(int64_t minute); /* the first instant at which the wall clock shows it */

const char *civil_format(int64_t minute, char out[static CIVIL_TEXT_LEN]);     /* "2026-11-23T09:00" */
enum relay_err civil_parse_day(const char *text, int64_t *ret_day) MUST_CHECK; /* "2026-11-23" */

enum day_type { DAY_WEEKDAY, DAY_WEEKEND, DAY_HOLIDAY, DAY_TYPE_COUNT };
extern const char *const day_type_names[];                 /* "weekday", "weekend", "holiday", NULL */
extern const char *const day_type_names_zh[];              /* in Chinese */
bool day_type_parse(const char *text, enum day_type *ret); /* either */

struct calendar;
struct calendar *calendar_new(void);
struct calendar *calendar_free(struct calendar *c); /* returns NULL; takes NULL */

/* One file. What it says replaces what an earlier file said of the same date (a year's December may be changed by the
 * next year's paper). */
enum relay_err calendar_load(struct calendar *c, const char *path, struct reason *why) MUST_CHECK;

/* Every *.json in it, by name. A folder that is not there holds none. */
enum relay_err calendar_load_folder(struct calendar *c, const char *folder, struct reason *why) MUST_CHECK;

struct day_kind {
    enum day_type type; /* a make-up workday is a weekday */
    bool known;         /* false: no data for this year, plain weekdays are assumed */
    bool made_up;       /* worked although it falls on a weekend */
    const char *name;   /* of the holiday; NULL: none. Lives as long as the calendar. */
};
struct day_kind calendar_day(const struct calendar *c, int64_t day);
bool calendar_knows_year(const struct calendar *c, int year);
/* The year that somebody must find data for: the one of this time, or in December the next one. 0: none. */
int calendar_missing_year(const struct calendar *c, int64_t wall_ms);

#endif
