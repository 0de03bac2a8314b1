/* Gaps in the numbers of a feed. */
#include "sequence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ranges ---- */

static int64_t ranges_size(const struct seq_ranges *r)
{
    int64_t n = 0;
    for (size_t i = 0; i < r->n; i++) n += r->items[i].last - r->items[i].first + 1;
    return n;
}

static void ranges_remove(struct seq_ranges *r, size_t i)
{
    r->n--;
    memmove(&r->items[i], &r->items[i + 1], (r->n - i) * sizeof(r->items[0]));
}

/* The first range that ends at seq or behind it; n: none. */
static size_t ranges_at(const struct seq_ranges *r, int64_t seq)
{
    size_t i = 0;
    while (i < r->n && r->items[i].last < seq) i++;
    return i;
}

static bool ranges_has(const struct seq_ranges *r, int64_t seq)
{
    size_t i = ranges_at(r, seq);
    return i < r->n && r->items[i].first <= seq;
}

/* Room for one more: the lowest goes. Returns how many numbers that were. */
static int64_t ranges_make_room(struct seq_ranges *r)
{
    if (r->n < SEQUENCE_RANGES) return 0;
    int64_t gone = r->items[0].last - r->items[0].first + 1;
    ranges_remove(r, 0);
    return gone;
}

/* Numbers of which none is in it yet. Returns how many others went for them. */
static int64_t ranges_put(struct seq_ranges *r, int64_t first, int64_t last)
{
    size_t i = ranges_at(r, first);
    if (i > 0 && r->items[i - 1].last + 1 == first) {
        r->items[i - 1].last = last;
        if (i < r->n && r->items[i].first == last + 1) {
            r->items[i - 1].last = r->items[i].last;
            ranges_remove(r, i);
        }
        return 0;
    }
    if (i < r->n && r->items[i].first == last + 1) {
        r->items[i].first = first;
        return 0;
    }
    int64_t gone = ranges_make_room(r);
    i = ranges_at(r, first);
    memmove(&r->items[i + 1], &r->items[i], (r->n - i) * sizeof(r->items[0]));
    r->items[i] = (struct seq_range){first, last};
    r->n++;
    return gone;
}

/* Takes one number out; false: it is not in it. */
static bool ranges_take(struct seq_ranges *r, int64_t seq, int64_t *gone)
{
    size_t i = ranges_at(r, seq);
    if (i == r->n || r->items[i].first > seq) return false;
    struct seq_range was = r->items[i];
    ranges_remove(r, i);
    if (was.first < seq) *gone += ranges_put(r, was.first, seq - 1);
    if (seq < was.last) *gone += ranges_put(r, seq + 1, was.last);
    return true;
}

/* ---- counts ---- */

void sequence_load(struct sequence *s, int64_t last, int64_t at, int64_t told, const char *holes)
{
    *s = (struct sequence){
        .now = {.last = last, .at = at}, .before = {.last = -1}, .told = told, .awaited = -1};
    int64_t done = -1;
    for (char *end; *holes; holes = *end ? end + 1 : end) {
        if (*holes == '+') {
            s->now.forgotten = strtoll(holes + 1, &end, 10);
            continue;
        }
        int64_t first = strtoll(holes, &end, 10), until = first;
        if (*end == '-') until = strtoll(end + 1, &end, 10);
        if (end == holes || first <= done || until < first || until >= last) return; /* not ours */
        s->now.forgotten += ranges_put(&s->now.holes, first, until);
        done = until;
    }
}

const char *sequence_holes(const struct sequence *s, char ret[static SEQUENCE_TEXT])
{
    size_t n = 0;
    ret[0] = '\0';
    if (s->now.forgotten) n = (size_t)snprintf(ret, SEQUENCE_TEXT, "+%" PRId64, s->now.forgotten);
    for (size_t i = 0; i < s->now.holes.n; i++) {
        const struct seq_range *r = &s->now.holes.items[i];
        n += (size_t)snprintf(ret + n, SEQUENCE_TEXT - n, n ? " %" PRId64 : "%" PRId64, r->first);
        if (r->last > r->first) n += (size_t)snprintf(ret + n, SEQUENCE_TEXT - n, "-%" PRId64, r->last);
    }
    return ret;
}

/* How far seq is ahead of a count; 0: it is not, or too far to go on from there. */
static int64_t ahead(const struct seq_count *c, int64_t seq)
{
    return c->last >= 0 && seq > c->last && seq - c->last <= SEQUENCE_AHEAD ? seq - c->last : 0;
}

/* An event goes on in the count that waits for it, or else in the one that it is nearer to. */
static void choose_count(struct sequence *s, int64_t seq)
{
    if (seq <= s->now.last && (ranges_has(&s->now.holes, seq) || ranges_has(&s->refused, seq))) return;
    int64_t here = ahead(&s->now, seq), there = ahead(&s->before, seq);
    if (!there || (here && here <= there)) return;
    struct seq_count other = s->now;
    s->now = s->before;
    s->before = other;
}

/* A late one of the count that was left. */
static bool fills_before(struct sequence *s, int64_t seq, int64_t at)
{
    return seq != s->now.last + 1 && at <= s->before.at && !ranges_has(&s->now.holes, seq) &&
           ranges_take(&s->before.holes, seq, &s->before.forgotten);
}

static enum sequence_news begin_anew(struct sequence *s, int64_t seq, int64_t at)
{
    s->before = s->now;
    s->now = (struct seq_count){.last = seq, .at = at, .began = at};
    s->told = s->awaited = -1;
    return SEQUENCE_ANEW;
}

/* A number that this count has passed. */
static enum sequence_news event_behind(struct sequence *s, int64_t seq, int64_t at, bool accepted)
{
    struct seq_count *c = &s->now;
    int64_t none = 0;
    bool filled = ranges_take(&c->holes, seq, &c->forgotten);
    if (!accepted) {
        if (!ranges_has(&s->refused, seq)) (void)ranges_put(&s->refused, seq, seq);
        return SEQUENCE_ON;
    }
    if (filled || ranges_take(&s->refused, seq, &none)) return SEQUENCE_ON;
    if (at > c->at) return begin_anew(s, seq, at);
    if (c->forgotten > 0 && (c->holes.n == 0 || seq < c->holes.items[0].first)) c->forgotten--;
    return SEQUENCE_ON;
}

enum sequence_news sequence_event(struct sequence *s, int64_t seq, int64_t at, bool accepted)
{
    struct seq_count *c = &s->now;
    if (seq < 0 || (accepted && fills_before(s, seq, at))) return SEQUENCE_ON;
    choose_count(s, seq);
    if (seq <= c->last) return event_behind(s, seq, at, accepted);
    if (c->last >= 0 && !ahead(c, seq)) return accepted ? begin_anew(s, seq, at) : SEQUENCE_ON;
    if (at < c->began && seq <= s->before.last && seq > c->last + 1)
        return SEQUENCE_ON; /* late, of the count before */
    if (c->last >= 0 && seq > c->last + 1) c->forgotten += ranges_put(&c->holes, c->last + 1, seq - 1);
    if (!accepted) (void)ranges_put(&s->refused, seq, seq);
    c->last = seq;
    if (at > c->at) c->at = at;
    return SEQUENCE_ON;
}

bool sequence_told(struct sequence *s, int64_t last)
{
    s->told = last;
    if (s->awaited > last) s->awaited = last;
    return sequence_waits(s);
}

bool sequence_waits(const struct sequence *s)
{
    return ahead(&s->now, s->told) > 0 && s->told > s->awaited;
}

void sequence_await(struct sequence *s)
{
    s->awaited = s->told;
}

int64_t sequence_missing(const struct sequence *s)
{
    return ranges_size(&s->now.holes) + s->now.forgotten + ahead(&s->now, s->awaited);
}
