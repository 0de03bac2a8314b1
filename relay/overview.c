/* Lists that are there already, in one answer, and the targets counted. */
#include "overview.h"

#include "base/delivery.h"
#include "list.h"
#include "rows.h"
#include "status.h"

enum { ALERTS_MOST = 200, REVIEW_MOST = 100, SILENCES_MOST = 50, DRILLS_MOST = 5 };

enum relay_err overview_targets(struct db *db, int64_t now, struct buf *ret, struct reason *why)
{
    CLEANUP(stmt_release) struct stmt q = {NULL};
    /* By the numbers of delivery.h; an alert's number is the first column of an index, a delivery's time is not. */
    enum relay_err err = db_prepare(
        db, &q,
        "SELECT t.name AS id, count(*) AS deliveries, sum(d.state = 0) AS held, sum(d.state IN (1, 2, 7)) "
        "AS waiting, sum(d.state = 3) AS sent, sum(d.state IN (4, 5, 6)) AS confirmed, sum(d.state IN (8, "
        "9, 12)) AS failed, sum(d.state IN (10, 11)) AS spared, max(d.sent_at) AS [last:time] FROM delivery "
        "d JOIN target t ON t.id = d.target WHERE d.alert >= (SELECT min(n) FROM alert WHERE created > ?1) "
        "GROUP BY t.id ORDER BY t.name",
        why);
    if (err != RELAY_OK) return err;
    stmt_int(&q, 1, now - DAY_MS);
    return rows_json(ret, &q, NULL, why);
}

void overview_sites(const struct relay *r, struct buf *b)
{
    const struct site_config *sites = r->config->sites.items;
    buf_char(b, '[');
    for (size_t i = 0; i < r->config->sites.n; i++) {
        int mode = store_site_mode(r->store, sites[i].id);
        if (i) buf_char(b, ',');
        buf_char(b, '{');
        buf_json_member(b, "id", sites[i].id);
        buf_json_member(b, "name", sites[i].name);
        buf_json_member(b, "area", sites[i].area);
        buf_json_member(b, "mode", config_site_modes[mode >= 0 ? mode : sites[i].mode]);
        buf_json_member_int(b, "zones", (int64_t)sites[i].zones.n);
        buf_json_member_int(b, "wards", (int64_t)sites[i].wards.n);
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

enum relay_err overview_json(struct relay *r, struct buf *b, struct reason *why)
{
    struct db *db = store_db(r->store);
    struct list_filter f = {.active = true, .now = r->now.wall, .limit = ALERTS_MOST};
    buf_char(b, '{');
    buf_json_key(b, "status");
    status_json(r, b);
    buf_json_key(b, "sites");
    overview_sites(r, b);
    buf_json_key(b, "alerts");
    enum relay_err err = list_alerts(db, &f, b, why);
    f.limit = REVIEW_MOST;
    buf_json_key(b, "review");
    if (err == RELAY_OK) err = list_review(db, &f, b, why);
    buf_json_key(b, "targets");
    if (err == RELAY_OK) err = overview_targets(db, r->now.wall, b, why);
    f.limit = SILENCES_MOST;
    buf_json_key(b, "silences");
    if (err == RELAY_OK) err = list_silences(db, &f, b, why);
    f.active = false;
    f.limit = DRILLS_MOST;
    buf_json_key(b, "drills");
    if (err == RELAY_OK) err = list_drills(db, &f, b, why);
    buf_char(b, '}');
    return err;
}
