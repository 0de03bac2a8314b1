/* The table of audiences and levels, the hours of digests, the limits of a day. */
#include "pace.h"

#include "adapters/adapter.h"

enum { WEEK_DAYS = 7, SPREAD_AT_ONCE_MS = 90000 };

enum row { ROW_RED, ROW_RED_POSSIBLE, ROW_ORANGE, ROW_YELLOW, ROW_BLUE, ROWS };

static const enum pace usual_duty[ROWS] = {PACE_AT_ONCE, PACE_AT_ONCE, PACE_AT_ONCE, PACE_DAILY, PACE_NEVER};
static const enum pace usual_public[ROWS] = {PACE_AT_ONCE, PACE_APPROVAL, PACE_DAILY, PACE_WEEKLY,
                                             PACE_NEVER};

enum pace pace_of(const struct chat_config *c, enum level level, enum certainty certainty)
{
    static const enum row rows[LEVEL_COUNT] = {[LEVEL_BLUE] = ROW_BLUE,
                                               [LEVEL_YELLOW] = ROW_YELLOW,
                                               [LEVEL_ORANGE] = ROW_ORANGE,
                                               [LEVEL_RED] = ROW_RED};
    enum row row = level == LEVEL_RED && certainty < CERTAINTY_LIKELY ? ROW_RED_POSSIBLE : rows[level];
    const int own[ROWS] = {c->pace.red, c->pace.red_possible, c->pace.orange, c->pace.yellow, c->pace.blue};
    if (own[row] != PACE_USUAL) return (enum pace)own[row];
    if (c->adapter->programs) return PACE_AT_ONCE;
    return (c->audience == AUDIENCE_DUTY ? usual_duty : usual_public)[row];
}

static uint32_t hash_of(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 16777619u;
    return h ^ h >> 15;
}

/* A part of `most`, always the same for one target. */
static int64_t part_of(const char *target, int64_t most)
{
    return most > 0 ? (int64_t)(hash_of(target) % (uint64_t)most) : 0;
}

int64_t pace_spread(const char *target)
{
    return part_of(target, SPREAD_AT_ONCE_MS);
}

static int64_t outside_quiet(const struct chat_config *c, const char *target, int64_t at)
{
    int64_t over = day_windows_over(c->quiet.items, c->quiet.n, at);
    return over > at ? over + part_of(target, c->pace.digest_spread) : at;
}

int64_t pace_digest_at(const struct chat_config *c, const char *target, int64_t now, bool weekly)
{
    int64_t spread = c->pace.digest_spread;
    struct local_time t = clock_local(now);
    t.hour = c->pace.digest_minute / 60;
    t.minute = c->pace.digest_minute % 60;
    t.second = 0;
    for (int i = 0; i <= WEEK_DAYS; i++) { /* today's may be over */
        int64_t at = clock_local_to_wall(t) - spread + part_of(target, 2 * spread);
        if (at > now && (!weekly || clock_local(at).weekday == c->pace.digest_day))
            return outside_quiet(c, target, at);
        t.day++; /* clock_local_to_wall carries over */
    }
    return outside_quiet(c, target, now + WEEK_DAYS * DAY_MS);
}

int64_t pace_hour_at(const struct chat_config *c, const char *target, int64_t now)
{
    int64_t at = now - now % HOUR_MS + HOUR_MS + part_of(target, c->pace.digest_spread);
    return outside_quiet(c, target, at);
}

int64_t pace_tomorrow(const struct chat_config *c, const char *target, int64_t now)
{
    struct local_time t = clock_local(now);
    t.day++;
    t.hour = t.minute = t.second = 0;
    return outside_quiet(c, target, clock_local_to_wall(t) + part_of(target, c->pace.digest_spread));
}

/* -- limits ------------------------------------------------------------------------------------------------------- */

int64_t pace_a_day(const struct chat_config *c)
{
    return c->pace.a_day >= 0 ? c->pace.a_day : c->adapter->programs ? 0 : PACE_A_DAY;
}

int64_t pace_a_rule(const struct chat_config *c)
{
    return c->pace.a_rule >= 0 ? c->pace.a_rule : c->adapter->programs ? 0 : PACE_A_RULE;
}

static int told_of(const struct told *t, int day, const char *rule)
{
    for (size_t i = 0; t->day == day && i < t->n; i++)
        if (strcmp(t->rules[i].rule, rule) == 0) return t->rules[i].n;
    return 0;
}

bool pace_allows(const struct chat_config *c, const struct told *t, int day, const char *rule)
{
    int64_t all = pace_a_day(c), one = pace_a_rule(c);
    int total = t->day == day ? t->total : 0;
    if (all > 0 && total >= (all > 1 ? all - 1 : all)) return false;
    return one == 0 || told_of(t, day, rule) < one;
}

bool pace_allows_digest(const struct chat_config *c, const struct told *t, int day)
{
    int64_t all = pace_a_day(c);
    return all == 0 || t->day != day || t->total < all;
}
