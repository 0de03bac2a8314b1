/* A station on a stage: a fake clock, an engine that speaks 3.2 characters a second without a sound, and loudspeakers that
 * only note what they would have played. The book is a real one. Shared by the station's tests and the simulated week.
 *
 *   stage_open(&s, "2026-11-23T08:59:30", classes) -> stage_run(&s, until) … -> stage_close(&s)
 */
#ifndef TOCSIN_TESTS_PA_STAGE_H
#define TOCSIN_TESTS_PA_STAGE_H

#include "unit.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "player/station.h"

enum { STAGE_ZONES = 20, STAGE_PENDING = 256, STAGE_RENDER_MS = 20 };

struct stage_render {
    uint64_t item;
    int64_t due;
    struct rendered r;
};
struct stage_play {
    uint64_t item;
    int64_t end; /* mono */
    size_t zone;
};
/* What a loudspeaker played, by the stage's own clock. */
struct stage_sound {
    size_t zone;
    char id[160];
    int64_t wall, mono, length_ms, stopped_ms; /* stopped_ms: -1 played to its end */
    int volume;
};

struct stage {
    char dir[64];
    struct book *book;
    struct station *station;
    struct station_settings set;
    struct zone zones[STAGE_ZONES];
    struct zone_settings zone_settings[STAGE_ZONES];
    char ids[STAGE_ZONES][32];
    struct calendar *calendar;
    struct now now;
    struct stage_render renders[STAGE_PENDING];
    size_t n_renders;
    struct stage_play plays[STAGE_PENDING];
    size_t n_plays;
    struct stage_sound *sounds;
    size_t n_sounds;
    bool mute_engine;   /* nothing can be spoken */
    bool broken_output; /* every play fails at once */
    bool full_disk;     /* no WAV can be written */
    int changes;        /* how often the state topic was to be told */
};

static inline int64_t stage_wall(const char *text)
{
    int64_t wall = 0;
    char full[64];
    (void)snprintf(full, sizeof(full), "%s+08:00", text);
    if (clock_parse(full, &wall) != RELAY_OK) fail_msg("no time: %s", text);
    return wall;
}

static inline int64_t stage_length(void *arg, const char *text, bool allow_robot)
{
    const struct stage *s = arg;
    return s->mute_engine || !allow_robot ? -1 : text_length_guess(text);
}

static inline void stage_warm(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static inline void stage_render(void *arg, uint64_t item, const struct script *script, const char *wav)
{
    struct stage *s = arg;
    (void)wav;
    struct stage_render *r = &s->renders[s->n_renders++];
    assert_true(s->n_renders < STAGE_PENDING);
    *r = (struct stage_render){.item = item, .due = s->now.mono + STAGE_RENDER_MS};
    r->r.length_ms = 300 + 150;
    if (s->full_disk) r->r.err = fail(&r->r.why, RELAY_IO, "no space left on device");
    for (size_t i = 0; i < script->n; i++) {
        const struct script_part *p = &script->parts[i];
        if (p->kind == PART_CHIME) r->r.length_ms += 1500;
        if (p->kind == PART_GAP) r->r.length_ms += p->gap_ms;
        if (p->kind != PART_TEXT) continue;
        r->r.texts++;
        int64_t ms = stage_length(s, p->text, script->allow_robot);
        if (ms >= 0) {
            r->r.spoken++;
            r->r.length_ms += ms;
        }
    }
}

static inline void stage_play(void *arg, const struct play *p)
{
    struct stage *s = arg;
    s->sounds = xreallocarray(s->sounds, s->n_sounds + 1, sizeof(*s->sounds));
    struct stage_sound *sound = &s->sounds[s->n_sounds++];
    *sound = (struct stage_sound){.zone = p->zone,
                                  .wall = s->now.wall,
                                  .mono = s->now.mono,
                                  .length_ms = p->length_ms,
                                  .volume = p->volume,
                                  .stopped_ms = -1};
    (void)snprintf(sound->id, sizeof(sound->id), "%s", p->id);
    for (size_t i = 0; i < s->n_plays; i++) assert_true(s->plays[i].zone != p->zone); /* never two at once */
    assert_true(s->n_plays < STAGE_PENDING);
    s->plays[s->n_plays++] = (struct stage_play){
        .item = p->item, .end = s->now.mono + (s->broken_output ? 0 : p->length_ms), .zone = p->zone};
}

static inline void stage_silence(void *arg, uint64_t item)
{
    struct stage *s = arg;
    for (size_t i = 0; i < s->n_plays; i++) {
        if (s->plays[i].item != item) continue;
        for (size_t n = s->n_sounds; n-- > 0;) {
            if (s->sounds[n].zone != s->plays[i].zone) continue;
            s->sounds[n].stopped_ms = s->now.mono - s->sounds[n].mono;
            break;
        }
        s->plays[i].end = s->now.mono;
        s->plays[i].item |= 1ULL << 63; /* ended by a stop */
    }
}

static inline void stage_changed(void *arg)
{
    struct stage *s = arg;
    s->changes++;
}

static inline void stage_start(struct stage *s)
{
    struct reason why = {0};
    CLEANUP(free_ptr) char *path = xasprintf("%s/pa.db", s->dir);
    const struct station_env env = {.arg = s,
                                    .length = stage_length,
                                    .warm = stage_warm,
                                    .render = stage_render,
                                    .play = stage_play,
                                    .silence = stage_silence,
                                    .changed = stage_changed};
    if (book_open(path, DB_READ_WRITE, &s->book, &why) != RELAY_OK) fail_msg("%s", why.text);
    assert_int_equal(db_exec(book_db(s->book), "PRAGMA synchronous = OFF", &why), RELAY_OK);
    if (station_new(&s->set, &env, s->book, s->now, &s->station, &why) != RELAY_OK) fail_msg("%s", why.text);
}

/* As kill -9 does: nothing is written any more, what sounds falls silent. */
static inline void stage_kill(struct stage *s)
{
    for (size_t i = 0; i < s->n_plays; i++) stage_silence(s, s->plays[i].item);
    s->n_plays = s->n_renders = 0;
    db_rollback(book_db(s->book));
    s->station = station_free(s->station);
    s->book = book_close(s->book);
}

static inline void stage_open(struct stage *s, const char *when, const char *const *classes)
{
    *s = (struct stage){0};
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/pa_stage.XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    s->now = (struct now){.wall = stage_wall(when), .mono = 5000000};
    s->calendar = calendar_new();
    s->set = (struct station_settings){.zones = s->zones,
                                       .calendar = s->calendar,
                                       .limits = {.slot_ms = 40000,
                                                  .announce_ms = 45000,
                                                  .chime_ms = 1800,
                                                  .gap_ms = 800,
                                                  .warnings = 2,
                                                  .times_a_day = 4,
                                                  .correction_slots = 2},
                                       .grace_ms = 120000,
                                       .busy_gap_ms = 3000,
                                       .busy_max_ms = 300000,
                                       .prepare_ms = 20000,
                                       .announce_gap_ms = 2000,
                                       .robot_everywhere = true,
                                       .spool_dir = s->dir};
    for (size_t z = 0; classes[z]; z++) {
        (void)snprintf(s->ids[z], sizeof(s->ids[z]), "%s", classes[z]);
        s->zone_settings[z] = (struct zone_settings){.id = s->ids[z],
                                                     .class_name = classes[z],
                                                     .seconds_an_hour = -1,
                                                     .volume_day = 100,
                                                     .volume_night = 60,
                                                     .drills = true};
        assert_int_equal(zone_init(&s->zones[z], &s->zone_settings[z], NULL), RELAY_OK);
        s->set.n_zones++;
    }
    stage_start(s);
}

static inline void stage_close(struct stage *s)
{
    char command[128];
    if (s->station) stage_kill(s);
    calendar_free(s->calendar);
    free(s->sounds);
    (void)snprintf(command, sizeof(command), "rm -rf %s", s->dir);
    assert_int_equal(system(command), 0);
}

/* Decide, commit, begin: one turn as the player does it. */
static inline void stage_turn(struct stage *s)
{
    struct reason why = {0};
    station_clock(s->station, s->now);
    for (size_t i = 0; i < s->n_renders;) {
        if (s->renders[i].due > s->now.mono) {
            i++;
            continue;
        }
        struct stage_render r = s->renders[i];
        memmove(&s->renders[i], &s->renders[i + 1], (s->n_renders - i - 1) * sizeof(s->renders[0]));
        s->n_renders--;
        station_rendered(s->station, s->now, r.item, &r.r);
        i = 0;
    }
    for (size_t i = 0; i < s->n_plays;) {
        if (s->plays[i].end > s->now.mono) {
            i++;
            continue;
        }
        struct stage_play p = s->plays[i];
        memmove(&s->plays[i], &s->plays[i + 1], (s->n_plays - i - 1) * sizeof(s->plays[0]));
        s->n_plays--;
        bool stopped = p.item >> 63;
        station_ended(s->station, s->now, p.item & ~(1ULL << 63),
                      stopped            ? PLAY_STOPPED
                      : s->broken_output ? PLAY_FAILED
                                         : PLAY_DONE,
                      s->broken_output ? "no such device" : "");
        i = 0;
    }
    station_turn(s->station, s->now);
    if (book_commit(s->book, &why) != RELAY_OK) fail_msg("commit: %s", why.text);
    station_release(s->station, s->now);
}

static inline int64_t stage_next(const struct stage *s)
{
    int64_t due = station_next_due(s->station, s->now);
    for (size_t i = 0; i < s->n_renders; i++)
        if (s->renders[i].due < due) due = s->renders[i].due;
    for (size_t i = 0; i < s->n_plays; i++)
        if (s->plays[i].end < due) due = s->plays[i].end;
    return due > s->now.mono ? due : s->now.mono + 1;
}

/* Lets time pass, turn by turn, until this wall time. */
static inline void stage_run_to(struct stage *s, int64_t wall)
{
    stage_turn(s);
    while (s->now.wall < wall) {
        int64_t step = stage_next(s) - s->now.mono;
        if (step > wall - s->now.wall) step = wall - s->now.wall;
        s->now.wall += step;
        s->now.mono += step;
        stage_turn(s);
    }
}

static inline void stage_run(struct stage *s, const char *until)
{
    stage_run_to(s, stage_wall(until));
}

static inline void stage_announce(struct stage *s, size_t zone, const char *id, const char *alert, int rev,
                                  const char *text, int64_t valid_ms, const char *more)
{
    char now[TIME_TEXT_LEN], expires[TIME_TEXT_LEN];
    CLEANUP(buf_release) struct buf b = BUF_INIT(8192);
    buf_printf(&b,
               "{\"id\":\"%s\",\"alert\":\"%s\",\"rev\":%d,\"status\":\"Actual\",\"level\":\"red\",\"now\":"
               "\"%s\",\"expires\":\"%s\","
               "\"text\":\"%s\",\"rhyme\":null,\"repeat\":2%s}",
               id, alert, rev, clock_format(s->now.wall, true, now),
               clock_format(s->now.wall + valid_ms, true, expires), text, more);
    station_announce(s->station, s->now, s->zones[zone].id, buf_cstr(&b), b.len);
}

/* Items as "id|level|text" each; valid for an hour times `hours`. */
static inline void stage_bulletin(struct stage *s, int rev, int hours, const char *const *items)
{
    char now[TIME_TEXT_LEN], expires[TIME_TEXT_LEN];
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
    buf_printf(&b, "{\"rev\":%d,\"now\":\"%s\",\"items\":[", rev, clock_format(s->now.wall, true, now));
    for (int i = 0; items[i]; i++) {
        char id[64], level[16], text[256];
        assert_int_equal(sscanf(items[i], "%63[^|]|%15[^|]|%255[^\n]", id, level, text), 3);
        buf_printf(&b,
                   "%s{\"id\":\"%s\",\"alert\":\"%s\",\"status\":\"Actual\",\"level\":\"%s\",\"since\":\"%"
                   "s\",\"expires\":\"%s\","
                   "\"text\":\"%s\",\"rhyme\":null,\"count\":1}",
                   i ? "," : "", id, id, level, now,
                   clock_format(s->now.wall + hours * HOUR_MS, true, expires), text);
    }
    buf_str(&b, "]}");
    station_bulletin(s->station, s->now, buf_cstr(&b), b.len, false);
}

static inline void stage_no_log(enum log_level level, const char *line, void *arg)
{
    (void)level;
    (void)line;
    (void)arg;
}
static inline void log_quiet(void)
{
    if (!getenv("STAGE_LOG")) log_capture(stage_no_log, NULL);
}

struct stage_logs {
    struct buf out;
    const char *item;
};
static inline void stage_log_row(void *arg, const struct log_row *r)
{
    struct stage_logs *l = arg;
    if (l->item && strcmp(l->item, r->item) != 0) return;
    char *old = buf_take(&l->out);
    buf_printf(&l->out, "%s%s%s%s%s", r->state, *r->why ? ":" : "", r->why, *old ? " " : "", old);
    free(old);
}
/* "accepted queued:busy playing played": all that the log says of an item in a zone. */
static inline const char *stage_log(struct stage *s, size_t zone, const char *item)
{
    static char text[4096];
    struct stage_logs l = {.out = BUF_INIT(sizeof(text)), .item = item};
    book_each_log(s->book, s->zones[zone].id, 0, INT64_MAX, 10000, stage_log_row, &l);
    (void)snprintf(text, sizeof(text), "%s", buf_cstr(&l.out));
    buf_release(&l.out);
    return text;
}

#endif
