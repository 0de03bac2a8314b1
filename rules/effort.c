/* How much work a pattern can be made to do at most, from its shape alone. */
#include <string.h>

#include "base/text.h"
#include "rules/pattern.h"

/* From one place in the text. ways: in how many ways it can match there, which is how often what stands behind it is tried;
 * steps: what all of them cost. Both are bounds from above, and count what the text may not have. */
struct effort {
    double ways, steps;
};

static size_t shortest(const struct node *n)
{
    size_t least = SIZE_MAX, sum = 0;
    switch (n->kind) {
    case NODE_LITERAL: return strlen(n->text);
    case NODE_SET: return 1;
    case NODE_EMPTY:
    case NODE_LOOK: return 0;
    case NODE_CONCAT:
        for (size_t i = 0; i < n->n_kids; i++) sum += shortest(n->kids[i]);
        return sum;
    case NODE_ALT:
        for (size_t i = 0; i < n->n_kids; i++) {
            size_t one = shortest(n->kids[i]);
            if (one < least) least = one;
        }
        return least;
    case NODE_GROUP: return shortest(n->kids[0]);
    case NODE_REPEAT: return (size_t)n->min * shortest(n->kids[0]);
    }
    return 0;
}

/* The only character that a match can begin with, 0 when there are more. */
static uint32_t first_char(const struct node *n)
{
    uint32_t cp = 0;
    switch (n->kind) {
    case NODE_LITERAL: (void)text_next(n->text, strlen(n->text), &cp); return cp;
    case NODE_CONCAT:
    case NODE_GROUP: return first_char(n->kids[0]);
    default: return 0;
    }
}

static struct effort effort_of(const struct node *n, size_t bytes);

struct start {
    uint32_t cp; /* 0: may be anything */
    double ways;
};

static int by_char(const void *a, const void *b)
{
    const struct start *x = a, *y = b;
    return (x->cp > y->cp) - (x->cp < y->cp);
}

/* Alternatives that begin differently cannot all match at one place. */
static struct effort effort_of_choice(const struct node *n, size_t bytes)
{
    struct effort e = {0, 0};
    double most = 0, same = 0;
    struct start *starts = xcalloc(n->n_kids, sizeof(*starts));
    for (size_t i = 0; i < n->n_kids; i++) {
        struct effort kid = effort_of(n->kids[i], bytes);
        e.steps += kid.steps;
        starts[i] = (struct start){first_char(n->kids[i]), kid.ways};
    }
    qsort(starts, n->n_kids, sizeof(*starts), by_char);
    for (size_t i = 0; i < n->n_kids; i++) {
        same = i > 0 && starts[i].cp == starts[i - 1].cp ? same + starts[i].ways : starts[i].ways;
        if (starts[i].cp == 0)
            e.ways = same;
        else if (same > most)
            most = same;
    }
    free(starts);
    e.ways += most;
    return e;
}

static struct effort effort_of_repeat(const struct node *n, size_t bytes)
{
    size_t turn = shortest(n->kids[0]), fit = bytes / (turn ? turn : 1);
    size_t turns = n->max < 0 || (size_t)n->max > fit ? fit : (size_t)n->max;
    struct effort kid = effort_of(n->kids[0], bytes), e = {0, 0};
    double ways = 1; /* in which that many turns can be made */
    for (size_t i = 0; i <= turns && e.steps < EFFORT_MAX; i++) {
        if (i >= (size_t)n->min) e.ways += ways;
        e.steps += ways * kid.steps;
        ways *= kid.ways;
    }
    if (n->greedy[0] == '+') e.ways = 1;
    return e;
}

static struct effort effort_of(const struct node *n, size_t bytes)
{
    struct effort e = {1, 1};
    switch (n->kind) {
    case NODE_LITERAL:
    case NODE_SET:
    case NODE_EMPTY: break;
    case NODE_CONCAT:
        for (size_t i = 0; i < n->n_kids; i++) {
            struct effort kid = effort_of(n->kids[i], bytes);
            e.steps += e.ways * kid.steps;
            e.ways *= kid.ways;
        }
        break;
    case NODE_ALT: e = effort_of_choice(n, bytes); break;
    case NODE_REPEAT: e = effort_of_repeat(n, bytes); break;
    case NODE_GROUP:
    case NODE_LOOK: /* a lookaround, or an atomic group, is left in one way only */
        e = effort_of(n->kids[0], bytes);
        if (n->kind == NODE_LOOK || strcmp(n->text, "(?>") == 0) e.ways = 1;
        break;
    }
    if (e.ways > EFFORT_MAX) e.ways = EFFORT_MAX;
    if (e.steps > EFFORT_MAX) e.steps = EFFORT_MAX;
    return e;
}

double pattern_effort(const struct pattern *p, size_t bytes)
{
    return effort_of(p->root, bytes).steps;
}
