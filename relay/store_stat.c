/* Statistics, which are kept when what they count is not any more. Many events of a turn become one row. */
#include <uthash.h>

#include "base/mem.h"
#include "store_internal.h"

struct day_count {
    UT_hash_handle hh;
    char *name; /* "20261122 what key" */
    int day;
    const char *what, *key; /* in name */
    int64_t n;
};

void store_stat(struct store *s, int day, const char *what, const char *key, int64_t n)
{
    store_do(s, Q_STAT_ADD, INT(day), TEXT(what), TEXT(key), INT(n));
}

void store_tally(struct store *s, int day, const char *what, const char *key, int64_t n)
{
    char name[400];
    int len = snprintf(name, sizeof(name), "%d %s %s", day, what, key);
    if (len < 0 || (size_t)len >= sizeof(name)) return; /* no word of a key is that long */
    struct day_count *t;
    HASH_FIND(hh, s->counts, name, (size_t)len, t);
    if (!t) {
        t = xcalloc(1, sizeof(*t));
        t->name = xstrdup(name);
        t->day = day;
        t->what = strchr(t->name, ' ') + 1;
        t->key = t->what + strlen(what) + 1;
        HASH_ADD_KEYPTR(hh, s->counts, t->name, (size_t)len, t);
    }
    t->n += n;
}

void store_tally_write(struct store *s)
{
    struct day_count *t, *next;
    HASH_ITER(hh, s->counts, t, next)
    {
        char what[32];
        (void)snprintf(what, sizeof(what), "%.*s", (int)(t->key - t->what - 1), t->what);
        store_stat(s, t->day, what, t->key, t->n);
    }
    store_tally_forget(s);
}

void store_tally_forget(struct store *s)
{
    struct day_count *t = s->counts, *next;
    HASH_CLEAR(hh, s->counts); /* the table; the counts themselves go here */
    for (; t; t = next) {
        next = t->hh.next;
        free(t->name);
        free(t);
    }
}
