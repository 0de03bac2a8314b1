/* The store: what people have laid over the alerts, silences and drills, and the clock that waits for them. */
#include "base/mem.h"
#include "store_internal.h"

static void copy_text(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from);
}

static void bind_or_null(struct stmt *q, int i, int64_t v)
{
    if (v)
        stmt_int(q, i, v);
    else
        stmt_null(q, i);
}

void store_action_first(struct store *s, const char *verb, const char *object, char ret_actor[static 64])
{
    struct stmt *q = store_q(s, Q_ACTION_FIRST);
    stmt_text(q, 1, verb);
    stmt_text(q, 2, object);
    copy_text(ret_actor, 64, store_row(s, q) ? col_text(q, 0) : "");
    stmt_reset(q);
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
    bind_or_null(q, 7, row->remind);
    return store_run(s, q) ? db_last_id(&s->db) : 0;
}

static void read_silence(struct stmt *q, struct silence_row *row)
{
    *row = (struct silence_row){
        .id = col_int(q, 0), .broad = col_int(q, 2) != 0, .created = col_int(q, 5), .expires = col_int(q, 6)};
    copy_text(row->matchers, sizeof(row->matchers), col_text(q, 1));
    copy_text(row->author, sizeof(row->author), col_text(q, 3));
    copy_text(row->reason, sizeof(row->reason), col_text(q, 4));
}

bool store_silence_remind(struct store *s, int64_t now, struct silence_row *ret)
{
    struct stmt *q = store_q(s, Q_SILENCE_REMIND);
    stmt_int(q, 1, now);
    bool found = store_row(s, q);
    if (found) read_silence(q, ret);
    stmt_reset(q);
    return found;
}

void store_silence_remind_at(struct store *s, int64_t id, int64_t at)
{
    struct stmt *q = store_q(s, Q_SILENCE_REMIND_SET);
    stmt_int(q, 1, id);
    bind_or_null(q, 2, at);
    (void)store_run(s, q);
}

void store_silences(struct store *s, int64_t now, void (*fn)(void *arg, const struct silence_row *row),
                    void *arg)
{
    struct stmt *q = store_q(s, Q_SILENCES);
    stmt_int(q, 1, now);
    while (store_row(s, q)) {
        struct silence_row row;
        read_silence(q, &row);
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

/* -- marks ------------------------------------------------------------------------------------------------------- */

int64_t store_mark(struct store *s, const char *key)
{
    struct stmt *q = store_q(s, Q_META_GET);
    stmt_text(q, 1, key);
    int64_t v = store_row(s, q) ? col_int(q, 0) : 0;
    stmt_reset(q);
    return v;
}

void store_set_mark(struct store *s, const char *key, int64_t value)
{
    struct stmt *q = store_q(s, Q_META_SET);
    stmt_text(q, 1, key);
    stmt_int(q, 2, value);
    (void)store_run(s, q);
}

bool store_plan_open(struct store *s, struct plan_row *ret)
{
    struct stmt *q = store_q(s, Q_PLAN_OPEN);
    bool found = store_row(s, q);
    if (found)
        *ret = (struct plan_row){.month = (int)col_int(q, 0),
                                 .at = col_int(q, 1),
                                 .until = col_int(q, 2),
                                 .step = (enum plan_step)col_int(q, 3),
                                 .next = col_int(q, 4),
                                 .drill = col_int(q, 5)};
    stmt_reset(q);
    return found;
}

int store_plan_last(struct store *s)
{
    struct stmt *q = store_q(s, Q_PLAN_LAST);
    int month = store_row(s, q) ? (int)col_int(q, 0) : 0;
    stmt_reset(q);
    return month;
}

void store_plan_put(struct store *s, const struct plan_row *row)
{
    struct stmt *q = store_q(s, Q_PLAN_PUT);
    stmt_int(q, 1, row->month);
    stmt_int(q, 2, row->at);
    stmt_int(q, 3, row->until);
    stmt_int(q, 4, row->step);
    bind_or_null(q, 5, row->next);
    bind_or_null(q, 6, row->drill);
    (void)store_run(s, q);
}

/* -- the clock ---------------------------------------------------------------------------------------------------- */

void store_step_add(struct store *s, const struct step_row *row)
{
    struct stmt *q = store_q(s, Q_STEP_ADD);
    stmt_int(q, 1, row->alert);
    stmt_int(q, 2, row->step);
    stmt_int(q, 3, row->after);
    stmt_text(q, 4, row->chats);
    stmt_int(q, 5, row->due);
    (void)store_run(s, q);
}

/* The first column of the only row; `none` without one or when it is NULL. */
static int64_t one_int(struct store *s, struct stmt *q, int64_t none)
{
    int64_t v = store_row(s, q) && !col_null(q, 0) ? col_int(q, 0) : none;
    stmt_reset(q);
    return v;
}

bool store_steps_known(struct store *s, int64_t alert)
{
    struct stmt *q = store_q(s, Q_STEP_COUNT);
    stmt_int(q, 1, alert);
    return one_int(s, q, 0) > 0;
}

int64_t store_step_next_due(struct store *s)
{
    return one_int(s, store_q(s, Q_STEP_NEXT), INT64_MAX);
}

int64_t store_step_due(struct store *s, int64_t now)
{
    struct stmt *q = store_q(s, Q_STEP_DUE);
    stmt_int(q, 1, now);
    return one_int(s, q, 0);
}

size_t store_steps_due(struct store *s, int64_t alert, int64_t now, int ret_steps[static STEPS_MOST],
                       struct buf *chats)
{
    struct stmt *q = store_q(s, Q_STEPS_DUE);
    stmt_int(q, 1, alert);
    stmt_int(q, 2, now);
    size_t n = 0;
    while (n < STEPS_MOST && store_row(s, q)) {
        ret_steps[n++] = (int)col_int(q, 0);
        buf_printf(chats, "%s%s", chats->len ? " " : "", col_text(q, 1));
    }
    stmt_reset(q);
    return n;
}

void store_step_done(struct store *s, int64_t alert, int step, int64_t now, int rev, const char *note)
{
    struct stmt *q = store_q(s, Q_STEP_DONE);
    stmt_int(q, 1, alert);
    stmt_int(q, 2, step);
    stmt_int(q, 3, now);
    if (rev)
        stmt_int(q, 4, rev);
    else
        stmt_null(q, 4);
    stmt_text(q, 5, note);
    (void)store_run(s, q);
}

void store_steps_stop(struct store *s, int64_t alert, int64_t now, const char *note)
{
    struct stmt *q = store_q(s, Q_STEPS_STOP);
    stmt_int(q, 1, alert);
    stmt_int(q, 2, now);
    stmt_text(q, 3, note);
    (void)store_run(s, q);
}

bool store_feedback_add(struct store *s, const struct feedback_row *row)
{
    struct stmt *q = store_q(s, Q_FEEDBACK_ADD);
    stmt_int(q, 1, row->at);
    stmt_int(q, 2, row->alert);
    stmt_text(q, 3, row->rule);
    stmt_int(q, 4, row->target);
    stmt_int(q, 5, row->delivery);
    stmt_int(q, 6, row->word);
    stmt_text(q, 7, row->actor);
    return store_run(s, q) && db_changes(&s->db) == 1;
}

int store_feedback_count(struct store *s, int64_t delivery)
{
    struct stmt *q = store_q(s, Q_FEEDBACK_COUNT);
    stmt_int(q, 1, delivery);
    int n = store_row(s, q) ? (int)col_int(q, 0) : 0;
    stmt_reset(q);
    return n;
}

bool store_rule_change(struct store *s, const struct rule_change *c)
{
    struct stmt *q = store_q(s, Q_RULE_ADD);
    stmt_int(q, 1, c->at);
    stmt_text(q, 2, c->rule);
    stmt_text(q, 3, c->verb);
    stmt_text(q, 4, c->actor);
    stmt_text(q, 5, c->text);
    return store_run(s, q);
}

bool store_rule_standing(struct store *s, const char *rule, struct rule_standing *ret, struct buf *ret_text)
{
    struct stmt *q = store_q(s, Q_RULE_GET);
    stmt_text(q, 1, rule);
    bool found = store_row(s, q);
    if (found) {
        ret->row = col_int(q, 0);
        copy_text(ret->verb, sizeof(ret->verb), col_text(q, 1));
        copy_text(ret->actor, sizeof(ret->actor), col_text(q, 2));
        if (ret_text) buf_str(ret_text, col_text(q, 3));
    }
    stmt_reset(q);
    return found;
}

void store_rule_undo(struct store *s, int64_t row)
{
    struct stmt *q = store_q(s, Q_RULE_UNDO);
    stmt_int(q, 1, row);
    (void)store_run(s, q);
}

size_t store_rules_standing(struct store *s, void (*fn)(void *arg, const char *rule, const char *text),
                            void *arg)
{
    struct stmt *q = store_q(s, Q_RULES);
    size_t n = 0;
    for (; store_row(s, q); n++)
        if (fn) fn(arg, col_text(q, 0), col_text(q, 1));
    stmt_reset(q);
    return n;
}
