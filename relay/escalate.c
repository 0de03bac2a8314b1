/* Steps that are due, and what stops them. */
#include "escalate.h"

#include "base/crashpoint.h"
#include "base/log.h"

enum { ALERTS_A_TURN = 50, CHATS_MAX = 64 * 1024 };

/* All steps of one alert whose time has come. */
static void take(struct relay *r, int64_t alert)
{
    CLEANUP(buf_release) struct buf chats = BUF_INIT(CHATS_MAX);
    int steps[STEPS_MOST];
    int64_t now = r->now.wall;
    size_t n = store_steps_due(r->store, alert, now, steps, &chats);
    struct alert_row a;
    bool known = store_alert_get(r->store, alert, &a);
    if (!known || a.ended || a.expires <= now) {
        store_steps_stop(r->store, alert, now, "alert ended");
        return;
    }
    char why[80] = "";
    size_t told = n ? alerts_remind(r, &a, steps[n - 1], buf_cstr(&chats), why) : 0;
    crashpoint("in_escalation");
    for (size_t i = 0; i < n; i++) {
        bool last = i + 1 == n;
        char note[80];
        (void)snprintf(note, sizeof(note), "said as reminder %d", steps[n - 1]);
        store_step_done(r->store, alert, steps[i], now, told ? a.rev : 0,
                        told && last ? ""
                        : told       ? note
                                     : why);
    }
    if (!told) log_warning("%s: reminder %d reached nobody: %s", a.id, n ? steps[n - 1] : 0, why);
}

void escalate_due(struct relay *r)
{
    if (!r->store_ok || !r->clock_trusted || store_step_next_due(r->store) > r->now.wall) return;
    for (int i = 0; i < ALERTS_A_TURN; i++) {
        int64_t alert = store_step_due(r->store, r->now.wall);
        if (!alert) return;
        take(r, alert);
    }
}

int64_t escalate_next_due(struct relay *r)
{
    return r->store_ok && r->clock_trusted ? store_step_next_due(r->store) : INT64_MAX;
}

void escalate_seen(struct relay *r, const struct alert_row *a, const struct actor *by)
{
    char note[80];
    (void)snprintf(note, sizeof(note), "seen by %s", by->name);
    store_alert_ack(r->store, a->n, by->name, r->now.wall);
    store_steps_stop(r->store, a->n, r->now.wall, note);
}
