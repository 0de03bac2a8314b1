/* A first draft of a rule: from the texts of a scam and harmless texts that come near, the words that occur in all of the
 * first and in none of the second; where there are too few such words, small groups of which each text has one.
 */
#ifndef TOCSIN_RULES_PROPOSE_H
#define TOCSIN_RULES_PROPOSE_H

#include "rules/set.h"

enum { PROPOSE_TEXTS_MAX = 64, PROPOSE_LISTS_MAX = 4, PROPOSE_WORDS_MAX = 8 };

struct proposal {
    struct {
        const char *words[PROPOSE_WORDS_MAX];
        size_t n;
    } lists[PROPOSE_LISTS_MAX];
    size_t n_lists;
    int near;
};

/* Words live in the arena. RELAY_NOT_FOUND when the texts share nothing that the harmless ones do not have too. */
enum relay_err propose_words(const char *const *scams, size_t n_scams, const char *const *harmless,
                             size_t n_harmless, struct arena *a, struct proposal *ret,
                             struct reason *why) MUST_CHECK;

/* A commented rule file. p NULL: with example words. */
void rule_template(const char *id, const struct proposal *p, const char *const *scams, size_t n_scams,
                   const char *const *harmless, size_t n_harmless, struct buf *out);

#endif
