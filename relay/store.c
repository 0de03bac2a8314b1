/* The store: file, transaction, events and groups. Alerts and deliveries are in store_delivery.c. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"
#include "store_internal.h"

enum { WINDOW_SLICES = 64, SLICE_ROWS = 500 };

struct stmt *store_q(struct store *s, enum statement which)
{
    struct stmt *q = &s->statements[which];
    if (!q->handle) {
        struct reason why;
        if (db_prepare(&s->db, q, store_sql[which], &why) != RELAY_OK && !s->failed) {
            s->failed = true;
            s->failure = why;
        }
    }
    return q;
}

struct stmt *store_bind(struct store *s, enum statement which, const struct value *values, size_t n)
{
    struct stmt *q = store_q(s, which);
    for (size_t i = 0; i < n; i++) {
        const struct value *v = &values[i];
        switch (v->type) {
        case VALUE_INT: stmt_int(q, (int)i + 1, v->number); break;
        case VALUE_TEXT:
            if (v->number < 0)
                stmt_text(q, (int)i + 1, v->text);
            else
                stmt_textn(q, (int)i + 1, v->text, (size_t)v->number);
            break;
        case VALUE_NULL: stmt_null(q, (int)i + 1); break;
        }
    }
    return q;
}

/* Remembers the first failure of the turn: store_commit reports it. */
static bool note_failure(struct store *s, enum relay_err err, const struct reason *why)
{
    if (err == RELAY_OK) return true;
    if (!s->failed) {
        s->failed = true;
        s->failure = *why;
    }
    return false;
}

bool store_begin(struct store *s)
{
    struct reason why = {""};
    return !s->failed && note_failure(s, db_begin(&s->db, &why), &why);
}

bool store_run(struct store *s, struct stmt *q)
{
    struct reason why = {""};
    if (!q->handle) return false;
    if (!store_begin(s)) {
        stmt_reset(q);
        return false;
    }
    return note_failure(s, stmt_run(q, &why), &why);
}

bool store_row(struct store *s, struct stmt *q)
{
    struct reason why = {""};
    if (!q->handle) return false;
    enum relay_err err = stmt_step(q, &why);
    if (err == RELAY_OK) return true;
    if (err != RELAY_NOT_FOUND) (void)note_failure(s, err, &why);
    stmt_reset(q);
    return false;
}

int64_t store_one(struct store *s, struct stmt *q, int64_t none)
{
    int64_t v = store_row(s, q) && !col_null(q, 0) ? col_int(q, 0) : none;
    stmt_reset(q);
    return v;
}

/* Whether a reading statement has a row. */
static bool any_row(struct store *s, struct stmt *q)
{
    bool any = store_row(s, q);
    stmt_reset(q);
    return any;
}

/* -- file and transaction ----------------------------------------------------------------------------------------- */

/* 16 random bytes made once; the store's digests are worthless without them, so they live beside it. */
static enum relay_err load_key(struct store *s, const char *state_dir, struct reason *why)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/" STORE_KEY_FILE, state_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, s->key, sizeof(s->key));
        close(fd);
        if (n == (ssize_t)sizeof(s->key)) return RELAY_OK;
        return fail(why, RELAY_CORRUPT,
                    _("%s: must hold 16 bytes; restore it from the backup of this folder"), path);
    }
    if (errno != ENOENT) return fail(why, RELAY_IO, _("%s: cannot be read: %s"), path, strerror(errno));
    enum relay_err err = hash_random(s->key, sizeof(s->key), why);
    if (err != RELAY_OK) return err;
    return file_replace(path, s->key, sizeof(s->key), 0600, why);
}

enum relay_err store_open(const char *state_dir, struct store **ret, struct reason *why)
{
    struct store *s = xcalloc(1, sizeof(*s));
    if (mkdir(state_dir, 0750) != 0 && errno != EEXIST) {
        enum relay_err err =
            fail(why, RELAY_IO, _("%s: cannot be made: %s; create it or set relay.state_dir"), state_dir,
                 strerror(errno));
        free(s);
        return err;
    }
    CLEANUP(free_ptr) char *path = xasprintf("%s/" STORE_FILE, state_dir);
    enum relay_err err = db_open(&s->db, path, DB_READ_WRITE, why);
    if (err == RELAY_OK) {
        int n = 0;
        while (store_schema[n]) n++;
        err = db_upgrade(&s->db, store_schema, n, why);
    }
    if (err == RELAY_OK) err = load_key(s, state_dir, why);
    if (err != RELAY_OK) {
        store_close(s);
        return err;
    }
    *ret = s;
    return RELAY_OK;
}

enum relay_err store_open_reader(const char *state_dir, struct db *ret, struct reason *why)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/" STORE_FILE, state_dir);
    enum relay_err err = db_open(ret, path, DB_READ_ONLY, why);
    if (err != RELAY_NOT_FOUND) return err;
    return fail(why, err,
                _("%s is not there: the relay makes it when it first runs with this relay.state_dir"), path);
}

struct store *store_close(struct store *s)
{
    if (!s) return NULL;
    store_tally_forget(s);
    for (size_t i = 0; i < Q_COUNT; i++) stmt_release(&s->statements[i]);
    db_close(&s->db);
    explicit_bzero(s->key, sizeof(s->key));
    free(s);
    return NULL;
}

struct db *store_db(struct store *s)
{
    return &s->db;
}

bool store_dirty(const struct store *s)
{
    return s->db.in_transaction || s->failed;
}

void store_rollback(struct store *s)
{
    for (size_t i = 0; i < Q_COUNT; i++)
        if (s->statements[i].handle) stmt_reset(&s->statements[i]);
    db_rollback(&s->db);
    store_tally_forget(s);
    s->failed = false;
}

enum relay_err store_commit(struct store *s, struct reason *why)
{
    store_tally_write(s);
    if (s->failed) {
        if (why) *why = s->failure;
        store_rollback(s);
        return RELAY_IO;
    }
    if (!s->db.in_transaction) return RELAY_OK;
    enum relay_err err = db_commit(&s->db, why);
    if (err == RELAY_OK)
        s->commits++;
    else
        store_rollback(s);
    return err;
}

enum relay_err store_probe(struct store *s, int64_t wall, struct reason *why)
{
    store_set_mark(s, "probe", wall);
    return store_commit(s, why);
}

enum relay_err store_checkpoint(struct store *s, struct reason *why)
{
    bool all;
    return db_checkpoint(&s->db, &all, why);
}

int64_t store_wal_pages(struct store *s)
{
    return db_wal_pages(&s->db);
}

uint64_t store_commits(const struct store *s)
{
    return s->commits;
}

const uint8_t *store_key(const struct store *s)
{
    return s->key;
}

int64_t store_newest(struct store *s)
{
    static const char *const newest[] = {
        "SELECT max(received) FROM (SELECT received FROM event ORDER BY id DESC LIMIT 1)",
        "SELECT max(received) FROM (SELECT received FROM event_other ORDER BY id DESC LIMIT 1)",
        "SELECT max(heard) FROM feed",
        "SELECT max(created) FROM alert",
        "SELECT max(at) FROM (SELECT at FROM action ORDER BY id DESC LIMIT 1)",
    };
    int64_t most = 0;
    for (size_t i = 0; i < ARRAY_LEN(newest); i++) {
        struct stmt q = {NULL};
        if (db_prepare(&s->db, &q, newest[i], NULL) != RELAY_OK) continue;
        if (store_row(s, &q) && col_int(&q, 0) > most) most = col_int(&q, 0);
        stmt_release(&q);
    }
    return most;
}

void store_not_newer(struct store *s, int64_t now)
{
    for (const char *const *sql = store_not_after; *sql; sql++) {
        struct stmt q = {NULL};
        struct reason why = {""};
        if (!note_failure(s, db_prepare(&s->db, &q, *sql, &why), &why)) return;
        stmt_int(&q, 1, now);
        (void)store_run(s, &q); /* the commit tells */
        stmt_release(&q);
    }
}

/* -- events ------------------------------------------------------------------------------------------------------- */

int64_t store_feed(struct store *s, const char *name)
{
    if (!store_do(s, Q_FEED_ADD, TEXT(name))) return 0;
    return store_one(s, store_ask(s, Q_FEED_GET, TEXT(name), INT(-1)), 0);
}

void store_feed_seen(struct store *s, int64_t feed, struct feed_seen *ret)
{
    *ret = (struct feed_seen){.last_seq = -1, .told_seq = -1};
    struct stmt *q = store_ask(s, Q_FEED_GET, NOTHING, INT(feed));
    if (store_row(s, q)) {
        *ret = (struct feed_seen){col_int(q, 1), col_int(q, 2), col_int(q, 3), col_int(q, 4), ""};
        COPY_TEXT(ret->missing, q, 5);
    }
    stmt_reset(q);
}

void store_feed_heard(struct store *s, int64_t feed, const struct feed_seen *seen)
{
    store_do(s, Q_FEED_SET, INT(feed), INT(seen->last_seq), INT(seen->last_at), INT(seen->told_seq),
             INT(seen->heard), TEXT(seen->missing));
}

static int64_t digest_int(const struct event *e)
{
    int64_t d;
    memcpy(&d, e->digest, sizeof(d)); /* 64 of its 128 bits: enough to tell two texts of one id apart */
    return d;
}

enum key_result store_key_add(struct store *s, int64_t feed, const struct event *e, int64_t now,
                              int64_t *ret_alert)
{
    if (!store_do(s, Q_KEY_ADD, INT(feed), TEXT(e->event_id), INT(digest_int(e)), INT(now), INT(e->status)))
        return KEY_FAILED;
    if (db_changes(&s->db) == 1) return KEY_NEW;
    struct stmt *q = store_ask(s, Q_KEY_GET, INT(feed), TEXT(e->event_id));
    enum key_result r = KEY_FAILED;
    if (store_row(s, q)) {
        r = col_int(q, 0) == digest_int(e) ? KEY_SAME : KEY_CONFLICT;
        *ret_alert = col_int(q, 1);
    }
    stmt_reset(q);
    return r;
}

void store_key_alert(struct store *s, int64_t feed, const char *event_id, int64_t alert)
{
    store_do(s, Q_KEY_ALERT, INT(feed), TEXT(event_id), INT(alert));
}

bool store_key_known(struct store *s, int64_t feed, const char *event_id, enum cap_status *ret_status)
{
    struct stmt *q = store_ask(s, Q_KEY_GET, INT(feed), TEXT(event_id));
    bool known = store_row(s, q);
    if (known) *ret_status = (enum cap_status)col_int(q, 2);
    stmt_reset(q);
    return known;
}

void store_refusal(struct store *s, int64_t feed, int64_t now, const char *event_id, enum refusal code,
                   const char *member)
{
    store_do(s, Q_REFUSAL_ADD, INT(feed), INT(now), TEXT(event_id ? event_id : ""), INT(code),
             TEXT(member ? member : ""));
}

void store_event(struct store *s, const struct event *e, const struct event_row *r)
{
    store_do(s, Q_EVENT_ADD, INT(r->feed), TEXT(e->event_id), INT(r->received), INT(e->kind), INT(e->status),
             TEXT(e->area), INT(e->area_guessed), INT(e->count), INT(r->verdict), TEXT(r->rules),
             TEXT(r->set_hash), INT_OR_NULL(r->alert), INT_OR_NULL(r->grp), TEXT(r->note),
             TEXTN(e->body, e->body_len), INT(e->victim), INT(e->suspect), INT(e->payee), INT(r->value));
}

void store_event_other(struct store *s, const struct event *e, int64_t feed, int64_t now)
{
    store_do(s, Q_EVENT_OTHER_ADD, INT(feed), TEXT(e->event_id), INT(now), INT(e->kind), TEXT(e->area),
             TEXTN(e->body, e->body_len), INT(e->count), INT(e->verified), INT(e->victim), INT(e->suspect),
             INT(e->payee));
}

bool store_event_withdraw(struct store *s, int64_t feed, const char *event_id, struct withdrawn *ret)
{
    if (!store_begin(s)) return false;
    struct stmt *q = store_ask(s, Q_EVENT_NAMED, INT(feed), TEXT(event_id));
    bool found = store_row(s, q) && strcmp(col_text(q, 7), "withdrawn") != 0;
    int64_t row = found ? col_int(q, 0) : 0, guessed = found ? col_int(q, 9) : 0;
    char area[AREA_LEN + 1] = "";
    if (found) {
        COPY_TEXT(area, q, 8);
        *ret = (struct withdrawn){.alert = *col_text(q, 7) ? 0 : col_int(q, 1),
                                  .grp = col_int(q, 10) ? 0 : col_int(q, 2), /* dismissed: not counted */
                                  .feed = feed,
                                  .received = col_int(q, 3),
                                  .count = col_int(q, 4),
                                  .value = col_int(q, 5),
                                  .victim = col_int(q, 6)};
    }
    stmt_reset(q);
    if (!found || !store_do(s, Q_EVENT_WITHDRAW, INT(row))) return false;
    ret->alone = ret->alert && !any_row(s, store_ask(s, Q_STANDS_LIKE, INT(ret->alert), TEXT(area),
                                                     INT(guessed), INT(feed)));
    return true;
}

void store_standing(struct store *s, int64_t alert,
                    void (*fn)(void *arg, const char *area, const char *feed, bool guessed), void *arg)
{
    struct stmt *q = store_ask(s, Q_STANDING, INT(alert));
    while (store_row(s, q)) fn(arg, col_text(q, 0), col_text(q, 1), col_int(q, 2) != 0);
}

bool store_confirmed_areas(struct store *s, int64_t alert, char *ret, size_t size)
{
    struct stmt *q = store_ask(s, Q_CONFIRMED_AREAS, INT(alert), INT(CERTAINTY_OBSERVED));
    bool confirmed = store_row(s, q);
    if (confirmed) (void)snprintf(ret, size, "%s", col_text(q, 0));
    stmt_reset(q);
    return confirmed;
}

bool store_alert_stands(struct store *s, int64_t alert)
{
    return any_row(s, store_ask(s, Q_ALERT_STANDS, INT(alert)));
}

/* A time that stands in an event's body, where it was checked when it came. */
static int64_t body_time(struct stmt *q, int column, int64_t otherwise)
{
    int64_t t;
    return clock_parse(col_text(q, column), &t) == RELAY_OK ? t : otherwise;
}

bool store_event_get(struct store *s, int64_t row, struct event_seen *ret)
{
    struct stmt *q = store_ask(s, Q_EVENT_GET, INT(row));
    bool found = store_row(s, q);
    if (found) {
        *ret = (struct event_seen){.grp = col_int(q, 0),
                                   .alert = col_int(q, 1),
                                   .guessed = col_int(q, 3) != 0,
                                   .kind = (enum event_kind)col_int(q, 4),
                                   .status = (enum cap_status)col_int(q, 5),
                                   .count = (int)col_int(q, 6),
                                   .observed_at = body_time(q, 11, col_int(q, 7)),
                                   .expires_at = body_time(q, 12, INT64_MAX),
                                   .reviewed = !col_null(q, 9),
                                   .value = col_int(q, 14)};
        (void)snprintf(ret->area, sizeof(ret->area), "%s", col_text(q, 2));
        (void)snprintf(ret->rule, sizeof(ret->rule), "%.*s", (int)strcspn(col_text(q, 8), "."),
                       col_text(q, 8));
        (void)snprintf(ret->note, sizeof(ret->note), "%s", col_text(q, 10));
        (void)snprintf(ret->feed, sizeof(ret->feed), "%s", col_text(q, 13));
    }
    stmt_reset(q);
    return found;
}

void store_event_review(struct store *s, int64_t row, const char *who)
{
    store_do(s, Q_EVENT_REVIEW, INT(row), TEXT(who));
}

void store_event_join(struct store *s, int64_t row, int64_t alert, const char *who)
{
    store_do(s, Q_EVENT_JOIN, INT(row), INT(alert), TEXT(who));
}

/* -- groups ------------------------------------------------------------------------------------------------------- */

int64_t store_group(struct store *s, const char *fingerprint, const char *rule)
{
    int64_t id = store_one(s, store_ask(s, Q_GRP_GET, TEXT(fingerprint)), 0);
    if (id) return id;
    return store_add(s, Q_GRP_ADD, TEXT(fingerprint), TEXT(rule));
}

/* A window is counted in slices of a 64th of it: a slice counts until all of it is older than the window. */
static int64_t slice_length(int64_t within)
{
    return within / WINDOW_SLICES > 0 ? within / WINDOW_SLICES : 1;
}

/* What is older does not count any more. */
static int64_t window_since(int64_t now, int64_t within)
{
    return now - within - slice_length(within);
}

void store_window_add(struct store *s, int64_t grp, int64_t feed, int64_t now, int64_t within, int count,
                      bool verified)
{
    store_do(s, Q_WINDOW_ADD, INT(grp), INT(now - now % slice_length(within)), INT(feed), INT(count),
             INT(verified));
}

void store_window_take(struct store *s, const struct withdrawn *w)
{
    store_do(s, Q_WINDOW_TAKE, INT(w->grp), INT(w->feed), INT(w->count), INT(w->received));
    store_do(s, Q_WINDOW_EMPTY, INT(w->grp), INT(w->feed));
    store_do(s, Q_CORRELATED_TAKE, INT(w->grp), INT(w->value), INT(w->feed), INT(w->victim), INT(w->count),
             INT(w->received));
    store_do(s, Q_CORRELATED_EMPTY, INT(w->grp), INT(w->value));
}

void store_window_clear(struct store *s, int64_t grp)
{
    store_do(s, Q_WINDOW_CLEAR, INT(grp));
    store_do(s, Q_CORRELATED_CLEAR, INT(grp));
}

void store_windows_clear(struct store *s)
{
    store_do(s, Q_WINDOWS_CLEAR);
    store_do(s, Q_CORRELATEDS_CLEAR);
}

void store_window_read(struct store *s, int64_t grp, int64_t now, int64_t within, struct group_state *ret)
{
    *ret = (struct group_state){.id = grp};
    struct stmt *q = store_ask(s, Q_WINDOW_SUM, INT(grp), INT(window_since(now, within)));
    if (store_row(s, q)) {
        ret->count = col_int(q, 0);
        ret->feeds = (int)col_int(q, 1);
        ret->verified_feeds = (int)col_int(q, 2);
    }
    stmt_reset(q);
    ret->alert = store_alert_active(s, grp, now);
}

void store_correlated(struct store *s, const struct correlated *c, int64_t now, int64_t within,
                      struct tally *ret)
{
    int64_t since = window_since(now, within);
    struct stmt *q = store_ask(s, Q_CORRELATED_SUM, INT(c->grp), INT(c->value), INT(since));
    *ret = (struct tally){0};
    if (store_row(s, q))
        *ret = (struct tally){.count = col_int(q, 0),
                              .feeds = (int)col_int(q, 1),
                              .verified_feeds = (int)col_int(q, 2),
                              .victims = (int)col_int(q, 3)};
    stmt_reset(q);
}

void store_correlate(struct store *s, const struct correlated *c, int64_t now, int64_t within,
                     struct tally *ret)
{
    enum { VICTIMS_TOLD_APART = 200 }; /* no rule asks for more than 100, and each one is a row */
    int64_t slice = now - now % slice_length(within);
    struct tally before;
    store_correlated(s, c, now, within, &before);
    store_do(s, Q_CORRELATED_ADD, INT(c->grp), INT(c->value), INT(slice), INT(c->feed),
             INT(before.victims < VICTIMS_TOLD_APART ? c->victim : 0), INT(c->count), INT(c->verified),
             INT(slice + within + 2 * slice_length(within)));
    store_correlated(s, c, now, within, ret);
}

void store_alert_value(struct store *s, int64_t alert, int64_t value)
{
    store_do(s, Q_VALUE_ADD, INT(alert), INT(value));
}

bool store_alert_has_value(struct store *s, int64_t alert, int64_t value)
{
    return any_row(s, store_ask(s, Q_VALUE_KNOWN, INT(alert), INT(value)));
}

void store_candidates_join(struct store *s, int64_t grp, int64_t since, const int64_t *value, int64_t alert)
{
    store_do(s, Q_CANDIDATE_KEYS_JOIN, INT(grp), INT(alert), INT_IF(value));
    store_do(s, Q_CANDIDATES_JOIN, INT(grp), INT(alert), INT(since), INT_IF(value));
}

void store_candidates(struct store *s, int64_t grp, int64_t since, const int64_t *value,
                      void (*fn)(void *arg, const char *area, const char *feed, bool guessed), void *arg)
{
    struct stmt *q = store_ask(s, Q_CANDIDATES_LIST, INT(grp), INT(since), INT_IF(value));
    while (store_row(s, q)) fn(arg, col_text(q, 0), col_text(q, 1), col_int(q, 2) != 0);
}

/* -- people, counts, age ------------------------------------------------------------------------------------------ */

void store_action(struct store *s, int64_t now, const char *verb, const char *object, const char *actor,
                  int uid, const char *reason, const char *detail)
{
    store_do(s, Q_ACTION_ADD, INT(now), TEXT(verb), TEXT(object), TEXT(actor), INT(uid),
             TEXT(reason ? reason : ""), TEXT(detail ? detail : ""));
}

int store_action_people(struct store *s, const char *verb, const char *object, const char *actor,
                        bool *ret_was_one)
{
    struct stmt *q = store_ask(s, Q_ACTION_COUNT, TEXT(verb), TEXT(object), TEXT(actor));
    int n = 0;
    if (store_row(s, q)) {
        n = (int)col_int(q, 0);
        *ret_was_one = col_int(q, 1) != 0;
    }
    stmt_reset(q);
    return n;
}

void store_site_mode_set(struct store *s, const char *site, int mode)
{
    store_do(s, Q_MODE_SET, TEXT(site), INT(mode));
}

int store_site_mode(struct store *s, const char *site)
{
    return (int)store_one(s, store_ask(s, Q_MODE_GET, TEXT(site)), -1);
}

/* Deletes a slice of rows older than `what`, or of that alert, as the statement says; true when it was a whole one: there may be
 * more. */
static bool prune_slice(struct store *s, enum statement which, int64_t what, int64_t most)
{
    return store_do(s, which, INT(what), INT(most)) && db_changes(&s->db) == SLICE_ROWS;
}

/* Walks the keys in key order; the cursor is where the last slice ended. True while there is more. */
static bool prune_keys(struct store *s, int64_t before)
{
    struct stmt *q = store_ask(s, Q_PRUNE_KEYS_FROM, INT(s->prune_feed), TEXT(s->prune_id), INT(SLICE_ROWS));
    bool more = store_row(s, q);
    int64_t feed = more ? col_int(q, 0) : INT64_MAX;
    char id[EVENT_ID_MAX + 1];
    (void)snprintf(id, sizeof(id), "%s", more ? col_text(q, 1) : "");
    stmt_reset(q);
    store_do(s, Q_PRUNE_KEYS, INT(s->prune_feed), TEXT(s->prune_id), INT(feed), TEXT(id), INT(before));
    s->prune_feed = more ? feed : 0;
    memcpy(s->prune_id, more ? id : "", more ? sizeof(id) : 1);
    return more;
}

/* One finished alert with everything that hangs on it: what it has by target goes first, which may be a hundred thousand rows. */
static bool prune_alert(struct store *s, int64_t before)
{
    static const enum statement many[] = {Q_PRUNE_DELIVERIES, Q_PRUNE_RENDERINGS};
    static const enum statement few[] = {Q_PRUNE_REVISIONS, Q_PRUNE_STEPS, Q_PRUNE_FEEDBACK, Q_PRUNE_VALUES,
                                         Q_PRUNE_ALERT};
    int64_t n = store_one(s, store_ask(s, Q_PRUNE_ALERTS, INT(before)), 0);
    if (!n) return false;
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        if (prune_slice(s, many[i], n, SLICE_ROWS)) return true;
    for (size_t i = 0; i < ARRAY_LEN(few); i++) store_do(s, few[i], INT(n));
    return true;
}

/* Bytes over the budget, in rows of the recent average size. */
static int64_t other_rows_over(struct store *s, int64_t bytes)
{
    struct stmt *q = store_q(s, Q_OTHER_SIZE);
    int64_t over = 0;
    if (store_row(s, q)) {
        int64_t rows = col_int(q, 0), each = col_int(q, 1) + 64;
        over = rows - bytes / each;
    }
    stmt_reset(q);
    return over;
}

bool store_prune(struct store *s, int64_t now, const struct keep *k)
{
    enum { KEYS, EVENTS, OTHER, OTHER_OVER, REFUSALS, FEEDS, ACTIONS, ALERTS, CORRELATED, REST, DONE };
    bool more = false;
    switch (s->prune_step) {
    case KEYS: more = prune_keys(s, now - k->keys); break;
    case EVENTS: more = prune_slice(s, Q_PRUNE_EVENTS, now - k->matched, SLICE_ROWS); break;
    case OTHER: more = prune_slice(s, Q_PRUNE_OTHER, now - k->unmatched, SLICE_ROWS); break;
    case OTHER_OVER: {
        int64_t over = other_rows_over(s, k->unmatched_bytes);
        if (over > 0) more = prune_slice(s, Q_PRUNE_OTHER, INT64_MAX, over < SLICE_ROWS ? over : SLICE_ROWS);
        break;
    }
    case REFUSALS: more = prune_slice(s, Q_PRUNE_REFUSALS, now - k->keys, SLICE_ROWS); break;
    case FEEDS:
        s->prune_next = store_one(s, store_ask(s, Q_PRUNE_REFUSALS_NEXT, INT(s->prune_next)), 0);
        more = s->prune_next != 0;
        if (more) store_do(s, Q_PRUNE_REFUSALS_OVER, INT(s->prune_next), INT(k->refusals));
        break;
    case ACTIONS: more = prune_slice(s, Q_PRUNE_ACTIONS, now - k->deliveries, SLICE_ROWS); break;
    case ALERTS: more = prune_alert(s, now - k->deliveries); break;
    case CORRELATED: more = prune_slice(s, Q_PRUNE_CORRELATED, now, SLICE_ROWS); break;
    case REST:
        store_do(s, Q_PRUNE_SILENCES, INT(now - k->deliveries));
        store_do(s, Q_PRUNE_DRILLS, INT(now - k->deliveries));
        store_do(s, Q_PRUNE_WINDOWS, INT(now - 31 * DAY_MS));
        store_do(s, Q_PRUNE_SPOKEN, INT(now - 31 * DAY_MS));
        store_do(s, Q_PRUNE_TOLD, INT(clock_local_day(now - 7 * DAY_MS)));
        break;
    default: s->prune_step = KEYS; return false;
    }
    if (!more) s->prune_step++;
    return true;
}
