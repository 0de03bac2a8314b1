/* States of players, from their topic to status, actions and the duty chats. */
#include "players.h"

#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mask.h"
#include "base/mem.h"
#include "notice.h"
#include "outlink.h"

enum { PAYLOAD_MAX = 512 * 1024, ZONES_MAX = 500, WORD = 64 };

struct mute {
    char zone[40], name[WORD], by[WORD], reason[160];
    int64_t until;
};
struct player {
    char site[40];
    bool up, holidays_known, clock_trusted;
    char hold[16], hold_by[WORD];
    int64_t at, holidays_missing; /* a year; 0: none */
    struct mute *mutes;
    size_t n_mutes;
};

struct players {
    struct relay *relay;
    struct player *items;
    size_t n;
};

static void copy(char *to, size_t size, const cJSON *o, const char *name)
{
    (void)snprintf(to, size, "%s", json_str_or(o, name, ""));
}

static struct player *player_of(struct players *p, const char *site)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->items[i].site, site) == 0) return &p->items[i];
    p->items = xreallocarray(p->items, p->n + 1, sizeof(*p->items));
    struct player *new = &p->items[p->n++];
    *new = (struct player){.holidays_known = true, .clock_trusted = true};
    (void)snprintf(new->site, sizeof(new->site), "%s", site);
    return new;
}

/* Once for each mute, whatever is said again after a connect or a restart. */
static bool is_news(struct relay *r, const char *what, const char *site, const struct mute *m)
{
    char key[128];
    (void)snprintf(key, sizeof(key), "%s:%s/%s", what, site, m->zone);
    if (store_mark(r->store, key) == m->until) return false;
    store_set_mark(r->store, key, m->until);
    return true;
}

static void note_mute(struct relay *r, const struct player *p, const struct mute *m)
{
    char object[96], until[TIME_TEXT_LEN];
    if (!is_news(r, "mute", p->site, m)) return;
    (void)snprintf(object, sizeof(object), "pa:%s/%s", p->site, m->zone);
    store_action(r->store, r->now.wall, "pa.mute", object, m->by, -1, m->reason,
                 clock_format(m->until, false, until));
    log_info("pa: site=%s zone=%s muted until %s", p->site, m->zone, clock_format(m->until, false, until));
}

static void tell_end(struct relay *r, const struct player *p, const struct mute *m)
{
    const struct site_config *site = config_site(r->config, p->site);
    if (!site || m->until <= r->now.wall || !is_news(r, "mute_told", p->site, m)) return;
    struct local_time t = clock_local(m->until);
    CLEANUP(free_ptr)
    char *text =
        xasprintf(_("%s, %s: the loudspeakers, muted by %s, speak again at %02d:%02d. To keep them silent: "
                    "tocsin-pa mute %s --for 2h"),
                  site->name, m->name, *m->by ? m->by : "?", t.hour, t.minute, m->zone);
    notice_duty(r, &(struct notice){.status = STATUS_ACTUAL,
                                    .about = "mute",
                                    .area = site->area,
                                    .title = _("a mute ends soon"),
                                    .text = text,
                                    .lasts = m->until - r->now.wall});
}

static void take_zones(struct relay *r, struct player *p, const cJSON *zones)
{
    const cJSON *z;
    free(p->mutes);
    p->mutes = NULL;
    p->n_mutes = 0;
    cJSON_ArrayForEach(z, zones)
    {
        struct mute m = {0};
        bool soon = false;
        if (p->n_mutes == ZONES_MAX || json_time(z, "muted_until", &m.until) != RELAY_OK) continue;
        copy(m.zone, sizeof(m.zone), z, "id");
        (void)snprintf(m.name, sizeof(m.name), "%s", json_str_or(z, "name", m.zone));
        copy(m.by, sizeof(m.by), z, "muted_by");
        CLEANUP(buf_release) struct buf why = BUF_INIT(PAYLOAD_MAX);
        mask_original(json_str_or(z, "mute_reason", ""), &why);
        (void)snprintf(m.reason, sizeof(m.reason), "%s", buf_cstr(&why));
        p->mutes = xreallocarray(p->mutes, p->n_mutes + 1, sizeof(*p->mutes));
        p->mutes[p->n_mutes++] = m;
        note_mute(r, p, &m);
        (void)!json_bool(z, "mute_ends_soon", &soon); /* absent: not yet */
        if (soon) tell_end(r, p, &m);
    }
}

static void on_state(void *arg, const char *topic, const char *payload, size_t n)
{
    struct players *all = arg;
    struct relay *r = all->relay;
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct json_limits limits = {PAYLOAD_MAX, 6};
    struct reason why;
    char site[40];
    const char *begin = topic + strlen("pa/"), *slash = strchr(begin, '/');
    if (n == 0 || !slash || (size_t)(slash - begin) >= sizeof(site)) return;
    (void)snprintf(site, sizeof(site), "%.*s", (int)(slash - begin), begin);
    if (json_parse(payload, n, &limits, &j, &why) != RELAY_OK) {
        log_warning("topic=%s state refused: %s; ignored", topic, why.text);
        return;
    }
    if (!config_site(r->config, site)) {
        log_warning("topic=%s: there is no site %s in the configuration; ignored", topic, site);
        return;
    }
    struct player *p = player_of(all, site);
    bool was_up = p->up, trusted = p->clock_trusted;
    int64_t missed = p->holidays_missing;
    p->up = strcmp(json_str_or(j, "state", ""), "up") == 0;
    if (json_time(j, "at", &p->at) != RELAY_OK) p->at = r->now.wall;
    if (!p->up) {
        if (was_up)
            log_warning("pa: site=%s the player is gone; it plays on from what it has, if it lives", site);
        return; /* what it last said of its mutes stays */
    }
    p->holidays_known = p->clock_trusted = true;
    (void)!json_bool(j, "holidays_known",
                     &p->holidays_known); /* absent: another's player, which does not say */
    p->holidays_missing = p->holidays_known ? 0 : clock_local(r->now.wall).year;
    (void)!json_int(j, "holidays_missing", &p->holidays_missing); /* absent: none but that */
    p->clock_trusted = strcmp(json_str_or(j, "clock", "trusted"), "trusted") == 0;
    copy(p->hold, sizeof(p->hold), j, "hold");
    copy(p->hold_by, sizeof(p->hold_by), j, "hold_by");
    if (p->holidays_missing && (p->holidays_missing != missed || !was_up))
        log_warning("pa: site=%s has no holiday data for %lld; see player.holidays there", site,
                    (long long)p->holidays_missing);
    if (!p->clock_trusted && (trusted || !was_up))
        log_error("pa: site=%s does not trust its clock and speaks nothing", site);
    take_zones(r, p, cJSON_GetObjectItemCaseSensitive(j, "zones"));
}

struct players *players_new(struct relay *r)
{
    struct players *p = xcalloc(1, sizeof(*p));
    p->relay = r;
    outlink_on_topic(r, "pa/+/state", on_state, p);
    return p;
}

struct players *players_free(struct players *p)
{
    if (!p) return NULL;
    for (size_t i = 0; i < p->n; i++) free(p->items[i].mutes);
    free(p->items);
    free(p);
    return NULL;
}

void players_json(const struct players *p, int64_t now, struct buf *out)
{
    buf_char(out, '[');
    for (size_t i = 0; i < p->n; i++) {
        const struct player *it = &p->items[i];
        if (i) buf_char(out, ',');
        buf_char(out, '{');
        buf_json_member(out, "site", it->site);
        buf_json_member_bool(out, "up", it->up);
        buf_json_member_time(out, "at", it->at);
        buf_json_member(out, "hold", *it->hold ? it->hold : NULL);
        buf_json_member(out, "hold_by", *it->hold ? it->hold_by : NULL);
        buf_json_member(out, "clock", it->clock_trusted ? "trusted" : "not_trusted");
        buf_json_member_bool(out, "holidays_known", it->holidays_known);
        if (it->holidays_missing) buf_json_member_int(out, "holidays_missing", it->holidays_missing);
        buf_json_key(out, "mutes");
        buf_char(out, '[');
        for (size_t m = 0; m < it->n_mutes; m++) {
            if (it->mutes[m].until <= now) continue;
            if (out->data[out->len - 1] != '[') buf_char(out, ',');
            buf_char(out, '{');
            buf_json_member(out, "zone", it->mutes[m].zone);
            buf_json_member(out, "name", it->mutes[m].name);
            buf_json_member_time(out, "until", it->mutes[m].until);
            buf_json_member(out, "by", it->mutes[m].by);
            buf_json_member(out, "reason", it->mutes[m].reason);
            buf_char(out, '}');
        }
        buf_str(out, "]}");
    }
    buf_char(out, ']');
}
