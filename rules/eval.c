/* JSON lines in, verdicts out, and the tables that say how good they are. */
#include "rules/eval.h"

#include "base/i18n.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/text.h"

enum { PREPARED_MAX = 4 * EVENT_TEXT_MAX, GROUPS_MAX = 200 };

enum label { LABEL_MEDICAL, LABEL_OTHER, LABEL_BENIGN, LABEL_COUNT };
static const char *const label_names[LABEL_COUNT] = {"medical_scam", "other_scam", "benign"};

/* Counts of one origin, or of one category. */
struct group {
    char *name;
    size_t n[LABEL_COUNT], found[LABEL_COUNT];
    size_t right;   /* medical scams found in their own category */
    size_t claimed; /* categories: texts whose first match says this category … */
    size_t claimed_right;
};
struct groups {
    struct group items[GROUPS_MAX];
    size_t n;
};

struct tally {
    struct group total;
    size_t hard[LABEL_COUNT], hard_found[LABEL_COUNT];
    size_t unsure;
    size_t unlabelled; /* lines whose label is none of the three */
    char first_unlabelled[64];
    size_t ungrouped; /* lines whose origin or category came after GROUPS_MAX others */
    struct groups origins, categories;
};

void eval_init(struct eval *e, const struct rule_set *set, bool all)
{
    *e = (struct eval){.matcher = matcher_new(set),
                       .text = BUF_INIT(PREPARED_MAX),
                       .wrong = BUF_INIT(2 * EVAL_LINE_MAX),
                       .all = all};
}

static void groups_release(struct groups *g)
{
    for (size_t i = 0; i < g->n; i++) free(g->items[i].name);
}

void eval_release(struct eval *e)
{
    matcher_free(e->matcher);
    norm_text_release(&e->scratch);
    buf_release(&e->text);
    if (e->tally) {
        groups_release(&e->tally->origins);
        groups_release(&e->tally->categories);
        free(e->tally);
    }
    buf_release(&e->wrong);
    *e = (struct eval){0};
}

/* ---- counting ---- */

static struct group *group_of(struct groups *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->items[i].name, name) == 0) return &g->items[i];
    if (g->n == GROUPS_MAX) return NULL;
    g->items[g->n] = (struct group){.name = xstrdup(name)};
    return &g->items[g->n++];
}

static void count_in(struct group *g, enum label label, bool found, bool right)
{
    if (!g) return;
    g->n[label]++;
    g->found[label] += found;
    g->right += right;
}

static void note_wrong(struct eval *e, const char *what, const char *id, const char *category,
                       const struct rule *rule)
{
    struct buf *out = &e->wrong;
    if (!e->json) {
        buf_printf(out, "%s\t%s\t%s\t%s\n", what, id, category ? category : "-", rule ? rule->id : "-");
        return;
    }
    buf_char(out, '{');
    buf_json_member(out, "wrong", what);
    buf_json_member(out, "id", id);
    if (category) buf_json_member(out, "category", category);
    if (rule) buf_json_member(out, "rule", rule->id);
    buf_str(out, "}\n");
}

/* `first` is the match that would make the alert; NULL when there is none. */
static void tally_add(struct eval *e, const cJSON *in, const char *id, const char *label_name,
                      const struct rule *first, enum verdict verdict)
{
    if (!e->tally) e->tally = xcalloc(1, sizeof(*e->tally));
    struct tally *t = e->tally;
    enum label label = LABEL_MEDICAL;
    while (label < LABEL_COUNT && strcmp(label_names[label], label_name) != 0) label++;
    if (label == LABEL_COUNT) {
        if (!t->unlabelled++) (void)snprintf(t->first_unlabelled, sizeof(t->first_unlabelled), "%s", id);
        return;
    }

    const char *category = json_str_or(in, "category", NULL);
    bool found = first != NULL, hard = false;
    bool right = found && label == LABEL_MEDICAL && category && strcmp(category, first->category) == 0;
    if (json_bool(in, "hard", &hard)) hard = false;
    count_in(&t->total, label, found, right);
    struct group *origin = group_of(&t->origins, json_str_or(in, "origin", "-"));
    struct group *own = category ? group_of(&t->categories, category) : NULL;
    count_in(origin, label, found, right);
    count_in(own, label, found, right);
    t->ungrouped += !origin || (category && !own);
    t->unsure += verdict == UNSURE;
    if (hard) {
        t->hard[label]++;
        t->hard_found[label] += found;
    }
    if (first) {
        struct group *claimed = group_of(&t->categories, first->category);
        if (claimed) {
            claimed->claimed++;
            claimed->claimed_right += right;
        }
    }
    if (label == LABEL_MEDICAL && !found)
        note_wrong(e, "missed", id, category, NULL);
    else if (label == LABEL_MEDICAL && !right)
        note_wrong(e, "other_category", id, category, first);
    else if (label != LABEL_MEDICAL && found)
        note_wrong(e,
                   label == LABEL_OTHER ? "other_scam"
                   : hard               ? "false_alarm_hard"
                                        : "false_alarm",
                   id, NULL, first);
}

/* ---- one line ---- */

static const struct rule_hit *next_match(const struct rule_hit *hits, size_t n, const struct rule_hit *after)
{
    const struct rule_hit *next = NULL;
    for (size_t i = 0; i < n; i++) {
        if (hits[i].verdict != MATCH || (after && !rule_hit_before(after, &hits[i]))) continue;
        if (!next || rule_hit_before(&hits[i], next)) next = &hits[i];
    }
    return next;
}

/* The rule that makes the alert is listed first. */
static const struct rule *write_matches(const struct rule_hit *hits, size_t n, struct buf *out)
{
    const struct rule_hit *first = next_match(hits, n, NULL);
    buf_str(out, ",\"matches\":[");
    for (const struct rule_hit *h = first; h; h = next_match(hits, n, h)) {
        if (h != first) buf_char(out, ',');
        buf_char(out, '{');
        buf_json_member(out, "rule", h->rule->id);
        buf_json_member(out, "category", h->rule->category);
        buf_json_member(out, "level", level_name(h->rule->level));
        if (h->only_like) buf_json_member_bool(out, "only_like", true);
        buf_char(out, '}');
    }
    buf_char(out, ']');
    return first ? first->rule : NULL;
}

static enum relay_err read_line(const cJSON *in, const char **ret_text, const char **ret_memo, int *ret_kind,
                                struct reason *why)
{
    const char *kind_name = json_str_or(in, "kind", NULL);
    enum event_kind kind;
    *ret_text = json_str_or(in, "text", NULL);
    *ret_memo = json_str_or(in, "memo", NULL);
    *ret_kind = kind_name && event_kind_parse(kind_name, &kind) ? (int)kind : -1;
    if (!*ret_text && !*ret_memo)
        return fail(why, RELAY_INVALID, _("member \"text\" is missing or not a string"));
    size_t n = (*ret_text ? strlen(*ret_text) : 0) + (*ret_memo ? strlen(*ret_memo) : 0);
    if (n > EVENT_TEXT_MAX)
        return fail(why, RELAY_LIMIT, _("text has %zu bytes; an event has at most %d"), n, EVENT_TEXT_MAX);
    return RELAY_OK;
}

static void join(const char *text, const char *memo, struct buf *out)
{
    if (text) buf_str(out, text);
    if (text && memo) buf_char(out, '\n');
    if (memo) buf_str(out, memo);
}

enum relay_err eval_line(struct eval *e, const char *line, size_t n, struct buf *out, struct reason *why)
{
    static const struct json_limits limits = {.max_bytes = EVAL_LINE_MAX, .max_depth = 8};
    CLEANUP(json_free_ptr) cJSON *in = NULL;
    buf_clear(&e->wrong);
    enum relay_err err = json_parse(line, n, &limits, &in, why);
    if (err) return err;
    if (!cJSON_IsObject(in)) return fail(why, RELAY_INVALID, _("not a JSON object"));
    const char *id = json_str_or(in, "id", NULL), *text, *memo;
    int kind;
    if (!id) return fail(why, RELAY_INVALID, _("member \"id\" is missing or not a string"));
    err = read_line(in, &text, &memo, &kind, why);
    if (err) return err;

    CLEANUP(buf_release) struct buf whole = BUF_INIT(EVENT_TEXT_MAX + 8);
    join(text, memo, &whole);
    buf_clear(&e->text);
    mask_text(buf_cstr(&whole), whole.len, &e->scratch, &e->text, NULL);
    const struct rule_hit *hits = NULL;
    size_t n_hits = rules_match(e->matcher, buf_cstr(&e->text), e->text.len, kind, e->all, &hits);

    CLEANUP(buf_release) struct buf matches = BUF_INIT(4 * 1024 * 1024);
    const struct rule *first = write_matches(hits, n_hits, &matches);
    enum verdict verdict = first ? MATCH : n_hits ? UNSURE : NO_MATCH;
    buf_char(out, '{');
    buf_json_member(out, "id", id);
    buf_json_member(out, "verdict", verdict_name(verdict));
    buf_add(out, matches.data, matches.len);
    if (verdict == UNSURE) {
        buf_str(out, ",\"unsure\":[");
        for (size_t i = 0; i < n_hits; i++) {
            if (i) buf_char(out, ',');
            buf_json_str(out, hits[i].rule->id);
        }
        buf_char(out, ']');
    }
    buf_str(out, "}\n");
    const char *label = json_str_or(in, "label", NULL);
    if (label) tally_add(e, in, id, label, first, verdict);
    return RELAY_OK;
}

/* ---- the report ---- */

static double share(size_t part, size_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static int by_name(const void *a, const void *b)
{
    const struct group *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static size_t sorted(const struct groups *g, const struct group *out[static GROUPS_MAX])
{
    for (size_t i = 0; i < g->n; i++) out[i] = &g->items[i];
    if (g->n) qsort(out, g->n, sizeof(*out), by_name);
    return g->n;
}

enum { NAME_COLUMNS = 28, VALUE_COLUMNS = 18 };

static void pad(struct buf *out, const char *text, size_t columns)
{
    for (size_t w = text_columns(text); w < columns; w++) buf_char(out, ' ');
}

static void name(struct buf *out, const char *text)
{
    buf_str(out, text);
    pad(out, text, NAME_COLUMNS);
}

static void value(struct buf *out, const char *text)
{
    buf_char(out, ' ');
    pad(out, text, VALUE_COLUMNS);
    buf_str(out, text);
}

static void ratio(struct buf *out, size_t part, size_t whole)
{
    char text[48] = "-";
    if (whole) (void)snprintf(text, sizeof(text), "%zu/%zu %.3f", part, whole, share(part, whole));
    value(out, text);
}

/* columns: messages not translated yet. */
static void table_head(struct buf *out, const char *first, const char *const *columns, size_t n)
{
    name(out, first);
    for (size_t i = 0; i < n; i++) value(out, _(columns[i]));
    buf_char(out, '\n');
}

static void report_text(const struct tally *t, struct buf *out)
{
    const struct group *g[GROUPS_MAX];
    static const char *const totals[] = {N_("found"), N_("of these hard")};
    table_head(out, _("label"), totals, ARRAY_LEN(totals));
    for (int l = 0; l < LABEL_COUNT; l++) {
        name(out, label_names[l]);
        ratio(out, t->total.found[l], t->total.n[l]);
        ratio(out, t->hard_found[l], t->hard[l]);
        buf_char(out, '\n');
    }
    char unsure[24];
    (void)snprintf(unsure, sizeof(unsure), "%zu", t->unsure);
    name(out, _("right category"));
    ratio(out, t->total.right, t->total.found[LABEL_MEDICAL]);
    buf_char(out, '\n');
    name(out, _("unsure"));
    value(out, unsure);
    buf_str(out, "\n\n");

    static const char *const origin_columns[] = {N_("recall"), N_("right category"), "other_scam", "benign"};
    table_head(out, _("origin"), origin_columns, ARRAY_LEN(origin_columns));
    for (size_t i = 0, n = sorted(&t->origins, g); i < n; i++) {
        name(out, g[i]->name);
        ratio(out, g[i]->found[LABEL_MEDICAL], g[i]->n[LABEL_MEDICAL]);
        ratio(out, g[i]->right, g[i]->found[LABEL_MEDICAL]);
        ratio(out, g[i]->found[LABEL_OTHER], g[i]->n[LABEL_OTHER]);
        ratio(out, g[i]->found[LABEL_BENIGN], g[i]->n[LABEL_BENIGN]);
        buf_char(out, '\n');
    }
    static const char *const category_columns[] = {N_("recall"), N_("right category"), N_("precision")};
    buf_char(out, '\n');
    table_head(out, _("category"), category_columns, ARRAY_LEN(category_columns));
    for (size_t i = 0, n = sorted(&t->categories, g); i < n; i++) {
        name(out, g[i]->name);
        ratio(out, g[i]->found[LABEL_MEDICAL], g[i]->n[LABEL_MEDICAL]);
        ratio(out, g[i]->right, g[i]->found[LABEL_MEDICAL]);
        ratio(out, g[i]->claimed_right, g[i]->claimed);
        buf_char(out, '\n');
    }
    if (t->unlabelled)
        buf_printf(out,
                   _("\nNot counted: %zu lines whose label is none of the three, the first with the id %s\n"),
                   t->unlabelled, t->first_unlabelled);
    if (t->ungrouped)
        buf_printf(
            out,
            _("\nOnly in the sums above, not by origin and category: %zu lines, for there are more than "
              "%d of them\n"),
            t->ungrouped, GROUPS_MAX);
}

static void json_counts(struct buf *out, const struct group *g)
{
    static const char *const found_names[LABEL_COUNT] = {"medical_scam_found", "other_scam_found",
                                                         "benign_found"};
    for (int l = 0; l < LABEL_COUNT; l++) {
        buf_json_member_int(out, label_names[l], (int64_t)g->n[l]);
        buf_json_member_int(out, found_names[l], (int64_t)g->found[l]);
    }
    buf_json_member_int(out, "right_category", (int64_t)g->right);
}

static void report_json(const struct tally *t, struct buf *out)
{
    const struct group *g[GROUPS_MAX];
    buf_str(out, "{\"total\":{");
    json_counts(out, &t->total);
    buf_json_member_int(out, "hard_medical_scam", (int64_t)t->hard[LABEL_MEDICAL]);
    buf_json_member_int(out, "hard_medical_scam_found", (int64_t)t->hard_found[LABEL_MEDICAL]);
    buf_json_member_int(out, "hard_other_scam", (int64_t)t->hard[LABEL_OTHER]);
    buf_json_member_int(out, "hard_other_scam_found", (int64_t)t->hard_found[LABEL_OTHER]);
    buf_json_member_int(out, "hard_benign", (int64_t)t->hard[LABEL_BENIGN]);
    buf_json_member_int(out, "hard_benign_found", (int64_t)t->hard_found[LABEL_BENIGN]);
    buf_json_member_int(out, "unsure", (int64_t)t->unsure);
    buf_json_member_int(out, "not_counted", (int64_t)t->unlabelled);
    buf_json_member_int(out, "not_grouped", (int64_t)t->ungrouped);
    buf_str(out, "},\"origins\":{");
    for (size_t i = 0, n = sorted(&t->origins, g); i < n; i++) {
        buf_json_key(out, g[i]->name);
        buf_char(out, '{');
        json_counts(out, g[i]);
        buf_char(out, '}');
    }
    buf_str(out, "},\"categories\":{");
    for (size_t i = 0, n = sorted(&t->categories, g); i < n; i++) {
        buf_json_key(out, g[i]->name);
        buf_char(out, '{');
        json_counts(out, g[i]);
        buf_json_member_int(out, "claimed", (int64_t)g[i]->claimed);
        buf_json_member_int(out, "claimed_right", (int64_t)g[i]->claimed_right);
        buf_char(out, '}');
    }
    buf_str(out, "}}\n");
}

enum relay_err eval_counted(const struct eval *e, struct reason *why)
{
    for (int l = 0; e->tally && l < LABEL_COUNT; l++)
        if (e->tally->total.n[l]) return RELAY_OK;
    return fail(why, RELAY_NOT_FOUND,
                _("no line carried a \"label\" (medical_scam, other_scam, benign), so there is nothing to "
                  "compare with"));
}

void eval_report(const struct eval *e, struct buf *out)
{
    if (e->json)
        report_json(e->tally, out);
    else
        report_text(e->tally, out);
}
