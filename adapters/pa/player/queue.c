/* Priorities, pre-emption, and giving up. */
#include "player/queue.h"

#include "base/mem.h"

enum {
    PREPARING_PATIENCE_MS = 3000
}; /* so long a graver item that is being rendered keeps lesser ones waiting */

const char *priority_name(enum priority p)
{
    static const char *const names[] = {"none",       "tone",     "reminder", "slot", "digest",   "drill",
                                        "correction", "announce", "operator", "call", "clinical", "fire"};
    return names[p];
}

const char *item_kind_name(enum item_kind k)
{
    static const char *const names[] = {"tone", "slot", "digest", "announce", "say"};
    return names[k];
}

bool queue_precedes(const struct queue_item *a, const struct queue_item *b)
{
    return a->priority > b->priority || (a->priority == b->priority && a->order < b->order);
}

enum relay_err queue_add(struct zone_queue *q, struct queue_item *item)
{
    if (q->n == QUEUE_MAX) return RELAY_FULL;
    size_t at = q->n;
    while (at > 0 && queue_precedes(item, q->items[at - 1])) {
        q->items[at] = q->items[at - 1];
        at--;
    }
    q->items[at] = item;
    q->n++;
    return RELAY_OK;
}

void queue_remove(struct zone_queue *q, struct queue_item *item)
{
    for (size_t i = 0; i < q->n; i++) {
        if (q->items[i] != item) continue;
        memmove(&q->items[i], &q->items[i + 1], (q->n - i - 1) * sizeof(q->items[0]));
        q->n--;
        return;
    }
}

static bool sounds(const struct queue_item *item)
{
    return item->state == ITEM_PLAYING || item->state == ITEM_STOPPING;
}

struct queue_item *queue_playing(const struct zone_queue *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (sounds(q->items[i])) return q->items[i];
    return NULL;
}

static bool is_closed(const struct conditions *c)
{
    return c->quiet && !c->overridden;
}

/* Why this item may not begin at this moment, whatever else waits. */
static enum why obstacle(const struct queue_item *item, const struct conditions *c)
{
    if (!c->clock_trusted) return WHY_CLOCK;
    if (c->hold > item->priority) return WHY_HOLD;
    if (item->priority < PRIORITY_CALL && (c->busy || c->now.mono - c->free_since < c->busy_gap_ms))
        return WHY_BUSY;
    if (item->state == ITEM_PREPARING) return WHY_PREPARING;
    if (c->now.mono < item->not_before) return WHY_OUTPUT;
    if (item->length_ms > c->room_ms) return WHY_HOUR_FULL;
    /* Last: who waits for its turn at the loudspeaker waits for nothing else. */
    if (c->rival && (sounds(c->rival) || queue_precedes(c->rival, item))) return WHY_SHARED;
    return WHY_SOUNDS;
}

/* What ends an item that waits. */
static struct queue_verdict judge_waiting(struct queue_item *item, const struct conditions *c)
{
    struct queue_verdict v = {.item = item};
    bool runs_into_quiet =
        item->state == ITEM_WAITING && !c->overridden && item->length_ms > c->until_quiet_ms;
    if (item->expires <= c->now.mono) {
        v.act = QUEUE_SKIP;
        v.why = WHY_EXPIRED;
    } else if (c->muted) {
        v.act = QUEUE_SKIP;
        v.why = WHY_MUTED;
    } else if (is_closed(c) || runs_into_quiet) {
        v.act = item->kind == ITEM_ANNOUNCE || item->kind == ITEM_DIGEST ? QUEUE_KEEP_BACK : QUEUE_SKIP;
        v.why = WHY_QUIET_HOURS;
    } else if (item->give_up <= c->now.mono) {
        v.act = QUEUE_SKIP;
        v.why = item->state == ITEM_PREPARING   ? WHY_PREPARING
                : item->waits_for == WHY_SOUNDS ? WHY_MISSED
                                                : item->waits_for;
    } else if (item->busy_from && c->now.mono - item->busy_from >= c->grace_ms &&
               obstacle(item, c) == WHY_BUSY) {
        v.act = QUEUE_SKIP;
        v.why = WHY_BUSY;
    }
    return v;
}

/* What takes a playing item off the air by itself. */
static enum why interruption(const struct queue_item *item, const struct conditions *c)
{
    if (c->hold > item->priority) return WHY_HOLD;
    if (c->muted) return WHY_MUTED;
    if (c->busy && item->priority < PRIORITY_CALL) return WHY_BUSY;
    if (c->rival && !sounds(c->rival) && c->rival->priority > item->priority) return WHY_HIGHER;
    return WHY_SOUNDS;
}

static struct queue_verdict stop(struct queue_item *item, enum why why)
{
    item->state = ITEM_STOPPING;
    item->stop_why = why;
    return (struct queue_verdict){.act = QUEUE_STOP, .item = item, .why = why};
}

static struct queue_verdict waits(struct queue_item *item, enum why why)
{
    if (item->waits_for == why || why == WHY_PREPARING) return (struct queue_verdict){0};
    item->waits_for = why;
    return (struct queue_verdict){.act = QUEUE_WAITS, .item = item, .why = why};
}

struct queue_verdict queue_decide(struct zone_queue *q, const struct conditions *c)
{
    struct queue_item *playing = queue_playing(q);
    if (playing && playing->state == ITEM_PLAYING) {
        enum why why = interruption(playing, c);
        if (why != WHY_SOUNDS) return stop(playing, why);
    }
    for (size_t i = 0; i < q->n; i++) {
        struct queue_item *item = q->items[i];
        if (item == playing) continue;
        struct queue_verdict v = judge_waiting(item, c);
        if (v.act != QUEUE_NOTHING) return v;
    }
    bool blocked = false;
    for (size_t i = 0; i < q->n; i++) {
        struct queue_item *item = q->items[i];
        if (item == playing) {
            blocked = true; /* what follows is not graver */
            continue;
        }
        enum why why = obstacle(item, c);
        bool outside = why == WHY_CLOCK || why == WHY_HOLD || why == WHY_BUSY;
        if (blocked && !outside) why = WHY_HIGHER;
        if (why == WHY_BUSY && !item->busy_from) item->busy_from = c->now.mono;
        if (why == WHY_SOUNDS) {
            if (!playing) {
                item->state = ITEM_PLAYING;
                return (struct queue_verdict){.act = QUEUE_START, .item = item};
            }
            if (playing->state == ITEM_PLAYING && playing->priority < item->priority)
                return stop(playing, WHY_HIGHER);
            why = WHY_HIGHER;
        }
        struct queue_verdict v = waits(item, why);
        if (v.act != QUEUE_NOTHING) return v;
        /* A graver item keeps lesser ones from beginning, unless it may be long in coming. */
        if (why != WHY_PREPARING || c->now.mono - item->added < PREPARING_PATIENCE_MS) blocked = true;
    }
    return (struct queue_verdict){0};
}

struct queue_item *queue_stop(struct zone_queue *q, enum why why)
{
    struct queue_item *playing = queue_playing(q);
    if (!playing || playing->state != ITEM_PLAYING) return NULL;
    (void)stop(playing, why); /* the verdict is the return value here */
    return playing;
}

bool queue_stopped(struct queue_item *item)
{
    bool again = item->resumes && (item->stop_why == WHY_HOLD || item->stop_why == WHY_BUSY ||
                                   item->stop_why == WHY_HIGHER || item->stop_why == WHY_OUTPUT);
    if (again) {
        item->state = ITEM_WAITING;
        item->waits_for = item->stop_why;
    }
    return again;
}

int64_t queue_next_due(const struct zone_queue *q, const struct conditions *c)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < q->n; i++) {
        const struct queue_item *item = q->items[i];
        if (sounds(item)) continue;
        int64_t times[] = {item->expires,
                           item->give_up,
                           item->not_before,
                           c->free_since + c->busy_gap_ms,
                           item->busy_from ? item->busy_from + c->grace_ms : INT64_MAX,
                           item->added + PREPARING_PATIENCE_MS};
        for (size_t t = 0; t < ARRAY_LEN(times); t++)
            if (times[t] > c->now.mono && times[t] < due) due = times[t];
        /* Room within the hour comes back second by second. */
        if (item->waits_for == WHY_HOUR_FULL && c->now.mono + SECOND_MS < due) due = c->now.mono + SECOND_MS;
    }
    return due;
}
