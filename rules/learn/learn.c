/* Makes a pack's likeness.tsv from texts with labels, for packaging/learn: for each kind of scam a logistic regression over
 * the rows of characters of its texts against all others, with an L1 penalty, which keeps few rows (liblinear).
 *
 *   learn [--pack FOLDER] FILE… > likeness.tsv
 *
 * FILE: JSON lines {"text", "label", "category"} as `tocsin rules eval` takes them, and "rule" where a kind is for one rule of
 * its category alone. Of the pack the rules' own samples are learned too.
 */
#include <linear.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/json.h"
#include "rules/eval.h"
#include "rules/likeness.h"
#include "rules/set.h"

/* PASS_TIMES: a rule's own `pass` samples weigh more, because one that fails takes the rule out of the pack. */
enum { PASS_TIMES = 3, TEXTS_MIN = 3, THOUSAND = 1000, KIND_TEXTS_MIN = 10, TEXT_MAX = 1024 * 1024 };

/* Chosen on texts that nobody had learned from: between 0.3 and 3 nothing is lost. */
static const double cost = 1, precision = 0.001;

struct row {
    uint64_t key;
    size_t texts, last; /* how many have it; the last that had */
    int number;         /* from 1 among those that enough texts have */
    UT_hash_handle hh;
};

struct learner {
    struct arena arena;
    struct row *rows;
    struct row **numbered;
    int n_numbered;
    struct feature_node **x;
    char **texts;
    int *kinds; /* of each text; -1: no medical scam */
    size_t n, cap;
    char *names[LIKENESS_KINDS_MAX];
    size_t of_kind[LIKENESS_KINDS_MAX];
    int n_kinds;
};

static int kind_number(struct learner *l, const char *name)
{
    for (int i = 0; i < l->n_kinds; i++)
        if (strcmp(l->names[i], name) == 0) return i;
    if (l->n_kinds == LIKENESS_KINDS_MAX) {
        (void)fprintf(stderr, "learn: more than %d kinds\n", LIKENESS_KINDS_MAX);
        exit(2);
    }
    l->names[l->n_kinds] = arena_strdup(&l->arena, name);
    return l->n_kinds++;
}

static void count_rows(struct learner *l, const char *text, size_t number)
{
    struct likeness_walk w = {.text = text, .n = strlen(text)};
    struct likeness_row found;
    while (likeness_next(&w, &found)) {
        struct row *row = NULL;
        HASH_FIND(hh, l->rows, &found.key, sizeof(found.key), row);
        if (!row) {
            row = arena_alloc(&l->arena, sizeof(*row));
            row->key = found.key;
            HASH_ADD(hh, l->rows, key, sizeof(row->key), row);
        }
        if (row->last == number) continue;
        row->last = number;
        row->texts++;
    }
}

static void take_text(struct learner *l, const char *text, int kind)
{
    CLEANUP(buf_release) struct buf prepared = BUF_INIT(TEXT_MAX);
    rule_text_prepare(text, strlen(text), &prepared);
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 1024;
        l->texts = xreallocarray(l->texts, l->cap, sizeof(*l->texts));
        l->kinds = xreallocarray(l->kinds, l->cap, sizeof(*l->kinds));
    }
    if (kind >= 0) l->of_kind[kind]++;
    l->texts[l->n] = arena_strdup(&l->arena, buf_cstr(&prepared));
    l->kinds[l->n++] = kind;
    count_rows(l, l->texts[l->n - 1], l->n);
}

/* False when the line is no labelled text. */
static bool take_line(struct learner *l, const char *line, size_t n)
{
    CLEANUP(json_free_ptr) cJSON *in = NULL;
    const struct json_limits limits = {.max_bytes = EVAL_LINE_MAX, .max_depth = 4};
    if (json_parse(line, n, &limits, &in, NULL)) return false;
    const char *text = json_str_or(in, "text", NULL), *label = json_str_or(in, "label", NULL);
    const char *category = json_str_or(in, "category", NULL);
    if (!text || !label || (strcmp(label, "medical_scam") == 0 && !category)) return false;
    int kind = -1;
    if (strcmp(label, "medical_scam") == 0) kind = kind_number(l, json_str_or(in, "rule", category));
    take_text(l, text, kind);
    return true;
}

static int read_texts(struct learner *l, const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0, number = 0;
    int status = 0;
    if (!f) {
        perror(path);
        return 2;
    }
    for (ssize_t n; (n = getline(&line, &room, f)) > 0;) {
        number++;
        if (take_line(l, line, (size_t)n)) continue;
        (void)fprintf(stderr, "%s:%zu: wants {\"text\", \"label\", \"category\" of a medical_scam}\n", path,
                      number);
        status = 2;
        break;
    }
    free(line);
    (void)fclose(f);
    return status;
}

static int read_pack(struct learner *l, const char *folder)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct rule_sources sources = {0};
    struct rule_problems problems = {0};
    struct reason why = {0};
    if (rule_sources_read(&folder, 1, &arena, &sources, &problems, &why)) {
        (void)fprintf(stderr, "learn: %s\n", why.text);
        return 2;
    }
    for (size_t i = 0; i < problems.n; i++)
        (void)fprintf(stderr, "%s:%d: %s: %s\n", problems.items[i].file, problems.items[i].line,
                      problems.items[i].rule, problems.items[i].why.text);
    for (size_t i = 0; i < sources.n; i++) {
        const struct rule *r = &sources.items[i]->rule;
        bool own = false;
        for (int k = 0; k < l->n_kinds; k++) own = own || strcmp(l->names[k], r->id) == 0;
        int kind = kind_number(l, own ? r->id : r->category);
        for (size_t k = 0; k < r->n_samples_match; k++) take_text(l, r->samples_match[k], kind);
        for (size_t k = 0; k < PASS_TIMES * r->n_samples_pass; k++)
            take_text(l, r->samples_pass[k / PASS_TIMES], -1);
    }
    rule_problems_release(&problems);
    rule_sources_release(&sources);
    return 0;
}

static int by_key(struct row *a, struct row *b)
{
    return (a->key > b->key) - (a->key < b->key);
}

static int by_index(const void *a, const void *b)
{
    return ((const struct feature_node *)a)->index - ((const struct feature_node *)b)->index;
}

static struct feature_node *features(const struct learner *l, const char *text)
{
    struct likeness_walk w = {.text = text, .n = strlen(text)};
    struct likeness_row found;
    size_t n = 0, kept = 0;
    struct feature_node *x = xcalloc(LIKENESS_ROW * strlen(text) + 1, sizeof(*x));
    while (likeness_next(&w, &found)) {
        struct row *row = NULL;
        HASH_FIND(hh, l->rows, &found.key, sizeof(found.key), row);
        if (row && row->number) x[n++] = (struct feature_node){row->number, 1};
    }
    if (n) qsort(x, n, sizeof(*x), by_index);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || x[i].index != x[kept - 1].index) x[kept++] = x[i];
    x[kept++] = (struct feature_node){l->n_numbered + 1, 1}; /* what a kind begins with */
    x[kept++] = (struct feature_node){-1, 0};
    return xreallocarray(x, kept, sizeof(*x));
}

static void number_rows(struct learner *l)
{
    HASH_SORT(l->rows, by_key);
    l->numbered = xcalloc(HASH_COUNT(l->rows) + 1, sizeof(*l->numbered));
    for (struct row *r = l->rows; r; r = r->hh.next) {
        if (r->texts < TEXTS_MIN) continue;
        l->numbered[l->n_numbered] = r;
        r->number = ++l->n_numbered;
    }
    l->x = xcalloc(l->n, sizeof(*l->x));
    for (size_t i = 0; i < l->n; i++) l->x[i] = features(l, l->texts[i]);
}

static void write_row(const char *kind, double weight, const char *row)
{
    long points = lround(weight * THOUSAND);
    if (points) (void)printf("%s\t%ld\t%s\n", kind, points, row);
}

static void learn_kind(const struct learner *l, int kind)
{
    double *y = xcalloc(l->n, sizeof(*y));
    for (size_t i = 0; i < l->n; i++) y[i] = l->kinds[i] == kind ? 1 : -1;
    const struct problem p = {(int)l->n, l->n_numbered + 1, y, l->x, 1};
    const struct parameter how = {.solver_type = L1R_LR, .eps = precision, .C = cost};
    struct model *m = train(&p, &how);
    double sign = m->label[0] == 1 ? 1 : -1; /* weights are those of the class met first */
    size_t rows = 0;
    write_row(l->names[kind], sign * m->w[l->n_numbered], "");
    for (int i = 0; i < l->n_numbered; i++) {
        char text[4 * LIKENESS_ROW + 1];
        if (m->w[i] == 0) continue;
        text[likeness_key_text(l->numbered[i]->key, text)] = '\0';
        write_row(l->names[kind], sign * m->w[i], text);
        rows++;
    }
    (void)fprintf(stderr, "learn: %s: %zu texts, %zu rows of characters\n", l->names[kind], l->of_kind[kind],
                  rows);
    free_and_destroy_model(&m);
    free(y);
}

static void learner_release(struct learner *l)
{
    HASH_CLEAR(hh, l->rows);
    for (size_t i = 0; l->x && i < l->n; i++) free(l->x[i]);
    free(l->texts);
    free(l->x);
    free(l->kinds);
    free(l->numbered);
    arena_release(&l->arena);
}

static void quiet(const char *s)
{
    (void)s;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    CLEANUP(learner_release) struct learner l = {0};
    const char *pack = argc > 2 && strcmp(argv[1], "--pack") == 0 ? argv[2] : NULL;
    int first = pack ? 3 : 1;
    if (first == argc) {
        (void)fprintf(stderr, "usage: learn [--pack FOLDER] FILE… > likeness.tsv\n");
        return 2;
    }
    for (int i = first; i < argc; i++)
        if (read_texts(&l, argv[i])) return 2;
    if (pack && read_pack(&l, pack)) return 2;
    number_rows(&l);
    set_print_string_function(quiet);
    (void)printf("# How like the scams of a kind a text is: kind, points, characters (rules/likeness.h).\n"
                 "# Made by packaging/learn from %zu texts; not to be edited by hand.\n",
                 l.n);
    char *names[LIKENESS_KINDS_MAX];
    memcpy(names, l.names, sizeof(names));
    qsort(names, (size_t)l.n_kinds, sizeof(*names), by_name);
    for (int i = 0; i < l.n_kinds; i++) {
        int kind = kind_number(&l, names[i]);
        if (l.of_kind[kind] >= KIND_TEXTS_MIN)
            learn_kind(&l, kind);
        else
            (void)fprintf(stderr, "learn: %s: only %zu texts, left out\n", names[i], l.of_kind[kind]);
    }
    return 0;
}
