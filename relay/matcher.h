/* Matchers over an alert's labels, in Alertmanager's syntax: routes and silences both read them.
 *
 *   level="red"    certainty=~"Likely|Observed"    area4!="6101"    category!~"medins_.*"
 *
 * Patterns are anchored at both ends. Several stand in one text with commas, in braces or not. A label with several values
 * (an alert's areas, its feeds) is `=` when one of them is, and `!=` when none is; one with no value is "".
 * A pattern that meets a PCRE2 limit does not match, negated or not: a route then falls to the quieter one, and a silence
 * does not silence.
 *
 *   label_matchers_add … -> label_matchers_match … -> label_matchers_release
 */
#ifndef TOCSIN_RELAY_MATCHER_H
#define TOCSIN_RELAY_MATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum label {
    LABEL_RULE,
    LABEL_CATEGORY,
    LABEL_LEVEL,
    LABEL_AREA2, /* province, "61" */
    LABEL_AREA4,
    LABEL_AREA6,
    LABEL_FEED,
    LABEL_SITE,
    LABEL_CERTAINTY,
    LABEL_STATUS,
    LABEL_KIND,
    LABEL_COUNT
};
const char *label_name(enum label l); /* "rule" */
bool label_parse(const char *s, enum label *ret);

/* What matchers look at. Values are borrowed. */
struct labels {
    struct {
        const char *one; /* used when many is NULL; NULL: "" */
        const char *const *many;
        size_t n;
    } values[LABEL_COUNT];
};

struct label_matcher;
struct label_matchers {
    struct label_matcher *items;
    size_t n;
};

/* Adds what `text` holds; on failure nothing is added. Words of level, certainty, status and kind that do not exist are
 * refused, and Chinese names of levels and kinds are read. */
enum relay_err label_matchers_add(struct label_matchers *ms, const char *text, struct reason *why) MUST_CHECK;
/* All of them; true when there are none. */
bool label_matchers_match(const struct label_matchers *ms, const struct labels *labels);
/* True when one of them is for a rule, category, site or area by name: a silence without such a one is broad. */
bool label_matchers_narrow(const struct label_matchers *ms);
void label_matchers_release(struct label_matchers *ms);

#endif
