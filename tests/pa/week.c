/* A simulated week: every class of zone, holidays, quiet hours, 300 alerts, corrections, holds, queue calling, mutes, broken
 * outputs, kill -9, and a clock that is set. The checker reads only the log that the player wrote, and what was asked of it:
 *
 *   no slot twice, none missing without a reason     nothing in silent zones or quiet hours, but by two persons
 *   nothing after it expired                         nothing during a hold, and silence within 200 ms of it
 *   the seconds an hour kept, in every hour          a text four times a day at most, never in two slots running
 *   every announcement has one end                   one item at most caught up after a restart
 *
 * usage: pa_week [SEED] [--quiet-log]
 */
#include "stage.h"

#include "base/zone_class.h"

enum { ALERTS = 300, DAYS = 7, ROWS_MAX = 400000, RESTARTS = 25, HOLDS = 60, STEPS = 12 };

static uint64_t seed;

static uint64_t roll(uint64_t sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % sides;
}

static int failures;

#define WRONG(...)                                                                                           \
    do {                                                                                                     \
        if (failures++ < 20) {                                                                               \
            (void)printf("WRONG: " __VA_ARGS__);                                                             \
            (void)printf("\n");                                                                              \
        }                                                                                                    \
    } while (0)

/* ---- What was asked ---- */

struct asked {
    char id[32], text[128];
    enum level level;
    bool correction;
    int64_t expires; /* on the timeline that no step touches */
};
static struct asked alerts[ALERTS];
static size_t n_alerts;

static struct stage stage;
static int64_t stepped; /* sum of all clock steps: wall - stepped is the timeline */

static int64_t timeline(void)
{
    return stage.now.wall - stepped;
}

/* All that is in force, as the relay would publish it. */
static void publish_bulletin(int rev)
{
    char now[TIME_TEXT_LEN], expires[TIME_TEXT_LEN];
    CLEANUP(buf_release) struct buf b = BUF_INIT(512 * 1024);
    buf_printf(&b, "{\"rev\":%d,\"now\":\"%s\",\"items\":[", rev, clock_format(stage.now.wall, true, now));
    bool first = true;
    for (size_t i = 0; i < n_alerts; i++) {
        const struct asked *a = &alerts[i];
        if (a->expires <= timeline()) continue;
        buf_printf(&b,
                   "%s{\"id\":\"%s\",\"alert\":\"%s\",\"status\":\"Actual\",\"level\":\"%s\",\"since\":\"%"
                   "s\",\"expires\":\"%s\","
                   "\"count\":%d,\"rhyme\":%s,\"text\":",
                   first ? "" : ",", a->id, a->id, level_name(a->level), now,
                   clock_format(stage.now.wall + (a->expires - timeline()), true, expires), (int)roll(50) + 1,
                   roll(2) ? "\"短信说你医保停，链接一点钱归零。\"" : "null");
        if (a->level <= LEVEL_YELLOW)
            buf_str(&b, "null");
        else
            buf_json_str(&b, a->text);
        if (a->correction) buf_str(&b, ",\"msgType\":\"Cancel\"");
        buf_char(&b, '}');
        first = false;
    }
    buf_str(&b, "]}");
    station_bulletin(stage.station, stage.now, buf_cstr(&b), b.len, false);
}

/* zone: red, and announced there alone; -1: anything, anywhere. */
static void new_alert(int rev, int64_t zone)
{
    struct asked *a = &alerts[n_alerts];
    (void)snprintf(a->id, sizeof(a->id), "al%zu", n_alerts);
    /* Some rules come again and again: the same words under another id. */
    (void)snprintf(a->text, sizeof(a->text), "防骗提醒。第%d号骗局又来了，不要点，先问护士或者保安。",
                   (int)roll(40));
    a->level = zone >= 0 ? LEVEL_RED : (enum level)roll(LEVEL_COUNT);
    a->correction = zone < 0 && n_alerts > 5 && roll(15) == 0;
    if (a->correction)
        (void)snprintf(a->text, sizeof(a->text), "更正。第%zu号提醒有误，请您不必担心。", n_alerts);
    /* Every fourth is over before what keeps it waiting may be. */
    a->expires =
        timeline() + (roll(4) ? (int64_t)(10 + roll(60 * 40)) * MINUTE_MS : (int64_t)roll(3 * MINUTE_MS));
    n_alerts++;
    publish_bulletin(rev);
    if (a->level < LEVEL_RED) return;
    size_t from = zone >= 0 ? (size_t)zone : roll(stage.set.n_zones), n = zone >= 0 ? 1 : 1 + roll(4);
    for (size_t k = 0; k < n; k++) {
        size_t z = (from + k) % stage.set.n_zones;
        stage_announce(&stage, z, a->id, a->id, 1, a->text, a->expires - timeline(),
                       a->correction ? ",\"msgType\":\"Cancel\"" : "");
    }
}

/* ---- The week ---- */

struct happening {
    int64_t at; /* timeline */
    enum {
        DO_ALERT,
        DO_HOLD,
        DO_LET_GO,
        DO_KILL,
        DO_STEP,
        DO_BUSY,
        DO_FREE,
        DO_MUTE,
        DO_OPEN, /* two persons open a zone */
        DO_BREAK,
        DO_MEND,
        DO_SAY
    } what;
    int64_t value;
};
static struct happening events[4096];
static size_t n_events;

static void plan(int64_t at, int what, int64_t value)
{
    assert_true(n_events < COUNT(events));
    size_t i = n_events++;
    while (i > 0 && events[i - 1].at > at) {
        events[i] = events[i - 1];
        i--;
    }
    events[i] = (struct happening){.at = at, .value = value};
    events[i].what = what;
}

/* Most things happen by day; some on purpose just before an hour. */
static int64_t some_time(int64_t begin)
{
    int64_t day = (int64_t)roll(DAYS) * DAY_MS, hour = roll(6) ? 7 + (int64_t)roll(12) : (int64_t)roll(24);
    int64_t of_hour = roll(4) ? (int64_t)roll(HOUR_MS) : HOUR_MS - (int64_t)roll(30000);
    return begin + day + hour * HOUR_MS + of_hour;
}

static void plan_week(int64_t begin)
{
    for (int i = 0; i < ALERTS - HOLDS / 4 - RESTARTS / 2 * 2; i++) plan(some_time(begin), DO_ALERT, -1);
    for (int i = 0; i < HOLDS; i++) {
        /* Every second one comes while the slot of an hour sounds. */
        int64_t hour = begin + (int64_t)roll(DAYS) * DAY_MS + (8 + (int64_t)roll(9)) * HOUR_MS;
        int64_t at = i % 2 ? hour - begin % HOUR_MS + (int64_t)roll(25000) : some_time(begin);
        plan(at, DO_HOLD, 0);
        plan(at + 5000 + (int64_t)roll(10 * MINUTE_MS), DO_LET_GO, 0);
        if (i % 4 == 0) plan(at + 3000, DO_ALERT, -1); /* into the hold */
    }
    for (int i = 0; i < RESTARTS; i++) {
        int64_t at = some_time(begin);
        plan(at, DO_KILL, (int64_t)roll(2) ? (int64_t)roll(20000) : (int64_t)roll(20 * MINUTE_MS));
        /* Before every second one, two announcements for the hall: one sounds, the other waits. */
        for (int k = 1; k <= 2 && i < RESTARTS / 2; k++) plan(at - k * 500, DO_ALERT, 0);
    }
    for (int i = 0; i < STEPS; i++) {
        static const int64_t steps[] = {-90 * MINUTE_MS, -HOUR_MS, -10 * MINUTE_MS, -3000, 3000,
                                        10 * MINUTE_MS,  HOUR_MS,  90 * MINUTE_MS};
        plan(some_time(begin), DO_STEP, steps[roll(COUNT(steps))]);
    }
    for (int i = 0; i < 400; i++) {
        int64_t at = some_time(begin), zone = (int64_t)roll(stage.set.n_zones);
        plan(at, DO_BUSY, zone);
        plan(at + 1000 + (int64_t)roll(40000), DO_FREE, zone);
    }
    for (int i = 0; i < 12; i++) plan(some_time(begin), DO_MUTE, (int64_t)roll(stage.set.n_zones));
    for (int i = 0; i < 40; i++) plan(some_time(begin), DO_OPEN, (int64_t)roll(stage.set.n_zones));
    for (int i = 0; i < 12; i++) {
        int64_t at = some_time(begin);
        plan(at, DO_BREAK, 0);
        plan(at + (int64_t)roll(5 * MINUTE_MS), DO_MEND, 0);
    }
    for (int i = 0; i < 20; i++) plan(some_time(begin), DO_SAY, (int64_t)roll(stage.set.n_zones));
}

static enum priority hold = PRIORITY_NONE;

static void happen(const struct happening *e, int *rev)
{
    struct reason why;
    int n;
    switch (e->what) {
    case DO_ALERT: new_alert((*rev)++, e->value); break;
    case DO_HOLD:
    case DO_LET_GO:
        hold = e->what == DO_HOLD ? PRIORITY_FIRE : PRIORITY_NONE;
        station_hold(stage.station, stage.now, "topic", hold, "panel");
        break;
    case DO_KILL:
        stage_turn(&stage);
        stage_kill(&stage);
        stage.now.wall += e->value;
        stage.now.mono += e->value;
        stage_start(&stage);
        station_hold(stage.station, stage.now, "topic", hold, "panel"); /* retained */
        break;
    case DO_STEP:
        stage_turn(&stage);
        stage.now.wall += e->value;
        stepped += e->value;
        break;
    case DO_BUSY: station_busy(stage.station, stage.now, (size_t)e->value, true); break;
    case DO_FREE: station_busy(stage.station, stage.now, (size_t)e->value, false); break;
    case DO_MUTE:
        assert_int_equal(
            station_mute(stage.station, stage.now, stage.zones[e->value].id, HOUR_MS, "test", "", &n, &why),
            RELAY_OK);
        break;
    case DO_OPEN:
        assert_int_equal(station_override(stage.station, stage.now, stage.zones[e->value].id,
                                          (int64_t)(20 + roll(41)) * MINUTE_MS, "one", "another", "", &n,
                                          &why),
                         RELAY_OK);
        (void)!station_say(stage.station, stage.now, stage.zones[e->value].id, "请家属到门口来。", "one", &n,
                           &why);
        break;
    case DO_BREAK: stage.broken_output = true; break;
    case DO_MEND: stage.broken_output = false; break;
    case DO_SAY:
        (void)!station_say(stage.station, stage.now, stage.zones[e->value].id, "请车主挪车。", "test", &n,
                           &why);
        break;
    }
    stage_turn(&stage);
}

/* ---- The log ---- */

struct row {
    int64_t at, t, volume, length; /* at: wall; t: timeline */
    char zone[24], item[48], kind[16], state[16], why[24], detail[400];
};
static struct row *rows;
static size_t n_rows;

static void take_row(void *arg, const struct log_row *r)
{
    (void)arg;
    rows = xreallocarray(rows, n_rows + 1, sizeof(*rows));
    struct row *to = &rows[n_rows++];
    *to = (struct row){.at = r->at, .volume = r->volume, .length = r->length_ms};
    (void)snprintf(to->zone, sizeof(to->zone), "%s", r->zone);
    (void)snprintf(to->item, sizeof(to->item), "%s", r->item);
    (void)snprintf(to->kind, sizeof(to->kind), "%s", r->kind);
    (void)snprintf(to->state, sizeof(to->state), "%s", r->state);
    (void)snprintf(to->why, sizeof(to->why), "%s", r->why);
    (void)snprintf(to->detail, sizeof(to->detail), "%s", r->detail);
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* Oldest first, with the steps that the log itself tells taken out of the times. */
static void read_log(void)
{
    book_each_log(stage.book, NULL, 0, INT64_MAX, ROWS_MAX, take_row, NULL);
    for (size_t i = 0; i < n_rows / 2; i++) {
        struct row r = rows[i];
        rows[i] = rows[n_rows - 1 - i];
        rows[n_rows - 1 - i] = r;
    }
    int64_t sum = 0;
    for (size_t i = 0; i < n_rows; i++) {
        if (is(rows[i].kind, "clock") && is(rows[i].state, "stepped"))
            sum += strtoll(rows[i].detail, NULL, 10);
        rows[i].t = rows[i].at - sum;
    }
}

/* ---- The checks ---- */

static const struct zone *zone_of(const char *id)
{
    for (size_t z = 0; z < stage.set.n_zones; z++)
        if (is(stage.zones[z].id, id)) return &stage.zones[z];
    return NULL;
}

static bool is_sound(const struct row *r)
{
    return is(r->state, "playing") && !is(r->kind, "bulletin");
}

static bool is_terminal(const struct row *r)
{
    return is(r->state, "played") || is(r->state, "skipped") || is(r->state, "failed");
}

/* When the sound that began at rows[i] ended, on the timeline. A kill silences at a moment that the log does not know. */
static int64_t sound_end(size_t i)
{
    int64_t latest = rows[i].t + rows[i].length;
    for (size_t j = i + 1; j < n_rows; j++) {
        const struct row *r = &rows[j];
        if (is(r->kind, "player") && r->t < latest) return r->t;
        if (r->t > latest + 1000) break;
        if (!is(r->zone, rows[i].zone) || !is(r->item, rows[i].item) || is(r->state, "accepted")) continue;
        return r->t;
    }
    return latest;
}

/* Two named persons had opened the zone at that moment, or in the time before it. */
static bool was_open(const char *zone, int64_t t, int64_t before)
{
    for (size_t i = 0; i < n_rows; i++) {
        const struct row *r = &rows[i];
        if (!is(r->kind, "override") || !is(r->state, "on") || !is(r->zone, zone)) continue;
        if (strstr(r->detail, "one, another") && r->t <= t && r->t + r->length + before > t) return true;
    }
    return false;
}

static void check_silence(void)
{
    for (size_t i = 0; i < n_rows; i++) {
        const struct row *r = &rows[i];
        if (!is_sound(r) || was_open(r->zone, r->t, 0)) continue;
        const struct zone *z = zone_of(r->zone);
        if (z->silent) WRONG("%s sounded in the silent zone %s", r->item, r->zone);
        if (z->slots_only && !is(r->kind, "slot"))
            WRONG("%s sounded in %s between its slots", r->item, r->zone);
        if (zone_is_quiet(z, r->at, NULL) || zone_is_quiet_within(z, r->at, r->length))
            WRONG("%s sounded in the quiet hours of %s", r->item, r->zone);
    }
}

static void check_expiry(void)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (!is(rows[i].state, "playing")) continue;
        for (size_t a = 0; a < n_alerts; a++)
            if (is(alerts[a].id, rows[i].item) && rows[i].t >= alerts[a].expires)
                WRONG("%s began in %s %lld ms after it expired", rows[i].item, rows[i].zone,
                      (long long)(rows[i].t - alerts[a].expires));
    }
}

static void check_holds(void)
{
    bool on = false;
    for (size_t i = 0; i < n_rows; i++) {
        if (is(rows[i].kind, "hold")) {
            on = is(rows[i].state, "on");
            for (size_t j = 0; j < i && on; j++)
                if (is_sound(&rows[j]) && rows[j].t < rows[i].t && sound_end(j) > rows[i].t + 200)
                    WRONG("%s still sounded in %s 200 ms into a hold", rows[j].item, rows[j].zone);
        }
        if (is(rows[i].kind, "player")) on = false; /* a new one is told again */
        if (on && is_sound(&rows[i])) WRONG("%s began in %s during a hold", rows[i].item, rows[i].zone);
    }
}

static void check_slots(int64_t begin, int64_t end)
{
    for (size_t z = 0; z < stage.set.n_zones; z++) {
        for (int64_t m = civil_minute(begin) + 1; m < civil_minute(end); m++) {
            struct day_kind day = calendar_day(stage.calendar, m / MINUTES_A_DAY);
            if (!programme_has_slot(&stage.set.limits, &stage.zones[z], m, day.type)) continue;
            char id[48], minute[CIVIL_TEXT_LEN];
            (void)snprintf(id, sizeof(id), "slot:%s", civil_format(m, minute));
            int began = 0, ended = 0;
            for (size_t i = 0; i < n_rows; i++) {
                if (!is(rows[i].item, id) || !is(rows[i].zone, stage.zones[z].id)) continue;
                began += is(rows[i].state, "playing");
                ended += is_terminal(&rows[i]);
                if (is(rows[i].state, "skipped") && !rows[i].why[0])
                    WRONG("%s in %s was skipped without a reason", id, rows[i].zone);
            }
            /* An output that fails is tried again within the grace: that is one slot still. */
            bool retried = false;
            for (size_t i = 0; i < n_rows && began > 1; i++)
                retried |=
                    is(rows[i].item, id) && is(rows[i].zone, stage.zones[z].id) && is(rows[i].why, "output");
            if (began > 1 && !retried) WRONG("%s sounded %d times in %s", id, began, stage.zones[z].id);
            if (ended == 0) WRONG("%s is missing in %s", id, stage.zones[z].id);
            if (ended > 1) WRONG("%s ended %d times in %s", id, ended, stage.zones[z].id);
        }
    }
}

static void check_fatigue(void)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (!is_sound(&rows[i])) continue;
        const struct zone *z = zone_of(rows[i].zone);
        int64_t end = sound_end(i), from = end - HOUR_MS, sum = 0;
        for (size_t j = i + 1; j-- > 0;) {
            if (rows[j].t < from - HOUR_MS) break;
            if (!is_sound(&rows[j]) || !is(rows[j].zone, rows[i].zone)) continue;
            int64_t b = rows[j].t > from ? rows[j].t : from, e = sound_end(j);
            if (e > b) sum += e - b;
        }
        int64_t limit =
            was_open(z->id, end, 2 * HOUR_MS) && z->ms_an_hour < MINUTE_MS ? MINUTE_MS : z->ms_an_hour;
        if (sum > limit + 1000)
            WRONG("%s: %lld ms in the hour before the end of %s", z->id, (long long)sum, rows[i].item);
    }
}

static const struct asked *alert_of(const char *id)
{
    for (size_t a = 0; a < n_alerts; a++)
        if (is(alerts[a].id, id)) return &alerts[a];
    return NULL;
}

/* The slot whose playing began at rows[i] was played to its end: all its lines were said. */
static bool was_played(size_t i)
{
    for (size_t j = i + 1; j < n_rows; j++)
        if (is(rows[j].item, rows[i].item) && is(rows[j].zone, rows[i].zone))
            return is(rows[j].state, "played");
    return false;
}

struct line {
    const char *text;
    int64_t minute; /* nominal */
    bool correction;
};

/* The nominal minute of "slot:2026-10-01T09:00". */
static int64_t slot_minute(const char *item)
{
    char date[11];
    int64_t day = 0;
    (void)snprintf(date, sizeof(date), "%.10s", item + strlen("slot:"));
    assert_int_equal(civil_parse_day(date, &day), RELAY_OK);
    const char *clock = strchr(item, 'T') + 1;
    return day * MINUTES_A_DAY + (clock[0] - '0') * 600 + (clock[1] - '0') * 60 + (clock[3] - '0') * 10 +
           clock[4] - '0';
}

static bool next_to_each_other(const struct zone *z, int64_t a, int64_t b)
{
    for (int64_t m = a + 1; m < b; m++)
        if (slot_marks_has(&z->slots, (int)(m % MINUTES_A_DAY))) return false;
    return true;
}

/* What was said in slots: a text four times a day, and never twice running. */
static void check_repeats(void)
{
    static struct line lines[20000];
    for (size_t z = 0; z < stage.set.n_zones; z++) {
        size_t n = 0;
        for (size_t i = 0; i < n_rows; i++) {
            if (!is(rows[i].kind, "slot") || !is(rows[i].state, "playing") ||
                !is(rows[i].zone, stage.zones[z].id))
                continue;
            if (!was_played(i)) continue;
            char *save = NULL; /* the names live in the row from here on */
            for (char *name = strtok_r(rows[i].detail, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
                const struct asked *a = alert_of(name);
                assert_true(n < COUNT(lines));
                lines[n++] = (struct line){a ? a->text : name, slot_minute(rows[i].item), a && a->correction};
            }
        }
        for (size_t i = 0; i < n; i++) {
            int times = 0;
            for (size_t j = 0; j < n; j++)
                times += is(lines[j].text, lines[i].text) &&
                         lines[j].minute / MINUTES_A_DAY == lines[i].minute / MINUTES_A_DAY;
            if (times > 4) WRONG("%s: %s said %d times in a day", stage.zones[z].id, lines[i].text, times);
            if (i && is(lines[i].text, lines[i - 1].text) && !lines[i].correction &&
                next_to_each_other(&stage.zones[z], lines[i - 1].minute, lines[i].minute))
                WRONG("%s: %s twice running", stage.zones[z].id, lines[i].text);
        }
    }
}

static void check_announcements(void)
{
    for (size_t a = 0; a < n_alerts; a++) {
        for (size_t z = 0; z < stage.set.n_zones; z++) {
            int told = 0, ended = 0, began = 0, excused = 1;
            for (size_t i = 0; i < n_rows; i++) {
                if (is(rows[i].kind, "player")) excused += told > ended;
                if (!is(rows[i].item, alerts[a].id) || !is(rows[i].zone, stage.zones[z].id) ||
                    !is(rows[i].kind, "announce"))
                    continue;
                told++;
                began += is(rows[i].state, "playing");
                ended += is_terminal(&rows[i]);
                excused += is(rows[i].state, "preempted") || is(rows[i].why, "output");
            }
            if (told && ended != 1) WRONG("%s in %s has %d ends", alerts[a].id, stage.zones[z].id, ended);
            if (began > excused)
                WRONG("%s in %s began %d times, %d were excused", alerts[a].id, stage.zones[z].id, began,
                      excused);
        }
    }
}

static void check_catch_up(void)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (!is(rows[i].kind, "player")) continue;
        for (size_t z = 0; z < stage.set.n_zones; z++) {
            /* Announcements told before this start and not ended then: they come as one item. */
            int n = 0;
            char items[8][48];
            for (size_t j = i; j < n_rows && !(j > i && is(rows[j].kind, "player")) && n < 8; j++) {
                if (!is_sound(&rows[j]) || !is(rows[j].zone, stage.zones[z].id) ||
                    !is(rows[j].kind, "announce"))
                    continue;
                bool before = false, known = false;
                for (size_t k = 0; k < i; k++)
                    before |= is(rows[k].item, rows[j].item) && is(rows[k].zone, rows[j].zone) &&
                              is(rows[k].state, "accepted");
                for (int k = 0; k < n; k++) known |= is(items[k], rows[j].item);
                /* A digest's parts are told each, with no volume of a sound of their own. */
                if (before && !known && rows[j].length > 0)
                    (void)snprintf(items[n++], sizeof(items[0]), "%s", rows[j].item);
            }
            if (n > 1)
                WRONG("%s: %d announcements caught up one by one after a restart", stage.zones[z].id, n);
        }
    }
}

int main(int argc, char **argv)
{
    struct reason why;
    seed =
        argc > 1 ? strtoull(argv[1], NULL, 10) * 2654435761ULL + 88172645463325252ULL : 88172645463325252ULL;
    if (clock_set_zone("Asia/Shanghai", &why) != RELAY_OK) return 2;
    log_quiet();
    stage_open(&stage, "2026-09-28T00:00:10", zone_class_names); /* Monday; the holiday begins on Thursday */
    static const char *const weekday[] = {"weekday"};
    static const struct reminder reminders[] = {
        {.id = "valuables", .text = "请看管好您的随身物品。"},
        {.id = "no-smoking", .text = "院内禁止吸烟，谢谢配合。"},
        {.id = "visits",
         .text = "探视时间是下午三点到五点。",
         .days = {(const char **)(uintptr_t)weekday, 1}},
    };
    stage.set.reminders = reminders;
    stage.set.n_reminders = COUNT(reminders);
    if (calendar_load(stage.calendar, TOCSIN_SOURCE_DIR "/adapters/pa/player/data/holidays/2026.json",
                      &why) != RELAY_OK)
        fail_msg("%s", why.text);
    stage_kill(&stage);
    stage_start(&stage);

    int64_t begin = stage.now.wall, end = begin + (DAYS + 1) * DAY_MS;
    int rev = 1;
    plan_week(begin);
    stage_turn(&stage);
    for (size_t e = 0; e < n_events; e++) {
        stage_run_to(&stage, events[e].at + stepped);
        happen(&events[e], &rev);
    }
    hold = PRIORITY_NONE;
    station_hold(stage.station, stage.now, "topic", hold, "panel");
    stage_run_to(&stage, end + stepped); /* a day on, so that all that waits has ended */
    int64_t last = stage.now.wall;

    read_log();
    check_silence();
    check_expiry();
    check_holds();
    check_slots(begin, last - HOUR_MS);
    check_fatigue();
    check_repeats();
    check_announcements();
    check_catch_up();

    int opened = 0;
    for (size_t i = 0; i < n_rows; i++) opened += is_sound(&rows[i]) && zone_of(rows[i].zone)->silent;
    int played = 0, slots = 0, skipped = 0, preempted = 0, starts = 0, steps = 0, sounds = 0;
    for (size_t i = 0; i < n_rows; i++) {
        played += is(rows[i].state, "played") && !is(rows[i].kind, "bulletin");
        slots += is(rows[i].kind, "slot") && is(rows[i].state, "played");
        skipped += is(rows[i].state, "skipped");
        preempted += is(rows[i].state, "preempted");
        starts += is(rows[i].kind, "player");
        steps += is(rows[i].kind, "clock") && is(rows[i].state, "stepped");
        sounds += is_sound(&rows[i]);
    }
    (void)printf("%zu log rows: %d sounds began, %d played (%d slots), %d pre-empted, %d skipped; %d starts, "
                 "%d steps, %zu alerts; %d wrong\n",
                 n_rows, sounds, played, slots, preempted, skipped, starts, steps, n_alerts, failures);
    /* A simulation in which nothing happened would prove nothing. */
    if (slots < 150 || preempted < 5 || starts < RESTARTS || opened < 3 || steps < STEPS / 2 ||
        n_alerts != ALERTS) {
        (void)printf("WRONG: too little happened\n");
        failures++;
    }
    free(rows);
    stage_close(&stage);
    return failures ? 1 : 0;
}
