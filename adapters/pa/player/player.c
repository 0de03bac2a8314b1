/* The turn: wait once, read everything, decide, commit, and only then let anything leave or sound. */
#include "player/player.h"

#include <dirent.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/log.h"
#include "io/file.h"
#include "player/air.h"
#include "player/control.h"
#include "player/filewatch.h"
#include "player/link.h"
#include "player/page.h"

enum {
    STORE_RETRY_MS = 5000,
    RELOAD_PATIENCE_MS = 60 * 1000,
    LOOK_AT_CLOCK_MS = 1000,
    HTTP_MAX = 256 /* requests in flight */
};

/* What queue calling was last heard to say in one zone. */
struct busy_word {
    struct player *player;
    size_t zone;
    bool heard, busy;
    struct now at;
};

struct player {
    struct settings *set;
    struct service *service;
    struct station_settings station_set;
    struct loop *loop; /* the service's, as are control and page */
    struct book *book;
    struct station *station; /* NULL: the store cannot be written; nothing sounds */
    struct calendar *calendar;
    struct child_set *children;
    struct worker *worker;
    struct speech *speech;
    struct output_env output_env;
    struct rtp_pacer *pacer;
    struct http_client *http;
    struct air *air;
    struct link *link;
    struct filewatch *files;
    struct busy_word *busy; /* beside the zones; told again to a station made anew */
    struct control *control;
    struct page *page; /* NULL: not wanted */
    char *spool;
    struct now now;
    int64_t retry_store; /* mono; while station is NULL */
    bool trust_clock;
    enum priority topic_hold, file_hold; /* told again to a station made anew */
    struct settings *(*reload_fn)(void *arg);
    void *reload_arg;
    struct settings *next; /* read, and waiting for silence */
    int64_t next_by;       /* mono; it waits no longer */
};

/* ---- What the station asks for ---- */

static int64_t ask_length(void *arg, const char *text, bool allow_robot)
{
    struct player *p = arg;
    return speech_length(p->speech, text, allow_robot);
}

static void ask_warm(void *arg, const char *text)
{
    struct player *p = arg;
    speech_warm(p->speech, text, p->now);
}

/* A render is known to speech by this; the station knows it by its number. */
struct render_job {
    struct player *player;
    uint64_t item;
    struct render_job *next;
};

static void render_done(void *arg, const struct rendered *r)
{
    struct render_job *job = arg;
    struct player *p = job->player;
    if (p->station) station_rendered(p->station, p->now, job->item, r);
    free(job);
}

static void ask_render(void *arg, uint64_t item, const struct script *s, const char *wav)
{
    struct player *p = arg;
    struct render_job *job = xcalloc(1, sizeof(*job));
    *job = (struct render_job){.player = p, .item = item};
    speech_render(p->speech, s, wav, p->now, render_done, job);
}

static void ask_play(void *arg, const struct play *play)
{
    struct player *p = arg;
    air_play(p->air, play, p->now);
}

static void ask_silence(void *arg, uint64_t item)
{
    struct player *p = arg;
    air_silence(p->air, item, p->now);
}

static void ask_changed(void *arg)
{
    struct player *p = arg;
    if (p->link) link_changed(p->link);
}

static void play_ended(void *arg, struct now now, uint64_t item, enum play_end end, const char *detail)
{
    struct player *p = arg;
    if (p->station) station_ended(p->station, now, item, end, detail);
}

/* ---- What comes in ---- */

static void take_announce(void *arg, const char *zone, const char *payload, size_t n)
{
    struct player *p = arg;
    if (p->station) station_announce(p->station, p->now, zone, payload, n);
}

static void take_bulletin(void *arg, const char *payload, size_t n, bool retained)
{
    struct player *p = arg;
    if (p->station) station_bulletin(p->station, p->now, payload, n, retained);
}

static void take_hold(void *arg, const char *payload)
{
    struct player *p = arg;
    const struct hold_settings *h = &p->set->hold;
    p->topic_hold = opt_strs_has(&h->off, payload)        ? PRIORITY_NONE
                    : opt_strs_has(&h->clinical, payload) ? PRIORITY_CLINICAL
                                                          : PRIORITY_FIRE;
    book_set_fact(p->book, "hold_topic", p->topic_hold);
    if (p->station) station_hold(p->station, p->now, "topic", p->topic_hold, "topic");
}

static void take_busy(void *arg, size_t zone, bool busy)
{
    struct player *p = arg;
    p->busy[zone].heard = true;
    p->busy[zone].busy = busy;
    p->busy[zone].at = p->now;
    if (p->station) station_busy(p->station, p->now, zone, busy);
}

static void take_hold_file(void *arg, bool exists)
{
    struct player *p = arg;
    p->file_hold = exists ? PRIORITY_FIRE : PRIORITY_NONE;
    if (p->station) station_hold(p->station, p->now, "file", p->file_hold, "file");
}

static void take_busy_file(void *arg, bool exists)
{
    const struct busy_word *b = arg;
    take_busy(b->player, b->zone, exists);
}

static void put_state(void *arg, struct buf *out)
{
    struct player *p = arg;
    control_put_state(p, out);
}

/* ---- Making and ending ---- */

/* What a player that was killed, or one before a reload, had put together: nobody knows of it any more. */
static void empty_spool(const char *path)
{
    DIR *d = opendir(path);
    const struct dirent *e;
    while (d && (e = readdir(d))) {
        CLEANUP(free_ptr) char *file = xasprintf("%s/%s", path, e->d_name);
        if (e->d_name[0] != '.') (void)unlink(file); /* only a copy; tried again at the next start */
    }
    if (d) (void)closedir(d); /* only read */
}

/* A share that is not mounted must not silence the other loudspeakers. `tocsin-pa check` is stricter. */
static void open_outputs(struct player *p)
{
    struct reason why;
    p->output_env = (struct output_env){.loop = p->loop,
                                        .children = p->children,
                                        .pacer = p->pacer,
                                        .http = p->http,
                                        .site = p->set->player.site};
    for (size_t i = 0; i < p->set->n_outputs; i++) {
        struct output *o = &p->set->outputs[i];
        o->env = &p->output_env;
        if (output_open(o, &why) != RELAY_OK)
            log_error("output %s: %s; tried again when it is to play", o->id, why.text);
    }
}

static enum relay_err make_station(struct player *p, struct reason *why)
{
    const struct station_env env = {.arg = p,
                                    .length = ask_length,
                                    .warm = ask_warm,
                                    .render = ask_render,
                                    .play = ask_play,
                                    .silence = ask_silence,
                                    .changed = ask_changed};
    enum relay_err err = station_new(&p->station_set, &env, p->book, p->now, &p->station, why);
    if (err != RELAY_OK) return err;
    int64_t v;
    if (p->trust_clock) station_trust_clock(p->station, p->now);
    p->trust_clock = false;
    station_clock(p->station, p->now); /* before it is asked what waits for what */
    if (book_fact(p->book, "hold_command", &v))
        station_hold(p->station, p->now, "command", (enum priority)v, "command");
    station_hold(p->station, p->now, "topic", p->topic_hold, "topic");
    station_hold(p->station, p->now, "file", p->file_hold, "file");
    for (size_t z = 0; z < p->set->n_zones; z++) {
        const struct busy_word *b = &p->busy[z];
        if (!b->heard) continue;
        station_busy(p->station, b->at, z,
                     true); /* with its own time: what is stuck stays stuck, a gap a gap */
        if (!b->busy) station_busy(p->station, b->at, z, false);
    }
    return RELAY_OK;
}

static void watch_files(struct player *p)
{
    p->files = filewatch_new(p->loop);
    if (p->set->hold.file) filewatch_add(p->files, p->set->hold.file, take_hold_file, p);
    for (size_t z = 0; z < p->set->n_zones; z++)
        if (p->set->zones[z].busy_file)
            filewatch_add(p->files, p->set->zones[z].busy_file, take_busy_file, &p->busy[z]);
}

/* A busy file is looked at anew; a topic does not say again what it has said. */
static void recall(struct player *p, const struct service *h)
{
    p->topic_hold = h->topic_hold;
    p->busy = xcalloc(p->set->n_zones, sizeof(*p->busy));
    for (size_t z = 0; z < p->set->n_zones; z++) {
        const char *topic = p->set->zones[z].busy_topic;
        p->busy[z] = (struct busy_word){.player = p, .zone = z};
        for (size_t i = 0; topic && i < h->n_busy; i++)
            if (strcmp(h->busy[i].topic, topic) == 0)
                p->busy[z] = (struct busy_word){p, z, true, h->busy[i].busy, h->busy[i].at};
    }
}

/* A fire panel need not say it twice: what it had said before this program started is in the book. Whatever it has said since is
 * kept by the broker, for a day; after that nobody knows. */
static void recall_hold(struct player *p)
{
    int64_t hold, last;
    if (!book_fact(p->book, "hold_topic", &hold) || !hold || !book_fact(p->book, "last_wall", &last)) return;
    if (p->now.wall - last > LINK_SESSION_MS) {
        log_warning("hold: the topic said it more than a day ago; forgotten");
        book_set_fact(p->book, "hold_topic", PRIORITY_NONE);
        return;
    }
    p->topic_hold = (enum priority)hold;
    log_warning("hold: the topic had said it before the start; silent until it says otherwise");
}

static void fill_station_settings(struct player *p, const struct player_options *o)
{
    const struct settings *s = p->set;
    p->station_set = (struct station_settings){
        .zones = s->zones,
        .n_zones = s->n_zones,
        .reminders = s->reminders,
        .n_reminders = s->n_reminders,
        .calendar = p->calendar,
        .limits = s->limits,
        .grace_ms = s->schedule.grace,
        .busy_gap_ms = s->schedule.busy_gap,
        .busy_max_ms = s->schedule.busy_max,
        .prepare_ms = s->schedule.prepare,
        .announce_gap_ms = s->schedule.announce_gap,
        .build_ms = clock_build_ms(),
        .robot_everywhere = s->player.mode == MODE_TRIAL,
        .spool_dir = p->spool,
    };
    p->station_set.limits.fast_hour = o->fast_hour;
}

enum relay_err player_new(struct settings *s, struct service *service, const struct player_options *o,
                          struct player **ret, struct reason *why)
{
    struct player *p = xcalloc(1, sizeof(*p));
    CLEANUP(free_ptr) char *db = settings_path(s, "pa.db");
    const struct link_env link_env = {.arg = p,
                                      .announce = take_announce,
                                      .bulletin = take_bulletin,
                                      .hold = take_hold,
                                      .busy = take_busy,
                                      .state = put_state};
    p->set = s;
    p->service = service;
    p->trust_clock = o->trust_clock;
    recall(p, service);
    p->reload_fn = o->reload;
    p->reload_arg = o->reload_arg;
    p->spool = settings_path(s, "spool");
    p->now = clock_now();
    enum relay_err err = folder_make(s->player.state_dir, 0750, why);
    if (err == RELAY_OK) err = folder_make(p->spool, 0750, why);
    if (err == RELAY_OK) empty_spool(p->spool);
    if (err == RELAY_OK) err = settings_calendar(s, &p->calendar, why);
    if (err == RELAY_OK) err = book_open(db, DB_READ_WRITE, &p->book, why);
    if (err == RELAY_OK && !service->loop) recall_hold(p); /* after a reload the service knows */
    if (err == RELAY_OK && !service->loop) err = loop_new(&service->loop, why);
    p->loop = service->loop;
    if (err == RELAY_OK) err = child_set_new(p->loop, &p->children, why);
    if (err == RELAY_OK) err = worker_new(p->loop, &p->worker, why);
    if (err == RELAY_OK) err = speech_new(&s->speech, p->children, p->worker, &p->speech, why);
    if (err == RELAY_OK) err = rtp_pacer_new(p->loop, &p->pacer, why);
    if (err == RELAY_OK) err = http_client_new(p->loop, HTTP_MAX, &p->http, why);
    if (err == RELAY_OK) open_outputs(p);
    if (err == RELAY_OK)
        err = air_new(s->zones, s->n_zones, s->outputs, s->n_outputs, play_ended, p, &p->air, why);
    fill_station_settings(p, o);
    if (err == RELAY_OK) err = make_station(p, why);
    if (err == RELAY_OK) watch_files(p);
    if (err == RELAY_OK) err = control_open(p, p->loop, &service->control, why);
    p->control = service->control;
    if (err == RELAY_OK) err = page_open(p, p->loop, &service->page, why);
    p->page = service->page;
    if (err == RELAY_OK) err = link_new(p->loop, s, &link_env, &p->link, why);
    if (err != RELAY_OK) {
        player_free(p);
        return err;
    }
    *ret = p;
    return RELAY_OK;
}

/* Order important: what calls back is ended before what it calls. */
struct player *player_free(struct player *p)
{
    if (!p) return NULL;
    link_free(p->link);
    filewatch_free(p->files);
    station_free(p->station);
    p->station = NULL;
    rtp_pacer_free(p->pacer);
    http_client_free(p->http);
    for (size_t i = 0; i < p->set->n_outputs; i++) output_close(&p->set->outputs[i]);
    child_set_free(p->children);
    air_free(p->air);
    worker_free(p->worker);
    speech_free(p->speech);
    book_close(p->book);
    settings_free(p->next);
    calendar_free(p->calendar);
    free(p->busy);
    free(p->spool);
    free(p);
    return NULL;
}

/* ---- The turn ---- */

/* Whatever sounds falls silent, what was read comes again, and the station is made anew from the book when it can be
 * written. */
static void store_failed(struct player *p, const struct reason *why)
{
    log_error("store: %s; nothing is spoken meanwhile, retrying in %d s", why->text, STORE_RETRY_MS / 1000);
    link_drop(p->link, "store");
    control_refuse(p->control);
    page_refuse(p->page);
    air_silence_all(p->air, p->now);
    p->station = station_free(p->station);
    p->retry_store = p->now.mono + STORE_RETRY_MS;
}

static void try_store(struct player *p)
{
    struct reason why;
    if (p->now.mono < p->retry_store) return;
    p->retry_store = p->now.mono + STORE_RETRY_MS;
    if (make_station(p, &why) == RELAY_OK)
        log_info("store: it can be written again");
    else
        log_error("store: %s; retrying in %d s", why.text, STORE_RETRY_MS / 1000);
}

static int64_t next_due(const struct player *p)
{
    if (p->station && book_dirty(p->book)) return 0;
    const int64_t dues[] = {
        p->station ? station_next_due(p->station, p->now) : p->retry_store,
        p->station ? link_next_due(p->link) : INT64_MAX,
        child_set_next_due(p->children),
        http_client_next_due(p->http),
        speech_next_due(p->speech),
        air_next_due(p->air),
        filewatch_next_due(p->files),
        control_next_due(p->control),
        page_next_due(p->page),
        p->next ? p->next_by : INT64_MAX,
        p->now.mono + LOOK_AT_CLOCK_MS, /* waits are monotonic: a wall clock that is set wakes nobody */
    };
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < ARRAY_LEN(dues); i++)
        if (dues[i] < due) due = dues[i];
    return due;
}

static void turn(struct player *p)
{
    struct reason why;
    p->now = loop_wait(p->loop, next_due(p));
    if (p->station) station_clock(p->station, p->now);
    loop_run_done(p->loop);
    filewatch_run(p->files, p->now);
    control_read(p->control);
    page_read(p->page);
    child_set_run(p->children, p->now);
    speech_run(p->speech, p->now);
    rtp_collect(p->pacer);
    http_client_collect(p->http);
    air_turn(p->air, p->now);
    http_client_start(p->http);
    if (!p->station) {
        try_store(p);
        control_release(p->control);
        page_release(p->page);
        return;
    }
    link_read(p->link, p->book, p->now);
    station_turn(p->station, p->now);

    bool wrote = book_dirty(p->book);
    if (book_commit(p->book, &why) != RELAY_OK) {
        store_failed(p, &why);
        return;
    }
    if (wrote) link_look(p->link);
    p->now = clock_now(); /* the commit took its time */
    station_release(p->station, p->now);
    http_client_start(p->http);
    link_release(p->link, p->book, p->now);
    control_release(p->control);
    page_release(p->page);
    book_tidy(p->book);
}

/* True when the run is to end for the new settings. */
static bool reloads(struct player *p)
{
    if (p->service->reload) {
        p->service->reload = 0;
        struct settings *next = p->reload_fn(p->reload_arg);
        if (next) {
            settings_free(p->next);
            p->next = next;
            p->next_by = p->now.mono + RELOAD_PATIENCE_MS;
            log_info("reload: the configuration is good, and taken when nothing sounds");
        }
    }
    return p->next && (!p->station || !station_sounds(p->station) || p->now.mono >= p->next_by);
}

/* Whatever goes wrong from here on is waited out. */
void player_run(struct player *p)
{
    log_info("tocsin-pa %s: site=%s zones=%zu outputs=%zu mode=%s", TOCSIN_VERSION, p->set->player.site,
             p->set->n_zones, p->set->n_outputs, settings_mode(p->set));
    bool again = false;
    while (!p->service->stop && !again) {
        turn(p);
        again = reloads(p);
    }
    link_stop(p->link, p->now);
    log_info(again ? "reload" : "stopped");
}

static void forget_busy(struct service *s)
{
    for (size_t i = 0; i < s->n_busy; i++) free(s->busy[i].topic);
    free(s->busy);
    s->busy = NULL;
    s->n_busy = 0;
}

struct settings *player_next(struct player *p)
{
    struct service *s = p->service;
    struct settings *next = s->stop ? NULL : p->next;
    if (!next) return NULL;
    p->next = NULL;
    s->topic_hold = p->topic_hold;
    forget_busy(s);
    s->busy = xcalloc(p->set->n_zones, sizeof(*s->busy));
    for (size_t z = 0; z < p->set->n_zones; z++) {
        const char *topic = p->set->zones[z].busy_topic;
        if (topic && p->busy[z].heard)
            s->busy[s->n_busy++] = (struct heard_busy){xstrdup(topic), p->busy[z].busy, p->busy[z].at};
    }
    return next;
}

void service_stop(struct service *s)
{
    s->stop = 1;
    if (s->loop) loop_wake(s->loop);
}

void service_reload(struct service *s)
{
    s->reload = 1;
    if (s->loop) loop_wake(s->loop);
}

void service_release(struct service *s)
{
    control_free(s->control);
    page_free(s->page);
    loop_free(s->loop);
    forget_busy(s);
}

struct station *player_station(struct player *p)
{
    return p->station;
}

struct book *player_book(struct player *p)
{
    return p->book;
}

const struct settings *player_settings_of(const struct player *p)
{
    return p->set;
}

struct now player_now(const struct player *p)
{
    return p->now;
}

bool player_link_up(const struct player *p)
{
    return p->link && link_up(p->link);
}

const struct air *player_air(const struct player *p)
{
    return p->air;
}
