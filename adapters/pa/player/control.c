/* Questions and actions by HTTP. */
#include "player/control.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/text.h"
#include "player/ical.h"
#include "player/tell.h"

enum { ANSWER_MAX = 8 * 1024 * 1024, NAME_SIZE = 64, LOG_ROWS = 1000 };

struct control {
    struct player *player;
    struct http_server *server; /* NULL: another's */
    char *path;                 /* of the socket */
    control_who_fn who;
    void *who_arg;
};

static const char *mode_of(const struct player *p)
{
    return settings_mode(player_settings_of(p));
}

void control_put_state(struct player *p, struct buf *out)
{
    if (player_station(p)) tell_state(out, player_station(p), player_now(p), mode_of(p));
}

static void refuse(struct http_exchange *x, enum relay_err err, const struct reason *why)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(16 * 1024);
    int status = err == RELAY_NOT_FOUND ? 404 : err == RELAY_DENIED ? 409 : err == RELAY_OFFLINE ? 503 : 400;
    buf_char(&b, '{');
    buf_json_member(&b, "error", relay_err_name(err));
    buf_json_member(&b, "message", why->text);
    buf_char(&b, '}');
    http_reply_json(x, status, buf_cstr(&b));
}

/* NULL with the refusal sent: nobody who may ask, or the store cannot be written. */
static struct station *need_station(struct control *c, struct http_exchange *x)
{
    char nobody[NAME_SIZE];
    if (!c->who(c->who_arg, x, "", nobody, sizeof(nobody))) return NULL;
    struct station *s = player_station(c->player);
    struct reason why;
    if (!s) refuse(x, fail(&why, RELAY_OFFLINE, _("the store cannot be written; see the log")), &why);
    return s;
}

/* ---- Questions ---- */

static void get_status(void *arg, struct http_exchange *x)
{
    struct control *c = arg;
    struct station *s = need_station(c, x);
    if (!s) return;
    CLEANUP(buf_release) struct buf b = BUF_INIT(ANSWER_MAX);
    tell_status(&b, s, player_book(c->player), player_now(c->player), mode_of(c->player),
                player_link_up(c->player), player_air(c->player));
    http_reply_json(x, 200, buf_cstr(&b));
}

static void one_slot(void *arg, const struct programme_input *at, const struct plan *plan)
{
    tell_slot(arg, at, plan);
}

/* The day asked for, else today; false with the refusal sent. */
static bool asked_day(struct http_exchange *x, struct now now, int64_t *ret_day)
{
    const char *text = http_query(x, "day");
    struct reason why;
    *ret_day = civil_minute(now.wall) / MINUTES_A_DAY;
    if (!text || civil_parse_day(text, ret_day) == RELAY_OK) return true;
    refuse(x, fail(&why, RELAY_INVALID, _("`%s` is no day like 2026-11-23"), text), &why);
    return false;
}

static void put_programme(struct station *s, struct now now, int64_t day, struct buf *b)
{
    struct day_kind kind = station_day(s, day);
    tell_day_begin(b, day, &kind);
    station_programme(s, now, day, one_slot, b);
    tell_day_end(b);
}

static void get_programme(void *arg, struct http_exchange *x)
{
    struct control *c = arg;
    struct station *s = need_station(c, x);
    struct now now = player_now(c->player);
    int64_t day;
    if (!s || !asked_day(x, now, &day)) return;
    CLEANUP(buf_release) struct buf b = BUF_INIT(ANSWER_MAX);
    put_programme(s, now, day, &b);
    http_reply_json(x, 200, buf_cstr(&b));
}

/* The same as a calendar, for any calendar program. */
static void get_calendar(void *arg, struct http_exchange *x)
{
    static const struct json_limits limits = {.max_bytes = ANSWER_MAX, .max_depth = 16};
    struct control *c = arg;
    struct station *s = need_station(c, x);
    struct now now = player_now(c->player);
    struct reason why;
    int64_t day;
    if (!s || !asked_day(x, now, &day)) return;
    CLEANUP(buf_release) struct buf b = BUF_INIT(ANSWER_MAX);
    CLEANUP(buf_release) struct buf ics = BUF_INIT(ANSWER_MAX);
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    put_programme(s, now, day, &b);
    enum relay_err err = json_parse(buf_cstr(&b), b.len, &limits, &j, &why);
    if (err == RELAY_OK)
        err = ical_programme(j, player_settings_of(c->player)->player.site, http_query(x, "zone"), now.wall,
                             &ics, &why);
    if (err == RELAY_OK)
        http_reply(x, 200, "text/calendar; charset=utf-8", buf_cstr(&ics), ics.len);
    else
        refuse(x, err, &why);
}

static void one_row(void *arg, const struct log_row *r)
{
    tell_log_row(arg, r);
}

/* The number asked for, at most max, else the default; false with the refusal sent. */
static bool asked_number(struct http_exchange *x, const char *name, int64_t deflt, int64_t max, int64_t *ret)
{
    const char *text = http_query(x, name);
    struct reason why;
    char *end;
    *ret = deflt;
    if (!text || !*text) return true;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    *ret = v > max ? max : v;
    if (!*end && !errno && v >= 1) return true;
    refuse(x, fail(&why, RELAY_INVALID, _("%s: `%s` is no whole number above 0"), name, text), &why);
    return false;
}

static void get_log(void *arg, struct http_exchange *x)
{
    struct control *c = arg;
    if (!need_station(c, x)) return;
    struct now now = player_now(c->player);
    int64_t hours, limit;
    if (!asked_number(x, "hours", 24, 24 * 1100, &hours) ||
        !asked_number(x, "limit", LOG_ROWS, LOG_ROWS, &limit))
        return;
    const char *zone = http_query(x, "zone");
    CLEANUP(buf_release) struct buf b = BUF_INIT(ANSWER_MAX);
    buf_char(&b, '[');
    book_each_log(player_book(c->player), zone && *zone ? zone : NULL, now.wall - hours * HOUR_MS, INT64_MAX,
                  (int)limit, one_row, &b);
    buf_char(&b, ']');
    http_reply_json(x, 200, buf_cstr(&b));
}

/* ---- Actions ---- */

struct action {
    struct control *c;
    struct http_exchange *x;
    cJSON *body;
    struct station *s;
    struct now now;
    char by[NAME_SIZE];
    const char *where;
    int n; /* zones */
};

static enum relay_err do_stop(struct action *a, struct reason *why)
{
    return station_stop(a->s, a->now, a->where, a->by, &a->n, why);
}

static int64_t number(const struct action *a, const char *name)
{
    int64_t v = 0;
    return json_int(a->body, name, &v) == RELAY_OK ? v : -1;
}

/* Why, without whom it names: it is on the page, in the log, and goes out with the player's state. */
static void put_reason(const struct action *a, struct buf *ret)
{
    mask_original(json_str_or(a->body, "reason", ""), ret);
}

static enum relay_err do_mute(struct action *a, struct reason *why)
{
    CLEANUP(buf_release) struct buf reason = BUF_INIT(ANSWER_MAX);
    put_reason(a, &reason);
    return station_mute(a->s, a->now, a->where, number(a, "for_ms"), a->by, buf_cstr(&reason), &a->n, why);
}

static enum relay_err do_override(struct action *a, struct reason *why)
{
    CLEANUP(buf_release) struct buf reason = BUF_INIT(ANSWER_MAX);
    put_reason(a, &reason);
    return station_override(a->s, a->now, a->where, number(a, "for_ms"), a->by,
                            json_str_or(a->body, "and", NULL), buf_cstr(&reason), &a->n, why);
}

static enum relay_err do_say(struct action *a, struct reason *why)
{
    const char *text = json_str_or(a->body, "text", "");
    return station_say(a->s, a->now, a->where, text, a->by, &a->n, why);
}

static enum relay_err do_tone(struct action *a, struct reason *why)
{
    return station_say(a->s, a->now, a->where, NULL, a->by, &a->n, why);
}

static enum relay_err do_hold(struct action *a, struct reason *why)
{
    const char *level = json_str_or(a->body, "level", "");
    enum priority hold = PRIORITY_NONE;
    if (strcmp(level, "fire") == 0)
        hold = PRIORITY_FIRE;
    else if (strcmp(level, "clinical") == 0)
        hold = PRIORITY_CLINICAL;
    else if (strcmp(level, "off") != 0)
        return fail(why, RELAY_INVALID, _("say fire, clinical or off"));
    if (!a->by[0]) return fail(why, RELAY_INVALID, _("say who you are: --by NAME"));
    station_hold(a->s, a->now, "command", hold, a->by);
    const char *by, *source;
    if (hold == PRIORITY_NONE && station_holding(a->s, &by, &source) != PRIORITY_NONE)
        return fail(why, RELAY_CONFLICT,
                    strcmp(source, "file") == 0
                        ? _("every zone stays silent: the hold of the file hold.file goes on, and ends when "
                            "that file is removed")
                        : _("every zone stays silent: the hold that came over the topic goes on, and ends "
                            "where it came from"));
    a->n = (int)station_zones(a->s);
    return RELAY_OK;
}

static void act(struct control *c, struct http_exchange *x,
                enum relay_err (*fn)(struct action *a, struct reason *why))
{
    static const struct json_limits limits = {.max_bytes = 16 * 1024, .max_depth = 4};
    CLEANUP(json_free_ptr) cJSON *body = NULL;
    struct action a = {.c = c, .x = x, .now = player_now(c->player)};
    struct reason why;
    size_t n;
    const char *bytes = http_body(x, &n);
    a.s = need_station(c, x);
    if (!a.s) return;
    enum relay_err err = json_parse(bytes, n, &limits, &body, &why);
    if (err != RELAY_OK) {
        refuse(x, err, &why);
        return;
    }
    a.body = body;
    a.where = json_str_or(body, "where", "all");
    if (!c->who(c->who_arg, x, json_str_or(body, "by", ""), a.by, sizeof(a.by))) return;
    err = fn(&a, &why);
    if (err != RELAY_OK) {
        refuse(x, err, &why);
        return;
    }
    char answer[48];
    (void)snprintf(answer, sizeof(answer), "{\"zones\":%d}", a.n);
    http_reply_json(x, 200, answer);
}

static void post_stop(void *arg, struct http_exchange *x)
{
    act(arg, x, do_stop);
}
static void post_mute(void *arg, struct http_exchange *x)
{
    act(arg, x, do_mute);
}
static void post_override(void *arg, struct http_exchange *x)
{
    act(arg, x, do_override);
}
static void post_say(void *arg, struct http_exchange *x)
{
    act(arg, x, do_say);
}
static void post_tone(void *arg, struct http_exchange *x)
{
    act(arg, x, do_tone);
}
static void post_hold(void *arg, struct http_exchange *x)
{
    act(arg, x, do_hold);
}

static const struct {
    const char *method, *path;
    http_handler_fn fn;
} doors[] = {
    {"GET", "/v1/status", get_status},
    {"GET", "/v1/programme", get_programme},
    {"GET", "/v1/programme.ics", get_calendar},
    {"GET", "/v1/log", get_log},
    {"POST", "/v1/stop", post_stop},
    {"POST", "/v1/mute", post_mute},
    {"POST", "/v1/hold", post_hold},
    {"POST", "/v1/override", post_override},
    {"POST", "/v1/say", post_say},
    {"POST", "/v1/tone", post_tone},
};

/* ---- Making and ending ---- */

void control_register(struct player *p, struct http_server *s, control_who_fn who, void *arg,
                      struct control **ret)
{
    struct control *c = xcalloc(1, sizeof(*c));
    *c = (struct control){.player = p, .who = who, .who_arg = arg};
    for (size_t i = 0; i < ARRAY_LEN(doors); i++)
        http_server_on(s, doors[i].method, doors[i].path, doors[i].fn, c);
    *ret = c;
}

void control_follow(struct control *c, struct player *p)
{
    c->player = p;
}

/* A person on this machine: the name that was given, and the account that gave it. */
static const char *local_person(void *arg, struct http_exchange *x, const char *by, char *out, size_t size)
{
    int uid, pid;
    (void)arg;
    char account[32] = "";
    if (http_peer(x, &uid, &pid) == RELAY_OK) {
        struct passwd pw, *found = NULL;
        char strings[2048];
        if (getpwuid_r((uid_t)uid, &pw, strings, sizeof(strings), &found) == 0 && found)
            (void)snprintf(account, sizeof(account), "%s", found->pw_name);
        else
            (void)snprintf(account, sizeof(account), "uid %d", uid);
    }
    if (!*by)
        (void)snprintf(out, size, "%s", account);
    else
        (void)snprintf(out, size, *account ? "%.*s (%s)" : "%.*s%s", (int)text_cut(by, strlen(by), 40), by,
                       account);
    return out;
}

enum relay_err control_open(struct player *p, struct loop *l, struct control **c, struct reason *why)
{
    CLEANUP(free_ptr) char *path = settings_path(player_settings_of(p), "control.sock");
    const struct http_server_options o = {.unix_path = path, .unix_group = "tocsin", .max_connections = 64};
    struct http_server *server;
    if (*c && strcmp((*c)->path, path) == 0 && access(path, F_OK) == 0) {
        control_follow(*c, p);
        return RELAY_OK;
    }
    *c = control_free(*c);
    enum relay_err err = http_server_new(l, &o, &server, why);
    if (err != RELAY_OK) return err;
    control_register(p, server, local_person, NULL, c);
    (*c)->server = server;
    (*c)->path = path;
    path = NULL;
    return RELAY_OK;
}

struct control *control_free(struct control *c)
{
    if (!c) return NULL;
    http_server_free(c->server);
    free(c->path);
    free(c);
    return NULL;
}

void control_read(struct control *c)
{
    http_server_run(c->server);
}

void control_release(struct control *c)
{
    http_server_release(c->server);
}

void control_refuse(struct control *c)
{
    http_server_refuse(c->server);
}

int64_t control_next_due(const struct control *c)
{
    return http_server_next_due(c->server);
}
