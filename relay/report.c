/* Reports: a few queries over the store, and the days they are about. */
#include "report.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "rows.h"

#define CHARS_PER_SECOND 3.2

const char *const report_outcomes[] = {"劝阻成功", "已受骗", "误报", NULL};

/* -- days --------------------------------------------------------------------------------------------------------- */

/* Exactly `n` digits. */
static bool digits(const char **p, int n, int *ret)
{
    int v = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9') return false;
        v = v * 10 + (**p - '0');
    }
    *ret = v;
    return true;
}

static bool year_month(const char **p, int *year, int *month)
{
    if (!digits(p, 4, year) || *(*p)++ != '-' || !digits(p, 2, month)) return false;
    return *year >= 2000 && *month >= 1 && *month <= 12;
}

static int64_t midnight(int year, int month, int day)
{
    return clock_local_to_wall((struct local_time){.year = year, .month = month, .day = day});
}

static int64_t next_month(int year, int month)
{
    return month == 12 ? midnight(year + 1, 1, 1) : midnight(year, month + 1, 1);
}

enum relay_err report_month(const char *text, struct report_span *ret, struct reason *why)
{
    int year, month;
    const char *p = text;
    if (!year_month(&p, &year, &month) || *p)
        return fail(why, RELAY_INVALID, _("`%s` is no month; write --month 2026-11"), text);
    ret->from = midnight(year, month, 1);
    ret->to = next_month(year, month);
    return RELAY_OK;
}

enum relay_err report_half(const char *text, struct report_span *ret, struct reason *why)
{
    int year, month;
    const char *p = text;
    if (!year_month(&p, &year, &month) || (strcmp(p, "a") != 0 && strcmp(p, "b") != 0))
        return fail(why, RELAY_INVALID,
                    _("`%s` is no half of a month; write --half 2026-11a (to the 15th) or 2026-11b"), text);
    ret->from = midnight(year, month, *p == 'a' ? 1 : 16);
    ret->to = *p == 'a' ? midnight(year, month, 16) : next_month(year, month);
    return RELAY_OK;
}

static bool day_parse(const char *text, struct local_time *ret)
{
    const char *p = text;
    struct local_time t = {0};
    if (!year_month(&p, &t.year, &t.month) || *p++ != '-' || !digits(&p, 2, &t.day) || *p) return false;
    int64_t at = midnight(t.year, t.month, t.day);
    /* A day that does not exist comes back as another. */
    if (t.day < 1 || clock_local_day(at) != t.year * 10000 + t.month * 100 + t.day) return false;
    *ret = t;
    return true;
}

enum relay_err report_days(const char *from, const char *to, struct report_span *ret, struct reason *why)
{
    struct local_time first, last;
    if (!day_parse(from, &first))
        return fail(why, RELAY_INVALID, _("`%s` is no day; write 2026-11-01"), from);
    if (!day_parse(to, &last)) return fail(why, RELAY_INVALID, _("`%s` is no day; write 2026-11-01"), to);
    int64_t start = midnight(first.year, first.month, first.day);
    int64_t end = midnight(last.year, last.month, last.day);
    if (end < start) return fail(why, RELAY_INVALID, _("--to is before --from"));
    /* The midnight after the last day, also where a day has 23 or 25 hours. */
    struct local_time after = clock_local(end + 36 * HOUR_MS);
    ret->from = start;
    ret->to = midnight(after.year, after.month, after.day);
    return RELAY_OK;
}

/* -- rows --------------------------------------------------------------------------------------------------------- */

static enum relay_err prepare(struct db *db, const char *sql, const struct report_span *s, struct stmt *q,
                              struct reason *why)
{
    enum relay_err err = db_prepare(db, q, sql, why);
    if (err != RELAY_OK) return err;
    int n = sqlite3_bind_parameter_count(q->handle);
    stmt_int(q, 1, s->from);
    stmt_int(q, 2, s->to);
    if (n >= 3) stmt_text(q, 3, s->site);
    if (n >= 5) { /* a span begins and ends at midnight, but for that of everything */
        stmt_int(q, 4, clock_local_day(s->from));
        stmt_int(q, 5, clock_local_day(s->to));
    }
    return RELAY_OK;
}

static enum relay_err add_section(struct db *db, const struct report_section *section,
                                  const struct report_span *s, struct buf *b, struct reason *why)
{
    CLEANUP(stmt_release) struct stmt q = {NULL};
    enum relay_err err = prepare(db, section->sql, s, &q, why);
    if (err != RELAY_OK) return err;
    buf_json_key(b, section->name);
    return rows_json(b, &q, NULL, why);
}

static void add_span(struct buf *b, const struct report_span *s)
{
    buf_char(b, '{');
    buf_json_member_time(b, "from", s->from);
    buf_json_member_time(b, "to", s->to);
    if (s->site) buf_json_member(b, "site", s->site);
    if (s->from < s->kept_from) buf_json_member_time(b, "kept_from", s->kept_from);
}

enum relay_err report_json(struct db *db, const struct report_span *s, struct buf *ret, struct reason *why)
{
    add_span(ret, s);
    for (const struct report_section *section = report_sections; section->name; section++) {
        enum relay_err err = add_section(db, section, s, ret, why);
        if (err != RELAY_OK) return err;
    }
    buf_char(ret, '}');
    return RELAY_OK;
}

/* -- the trial ---------------------------------------------------------------------------------------------------- */

double report_seconds(const char *words)
{
    static const char *const silent[] = {"。", "，", "、", "！", "？", "：", "；",
                                         "“",  "”",  "（", "）", "…",  "—"};
    int n = 0;
    for (const char *p = words; *p;) {
        size_t skip = 0;
        for (size_t i = 0; i < ARRAY_LEN(silent) && !skip; i++)
            if (strncmp(p, silent[i], strlen(silent[i])) == 0) skip = strlen(silent[i]);
        if (skip) {
            p += skip;
            continue;
        }
        unsigned char c = (unsigned char)*p++;
        bool letter = c >= 0xc0 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        n += letter; /* bytes 0x80 to 0xbf go on with a letter that was counted */
    }
    return n / CHARS_PER_SECOND;
}

/* The member of a rendering that this target would have spoken, shown or posted. */
static const char *words_for(const char *target, const cJSON *body, bool *ret_spoken)
{
    *ret_spoken = true;
    if (strncmp(target, "pa:", 3) == 0) return json_str_or(body, "voice", "");
    if (strncmp(target, "bulletin:", 9) == 0) return json_str_or(body, "voice_short", "");
    *ret_spoken = false;
    return json_str_or(body, strncmp(target, "board:", 6) == 0 ? "headline" : "chat", "");
}

/* q's first columns are the target and the texts as they were rendered for it. */
static enum relay_err add_trial_words(struct buf *b, struct stmt *q, struct reason *why)
{
    struct json_limits limits = {1024 * 1024, 8};
    CLEANUP(json_free_ptr) cJSON *body = NULL;
    enum relay_err err = json_parse(col_text(q, 1), strlen(col_text(q, 1)), &limits, &body, why);
    if (err != RELAY_OK) return err;
    bool spoken;
    const char *words = words_for(col_text(q, 0), body, &spoken);
    buf_json_member(b, "words", words);
    if (!spoken) return RELAY_OK;
    buf_json_key(b, "seconds");
    buf_printf(b, "%.1f", report_seconds(words));
    return RELAY_OK;
}

enum relay_err report_trial(struct db *db, const struct report_span *s, struct buf *ret, struct reason *why)
{
    CLEANUP(stmt_release) struct stmt q = {NULL};
    enum relay_err err = prepare(db, report_trial_sql, s, &q, why);
    if (err != RELAY_OK) return err;
    add_span(ret, s);
    buf_json_key(ret, "trial");
    err = rows_json(ret, &q, add_trial_words, why);
    buf_char(ret, '}');
    return err;
}
