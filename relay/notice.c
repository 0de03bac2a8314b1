/* The relay's own words: one alert, one revision, no event. */
#include "notice.h"

#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "dispatch.h"
#include "edition.h"

static void own_alert(struct relay *r, const struct notice *n, const char *category, struct alert_row *a)
{
    *a = (struct alert_row){.grp = 0, /* whoever counts alerts leaves it out */
                            .rev = 1,
                            .status = n->status,
                            .level = LEVEL_BLUE,
                            .created = r->now.wall,
                            .expires = r->now.wall + n->lasts,
                            .count = 1};
    (void)snprintf(a->rule, sizeof(a->rule), "%s", n->about);
    (void)snprintf(a->category, sizeof(a->category), "%s", category);
    (void)snprintf(a->title, sizeof(a->title), "%s", n->title);
    (void)snprintf(a->areas, sizeof(a->areas), "%s", n->area);
    (void)snprintf(a->set_hash, sizeof(a->set_hash), "%s", rule_set_hash(r->rules));
    store_alert_new(r->store, r->config->relay.id, clock_local_day(r->now.wall), a);
    store_alert_update(r->store, a);
    store_revision(r->store, a, MSG_ALERT, r->now.wall, a->expires, n->about);
}

static struct edition edition_of(const struct relay *r, struct alert_row *a, const struct rule_say *say)
{
    return (struct edition){.alert = a,
                            .say = say,
                            .rule_title = a->title,
                            .type = MSG_ALERT,
                            .sent = r->now.wall,
                            .expires = a->expires,
                            .boldest = SITE_LIVE};
}

/* until: held for quiet hours; 0: it goes now. */
static int64_t deliver(struct relay *r, struct edition *ed, struct relay_target *t, int64_t until)
{
    const struct alert_row *a = ed->alert;
    struct delivery_row d = {.alert = a->n,
                             .rev = a->rev,
                             .target = t->row.id,
                             .lane = t->chat ? LANE_CHATS : LANE_DEVICES,
                             .state = until ? DELIVERY_HELD : DELIVERY_QUEUED,
                             .level = a->level,
                             .due = until ? sooner(until, a->expires) : r->now.wall,
                             .created = r->now.wall,
                             .expires = a->expires,
                             .rendering = edition_rendering(r, ed, t)};
    if (until) (void)snprintf(d.reason, sizeof(d.reason), "quiet_hours");
    d.id = store_delivery_add(r->store, &d);
    r->counters.deliveries[d.state]++;
    if (!until) dispatch_queued(r, t, &d);
    return d.id;
}

void notice_duty(struct relay *r, const struct notice *n)
{
    CLEANUP(free_ptr) char *words = xstrdup(n->text);
    for (char *p = words; *p; p++)
        if (*p == '{' || *p == '}') *p = ' '; /* persons' words are no slots */
    struct rule_say say = {.chat = words};
    struct alert_row a;
    struct edition ed;
    size_t told = 0;
    for (size_t i = 0; i < r->targets->n; i++) {
        struct relay_target *t = &r->targets->items[i];
        if (!t->chat || t->pub.audience != AUDIENCE_DUTY || t->broken) continue;
        if (*n->area && !target_in_areas(t, n->area)) continue;
        if (told++ == 0) {
            own_alert(r, n, "notice", &a);
            ed = edition_of(r, &a, &say);
            ed.plain = true;
        }
        (void)deliver(r, &ed, t, target_quiet_until(t, a.level, r->now.wall));
    }
    if (told) {
        edition_release(&ed);
        log_info("%s.%d: notice about=%s targets=%zu", a.id, a.rev, n->about, told);
    } else {
        log_warning("notice about=%s: there is no duty group%s%s to tell: %s", n->about,
                    *n->area ? " for area " : "", n->area, n->title);
    }
}

enum relay_err notice_test(struct relay *r, const char *target, const struct actor *by, int64_t *ret_delivery,
                           struct reason *why)
{
    struct relay_target *t = targets_by_id(r->targets, target);
    if (!t)
        return fail(why, RELAY_NOT_FOUND, _("there is no target `%s`; `tocsin status` lists them"), target);
    if (t->broken) return fail(why, RELAY_CONFLICT, _("target `%s` is not usable: %s"), target, t->why);
    static const struct rule_say say = {
        .voice = "这里是防骗提醒系统，正在试音，请不必理会。",
        .voice_short = "这里是防骗提醒系统，正在试音，请不必理会。",
        .headline = "防骗提醒 试显示",
        .lines = {"这是一次测试", "请不必理会"},
        .n_lines = 2,
        .chat = "这是防骗提醒系统的测试消息，请不必理会。{{issuer}} {{time}}，编号 {{id}}",
        .duty = "这是防骗提醒系统的测试消息，请不必理会。",
    };
    static const struct notice n = {
        .status = STATUS_TEST, .about = "target-test", .area = "", .title = "测试", .lasts = 10 * MINUTE_MS};
    struct alert_row a;
    own_alert(r, &n, "test", &a);
    struct edition ed = edition_of(r, &a, &say);
    *ret_delivery = deliver(r, &ed, t, 0);
    actor_did(r, by, "target.test", target, a.id);
    edition_release(&ed);
    return RELAY_OK;
}
