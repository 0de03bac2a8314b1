/* Lists and stories: what is asked of the store. */
#include "list.h"

#include "base/delivery.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "render.h"
#include "rows.h"

enum { DEFAULT_LIMIT = 100, SHORT_ID_LOOK = 20000, BODY_MAX = 256 * 1024 };

#define STMT CLEANUP(stmt_release) struct stmt

static int64_t limit_of(const struct list_filter *f)
{
    return f->limit ? f->limit : DEFAULT_LIMIT;
}

/* The rows of `sql`, which may ask for what is in force only (?1) and for the time (?2), and is limited by ?3. */
static enum relay_err list_rows(struct db *db, const struct list_filter *f, const char *sql,
                                row_more_fn *more, struct buf *ret, struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err = db_prepare(db, &q, sql, why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, f->active);
    stmt_int(&q, 2, f->now);
    stmt_int(&q, 3, limit_of(f));
    return rows_json(ret, &q, more, why);
}

#define ALERT_FIELDS                                                                                         \
    "a.id, a.rule, a.rule_rev, a.category, a.title, a.status AS [status:status], a.level AS [level:level], " \
    "a.certainty AS [certainty:certainty], a.created AS [created:time], a.expires AS [expires:time], "       \
    "a.rev, a.areas, a.areas AS [places:places], a.count, a.feeds, a.ended AS [ended:time], "                \
    "nullif(a.end_note, '') AS end_note, a.set_hash, a.acked_by AS acknowledged_by, a.withdrawn AS "         \
    "[withdrawn:bool]"

enum relay_err list_alerts(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why)
{
    return list_rows(db, f,
                     "SELECT " ALERT_FIELDS
                     " FROM alert a WHERE (a.grp <> 0 OR a.status <> 0) AND (?1 = 0 OR (a.ended IS NULL AND "
                     "a.expires > ?2)) ORDER BY a.n DESC LIMIT ?3",
                     NULL, ret, why);
}

/* An event below its threshold or unsure, or an alert that waits for approval, whose place was guessed, or for which its
 * feeds do not stand any more. */
enum relay_err list_review(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why)
{
    return list_rows(
        db, f,
        "SELECT * FROM (SELECT e.id AS event, NULL AS alert, f.name AS feed, e.event_id AS event_id, "
        "e.received AS [received:time], e.note AS note, e.rules AS rules, e.area AS area, e.area AS "
        "[places:places], e.count AS count, NULL AS held, NULL AS approved_by, e.body AS [body:json] FROM "
        "event e JOIN feed f ON f.id = e.feed WHERE e.alert IS NULL AND e.reviewed IS NULL AND e.note IN "
        "('candidate', 'unsure') ORDER BY e.id DESC LIMIT ?3) UNION ALL SELECT * FROM (SELECT NULL, a.id, "
        "a.feeds, NULL, a.created, substr(iif(d.held, ', ' || d.reason, '') || iif(a.guessed, ', "
        "guessed area', '') || iif(a.withdrawn, ', confirmed but taken back by its feed', ''), 3), a.rule, "
        "a.areas, a.areas, a.count, "
        "coalesce(d.held, 0), (SELECT group_concat(x.actor, ' ') FROM action x WHERE x.object = a.id AND "
        "x.verb = "
        "'alert.approve'), NULL FROM alert a LEFT JOIN (SELECT alert, count(*) AS held, max(reason) AS "
        "reason "
        "FROM delivery INDEXED BY delivery_due WHERE due IS NOT NULL AND state = 0 AND reason LIKE "
        "'approval%' GROUP BY alert) d ON d.alert = a.n WHERE a.ended IS NULL AND a.expires > ?2 AND (d.held "
        "OR a.guessed <> 0 OR a.withdrawn <> 0) ORDER BY a.n DESC LIMIT ?3) ORDER BY 5 DESC",
        NULL, ret, why);
}

#define DELIVERY_ID "a.id || '.' || d.rev || '/' || t.name"
#define DELIVERY_FIELDS                                                                                      \
    DELIVERY_ID " AS id, " DELIVERY_ID                                                                       \
                " AS [short:short], a.id AS alert, d.rev, t.name AS target, d.state AS [state:state], "      \
                "d.reason, d.level AS [level:level], d.due AS [due:time], d.created AS [created:time], "     \
                "d.expires AS [expires:time], d.attempt, d.accepted AS [accepted:time], d.sent_at AS "       \
                "[sent:time], d.ended_at AS [ended:time], d.id AS row"
#define DELIVERIES " FROM delivery d JOIN alert a ON a.n = d.alert JOIN target t ON t.id = d.target "

/* The sections of an alert's story; ?1 is its number. */
static const struct {
    const char *name, *sql;
} sections[] = {
    {"revisions", "SELECT rev, msg_type AS [msgType:message], level AS [level:level], certainty AS "
                  "[certainty:certainty], sent AS [sent:time], expires AS [expires:time], areas, areas AS "
                  "[places:places], count, note FROM revision WHERE alert = ?1 ORDER BY rev"},
    {"events",
     "SELECT f.name AS feed, e.event_id, e.received AS [received:time], e.area, e.count, e.rules, "
     "nullif(e.note, '') AS note, e.body AS [body:json] FROM event e JOIN feed f ON f.id = e.feed WHERE "
     "e.alert = ?1 ORDER BY e.id LIMIT 200"},
    {"deliveries", "SELECT " DELIVERY_FIELDS DELIVERIES "WHERE d.alert = ?1 ORDER BY d.id LIMIT 500"},
    {"escalation", "SELECT step, after AS [after:after], chats, due AS [due:time], done AS [done:time], rev, "
                   "nullif(note, '') AS note FROM escalation WHERE alert = ?1 ORDER BY step"},
    /* Of the alert, of its deliveries ("<alert>.<rev>/…"), of its events, and of the silences that held it back. */
    {"actions",
     "SELECT at AS [at:time], verb, actor AS by, uid, reason, object, nullif(detail, '') AS detail FROM "
     "action, (SELECT id AS alert FROM alert WHERE n = ?1) WHERE object = alert OR (object > alert || '.' "
     "AND object < alert || '/') OR object IN (SELECT 'event:' || id FROM event WHERE alert = ?1) OR object "
     "IN (SELECT 'silence:' || substr(reason, 9) FROM delivery WHERE alert = ?1 AND reason LIKE 'silence %' "
     "UNION SELECT 'silence:' || substr(note, 9) FROM escalation WHERE alert = ?1 AND note LIKE 'silence %') "
     "ORDER BY action.id"},
};

static enum relay_err add_section(struct db *db, struct buf *b, const char *name, const char *sql, int64_t n,
                                  struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err = db_prepare(db, &q, sql, why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, n);
    buf_json_key(b, name);
    return rows_json(b, &q, NULL, why);
}

/* When it was first heard of, accepted, sent, displayed, played, acknowledged: the first of each; null: not yet. */
static enum relay_err add_times(struct db *db, struct buf *b, int64_t n, struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err = db_prepare(
        db, &q,
        "SELECT (SELECT min(received) FROM event WHERE alert = a.n) AS [received:time], a.created AS "
        "[accepted:time], min(d.sent_at) AS [sent:time], min(CASE d.state WHEN 5 THEN d.ended_at END) AS "
        "[displayed:time], min(CASE d.state WHEN 4 THEN d.ended_at END) AS [played:time], a.acked_at AS "
        "[acknowledged:time] FROM alert a LEFT JOIN delivery d ON d.alert = a.n WHERE a.n = ?1",
        why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, n);
    err = stmt_step(&q, why);
    if (err != RELAY_OK) return err;
    buf_json_key(b, "times");
    buf_char(b, '{');
    row_members(b, &q);
    buf_char(b, '}');
    return RELAY_OK;
}

enum relay_err list_alert(struct db *db, const char *id, struct buf *ret, struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err =
        db_prepare(db, &q, "SELECT a.n AS [-], " ALERT_FIELDS " FROM alert a WHERE a.id = ?1", why);
    if (err != RELAY_OK) return err;
    stmt_text(&q, 1, id);
    err = stmt_step(&q, why);
    if (err == RELAY_NOT_FOUND)
        return fail(why, err, _("there is no alert `%s`; `tocsin alerts list` shows them"), id);
    if (err != RELAY_OK) return err;
    int64_t n = col_int(&q, 0);
    buf_char(ret, '{');
    row_members(ret, &q);
    err = add_times(db, ret, n, why);
    for (size_t i = 0; i < ARRAY_LEN(sections) && err == RELAY_OK; i++)
        err = add_section(db, ret, sections[i].name, sections[i].sql, n, why);
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
    /* The store keeps them by alert: all of one are found at once, and those of one target by asking each alert. */
    const char *from =
        f->alert    ? " FROM alert a CROSS JOIN delivery d ON d.alert = a.n JOIN target t ON t.id = d.target "
        : f->target ? " FROM target t CROSS JOIN alert a CROSS JOIN delivery d ON d.alert = a.n AND "
                      "d.target = t.id "
                    : DELIVERIES;
    CLEANUP(free_ptr)
    char *sql = xasprintf("SELECT " DELIVERY_FIELDS
                          "%sWHERE (?1 < 0 OR d.state = ?1)%s%s AND (?4 = 0 OR d.state IN (0, "
                          "1, 2, 3, 7)) ORDER BY d.id DESC LIMIT ?5",
                          from, f->target ? " AND t.name = ?2" : "", f->alert ? " AND a.id = ?3" : "");
    STMT q = {NULL};
    enum relay_err err = db_prepare(db, &q, sql, why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, f->state ? (int64_t)state : -1);
    stmt_text(&q, 2, f->target);
    stmt_text(&q, 3, f->alert);
    stmt_int(&q, 4, f->active);
    stmt_int(&q, 5, limit_of(f));
    return rows_json(ret, &q, NULL, why);
}

/* The row that an id, a row number or a short id means; 0 when none, -1 when a short id fits several. */
static int64_t find_row(struct db *db, const char *id, struct reason *why)
{
    int64_t row = 0;
    if (text_number(id, &row) && strlen(id) != SHORT_ID_LEN - 1) return row;
    STMT q = {NULL};
    if (db_prepare(db, &q, "SELECT d.id, " DELIVERY_ID DELIVERIES "ORDER BY d.id DESC LIMIT ?1", why) !=
        RELAY_OK)
        return 0;
    stmt_int(&q, 1, SHORT_ID_LOOK);
    int64_t found = 0;
    while (stmt_step(&q, why) == RELAY_OK) {
        char small[SHORT_ID_LEN];
        short_id(col_text(&q, 1), small);
        if (strcmp(col_text(&q, 1), id) == 0) return col_int(&q, 0);
        if (strcasecmp(small, id) == 0) found = found ? -1 : col_int(&q, 0);
    }
    return found ? found : row; /* five digits are a row, unless some short id has no letter */
}

/* The texts as they go out; q's first columns are the stored ones, which reminder it is, and the delivery's id. */
static enum relay_err add_texts(struct buf *b, struct stmt *q, struct reason *why)
{
    char small[SHORT_ID_LEN];
    short_id(col_text(q, 2), small);
    CLEANUP(json_free_ptr) cJSON *body = NULL;
    struct json_limits limits = {BODY_MAX, 8};
    enum relay_err err = json_parse(col_text(q, 0), strlen(col_text(q, 0)), &limits, &body, why);
    if (err != RELAY_OK) return fail_in(why, err, _("the texts of %s"), col_text(q, 2));
    buf_json_key(b, "texts");
    buf_char(b, '{');
    const cJSON *member;
    cJSON_ArrayForEach(member, body)
    {
        CLEANUP(buf_release) struct buf text = BUF_INIT(BODY_MAX);
        int reminder = strcmp(member->string, "chat") == 0 ? (int)col_int(q, 1) : 0;
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
    enum relay_err err = db_prepare(
        db, &q,
        "SELECT r.body AS [-], d.reminder + d.repeats AS [-], " DELIVERY_FIELDS
        ", v.msg_type AS [msgType:message], v.sent AS [issued:time], a.status AS [status:status], a.ended AS "
        "[alert_ended:time]" DELIVERIES "JOIN rendering r ON r.id = d.rendering JOIN revision v ON v.alert = "
        "d.alert AND v.rev = d.rev WHERE d.id = ?1",
        why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, row);
    err = stmt_step(&q, why);
    if (err == RELAY_NOT_FOUND)
        return fail(why, err, _("there is no delivery `%s`; `tocsin deliveries list` shows them"), id);
    if (err != RELAY_OK) return err;
    buf_char(ret, '{');
    row_members(ret, &q);
    err = add_texts(ret, &q, why);
    if (err != RELAY_OK) return err;
    buf_char(ret, '}');
    if (ret_row) *ret_row = row;
    return RELAY_OK;
}

enum relay_err list_silences(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why)
{
    return list_rows(
        db, f,
        "SELECT id, CASE WHEN ended IS NOT NULL THEN 'ended' WHEN expires <= ?2 THEN 'expired' ELSE "
        "'active' END AS state, matchers, broad AS [broad:bool], author AS by, reason, created AS "
        "[created:time], coalesce(ended, expires) AS [expires:time], ended_by FROM silence WHERE ?1 = 0 OR "
        "(ended IS NULL AND expires > ?2) ORDER BY id DESC LIMIT ?3",
        NULL, ret, why);
}

enum relay_err list_plans(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why)
{
    return list_rows(db, f,
                     "SELECT printf('%04d-%02d', month / 100, month % 100) AS month, CASE step WHEN 0 THEN "
                     "'planned' WHEN 1 THEN 'told' WHEN 2 THEN 'called' WHEN 3 THEN 'missed' WHEN 4 THEN "
                     "'done' ELSE '?' END AS state, at AS [at:time], until AS [until:time], next AS "
                     "[next:time], drill FROM drill_plan ORDER BY month DESC LIMIT ?3",
                     NULL, ret, why);
}

/* What a drill reached: played, displayed and acknowledged are confirmed; 11 is suppressed. */
static enum relay_err add_drill_targets(struct buf *b, struct stmt *q, struct reason *why)
{
    STMT rows = {NULL};
    enum relay_err err = db_prepare(
        q->db, &rows,
        "SELECT t.name AS target, count(*) AS deliveries, sum(d.sent_at IS NOT NULL) AS sent, sum(d.state IN "
        "(4, 5, 6)) AS confirmed, sum(d.state = 11) AS suppressed, CAST(avg(d.sent_at - d.created) AS "
        "INTEGER) AS sent_ms, max(d.sent_at - d.created) AS sent_ms_worst, CAST(avg(CASE WHEN d.state IN (4, "
        "5, 6) THEN d.ended_at - d.created END) AS INTEGER) AS confirmed_ms, max(CASE WHEN d.state IN (4, 5, "
        "6) THEN "
        "d.ended_at - d.created END) AS confirmed_ms_worst" DELIVERIES
        "WHERE a.status <> 0 AND a.grp <> 0 AND a.created >= ?1 AND a.created < ?2 GROUP BY t.name ORDER BY "
        "t.name",
        why);
    if (err != RELAY_OK) return err;
    stmt_int(&rows, 1, col_int(q, 0));
    stmt_int(&rows, 2, col_int(q, 1));
    buf_json_key(b, "targets");
    return rows_json(b, &rows, NULL, why);
}

enum relay_err list_drills(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why)
{
    return list_rows(
        db, f,
        "SELECT d.created AS [-], coalesce(d.ended, d.expires) AS [-], d.id, CASE WHEN d.ended IS NOT NULL "
        "THEN 'stopped' WHEN d.expires <= ?2 THEN 'over' ELSE 'open' END AS state, d.site, d.author AS by, "
        "d.reason, d.created AS [created:time], coalesce(d.ended, d.expires) AS [ended:time], (SELECT id "
        "FROM alert a WHERE a.n = d.real_alert) AS real_alert, (SELECT count(*) FROM alert a WHERE a.status "
        "<> 0 AND a.grp <> 0 AND a.created >= d.created AND a.created < coalesce(d.ended, d.expires)) AS "
        "alerts FROM drill d WHERE ?1 = 0 OR (d.ended IS NULL AND d.expires > ?2) ORDER BY d.id DESC LIMIT "
        "?3",
        add_drill_targets, ret, why);
}
