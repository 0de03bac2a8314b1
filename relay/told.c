/* The counts of a day: in memory to be asked, in the store to outlive a restart. */
#include "told.h"

#include "base/mem.h"
#include "pace.h"
#include "relay.h"

static void told_count(struct told *t, int day, const char *rule, int n)
{
    if (t->day != day) told_release(t);
    t->day = day;
    t->total += n;
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->rules[i].rule, rule) != 0) continue;
        t->rules[i].n += n;
        return;
    }
    t->rules = xreallocarray(t->rules, t->n + 1, sizeof(*t->rules));
    t->rules[t->n++] = (struct told_rule){xstrdup(rule), n};
}

struct loading {
    struct relay *r;
    int day;
};

static void load_row(void *arg, int64_t target, const char *rule, int n)
{
    struct loading *l = arg;
    struct relay_target *t = targets_by_row(l->r->targets, target);
    if (t) told_count(&t->told, l->day, rule, n);
}

void told_load(struct relay *r)
{
    struct loading l = {r, clock_local_day(r->now.wall)};
    for (size_t i = 0; i < r->targets->n; i++) told_release(&r->targets->items[i].told);
    store_told(r->store, l.day, load_row, &l);
}

void told_add(struct relay *r, struct relay_target *t, const char *rule)
{
    if (pace_a_day(t->chat) == 0 && pace_a_rule(t->chat) == 0) return;
    int day = clock_local_day(r->now.wall);
    told_count(&t->told, day, rule, 1);
    store_told_add(r->store, t->row.id, day, rule);
}
