/* Walks the routing tree and turns receivers into targets. */
#include "route.h"

#include "base/mem.h"
#include "base/text.h"

struct walk {
    struct targets *t;
    const struct labels *labels;
    const char *areas;
    enum cap_status status;
    bool drill_open;
    struct selection *items;
    size_t n;
    bool *taken; /* by index of the target */
};

static bool receives(const struct receiver_config *r, const struct relay_target *t)
{
    switch (t->class) {
    case TO_SPEECH: return opt_strs_has(&r->pa, "announce");
    case TO_BULLETIN: return opt_strs_has(&r->pa, "bulletin");
    case TO_BOARD:
        return opt_strs_has(&r->displays, "all") || opt_strs_has(&r->displays, t->pub.site) ||
               opt_strs_has(&r->displays, strchr(t->pub.id, ':') + 1);
    case TO_CHAT: break;
    }
    return opt_strs_has(&r->chats, "all") || opt_strs_has(&r->chats, audience_name(t->pub.audience)) ||
           opt_strs_has(&r->chats, t->pub.place);
}

static void select_receiver(struct walk *w, const struct route_config *route)
{
    if (!route->to) return;
    for (size_t i = 0; i < w->t->n; i++) {
        struct relay_target *t = &w->t->items[i];
        if (w->taken[i] || !target_in_areas(t, w->areas) || !receives(route->to, t)) continue;
        if (w->status != STATUS_ACTUAL && !t->drills && !w->drill_open) continue;
        w->taken[i] = true;
        w->items[w->n++] = (struct selection){.target = t,
                                              .approve = (enum approve)route->approve,
                                              .group_wait = route->group_wait,
                                              .group_interval = route->group_interval,
                                              .repeat_interval = route->repeat_interval};
    }
}

/* True when this node or one below it has answered. */
static bool walk_route(struct walk *w, const struct route_config *route)
{
    if (!label_matchers_match(&route->compiled, w->labels)) return false;
    bool answered = false;
    const struct route_config *children = route->routes.items;
    for (size_t i = 0; i < route->routes.n; i++) {
        if (!walk_route(w, &children[i])) continue;
        answered = true;
        if (!children[i].continue_) break;
    }
    if (!answered) select_receiver(w, route);
    return true;
}

size_t route_select(const struct relay_config *c, struct targets *t, const struct labels *labels,
                    const char *areas, enum cap_status status, bool drill_open, struct selection **ret)
{
    struct walk w = {.t = t, .labels = labels, .areas = areas, .status = status, .drill_open = drill_open};
    w.items = xcalloc(t->n, sizeof(*w.items));
    w.taken = xcalloc(t->n, sizeof(*w.taken));
    (void)walk_route(&w, &c->route); /* the root has no matchers, so somebody answers */
    free(w.taken);
    *ret = w.items;
    return w.n;
}

/* As walk_route. */
static bool walk_escalation(const struct route_config *route, const struct labels *labels,
                            const struct route_config **found)
{
    if (!label_matchers_match(&route->compiled, labels)) return false;
    bool answered = false;
    const struct route_config *children = route->routes.items;
    for (size_t i = 0; i < route->routes.n; i++) {
        if (!walk_escalation(&children[i], labels, found)) continue;
        answered = true;
        if (!children[i].continue_) break;
    }
    if (!answered && !*found && route->escalate.n) *found = route;
    return true;
}

const struct route_config *route_escalation(const struct relay_config *c, const struct labels *labels)
{
    const struct route_config *found = NULL;
    (void)walk_escalation(&c->route, labels, &found);
    return found;
}

bool route_chat_named(const char *words, const struct relay_target *t)
{
    return t->chat && (text_has_word(words, "all") || text_has_word(words, audience_name(t->pub.audience)) ||
                       text_has_word(words, t->pub.place));
}

bool route_site_in(const struct site_config *s, const char *areas)
{
    return areas_overlap(areas, s->area);
}

const char *route_site(const struct targets *t, const char *areas)
{
    const struct site_config *sites = t->config->sites.items, *only = NULL;
    for (size_t i = 0; i < t->config->sites.n; i++) {
        if (!route_site_in(&sites[i], areas)) continue;
        if (only) return "";
        only = &sites[i];
    }
    return only ? only->id : "";
}

size_t route_sites(const struct targets *t, const char *areas, enum site_mode *ret_boldest)
{
    const struct site_config *sites = t->config->sites.items;
    size_t n = 0;
    enum site_mode boldest = SITE_TRIAL;
    for (size_t i = 0; i < t->config->sites.n; i++) {
        if (!route_site_in(&sites[i], areas)) continue;
        n++;
        if (t->sites[i].mode > boldest) boldest = t->sites[i].mode;
    }
    *ret_boldest = n ? boldest : SITE_LIVE;
    return n;
}

void route_labels(const struct alert_row *a, const struct targets *t, struct label_room *room,
                  struct labels *ret)
{
    *ret = (struct labels){0};
    ret->values[LABEL_RULE].one = a->rule;
    ret->values[LABEL_CATEGORY].one = a->category;
    ret->values[LABEL_LEVEL].one = level_name(a->level);
    ret->values[LABEL_CERTAINTY].one = certainty_name(a->certainty);
    ret->values[LABEL_STATUS].one = cap_status_name(a->status);
    (void)snprintf(room->site, sizeof(room->site), "%s", route_site(t, a->areas));
    ret->values[LABEL_SITE].one = room->site;

    size_t n = 0;
    char code[AREA_LEN + 1];
    for (const char *p = a->areas; n < ARRAY_LEN(room->codes[0]) && area_next(&p, code); n++) {
        for (int k = 0; k < 3; k++) {
            (void)snprintf(room->codes[k][n], sizeof(room->codes[k][n]), "%.*s", 2 * (k + 1), code);
            room->values[k][n] = room->codes[k][n];
        }
    }
    for (size_t k = 0; k < 3; k++) {
        ret->values[LABEL_AREA2 + k].many = room->values[k];
        ret->values[LABEL_AREA2 + k].n = n;
    }

    (void)snprintf(room->feeds, sizeof(room->feeds), "%s", a->feeds);
    n = 0;
    char *rest = room->feeds;
    for (char *word = strsep(&rest, " "); word && n < ARRAY_LEN(room->feed_values); word = strsep(&rest, " "))
        if (*word) room->feed_values[n++] = word;
    ret->values[LABEL_FEED].many = room->feed_values;
    ret->values[LABEL_FEED].n = n;
}
