/* Civil minutes, and weekday, weekend or holiday. */
#include "player/calendar.h"

#include <dirent.h>
#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/file.h"

enum { FILE_MAX = 256 * 1024, SPECIAL_DAYS_MAX = 4096 };

const char *const day_type_names[] = {"weekday", "weekend", "holiday", NULL};
const char *const day_type_names_zh[] = {"工作日", "周末", "节假日", NULL};

bool day_type_parse(const char *text, enum day_type *ret)
{
    for (int d = 0; d < DAY_TYPE_COUNT; d++) {
        if (strcmp(text, day_type_names[d]) != 0 && strcmp(text, day_type_names_zh[d]) != 0) continue;
        *ret = (enum day_type)d;
        return true;
    }
    return false;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that the leap day is the last. */
int64_t civil_day(int year, int month, int day)
{
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void civil_day_split(int64_t day, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = day + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *ret_month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2));
}

int civil_weekday(int64_t day)
{
    int64_t w = (day + 4) % 7; /* 1970-01-01 was a Thursday */
    return (int)(w < 0 ? w + 7 : w);
}

int64_t civil_ms(int64_t wall_ms)
{
    struct local_time t = clock_local(wall_ms);
    int64_t below_second = wall_ms % SECOND_MS;
    if (below_second < 0) below_second += SECOND_MS;
    return civil_day(t.year, t.month, t.day) * DAY_MS + t.hour * HOUR_MS + t.minute * MINUTE_MS +
           t.second * SECOND_MS + below_second;
}

int64_t civil_minute(int64_t wall_ms)
{
    int64_t ms = civil_ms(wall_ms);
    return ms >= 0 ? ms / MINUTE_MS : -((-ms + MINUTE_MS - 1) / MINUTE_MS);
}

static int64_t day_of_minute(int64_t minute)
{
    return minute >= 0 ? minute / MINUTES_A_DAY : -((-minute + MINUTES_A_DAY - 1) / MINUTES_A_DAY);
}

int64_t civil_to_wall(int64_t minute)
{
    int64_t day = day_of_minute(minute);
    int of_day = (int)(minute - day * MINUTES_A_DAY);
    struct local_time t = {.hour = of_day / 60, .minute = of_day % 60};
    civil_day_split(day, &t.year, &t.month, &t.day);
    return clock_local_to_wall(t);
}

const char *civil_format(int64_t minute, char out[static CIVIL_TEXT_LEN])
{
    int64_t day = day_of_minute(minute);
    int of_day = (int)(minute - day * MINUTES_A_DAY), y, m, d;
    civil_day_split(day, &y, &m, &d);
    (void)snprintf(out, CIVIL_TEXT_LEN, "%04d-%02d-%02dT%02d:%02d", y, m, d, of_day / 60, of_day % 60);
    return out;
}

/* Exactly n digits. */
static bool digits(const char *s, int n, int *ret)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
        v = v * 10 + (s[i] - '0');
    }
    *ret = v;
    return true;
}

enum relay_err civil_parse_day(const char *text, int64_t *ret_day)
{
    int y, m, d, y2, m2, d2;
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-') return RELAY_INVALID;
    if (!digits(text, 4, &y) || !digits(text + 5, 2, &m) || !digits(text + 8, 2, &d)) return RELAY_INVALID;
    if (m < 1 || m > 12 || d < 1) return RELAY_INVALID;
    int64_t day = civil_day(y, m, d);
    civil_day_split(day, &y2, &m2, &d2); /* 31 April comes back as 1 May */
    if (y != y2 || m != m2 || d != d2) return RELAY_INVALID;
    *ret_day = day;
    return RELAY_OK;
}

struct special_day {
    int64_t day;
    bool off;
    char *name;
};

struct calendar {
    struct special_day *days; /* in the order in which files gave them; the last one of a date counts */
    size_t n_days;
};

struct calendar *calendar_new(void)
{
    return xcalloc(1, sizeof(struct calendar));
}

struct calendar *calendar_free(struct calendar *c)
{
    if (!c) return NULL;
    for (size_t i = 0; i < c->n_days; i++) free(c->days[i].name);
    free(c->days);
    free(c);
    return NULL;
}

static enum relay_err add_day(struct calendar *c, const cJSON *item, int index, const char *path,
                              int *ret_year, struct reason *why)
{
    int month, day_of_month;
    const char *date;
    bool off;
    int64_t day;
    if (json_str(item, "date", &date) != RELAY_OK || civil_parse_day(date, &day) != RELAY_OK)
        return fail(why, RELAY_INVALID, _("%s: days[%d].date is not a date like 2026-10-01"), path, index);
    if (json_bool(item, "isOffDay", &off) != RELAY_OK)
        return fail(why, RELAY_INVALID, _("%s: days[%d].isOffDay must be true or false"), path, index);
    if (c->n_days >= SPECIAL_DAYS_MAX)
        return fail(why, RELAY_LIMIT, _("%s: more than %d holidays in all"), path, SPECIAL_DAYS_MAX);
    c->days = xreallocarray(c->days, c->n_days + 1, sizeof(*c->days));
    c->days[c->n_days++] =
        (struct special_day){.day = day, .off = off, .name = xstrdup(json_str_or(item, "name", ""))};
    civil_day_split(day, ret_year, &month, &day_of_month);
    return RELAY_OK;
}

enum relay_err calendar_load(struct calendar *c, const char *path, struct reason *why)
{
    CLEANUP(buf_release) struct buf bytes = BUF_INIT(FILE_MAX);
    CLEANUP(json_free_ptr) cJSON *root = NULL;
    const struct json_limits limits = {.max_bytes = FILE_MAX, .max_depth = 8};
    enum relay_err err = file_read(path, &bytes, why);
    if (err != RELAY_OK) return err;
    err = json_parse(buf_cstr(&bytes), bytes.len, &limits, &root, why);
    if (err != RELAY_OK) return fail_in(why, err, "%s", path);

    int64_t year;
    const cJSON *days = cJSON_GetObjectItemCaseSensitive(root, "days");
    if (json_int(root, "year", &year) != RELAY_OK || year < 1970 || year > 9999)
        return fail(why, RELAY_INVALID, _("%s: year is missing or no year"), path);
    if (!cJSON_IsArray(days)) return fail(why, RELAY_INVALID, _("%s: days is not a list"), path);
    int i = 0;
    bool any = false; /* of the year */
    const cJSON *item;
    cJSON_ArrayForEach(item, days)
    {
        int of = 0;
        err = add_day(c, item, i++, path, &of, why);
        if (err != RELAY_OK) return err;
        any |= of == year;
    }
    if (i > 0 && !any)
        return fail(why, RELAY_INVALID, _("%s: year is %lld, and none of its days is in that year"), path,
                    (long long)year);
    return RELAY_OK;
}

static int json_only(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');
    return dot && strcmp(dot, ".json") == 0;
}

enum relay_err calendar_load_folder(struct calendar *c, const char *folder, struct reason *why)
{
    struct dirent **files = NULL;
    enum relay_err err = RELAY_OK;
    int n = scandir(folder, &files, json_only, alphasort);
    if (n < 0 && errno != ENOENT) err = fail(why, RELAY_IO, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", folder, files[i]->d_name);
        if (err == RELAY_OK) err = calendar_load(c, path, why);
        free(files[i]);
    }
    free(files);
    return err;
}

/* What was last said of that day; NULL: nothing. */
static const struct special_day *find(const struct calendar *c, int64_t day)
{
    for (size_t i = c->n_days; i-- > 0;)
        if (c->days[i].day == day) return &c->days[i];
    return NULL;
}

bool calendar_knows_year(const struct calendar *c, int year)
{
    const struct special_day *first = find(c, civil_day(year, 1, 1));
    return first && first->off;
}

int calendar_missing_year(const struct calendar *c, int64_t wall_ms)
{
    struct local_time t = clock_local(wall_ms);
    if (!calendar_knows_year(c, t.year)) return t.year;
    return t.month == 12 && !calendar_knows_year(c, t.year + 1) ? t.year + 1 : 0;
}

struct day_kind calendar_day(const struct calendar *c, int64_t day)
{
    int y, m, d, weekday = civil_weekday(day);
    bool weekend = weekday == 0 || weekday == 6;
    civil_day_split(day, &y, &m, &d);
    struct day_kind kind = {.type = weekend ? DAY_WEEKEND : DAY_WEEKDAY, .known = calendar_knows_year(c, y)};
    const struct special_day *s = find(c, day);
    if (s) {
        kind.type = s->off ? DAY_HOLIDAY : DAY_WEEKDAY;
        kind.made_up = !s->off && weekend;
        kind.name = *s->name ? s->name : NULL;
    }
    return kind;
}
