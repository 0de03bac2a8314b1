/* A rule set against texts that people give: `tocsin rules eval`, and its report when the texts carry labels.
 *
 *   eval_init -> eval_line … -> eval_counted -> eval_report -> eval_release
 *
 * A line is a JSON object {"id","text"}, with "memo" joined to the text by a line feed as an event's is, and "kind" honoured
 * when it names a kind of event. The answer is {"id","verdict","matches":[{"rule","category","level","only_like"}]}, the rule
 * that makes the alert first; only_like: true where only likeness finds it. Texts are normalised and masked as events are.
 * Thresholds play no part.
 * Borrowed: the set, for as long as the eval lives. One thread.
 */
#ifndef TOCSIN_RULES_EVAL_H
#define TOCSIN_RULES_EVAL_H

#include "base/normalise.h"
#include "rules/set.h"

enum { EVAL_LINE_MAX = 1024 * 1024 };

struct eval {
    struct matcher *matcher;
    struct norm_text scratch;
    struct buf text;
    struct buf wrong;    /* the last line's, when it came out otherwise than its label says; else empty */
    struct tally *tally; /* NULL until a line carries a label */
    bool all;            /* rules of every status */
    bool json;           /* how `wrong` and the report are written */
};

void eval_init(struct eval *e, const struct rule_set *set, bool all);
void eval_release(struct eval *e);

/* Appends the answer and a line feed to out. RELAY_INVALID with the reason when the line is no such object. */
enum relay_err eval_line(struct eval *e, const char *line, size_t n, struct buf *out,
                         struct reason *why) MUST_CHECK;

/* RELAY_NOT_FOUND when no line could be compared with a label. */
enum relay_err eval_counted(const struct eval *e, struct reason *why) MUST_CHECK;
/* Recall, precision and false alarms by category and origin, of the lines that carried label, category, origin, hard.
 * Only when eval_counted. */
void eval_report(const struct eval *e, struct buf *out);

#endif
