/* The store: what people have laid over the alerts, silences and drills. */
#include "base/mem.h"
#include "store_internal.h"

static void copy_text(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from);
}

int64_t store_silence_add(struct store *s, const struct silence_row *row)
{
    struct stmt *q = store_q(s, Q_SILENCE_ADD);
    stmt_text(q, 1, row->matchers);
    stmt_int(q, 2, row->broad);
    stmt_text(q, 3, row->author);
    stmt_text(q, 4, row->reason);
    stmt_int(q, 5, row->created);
    stmt_int(q, 6, row->expires);
    return store_run(s, q) ? db_last_id(&s->db) : 0;
}

void store_silences(struct store *s, int64_t now, void (*fn)(void *arg, const struct silence_row *row),
                    void *arg)
{
    struct stmt *q = store_q(s, Q_SILENCES);
    stmt_int(q, 1, now);
    while (store_row(s, q)) {
        struct silence_row row = {.id = col_int(q, 0),
                                  .broad = col_int(q, 2) != 0,
                                  .created = col_int(q, 5),
                                  .expires = col_int(q, 6)};
        copy_text(row.matchers, sizeof(row.matchers), col_text(q, 1));
        copy_text(row.author, sizeof(row.author), col_text(q, 3));
        copy_text(row.reason, sizeof(row.reason), col_text(q, 4));
        fn(arg, &row);
    }
}

bool store_silence_end(struct store *s, int64_t id, int64_t now, const char *who)
{
    struct stmt *q = store_q(s, Q_SILENCE_END);
    stmt_int(q, 1, id);
    stmt_int(q, 2, now);
    stmt_text(q, 3, who);
    return store_run(s, q) && db_changes(&s->db) == 1;
}

int64_t store_drill_add(struct store *s, const struct drill_row *row)
{
    struct stmt *q = store_q(s, Q_DRILL_ADD);
    stmt_text(q, 1, row->site);
    stmt_text(q, 2, row->author);
    stmt_text(q, 3, row->reason);
    stmt_int(q, 4, row->created);
    stmt_int(q, 5, row->expires);
    return store_run(s, q) ? db_last_id(&s->db) : 0;
}

bool store_drill_open(struct store *s, int64_t now, struct drill_row *ret)
{
    struct stmt *q = store_q(s, Q_DRILL_OPEN);
    stmt_int(q, 1, now);
    bool open = store_row(s, q);
    if (open) {
        *ret = (struct drill_row){.id = col_int(q, 0),
                                  .created = col_int(q, 1),
                                  .expires = col_int(q, 2),
                                  .real_alert = col_int(q, 3)};
        copy_text(ret->site, sizeof(ret->site), col_text(q, 4));
        copy_text(ret->author, sizeof(ret->author), col_text(q, 5));
        copy_text(ret->reason, sizeof(ret->reason), col_text(q, 6));
    }
    stmt_reset(q);
    return open;
}

void store_drill_real(struct store *s, int64_t id, int64_t alert)
{
    struct stmt *q = store_q(s, Q_DRILL_REAL);
    stmt_int(q, 1, id);
    stmt_int(q, 2, alert);
    (void)store_run(s, q);
}

void store_drill_end(struct store *s, int64_t id, int64_t now, const char *who)
{
    struct stmt *q = store_q(s, Q_DRILL_END);
    stmt_int(q, 1, id);
    stmt_int(q, 2, now);
    stmt_text(q, 3, who);
    (void)store_run(s, q);
}
