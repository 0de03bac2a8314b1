/* Lists and stories, from rows to JSON. */
#include "list.h"

#include "areas.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/delivery.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "render.h"

enum { DEFAULT_LIMIT = 100, SHORT_ID_LOOK = 20000, BODY_MAX = 256 * 1024 };

static void stmt_done(struct stmt *q)
{
    stmt_release(q);
}

#define STMT CLEANUP(stmt_done) struct stmt

static void member_enum(struct buf *b, const char *name, const char *value)
{
    buf_json_member(b, name, value);
}

#define ALERT_FIELDS                                                                                         \
    "a.id, a.rule, a.rule_rev, a.category, a.title, a.status, a.level, a.certainty, a.created, a.expires, "  \
    "a.rev, a.areas, "                                                                                       \
    "a.count, a.feeds, a.ended, a.end_note, a.n, a.set_hash, a.acked_by, a.acked_at"

/* The names of an alert's codes: "雁塔区、碑林区". */
static void add_places(struct buf *b, const char *areas)
{
    CLEANUP(buf_release) struct buf names = BUF_INIT(4096);
    for (const char *p = areas; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        char code[AREA_LEN + 1];
        (void)snprintf(code, sizeof(code), "%.*s", (int)n, p);
        if (names.len) buf_str(&names, "、");
        buf_str(&names, area_name(code));
        p += n;
    }
    buf_json_member(b, "places", buf_cstr(&names));
}

static void add_alert(struct buf *b, struct stmt *q)
{
    buf_char(b, '{');
    buf_json_member(b, "id", col_text(q, 0));
    buf_json_member(b, "rule", col_text(q, 1));
    buf_json_member_int(b, "rule_rev", col_int(q, 2));
    buf_json_member(b, "category", col_text(q, 3));
    buf_json_member(b, "title", col_text(q, 4));
    member_enum(b, "status", cap_status_name((enum cap_status)col_int(q, 5)));
    member_enum(b, "level", level_name((enum level)col_int(q, 6)));
    member_enum(b, "certainty", certainty_name((enum certainty)col_int(q, 7)));
    buf_json_member_time(b, "created", col_int(q, 8));
    buf_json_member_time(b, "expires", col_int(q, 9));
    buf_json_member_int(b, "rev", col_int(q, 10));
    buf_json_member(b, "areas", col_text(q, 11));
    add_places(b, col_text(q, 11));
    buf_json_member_int(b, "count", col_int(q, 12));
    buf_json_member(b, "feeds", col_text(q, 13));
    buf_json_member_time(b, "ended", col_int(q, 14));
    if (*col_text(q, 15)) buf_json_member(b, "end_note", col_text(q, 15));
    buf_json_member(b, "set_hash", col_text(q, 17));
    if (!col_null(q, 18)) buf_json_member(b, "acknowledged_by", col_text(q, 18));
}

/* Runs q to its end; each row is added by fn, with a comma between. */
static enum relay_err add_rows(struct buf *b, struct stmt *q, void (*fn)(struct buf *b, struct stmt *q),
                               struct reason *why)
{
    enum relay_err err;
    bool first = true;
    buf_char(b, '[');
    while ((err = stmt_step(q, why)) == RELAY_OK) {
        if (!first) buf_char(b, ',');
        first = false;
        fn(b, q);
        buf_char(b, '}');
    }
    buf_char(b, ']');
    return err == RELAY_NOT_FOUND ? RELAY_OK : err;
}

enum relay_err list_alerts(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err =
        db_prepare(db, &q,
                   "SELECT " ALERT_FIELDS " FROM alert a WHERE (a.grp <> 0 OR a.status <> 0) AND (?1 = 0 OR "
                   "(a.ended IS NULL AND a.expires > ?2)) "
                   "ORDER BY a.n DESC LIMIT ?3",
                   why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, f->active);
    stmt_int(&q, 2, f->now);
    stmt_int(&q, 3, f->limit ? f->limit : DEFAULT_LIMIT);
    return add_rows(ret, &q, add_alert, why);
}

/* An event below its threshold or unsure, or an alert that waits for approval or whose place was guessed. */
static void add_review(struct buf *b, struct stmt *q)
{
    buf_char(b, '{');
    if (!col_null(q, 0)) buf_json_member_int(b, "event", col_int(q, 0));
    if (!col_null(q, 9)) buf_json_member(b, "alert", col_text(q, 9));
    if (!col_null(q, 1)) buf_json_member(b, "feed", col_text(q, 1));
    if (!col_null(q, 2)) buf_json_member(b, "event_id", col_text(q, 2));
    buf_json_member_time(b, "received", col_int(q, 3));
    buf_json_member(b, "note", col_text(q, 4));
    buf_json_member(b, "rules", col_text(q, 5));
    buf_json_member(b, "area", col_text(q, 6));
    add_places(b, col_text(q, 6));
    buf_json_member_int(b, "count", col_int(q, 7));
    if (!col_null(q, 10)) buf_json_member_int(b, "held", col_int(q, 10));
    if (!col_null(q, 11)) buf_json_member(b, "approved_by", col_text(q, 11));
    if (col_null(q, 8)) return;
    buf_json_key(b, "body");
    buf_str(b, col_text(q, 8));
}

enum relay_err list_review(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err = db_prepare(
        db, &q,
        "SELECT * FROM (SELECT e.id AS id, f.name, e.event_id, e.received AS received, e.note, e.rules, "
        "e.area, e.count, e.body, NULL, NULL, NULL FROM event e JOIN feed f ON f.id = e.feed WHERE e.alert "
        "IS "
        "NULL AND e.reviewed IS NULL AND e.note IN ('candidate', 'unsure') ORDER BY e.id DESC LIMIT ?1) "
        "UNION ALL SELECT * FROM (SELECT NULL, a.feeds, NULL, a.created, CASE count(d.id) WHEN 0 THEN "
        "'guessed "
        "area' ELSE max(d.reason) || CASE a.guessed WHEN 0 THEN '' ELSE ', guessed area' END END, a.rule, "
        "a.areas, a.count, NULL, a.id, count(d.id), (SELECT group_concat(x.actor, ' ') FROM action x WHERE "
        "x.object = a.id AND x.verb = 'alert.approve') FROM alert a LEFT JOIN delivery d ON d.alert = a.n "
        "AND "
        "d.state = 0 AND d.reason LIKE 'approval%' WHERE a.ended IS NULL AND a.expires > ?2 GROUP BY a.n "
        "HAVING count(d.id) > 0 OR a.guessed <> 0 ORDER BY a.n DESC LIMIT ?1) ORDER BY received DESC",
        why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, f->limit ? f->limit : DEFAULT_LIMIT);
    stmt_int(&q, 2, f->now);
    return add_rows(ret, &q, add_review, why);
}

static void add_revision(struct buf *b, struct stmt *q)
{
    buf_char(b, '{');
    buf_json_member_int(b, "rev", col_int(q, 0));
    member_enum(b, "msgType", msg_type_name((enum msg_type)col_int(q, 1)));
    member_enum(b, "level", level_name((enum level)col_int(q, 2)));
    member_enum(b, "certainty", certainty_name((enum certainty)col_int(q, 3)));
    buf_json_member_time(b, "sent", col_int(q, 4));
    buf_json_member_time(b, "expires", col_int(q, 5));
    buf_json_member_int(b, "count", col_int(q, 6));
    buf_json_member(b, "note", col_text(q, 7));
}

static void add_event(struct buf *b, struct stmt *q)
{
    buf_char(b, '{');
    buf_json_member(b, "feed", col_text(q, 0));
    buf_json_member(b, "event_id", col_text(q, 1));
    buf_json_member_time(b, "received", col_int(q, 2));
    buf_json_member(b, "area", col_text(q, 3));
    buf_json_member_int(b, "count", col_int(q, 4));
    buf_json_member(b, "rules", col_text(q, 5));
    buf_json_key(b, "body");
    buf_str(b, col_text(q, 6));
}

static void add_action(struct buf *b, struct stmt *q)
{
    buf_char(b, '{');
    buf_json_member_time(b, "at", col_int(q, 0));
    buf_json_member(b, "verb", col_text(q, 1));
    buf_json_member(b, "by", col_text(q, 2));
    buf_json_member_int(b, "uid", col_int(q, 3));
    buf_json_member(b, "reason", col_text(q, 4));
    buf_json_member(b, "object", col_text(q, 5));
    if (*col_text(q, 6)) buf_json_member(b, "detail", col_text(q, 6));
}

static void add_step(struct buf *b, struct stmt *q)
{
    char text[24];
    buf_char(b, '{');
    buf_json_member_int(b, "step", col_int(q, 0));
    buf_json_member(b, "after", duration_format(col_int(q, 1), text));
    buf_json_member(b, "chats", col_text(q, 2));
    buf_json_member_time(b, "due", col_int(q, 3));
    buf_json_member_time(b, "done", col_int(q, 4));
    if (!col_null(q, 5)) buf_json_member_int(b, "rev", col_int(q, 5));
    if (*col_text(q, 6)) buf_json_member(b, "note", col_text(q, 6));
}

#define DELIVERY_FIELDS                                                                                      \
    "a.id, d.rev, t.name, d.state, d.reason, d.level, d.due, d.created, d.expires, d.attempt, d.accepted, "  \
    "d.sent_at, d.ended_at, d.id"

static void add_delivery(struct buf *b, struct stmt *q)
{
    char id[DELIVERY_ID_MAX], small[SHORT_ID_LEN];
    (void)snprintf(id, sizeof(id), "%s.%lld/%s", col_text(q, 0), (long long)col_int(q, 1), col_text(q, 2));
    short_id(id, small);
    buf_char(b, '{');
    buf_json_member(b, "id", id);
    buf_json_member(b, "short", small);
    buf_json_member(b, "alert", col_text(q, 0));
    buf_json_member_int(b, "rev", col_int(q, 1));
    buf_json_member(b, "target", col_text(q, 2));
    member_enum(b, "state", delivery_state_name((enum delivery_state)col_int(q, 3)));
    buf_json_member(b, "reason", col_text(q, 4));
    member_enum(b, "level", level_name((enum level)col_int(q, 5)));
    buf_json_member_time(b, "due", col_int(q, 6));
    buf_json_member_time(b, "created", col_int(q, 7));
    buf_json_member_time(b, "expires", col_int(q, 8));
    buf_json_member_int(b, "attempt", col_int(q, 9));
    buf_json_member_time(b, "accepted", col_int(q, 10));
    buf_json_member_time(b, "sent", col_int(q, 11));
    buf_json_member_time(b, "ended", col_int(q, 12));
    buf_json_member_int(b, "row", col_int(q, 13));
}

/* One section of an alert's story: rows of `sql` whose ?1 is the alert. */
static enum relay_err add_section(struct db *db, struct buf *b, const char *name, const char *sql, int64_t n,
                                  void (*fn)(struct buf *b, struct stmt *q), struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err = db_prepare(db, &q, sql, why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, n);
    buf_json_key(b, name);
    return add_rows(b, &q, fn, why);
}

/* When it was first heard of, accepted, sent, displayed, played, acknowledged: the first of each; null: not yet. */
static enum relay_err add_times(struct db *db, struct buf *b, int64_t n, struct reason *why)
{
    static const char *const names[] = {"received",  "accepted", "sent",
                                        "displayed", "played",   "acknowledged"};
    STMT q = {NULL};
    enum relay_err err = db_prepare(db, &q,
                                    "SELECT (SELECT min(received) FROM event WHERE alert = a.n), a.created, "
                                    "min(d.sent_at), min(CASE d.state "
                                    "WHEN 5 THEN d.ended_at END), min(CASE d.state WHEN 4 THEN d.ended_at "
                                    "END), a.acked_at FROM alert a LEFT "
                                    "JOIN delivery d ON d.alert = a.n WHERE a.n = ?1",
                                    why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, n);
    err = stmt_step(&q, why);
    if (err != RELAY_OK) return err;
    buf_json_key(b, "times");
    buf_char(b, '{');
    for (int i = 0; i < (int)ARRAY_LEN(names); i++) buf_json_member_time(b, names[i], col_int(&q, i));
    buf_char(b, '}');
    return RELAY_OK;
}

enum relay_err list_alert(struct db *db, const char *id, struct buf *ret, struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err = db_prepare(db, &q, "SELECT " ALERT_FIELDS " FROM alert a WHERE a.id = ?1", why);
    if (err != RELAY_OK) return err;
    stmt_text(&q, 1, id);
    err = stmt_step(&q, why);
    if (err == RELAY_NOT_FOUND)
        return fail(why, err, _("there is no alert `%s`; `tocsin alerts list` shows them"), id);
    if (err != RELAY_OK) return err;
    int64_t n = col_int(&q, 16);
    add_alert(ret, &q);
    err = add_times(db, ret, n, why);
    if (err != RELAY_OK) return err;
    err =
        add_section(db, ret, "revisions",
                    "SELECT rev, msg_type, level, certainty, sent, expires, count, note FROM revision WHERE "
                    "alert = ?1 ORDER BY rev",
                    n, add_revision, why);
    if (err == RELAY_OK)
        err = add_section(
            db, ret, "events",
            "SELECT f.name, e.event_id, e.received, e.area, e.count, e.rules, e.body FROM event e JOIN "
            "feed f ON f.id = e.feed WHERE e.alert = ?1 ORDER BY e.id LIMIT 200",
            n, add_event, why);
    if (err == RELAY_OK)
        err = add_section(db, ret, "deliveries",
                          "SELECT " DELIVERY_FIELDS
                          " FROM delivery d JOIN alert a ON a.n = d.alert JOIN target t "
                          "ON t.id = d.target WHERE d.alert = ?1 ORDER BY d.id LIMIT 500",
                          n, add_delivery, why);
    if (err == RELAY_OK)
        err = add_section(db, ret, "escalation",
                          "SELECT step, after, chats, due, done, rev, note FROM escalation WHERE alert = ?1 "
                          "ORDER BY step",
                          n, add_step, why);
    /* Of the alert, of its deliveries ("<alert>.<rev>/…"), of its events, and of the silences that held it back. */
    if (err == RELAY_OK)
        err = add_section(
            db, ret, "actions",
            "SELECT at, verb, actor, uid, reason, object, detail FROM action, (SELECT id AS alert FROM alert "
            "WHERE n = ?1) WHERE object = alert OR (object > alert || '.' AND object < alert || '/') OR "
            "object "
            "IN (SELECT 'event:' || id FROM event WHERE alert = ?1) OR object IN (SELECT 'silence:' || "
            "substr(reason, 9) FROM delivery WHERE alert = ?1 AND reason LIKE 'silence %' UNION SELECT "
            "'silence:' || substr(note, 9) FROM escalation WHERE alert = ?1 AND note LIKE 'silence %') "
            "ORDER BY action.id",
            n, add_action, why);
    buf_char(ret, '}');
    return err;
}

enum relay_err list_deliveries(struct db *db, const struct list_filter *f, struct buf *ret,
                               struct reason *why)
{
    enum delivery_state state = DELIVERY_STATE_COUNT;
    if (f->state && !delivery_state_parse(f->state, &state))
        return fail(
            why, RELAY_INVALID,
            _("`%s` is no state; states are held, queued, sending, sent, played, displayed, acknowledged, "
              "retry, expired, rejected, cancelled, suppressed, unconfirmed"),
            f->state);
    STMT q = {NULL};
    enum relay_err err = db_prepare(
        db, &q,
        "SELECT " DELIVERY_FIELDS " FROM delivery d JOIN alert a ON a.n = d.alert JOIN target t ON "
        "t.id = d.target WHERE (?1 < 0 OR d.state = ?1) AND (?2 IS NULL OR t.name = ?2) AND (?3 IS NULL "
        "OR a.id = ?3) AND (?4 = 0 OR d.state IN (0, 1, 2, 3, 7)) ORDER BY d.id DESC LIMIT ?5",
        why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, f->state ? (int64_t)state : -1);
    stmt_text(&q, 2, f->target);
    stmt_text(&q, 3, f->alert);
    stmt_int(&q, 4, f->active);
    stmt_int(&q, 5, f->limit ? f->limit : DEFAULT_LIMIT);
    return add_rows(ret, &q, add_delivery, why);
}

/* The row that an id, a row number or a short id means; 0 when none, -1 when a short id fits several. */
static int64_t find_row(struct db *db, const char *id, struct reason *why)
{
    bool digits = *id && strspn(id, "0123456789") == strlen(id);
    if (digits && strlen(id) != SHORT_ID_LEN - 1) return strtoll(id, NULL, 10);
    STMT q = {NULL};
    if (db_prepare(db, &q,
                   "SELECT " DELIVERY_FIELDS
                   " FROM delivery d JOIN alert a ON a.n = d.alert JOIN target t ON t.id = d.target "
                   "ORDER BY d.id DESC LIMIT ?1",
                   why) != RELAY_OK)
        return 0;
    stmt_int(&q, 1, SHORT_ID_LOOK);
    int64_t found = 0;
    while (stmt_step(&q, why) == RELAY_OK) {
        char whole[DELIVERY_ID_MAX], small[SHORT_ID_LEN];
        (void)snprintf(whole, sizeof(whole), "%s.%lld/%s", col_text(&q, 0), (long long)col_int(&q, 1),
                       col_text(&q, 2));
        short_id(whole, small);
        if (strcmp(whole, id) == 0) return col_int(&q, 13);
        if (strcasecmp(small, id) == 0) found = found ? -1 : col_int(&q, 13);
    }
    return found;
}

/* The texts as they go out. */
static enum relay_err add_texts(struct buf *b, struct stmt *q, struct reason *why)
{
    char id[DELIVERY_ID_MAX], small[SHORT_ID_LEN];
    (void)snprintf(id, sizeof(id), "%s.%lld/%s", col_text(q, 0), (long long)col_int(q, 1), col_text(q, 2));
    short_id(id, small);
    CLEANUP(json_free_ptr) cJSON *body = NULL;
    struct json_limits limits = {BODY_MAX, 8};
    enum relay_err err = json_parse(col_text(q, 14), strlen(col_text(q, 14)), &limits, &body, why);
    if (err != RELAY_OK) return fail_in(why, err, _("the texts of %s"), id);
    buf_json_key(b, "texts");
    buf_char(b, '{');
    const cJSON *member;
    cJSON_ArrayForEach(member, body)
    {
        CLEANUP(buf_release) struct buf text = BUF_INIT(BODY_MAX);
        int reminder = strcmp(member->string, "chat") == 0 ? (int)col_int(q, 15) : 0;
        if (cJSON_IsString(member)) {
            render_stored(member->valuestring, small, reminder, &text);
            buf_json_member(b, member->string, buf_cstr(&text));
            continue;
        }
        const cJSON *line;
        if (!cJSON_IsArray(member)) continue; /* no text */
        buf_json_key(b, member->string);
        buf_char(b, '[');
        cJSON_ArrayForEach(line, member)
        {
            buf_clear(&text);
            render_stored(cJSON_IsString(line) ? line->valuestring : "", small, 0, &text);
            if (line != member->child) buf_char(b, ',');
            buf_json_str(b, buf_cstr(&text));
        }
        buf_char(b, ']');
    }
    buf_char(b, '}');
    return RELAY_OK;
}

enum relay_err list_delivery(struct db *db, const char *id, struct buf *ret, int64_t *ret_row,
                             struct reason *why)
{
    int64_t row = find_row(db, id, why);
    if (row < 0) return fail(why, RELAY_CONFLICT, _("`%s` fits several deliveries; give the whole id"), id);
    STMT q = {NULL};
    enum relay_err err =
        db_prepare(db, &q,
                   "SELECT " DELIVERY_FIELDS
                   ", r.body, d.reminder + d.repeats, v.msg_type, v.sent, a.status, a.ended FROM delivery d "
                   "JOIN alert a ON a.n = d.alert JOIN target t ON t.id = d.target JOIN rendering r ON r.id "
                   "= d.rendering "
                   "JOIN revision v ON v.alert = d.alert AND v.rev = d.rev WHERE d.id = ?1",
                   why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, row);
    err = stmt_step(&q, why);
    if (err == RELAY_NOT_FOUND)
        return fail(why, err, _("there is no delivery `%s`; `tocsin deliveries list` shows them"), id);
    if (err != RELAY_OK) return err;
    add_delivery(ret, &q);
    member_enum(ret, "msgType", msg_type_name((enum msg_type)col_int(&q, 16)));
    buf_json_member_time(ret, "issued", col_int(&q, 17));
    member_enum(ret, "status", cap_status_name((enum cap_status)col_int(&q, 18)));
    buf_json_member_time(ret, "alert_ended", col_int(&q, 19));
    err = add_texts(ret, &q, why);
    if (err != RELAY_OK) return err;
    buf_char(ret, '}');
    if (ret_row) *ret_row = row;
    return RELAY_OK;
}

static void add_silence(struct buf *b, struct stmt *q)
{
    buf_char(b, '{');
    buf_json_member_int(b, "id", col_int(q, 0));
    buf_json_member(b, "state", col_text(q, 1));
    buf_json_member(b, "matchers", col_text(q, 2));
    buf_json_member_bool(b, "broad", col_int(q, 3) != 0);
    buf_json_member(b, "by", col_text(q, 4));
    buf_json_member(b, "reason", col_text(q, 5));
    buf_json_member_time(b, "created", col_int(q, 6));
    buf_json_member_time(b, "expires", col_int(q, 7));
    if (!col_null(q, 8)) buf_json_member(b, "ended_by", col_text(q, 8));
}

enum relay_err list_silences(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err =
        db_prepare(db, &q,
                   "SELECT id, CASE WHEN ended IS NOT NULL THEN 'ended' WHEN expires <= ?2 THEN 'expired' "
                   "ELSE 'active' END, matchers, broad, author, reason, created, coalesce(ended, expires), "
                   "ended_by FROM silence WHERE ?1 = 0 OR (ended IS NULL AND expires > ?2) ORDER BY id DESC "
                   "LIMIT ?3",
                   why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, f->active);
    stmt_int(&q, 2, f->now);
    stmt_int(&q, 3, f->limit ? f->limit : DEFAULT_LIMIT);
    return add_rows(ret, &q, add_silence, why);
}

static void add_plan(struct buf *b, struct stmt *q)
{
    static const char *const steps[] = {"planned", "told", "called", "missed", "done"};
    char month[16];
    int64_t n = col_int(q, 0), step = col_int(q, 3);
    (void)snprintf(month, sizeof(month), "%04lld-%02lld", (long long)n / 100, (long long)n % 100);
    buf_char(b, '{');
    buf_json_member(b, "month", month);
    buf_json_member(b, "state", step >= 0 && step < (int64_t)ARRAY_LEN(steps) ? steps[step] : "?");
    buf_json_member_time(b, "at", col_int(q, 1));
    buf_json_member_time(b, "until", col_int(q, 2));
    buf_json_member_time(b, "next", col_int(q, 4));
    if (!col_null(q, 5)) buf_json_member_int(b, "drill", col_int(q, 5));
}

enum relay_err list_plans(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err = db_prepare(
        db, &q, "SELECT month, at, until, step, next, drill FROM drill_plan ORDER BY month DESC LIMIT ?1",
        why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, f->limit ? f->limit : DEFAULT_LIMIT);
    return add_rows(ret, &q, add_plan, why);
}

static void add_drill_target(struct buf *b, struct stmt *q)
{
    static const char *const times[] = {"sent_ms", "sent_ms_worst", "confirmed_ms", "confirmed_ms_worst"};
    buf_char(b, '{');
    buf_json_member(b, "target", col_text(q, 0));
    buf_json_member_int(b, "deliveries", col_int(q, 1));
    buf_json_member_int(b, "sent", col_int(q, 2));
    buf_json_member_int(b, "confirmed", col_int(q, 3));
    buf_json_member_int(b, "suppressed", col_int(q, 4));
    for (int i = 0; i < 4; i++)
        if (!col_null(q, 5 + i)) buf_json_member_int(b, times[i], col_int(q, 5 + i));
}

static void add_drill(struct buf *b, struct stmt *q)
{
    buf_char(b, '{');
    buf_json_member_int(b, "id", col_int(q, 0));
    buf_json_member(b, "state", col_text(q, 1));
    buf_json_member(b, "site", col_text(q, 2));
    buf_json_member(b, "by", col_text(q, 3));
    buf_json_member(b, "reason", col_text(q, 4));
    buf_json_member_time(b, "created", col_int(q, 5));
    buf_json_member_time(b, "ended", col_int(q, 6));
    if (!col_null(q, 7)) buf_json_member(b, "real_alert", col_text(q, 7));
    buf_json_member_int(b, "alerts", col_int(q, 8));
    /* played, displayed and acknowledged are confirmed; those and sent went out; 11 is suppressed. */
    STMT rows = {NULL};
    struct reason why;
    buf_json_key(b, "targets");
    if (db_prepare(q->db, &rows,
                   "SELECT t.name, count(*), sum(d.sent_at IS NOT NULL), sum(d.state IN (4, 5, 6)), "
                   "sum(d.state = 11), CAST(avg(d.sent_at - d.created) AS INTEGER), max(d.sent_at - "
                   "d.created), CAST(avg(CASE WHEN d.state IN (4, 5, 6) THEN d.ended_at - d.created END) AS "
                   "INTEGER), max(CASE WHEN d.state IN (4, 5, 6) THEN d.ended_at - d.created END) FROM "
                   "delivery d JOIN alert a ON a.n = d.alert JOIN target t ON t.id = d.target WHERE "
                   "a.status <> 0 AND a.grp <> 0 AND a.created >= ?1 AND a.created < ?2 GROUP BY t.name "
                   "ORDER BY t.name",
                   &why) != RELAY_OK) {
        buf_str(b, "null");
        return;
    }
    stmt_int(&rows, 1, col_int(q, 5));
    stmt_int(&rows, 2, col_int(q, 6));
    (void)!add_rows(b, &rows, add_drill_target, &why); /* what could be read is shown */
}

enum relay_err list_drills(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err = db_prepare(
        db, &q,
        "SELECT d.id, CASE WHEN d.ended IS NOT NULL THEN 'stopped' WHEN d.expires <= ?2 THEN 'over' ELSE "
        "'open' END, d.site, d.author, d.reason, d.created, coalesce(d.ended, d.expires), (SELECT id FROM "
        "alert a WHERE a.n = d.real_alert), (SELECT count(*) FROM alert a WHERE a.status <> 0 AND a.grp <> 0 "
        "AND a.created >= d.created AND a.created < coalesce(d.ended, d.expires)) FROM drill d WHERE ?1 = 0 "
        "OR (d.ended IS NULL AND d.expires > ?2) ORDER BY d.id DESC LIMIT ?3",
        why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, f->active);
    stmt_int(&q, 2, f->now);
    stmt_int(&q, 3, f->limit ? f->limit : DEFAULT_LIMIT);
    return add_rows(ret, &q, add_drill, why);
}
