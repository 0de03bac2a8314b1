/* The option table of tocsin-pa, and what it cannot say. */
#include "player/settings.h"

#include <stddef.h>
#include <unistd.h>

#include "base/datadir.h"
#include "base/i18n.h"
#include "base/log.h"
#include "io/address.h"

static const char *const languages[] = {"zh-CN", "en", NULL};
static const char *const modes[] = {"trial", "live", NULL}, *const modes_zh[] = {"试运行", "运行", NULL};

static const struct opt_row player_rows[] = {
    OPT_ROW("site", OPT_ID, player_settings, site, .required = true,
            .help = N_("this hospital's id at the relay")),
    OPT_ROW("name", OPT_STR, player_settings, name, .deflt = "本院",
            .help =
                N_("what {{site}} stands for in spoken texts, as in the relay's configuration; for clips")),
    OPT_ROW("help", OPT_STR, player_settings, help, .deflt = "服务台",
            .help =
                N_("what {{help}} stands for in spoken texts, as in the relay's configuration; for clips")),
    OPT_ROW("state_dir", OPT_PATH, player_settings, state_dir, .deflt = "/var/lib/tocsin-pa",
            .help = N_("where the play log, the bulletin and the control socket are")),
    OPT_ROW("timezone", OPT_STR, player_settings, timezone, .deflt = "Asia/Shanghai",
            .help = N_("IANA name")),
    OPT_ROW("language", OPT_ENUM, player_settings, language, .names = languages, .deflt = "zh-CN",
            .help = N_("of messages and pages")),
    OPT_ROW("mode", OPT_ENUM, player_settings, mode, .names = modes, .names_zh = modes_zh, .deflt = "live",
            .help = N_(
                "trial: the engine's voice may be heard in every zone; live: only where a zone allows it")),
    OPT_ROW("log_level", OPT_ENUM, player_settings, log_level, .names = log_level_names, .deflt = "info",
            .help = N_("what goes to standard error")),
    OPT_ROW("holidays", OPT_PATHS, player_settings, holidays, .max = 64,
            .help = N_("files of statutory holidays in holiday-cn's form, one a year; what they say of a "
                       "day counts before the files that came with the program")),
    {0},
};

static const struct opt_row tls_rows[] = {
    OPT_ROW("ca", OPT_PATH, tls_settings, ca,
            .help = N_("certificates that the broker's is checked against")),
    OPT_ROW("cert", OPT_PATH, tls_settings, cert, .help = N_("the player's own certificate")),
    OPT_ROW("key", OPT_PATH, tls_settings, key, .help = N_("its private key")),
    {0},
};

static const struct opt_row broker_rows[] = {
    OPT_ROW("host", OPT_STR, broker_settings, host, .deflt = "127.0.0.1",
            .help = N_("name, address, or the path of a unix socket")),
    OPT_ROW("port", OPT_INT, broker_settings, port, .min = 1, .max = 65535, .deflt = "1883",
            .help = N_("TCP port")),
    OPT_ROW("username", OPT_STR, broker_settings, username, .help = N_("at the broker")),
    OPT_ROW("password_file", OPT_PATH, broker_settings, password_file,
            .help = N_("a file with the password, mode 0600")),
    OPT_ROW("prefix", OPT_STR, broker_settings, prefix, .deflt = "tocsin/v1", .help = N_("of all topics")),
    OPT_ROW("keepalive", OPT_DURATION, broker_settings, keepalive, .min = 5000, .max = 600000, .deflt = "20s",
            .help = N_("a silent connection is given up after one and a half times this")),
    OPT_ROW("tls", OPT_BLOCK, broker_settings, tls, .sub = tls_rows, .sub_size = sizeof(struct tls_settings),
            .help = N_("with `ca` the connection is encrypted")),
    {0},
};

static const struct opt_row http_rows[] = {
    OPT_ROW("token_file", OPT_PATH, http_settings, token_file,
            .help =
                N_("a file with the token that opens the operator's page, 12 to 200 characters, mode 0600; "
                   "without it there is no page")),
    OPT_ROW("listen", OPT_STR, http_settings, listen, .deflt = "127.0.0.1:8490",
            .help = N_(
                "address and port of the page; beyond this machine it needs cert and key, or behind_proxy")),
    OPT_ROW("cert", OPT_PATH, http_settings, cert, .help = N_("certificate, for https")),
    OPT_ROW("key", OPT_PATH, http_settings, key, .help = N_("its private key")),
    OPT_ROW("behind_proxy", OPT_BOOL, http_settings, behind_proxy,
            .help = N_("a proxy on this machine or network does the https")),
    {0},
};

static const struct opt_row speech_rows[] = {
    OPT_ROW("engine", OPT_STRS, speech_block, engine, .max = 64,
            .deflt = "[espeak-ng, -v, cmn-latn-pinyin, --stdin, --stdout]",
            .help = N_(
                "program that turns text into a WAV; {text} and {wav} stand for files, else standard input "
                "and output; [none]: "
                "recorded clips only")),
    OPT_ROW("voice", OPT_STR, speech_block, voice, .deflt = "cmn-latn-pinyin",
            .help = N_("a name for what the engine sounds like: another name, another cache; {voice} in the "
                       "engine's arguments")),
    OPT_ROW("pinyin", OPT_BOOL, speech_block, pinyin, .deflt = "true",
            .help = N_("the engine reads pinyin inside Chinese text: words of the lexicon are given so")),
    OPT_ROW("lexicon", OPT_PATHS, speech_block, lexicon, .max = 16,
            .help =
                N_("files of words and their readings, after the one that came with the program; a later one "
                   "wins")),
    OPT_ROW("clips", OPT_PATH, speech_block, clips,
            .help = N_("folder of recorded texts; default: clips in state_dir")),
    OPT_ROW("cache", OPT_PATH, speech_block, cache,
            .help = N_("folder of what the engine said; default: speech in state_dir")),
    OPT_ROW("timeout", OPT_DURATION, speech_block, timeout, .min = 100, .max = 120000, .deflt = "20s",
            .help = N_("one run of the engine")),
    OPT_ROW("rate", OPT_INT, speech_block, rate, .min = 8000, .max = 48000, .deflt = "16000", .unit = "Hz",
            .help = N_("of what is played")),
    OPT_ROW("loudness", OPT_INT, speech_block, loudness, .min = -40, .max = -10, .deflt = "-20",
            .unit = "LUFS", .help = N_("of speech; the chime is 6 dB softer")),
    OPT_ROW("lead", OPT_DURATION, speech_block, lead, .max = 5000, .deflt = "300ms",
            .help = N_("silence before the chime, so that no receiver cuts it")),
    {0},
};

static const struct opt_row schedule_rows[] = {
    OPT_ROW("grace", OPT_DURATION, schedule_settings, grace, .min = 5000, .max = 1800000, .deflt = "120s",
            .help = N_("so late a slot may still begin; then it is skipped")),
    OPT_ROW("slot_max", OPT_DURATION, schedule_settings, slot_max, .min = 5000, .max = 300000, .deflt = "40s",
            .help = N_("the longest slot")),
    OPT_ROW("announce_max", OPT_DURATION, schedule_settings, announce_max, .min = 5000, .max = 300000,
            .deflt = "45s", .help = N_("the longest announcement")),
    OPT_ROW("warnings", OPT_INT, schedule_settings, warnings, .min = 1, .max = 6, .deflt = "2",
            .help = N_("in one slot")),
    OPT_ROW("times_a_day", OPT_INT, schedule_settings, times_a_day, .min = 1, .max = 24, .deflt = "4",
            .help = N_("one text in one zone's slots")),
    OPT_ROW("correction_slots", OPT_INT, schedule_settings, correction_slots, .min = 1, .max = 24,
            .deflt = "2", .help = N_("slots that a correction is said in")),
    OPT_ROW("gap", OPT_DURATION, schedule_settings, gap, .max = 10000, .deflt = "800ms",
            .help = N_("between two texts")),
    OPT_ROW("announce_gap", OPT_DURATION, schedule_settings, announce_gap, .max = 10000, .deflt = "2s",
            .help = N_("before an announcement is said again")),
    OPT_ROW("prepare", OPT_DURATION, schedule_settings, prepare, .min = 1000, .max = 50000, .deflt = "20s",
            .help = N_("so long before a slot its sound is made")),
    OPT_ROW("busy_gap", OPT_DURATION, schedule_settings, busy_gap, .max = 60000, .deflt = "3s",
            .help = N_("silence of queue calling before anything begins")),
    OPT_ROW("busy_max", OPT_DURATION, schedule_settings, busy_max, .min = 10000, .max = 3600000,
            .deflt = "5m", .help = N_("an input that says busy for longer is stuck and is ignored")),
    OPT_ROW("calendars", OPT_PATHS, schedule_settings, calendars, .max = 16,
            .help =
                N_("iCalendar files: each entry is a house reminder, said in the slots between its beginning "
                   "and its end; "
                   "its place names zones")),
    {0},
};

static const struct opt_row hold_rows[] = {
    OPT_ROW(
        "topic", OPT_STR, hold_settings, topic,
        .help = N_(
            "MQTT topic on which fire or clinical codes are told; default: pa/<site>/hold under the prefix")),
    OPT_ROW("file", OPT_PATH, hold_settings, file,
            .help = N_("while this file exists, every zone is silent")),
    OPT_ROW("clinical", OPT_STRS, hold_settings, clinical, .deflt = "[clinical]",
            .help = N_("payloads that mean a clinical code; all others mean fire")),
    OPT_ROW("off", OPT_STRS, hold_settings, off, .deflt = "[\"\", \"0\", \"off\", \"false\"]",
            .help = N_("payloads that end the hold")),
    {0},
};

static const struct opt_row reminder_rows[] = {
    OPT_ROW("id", OPT_ID, reminder, id, .required = true, .help = N_("its name")),
    OPT_ROW("text", OPT_STR, reminder, text, .required = true, .help = N_("what is said")),
    OPT_ROW("days", OPT_STRS, reminder, days, .max = 3,
            .help = N_("weekday, weekend, holiday; default: all")),
    OPT_ROW("hours", OPT_WINDOWS, reminder, hours, .max = 8,
            .help = N_("hours in which it is said; default: all")),
    OPT_ROW("zones", OPT_STRS, reminder, zones, .max = 64,
            .help = N_("zones, groups or classes; default: all")),
    {0},
};

static const struct opt_row zone_rows[] = {
    OPT_ROW("id", OPT_ID, zone_settings, id, .required = true, .help = N_("as the relay calls it")),
    OPT_ROW("name", OPT_STR, zone_settings, name, .help = N_("as people call it")),
    OPT_ROW("class", OPT_STR, zone_settings, class_name, .required = true,
            .help = N_("what may be heard there, and when: see `tocsin-pa check --classes`")),
    OPT_ROW("outputs", OPT_STRS, zone_settings, outputs, .max = 16,
            .help = N_("ids of outputs; all play at once")),
    OPT_ROW("groups", OPT_STRS, zone_settings, groups, .max = 16,
            .help = N_("names under which it is addressed with others")),
    OPT_ROW("slots", OPT_STRS, zone_settings, slots, .max = 48,
            .help = N_("times like 10:30, or hourly 08:00-17:00; none: no slots; default: the class's")),
    OPT_ROW("quiet", OPT_STRS, zone_settings, quiet, .max = 8,
            .help = N_("windows like 18:00-08:00; none: never quiet; default: the class's")),
    OPT_ROW("days", OPT_STRS, zone_settings, days, .max = 3,
            .help = N_("days with slots: weekday, weekend, holiday; default: all")),
    OPT_ROW("rhyme", OPT_WINDOWS, zone_settings, rhyme, .max = 8,
            .help = N_(
                "hours in which the rhyme follows the plain sentence; default: all day where the class seats "
                "the elderly")),
    OPT_ROW("no_rhyme", OPT_BOOL, zone_settings, no_rhyme, .help = N_("never the rhyme")),
    OPT_ROW("seconds_an_hour", OPT_INT, zone_settings, seconds_an_hour, .min = -1, .max = 3600, .deflt = "-1",
            .unit = "s", .help = N_("of speech; -1: the class's")),
    OPT_ROW("volume", OPT_INT, zone_settings, volume_day, .min = 1, .max = 100, .deflt = "100", .unit = "%",
            .help = N_("by day")),
    OPT_ROW("volume_night", OPT_INT, zone_settings, volume_night, .min = 1, .max = 100, .deflt = "60",
            .unit = "%", .help = N_("in the hours of `night`")),
    OPT_ROW("night", OPT_WINDOWS, zone_settings, night, .max = 8, .deflt = "[\"19:00-08:00\"]",
            .help = N_("hours of the lower volume")),
    OPT_ROW("allow_robot_voice", OPT_BOOL, zone_settings, allow_robot_voice,
            .help = N_("in live mode: texts without a recorded clip are spoken by the engine")),
    OPT_ROW("drills", OPT_BOOL, zone_settings, drills, .deflt = "true",
            .help = N_("takes exercises and tests")),
    OPT_ROW("busy_topic", OPT_STR, zone_settings, busy_topic,
            .help = N_("MQTT topic on which queue calling says 1 while it speaks and 0 after")),
    OPT_ROW("busy_file", OPT_PATH, zone_settings, busy_file,
            .help = N_("while this file exists, queue calling speaks")),
    {0},
};

/* An output's own keys stand in the same block. */
struct output_block {
    const char *id, *type;
    const struct yaml_node *node;
    struct opt_extra extra;
};
static const struct opt_row output_rows[] = {
    OPT_ROW("id", OPT_ID, output_block, id, .required = true, .help = N_("its name")),
    OPT_ROW("type", OPT_STR, output_block, type, .required = true,
            .help = N_("rtp, alsa, sip, http, axis, hikvision, file or command")),
    OPT_ROW("", OPT_SELF, output_block, node),
    OPT_ROW("", OPT_EXTRA, output_block, extra),
    {0},
};

#define BLOCK(name_, member, rows_, type_, help_)                                                            \
    {                                                                                                        \
        .name = (name_), .type = OPT_BLOCK, .offset = offsetof(struct settings, member), .sub = (rows_),     \
        .sub_size = sizeof(struct type_), .help = (help_)                                                    \
    }
#define BLOCKS(name_, member, rows_, type_, max_, help_)                                                     \
    {                                                                                                        \
        .name = (name_), .type = OPT_BLOCKS, .offset = offsetof(struct settings, member), .sub = (rows_),    \
        .sub_size = sizeof(struct type_), .max = (max_), .help = (help_)                                     \
    }

const struct opt_row settings_rows[] = {
    BLOCK("player", player, player_rows, player_settings, N_("this player")),
    BLOCK("broker", broker, broker_rows, broker_settings, N_("the MQTT broker that the relay uses")),
    BLOCK("http", http, http_rows, http_settings, N_("the operator's page")),
    BLOCK("speech", speech_block, speech_rows, speech_block, N_("where the sound of a text comes from")),
    BLOCK("schedule", schedule, schedule_rows, schedule_settings, N_("slots and announcements")),
    BLOCK("hold", hold, hold_rows, hold_settings,
          N_("fire and clinical codes, before which all speech falls silent")),
    BLOCKS("reminders", reminder_blocks, reminder_rows, reminder, 200,
           N_("the house's own: rules, valuables, visiting hours")),
    BLOCKS("zones", zone_blocks, zone_rows, zone_settings, 500, N_("loudspeakers that say the same thing")),
    BLOCKS("outputs", output_blocks, output_rows, output_block, 500, N_("ways to the loudspeakers")),
    {0},
};

/* Two ways to one loudspeaker would talk over each other: it is one output, and zones that share it take turns. */
static void check_place(struct settings *s, struct output *o, const struct yaml_node *node,
                        const char **places, struct opt_problems *problems)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(16 * 1024);
    o->single = o->ops->place && o->ops->place(o->options, &b);
    places[s->n_outputs] = arena_strdup(&s->arena, buf_cstr(&b));
    for (size_t i = 0; i < s->n_outputs && b.len; i++)
        if (s->outputs[i].ops == o->ops && strcmp(places[i], buf_cstr(&b)) == 0)
            opt_problem(
                problems, node,
                _("outputs `%s` and `%s` go to the same place, and would talk over each other: remove one "
                  "and name the other in each zone"),
                s->outputs[i].id, o->id);
}

static void load_outputs(struct settings *s, struct opt_problems *problems)
{
    const struct output_block *blocks = s->output_blocks.items;
    s->outputs = arena_alloc(&s->arena, (s->output_blocks.n + 1) * sizeof(*s->outputs));
    const char **places = arena_alloc(&s->arena, (s->output_blocks.n + 1) * sizeof(*places));
    for (size_t i = 0; i < s->output_blocks.n; i++) {
        struct output_block block = blocks[i];
        const struct output_ops *ops = output_find(block.type);
        for (size_t j = 0; j < i; j++)
            if (strcmp(blocks[j].id, block.id) == 0)
                opt_problem(problems, block.node, _("id: there are two outputs `%s`"), block.id);
        if (!ops) {
            opt_problem(problems, block.node, _("type: there is no kind of output `%s`"), block.type);
            continue;
        }
        if (options_load_extra(&block.extra, ops->options, ops->options_size, &s->arena, problems) !=
            RELAY_OK)
            continue;
        struct output *o = &s->outputs[s->n_outputs];
        *o = (struct output){.id = block.id,
                             .ops = ops,
                             .at = block.node,
                             .options = block.extra.values,
                             .state = arena_alloc(&s->arena, ops->state_size + 1)};
        check_place(s, o, block.node, places, problems);
        s->n_outputs++;
    }
}

static void check_outputs_of(const struct settings *s, const struct zone *z, const struct yaml_node *at,
                             struct opt_problems *problems)
{
    const struct output_block *blocks = s->output_blocks.items;
    for (size_t i = 0; i < z->outputs.n; i++) {
        bool found = false;
        for (size_t o = 0; o < s->output_blocks.n; o++)
            found |= strcmp(blocks[o].id, z->outputs.items[i]) == 0;
        if (!found)
            opt_problem(problems, at, _("zone %s: outputs: there is no output `%s`"), z->id,
                        z->outputs.items[i]);
    }
    if (z->outputs.n == 0 && !z->silent)
        opt_problem(problems, at, _("zone %s: outputs: name at least one, or nothing will be heard there"),
                    z->id);
}

static void add_share(struct settings *s, struct zone *z, size_t other)
{
    size_t i = 0;
    if (!z->shares) z->shares = arena_alloc(&s->arena, s->n_zones * sizeof(*z->shares));
    while (i < z->n_shares && z->shares[i] != other) i++;
    z->shares[i] = other;
    if (i == z->n_shares) z->n_shares++;
}

static void find_shares(struct settings *s)
{
    for (size_t o = 0; o < s->n_outputs; o++) {
        const struct output *out = &s->outputs[o];
        for (size_t z = 0; z < s->n_zones && out->single; z++)
            for (size_t other = 0; other < s->n_zones && opt_strs_has(&s->zones[z].outputs, out->id); other++)
                if (other != z && opt_strs_has(&s->zones[other].outputs, out->id))
                    add_share(s, &s->zones[z], other);
    }
}

static void load_zones(struct settings *s, struct opt_problems *problems)
{
    const struct zone_settings *blocks = s->zone_blocks.items;
    s->zones = arena_alloc(&s->arena, (s->zone_blocks.n + 1) * sizeof(*s->zones));
    for (size_t i = 0; i < s->zone_blocks.n; i++) {
        struct zone *z = &s->zones[s->n_zones];
        const struct yaml_node *at = settings_item(s, "zones", i);
        struct reason why;
        for (size_t j = 0; j < i; j++)
            if (strcmp(blocks[j].id, blocks[i].id) == 0)
                opt_problem(problems, at, _("there are two zones `%s`"), blocks[i].id);
        if (zone_init(z, &blocks[i], &why) != RELAY_OK) {
            opt_problem(problems, at, "%s", why.text);
            continue;
        }
        check_outputs_of(s, z, at, problems);
        s->n_zones++;
    }
    if (s->zone_blocks.n == 0)
        opt_problem(problems, settings_at(s, "zones"),
                    _("zones: there are none; `tocsin-pa check --classes` lists the classes"));
}

static void load_calendars(struct settings *s, struct opt_problems *problems)
{
    const struct opt_strs *files = &s->schedule.calendars;
    s->calendars = arena_alloc(&s->arena, (files->n + 1) * sizeof(struct house_calendar *));
    for (size_t i = 0; i < files->n; i++) {
        struct reason why;
        if (house_calendar_load(files->items[i], &s->calendars[s->n_calendars], &why) == RELAY_OK)
            s->n_calendars++;
        else
            opt_problem(problems, settings_at(s, "schedule.calendars"), "schedule.calendars: %s", why.text);
    }
}

static void gather_reminders(struct settings *s)
{
    size_t n = s->reminder_blocks.n;
    for (size_t c = 0; c < s->n_calendars; c++) n += house_calendar_count(s->calendars[c]);
    s->reminders = arena_alloc(&s->arena, (n + 1) * sizeof(*s->reminders));
    s->n_reminders = s->reminder_blocks.n;
    if (s->n_reminders)
        memcpy(s->reminders, s->reminder_blocks.items, s->n_reminders * sizeof(*s->reminders));
    for (size_t c = 0; c < s->n_calendars; c++) {
        for (size_t i = 0; i < house_calendar_count(s->calendars[c]); i++) {
            struct house_entry *e = house_calendar_at(s->calendars[c], i);
            s->reminders[s->n_reminders++] = (struct reminder){
                .id = e->id, .text = e->text, .zones = {e->places, e->n_places}, .entry = e};
        }
    }
}

static bool is_zones_name(const struct settings *s, const char *name)
{
    for (size_t z = 0; z < s->n_zones; z++)
        if (zone_answers_to(&s->zones[z], name) || strcmp(s->zones[z].name, name) == 0) return true;
    return zone_class_find(name) != NULL;
}

static void check_reminders(struct settings *s, struct opt_problems *problems)
{
    for (size_t i = 0; i < s->n_reminders; i++) {
        const struct reminder *r = &s->reminders[i];
        const struct yaml_node *at = r->entry ? NULL : settings_item(s, "reminders", i);
        for (size_t d = 0; d < r->days.n; d++) {
            enum day_type type;
            if (!day_type_parse(r->days.items[d], &type))
                opt_problem(problems, at, _("reminder %s: days: `%s` is none of weekday, weekend, holiday"),
                            r->id, r->days.items[d]);
        }
        for (size_t n = 0; n < r->zones.n; n++) {
            if (!is_zones_name(s, r->zones.items[n]))
                opt_problem(problems, at, _("reminder %s: zones: `%s` is no zone, group or class"), r->id,
                            r->zones.items[n]);
        }
        if (text_length_guess(r->text) > s->schedule.slot_max)
            opt_problem(problems, at, _("reminder %s: text: some %lld s long; a slot has %lld s"), r->id,
                        (long long)(text_length_guess(r->text) / 1000),
                        (long long)(s->schedule.slot_max / 1000));
    }
}

static void check_http(const struct settings *s, struct opt_problems *problems)
{
    const struct http_settings *h = &s->http;
    char host[46];
    int port;
    if (!address_listen(h->listen, host, &port))
        opt_problem(problems, settings_at(s, "http.listen"),
                    _("http: listen: `%s` is no address and port like 127.0.0.1:8490"), h->listen);
    else if (!address_is_loopback(host) && !h->cert && !h->behind_proxy)
        opt_problem(problems, settings_at(s, "http.listen"),
                    _("http: listen: `%s` is beyond this machine: give cert and key, or behind_proxy: true"),
                    h->listen);
    if (!h->cert != !h->key)
        opt_problem(problems, settings_at(s, "http"), _("http: cert and key belong together"));
}

/* That which came with the program, then the house's own. Where nothing is installed the house's own must do. */
static struct opt_strs whole_lexicon(struct settings *s)
{
    const struct opt_strs *house = &s->speech_block.lexicon;
    const char **list = arena_alloc(&s->arena, (house->n + 1) * sizeof(*list));
    size_t n = 0;
    list[n] = arena_printf(&s->arena, "%s/pa/lexicon.tsv", data_dir());
    if (house->n == 0 || access(list[n], F_OK) == 0) n++;
    for (size_t i = 0; i < house->n; i++) list[n++] = house->items[i];
    return (struct opt_strs){list, n};
}

static void derive(struct settings *s)
{
    const struct speech_block *b = &s->speech_block;
    bool none = b->engine.n == 1 && strcmp(b->engine.items[0], "none") == 0;
    s->speech = (struct speech_settings){
        .voice = b->voice,
        .pinyin = b->pinyin,
        .clips_dir = b->clips ? b->clips : arena_printf(&s->arena, "%s/clips", s->player.state_dir),
        .cache_dir = b->cache ? b->cache : arena_printf(&s->arena, "%s/speech", s->player.state_dir),
        .lexicon = whole_lexicon(s),
        .timeout_ms = b->timeout,
        .rate = b->rate,
        .loudness = (double)b->loudness,
        .lead_ms = b->lead,
    };
    if (!none) s->speech.engine = b->engine;
    s->limits = (struct programme_limits){
        .slot_ms = s->schedule.slot_max,
        .announce_ms = s->schedule.announce_max,
        .chime_ms = b->lead + CHIME_MS + AFTER_CHIME_MS + TAIL_MS,
        .gap_ms = s->schedule.gap,
        .warnings = s->schedule.warnings,
        .times_a_day = s->schedule.times_a_day,
        .correction_slots = s->schedule.correction_slots,
    };
}

enum relay_err settings_load(const char *path, struct settings **ret, struct opt_problems *problems)
{
    struct settings *s = xcalloc(1, sizeof(*s));
    struct yaml_node *root = NULL;
    struct reason why;
    s->path = arena_strdup(&s->arena, path);
    size_t before = problems->n;
    if (yaml_load(path, &s->arena, &root, &why) != RELAY_OK) {
        opt_problem(problems, NULL, "%s", why.text);
    } else if (options_load(settings_rows, root, s, &s->arena, problems) == RELAY_OK) {
        s->root = root;
        load_outputs(s, problems);
        load_zones(s, problems);
        find_shares(s);
        load_calendars(s, problems);
        gather_reminders(s);
        check_reminders(s, problems);
        check_http(s, problems);
        derive(s);
    }
    if (problems->n > before) {
        settings_free(s);
        return RELAY_INVALID;
    }
    *ret = s;
    return RELAY_OK;
}

struct settings *settings_free(struct settings *s)
{
    if (!s) return NULL;
    for (size_t i = 0; i < s->n_calendars; i++) house_calendar_free(s->calendars[i]);
    arena_release(&s->arena);
    free(s);
    return NULL;
}

enum relay_err settings_calendar(const struct settings *s, struct calendar **ret, struct reason *why)
{
    struct calendar *c = calendar_new();
    CLEANUP(free_ptr) char *own = xasprintf("%s/pa/holidays", data_dir());
    enum relay_err err = calendar_load_folder(c, own, why);
    for (size_t i = 0; i < s->player.holidays.n && err == RELAY_OK; i++)
        err = calendar_load(c, s->player.holidays.items[i], why);
    if (err == RELAY_OK)
        *ret = c;
    else
        calendar_free(c);
    return err;
}

const struct yaml_node *settings_at(const struct settings *s, const char *key)
{
    const struct yaml_node *at = s->root;
    for (size_t n; *key; key += n + (key[n] == '.')) {
        char name[64];
        n = strcspn(key, ".");
        (void)snprintf(name, sizeof(name), "%.*s", (int)n, key);
        const struct yaml_node *inner = yaml_get(at, name);
        if (inner) at = inner;
    }
    return at;
}

const struct yaml_node *settings_item(const struct settings *s, const char *list, size_t i)
{
    const struct yaml_node *at = yaml_get(s->root, list);
    return at && at->kind == YAML_LIST && i < at->n ? at->items[i] : at;
}

const char *settings_language(const struct settings *s)
{
    return languages[s->player.language];
}

const char *settings_mode(const struct settings *s)
{
    return modes[s->player.mode];
}

char *settings_path(const struct settings *s, const char *name)
{
    return xasprintf("%s/%s", s->player.state_dir, name);
}
