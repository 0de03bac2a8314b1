/* Shared by store.c (file, events, groups), store_delivery.c (alerts, targets, deliveries), store_people.c (what people lay
 * over them) and store_stat.c. Nobody else. */
#ifndef TOCSIN_RELAY_STORE_INTERNAL_H
#define TOCSIN_RELAY_STORE_INTERNAL_H

#include "store.h"

/* Every statement by name; the texts stand in store_sql.c in the same order. */
/* It makes stairs of a list: */
/* clang-format off */
#define STORE_STATEMENTS(X) \
    X(META_GET) X(META_SET) X(META_COUNT) X(FEED_ADD) X(FEED_GET) X(FEED_SET) X(KEY_ADD) X(KEY_GET) \
    X(KEY_ALERT) X(REFUSAL_ADD) X(EVENT_ADD) X(EVENT_OTHER_ADD) X(EVENT_NAMED) X(EVENT_WITHDRAW) \
    X(ALERT_STANDS) X(STANDS_LIKE) X(STANDING) X(CONFIRMED_AREAS) X(GRP_ADD) X(GRP_GET) X(WINDOW_ADD) X(WINDOW_SUM) X(CORRELATED_ADD) X(CORRELATED_SUM) X(CANDIDATES_JOIN) \
    X(CANDIDATE_KEYS_JOIN) X(CANDIDATES_LIST) X(ALERT_ADD) X(ALERT_GET) X(ALERT_BY_ID) X(ALERT_ACTIVE) \
    X(ALERT_SET) X(ALERT_END) X(ALERTS_IN_FORCE) X(ALERTS_DUE) X(ALERTS_NEXT) X(REVISION_ADD) \
    X(REVISION_GET) X(RENDERING_ADD) X(RENDERING_GET) X(RENDERING_NAMED) X(SPOKEN_ADD) X(SPOKEN_SINCE) X(SPOKEN_COUNT) \
    X(TARGET_ADD) X(TARGET_GET) X(TARGET_SET) X(TARGETS_WAITING) X(DELIVERY_ADD) X(DELIVERY_GET) \
    X(DELIVERY_OF) X(DELIVERY_SET) X(DUE) X(NEXT_DUE) X(DUE_OF) X(WAITING_OF) X(OF_ALERT) \
    X(WAITING_ROWS) X(RESUME) X(CLAMP) X(SHOW_ADD) X(SHOW_DEL) X(SHOWS) X(SHOW_DUE) X(SHOW_NEXT) X(SHOW_OF_ALERT) \
    X(SHOW_DEL_ALERT) X(SHOWING) X(UNCONFIRMED) X(EVENT_GET) X(EVENT_REVIEW) X(EVENT_JOIN) X(ALERT_ACK) \
    X(EVER_OF_ALERT) X(BEFORE) X(WINDOW_TAKE) X(WINDOW_EMPTY) X(WINDOW_CLEAR) X(WINDOWS_CLEAR) X(CORRELATEDS_CLEAR) X(CORRELATED_TAKE) X(CORRELATED_EMPTY) \
    X(CORRELATED_CLEAR) X(OPEN_ROWS) X(SENDING_ROWS) X(SILENCE_SWEEP) X(SILENCE_SWEEP_SET) X(SILENCE_REMIND) X(SILENCE_REMIND_SET) \
    X(PLAN_OPEN) X(PLAN_LAST) X(PLAN_PUT) \
    X(ACTION_COUNT) X(MODE_SET) X(MODE_GET) X(ACTION_ADD) X(STAT_ADD) X(PRUNE_KEYS_FROM) X(PRUNE_KEYS) \
    X(PRUNE_EVENTS) X(PRUNE_OTHER) X(OTHER_SIZE) X(PRUNE_REFUSALS) X(PRUNE_REFUSALS_NEXT) X(PRUNE_REFUSALS_OVER) \
    X(PRUNE_CORRELATED) X(PRUNE_WINDOWS) X(PRUNE_ACTIONS) X(PRUNE_SILENCES) X(PRUNE_DRILLS) X(PRUNE_ALERTS) X(PRUNE_REVISIONS) X(PRUNE_RENDERINGS) X(PRUNE_DELIVERIES) \
    X(PRUNE_SPOKEN) X(ALERTS_NOW) X(ALERTS_BEFORE) X(ALERT_CREATED_BEFORE) X(DELIVERY_STATES) X(SILENCE_ADD) X(SILENCES) X(SILENCE_END) X(DRILL_ADD) X(DRILL_OPEN) \
    X(DRILL_REAL) X(DRILL_END) X(TOLD_ADD) X(DUE_COUNT) X(DELIVERY_SENT) X(TOLD) X(PRUNE_TOLD) \
    X(RULE_ADD) X(RULE_GET) X(RULE_UNDO) X(RULES) \
    X(STEP_ADD) X(STEP_COUNT) X(STEP_DUE) X(STEP_NEXT) X(STEPS_DUE) \
    X(STEP_DONE) X(STEPS_STOP) X(STEP_CLAMP) X(PRUNE_STEPS) X(VALUE_ADD) X(VALUE_KNOWN) X(PRUNE_VALUES) X(PRUNE_ALERT) X(ACTION_FIRST) \
    X(FEEDBACK_ADD) X(FEEDBACK_COUNT) X(PRUNE_FEEDBACK)
/* clang-format on */

enum statement {
#define X(name) Q_##name,
    STORE_STATEMENTS(X)
#undef X
        Q_COUNT
};

extern const char *const store_sql[Q_COUNT];
extern const char *const store_not_after[]; /* run once in a long while; NULL at the end */
extern const char *const store_schema[];    /* upgrades; NULL at the end */

struct store {
    struct db db;
    struct stmt statements[Q_COUNT];
    uint8_t key[16];
    bool failed; /* a statement of this transaction went wrong: the commit will too */
    struct reason failure;
    uint64_t commits;
    /* Pruning goes on where it stopped. */
    int prune_step;
    int64_t prune_feed, prune_next;
    char prune_id[EVENT_ID_MAX + 1];
    struct day_count *counts; /* store_stat.c */
};

/* A parameter of a statement; what it points to must live until the statement has run. */
struct value {
    enum { VALUE_INT, VALUE_TEXT, VALUE_NULL } type;
    int64_t number; /* VALUE_TEXT: its length; -1: to its end */
    const char *text;
};
#define INT(n)         ((struct value){VALUE_INT, (n), NULL})
#define INT_OR_NULL(n) ((struct value){(n) ? VALUE_INT : VALUE_NULL, (n), NULL}) /* 0 is NULL */
#define INT_IF(p)      ((struct value){(p) ? VALUE_INT : VALUE_NULL, (p) ? *(p) : 0, NULL})
#define DUE(at)        ((struct value){(at) == NO_DUE ? VALUE_NULL : VALUE_INT, (at), NULL})
#define TEXT(t)        TEXTN((t), -1)
#define TEXTN(t, n)    ((struct value){VALUE_TEXT, (int64_t)(n), (t)})
#define NOTHING        ((struct value){VALUE_NULL, 0, NULL})

/* A statement, prepared on first use, reset and given its ?1, ?2 …: store_ask(s, Q_ALERT_GET, INT(n)). */
#define store_ask(s, which, ...)                                                                             \
    store_bind((s), (which), (const struct value[]){__VA_ARGS__},                                            \
               sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value))
/* The same of a changing statement, which is run inside the turn's transaction. False when it failed: the commit says why. */
#define store_do(s, which, ...) store_run((s), store_ask((s), (which), __VA_ARGS__))
/* The same of an INSERT: the row's number, 0 when it failed. */
#define store_add(s, which, ...) (store_do((s), (which), __VA_ARGS__) ? db_last_id(&(s)->db) : 0)

struct stmt *store_q(struct store *s, enum statement which); /* without parameters */
struct stmt *store_bind(struct store *s, enum statement which, const struct value *values, size_t n);
bool store_run(struct store *s, struct stmt *q);
/* Opens the turn's transaction, for a changing statement that returns rows; store_run does so by itself. */
bool store_begin(struct store *s);
/* The first column of the only row; `none` without one or when it is NULL. */
int64_t store_one(struct store *s, struct stmt *q, int64_t none);
/* What was counted since the last commit: written into its transaction, or forgotten with it. */
void store_tally_write(struct store *s);
void store_tally_forget(struct store *s);
/* Steps a reading statement: true while there is a row. */
bool store_row(struct store *s, struct stmt *q);
#define COPY_TEXT(to, q, i) ((void)snprintf((to), sizeof(to), "%s", col_text((q), (i)))) /* to: an array */

#endif
