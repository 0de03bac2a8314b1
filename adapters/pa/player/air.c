/* Plays on several outputs at once, and what they say in the end. */
#include "player/air.h"

#include "base/buf.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"

enum { DETAIL_MAX = 400 };

struct on_air {
    struct on_air *next;
    struct air *air;
    struct play play; /* strings are ours */
    struct output_play *runs;
    bool *open; /* which runs have not ended */
    size_t n_runs, n_open, n_done, n_failed;
    bool stopped;
    char detail[DETAIL_MAX]; /* "horn: exit 1: no such device; …" */
};

struct air {
    const struct zone *zones;
    struct output *outputs;
    size_t n_outputs;
    struct on_air *plays;
    air_ended_fn ended;
    void *arg;
};

enum relay_err air_new(const struct zone *zones, size_t n_zones, struct output *outputs, size_t n_outputs,
                       air_ended_fn ended, void *arg, struct air **ret, struct reason *why)
{
    for (size_t z = 0; z < n_zones; z++) {
        for (size_t i = 0; i < zones[z].outputs.n; i++) {
            size_t o = 0;
            while (o < n_outputs && strcmp(outputs[o].id, zones[z].outputs.items[i]) != 0) o++;
            if (o == n_outputs)
                return fail(why, RELAY_NOT_FOUND, _("zone %s: outputs: there is no output `%s`"), zones[z].id,
                            zones[z].outputs.items[i]);
        }
    }
    struct air *a = xcalloc(1, sizeof(*a));
    *a = (struct air){.zones = zones, .outputs = outputs, .n_outputs = n_outputs, .ended = ended, .arg = arg};
    *ret = a;
    return RELAY_OK;
}

static void release(struct on_air *p)
{
    for (size_t i = 0; i < p->n_runs; i++) free(p->runs[i].state);
    free(p->runs);
    free(p->open);
    free((char *)(uintptr_t)p->play.id);
    free((char *)(uintptr_t)p->play.kind);
    free((char *)(uintptr_t)p->play.wav);
    free(p);
}

struct air *air_free(struct air *a)
{
    if (!a) return NULL;
    while (a->plays) {
        struct on_air *p = a->plays;
        a->plays = p->next;
        release(p);
    }
    free(a);
    return NULL;
}

static void tell(struct on_air *p, const struct output *o, const char *detail)
{
    size_t n = strlen(p->detail);
    (void)snprintf(p->detail + n, sizeof(p->detail) - n, "%s%s: %s", n ? "; " : "", o->id, detail);
}

static void run_failed(struct on_air *p, const struct output *o, const char *detail)
{
    p->n_failed++;
    tell(p, o, detail && *detail ? detail : _("failed"));
    log_warning("%s: output=%s failed (%s)", p->play.id, o->id, detail ? detail : "");
}

void output_ended(struct output_play *run, struct now now, enum play_end end, const char *detail)
{
    struct on_air *p = run->owner;
    (void)now; /* air_turn tells it on */
    size_t i = (size_t)(run - p->runs);
    if (!p->open[i]) return;
    p->open[i] = false;
    p->n_open--;
    if (end == PLAY_DONE) p->n_done++;
    if (end == PLAY_FAILED) run_failed(p, run->output, detail);
    if (end == PLAY_STOPPED) p->stopped = true;
}

void air_play(struct air *a, const struct play *play, struct now now)
{
    const struct zone *zone = &a->zones[play->zone];
    struct on_air *p = xcalloc(1, sizeof(*p));
    p->air = a;
    p->play = *play;
    p->play.id = xstrdup(play->id);
    p->play.kind = xstrdup(play->kind);
    p->play.wav = xstrdup(play->wav);
    p->n_runs = zone->outputs.n;
    p->runs = xcalloc(p->n_runs, sizeof(*p->runs));
    p->open = xcalloc(p->n_runs, sizeof(*p->open));
    p->next = a->plays;
    a->plays = p;
    for (size_t i = 0; i < p->n_runs; i++) {
        struct output *o = a->outputs;
        while (strcmp(o->id, zone->outputs.items[i]) != 0) o++; /* air_new has looked */
        struct output_play *run = &p->runs[i];
        struct reason why;
        *run = (struct output_play){
            .output = o, .play = &p->play, .zone = zone->id, .zone_name = zone->name, .owner = p};
        run->state = xcalloc(1, o->ops->play_size);
        p->open[i] = true;
        p->n_open++;
        if (o->ops->start(o, run, now, &why) == RELAY_OK) continue;
        p->open[i] = false;
        p->n_open--;
        run_failed(p, o, why.text);
    }
}

void air_silence(struct air *a, uint64_t item, struct now now)
{
    for (struct on_air *p = a->plays; p; p = p->next) {
        if (p->play.item != item) continue;
        p->stopped = true;
        for (size_t i = 0; i < p->n_runs; i++)
            if (p->open[i]) p->runs[i].output->ops->stop(p->runs[i].output, &p->runs[i], now);
    }
}

void air_silence_all(struct air *a, struct now now)
{
    for (struct on_air *p = a->plays; p; p = p->next) air_silence(a, p->play.item, now);
}

void air_turn(struct air *a, struct now now)
{
    for (size_t o = 0; o < a->n_outputs; o++)
        if (a->outputs[o].ops->turn) a->outputs[o].ops->turn(&a->outputs[o], now);
    for (struct on_air **at = &a->plays; *at;) {
        struct on_air *p = *at;
        if (p->n_open > 0) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        enum play_end end = p->stopped ? PLAY_STOPPED : p->n_done ? PLAY_DONE : PLAY_FAILED;
        a->ended(a->arg, now, p->play.item, end, p->detail);
        release(p);
        at = &a->plays; /* ended may have begun another */
    }
}

int64_t air_next_due(const struct air *a)
{
    int64_t due = INT64_MAX;
    for (size_t o = 0; o < a->n_outputs; o++) {
        const struct output *out = &a->outputs[o];
        int64_t d = out->ops->next_due ? out->ops->next_due(out) : INT64_MAX;
        if (d < due) due = d;
    }
    for (const struct on_air *p = a->plays; p; p = p->next)
        if (p->n_open == 0) return 0;
    return due;
}
