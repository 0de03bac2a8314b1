/* Planned, told, called for, done or missed. */
#include "drill_plan.h"

#include "base/log.h"
#include "notice.h"
#include "render.h"

static int month_of(int64_t wall)
{
    struct local_time t = clock_local(wall);
    return t.year * 100 + t.month;
}

static int month_after(int month)
{
    return month % 100 == 12 ? month + 100 - 11 : month + 1;
}

struct plan_row drill_plan_of(const struct drill_options *o, int month, int64_t now)
{
    const struct day_window *w = o->hours.items;
    struct local_time t = {.year = month / 100,
                           .month = month % 100,
                           .day = (int)o->day,
                           .hour = w->from / 60,
                           .minute = w->from % 60};
    int64_t at = clock_local_to_wall(t);
    struct plan_row p = {
        .month = month, .at = at, .until = at + (w->to - w->from) * MINUTE_MS, .next = at - o->remind};
    if (p.next < now) p.next = now;
    return p;
}

/* The first month from this one on that has no plan yet and whose hour is not over. */
static struct plan_row next_plan(struct relay *r)
{
    int month = month_of(r->now.wall), last = store_plan_last(r->store);
    for (;; month = month_after(month)) {
        struct plan_row p = drill_plan_of(&r->config->drill, month, r->now.wall);
        if (month > last && p.until > r->now.wall) return p;
    }
}

static void tell(struct relay *r, const char *title, const char *text)
{
    notice_duty(r, &(struct notice){.status = STATUS_EXERCISE,
                                    .about = "drill-plan",
                                    .area = "",
                                    .title = title,
                                    .text = text,
                                    .lasts = DAY_MS});
}

static void take_step(struct relay *r, struct plan_row *p)
{
    char when[RENDER_WORD_LEN], text[400];
    int64_t minutes = (p->until - p->at) / MINUTE_MS;
    (void)render_time(p->at, when);
    if (p->step == PLAN_MADE && r->now.wall < p->at) {
        (void)snprintf(
            text, sizeof(text),
            "演练预告：%s 进行本月演练，约 %lld 分钟。届时广播、屏幕和群里会标明“演练”。请安排人主持和记录。",
            when, (long long)minutes);
        tell(r, "演练预告", text);
        p->step = PLAN_TOLD;
        p->next = p->at;
    } else if (r->now.wall < p->until) {
        (void)snprintf(text, sizeof(text),
                       "现在是本月演练的时间，请主持人开始：tocsin drill start --for %lldm --by 姓名",
                       (long long)minutes);
        tell(r, "请开始演练", text);
        p->step = PLAN_CALLED;
        p->next = p->until;
    } else {
        (void)snprintf(text, sizeof(text), "本月演练（%s）没有进行，已记录。", when);
        tell(r, "演练没有进行", text);
        p->step = PLAN_MISSED;
        p->next = 0;
    }
    log_info("drill-plan=%d step=%d", p->month, p->step);
    store_plan_put(r->store, p);
}

void drill_plan_look(struct relay *r)
{
    struct plan_row p;
    if (!r->config->drill.day) return;
    if (!store_plan_open(r->store, &p)) {
        p = next_plan(r);
        store_plan_put(r->store, &p);
    } else if (p.step == PLAN_MADE) { /* the configuration may have moved it */
        struct plan_row now = drill_plan_of(&r->config->drill, p.month, r->now.wall);
        if (now.at != p.at || now.until != p.until) {
            p = now;
            store_plan_put(r->store, &p);
        }
    }
    if (p.next <= r->now.wall) take_step(r, &p);
}

void drill_plan_started(struct relay *r, int64_t drill)
{
    struct plan_row p;
    if (!r->config->drill.day || !store_plan_open(r->store, &p) || p.step == PLAN_MADE) return;
    p.step = PLAN_DONE;
    p.next = 0;
    p.drill = drill;
    store_plan_put(r->store, &p);
    log_info("drill=%lld is that of %d", (long long)drill, p.month);
}
