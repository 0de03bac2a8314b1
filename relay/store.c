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

bool store_run(struct store *s, struct stmt *q)
{
    struct reason why = {""};
    if (s->failed || !q->handle) {
        if (q->handle) stmt_reset(q);
        return false;
    }
    if (!note_failure(s, db_begin(&s->db, &why), &why)) {
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

/* -- file and transaction ----------------------------------------------------------------------------------------- */

/* 16 random bytes made once; the store's digests are worthless without them, so they live beside it. */
static enum relay_err load_key(struct store *s, const char *state_dir, struct reason *why)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/hmac.key", state_dir);
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
    CLEANUP(free_ptr) char *aside = xasprintf("%s.new", path);
    fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, s->key, sizeof(s->key)) == (ssize_t)sizeof(s->key) && fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0) close(fd);
    if (ok && rename(aside, path) == 0) return RELAY_OK;
    return fail(why, saved == ENOSPC ? RELAY_FULL : RELAY_IO, _("%s: cannot be written: %s"), path,
                strerror(saved));
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
    return db_open(ret, path, DB_READ_ONLY, why);
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
    struct stmt *q = store_q(s, Q_META_SET);
    stmt_text(q, 1, "probe");
    stmt_int(q, 2, wall);
    (void)store_run(s, q); /* the commit tells */
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

/* -- events ------------------------------------------------------------------------------------------------------- */

int64_t store_feed(struct store *s, const char *name)
{
    struct stmt *q = store_q(s, Q_FEED_ADD);
    stmt_text(q, 1, name);
    if (!store_run(s, q)) return 0;
    q = store_q(s, Q_FEED_GET);
    stmt_text(q, 1, name);
    stmt_int(q, 2, -1);
    int64_t id = store_row(s, q) ? col_int(q, 0) : 0;
    stmt_reset(q);
    return id;
}

void store_feed_seen(struct store *s, int64_t feed, struct feed_seen *ret)
{
    *ret = (struct feed_seen){-1, -1, 0};
    struct stmt *q = store_q(s, Q_FEED_GET);
    stmt_null(q, 1);
    stmt_int(q, 2, feed);
    if (store_row(s, q)) *ret = (struct feed_seen){col_int(q, 1), col_int(q, 2), col_int(q, 3)};
    stmt_reset(q);
}

void store_feed_heard(struct store *s, int64_t feed, const struct feed_seen *seen)
{
    struct stmt *q = store_q(s, Q_FEED_SET);
    stmt_int(q, 1, feed);
    stmt_int(q, 2, seen->last_seq);
    stmt_int(q, 3, seen->told_seq);
    stmt_int(q, 4, seen->heard);
    (void)store_run(s, q);
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
    struct stmt *q = store_q(s, Q_KEY_ADD);
    stmt_int(q, 1, feed);
    stmt_text(q, 2, e->event_id);
    stmt_int(q, 3, digest_int(e));
    stmt_int(q, 4, now);
    if (!store_run(s, q)) return KEY_FAILED;
    if (db_changes(&s->db) == 1) return KEY_NEW;
    q = store_q(s, Q_KEY_GET);
    stmt_int(q, 1, feed);
    stmt_text(q, 2, e->event_id);
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
    struct stmt *q = store_q(s, Q_KEY_ALERT);
    stmt_int(q, 1, feed);
    stmt_text(q, 2, event_id);
    stmt_int(q, 3, alert);
    (void)store_run(s, q);
}

bool store_key_known(struct store *s, int64_t feed, const char *event_id)
{
    struct stmt *q = store_q(s, Q_KEY_GET);
    stmt_int(q, 1, feed);
    stmt_text(q, 2, event_id);
    bool known = store_row(s, q);
    stmt_reset(q);
    return known;
}

void store_refusal(struct store *s, int64_t feed, int64_t now, const char *event_id, enum refusal code,
                   const char *member)
{
    struct stmt *q = store_q(s, Q_REFUSAL_ADD);
    stmt_int(q, 1, feed);
    stmt_int(q, 2, now);
    stmt_text(q, 3, event_id ? event_id : "");
    stmt_int(q, 4, code);
    stmt_text(q, 5, member ? member : "");
    (void)store_run(s, q);
}

static void bind_id(struct stmt *q, int i, int64_t id)
{
    if (id)
        stmt_int(q, i, id);
    else
        stmt_null(q, i);
}

/* What rules may count by; 0 where the event has none. */
static void bind_keyed(struct stmt *q, int from, const struct event *e)
{
    const uint8_t *keyed[] = {e->victim, e->suspect, e->payee};
    for (size_t i = 0; i < ARRAY_LEN(keyed); i++) {
        int64_t value;
        memcpy(&value, keyed[i], sizeof(value));
        stmt_int(q, from + (int)i, value);
    }
}

void store_event(struct store *s, const struct event *e, const struct event_row *r)
{
    struct stmt *q = store_q(s, Q_EVENT_ADD);
    stmt_int(q, 1, r->feed);
    stmt_text(q, 2, e->event_id);
    stmt_int(q, 3, r->received);
    stmt_int(q, 4, e->kind);
    stmt_int(q, 5, e->status);
    stmt_text(q, 6, e->area);
    stmt_int(q, 7, e->area_guessed);
    stmt_int(q, 8, e->count);
    stmt_int(q, 9, r->verdict);
    stmt_text(q, 10, r->rules);
    stmt_text(q, 11, r->set_hash);
    bind_id(q, 12, r->alert);
    bind_id(q, 13, r->grp);
    stmt_text(q, 14, r->note);
    stmt_textn(q, 15, e->body, e->body_len);
    bind_keyed(q, 16, e);
    (void)store_run(s, q);
}

void store_event_other(struct store *s, const struct event *e, int64_t feed, int64_t now)
{
    struct stmt *q = store_q(s, Q_EVENT_OTHER_ADD);
    stmt_int(q, 1, feed);
    stmt_text(q, 2, e->event_id);
    stmt_int(q, 3, now);
    stmt_int(q, 4, e->kind);
    stmt_text(q, 5, e->area);
    stmt_textn(q, 6, e->body, e->body_len);
    stmt_int(q, 7, e->count);
    stmt_int(q, 8, e->verified);
    bind_keyed(q, 9, e);
    (void)store_run(s, q);
}

bool store_event_find(struct store *s, int64_t feed, const char *event_id, int64_t *ret_row,
                      int64_t *ret_alert, int *ret_count)
{
    struct stmt *q = store_q(s, Q_EVENT_FIND);
    stmt_int(q, 1, feed);
    stmt_text(q, 2, event_id);
    bool found = store_row(s, q);
    if (found) {
        *ret_row = col_int(q, 0);
        *ret_alert = col_int(q, 1);
        *ret_count = (int)col_int(q, 2);
    }
    stmt_reset(q);
    return found;
}

void store_event_withdraw(struct store *s, int64_t row)
{
    struct stmt *q = store_q(s, Q_EVENT_WITHDRAW);
    stmt_int(q, 1, row);
    (void)store_run(s, q);
}

void store_candidate_withdraw(struct store *s, int64_t feed, const char *event_id)
{
    struct stmt *q = store_q(s, Q_CANDIDATE_WITHDRAW);
    struct reason why;
    int64_t grp = 0, received = 0, count = 0;
    if (s->failed || db_begin(&s->db, &why) != RELAY_OK) return;
    stmt_int(q, 1, feed);
    stmt_text(q, 2, event_id);
    if (store_row(s, q)) {
        grp = col_int(q, 0);
        received = col_int(q, 1);
        count = col_int(q, 2);
    }
    stmt_reset(q);
    if (!grp) return;
    q = store_q(s, Q_WINDOW_TAKE);
    stmt_int(q, 1, grp);
    stmt_int(q, 2, feed);
    stmt_int(q, 3, count);
    stmt_int(q, 4, received);
    (void)store_run(s, q);
    q = store_q(s, Q_WINDOW_EMPTY);
    stmt_int(q, 1, grp);
    stmt_int(q, 2, feed);
    (void)store_run(s, q);
}

bool store_alert_has_other_feed(struct store *s, int64_t alert, int64_t feed)
{
    struct stmt *q = store_q(s, Q_EVENT_OTHER_FEED);
    stmt_int(q, 1, alert);
    stmt_int(q, 2, feed);
    bool has = store_row(s, q);
    stmt_reset(q);
    return has;
}

bool store_event_get(struct store *s, int64_t row, struct event_seen *ret)
{
    struct stmt *q = store_q(s, Q_EVENT_GET);
    stmt_int(q, 1, row);
    bool found = store_row(s, q);
    if (found) {
        *ret = (struct event_seen){.grp = col_int(q, 0),
                                   .alert = col_int(q, 1),
                                   .guessed = col_int(q, 3) != 0,
                                   .kind = (enum event_kind)col_int(q, 4),
                                   .status = (enum cap_status)col_int(q, 5),
                                   .count = (int)col_int(q, 6),
                                   .received = col_int(q, 7),
                                   .reviewed = !col_null(q, 9)};
        (void)snprintf(ret->area, sizeof(ret->area), "%s", col_text(q, 2));
        (void)snprintf(ret->rule, sizeof(ret->rule), "%.*s", (int)strcspn(col_text(q, 8), "."),
                       col_text(q, 8));
        (void)snprintf(ret->note, sizeof(ret->note), "%s", col_text(q, 10));
    }
    stmt_reset(q);
    return found;
}

void store_event_review(struct store *s, int64_t row, const char *who)
{
    struct stmt *q = store_q(s, Q_EVENT_REVIEW);
    stmt_int(q, 1, row);
    stmt_text(q, 2, who);
    (void)store_run(s, q);
}

void store_event_join(struct store *s, int64_t row, int64_t alert, const char *who)
{
    struct stmt *q = store_q(s, Q_EVENT_JOIN);
    stmt_int(q, 1, row);
    stmt_int(q, 2, alert);
    stmt_text(q, 3, who);
    (void)store_run(s, q);
}

/* -- groups ------------------------------------------------------------------------------------------------------- */

int64_t store_group(struct store *s, const char *fingerprint, const char *rule)
{
    struct stmt *q = store_q(s, Q_GRP_GET);
    stmt_text(q, 1, fingerprint);
    int64_t id = store_row(s, q) ? col_int(q, 0) : 0;
    stmt_reset(q);
    if (id) return id;
    q = store_q(s, Q_GRP_ADD);
    stmt_text(q, 1, fingerprint);
    stmt_text(q, 2, rule);
    return store_run(s, q) ? db_last_id(&s->db) : 0;
}

/* A window is counted in slices of a 64th of it: a slice counts until all of it is older than the window. */
static int64_t slice_length(int64_t within)
{
    return within / WINDOW_SLICES > 0 ? within / WINDOW_SLICES : 1;
}

void store_window_add(struct store *s, int64_t grp, int64_t feed, int64_t now, int64_t within, int count,
                      bool verified)
{
    struct stmt *q = store_q(s, Q_WINDOW_ADD);
    stmt_int(q, 1, grp);
    stmt_int(q, 2, now - now % slice_length(within));
    stmt_int(q, 3, feed);
    stmt_int(q, 4, count);
    stmt_int(q, 5, verified);
    (void)store_run(s, q);
}

void store_window_clear(struct store *s, int64_t grp)
{
    struct stmt *q = store_q(s, Q_WINDOW_CLEAR);
    stmt_int(q, 1, grp);
    (void)store_run(s, q);
}

void store_window_read(struct store *s, int64_t grp, int64_t now, int64_t within, struct group_state *ret)
{
    *ret = (struct group_state){.id = grp};
    struct stmt *q = store_q(s, Q_WINDOW_SUM);
    stmt_int(q, 1, grp);
    stmt_int(q, 2, now - within - slice_length(within));
    if (store_row(s, q)) {
        ret->count = col_int(q, 0);
        ret->feeds = (int)col_int(q, 1);
        ret->verified_feeds = (int)col_int(q, 2);
    }
    stmt_reset(q);
    ret->alert = store_alert_active(s, grp, now);
}

int64_t store_keyed(const struct store *s, char use, const char *value, size_t n)
{
    uint8_t key[16], full[16];
    int64_t keyed;
    memcpy(key, store_key(s), sizeof(key));
    key[0] ^= (uint8_t)use;
    hash_sip128(key, value, n, full);
    memcpy(&keyed, full, sizeof(keyed));
    return keyed ? keyed : 1;
}

static void correlated_read(struct store *s, const struct correlated *c, int64_t since, struct tally *ret)
{
    struct stmt *q = store_q(s, Q_CORRELATED_SUM);
    *ret = (struct tally){0};
    stmt_int(q, 1, c->grp);
    stmt_int(q, 2, c->value);
    stmt_int(q, 3, since);
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
    int64_t slice = now - now % slice_length(within), since = now - within - slice_length(within);
    struct tally before;
    correlated_read(s, c, since, &before);
    struct stmt *q = store_q(s, Q_CORRELATED_ADD);
    stmt_int(q, 1, c->grp);
    stmt_int(q, 2, c->value);
    stmt_int(q, 3, slice);
    stmt_int(q, 4, c->feed);
    stmt_int(q, 5, before.victims < VICTIMS_TOLD_APART ? c->victim : 0);
    stmt_int(q, 6, c->count);
    stmt_int(q, 7, c->verified);
    stmt_int(q, 8, slice + within + 2 * slice_length(within));
    (void)store_run(s, q);
    correlated_read(s, c, since, ret);
}

void store_candidates_join(struct store *s, int64_t grp, int64_t alert)
{
    static const enum statement both[] = {Q_CANDIDATE_KEYS_JOIN, Q_CANDIDATES_JOIN};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        struct stmt *q = store_q(s, both[i]);
        stmt_int(q, 1, grp);
        stmt_int(q, 2, alert);
        (void)store_run(s, q);
    }
}

/* Adds a word to a space-separated set. */
static void set_add(struct buf *set, const char *word)
{
    size_t n = strlen(word);
    if (!n) return;
    for (const char *p = buf_cstr(set); (p = strstr(p, word)); p += n)
        if ((p == buf_cstr(set) || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0')) return;
    if (set->len) buf_char(set, ' ');
    buf_str(set, word);
}

void store_candidates_sum(struct store *s, int64_t grp, int64_t since, struct buf *areas, struct buf *feeds,
                          bool *ret_guessed)
{
    struct stmt *q = store_q(s, Q_CANDIDATES_LIST);
    stmt_int(q, 1, grp);
    stmt_int(q, 2, since);
    bool guessed = *ret_guessed;
    while (store_row(s, q)) {
        set_add(areas, col_text(q, 0));
        set_add(feeds, col_text(q, 1));
        guessed = guessed && col_int(q, 2);
    }
    *ret_guessed = guessed;
}

/* -- people, counts, age ------------------------------------------------------------------------------------------ */

void store_action(struct store *s, int64_t now, const char *verb, const char *object, const char *actor,
                  int uid, const char *reason, const char *detail)
{
    struct stmt *q = store_q(s, Q_ACTION_ADD);
    stmt_int(q, 1, now);
    stmt_text(q, 2, verb);
    stmt_text(q, 3, object);
    stmt_text(q, 4, actor);
    stmt_int(q, 5, uid);
    stmt_text(q, 6, reason ? reason : "");
    stmt_text(q, 7, detail ? detail : "");
    (void)store_run(s, q);
}

int store_action_people(struct store *s, const char *verb, const char *object, const char *actor,
                        bool *ret_was_one)
{
    struct stmt *q = store_q(s, Q_ACTION_COUNT);
    stmt_text(q, 1, verb);
    stmt_text(q, 2, object);
    stmt_text(q, 3, actor);
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
    struct stmt *q = store_q(s, Q_MODE_SET);
    stmt_text(q, 1, site);
    stmt_int(q, 2, mode);
    (void)store_run(s, q);
}

int store_site_mode(struct store *s, const char *site)
{
    struct stmt *q = store_q(s, Q_MODE_GET);
    stmt_text(q, 1, site);
    int mode = store_row(s, q) ? (int)col_int(q, 0) : -1;
    stmt_reset(q);
    return mode;
}

static int prune_two(struct store *s, enum statement which, int64_t a, int64_t b)
{
    struct stmt *q = store_q(s, which);
    stmt_int(q, 1, a);
    if (b >= 0) stmt_int(q, 2, b);
    return store_run(s, q) ? db_changes(&s->db) : 0;
}

/* Walks the keys in key order; the cursor is where the last slice ended. True while there is more. */
static bool prune_keys(struct store *s, int64_t before)
{
    struct stmt *q = store_q(s, Q_PRUNE_KEYS_FROM);
    stmt_int(q, 1, s->prune_feed);
    stmt_text(q, 2, s->prune_id);
    stmt_int(q, 3, SLICE_ROWS);
    bool more = store_row(s, q);
    int64_t feed = more ? col_int(q, 0) : INT64_MAX;
    char id[EVENT_ID_MAX + 1];
    (void)snprintf(id, sizeof(id), "%s", more ? col_text(q, 1) : "");
    stmt_reset(q);
    q = store_q(s, Q_PRUNE_KEYS);
    stmt_int(q, 1, s->prune_feed);
    stmt_text(q, 2, s->prune_id);
    stmt_int(q, 3, feed);
    stmt_text(q, 4, id);
    stmt_int(q, 5, before);
    (void)store_run(s, q);
    s->prune_feed = more ? feed : 0;
    memcpy(s->prune_id, more ? id : "", more ? sizeof(id) : 1);
    return more;
}

/* One finished alert with everything that hangs on it. */
static bool prune_alert(struct store *s, int64_t before)
{
    struct stmt *q = store_q(s, Q_PRUNE_ALERTS);
    stmt_int(q, 1, before);
    struct reason why;
    if (s->failed || db_begin(&s->db, &why) != RELAY_OK || !store_row(s, q)) return false;
    int64_t n = col_int(q, 0);
    stmt_reset(q);
    (void)prune_two(s, Q_PRUNE_REVISIONS, n, -1);
    (void)prune_two(s, Q_PRUNE_RENDERINGS, n, -1);
    (void)prune_two(s, Q_PRUNE_DELIVERIES, n, -1);
    (void)prune_two(s, Q_PRUNE_STEPS, n, -1);
    (void)prune_two(s, Q_PRUNE_FEEDBACK, n, -1);
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
    enum { KEYS, EVENTS, OTHER, OTHER_OVER, REFUSALS, FEEDS, ALERTS, CORRELATED, REST, DONE };
    bool more = false;
    switch (s->prune_step) {
    case KEYS: more = prune_keys(s, now - k->keys); break;
    case EVENTS: more = prune_two(s, Q_PRUNE_EVENTS, now - k->matched, SLICE_ROWS) == SLICE_ROWS; break;
    case OTHER: more = prune_two(s, Q_PRUNE_OTHER, now - k->unmatched, SLICE_ROWS) == SLICE_ROWS; break;
    case OTHER_OVER: {
        int64_t over = other_rows_over(s, k->unmatched_bytes);
        if (over > 0)
            more =
                prune_two(s, Q_PRUNE_OTHER, INT64_MAX, over < SLICE_ROWS ? over : SLICE_ROWS) == SLICE_ROWS;
        break;
    }
    case REFUSALS: more = prune_two(s, Q_PRUNE_REFUSALS, now - k->keys, SLICE_ROWS) == SLICE_ROWS; break;
    case FEEDS:
        (void)prune_two(s, Q_PRUNE_REFUSALS_OVER, s->prune_next, k->refusals);
        more = ++s->prune_next <= 600; /* feeds are few: their rows are numbered from 1 */
        if (!more) s->prune_next = 0;
        break;
    case ALERTS: more = prune_alert(s, now - k->deliveries); break;
    case CORRELATED: more = prune_two(s, Q_PRUNE_CORRELATED, now, SLICE_ROWS) == SLICE_ROWS; break;
    case REST:
        (void)prune_two(s, Q_PRUNE_WINDOWS, now - 31 * DAY_MS, -1);
        (void)prune_two(s, Q_PRUNE_SPOKEN, now - 31 * DAY_MS, -1);
        (void)prune_two(s, Q_PRUNE_TOLD, clock_local_day(now - 7 * DAY_MS), -1);
        break;
    default: s->prune_step = KEYS; return false;
    }
    if (!more) s->prune_step++;
    return true;
}
