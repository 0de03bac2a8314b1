/* Words to the duty chats. */
#include "notice.h"

#include "base/buf.h"
#include "base/log.h"
#include "dispatch.h"

enum { BODY_MAX = 8 * 1024 };

int notice_duty(struct relay *r, const char *area, const char *title, const char *text, int64_t lasts)
{
    struct alert_row a = {.grp = 0, /* no group: whoever counts alerts leaves it out */
                          .status = STATUS_ACTUAL,
                          .level = LEVEL_BLUE,
                          .created = r->now.wall,
                          .expires = r->now.wall + lasts,
                          .count = 1,
                          .rule = "notice",
                          .category = "notice"};
    (void)snprintf(a.title, sizeof(a.title), "%s", title);
    (void)snprintf(a.areas, sizeof(a.areas), "%s", area);
    (void)snprintf(a.set_hash, sizeof(a.set_hash), "%s", rule_set_hash(r->rules));
    int chats = 0;
    for (size_t i = 0; i < r->targets->n; i++) {
        struct relay_target *t = &r->targets->items[i];
        if (!t->chat || t->pub.audience != AUDIENCE_DUTY || t->broken) continue;
        if (*area && !target_in_areas(t, area)) continue;
        if (chats++ == 0) {
            store_alert_new(r->store, r->config->relay.id, clock_local_day(r->now.wall), &a);
            a.rev = 1;
            store_alert_update(r->store, &a);
            store_revision(r->store, &a, MSG_ALERT, r->now.wall, a.expires, "notice");
        }
        CLEANUP(buf_release) struct buf body = BUF_INIT(BODY_MAX);
        char variant[160];
        (void)snprintf(variant, sizeof(variant), "notice:%s", t->pub.id);
        buf_char(&body, '{');
        buf_json_member(&body, "issuer", t->issuer);
        buf_json_member(&body, "chat", text);
        buf_char(&body, '}');
        struct delivery_row d = {.alert = a.n,
                                 .rev = a.rev,
                                 .target = t->row.id,
                                 .lane = LANE_CHATS,
                                 .state = DELIVERY_QUEUED,
                                 .level = a.level,
                                 .due = r->now.wall,
                                 .created = r->now.wall,
                                 .expires = a.expires,
                                 .rendering =
                                     store_rendering(r->store, a.n, a.rev, variant, buf_cstr(&body))};
        d.id = store_delivery_add(r->store, &d);
        dispatch_queued(r, t, &d);
    }
    if (!chats) log_warning("notice: there is no duty chat for area %s: %s", *area ? area : "*", title);
    return chats;
}
