/* How like a text is to the scams of a kind that a pack has learned: points for the characters that stand in a row, summed
 * up, as mail filters score. A rule asks it with `learned:`, for what its words do not foresee.
 *
 * The points are in the pack's likeness.tsv, made by packaging/learn (rules/learn/README.md): tab-separated
 * `kind, points, characters`. A kind is a rule's id, or the category of those that have none of their own; the line of a kind
 * without characters is what it begins with. Points are thousandths of the weights of a logistic regression, so
 * 100 / (1 + exp(-sum / 1000)) is the likeness in percent. Each row of characters counts once, however often it is there.
 */
#ifndef TOCSIN_RULES_LIKENESS_H
#define TOCSIN_RULES_LIKENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define LIKENESS_FILE "likeness.tsv"

/* Percent under which a text is like no kind at all. Of texts that nobody had learned from, rules found 888 scams, of which 4
 * were under it, and 16 harmless ones, of which 8 were. */
#define LIKENESS_DOUBT 0.5

enum { LIKENESS_KINDS_MAX = 64, LIKENESS_ROW = 3 };

struct likeness;

/* All of it is the arena's. RELAY_NOT_FOUND: no such file; RELAY_INVALID with file and line. */
enum relay_err likeness_read(const char *path, struct arena *a, struct likeness **ret,
                             struct reason *why) MUST_CHECK;
enum relay_err likeness_parse(const char *name, const char *text, size_t n, struct arena *a,
                              struct likeness **ret, struct reason *why) MUST_CHECK;

int likeness_kind(const struct likeness *l, const char *name); /* its number, or -1 */
const char *likeness_digest(const struct likeness *l);         /* of what was read, 16 hex digits */

/* What one text is like; the scratch of one thread. Zeroed at first, of one likeness at a time. */
struct likeness_of {
    const struct likeness *l;
    uint32_t *counted; /* of each row: the text in which it was last met */
    uint32_t turn;
    int64_t sums[LIKENESS_KINDS_MAX];
};
/* text: normalised. */
void likeness_look(struct likeness_of *o, const struct likeness *l, const char *text, size_t n);
void likeness_of_release(struct likeness_of *o);

/* Of the text looked at last. */
static inline int64_t likeness_points(const struct likeness_of *o, int kind)
{
    return o->sums[kind];
}
double likeness_percent(int64_t points);            /* 0 to 100 */
int64_t likeness_least(double percent);             /* points; percent over 0, under 100 */
int64_t likeness_most(const struct likeness_of *o); /* points of the kind that the text is most like */

/* A row that made the text more like the kind, and by how much. */
struct likeness_part {
    size_t from, to; /* in the text */
    int64_t points;
};
/* The weightiest of them, at most max; how many. */
size_t likeness_parts(const struct likeness *l, int kind, const char *text, size_t n,
                      struct likeness_part *ret, size_t max);

/* The rows of characters of a text, one after the other: of each place those of three, two and one characters that end
 * there. Digits in a row, and what is masked among them, are one `0`; a row never goes over a space. For whoever counts
 * or learns. */
struct likeness_walk {
    const char *text;
    size_t n, at, chars;
    uint32_t points[LIKENESS_ROW]; /* the last ones */
    size_t places[LIKENESS_ROW];
    int have, give;
};
struct likeness_row {
    uint64_t key; /* its code points, 21 bits each; never 0 */
    size_t from, to;
};
bool likeness_next(struct likeness_walk *w, struct likeness_row *ret);
/* The characters of a key; returns bytes written. */
size_t likeness_key_text(uint64_t key, char ret[static 4 * LIKENESS_ROW]);

/* For the page: {"begin": points of each kind, "rows": {"characters": [[kind, points], …]}}. */
void likeness_json(const struct likeness *l, struct buf *out);

#endif
