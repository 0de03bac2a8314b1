/* Verbs: `run` and `check` work here, the others ask the running player by its control socket. */
#include "player/cli.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "base/zone_class.h"
#include "io/file.h"
#include "io/http_client.h"
#include "io/notify.h"
#include "player/clip.h"
#include "player/page.h"
#include "player/player.h"
#include "player/tell.h"

enum { ANSWER_MAX = 16 * 1024 * 1024 };

struct verb {
    const char *name;
    int (*run)(const struct words *w);
    const char *options; /* the letters that it takes, beside -c and --help */
    int min, max;        /* words */
    const char *usage, *summary;
};

/* clang-format off */
static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"by", required_argument, NULL, 'b'},
    {"and", required_argument, NULL, 'a'},
    {"reason", required_argument, NULL, 'r'},
    {"day", required_argument, NULL, 'd'},
    {"for", required_argument, NULL, 'f'},
    {"zone", required_argument, NULL, 'z'},
    {"hours", required_argument, NULL, 'o'},
    {"json", no_argument, NULL, 'j'},
    {"ics", no_argument, NULL, 'i'},
    {"fast-hour", no_argument, NULL, 'F'},
    {"trust-clock", no_argument, NULL, 'T'},
    {"classes", no_argument, NULL, 'C'},
    {"manual", no_argument, NULL, 'M'},
    {"packs", required_argument, NULL, 'p'},
    {"missing", no_argument, NULL, 'm'},
    {"print-config", no_argument, NULL, 'P'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};
/* clang-format on */

/* ---- Configuration ---- */

static const char *config_path(const struct words *w)
{
    const char *env = getenv("TOCSIN_PA_CONFIG");
    return w->config ? w->config : env && *env ? env : "/etc/tocsin/pa.yaml";
}

/* Language and time zone belong to the process. */
static enum relay_err apply(const struct settings *s, struct reason *why)
{
    i18n_init(settings_language(s));
    log_set_named_level(s->player.log_level);
    return clock_set_zone(s->player.timezone, why);
}

struct settings *cli_settings(const struct words *w)
{
    struct settings *s = NULL;
    struct opt_problems problems = {0};
    if (settings_load(config_path(w), &s, &problems) != RELAY_OK) {
        opt_problems_print(&problems);
        return NULL;
    }
    struct reason why;
    if (apply(s, &why) != RELAY_OK) {
        (void)fprintf(stderr, "%s: player: timezone: %s\n", s->path, why.text);
        return settings_free(s);
    }
    return s;
}

/* A folder there would always exist, and silence the loudspeakers for ever. */
static void check_sign(const char *path, const struct yaml_node *at, const char *key,
                       struct opt_problems *problems)
{
    struct stat st;
    if (path && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        opt_problem(problems, at,
                    _("%s: %s is a folder, and as long as it is there nothing is heard: name the file in it "
                      "that comes and goes"),
                    key, path);
}

static void check_pem(const struct settings *s, const char *path, const char *key,
                      struct opt_problems *problems)
{
    struct reason why;
    if (path && file_check(path, true, &why) != RELAY_OK)
        opt_problem(problems, settings_at(s, key), "%s: %s", key, why.text);
}

/* Secrets, certificates, the lexicon: without one of them the player does not start. */
static void check_files(const struct settings *s, struct opt_problems *problems)
{
    const struct broker_settings *b = &s->broker;
    const struct http_settings *h = &s->http;
    CLEANUP(secret_free_ptr) char *password = NULL;
    CLEANUP(secret_free_ptr) char *token = NULL;
    struct lexicon *lexicon = NULL;
    struct stat st;
    struct reason why;
    if (speech_lexicon(&s->speech, &lexicon, &why) != RELAY_OK)
        opt_problem(problems, settings_at(s, "speech.lexicon"), "speech.lexicon: %s", why.text);
    lexicon_free(lexicon);
    if (s->speech_block.clips && (stat(s->speech_block.clips, &st) != 0 || !S_ISDIR(st.st_mode)))
        opt_problem(problems, settings_at(s, "speech.clips"),
                    _("speech.clips: %s is no folder: make it, or correct the path"), s->speech_block.clips);
    if (b->password_file && secret_read(b->password_file, &password, &why) != RELAY_OK)
        opt_problem(problems, settings_at(s, "broker.password_file"), "broker.password_file: %s", why.text);
    check_pem(s, b->tls.ca, "broker.tls.ca", problems);
    check_pem(s, b->tls.cert, "broker.tls.cert", problems);
    check_pem(s, b->tls.key, "broker.tls.key", problems);
    if (h->token_file && page_token(h->token_file, &token, &why) != RELAY_OK)
        opt_problem(problems, settings_at(s, "http.token_file"), "http.token_file: %s", why.text);
    if (h->cert && page_certificate(h, &why) != RELAY_OK)
        opt_problem(problems, settings_at(s, "http.cert"), "http: %s", why.text);
    check_sign(s->hold.file, settings_at(s, "hold.file"), "hold.file", problems);
    const struct zone_settings *zones = s->zone_blocks.items;
    for (size_t i = 0; i < s->zone_blocks.n; i++)
        check_sign(zones[i].busy_file, yaml_get(settings_item(s, "zones", i), "busy_file"), "busy_file",
                   problems);
}

/* ---- run ---- */

static struct service service;

static void on_signal(int number)
{
    (void)number;
    service_stop(&service);
}

static void on_hangup(int number)
{
    (void)number;
    service_reload(&service);
}

/* For the running player: a bad configuration changes nothing. What the old one needs as well is looked at before it ends: it
 * could not come back. */
static struct settings *read_again(void *arg)
{
    const struct words *w = arg;
    struct settings *s = NULL;
    struct calendar *holidays = NULL;
    struct opt_problems problems = {0};
    struct reason why;
    if (settings_load(config_path(w), &s, &problems) == RELAY_OK) {
        check_files(s, &problems);
        if (settings_calendar(s, &holidays, &why) != RELAY_OK)
            opt_problem(&problems, settings_at(s, "player.holidays"), "holidays: %s", why.text);
        calendar_free(holidays);
    }
    if (!problems.n) return s;
    for (size_t i = 0; i < problems.n; i++) log_error("reload: %s", problems.items[i].text);
    log_error("reload: the old configuration stays in force");
    return settings_free(s);
}

static void take_signals(void)
{
    struct sigaction stop = {.sa_handler = on_signal}, hangup = {.sa_handler = on_hangup};
    (void)sigaction(SIGTERM, &stop, NULL); /* these cannot fail */
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGHUP, &hangup, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* Runs with *s until it is stopped. A reload that turns out not to work goes back to what did. */
static enum relay_err run(struct settings **s, struct player_options *o, struct reason *why)
{
    struct settings *before = NULL;
    for (;;) {
        struct player *p = NULL;
        enum relay_err err = apply(*s, why);
        if (err == RELAY_OK) err = player_new(*s, &service, o, &p, why);
        if (err != RELAY_OK && before) {
            log_error("reload: %s; the old configuration stays in force", why->text);
            settings_free(*s);
            *s = before;
            before = NULL;
            continue;
        }
        if (err != RELAY_OK) return err;
        settings_free(before);
        take_signals();
        notify_ready();
        player_run(p);
        struct settings *next = player_next(p);
        if (!next) notify_stopping();
        player_free(p);
        if (!next) return RELAY_OK;
        o->trust_clock = false; /* a person said so of that start */
        before = *s;
        *s = next;
    }
}

static int verb_run(const struct words *w)
{
    struct reason why;
    if (memory_keep_private(&why) != RELAY_OK) log_warning("%s", why.text);
    struct settings *s = cli_settings(w);
    if (!s) return EXIT_FAILED;
    if (w->print_config) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(ANSWER_MAX);
        options_print(settings_rows, s, 0, &b);
        (void)fputs(buf_cstr(&b), stdout);
        settings_free(s);
        return EXIT_DONE;
    }
    struct words again = *w;
    struct player_options o = {
        .fast_hour = w->fast_hour, .trust_clock = w->trust_clock, .reload = read_again, .reload_arg = &again};
    enum relay_err err = run(&s, &o, &why);
    if (err != RELAY_OK) log_error("%s", why.text);
    service_release(&service);
    settings_free(s);
    return err == RELAY_OK ? EXIT_DONE : EXIT_FAILED;
}

/* ---- check ---- */

static void print_classes(void)
{
    for (const struct zone_class *c = zone_classes; c->name; c++) {
        (void)printf("%-16s %s\n", c->name, zone_class_zh(c->name));
        (void)printf(c->silent       ? _("    silent: nothing is ever spoken here\n")
                     : c->slots_only ? _("    silent but for its slots\n")
                     : c->immediate  ? _("    announcements at once\n")
                                     : _("    no announcements; warnings in the slots\n"));
        if (c->silent) continue;
        (void)printf(_("    slots "));
        for (size_t i = 0; i < ARRAY_LEN(c->slots) && c->slots[i]; i++)
            (void)printf("%s%s", i ? ", " : "", c->slots[i]);
        if (c->quiet[0]) (void)printf(_("; quiet "));
        for (size_t i = 0; i < ARRAY_LEN(c->quiet) && c->quiet[i]; i++)
            (void)printf("%s%s", i ? ", " : "", c->quiet[i]);
        (void)printf(_("; %d s an hour\n"), c->seconds_an_hour);
    }
}

static void print_missing_holidays(int64_t year)
{
    if (year)
        (void)printf(
            _("holidays: no data for %lld: weekdays and weekends are taken as they fall; add a file to "
              "player.holidays\n"),
            (long long)year);
}

/* What can be tried without a sound: outputs open, the engine's program is there, the lexicon and the holidays load. */
static void check(const struct settings *s, struct opt_problems *problems)
{
    struct reason why;
    struct calendar *calendar = NULL;
    struct loop *loop = NULL;
    struct child_set *children = NULL;
    check_files(s, problems);
    if (settings_calendar(s, &calendar, &why) != RELAY_OK)
        opt_problem(problems, settings_at(s, "player.holidays"), "holidays: %s", why.text);
    else
        print_missing_holidays(calendar_missing_year(calendar, clock_now().wall));
    if (folder_make(s->player.state_dir, 0750, &why) != RELAY_OK)
        opt_problem(problems, settings_at(s, "player.state_dir"), "state_dir: %s", why.text);
    else if (access(s->player.state_dir, W_OK | X_OK) != 0)
        opt_problem(
            problems, settings_at(s, "player.state_dir"),
            _("state_dir: %s: may not be written by this user: chown it to the one that the player runs as"),
            s->player.state_dir);
    else if (folder_make(s->speech.cache_dir, 0750, &why) != RELAY_OK)
        opt_problem(problems, settings_at(s, "speech.cache"), "speech.cache: %s", why.text);
    if (s->speech.engine.n && child_program(s->speech.engine.items[0], &why) != RELAY_OK)
        opt_problem(problems, settings_at(s, "speech.engine"),
                    _("speech: engine: %s; install it, or say engine: [none] for recorded clips alone"),
                    why.text);
    if (loop_new(&loop, &why) != RELAY_OK || child_set_new(loop, &children, &why) != RELAY_OK)
        opt_problem(problems, NULL, "%s", why.text);
    struct output_env env = {.loop = loop, .children = children, .site = s->player.site};
    for (size_t i = 0; i < s->n_outputs && children; i++) {
        struct output *o = &s->outputs[i];
        o->env = &env;
        if (output_open(o, &why) != RELAY_OK) opt_problem(problems, o->at, "output %s: %s", o->id, why.text);
        output_close(o);
    }
    child_set_free(children);
    loop_free(loop);
    calendar_free(calendar);
}

/* Every option, then what each kind of output adds to its block. */
static int print_manual(void)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(ANSWER_MAX);
    options_manual(settings_rows, 0, &b);
    for (size_t i = 0; output_list[i]; i++) {
        if (!output_list[i]->options) continue;
        buf_printf(&b, _("outputs, type: %s: these keys as well\n      of the same block\n"),
                   output_list[i]->name);
        options_manual(output_list[i]->options, 2, &b);
    }
    (void)fputs(buf_cstr(&b), stdout); /* see the flush */
    return fflush(stdout) == 0 && !buf_failed(&b) ? EXIT_DONE : EXIT_FAILED;
}

static int verb_check(const struct words *w)
{
    if (w->classes) {
        print_classes();
        return EXIT_DONE;
    }
    if (w->manual) return print_manual();
    struct settings *s = cli_settings(w);
    if (!s) return EXIT_FAILED;
    struct opt_problems problems = {0};
    check(s, &problems);
    opt_problems_print(&problems);
    if (!problems.n)
        (void)printf(_("%s: %zu zones, %zu outputs, %zu reminders: good\n"), s->path, s->n_zones,
                     s->n_outputs, s->n_reminders);
    settings_free(s);
    return problems.n ? EXIT_FAILED : EXIT_DONE;
}

/* ---- Asking the running player ---- */

/* The answer, or NULL with the reason on standard error. *ret_offline: nobody listens. */
static cJSON *ask(const struct settings *s, const char *method, const char *path, const char *body,
                  bool *ret_offline)
{
    CLEANUP(free_ptr) char *socket = settings_path(s, "control.sock");
    CLEANUP(free_ptr) char *url = xasprintf("http://localhost%s", path);
    CLEANUP(free_ptr) char *answer = NULL;
    const struct http_request r = {.method = method,
                                   .url = url,
                                   .body = body,
                                   .body_len = body ? strlen(body) : 0,
                                   .unix_socket = socket,
                                   .allow_insecure = true,
                                   .max_answer = ANSWER_MAX};
    static const struct json_limits limits = {.max_bytes = ANSWER_MAX, .max_depth = 16};
    struct reason why;
    int status = 0;
    cJSON *json = NULL;
    if (ret_offline) *ret_offline = false;
    if (access(socket, F_OK) != 0 || http_fetch(&r, &status, &answer, &why) != RELAY_OK) {
        if (ret_offline)
            *ret_offline = true;
        else
            (void)fprintf(stderr, _("the player is not running (no answer at %s)\n"), socket);
        return NULL;
    }
    if (json_parse(answer, strlen(answer), &limits, &json, &why) != RELAY_OK) {
        (void)fprintf(stderr, _("the player's answer cannot be read: %s\n"), why.text);
        return NULL;
    }
    if (status / 100 == 2) return json;
    (void)fprintf(stderr, "%s\n", json_str_or(json, "message", _("refused")));
    cJSON_Delete(json);
    return NULL;
}

static void print_json(const cJSON *j)
{
    char *text = cJSON_PrintUnformatted(j);
    if (text) (void)puts(text);
    cJSON_free(text);
}

/* One action: the body is made of what was said; `done` is printed with the number of zones. */
static int act(const struct words *w, const char *path, void (*fill)(const struct words *w, struct buf *body),
               const char *done)
{
    struct settings *s = cli_settings(w);
    if (!s) return EXIT_FAILED;
    CLEANUP(buf_release) struct buf body = BUF_INIT(16 * 1024);
    buf_char(&body, '{');
    if (w->by) buf_json_member(&body, "by", w->by);
    fill(w, &body);
    buf_char(&body, '}');
    CLEANUP(json_free_ptr) cJSON *answer = ask(s, "POST", path, buf_cstr(&body), NULL);
    int64_t zones = 0;
    if (answer && json_int(answer, "zones", &zones) == RELAY_OK)
        (void)printf("%s: %lld\n", done, (long long)zones);
    settings_free(s);
    return answer ? EXIT_DONE : EXIT_FAILED;
}

static void fill_where(const struct words *w, struct buf *body)
{
    buf_json_member(body, "where", w->n ? w->at[0] : "all");
}

static int verb_stop(const struct words *w)
{
    return act(w, "/v1/stop", fill_where, _("zones stopped"));
}

static int verb_tone(const struct words *w)
{
    return act(w, "/v1/tone", fill_where, _("zones with a test tone"));
}

/* A duration, with "off" for 0; usage on anything else. */
static int64_t duration_of(const char *text)
{
    int64_t ms = -1;
    if (strcmp(text, "off") == 0) return 0;
    return duration_parse(text, &ms) == RELAY_OK && ms >= 0 ? ms : -1;
}

static void fill_grant(const struct words *w, struct buf *body)
{
    fill_where(w, body);
    buf_json_member_int(body, "for_ms", duration_of(w->for_text));
    if (w->second) buf_json_member(body, "and", w->second);
    if (w->reason) buf_json_member(body, "reason", w->reason);
}

static int grant(const struct words *w, const char *path, const char *done)
{
    if (!w->for_text || duration_of(w->for_text) < 0) {
        (void)fprintf(stderr, _("say for how long: --for 2h, or --for off to end it\n"));
        return EXIT_USAGE;
    }
    return act(w, path, fill_grant, done);
}

static int verb_mute(const struct words *w)
{
    return grant(w, "/v1/mute",
                 w->for_text && strcmp(w->for_text, "off") == 0 ? _("zones that speak again")
                                                                : _("zones muted"));
}

static int verb_override(const struct words *w)
{
    return grant(w, "/v1/override",
                 w->for_text && strcmp(w->for_text, "off") == 0 ? _("zones closed again")
                                                                : _("zones opened"));
}

static void fill_hold(const struct words *w, struct buf *body)
{
    buf_json_member(body, "level", w->at[0]);
}

static int verb_hold(const struct words *w)
{
    bool off = strcmp(w->at[0], "off") == 0;
    return act(w, "/v1/hold", fill_hold,
               off ? _("hold ended, zones that may speak") : _("hold, silent zones"));
}

static void fill_say(const struct words *w, struct buf *body)
{
    fill_where(w, body);
    buf_json_member(body, "text", w->at[1]);
}

static int verb_say(const struct words *w)
{
    return act(w, "/v1/say", fill_say, _("zones that will say it"));
}

/* ---- Lists ---- */

static const char *str(const cJSON *o, const char *name)
{
    return json_str_or(o, name, "");
}

static void print_zone(const cJSON *z)
{
    const char *playing = str(z, "playing"), *muted = str(z, "muted_until"), *opened = str(z, "opened_until");
    int64_t waiting = 0, held = 0;
    bool quiet = false, busy = false;
    (void)!json_int(z, "waiting", &waiting); /* absent: none */
    (void)!json_int(z, "held", &held);
    (void)!json_bool(z, "quiet", &quiet);
    (void)!json_bool(z, "busy", &busy);
    (void)printf("%-14s %-14s %s", str(z, "id"), str(z, "class"),
                 *playing ? playing
                 : quiet  ? _("quiet")
                          : _("silent"));
    if (busy) (void)printf(_(", queue calling"));
    if (waiting) (void)printf(_(", %lld waiting"), (long long)waiting);
    if (held) (void)printf(_(", %lld kept back"), (long long)held);
    if (*muted) (void)printf(_(", muted until %.16s by %s"), muted, str(z, "muted_by"));
    if (*opened) (void)printf(_(", opened until %.16s"), opened);
    if (*str(z, "next_slot")) (void)printf(_(", next slot %s"), str(z, "next_slot"));
    (void)printf("\n");
}

static int verb_status(const struct words *w)
{
    struct settings *s = cli_settings(w);
    if (!s) return EXIT_FAILED;
    CLEANUP(json_free_ptr) cJSON *j = ask(s, "GET", "/v1/status", NULL, NULL);
    settings_free(s);
    if (!j) return EXIT_FAILED;
    if (w->json) {
        print_json(j);
        return EXIT_DONE;
    }
    int64_t rev = 0, items = 0, unsent = 0, missing = 0;
    (void)!json_int(j, "bulletin_rev", &rev); /* absent: none */
    (void)!json_int(j, "bulletin_items", &items);
    (void)!json_int(j, "log_unsent", &unsent);
    (void)!json_int(j, "holidays_missing", &missing);
    (void)printf(_("broker %s, clock %s, bulletin rev %lld with %lld items, %lld log lines to send\n"),
                 str(j, "broker"), str(j, "clock"), (long long)rev, (long long)items, (long long)unsent);
    if (*str(j, "hold")) (void)printf(_("HOLD: %s (%s)\n"), str(j, "hold"), str(j, "hold_by"));
    print_missing_holidays(missing);
    const cJSON *z;
    cJSON_ArrayForEach(z, cJSON_GetObjectItemCaseSensitive(j, "zones"))
    {
        print_zone(z);
    }
    const cJSON *o;
    cJSON_ArrayForEach(o, cJSON_GetObjectItemCaseSensitive(j, "outputs"))
    {
        if (strcmp(str(o, "state"), "failing") == 0)
            (void)printf(_("output %s (%s) has failed since %.16s: %s\n"), str(o, "id"), str(o, "type"),
                         str(o, "since"), str(o, "detail"));
    }
    return EXIT_DONE;
}

static void print_slot(const cJSON *slot)
{
    bool sounds = false;
    int64_t ms = 0;
    (void)!json_bool(slot, "sounds", &sounds); /* our own answer has both */
    (void)!json_int(slot, "length_ms", &ms);
    const char *minute = str(slot, "minute");
    (void)printf("%s  %-14s ", strlen(minute) > 11 ? minute + 11 : minute, str(slot, "zone"));
    if (sounds)
        (void)printf(_("%lld s\n"), (long long)((ms + 500) / 1000));
    else
        (void)printf("- %s\n", str(slot, "why_text"));
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(slot, "items"))
    {
        bool says = false, rhyme = false;
        (void)!json_bool(item, "sounds", &says);
        (void)!json_bool(item, "rhyme", &rhyme);
        const char *text = str(item, "text");
        if (says)
            (void)printf("         + %s %s%s\n", str(item, "id"), text, rhyme ? _(" (with its rhyme)") : "");
        else if (sounds || strcmp(str(item, "why"), str(slot, "why")) != 0)
            (void)printf("         - %s %.*s: %s\n", str(item, "id"), (int)text_cut(text, strlen(text), 45),
                         text, str(item, "why_text"));
    }
}

/* ---- The programme without a player: from the book, read-only ---- */

struct offline {
    struct buf out;
    struct memory memory;
    struct now now;
};

static void offline_said(void *arg, uint64_t text, int64_t minute, int64_t at, int64_t length_ms, bool slot)
{
    struct offline *o = arg;
    memory_add(&o->memory, (struct said){.text = text,
                                         .minute = minute,
                                         .mono = o->now.mono + (at - o->now.wall),
                                         .length_ms = length_ms,
                                         .slot = slot});
}

static void offline_slot(void *arg, const struct programme_input *at, const struct plan *plan)
{
    struct offline *o = arg;
    tell_slot(&o->out, at, plan);
}

static int64_t offline_length(void *arg, const struct zone *z, const char *text)
{
    const struct settings *s = arg;
    bool robot = s->player.mode == MODE_TRIAL || z->allow_robot_voice;
    int64_t clip = clip_length(s->speech.clips_dir, text);
    if (clip >= 0) return clip;
    return robot && s->speech.engine.n ? text_length_guess(text) : -1;
}

static enum relay_err offline_programme(struct settings *s, int64_t day, struct buf *out, struct reason *why)
{
    CLEANUP(free_ptr) char *db = settings_path(s, "pa.db");
    CLEANUP(free_ptr) char *payload = NULL;
    struct calendar *calendar = NULL;
    struct book *book = NULL;
    struct arena arena = {0};
    struct bulletin bulletin = {0};
    struct offline o = {.out = BUF_INIT(ANSWER_MAX), .now = clock_now()};
    enum relay_err err = settings_calendar(s, &calendar, why);
    if (err == RELAY_OK && access(db, F_OK) == 0) err = book_open(db, DB_READ_ONLY, &book, why);
    if (err != RELAY_OK) goto out;
    int64_t rev, relay_now, received;
    if (book && book_bulletin(book, &rev, &relay_now, &received, &payload))
        err = inbox_bulletin(payload, strlen(payload), o.now, true, received, &arena, &bulletin, why);
    if (err != RELAY_OK) goto out;
    struct day_kind kind = calendar_day(calendar, day);
    tell_day_begin(&o.out, day, &kind);
    for (size_t z = 0; z < s->n_zones; z++) {
        struct programme_input in = {.zone = &s->zones[z],
                                     .now = o.now,
                                     .day = kind,
                                     .reminders = s->reminders,
                                     .n_reminders = s->n_reminders,
                                     .warnings = bulletin.items,
                                     .n_warnings = bulletin.n,
                                     .memory = &o.memory,
                                     .limits = &s->limits,
                                     .length = offline_length,
                                     .length_arg = s};
        if (book) book_each_said(book, s->zones[z].id, o.now.wall - 8 * DAY_MS, offline_said, &o);
        programme_day(&in, day, offline_slot, &o);
        memory_release(&o.memory);
    }
    tell_day_end(&o.out);
    buf_str(out, buf_cstr(&o.out));
out:
    buf_release(&o.out);
    arena_release(&arena);
    book_close(book);
    calendar_free(calendar);
    return err;
}

static int by_time(const void *a, const void *b)
{
    const cJSON *const *x = a, *const *y = b;
    int order = strcmp(str(*x, "minute"), str(*y, "minute"));
    return order ? order : strcmp(str(*x, "zone"), str(*y, "zone"));
}

static void print_day(const cJSON *j, const char *zone, bool is_today)
{
    static const char *const weekdays[] = {N_("Sunday"),   N_("Monday"), N_("Tuesday"), N_("Wednesday"),
                                           N_("Thursday"), N_("Friday"), N_("Saturday")};
    int64_t weekday = 0;
    bool known = true, made_up = false;
    (void)!json_int(j, "weekday", &weekday); /* our own answer has them */
    (void)!json_bool(j, "holidays_known", &known);
    (void)!json_bool(j, "made_up", &made_up);
    (void)printf("%s %s %s%s%s\n", str(j, "date"), _(weekdays[weekday % 7]), str(j, "holiday"),
                 *str(j, "holiday") ? " " : "",
                 made_up                                 ? _("(worked to make up)")
                 : strcmp(str(j, "day"), "holiday") == 0 ? _("(holiday)")
                                                         : "");
    if (!known)
        (void)printf(
            _("there is no holiday data for this year: weekdays and weekends are taken as they fall\n"));
    const cJSON *slots = cJSON_GetObjectItemCaseSensitive(j, "slots"), *slot;
    size_t n = 0, total = (size_t)cJSON_GetArraySize(slots);
    CLEANUP(free_ptr) const cJSON **list = xcalloc(total, sizeof(*list));
    cJSON_ArrayForEach(slot, slots)
    {
        if (!zone || strcmp(str(slot, "zone"), zone) == 0) list[n++] = slot;
    }
    qsort(list, n, sizeof(*list), by_time);
    for (size_t i = 0; i < n; i++) print_slot(list[i]);
    if (n == 0)
        (void)printf(is_today ? _("no more slots today; what there was: tocsin-pa log\n") : _("no slots\n"));
}

static int verb_programme(const struct words *w)
{
    struct settings *s = cli_settings(w);
    if (!s) return EXIT_FAILED;
    const int64_t today = civil_minute(clock_now().wall) / MINUTES_A_DAY;
    int64_t day = today;
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct reason why;
    bool offline = false;
    int code = EXIT_FAILED;
    if (w->day && civil_parse_day(w->day, &day) != RELAY_OK) {
        (void)fprintf(stderr, _("`%s` is no day like 2026-11-23\n"), w->day);
        code = EXIT_USAGE;
        goto out;
    }
    bool known = !w->zone;
    for (size_t z = 0; z < s->n_zones; z++) known |= w->zone && strcmp(w->zone, s->zones[z].id) == 0;
    if (!known) {
        (void)fprintf(stderr, _("there is no zone `%s`; `tocsin-pa status` lists them\n"), w->zone);
        goto out;
    }
    char date[CIVIL_TEXT_LEN], path[64];
    (void)civil_format(day * MINUTES_A_DAY, date);
    (void)snprintf(path, sizeof(path), "/v1/programme?day=%.10s", date);
    j = ask(s, "GET", path, NULL, &offline);
    if (offline) {
        static const struct json_limits limits = {.max_bytes = ANSWER_MAX, .max_depth = 16};
        CLEANUP(buf_release) struct buf b = BUF_INIT(ANSWER_MAX);
        if (offline_programme(s, day, &b, &why) != RELAY_OK ||
            json_parse(buf_cstr(&b), b.len, &limits, &j, &why) != RELAY_OK) {
            (void)fprintf(stderr, "%s\n", why.text);
            goto out;
        }
    }
    if (!j) goto out;
    if (w->ics) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(ANSWER_MAX);
        if (ical_programme(j, s->player.site, w->zone, clock_now().wall, &b, &why) != RELAY_OK) {
            (void)fprintf(stderr, "%s\n", why.text);
            goto out;
        }
        (void)fputs(buf_cstr(&b), stdout);
    } else if (w->json) {
        print_json(j);
    } else {
        print_day(j, w->zone, day == today);
    }
    code = EXIT_DONE;
out:
    settings_free(s);
    return code;
}

static int verb_log(const struct words *w)
{
    struct settings *s = cli_settings(w);
    if (!s) return EXIT_FAILED;
    CLEANUP(buf_release) struct buf path = BUF_INIT(4096);
    buf_str(&path, "/v1/log?hours=");
    buf_url(&path, w->hours ? w->hours : "24");
    buf_str(&path, "&zone=");
    buf_url(&path, w->zone ? w->zone : "");
    CLEANUP(json_free_ptr) cJSON *j = ask(s, "GET", buf_cstr(&path), NULL, NULL);
    settings_free(s);
    if (!j) return EXIT_FAILED;
    if (w->json) {
        print_json(j);
        return EXIT_DONE;
    }
    for (int i = cJSON_GetArraySize(j); i-- > 0;) {
        const cJSON *r = cJSON_GetArrayItem(j, i);
        const char *why = str(r, "why"), *detail = str(r, "detail");
        (void)printf("%.19s  %-12s %-28s %-10s %s%s%s\n", str(r, "at"), str(r, "zone"), str(r, "id"),
                     str(r, "state"), why, *why && *detail ? ": " : "", detail);
    }
    return EXIT_DONE;
}

/* ---- The table ---- */

static const struct verb verbs[] = {
    {"run", verb_run, "FTP", 0, 0, N_("[--fast-hour] [--trust-clock] [--print-config]"),
     N_("plays, until SIGTERM")},
    {"check", verb_check, "CM", 0, 0, N_("[--classes | --manual]"),
     N_("tries configuration, outputs, engine, lexicon; lists zone classes, or every option")},
    {"status", verb_status, "j", 0, 0, N_("[--json]"), N_("what every zone does now")},
    {"programme", verb_programme, "djzi", 0, 0, N_("[--day 2026-11-23] [--zone ID] [--json|--ics]"),
     N_("a day's programme, with a reason for everything that will not sound; --ics: as a calendar")},
    {"log", verb_log, "jzo", 0, 0, N_("[--zone ID] [--hours N] [--json]"),
     N_("what was played, and what not and why")},
    {"stop", verb_stop, "b", 0, 1, N_("[ZONE] [--by NAME]"), N_("ends what plays")},
    {"mute", verb_mute, "bfr", 0, 1, N_("[ZONE] --for 2h|off [--by NAME] [--reason TEXT]"),
     N_("silences a zone, 24 h at most")},
    {"hold", verb_hold, "b", 1, 1, N_("fire|clinical|off [--by NAME]"),
     N_("fire or a clinical code: every zone falls silent")},
    {"override", verb_override, "bafr", 1, 1, N_("ZONE --for 1h|off --by NAME --and NAME [--reason TEXT]"),
     N_("two persons open a silent zone or quiet hours, for an hour at most")},
    {"say", verb_say, "b", 2, 2, N_("ZONE TEXT [--by NAME]"), N_("a person's own words, now")},
    {"tone", verb_tone, "b", 1, 1, N_("ZONE [--by NAME]"), N_("a test tone")},
    {"clips", cli_clips, "bfjmp", 1, 2,
     N_("list [--missing] | add FILE.wav --for ID --by NAME | render | readings  [--packs DIR] [--json]"),
     N_("recordings of the spoken texts; what the engine makes of them; words with more than one reading")},
    {NULL, NULL, NULL, 0, 0, NULL, NULL},
};

static void usage(FILE *out)
{
    (void)fprintf(out, "%s\n\n", _("tocsin-pa - PA scheduler and player of a hospital"));
    for (const struct verb *v = verbs; v->name; v++)
        (void)fprintf(out, "  tocsin-pa %-10s %s\n      %s\n", v->name, _(v->usage), _(v->summary));
    (void)fprintf(out, "\n%s\n",
                  _("Every verb takes --config FILE (default: TOCSIN_PA_CONFIG, else /etc/tocsin/pa.yaml). "
                    "ZONE is a zone, a group, "
                    "or all."));
}

static int wrong(const struct verb *v)
{
    (void)fprintf(stderr, _("usage: tocsin-pa %s %s\n"), v->name, _(v->usage));
    return EXIT_USAGE;
}

/* False on anything that the verb does not take. */
static bool read_words(const struct verb *v, int argc, char **argv, struct words *w)
{
    int c;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
        if (c == '?' || (c != 'c' && c != 'h' && !strchr(v->options, c))) return false;
        switch (c) {
        case 'c': w->config = optarg; break;
        case 'b': w->by = optarg; break;
        case 'a': w->second = optarg; break;
        case 'r': w->reason = optarg; break;
        case 'd': w->day = optarg; break;
        case 'f': w->for_text = optarg; break;
        case 'z': w->zone = optarg; break;
        case 'o': w->hours = optarg; break;
        case 'p': w->packs = optarg; break;
        case 'm': w->missing = true; break;
        case 'j': w->json = true; break;
        case 'i': w->ics = true; break;
        case 'F': w->fast_hour = true; break;
        case 'T': w->trust_clock = true; break;
        case 'C': w->classes = true; break;
        case 'M': w->manual = true; break;
        case 'P': w->print_config = true; break;
        default: w->help = true; break;
        }
    }
    for (; optind < argc; optind++) {
        if (w->n == CLI_WORDS_MAX) return false;
        w->at[w->n++] = argv[optind];
    }
    return w->help || (w->n >= v->min && w->n <= v->max);
}

int pa_main(int argc, char **argv)
{
    i18n_init(NULL);
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("tocsin-pa %s\n", TOCSIN_VERSION);
        return EXIT_DONE;
    }
    for (const struct verb *v = verbs; v->name; v++) {
        if (strcmp(v->name, argv[1]) != 0) continue;
        struct words w = {0};
        if (!read_words(v, argc - 1, argv + 1, &w)) return wrong(v);
        if (!w.help) return v->run(&w);
        (void)printf("tocsin-pa %s %s\n  %s\n", v->name, _(v->usage), _(v->summary));
        return EXIT_DONE;
    }
    (void)fprintf(stderr, _("tocsin-pa: no verb `%s`; `tocsin-pa help` lists them\n"), argv[1]);
    return EXIT_USAGE;
}
