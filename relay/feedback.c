/* Links that only we can make, words that are counted once, and the rules they speak against. */
#include "feedback.h"

#include "base/hash.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "dispatch.h"
#include "review.h"
#include "rows.h"

enum { MAC_LEN = 26 + 1, NAME_BYTES = 60, WORDS_MOST = 200, DEMOTE_LEAST = 3 };
#define LINK_AFTER (24 * HOUR_MS)
#define COUNTED    (30 * DAY_MS)

/* The numbers are in the store. */
static const struct {
    const char *name, *zh;
} words[FEEDBACK_WORDS] = {[FEEDBACK_SEEN] = {"seen", "本地也有"},
                           [FEEDBACK_FALSE_ALARM] = {"false_alarm", "误报"},
                           [FEEDBACK_ACKNOWLEDGED] = {"acknowledged", "收到"},
                           [FEEDBACK_DETERRED] = {"deterred", "劝阻成功"}};

const char *feedback_word_name(enum feedback_word w)
{
    return words[w].name;
}

const char *feedback_word_zh(enum feedback_word w)
{
    return words[w].zh;
}

bool feedback_word_parse(const char *text, enum feedback_word *ret)
{
    for (size_t i = 0; i < FEEDBACK_WORDS; i++) {
        if (strcmp(text, words[i].name) != 0 && strcmp(text, words[i].zh) != 0) continue;
        *ret = (enum feedback_word)i;
        return true;
    }
    return false;
}

unsigned feedback_words_of(enum cap_status status)
{
    return status == STATUS_ACTUAL ? (1u << FEEDBACK_WORDS) - 1 : 1u << FEEDBACK_ACKNOWLEDGED;
}

/* -- links -------------------------------------------------------------------------------------------------------- */

/* Bound to the relay, the delivery (a row's number may be given again after years, its time is not), the hour and the words. */
static void sign(const struct relay *r, const struct delivery_row *d, int64_t until, unsigned which,
                 char ret[static MAC_LEN])
{
    uint8_t mac[HASH_LEN];
    char what[200];
    (void)snprintf(what, sizeof(what), "feedback/%s/%lld/%lld/%lld/%x", r->config->relay.id, (long long)d->id,
                   (long long)d->created, (long long)until, which);
    hash_hmac_sha256(r->page_secret, sizeof(r->page_secret), what, strlen(what), mac);
    hash_base32(mac, sizeof(mac), ret, MAC_LEN);
    for (char *p = ret; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
}

void feedback_address(const struct relay *r, const struct delivery_row *d, unsigned which, struct buf *ret)
{
    char mac[MAC_LEN];
    if (!r->config->http.public_address) return;
    int64_t until = (d->expires + LINK_AFTER) / SECOND_MS;
    sign(r, d, until, which, mac);
    buf_printf(ret, "%s/f/%lld.%lld.%x.%s", r->config->http.public_address, (long long)d->id,
               (long long)until, which, mac);
}

/* "1234.1795346400.f.abc…": a number and the point after it. */
static bool number(const char **p, int base, long long *ret)
{
    char *end;
    if (**p == '-' || **p == '+' || **p == ' ') return false;
    *ret = strtoll(*p, &end, base);
    if (end == *p || *end != '.' || *ret < 0) return false;
    *p = end + 1;
    return true;
}

enum relay_err feedback_open(const struct relay *r, const char *token, struct feedback_link *ret)
{
    struct feedback_link l;
    long long row, until, which;
    char right[MAC_LEN];
    if (!number(&token, 10, &row) || !number(&token, 10, &until) || !number(&token, 16, &which) ||
        strlen(token) != MAC_LEN - 1 || until > INT64_MAX / SECOND_MS || which >> FEEDBACK_WORDS)
        return RELAY_DENIED;
    bool there = store_delivery_get(r->store, row, &l.delivery) &&
                 store_alert_get(r->store, l.delivery.alert, &l.alert);
    if (!there) l.delivery = (struct delivery_row){.id = row};
    l.words = (unsigned)which;
    sign(r, &l.delivery, until, l.words, right);
    if (!hash_equal(token, right, sizeof(right) - 1)) return RELAY_DENIED;
    if (!there) return RELAY_NOT_FOUND;
    if (r->now.wall > until * SECOND_MS) return RELAY_TIMEOUT;
    *ret = l;
    return RELAY_OK;
}

/* -- words -------------------------------------------------------------------------------------------------------- */

static bool is_name(const char *s)
{
    size_t n = strlen(s);
    if (!n || n > NAME_BYTES || !text_valid_utf8(s, n)) return false;
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f) return false;
    return true;
}

/* What it does besides being counted: one record of who said it. */
static enum relay_err take_effect(struct relay *r, struct delivery_row *d, const struct alert_row *a,
                                  enum feedback_word w, const struct actor *by, struct reason *why)
{
    char object[DELIVERY_ID_MAX];
    const struct relay_target *t = targets_by_row(r->targets, d->target);
    enum relay_err err = RELAY_CONFLICT;
    (void)snprintf(object, sizeof(object), "%s.%d/%s", a->id, d->rev, t ? t->pub.id : "?");
    if (w == FEEDBACK_FALSE_ALARM || w == FEEDBACK_DETERRED)
        return review_outcome(r, a->id, words[w].zh, by, why);
    if (w == FEEDBACK_ACKNOWLEDGED) {
        err = review_ack(r, a->id, by, why); /* a conflict: somebody was sooner, and this one is noted too */
        if (d->state == DELIVERY_SENT) {
            char reason[120];
            (void)snprintf(reason, sizeof(reason), "acknowledged by %s", by->name);
            dispatch_move(r, d, DELIVERY_ACKNOWLEDGED, reason, NO_DUE);
        }
    }
    if (err != RELAY_CONFLICT) return err;
    actor_did(r, by, "alert.feedback", object, words[w].zh);
    return RELAY_OK;
}

enum relay_err feedback_say(struct relay *r, int64_t delivery, enum feedback_word w, const struct actor *by,
                            bool *ret_again, struct reason *why)
{
    struct delivery_row d;
    struct alert_row a;
    if (!store_delivery_get(r->store, delivery, &d) || !store_alert_get(r->store, d.alert, &a))
        return fail(why, RELAY_NOT_FOUND, _("that delivery is no more"));
    if (!is_name(by->name))
        return fail(why, RELAY_INVALID, _("say who you are: a name of at most 20 characters"));
    if (!(feedback_words_of(a.status) & 1u << w))
        return fail(why, RELAY_INVALID, _("a drill takes no other word than 收到"));
    if (store_feedback_count(r->store, delivery) >= WORDS_MOST)
        return fail(why, RELAY_LIMIT, _("enough has been said about this message"));
    struct feedback_row row = {.at = r->now.wall,
                               .alert = a.n,
                               .rule = a.rule,
                               .target = d.target,
                               .delivery = d.id,
                               .word = w,
                               .actor = by->name};
    *ret_again = !store_feedback_add(r->store, &row);
    if (*ret_again) return RELAY_OK;
    enum relay_err err = take_effect(r, &d, &a, w, by, why);
    if (err == RELAY_OK) log_info("alert=%s delivery=%lld feedback=%s", a.id, (long long)d.id, words[w].name);
    return err;
}

/* -- counts ------------------------------------------------------------------------------------------------------- */

#define STMT CLEANUP(stmt_release) struct stmt

void feedback_count(const struct relay *r, int64_t alert, int ret[static FEEDBACK_WORDS])
{
    STMT q = {NULL};
    struct reason why;
    memset(ret, 0, FEEDBACK_WORDS * sizeof(*ret));
    if (db_prepare(store_db(r->store), &q,
                   "SELECT word, count(DISTINCT actor) FROM feedback WHERE alert = ?1 GROUP BY word",
                   &why) != RELAY_OK)
        return;
    stmt_int(&q, 1, alert);
    while (stmt_step(&q, &why) == RELAY_OK)
        if (col_int(&q, 0) >= 0 && col_int(&q, 0) < FEEDBACK_WORDS) ret[col_int(&q, 0)] = (int)col_int(&q, 1);
}

/* By rule: the groups' words, and what people typed of outcomes; each action is one of the two, never both. */
#define BY_RULE                                                                                                 \
    "WITH said AS (SELECT a.rule AS rule, a.title AS title, f.word AS word FROM feedback f JOIN alert a ON "    \
    "a.n = f.alert WHERE f.at > ?1 AND f.word IN (0, 2) UNION ALL SELECT a.rule, a.title, CASE x.detail "       \
    "WHEN '误报' THEN 1 WHEN '劝阻成功' THEN 3 ELSE 4 END FROM action x JOIN alert a ON a.id = x.object " \
    "WHERE x.verb = 'alert.outcome' AND x.at > ?1), r AS (SELECT rule, max(title) AS title, sum(word = 0) "     \
    "AS seen, sum(word = 1) AS wrong, sum(word = 2) AS acked, sum(word = 3) AS deterred, sum(word = 4) AS "     \
    "cheated FROM said GROUP BY rule), v AS (SELECT *, wrong >= ?2 AND wrong > seen + deterred + cheated "      \
    "AS demote FROM r) "

/* What was said in the last COUNTED, as a member of the answer; `sql` asks for it since ?1. */
static enum relay_err add_said(struct db *db, int64_t now, const char *name, const char *sql, struct buf *b,
                               struct reason *why)
{
    STMT q = {NULL};
    enum relay_err err = db_prepare(db, &q, sql, why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, now - COUNTED);
    if (sqlite3_bind_parameter_count(q.handle) > 1) stmt_int(&q, 2, DEMOTE_LEAST);
    if (name) buf_json_key(b, name);
    return rows_json(b, &q, NULL, why);
}

enum relay_err feedback_json(struct db *db, int64_t now, struct buf *b, struct reason *why)
{
    buf_char(b, '{');
    enum relay_err err =
        add_said(db, now, "rules",
                 BY_RULE "SELECT rule, title, seen, wrong AS false_alarm, acked AS acknowledged, "
                         "deterred, demote AS [demote:bool] FROM v ORDER BY wrong DESC, rule",
                 b, why);
    if (err == RELAY_OK)
        err = add_said(
            db, now, "groups",
            "SELECT f.rule, t.name AS target, sum(f.word = 0) AS seen, sum(f.word = 1) AS false_alarm, "
            "sum(f.word = 2) AS acknowledged, sum(f.word = 3) AS deterred FROM feedback f JOIN target t ON "
            "t.id = f.target WHERE f.at > ?1 GROUP BY f.rule, t.name ORDER BY 4 DESC, f.rule, t.name",
            b, why);
    buf_char(b, '}');
    return err;
}

enum relay_err feedback_demote(struct db *db, int64_t now, struct buf *b, struct reason *why)
{
    return add_said(db, now, NULL,
                    BY_RULE
                    "SELECT rule, title, wrong AS false_alarms, seen + deterred + cheated AS others FROM v "
                    "WHERE demote ORDER BY wrong DESC, rule LIMIT 50",
                    b, why);
}
