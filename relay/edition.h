/* One revision on its way out, and its texts: every one is rendered once, from the rule's own words, in the commit that makes
 * the revision. alerts.c fills an edition, asks edition_rendering for each target, and frees the variants (edition_release). */
#ifndef TOCSIN_RELAY_EDITION_H
#define TOCSIN_RELAY_EDITION_H

#include "relay.h"

struct edition {
    struct alert_row *alert;
    const struct rule_say *say;
    const char *rule_title;
    enum msg_type type;
    int64_t sent, expires;
    bool fresh, approved, needs_person;
    int approvals;    /* persons who have approved the alert already */
    bool drill_over;  /* an exercise whose drill has fallen silent */
    bool plain;       /* the relay's own words to a duty group: the text as it is */
    int reminder;     /* the step of the clock that this is; 0: none */
    char silence[40]; /* "silence 3" while one is in force for it, else "" */
    enum site_mode boldest;
    /* Renderings of this revision by variant, so that a thousand chats share one row. */
    struct variant {
        char name[160];
        int64_t row;
    } * variants;
    size_t n_variants;
};

/* The rendering row of this revision for this target: made at the first target that needs it. */
int64_t edition_rendering(struct relay *r, struct edition *ed, const struct relay_target *t);
/* Whether {{area}} of these areas is the same words; and whether it stands in a text for this target. */
bool edition_areas_alike(const char *a, const char *b);
bool edition_names_areas(const struct edition *ed, const struct relay_target *t);
void edition_release(struct edition *ed);

#endif
