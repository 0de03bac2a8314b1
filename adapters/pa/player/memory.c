/* What a zone has said. */
#include "player/memory.h"

#include "base/clock.h"
#include "base/mem.h"
#include "player/calendar.h"

enum { MEMORY_DAYS = 8 }; /* a correction lives for three */

uint64_t text_key(const char *text)
{
    uint64_t h = 14695981039346656037ULL;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) h = (h ^ *p) * 1099511628211ULL;
    h &= INT64_MAX; /* fits a column of SQLite */
    return h ? h : 1;
}

void memory_add(struct memory *m, struct said s)
{
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 32;
        m->items = xreallocarray(m->items, m->cap, sizeof(*m->items));
    }
    m->items[m->n++] = s;
}

void memory_cut(struct memory *m, int64_t from, int64_t mono)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        struct said *s = &m->items[i];
        if (s->mono >= from && s->mono >= mono) continue;
        if (s->mono >= from && s->mono + s->length_ms > mono) s->length_ms = mono - s->mono;
        m->items[kept++] = *s;
    }
    m->n = kept;
}

void memory_copy(const struct memory *from, struct memory *to)
{
    *to = (struct memory){0};
    for (size_t i = 0; i < from->n; i++) memory_add(to, from->items[i]);
}

void memory_prune(struct memory *m, int64_t mono, int64_t civil_minute)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct said *s = &m->items[i];
        bool recent = s->mono > mono - 2 * HOUR_MS || s->minute > civil_minute - MEMORY_DAYS * MINUTES_A_DAY;
        if (recent) m->items[kept++] = *s;
    }
    m->n = kept;
}

void memory_release(struct memory *m)
{
    free(m->items);
    *m = (struct memory){0};
}

int64_t memory_spoken_ms(const struct memory *m, int64_t mono, int64_t span)
{
    int64_t sum = 0, from = mono - span;
    for (size_t i = 0; i < m->n; i++) {
        int64_t end = m->items[i].mono + m->items[i].length_ms;
        if (end > from) sum += end - (m->items[i].mono > from ? m->items[i].mono : from);
    }
    return sum;
}

int memory_times_on_day(const struct memory *m, uint64_t text, int64_t day)
{
    int n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += m->items[i].text == text && m->items[i].minute >= day * MINUTES_A_DAY &&
             m->items[i].minute < (day + 1) * MINUTES_A_DAY;
    return n;
}

const struct said *memory_last(const struct memory *m)
{
    for (size_t i = m->n; i-- > 0;)
        if (m->items[i].text) return &m->items[i];
    return NULL;
}

const struct said *memory_last_of(const struct memory *m, uint64_t text)
{
    for (size_t i = m->n; i-- > 0;)
        if (m->items[i].text == text) return &m->items[i];
    return NULL;
}
