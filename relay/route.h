/* The routing tree: which receivers, and so which targets, an alert goes to. Alertmanager's semantics: depth first, the
 * first child that matches wins unless it says `continue`, a node without a matching child answers itself, settings are
 * inherited. Pure. */
#ifndef TOCSIN_RELAY_ROUTE_H
#define TOCSIN_RELAY_ROUTE_H

#include "matcher.h"
#include "targets.h"

struct selection {
    struct relay_target *target;
    enum approve approve;
    int64_t group_wait, group_interval, repeat_interval;
};

/* Targets for these labels within `areas` (space-separated codes), each once: the first route that reaches a target sets
 * its terms. Exercise and Test reach only targets with drills (`drill_open`: a window is open, so all may).
 * The caller frees *ret. */
size_t route_select(const struct relay_config *c, struct targets *t, const struct labels *labels,
                    const char *areas, enum cap_status status, bool drill_open, struct selection **ret);

/* The first route of those that answer which has steps of reminding, or NULL. */
const struct route_config *route_escalation(const struct relay_config *c, const struct labels *labels);
/* `words`: all, or audiences, or ids, with spaces between. */
bool route_chat_named(const char *words, const struct relay_target *t);

/* The labels of an alert. Texts are borrowed from the arguments and from `room`. */
struct label_room {
    char codes[3][64][AREA_LEN + 1]; /* area2, area4, area6 */
    const char *values[3][64];
    char feeds[512];
    const char *feed_values[64];
    char site[40];
};
void route_labels(const struct alert_row *a, const struct targets *t, struct label_room *room,
                  struct labels *ret);

/* The site's area and one of the space-separated areas are equal or one is the other's prefix. */
bool route_site_in(const struct site_config *s, const char *areas);
/* The one site that covers the areas, or "". */
const char *route_site(const struct targets *t, const char *areas);
/* How many sites the areas reach, and the boldest of their modes (SITE_LIVE when there is none). */
size_t route_sites(const struct targets *t, const char *areas, enum site_mode *ret_boldest);

#endif
