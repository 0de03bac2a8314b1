/* Every SQL statement of the daemon in one place, so that schema and queries can be read side by side. */
#include "schema_sql.h" /* made from schema.sql by the build */
#include "store_internal.h"

const char *const store_schema[] = {SCHEMA_1, NULL};

#define SILENCE_COLUMNS "id, matchers, broad, author, reason, created, expires, ended, sweep"
#define DELIVERY_COLUMNS                                                                                     \
    "d.id, d.alert, d.rev, d.target, d.state, d.reason, d.level, d.due, d.created, d.expires, d.rendering, " \
    "d.attempt, "                                                                                            \
    "d.maybe, d.fold, d.repeats, d.accepted, d.sent_at, d.snap_rev, d.repeat_ms, d.reminder, d.tried, "      \
    "d.replays"
#define ALERT_COLUMNS                                                                                        \
    "a.n, a.id, a.grp, a.rule, a.rule_rev, a.set_hash, a.category, a.title, a.status, a.level, "             \
    "a.certainty, a.created, "                                                                               \
    "a.expires, a.rev, a.areas, a.guessed, a.count, a.feeds, a.ended, a.acked_by, a.withdrawn"

const char *const store_sql[Q_COUNT] = {
    [Q_META_GET] = "SELECT value FROM meta WHERE key = ?1",
    [Q_META_SET] = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
    [Q_META_COUNT] =
        "INSERT INTO meta VALUES (?1, 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",

    [Q_FEED_ADD] = "INSERT INTO feed (name) VALUES (?1) ON CONFLICT DO NOTHING",
    [Q_FEED_GET] =
        "SELECT id, last_seq, last_at, told_seq, heard, missing FROM feed WHERE name = ?1 OR id = ?2",
    [Q_FEED_SET] =
        "UPDATE feed SET last_seq = ?2, last_at = ?3, told_seq = ?4, heard = ?5, missing = ?6 WHERE id = ?1",

    [Q_KEY_ADD] = "INSERT INTO event_key VALUES (?1, ?2, ?3, ?4, ?5, NULL) ON CONFLICT DO NOTHING",
    [Q_KEY_GET] = "SELECT digest, alert, status FROM event_key WHERE feed = ?1 AND event_id = ?2",
    [Q_KEY_ALERT] = "UPDATE event_key SET alert = ?3 WHERE feed = ?1 AND event_id = ?2",
    [Q_REFUSAL_ADD] =
        "INSERT INTO refusal (feed, received, event_id, code, member) VALUES (?1, ?2, ?3, ?4, ?5)",

    [Q_EVENT_ADD] =
        "INSERT INTO event (feed, event_id, received, kind, status, area, guessed, count, verdict, rules, "
        "set_hash, "
        "alert, grp, note, body, victim, suspect, payee, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
        "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
    [Q_EVENT_OTHER_ADD] =
        "INSERT INTO event_other (feed, event_id, received, kind, area, body, count, "
        "verified, victim, suspect, payee) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    /* The newest: an id may come again when its key is pruned. */
    [Q_EVENT_NAMED] = "SELECT id, alert, grp, received, count, value, victim, note, area, guessed, "
                      "alert IS NULL AND reviewed IS NOT NULL FROM event "
                      "WHERE feed = ?1 AND event_id = ?2 ORDER BY id DESC LIMIT 1",
    [Q_EVENT_WITHDRAW] =
        "UPDATE event SET note = 'withdrawn', reviewed = coalesce(reviewed, 'feed') WHERE id = ?1",
    [Q_WINDOW_TAKE] =
        "UPDATE window SET count = max(count - ?3, 0) WHERE grp = ?1 AND feed = ?2 AND slice <= "
        "?4 AND slice = (SELECT max(slice) FROM window WHERE grp = ?1 AND feed = ?2 AND slice "
        "<= ?4)",
    [Q_WINDOW_CLEAR] = "DELETE FROM window WHERE grp = ?1",
/* A fingerprint begins with its status: Exercise and Test come after Actual. */
#define OF_EXERCISES "grp IN (SELECT id FROM grp WHERE fingerprint > 'status=B')"
    [Q_WINDOWS_CLEAR] = "DELETE FROM window WHERE " OF_EXERCISES,
    [Q_CORRELATEDS_CLEAR] = "DELETE FROM correlated WHERE " OF_EXERCISES,
    [Q_WINDOW_EMPTY] = "DELETE FROM window WHERE grp = ?1 AND feed = ?2 AND count = 0",
    [Q_CORRELATED_TAKE] =
        "UPDATE correlated SET count = max(count - ?5, 0) WHERE id = (SELECT id FROM correlated WHERE grp = "
        "?1 AND value = ?2 AND feed = ?3 AND victim = ?4 AND slice <= ?6 ORDER BY slice DESC LIMIT 1)",
    [Q_CORRELATED_CLEAR] = "DELETE FROM correlated WHERE grp = ?1",
    [Q_CORRELATED_EMPTY] = "DELETE FROM correlated WHERE grp = ?1 AND value = ?2 AND count = 0",
    [Q_ALERT_STANDS] = "SELECT 1 FROM event WHERE alert = ?1 AND note = '' LIMIT 1",
    [Q_STANDS_LIKE] = "SELECT 1 FROM event WHERE alert = ?1 AND note = '' AND area = ?2 AND guessed = ?3 AND "
                      "feed = ?4 LIMIT 1",
    [Q_STANDING] =
        "SELECT e.area, f.name, e.guessed FROM event e JOIN feed f ON f.id = e.feed WHERE e.alert = "
        "?1 AND e.note = '' GROUP BY e.area, e.guessed, e.feed ORDER BY min(e.id)",
    [Q_CONFIRMED_AREAS] =
        "SELECT areas FROM revision WHERE alert = ?1 AND certainty = ?2 ORDER BY rev LIMIT 1",

    [Q_GRP_ADD] = "INSERT INTO grp (fingerprint, rule) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    [Q_GRP_GET] = "SELECT id FROM grp WHERE fingerprint = ?1",
    [Q_WINDOW_ADD] =
        "INSERT INTO window VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET count = count + ?4, "
        "verified = max(verified, ?5)",
    [Q_WINDOW_SUM] = "SELECT coalesce(sum(count), 0), count(DISTINCT feed), count(DISTINCT CASE WHEN "
                     "verified THEN feed END) "
                     "FROM window WHERE grp = ?1 AND slice > ?2",
    [Q_CORRELATED_ADD] =
        "INSERT INTO correlated (grp, value, slice, feed, victim, count, verified, until) VALUES (?1, ?2, "
        "?3, ?4, "
        "?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET count = count + ?6, verified = max(verified, ?7)",
    [Q_CORRELATED_SUM] =
        "SELECT coalesce(sum(count), 0), count(DISTINCT feed), count(DISTINCT CASE WHEN verified THEN feed "
        "END), "
        "count(DISTINCT nullif(victim, 0)) FROM correlated WHERE grp = ?1 AND value = ?2 AND slice > ?3",
    [Q_VALUE_ADD] = "INSERT INTO alert_value VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    [Q_VALUE_KNOWN] = "SELECT 1 FROM alert_value WHERE alert = ?1 AND value = ?2",
    [Q_PRUNE_VALUES] = "DELETE FROM alert_value WHERE alert = ?1",
/* 0 is no value: what has none has nothing in common. */
#define OF_VALUE(number) " AND (?" #number " IS NULL OR (value = ?" #number " AND value <> 0))"
    [Q_CANDIDATES_JOIN] =
        "UPDATE event SET alert = ?2, note = iif(received > ?3, '', note) WHERE grp = ?1 AND alert IS NULL "
        "AND reviewed IS NULL AND note = 'candidate'" OF_VALUE(4),
    /* FROM, not (feed, event_id) IN (…): that form seeks the feed alone and walks all of its keys. */
    [Q_CANDIDATE_KEYS_JOIN] =
        "UPDATE event_key SET alert = ?2 FROM (SELECT feed, event_id FROM event WHERE grp = ?1 AND alert IS "
        "NULL AND reviewed IS NULL AND note = 'candidate'" OF_VALUE(
            3) ") AS c WHERE event_key.feed = c.feed AND "
               "event_key.event_id = c.event_id",
    [Q_CANDIDATES_LIST] =
        "SELECT DISTINCT e.area, f.name, e.guessed FROM event e JOIN feed f ON f.id = e.feed WHERE e.grp = "
        "?1 "
        "AND e.alert IS NULL AND e.reviewed IS NULL AND e.note = 'candidate' AND e.received > ?2" OF_VALUE(3),

    [Q_ALERT_ADD] = "INSERT INTO alert (id, grp, rule, rule_rev, set_hash, category, title, status, level, "
                    "certainty, created, "
                    "expires, rev, areas, guessed, count, feeds) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
                    "?10, ?11, ?12, ?13, "
                    "?14, ?15, ?16, ?17)",
    [Q_ALERT_GET] = "SELECT " ALERT_COLUMNS " FROM alert a WHERE a.n = ?1",
    [Q_ALERT_BY_ID] = "SELECT " ALERT_COLUMNS " FROM alert a WHERE a.id = ?1",
    [Q_ALERT_ACTIVE] =
        "SELECT n FROM alert WHERE grp = ?1 AND ended IS NULL AND expires > ?2 ORDER BY n DESC LIMIT 1",
    [Q_ALERT_SET] = "UPDATE alert SET level = ?2, certainty = ?3, expires = ?4, rev = ?5, areas = ?6, "
                    "guessed = ?7, count = ?8, "
                    "feeds = ?9, withdrawn = ?10 WHERE n = ?1",
    [Q_ALERT_END] = "UPDATE alert SET ended = ?2, end_note = ?3 WHERE n = ?1 AND ended IS NULL",
    [Q_ALERTS_IN_FORCE] =
        "SELECT count(*) FROM alert WHERE ended IS NULL AND expires > ?1 AND (grp <> 0 OR status <> 0)",
    [Q_ALERTS_DUE] = "UPDATE alert SET ended = expires, end_note = 'expired' WHERE n IN (SELECT n FROM alert "
                     "WHERE ended IS NULL "
                     "AND expires <= ?1 LIMIT ?2)",
    [Q_ALERTS_NEXT] = "SELECT min(expires) FROM alert WHERE ended IS NULL",
    [Q_REVISION_ADD] = "INSERT INTO revision VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [Q_REVISION_GET] =
        "SELECT msg_type, level, certainty, sent, expires, areas FROM revision WHERE alert = ?1 AND rev = ?2",
    [Q_RENDERING_ADD] = "INSERT INTO rendering (alert, rev, variant, body) VALUES (?1, ?2, ?3, ?4)",
    [Q_RENDERING_GET] = "SELECT body FROM rendering WHERE id = ?1",
    [Q_RENDERING_NAMED] =
        "SELECT body FROM rendering WHERE alert = ?1 AND variant = ?2 ORDER BY rev DESC LIMIT 1",

    [Q_SPOKEN_ADD] =
        "INSERT INTO spoken (site, rule, area, at, alert) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    [Q_SPOKEN_SINCE] = "SELECT area FROM spoken WHERE site = ?1 AND rule = ?2 AND at > ?3",
    [Q_SPOKEN_COUNT] = "SELECT count(DISTINCT alert) FROM spoken WHERE site = ?1 AND at > ?2",

    [Q_TARGET_ADD] = "INSERT INTO target (name) VALUES (?1) ON CONFLICT DO NOTHING",
    [Q_TARGET_GET] = "SELECT id, tokens, tokens_at, paused, snap_rev, why FROM target WHERE name = ?1",
    [Q_TARGET_SET] =
        "UPDATE target SET tokens = ?2, tokens_at = ?3, paused = ?4, snap_rev = ?5, why = ?6 WHERE id = ?1",
    [Q_TARGETS_WAITING] = "SELECT DISTINCT t.id, t.name FROM delivery d JOIN target t ON t.id = d.target "
                          "WHERE d.due IS NOT NULL",

    [Q_DELIVERY_ADD] =
        "INSERT INTO delivery (alert, rev, target, state, reason, level, due, created, expires, "
        "rendering, fold, repeat_ms, reminder, lane) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
        "?12, "
        "?13, ?14)",
    [Q_DELIVERY_GET] = "SELECT " DELIVERY_COLUMNS " FROM delivery d WHERE d.id = ?1",
    [Q_DELIVERY_OF] =
        "SELECT " DELIVERY_COLUMNS
        " FROM delivery d WHERE d.alert = ?1 AND d.target = ?2 AND d.rev <= ?3 ORDER BY d.rev DESC "
        "LIMIT 1",
    [Q_BEFORE] =
        "SELECT " DELIVERY_COLUMNS " FROM delivery d WHERE d.alert = ?1 AND d.target = ?2 AND d.rev < "
        "?3 AND d.state IN (0, 1, 2, 3, 7)",
    [Q_DELIVERY_SET] = "UPDATE delivery SET state = ?2, reason = ?3, due = ?4, attempt = ?5, maybe = ?6, "
                       "fold = ?7, repeats = ?8, "
                       "accepted = ?9, sent_at = ?10, ended_at = ?11, snap_rev = ?12, tried = ?13, replays = "
                       "?14 WHERE id = ?1",
    [Q_DUE] = "SELECT " DELIVERY_COLUMNS
              " FROM delivery d WHERE d.lane = ?4 AND d.level = ?1 AND d.due <= ?2 ORDER BY d.due LIMIT ?3",
    [Q_NEXT_DUE] = "SELECT min(due) FROM delivery WHERE lane = ?2 AND level = ?1 AND due IS NOT NULL",
    [Q_DUE_OF] = "SELECT " DELIVERY_COLUMNS
                 " FROM delivery d WHERE d.target = ?1 AND d.due <= ?2 AND d.due IS NOT NULL "
                 "AND d.expires > ?2 AND d.state IN (1, 7) ORDER BY d.level DESC, d.id LIMIT ?3",
    /* No sorting and no row of the table: what most targets of a fan-out need. */
    [Q_DUE_COUNT] = "SELECT id FROM delivery WHERE target = ?1 AND due <= ?2 AND due IS NOT NULL LIMIT 2",
    /* No index is touched: `due` was NULL and stays so. */
    [Q_DELIVERY_SENT] = "UPDATE delivery SET state = 3, reason = ?2, sent_at = coalesce(sent_at, ?3) WHERE "
                        "id = ?1 AND state = 2",
    [Q_WAITING_OF] =
        "SELECT count(*) FROM delivery WHERE target = ?1 AND due IS NOT NULL AND state IN (0, 1, 7)",
    [Q_OF_ALERT] = "SELECT " DELIVERY_COLUMNS
                   " FROM delivery d WHERE d.alert = ?1 AND (d.state IN (0, 1, 2, 7) OR (?2 = 0 AND "
                   "d.state IN (3, 4, 5, 6)))",
    [Q_EVER_OF_ALERT] =
        "SELECT " DELIVERY_COLUMNS " FROM delivery d WHERE d.alert = ?1 ORDER BY d.target, d.rev",
    [Q_OPEN_ROWS] = "SELECT " DELIVERY_COLUMNS
                    " FROM delivery d WHERE d.target = ?1 AND d.due IS NOT NULL AND d.state IN (0, 1, 3, 7)",
    [Q_SENDING_ROWS] = "SELECT " DELIVERY_COLUMNS " FROM alert a CROSS JOIN delivery d ON d.alert = a.n AND "
                       "d.target = ?1 WHERE a.ended IS NULL AND a.expires > 0 AND d.state = 2",
    [Q_WAITING_ROWS] = "SELECT " DELIVERY_COLUMNS
                       " FROM delivery d WHERE d.target = ?1 AND d.due IS NOT NULL AND d.state IN (0, 1, 7)",
    /* What was to end when its channel had answered has its reason. */
    [Q_RESUME] = "UPDATE delivery SET state = iif(reason = '', 7, 11), due = iif(reason = '', ?1, NULL), "
                 "ended_at = iif(reason = '', NULL, ?1), reason = iif(reason = '', 'may have been sent', "
                 "reason), maybe = 1 WHERE state = 2",
/* A wait of its route is as long as it was when the row was made; all others are short. */
#define OWN_INTERVAL "CASE WHEN reason LIKE 'group_%' THEN due - created ELSE ?2 END"
    [Q_CLAMP] = "UPDATE delivery SET due = ?1 + " OWN_INTERVAL " WHERE due > ?1 + " OWN_INTERVAL
                " AND due IS NOT NULL AND due <> expires AND fold = 0 AND state IN (1, 7)",

    [Q_SHOW_ADD] =
        "INSERT INTO showing VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET delivery = ?3, expires = ?4",
    [Q_SHOW_DEL] = "DELETE FROM showing WHERE target = ?1 AND alert = ?2",
    [Q_SHOWS] = "SELECT 1 FROM showing WHERE target = ?1 AND alert = ?2",
    [Q_SHOW_DUE] = "DELETE FROM showing WHERE (target, alert) IN (SELECT target, alert FROM showing WHERE "
                   "expires <= ?1 LIMIT ?2) "
                   "RETURNING target",
    [Q_SHOW_NEXT] = "SELECT min(expires) FROM showing",
    [Q_SHOW_OF_ALERT] = "SELECT target FROM showing WHERE alert = ?1",
    [Q_SHOW_DEL_ALERT] =
        "DELETE FROM showing WHERE alert = ?1 AND delivery NOT IN (SELECT d.id FROM revision v CROSS JOIN "
        "delivery d ON d.alert = v.alert AND d.rev = v.rev WHERE v.alert = ?1 AND v.msg_type = ?2)",
    [Q_SHOWING] =
        "SELECT " DELIVERY_COLUMNS ", " ALERT_COLUMNS
        ", r.msg_type, r.level, r.certainty, r.sent, r.expires, r.areas FROM showing s "
        "JOIN delivery d ON d.id = s.delivery JOIN alert a ON a.n = s.alert JOIN revision r ON r.alert = "
        "d.alert "
        "AND r.rev = d.rev WHERE s.target = ?1 ORDER BY r.level DESC, r.certainty DESC, r.sent DESC, a.id",
    [Q_UNCONFIRMED] = "SELECT " DELIVERY_COLUMNS
                      " FROM showing s JOIN delivery d ON d.id = s.delivery WHERE s.target = ?1 AND "
                      "d.state = 3 AND d.snap_rev <= ?2 LIMIT ?3",

    [Q_EVENT_GET] = "SELECT grp, alert, area, guessed, kind, status, count, received, rules, reviewed, note, "
                    "coalesce(body ->> '$.observed_at', body ->> '$.sent_at', ''), coalesce(body ->> "
                    "'$.expires_at', ''), (SELECT name FROM feed WHERE feed.id = event.feed), value FROM "
                    "event WHERE id = ?1",
    [Q_EVENT_REVIEW] =
        "UPDATE event SET reviewed = ?2 WHERE alert IS NULL AND reviewed IS NULL AND id IN (SELECT ?1 UNION "
        "SELECT id FROM event WHERE alert IS NULL AND reviewed IS NULL AND grp = (SELECT grp FROM event "
        "WHERE "
        "id = ?1))",
    [Q_EVENT_JOIN] = "UPDATE event SET alert = ?2, note = '', reviewed = ?3 WHERE id = ?1",
    [Q_ALERT_ACK] = "UPDATE alert SET acked_by = ?2, acked_at = ?3 WHERE n = ?1 AND acked_by IS NULL",
    [Q_ACTION_COUNT] = "SELECT count(DISTINCT actor), count(DISTINCT CASE WHEN actor = ?3 THEN actor END) "
                       "FROM action WHERE verb = ?1 "
                       "AND object = ?2",
    [Q_MODE_SET] = "INSERT INTO site_mode VALUES (?1, ?2) ON CONFLICT DO UPDATE SET mode = ?2",
    [Q_MODE_GET] = "SELECT mode FROM site_mode WHERE site = ?1",

    [Q_ACTION_ADD] = "INSERT INTO action (at, verb, object, actor, uid, reason, detail) VALUES (?1, ?2, ?3, "
                     "?4, ?5, ?6, ?7)",
    [Q_STAT_ADD] = "INSERT INTO stat VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET n = n + ?4",

    /* Keys are walked in key order, a slice at a time: the 500th key from the cursor is where the slice ends. */
    [Q_PRUNE_KEYS_FROM] =
        "SELECT feed, event_id FROM event_key WHERE (feed, event_id) > (?1, ?2) ORDER BY feed, event_id "
        "LIMIT 1 OFFSET ?3",
    [Q_PRUNE_KEYS] = "DELETE FROM event_key WHERE (feed, event_id) > (?1, ?2) AND (feed, event_id) <= (?3, "
                     "?4) AND received < ?5",
    [Q_PRUNE_EVENTS] =
        "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT ?2) AND received < ?1",
    [Q_PRUNE_OTHER] = "DELETE FROM event_other WHERE id IN (SELECT id FROM event_other ORDER BY id LIMIT ?2) "
                      "AND received < ?1",
    [Q_OTHER_SIZE] = "SELECT coalesce(max(id) - min(id) + 1, 0), coalesce((SELECT avg(length(body)) FROM "
                     "(SELECT body FROM "
                     "event_other ORDER BY id DESC LIMIT 200)), 0) FROM event_other",
    [Q_PRUNE_REFUSALS] =
        "DELETE FROM refusal WHERE id IN (SELECT id FROM refusal ORDER BY id LIMIT ?2) AND received < ?1",
    [Q_PRUNE_REFUSALS_NEXT] = "SELECT coalesce(min(feed), 0) FROM refusal WHERE feed > ?1",
    [Q_PRUNE_REFUSALS_OVER] =
        "DELETE FROM refusal WHERE feed = ?1 AND id <= (SELECT id FROM refusal WHERE feed = ?1 ORDER BY id "
        "DESC LIMIT 1 OFFSET ?2)",
    [Q_RULE_ADD] = "INSERT INTO rule_change (at, rule, verb, actor, text) VALUES (?1, ?2, ?3, ?4, ?5)",
    [Q_RULE_GET] =
        "SELECT id, verb, actor, text FROM rule_change WHERE rule = ?1 AND NOT undone ORDER BY id DESC "
        "LIMIT 1",
    [Q_RULE_UNDO] = "UPDATE rule_change SET undone = 1 WHERE id = ?1",
    [Q_RULES] = "SELECT rule, text, max(id) FROM rule_change WHERE NOT undone GROUP BY rule",
    [Q_PRUNE_CORRELATED] =
        "DELETE FROM correlated WHERE id IN (SELECT id FROM correlated WHERE until < ?1 LIMIT ?2)",
    [Q_PRUNE_WINDOWS] = "DELETE FROM window WHERE slice < ?1",
    [Q_PRUNE_ACTIONS] =
        "DELETE FROM action WHERE id IN (SELECT id FROM action ORDER BY id LIMIT ?2) AND at < ?1",
    /* The last one stays, so that its number is not given again while something that names it is kept. */
    [Q_PRUNE_SILENCES] = "DELETE FROM silence WHERE coalesce(ended, expires) < ?1 AND id < (SELECT max(id) "
                         "FROM silence)",
    [Q_PRUNE_DRILLS] = "DELETE FROM drill WHERE coalesce(ended, expires) < ?1 AND id < (SELECT max(id) FROM "
                       "drill)",
    [Q_PRUNE_ALERTS] = "SELECT n FROM alert WHERE ended < ?1 ORDER BY n LIMIT 1",
    [Q_PRUNE_ALERT] = "DELETE FROM alert WHERE n = ?1",
    [Q_PRUNE_REVISIONS] = "DELETE FROM revision WHERE alert = ?1",
    [Q_PRUNE_RENDERINGS] =
        "DELETE FROM rendering WHERE id IN (SELECT id FROM rendering WHERE alert = ?1 LIMIT ?2)",
    [Q_PRUNE_DELIVERIES] =
        "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE alert = ?1 LIMIT ?2)",
    [Q_PRUNE_SPOKEN] = "DELETE FROM spoken WHERE at < ?1",

    [Q_ALERTS_NOW] = "SELECT " ALERT_COLUMNS " FROM alert a WHERE a.ended IS NULL AND a.expires > ?1",
    /* Those in force are few among all that were ever. */
    [Q_ALERTS_BEFORE] =
        "SELECT n FROM alert INDEXED BY alert_expires WHERE ended IS NULL AND expires > ?2 AND n < ?1 "
        "ORDER BY n DESC LIMIT ?3",
    /* The one before it, whenever that was made: they are made in the order of their numbers. */
    [Q_ALERT_CREATED_BEFORE] = "SELECT n FROM (SELECT n, created FROM alert WHERE n < ?1 ORDER BY n DESC "
                               "LIMIT 1) WHERE created > ?2",
    [Q_DELIVERY_STATES] = "SELECT target, state, sent_at FROM delivery WHERE alert = ?1",
    [Q_SILENCE_ADD] =
        "INSERT INTO silence (matchers, broad, author, reason, created, expires, remind) VALUES "
        "(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [Q_SILENCE_REMIND] = "SELECT " SILENCE_COLUMNS
                         " FROM silence WHERE remind <= ?1 AND ended IS NULL ORDER BY remind LIMIT 1",
    /* What is to be quiet before what may speak again. */
    [Q_SILENCE_SWEEP] = "SELECT " SILENCE_COLUMNS " FROM silence WHERE sweep IS NOT NULL ORDER BY "
                        "ended IS NOT NULL OR expires <= ?1, id LIMIT 1",
    [Q_SILENCE_SWEEP_SET] = "UPDATE silence SET sweep = ?2 WHERE id = ?1",
    [Q_SILENCE_REMIND_SET] = "UPDATE silence SET remind = ?2 WHERE id = ?1",
    [Q_PLAN_OPEN] =
        "SELECT month, at, until, step, next, drill FROM drill_plan WHERE next IS NOT NULL ORDER BY "
        "next LIMIT 1",
    [Q_PLAN_LAST] = "SELECT max(month) FROM drill_plan",
    [Q_PLAN_PUT] =
        "INSERT INTO drill_plan VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET at = ?2, "
        "until = ?3, step = ?4, next = ?5, drill = ?6",
    [Q_SILENCES] = "SELECT " SILENCE_COLUMNS " FROM silence WHERE ended IS NULL AND expires > ?1 ORDER BY id",
    [Q_SILENCE_END] =
        "UPDATE silence SET ended = ?2, ended_by = ?3, remind = NULL WHERE id = ?1 AND ended IS NULL AND "
        "expires > ?2",

    [Q_DRILL_ADD] = "INSERT INTO drill (site, author, reason, created, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
    [Q_DRILL_OPEN] =
        "SELECT id, created, expires, real_alert, site, author, reason FROM drill WHERE ended IS "
        "NULL AND expires > ?1 ORDER BY id DESC LIMIT 1",
    [Q_DRILL_REAL] = "UPDATE drill SET real_alert = ?2 WHERE id = ?1",
    [Q_TOLD_ADD] = "INSERT INTO told VALUES (?1, ?2, ?3, 1) ON CONFLICT DO UPDATE SET n = n + 1",
    [Q_TOLD] = "SELECT target, rule, n FROM told WHERE day = ?1",
    [Q_PRUNE_TOLD] = "DELETE FROM told WHERE day < ?1",

    [Q_DRILL_END] = "UPDATE drill SET ended = ?2, ended_by = ?3 WHERE id = ?1",

    [Q_STEP_ADD] = "INSERT INTO escalation (alert, step, after, chats, due) VALUES (?1, ?2, ?3, ?4, ?5)",
    [Q_STEP_COUNT] = "SELECT count(*) FROM escalation WHERE alert = ?1",
    [Q_STEP_DUE] = "SELECT alert FROM escalation WHERE due <= ?1 ORDER BY due LIMIT 1",
    [Q_STEP_NEXT] = "SELECT min(due) FROM escalation WHERE due IS NOT NULL",
    [Q_STEPS_DUE] = "SELECT step, chats FROM escalation WHERE alert = ?1 AND due <= ?2 ORDER BY step",
    [Q_STEP_DONE] = "UPDATE escalation SET due = NULL, done = ?3, rev = ?4, note = ?5 WHERE alert = ?1 AND "
                    "step = ?2",
    [Q_STEPS_STOP] = "UPDATE escalation SET due = NULL, done = ?2, note = ?3 WHERE alert = ?1 AND due IS NOT "
                     "NULL",
    [Q_STEP_CLAMP] = "UPDATE escalation SET due = ?1 + after WHERE due > ?1 AND due > ?1 + after",
    [Q_ACTION_FIRST] = "SELECT actor FROM action WHERE object = ?2 AND verb = ?1 ORDER BY id LIMIT 1",
    [Q_PRUNE_STEPS] = "DELETE FROM escalation WHERE alert = ?1",

    [Q_FEEDBACK_ADD] = "INSERT INTO feedback (at, alert, rule, target, delivery, word, actor) VALUES (?1, "
                       "?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
    [Q_FEEDBACK_COUNT] = "SELECT count(*) FROM feedback WHERE delivery = ?1",
    [Q_PRUNE_FEEDBACK] = "DELETE FROM feedback WHERE alert = ?1",
};

/* What a clock that was ahead has left in the future, moved to ?1: what it was counted by first. */
const char *const store_not_after[] = {
    ("UPDATE delivery SET created = ?1 WHERE created > ?1 AND "
     "alert IN (SELECT n FROM alert WHERE created > ?1)"),
    "UPDATE revision SET sent = ?1 WHERE sent > ?1 AND alert IN (SELECT n FROM alert WHERE created > ?1)",
    "UPDATE alert SET created = ?1 WHERE created > ?1",
    "UPDATE event_key SET received = ?1 WHERE received > ?1",
    "UPDATE event SET received = ?1 WHERE received > ?1",
    "UPDATE event_other SET received = ?1 WHERE received > ?1",
    "UPDATE refusal SET received = ?1 WHERE received > ?1",
    "UPDATE feed SET heard = ?1 WHERE heard > ?1",
    "UPDATE action SET at = ?1 WHERE at > ?1",
    /* Several of them may become one: the others go. */
    "UPDATE OR IGNORE spoken SET at = ?1 WHERE at > ?1",
    "DELETE FROM spoken WHERE at > ?1",
    "UPDATE OR IGNORE window SET slice = ?1 WHERE slice > ?1",
    "DELETE FROM window WHERE slice > ?1",
    "UPDATE OR IGNORE correlated SET until = ?1 + until - slice, slice = ?1 WHERE slice > ?1",
    "DELETE FROM correlated WHERE slice > ?1",
    NULL,
};
