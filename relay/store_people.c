/* The store: what people have laid over the alerts, silences and drills, and the clock that waits for them. */
#include "base/mem.h"
#include "store_internal.h"

void store_action_first(struct store *s, const char *verb, const char *object, char ret_actor[static 64])
{
    struct stmt *q = store_ask(s, Q_ACTION_FIRST, TEXT(verb), TEXT(object));
    (void)snprintf(ret_actor, 64, "%s", store_row(s, q) ? col_text(q, 0) : "");
    stmt_reset(q);
}

int64_t store_silence_add(struct store *s, const struct silence_row *row)
{
    return store_add(s, Q_SILENCE_ADD, TEXT(row->matchers), INT(row->broad), TEXT(row->author),
                     TEXT(row->reason), INT(row->created), INT(row->expires), INT_OR_NULL(row->remind));
}

static void read_silence(struct stmt *q, struct silence_row *row)
{
    *row = (struct silence_row){.id = col_int(q, 0),
                                .broad = col_int(q, 2) != 0,
                                .created = col_int(q, 5),
                                .expires = col_int(q, 6),
                                .ended = col_int(q, 7),
                                .sweep = col_int(q, 8)};
    COPY_TEXT(row->matchers, q, 1);
    COPY_TEXT(row->author, q, 3);
    COPY_TEXT(row->reason, q, 4);
}

static bool get_silence(struct store *s, struct stmt *q, struct silence_row *ret)
{
    bool found = store_row(s, q);
    if (found) read_silence(q, ret);
    stmt_reset(q);
    return found;
}

bool store_silence_remind(struct store *s, int64_t now, struct silence_row *ret)
{
    return get_silence(s, store_ask(s, Q_SILENCE_REMIND, INT(now)), ret);
}

bool store_silence_sweep(struct store *s, int64_t now, struct silence_row *ret)
{
    return get_silence(s, store_ask(s, Q_SILENCE_SWEEP, INT(now)), ret);
}

bool store_silence_sweep_at(struct store *s, int64_t id, int64_t before)
{
    return store_do(s, Q_SILENCE_SWEEP_SET, INT(id), INT_OR_NULL(before));
}

void store_silence_remind_at(struct store *s, int64_t id, int64_t at)
{
    store_do(s, Q_SILENCE_REMIND_SET, INT(id), INT_OR_NULL(at));
}

void store_silences(struct store *s, int64_t now, void (*fn)(void *arg, const struct silence_row *row),
                    void *arg)
{
    struct stmt *q = store_ask(s, Q_SILENCES, INT(now));
    while (store_row(s, q)) {
        struct silence_row row;
        read_silence(q, &row);
        fn(arg, &row);
    }
}

bool store_silence_end(struct store *s, int64_t id, int64_t now, const char *who)
{
    return store_do(s, Q_SILENCE_END, INT(id), INT(now), TEXT(who)) && db_changes(&s->db) == 1;
}

int64_t store_drill_add(struct store *s, const struct drill_row *row)
{
    return store_add(s, Q_DRILL_ADD, TEXT(row->site), TEXT(row->author), TEXT(row->reason), INT(row->created),
                     INT(row->expires));
}

bool store_drill_open(struct store *s, int64_t now, struct drill_row *ret)
{
    struct stmt *q = store_ask(s, Q_DRILL_OPEN, INT(now));
    bool open = store_row(s, q);
    if (open) {
        *ret = (struct drill_row){.id = col_int(q, 0),
                                  .created = col_int(q, 1),
                                  .expires = col_int(q, 2),
                                  .real_alert = col_int(q, 3)};
        COPY_TEXT(ret->site, q, 4);
        COPY_TEXT(ret->author, q, 5);
        COPY_TEXT(ret->reason, q, 6);
    }
    stmt_reset(q);
    return open;
}

void store_drill_real(struct store *s, int64_t id, int64_t alert)
{
    store_do(s, Q_DRILL_REAL, INT(id), INT(alert));
}

void store_drill_end(struct store *s, int64_t id, int64_t now, const char *who)
{
    store_do(s, Q_DRILL_END, INT(id), INT(now), TEXT(who));
}

/* -- marks ------------------------------------------------------------------------------------------------------- */

int64_t store_mark(struct store *s, const char *key)
{
    return store_one(s, store_ask(s, Q_META_GET, TEXT(key)), 0);
}

void store_set_mark(struct store *s, const char *key, int64_t value)
{
    store_do(s, Q_META_SET, TEXT(key), INT(value));
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
    return (int)store_one(s, store_q(s, Q_PLAN_LAST), 0);
}

void store_plan_put(struct store *s, const struct plan_row *row)
{
    store_do(s, Q_PLAN_PUT, INT(row->month), INT(row->at), INT(row->until), INT(row->step),
             INT_OR_NULL(row->next), INT_OR_NULL(row->drill));
}

/* -- the clock ---------------------------------------------------------------------------------------------------- */

void store_step_add(struct store *s, const struct step_row *row)
{
    store_do(s, Q_STEP_ADD, INT(row->alert), INT(row->step), INT(row->after), TEXT(row->chats),
             INT(row->due));
}

bool store_steps_known(struct store *s, int64_t alert)
{
    return store_one(s, store_ask(s, Q_STEP_COUNT, INT(alert)), 0) > 0;
}

int64_t store_step_next_due(struct store *s)
{
    return store_one(s, store_q(s, Q_STEP_NEXT), INT64_MAX);
}

int64_t store_step_due(struct store *s, int64_t now)
{
    return store_one(s, store_ask(s, Q_STEP_DUE, INT(now)), 0);
}

size_t store_steps_due(struct store *s, int64_t alert, int64_t now, int ret_steps[static STEPS_MOST],
                       struct buf *chats)
{
    struct stmt *q = store_ask(s, Q_STEPS_DUE, INT(alert), INT(now));
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
    store_do(s, Q_STEP_DONE, INT(alert), INT(step), INT(now), INT_OR_NULL(rev), TEXT(note));
}

void store_steps_stop(struct store *s, int64_t alert, int64_t now, const char *note)
{
    store_do(s, Q_STEPS_STOP, INT(alert), INT(now), TEXT(note));
}

bool store_feedback_add(struct store *s, const struct feedback_row *row)
{
    return store_do(s, Q_FEEDBACK_ADD, INT(row->at), INT(row->alert), TEXT(row->rule), INT(row->target),
                    INT(row->delivery), INT(row->word), TEXT(row->actor)) &&
           db_changes(&s->db) == 1;
}

int store_feedback_count(struct store *s, int64_t delivery)
{
    return (int)store_one(s, store_ask(s, Q_FEEDBACK_COUNT, INT(delivery)), 0);
}

bool store_rule_change(struct store *s, const struct rule_change *c)
{
    return store_do(s, Q_RULE_ADD, INT(c->at), TEXT(c->rule), TEXT(c->verb), TEXT(c->actor), TEXT(c->text));
}

bool store_rule_standing(struct store *s, const char *rule, struct rule_standing *ret, struct buf *ret_text)
{
    struct stmt *q = store_ask(s, Q_RULE_GET, TEXT(rule));
    bool found = store_row(s, q);
    if (found) {
        ret->row = col_int(q, 0);
        COPY_TEXT(ret->verb, q, 1);
        COPY_TEXT(ret->actor, q, 2);
        if (ret_text) buf_str(ret_text, col_text(q, 3));
    }
    stmt_reset(q);
    return found;
}

void store_rule_undo(struct store *s, int64_t row)
{
    store_do(s, Q_RULE_UNDO, INT(row));
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
