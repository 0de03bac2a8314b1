/* What each section of a report asks the store. Parameters: ?1 and ?2 the span in ms, ?3 the site or NULL, ?4 and ?5 the span in
 * days (20261122). Columns are named as rows.h says. */
#include "report.h"

/* It makes stairs of statements: */
/* clang-format off */

#define SPAN(column) column " >= ?1 AND " column " < ?2 "
#define DAYS         "day >= ?4 AND day < ?5 "
#define OF_SITE      "(?3 IS NULL OR t.name GLOB '*:' || ?3 OR t.name GLOB '*:' || ?3 || '/*') "
/* An alert that some target of the site had. */
#define FOR_SITE \
    "(?3 IS NULL OR EXISTS (SELECT 1 FROM delivery d JOIN target t ON t.id = d.target WHERE d.alert = a.n AND " OF_SITE ")) "
/* Real ones only: no drill, no test of a target. */
#define REAL         "a.status = 0 AND a.grp <> 0 "
#define DELIVERIES \
    "delivery d JOIN target t ON t.id = d.target JOIN alert a ON a.n = d.alert " \
    "WHERE " REAL "AND " SPAN("d.created") "AND " OF_SITE
#define CHANNEL      "substr(t.name, 1, instr(t.name, ':') - 1) "
/* A word of a statistic's key, and the sum over those rows whose words fit. */
#define WORD(n)      "json_extract(key, '$[" #n "]') "
#define SUM(where)   "sum(CASE WHEN " where "THEN n ELSE 0 END) "

const struct report_section report_sections[] = {
    {"days",
     "SELECT printf('%d-%02d-%02d', day / 10000, day / 100 % 100, day % 100) AS day, "
     SUM("what = 'event' AND " WORD(2) "= 'match' ") "AS matched, "
     SUM("what = 'event' AND " WORD(2) "= 'unsure' ") "AS unsure, "
     SUM("what = 'event' AND " WORD(2) "IN ('no_match', 'withdrawal') ") "AS others, "
     SUM("what = 'refused' ") "AS refused "
     "FROM stat WHERE what IN ('event', 'refused') AND coalesce(" WORD(4) ", '') = '' AND " DAYS
     "GROUP BY stat.day ORDER BY stat.day"},

    {"events",
     "SELECT " WORD(0) "AS feed, " WORD(1) "AS kind, " WORD(2) "AS verdict, " WORD(3) "AS level, " WORD(4) "AS note, "
     SUM("what = 'event' ") "AS events, "
     SUM("what = 'reports' ") "AS reports "
     "FROM stat WHERE what IN ('event', 'reports') AND " DAYS
     "GROUP BY key ORDER BY feed, kind, verdict, level, note"},

    {"districts",
     "SELECT " WORD(0) "AS [district:places], " WORD(0) "AS area, "
     SUM(WORD(1) "= 'match' ") "AS matched, "
     SUM(WORD(1) "= 'unsure' ") "AS unsure, "
     SUM(WORD(1) "IN ('no_match', 'withdrawal') ") "AS others "
     "FROM stat WHERE what = 'district' AND " DAYS
     "GROUP BY area ORDER BY matched DESC, area"},

    {"refused",
     "SELECT " WORD(0) "AS feed, " WORD(1) "AS code, sum(n) AS events "
     "FROM stat WHERE what = 'refused' AND " DAYS
     "GROUP BY key ORDER BY feed, code"},

    {"alerts",
     "SELECT a.rule AS rule, a.title AS title, a.level AS [level:level], count(*) AS alerts, "
     "sum(a.end_note LIKE 'cancelled%' OR a.end_note LIKE 'withdrawn%') AS taken_back, sum(a.count) AS reports "
     "FROM alert a WHERE " REAL "AND " SPAN("a.created") "AND " FOR_SITE
     "GROUP BY a.rule, a.level ORDER BY alerts DESC, a.rule"},

    {"outcomes",
     "SELECT a.rule AS rule, a.title AS title, x.detail AS outcome, count(*) AS times "
     "FROM action x JOIN alert a ON a.id = x.object "
     "WHERE x.verb = 'alert.outcome' AND " SPAN("x.at") "AND " FOR_SITE
     "GROUP BY a.rule, x.detail ORDER BY a.rule, x.detail"},

    {"feedback",
     "SELECT f.rule AS rule, t.name AS target, sum(f.word = 0) AS seen, sum(f.word = 1) AS false_alarm, "
     "sum(f.word = 2) AS acknowledged, sum(f.word = 3) AS deterred "
     "FROM feedback f JOIN target t ON t.id = f.target JOIN alert a ON a.n = f.alert "
     "WHERE a.status = 0 AND " SPAN("f.at") "AND " OF_SITE
     "GROUP BY f.rule, t.name ORDER BY f.rule, t.name"},

    {"deliveries",
     "SELECT t.name AS target, d.state AS [state:state], count(*) AS deliveries FROM " DELIVERIES
     "GROUP BY t.name, d.state ORDER BY t.name, d.state"},

    /* Nearest rank: the smallest value that at least that share of all does not exceed. */
    {"times",
     "WITH v AS ("
     "SELECT " CHANNEL "AS channel, 'accepted' AS step, d.accepted - d.created AS ms FROM " DELIVERIES
     "AND d.accepted IS NOT NULL UNION ALL "
     "SELECT " CHANNEL ", 'sent', d.sent_at - d.created FROM " DELIVERIES "AND d.sent_at IS NOT NULL UNION ALL "
     "SELECT " CHANNEL ", CASE d.state WHEN 4 THEN 'played' WHEN 5 THEN 'displayed' ELSE 'acknowledged' END, "
     "d.ended_at - d.created FROM " DELIVERIES "AND d.state IN (4, 5, 6) UNION ALL "
     "SELECT 'person', 'acknowledged', a.acked_at - a.created FROM alert a "
     "WHERE " REAL "AND a.acked_at IS NOT NULL AND " SPAN("a.created") "AND " FOR_SITE
     "), r AS (SELECT channel, step, ms, row_number() OVER (PARTITION BY channel, step ORDER BY ms) AS i, "
     "count(*) OVER (PARTITION BY channel, step) AS n FROM v) "
     "SELECT channel, step, n AS deliveries, max(CASE WHEN i = (n * 50 + 99) / 100 THEN ms END) AS p50_ms, "
     "max(CASE WHEN i = (n * 95 + 99) / 100 THEN ms END) AS p95_ms "
     "FROM r GROUP BY channel, step ORDER BY channel, p50_ms, step"},

    {"silences",
     "SELECT s.id AS id, s.author AS by, s.matchers AS matchers, s.reason AS reason, s.created AS [created_at:time], "
     "coalesce(s.ended, s.expires) AS [ended_at:time], "
     "(SELECT count(*) FROM delivery d WHERE d.state = 11 AND d.reason = 'silence ' || s.id) AS suppressed "
     "FROM silence s WHERE s.created < ?2 AND coalesce(s.ended, s.expires) > ?1 ORDER BY s.id"},

    /* What a loudspeaker was kept from saying because somebody had muted its zone. */
    {"mutes",
     "SELECT t.name AS target, d.reason AS reason, min(d.ended_at) AS [first_at:time], max(d.ended_at) AS [last_at:time], "
     "count(*) AS suppressed FROM " DELIVERIES "AND d.state = 11 AND d.reason LIKE '%mute%' "
     "GROUP BY t.name, d.reason ORDER BY t.name, d.reason"},

    {"drills",
     "SELECT d.id AS id, d.author AS by, d.site AS site, d.created AS [created_at:time], "
     "coalesce(d.ended, d.expires) AS [ended_at:time], "
     "(SELECT count(*) FROM alert a WHERE a.status <> 0 AND a.grp <> 0 AND a.created >= d.created "
     "AND a.created < coalesce(d.ended, d.expires)) AS alerts "
     "FROM drill d WHERE " SPAN("d.created") "AND (?3 IS NULL OR d.site IN ('', ?3)) ORDER BY d.id"},

    {"people",
     "SELECT actor AS by, verb AS action, count(*) AS times "
     "FROM action WHERE actor <> '' AND " SPAN("at")
     "GROUP BY actor, verb ORDER BY actor, verb"},

    {NULL, NULL},
};

const char report_trial_sql[] =
    "SELECT t.name AS [-], r.body AS [-], d.created AS [at:time], t.name AS target, a.id AS alert, a.rule, a.title FROM delivery d JOIN target t ON t.id = d.target "
    "JOIN alert a ON a.n = d.alert JOIN rendering r ON r.id = d.rendering "
    "WHERE d.reason LIKE 'trial%' AND " SPAN("d.created") "AND " OF_SITE "ORDER BY d.created, t.name";
/* clang-format on */
