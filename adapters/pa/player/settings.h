/* The configuration of tocsin-pa: one YAML file through one option table. Everything lives in its arena.
 *
 *   settings_load -> (the player borrows) -> settings_free
 */
#ifndef TOCSIN_PLAYER_SETTINGS_H
#define TOCSIN_PLAYER_SETTINGS_H

#include "io/options.h"
#include "player/calendar.h"
#include "player/output.h"
#include "player/programme.h"
#include "player/speech.h"
#include "player/zones.h"

enum player_mode { MODE_TRIAL, MODE_LIVE };

struct player_settings {
    const char *site, *name, *help, *state_dir, *timezone;
    int language, mode, log_level;
    struct opt_strs holidays; /* files */
};
struct tls_settings {
    const char *ca, *cert, *key;
};
struct broker_settings {
    const char *host, *username, *password_file, *prefix;
    int64_t port, keepalive;
    struct tls_settings tls;
};
struct http_settings {
    const char *listen, *token_file, *cert, *key;
    bool behind_proxy;
};
struct speech_block {
    struct opt_strs engine, lexicon;
    const char *voice, *clips, *cache;
    bool pinyin;
    int64_t timeout, rate, loudness, lead;
};
struct schedule_settings {
    int64_t grace, slot_max, announce_max, warnings, times_a_day, correction_slots, gap, announce_gap,
        prepare;
    int64_t busy_gap, busy_max;
    struct opt_strs calendars; /* iCalendar files */
};
struct hold_settings {
    const char *topic, *file;
    struct opt_strs clinical; /* payloads that mean a clinical code and not fire */
    struct opt_strs off;      /* payloads that end it */
};

struct settings {
    struct arena arena;
    const char *path;
    const struct yaml_node *root;
    struct player_settings player;
    struct broker_settings broker;
    struct http_settings http;
    struct speech_block speech_block;
    struct schedule_settings schedule;
    struct hold_settings hold;
    struct opt_blocks reminder_blocks, zone_blocks, output_blocks;
    /* Made of the blocks above. */
    struct speech_settings speech;
    struct programme_limits limits;
    struct zone *zones;
    size_t n_zones;
    struct reminder *reminders; /* those of the file, then those of the calendars */
    size_t n_reminders;
    struct house_calendar **calendars;
    size_t n_calendars;
    struct output *outputs; /* closed; the player opens them */
    size_t n_outputs;
};

extern const struct opt_row settings_rows[];

enum relay_err settings_load(const char *path, struct settings **ret,
                             struct opt_problems *problems) MUST_CHECK;
struct settings *settings_free(struct settings *s); /* returns NULL; takes NULL */

/* The holidays that came with the program, then the files named in the settings, whose word on a day counts. */
enum relay_err settings_calendar(const struct settings *s, struct calendar **ret,
                                 struct reason *why) MUST_CHECK;

const char *settings_language(const struct settings *s); /* "zh-CN", "en" */
const char *settings_mode(const struct settings *s);     /* "trial", "live" */
/* Where a key was written, such as "broker.tls.ca"; the block around it where it was not. */
const struct yaml_node *settings_at(const struct settings *s, const char *key);
/* The i-th block of "zones", "outputs", "reminders". */
const struct yaml_node *settings_item(const struct settings *s, const char *list, size_t i);
/* "<state_dir>/<name>"; the caller frees it. */
char *settings_path(const struct settings *s, const char *name);

#endif
