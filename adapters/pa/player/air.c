/* Plays on several outputs at once, and what they say in the end. */
#include "player/air.h"

#include "base/buf.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

enum { DETAIL_MAX = 400 };

enum run_state { RUN_OVER, RUN_OPEN, RUN_WAITS };

/* What one output does with it. */
struct run {
    enum run_state state;
    enum play_end end; /* of the last try */
    int tries;
    int64_t again; /* mono; of RUN_WAITS */
    char detail[160];
};

struct on_air {
    struct on_air *next;
    struct air *air;
    struct play play; /* strings are ours */
    struct output_play *plays;
    struct run *runs; /* beside plays */
    size_t n_runs;
    bool stopped;
};

struct air {
    struct output_health *health; /* beside outputs */
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
    a->health = xcalloc(n_outputs + 1, sizeof(*a->health));
    for (size_t o = 0; o < n_outputs; o++)
        a->health[o] = (struct output_health){.id = outputs[o].id, .type = outputs[o].ops->name};
    *ret = a;
    return RELAY_OK;
}

static void release(struct on_air *p)
{
    for (size_t i = 0; i < p->n_runs; i++) free(p->plays[i].state);
    free(p->plays);
    free(p->runs);
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
    free(a->health);
    free(a);
    return NULL;
}

static bool sounds(const struct on_air *p)
{
    for (size_t i = 0; i < p->n_runs; i++)
        if (p->runs[i].state == RUN_OPEN) return true;
    return false;
}

static void note_health(struct on_air *p, size_t i, struct now now, bool failing, const char *detail)
{
    struct output_health *h = &p->air->health[p->plays[i].output - p->air->outputs];
    if (!failing || !h->failing) h->since = now.wall;
    h->used = true;
    h->failing = failing;
    (void)snprintf(h->detail, sizeof(h->detail), "%s", detail);
}

/* While another output of the zone plays, a failed one is tried again by itself; when none does, the station decides about
 * the whole item. So nothing waits for a dead device but what the device alone was to play. */
static void run_failed(struct on_air *p, size_t i, struct now now, enum play_end end, const char *detail)
{
    static const int64_t pauses[] = {1000, 2000, 5000, 10000};
    struct run *r = &p->runs[i];
    const char *id = p->plays[i].output->id;
    size_t pause = (size_t)r->tries < ARRAY_LEN(pauses) ? (size_t)r->tries : ARRAY_LEN(pauses) - 1;
    r->tries++;
    r->end = end;
    r->again = now.mono + pauses[pause];
    (void)snprintf(r->detail, sizeof(r->detail), "%s", detail && *detail ? detail : _("failed"));
    text_mend(r->detail); /* cut, or another's words */
    bool later = end == PLAY_FAILED && !p->stopped && r->again < p->play.retry_until;
    r->state = later ? RUN_WAITS : RUN_OVER;
    if (end != PLAY_TAKEN) note_health(p, i, now, true, r->detail);
    if (end == PLAY_TAKEN)
        log_info("%s: output=%s taken (%s)", p->play.id, id, r->detail);
    else
        log_warning("%s: output=%s try=%d failed (%s)%s", p->play.id, id, r->tries, r->detail,
                    later ? "; tried again while another output plays" : "");
}

void output_ended(struct output_play *run, struct now now, enum play_end end, const char *detail)
{
    struct on_air *p = run->owner;
    size_t i = (size_t)(run - p->plays);
    struct run *r = &p->runs[i];
    if (r->state != RUN_OPEN) return;
    r->state = RUN_OVER;
    r->end = end;
    if (end == PLAY_STOPPED) p->stopped = true;
    if (end == PLAY_DONE) note_health(p, i, now, false, "");
    if (end == PLAY_FAILED || end == PLAY_REFUSED || end == PLAY_TAKEN) run_failed(p, i, now, end, detail);
}

static void run_start(struct on_air *p, size_t i, struct now now)
{
    struct output *o = p->plays[i].output;
    struct reason why;
    free(p->plays[i].state);
    p->plays[i].state = xcalloc(1, o->ops->play_size);
    p->runs[i].state = RUN_OPEN;
    if (output_open(o, &why) != RELAY_OK || o->ops->start(o, &p->plays[i], now, &why) != RELAY_OK)
        run_failed(p, i, now, PLAY_FAILED, why.text);
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
    p->plays = xcalloc(p->n_runs, sizeof(*p->plays));
    p->runs = xcalloc(p->n_runs, sizeof(*p->runs));
    p->next = a->plays;
    a->plays = p;
    for (size_t i = 0; i < p->n_runs; i++) {
        struct output *o = a->outputs;
        while (strcmp(o->id, zone->outputs.items[i]) != 0) o++; /* air_new has looked */
        p->plays[i] = (struct output_play){
            .output = o, .play = &p->play, .zone = zone->id, .zone_name = zone->name, .owner = p};
        run_start(p, i, now);
    }
}

static void silence(struct on_air *p, struct now now)
{
    p->stopped = true;
    for (size_t i = 0; i < p->n_runs; i++) {
        if (p->runs[i].state == RUN_WAITS) p->runs[i].state = RUN_OVER;
        if (p->runs[i].state == RUN_OPEN)
            p->plays[i].output->ops->stop(p->plays[i].output, &p->plays[i], now);
    }
}

void air_silence(struct air *a, uint64_t item, struct now now)
{
    for (struct on_air *p = a->plays; p; p = p->next)
        if (p->play.item == item) silence(p, now);
}

void air_silence_all(struct air *a, struct now now)
{
    for (struct on_air *p = a->plays; p; p = p->next) silence(p, now);
}

static void try_again(struct on_air *p, struct now now)
{
    for (size_t i = 0; i < p->n_runs && sounds(p); i++) {
        if (p->runs[i].state != RUN_WAITS || now.mono < p->runs[i].again) continue;
        if (p->play.expires_wall && now.wall >= p->play.expires_wall)
            p->runs[i].state = RUN_OVER;
        else
            run_start(p, i, now);
    }
}

/* Played when one output has; stopped when a person or the scheduler said so; else the best that the outputs leave to hope
 * for: a device that was taken, one that may go better in a while, none. */
static enum play_end judge(const struct on_air *p)
{
    static const enum play_end order[] = {PLAY_DONE, PLAY_TAKEN, PLAY_FAILED, PLAY_REFUSED};
    if (p->stopped) return PLAY_STOPPED;
    for (size_t e = 0; e < ARRAY_LEN(order); e++)
        for (size_t i = 0; i < p->n_runs; i++)
            if (p->runs[i].end == order[e]) return order[e];
    return PLAY_FAILED;
}

/* "horn: exit 1: no such device; desk: busy (3 tries)" */
static void describe(const struct on_air *p, char out[static DETAIL_MAX])
{
    out[0] = '\0';
    for (size_t i = 0; i < p->n_runs; i++) {
        const struct run *r = &p->runs[i];
        size_t n = strlen(out);
        if (!r->detail[0] || r->end == PLAY_DONE) continue;
        (void)snprintf(out + n, DETAIL_MAX - n, "%s%s: %s", n ? "; " : "", p->plays[i].output->id, r->detail);
        n = strlen(out);
        if (r->tries > 1) (void)snprintf(out + n, DETAIL_MAX - n, _(" (%d tries)"), r->tries);
    }
    text_mend(out);
}

void air_turn(struct air *a, struct now now)
{
    char detail[DETAIL_MAX];
    for (size_t o = 0; o < a->n_outputs; o++)
        if (a->outputs[o].is_open && a->outputs[o].ops->turn) a->outputs[o].ops->turn(&a->outputs[o], now);
    for (struct on_air **at = &a->plays; *at;) {
        struct on_air *p = *at;
        try_again(p, now);
        if (sounds(p)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        describe(p, detail);
        a->ended(a->arg, now, p->play.item, judge(p), detail);
        release(p);
        at = &a->plays; /* ended may have begun another */
    }
}

int64_t air_next_due(const struct air *a)
{
    int64_t due = INT64_MAX;
    for (size_t o = 0; o < a->n_outputs; o++) {
        const struct output *out = &a->outputs[o];
        int64_t d = out->is_open && out->ops->next_due ? out->ops->next_due(out) : INT64_MAX;
        if (d < due) due = d;
    }
    for (const struct on_air *p = a->plays; p; p = p->next) {
        if (!sounds(p)) return 0;
        for (size_t i = 0; i < p->n_runs; i++)
            if (p->runs[i].state == RUN_WAITS && p->runs[i].again < due) due = p->runs[i].again;
    }
    return due;
}

const struct output_health *air_health(const struct air *a, size_t *ret_n)
{
    *ret_n = a->n_outputs;
    return a->health;
}
