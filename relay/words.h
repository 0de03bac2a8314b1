/* The words an alert was made with. They are kept beside its renderings, so that what is in force can still be shown, reminded
 * of, confirmed and corrected when its rule is not loaded any more.
 *
 *   words_keep at each revision; words_of -> … -> words_release
 */
#ifndef TOCSIN_RELAY_WORDS_H
#define TOCSIN_RELAY_WORDS_H

#include <cjson/cJSON.h>

#include "relay.h"

struct words {
    struct rule_say say;
    const char *title;
    cJSON *kept; /* what `say` borrows from when the rule is gone */
};

/* As the rule says them now; where it is gone, as they were kept. False: neither. `a` outlives *ret. */
bool words_of(struct relay *r, const struct alert_row *a, struct words *ret);
void words_release(struct words *w); /* CLEANUP(words_release) struct words w = {.kept = NULL}; */

/* For the alert's newest revision, where they are others than before. */
void words_keep(struct relay *r, const struct alert_row *a, const struct rule_say *say);

#endif
