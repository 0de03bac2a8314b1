/* Lists that are there already, in one answer, and the targets counted. */
#include "overview.h"

#include "base/delivery.h"
#include "base/mem.h"
#include "list.h"
#include "status.h"

enum { ALERTS_MOST = 200, REVIEW_MOST = 100, SILENCES_MOST = 50, DRILLS_MOST = 5 };

/* -- deliveries by target ------------------------------------------------------------------------------------------ */

/* Counted in slices: a province has a million of them, and the console asks every three seconds. */
struct count {
    int64_t deliveries, held, waiting, sent, confirmed, failed, spared, last;
};

struct overview {
    struct count *now,
        *done; /* by the number of the target's row: as far as it has come, and the last whole one */
    size_t n_now, n_done;
    int64_t before;       /* alerts below this one are still to be counted; 0: it rests */
    int64_t since;        /* … that were created after this */
    int64_t begun, again; /* mono */
};

struct overview *overview_free(struct overview *o)
{
    if (!o) return NULL;
    free(o->now);
    free(o->done);
    free(o);
    return NULL;
}

static struct count *count_of(struct overview *o, int64_t target)
{
    size_t row = (size_t)target;
    if (row >= o->n_now) {
        size_t n = row * 2 + 64;
        o->now = xreallocarray(o->now, n, sizeof(*o->now));
        memset(o->now + o->n_now, 0, (n - o->n_now) * sizeof(*o->now));
        o->n_now = n;
    }
    return &o->now[row];
}

static void count_delivery(void *arg, int64_t target, enum delivery_state state, int64_t sent_at)
{
    struct count *c = count_of(arg, target);
    c->deliveries++;
    if (sent_at > c->last) c->last = sent_at;
    switch (state) {
    case DELIVERY_HELD: c->held++; break;
    case DELIVERY_QUEUED:
    case DELIVERY_SENDING:
    case DELIVERY_RETRY: c->waiting++; break;
    case DELIVERY_SENT: c->sent++; break;
    case DELIVERY_PLAYED:
    case DELIVERY_DISPLAYED:
    case DELIVERY_ACKNOWLEDGED: c->confirmed++; break;
    case DELIVERY_EXPIRED:
    case DELIVERY_REJECTED:
    case DELIVERY_UNCONFIRMED: c->failed++; break;
    default: c->spared++; break;
    }
}

/* As often as it is asked for, but never for more than a tenth of the time. */
static void whole(struct overview *o, int64_t mono)
{
    free(o->done);
    o->done = o->now;
    o->n_done = o->n_now;
    o->now = NULL;
    o->n_now = 0;
    o->again = mono + 10 * (mono - o->begun);
}

void overview_count_on(struct relay *r)
{
    struct overview *o = r->overview;
    if (!o || !o->before) return;
    int64_t now = clock_now().mono, until = now + TURN_SLICE_MS;
    while (o->before && now < until) {
        o->before = store_alert_created_before(r->store, o->before, o->since);
        if (o->before) store_delivery_states(r->store, o->before, count_delivery, o);
        now = clock_now().mono;
    }
    if (!o->before) whole(o, now);
}

bool overview_counts(const struct relay *r)
{
    return r->overview && r->overview->before;
}

static void targets_json(struct relay *r, struct buf *b)
{
    if (!r->overview) r->overview = xcalloc(1, sizeof(*r->overview));
    struct overview *o = r->overview;
    int64_t mono = clock_now().mono;
    if (!o->before && mono >= o->again) {
        o->before = INT64_MAX;
        o->since = r->now.wall - DAY_MS;
        o->begun = mono;
        overview_count_on(r); /* a hospital's are counted at once */
    }
    bool first = true;
    buf_char(b, '[');
    for (size_t i = 0; i < r->targets->n; i++) {
        const struct relay_target *t = &r->targets->items[i];
        const struct count *c = (size_t)t->row.id < o->n_done ? &o->done[t->row.id] : NULL;
        if (!c || !c->deliveries) continue;
        if (!first) buf_char(b, ',');
        first = false;
        buf_char(b, '{');
        buf_json_member(b, "id", t->pub.id);
        buf_json_member_int(b, "deliveries", c->deliveries);
        buf_json_member_int(b, "held", c->held);
        buf_json_member_int(b, "waiting", c->waiting);
        buf_json_member_int(b, "sent", c->sent);
        buf_json_member_int(b, "confirmed", c->confirmed);
        buf_json_member_int(b, "failed", c->failed);
        buf_json_member_int(b, "spared", c->spared);
        buf_json_member_time(b, "last", c->last);
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

/* -- everything ---------------------------------------------------------------------------------------------------- */

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
    targets_json(r, b);
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
