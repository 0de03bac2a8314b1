/* Reads rule files through the option table and checks what a table cannot say. */
#include "rules/parse.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/text.h"

#define GROUP_NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

struct rule_form {
    const char *id, *title, *category;
    int64_t rev;
    int status, level;
    struct opt_strs kinds;
    struct {
        const struct yaml_node *words, *all, *any, *none;
        int64_t near;
        struct {
            int64_t enough;
            bool doubt;
            const struct yaml_node *none;
        } learned;
    } match;
    struct {
        int64_t count, within, feeds, victims;
        const char *same;
    } threshold;
    int64_t expires;
    struct {
        const char *voice, *voice_short, *rhyme, *chat, *duty, *caught, *correction;
        struct {
            const char *headline;
            struct opt_strs lines;
        } screen;
    } say;
    struct {
        const struct yaml_node *match, *pass;
    } samples;
    struct opt_strs falsepositives, references;
};

static const char *const level_names[] = {"blue", "yellow", "orange", "red", NULL};
static const char *const level_names_zh[] = {"蓝", "黄", "橙", "红", NULL};
static const char *const status_names[] = {"experimental", "test", "stable", "deprecated", NULL};
static const char *const status_names_zh[] = {"试验", "试行", "正式", "停用", NULL};

#define AT(member) .offset = offsetof(struct rule_form, member)

static const struct opt_row like_rows[] = {
    {.name = "enough",
     .type = OPT_INT,
     AT(match.learned.enough) - offsetof(struct rule_form, match.learned),
     .min = 0,
     .max = 99,
     .deflt = "0",
     .help = N_("how like; 0: never")},
    {.name = "none",
     .type = OPT_NODE,
     AT(match.learned.none) - offsetof(struct rule_form, match.learned),
     .help = N_("patterns of which none may be there then")},
    {.name = "doubt",
     .type = OPT_BOOL,
     AT(match.learned.doubt) - offsetof(struct rule_form, match.learned),
     .deflt = "false",
     .help =
         N_("a match that is like nothing that was learned goes to the review list, for a person to judge")},
    {0}};

static const struct opt_row match_rows[] = {
    {.name = "words",
     .type = OPT_NODE,
     AT(match.words) - offsetof(struct rule_form, match),
     .help = N_("lists of words; one of each list must be there, in any order")},
    {.name = "near",
     .type = OPT_INT,
     AT(match.near) - offsetof(struct rule_form, match),
     .min = 1,
     .max = RULE_NEAR_MAX,
     .deflt = "60",
     .unit = "characters",
     .help = N_("how far apart the words may be, from the first to the last character")},
    {.name = "all",
     .type = OPT_NODE,
     AT(match.all) - offsetof(struct rule_form, match),
     .help = N_("patterns that must all be there")},
    {.name = "any",
     .type = OPT_NODE,
     AT(match.any) - offsetof(struct rule_form, match),
     .help = N_(
         "patterns of which one must be there; an entry may be a list of patterns that must all be there")},
    {.name = "none",
     .type = OPT_NODE,
     AT(match.none) - offsetof(struct rule_form, match),
     .help = N_("patterns of which none may be there")},
    {.name = "learned",
     .type = OPT_BLOCK,
     AT(match.learned) - offsetof(struct rule_form, match),
     .sub = like_rows,
     .help =
         N_("what is enough without words, all, any and none: that a text is like what the pack has learned "
            "of the rule's category")},
    {0}};

static const struct opt_row threshold_rows[] = {
    {.name = "count",
     .type = OPT_INT,
     AT(threshold.count) - offsetof(struct rule_form, threshold),
     .min = 1,
     .max = 1000000,
     .deflt = "1",
     .help = N_("occurrences before it becomes an alert")},
    {.name = "within",
     .type = OPT_DURATION,
     AT(threshold.within) - offsetof(struct rule_form, threshold),
     .min = MINUTE_MS,
     .max = 30 * DAY_MS,
     .deflt = "24h",
     .help = N_("the time in which they are counted")},
    {.name = "feeds",
     .type = OPT_INT,
     AT(threshold.feeds) - offsetof(struct rule_form, threshold),
     .min = 1,
     .max = 100,
     .deflt = "1",
     .help = N_("different feeds that must have reported it")},
    {.name = "victims",
     .type = OPT_INT,
     AT(threshold.victims) - offsetof(struct rule_form, threshold),
     .min = 0,
     .max = 100,
     .deflt = "0",
     .help = N_("different people it must have reached")},
    {.name = "same",
     .type = OPT_STR,
     AT(threshold.same) - offsetof(struct rule_form, threshold),
     .help = N_("count only what has the same number, payee, "
                "domain, or named group of a pattern")},
    {0}};

static const struct opt_row screen_rows[] = {
    {.name = "headline",
     .type = OPT_STR,
     AT(say.screen.headline) - offsetof(struct rule_form, say.screen),
     .help = N_("the large line, at most 15 characters")},
    {.name = "lines",
     .type = OPT_STRS,
     AT(say.screen.lines) - offsetof(struct rule_form, say.screen),
     .min = 0,
     .max = 3,
     .help = N_("what to do, at most three lines of 15 characters")},
    {0}};

static const struct opt_row say_rows[] = {{.name = "voice",
                                           .type = OPT_STR,
                                           AT(say.voice) - offsetof(struct rule_form, say),
                                           .help = N_("spoken at once, at most 20 s")},
                                          {.name = "voice_short",
                                           .type = OPT_STR,
                                           AT(say.voice_short) - offsetof(struct rule_form, say),
                                           .help = N_("spoken in the hourly slot")},
                                          {.name = "rhyme",
                                           .type = OPT_STR,
                                           AT(say.rhyme) - offsetof(struct rule_form, say),
                                           .help = N_("spoken after a plain sentence, never alone")},
                                          {.name = "screen",
                                           .type = OPT_BLOCK,
                                           AT(say.screen) - offsetof(struct rule_form, say),
                                           .sub = screen_rows,
                                           .help = N_("ward screens")},
                                          {.name = "chat",
                                           .type = OPT_STR,
                                           AT(say.chat) - offsetof(struct rule_form, say),
                                           .help = N_("volunteers' and public groups")},
                                          {.name = "duty",
                                           .type = OPT_STR,
                                           AT(say.duty) - offsetof(struct rule_form, say),
                                           .help = N_("duty groups")},
                                          {.name = "caught",
                                           .type = OPT_STR,
                                           AT(say.caught) - offsetof(struct rule_form, say),
                                           .help = N_("what to do for who has clicked or paid already")},
                                          {.name = "correction",
                                           .type = OPT_STR,
                                           AT(say.correction) - offsetof(struct rule_form, say),
                                           .help = N_("what a Cancel says")},
                                          {0}};

static const struct opt_row sample_rows[] = {{.name = "match",
                                              .type = OPT_NODE,
                                              AT(samples.match) - offsetof(struct rule_form, samples),
                                              .help = N_("texts that the rule must find")},
                                             {.name = "pass",
                                              .type = OPT_NODE,
                                              AT(samples.pass) - offsetof(struct rule_form, samples),
                                              .help = N_("texts that it must leave alone")},
                                             {0}};

const struct opt_row rule_rows[] = {
    {.name = "id", .type = OPT_STR, AT(id), .required = true, .help = N_("stable, a-z, 0-9 and _")},
    {.name = "rev",
     .type = OPT_INT,
     AT(rev),
     .required = true,
     .min = 1,
     .max = 1000000,
     .help = N_("one more with each change")},
    {.name = "status",
     .type = OPT_ENUM,
     AT(status),
     .deflt = "experimental",
     .names = status_names,
     .names_zh = status_names_zh,
     .help = N_("test makes Exercise alerts only; experimental does not run")},
    {.name = "title", .type = OPT_STR, AT(title), .required = true, .help = N_("one line for people")},
    {.name = "category", .type = OPT_STR, AT(category), .required = true, .help = N_("the kind of scam")},
    {.name = "level",
     .type = OPT_ENUM,
     AT(level),
     .required = true,
     .names = level_names,
     .names_zh = level_names_zh,
     .help = N_("how grave it is")},
    {.name = "kinds", .type = OPT_STRS, AT(kinds), .help = N_("kinds of event it looks at; absent: all")},
    {.name = "match",
     .type = OPT_BLOCK,
     AT(match),
     .required = true,
     .sub = match_rows,
     .help = N_("what the text must hold")},
    {.name = "threshold",
     .type = OPT_BLOCK,
     AT(threshold),
     .sub = threshold_rows,
     .help = N_("when it becomes an alert")},
    {.name = "expires",
     .type = OPT_DURATION,
     AT(expires),
     .min = 10 * MINUTE_MS,
     .max = 90 * DAY_MS,
     .deflt = "72h",
     .help = N_("how long an alert is in force")},
    {.name = "say", .type = OPT_BLOCK, AT(say), .sub = say_rows, .help = N_("the texts that go out")},
    {.name = "samples",
     .type = OPT_BLOCK,
     AT(samples),
     .sub = sample_rows,
     .help = N_("texts that are tried each time the rule is loaded")},
    {.name = "falsepositives",
     .type = OPT_STRS,
     AT(falsepositives),
     .max = RULE_SAMPLES_MAX,
     .help = N_("harmless texts that come near")},
    {.name = "references",
     .type = OPT_STRS,
     AT(references),
     .max = RULE_SAMPLES_MAX,
     .help = N_("where the scam was reported")},
    {0}};

bool rule_id_valid(const char *s)
{
    size_t n = strlen(s);
    if (n < 2 || n > 63 || s[0] < 'a' || s[0] > 'z') return false;
    return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

void rule_sources_release(struct rule_sources *s)
{
    free(s->items);
    *s = (struct rule_sources){0};
}

void rule_problems_release(struct rule_problems *p)
{
    free(p->items);
    *p = (struct rule_problems){0};
}

void rule_problem_add(struct rule_problems *p, bool warning, const char *file, int line, const char *rule,
                      const char *fmt, ...)
{
    if ((p->n & (p->n - 1)) == 0) p->items = xreallocarray(p->items, p->n ? p->n * 2 : 1, sizeof(*p->items));
    struct rule_problem *q = &p->items[p->n++];
    *q = (struct rule_problem){.line = line, .warning = warning};
    (void)snprintf(q->file, sizeof(q->file), "%s", file ? file : "");
    (void)snprintf(q->rule, sizeof(q->rule), "%s", rule ? rule : "");
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(q->why.text, sizeof(q->why.text), fmt, ap);
    va_end(ap);
    reason_mend(&q->why);
}

/* What reads one rule. */
struct reader {
    struct arena *arena;
    struct rule_sources *out;
    struct rule_problems *problems;
    const char *file, *id;
    bool bad;
};

#define PROBLEM(r, line, ...)                                                                                \
    ((r)->bad = true, rule_problem_add((r)->problems, false, (r)->file, line, (r)->id, __VA_ARGS__))

/* What YAML and the option table have to say begins with "file:line: " or "file:line:column: ", which ours keep apart. */
static const char *after_place(const char *text, const char *file, int *ret_line)
{
    size_t n = strlen(file);
    *ret_line = 0;
    if (strncmp(text, file, n) != 0 || text[n] != ':') return text;
    char *end = NULL;
    *ret_line = (int)strtol(text + n + 1, &end, 10);
    if (*end == ':' && end[1] != ' ') (void)strtol(end + 1, &end, 10);
    return strncmp(end, ": ", 2) == 0 ? end + 2 : text;
}

static void take_problems(struct reader *r, const struct opt_problems *from)
{
    for (size_t i = 0; i < from->n; i++) {
        int line = 0;
        const char *text = after_place(from->items[i].text, r->file, &line);
        PROBLEM(r, line, "%s", text);
    }
}

/* ‘工本费’: the marks of a Chinese keyboard, meant as YAML's. */
static bool has_chinese_quotes(const char *text, size_t n)
{
    static const char *const marks[][2] = {{"‘", "’"}, {"“", "”"}, {"’", "’"},
                                           {"”", "”"}, {"‘", "‘"}, {"“", "“"}};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (n > 6 && memcmp(text, marks[i][0], 3) == 0 && memcmp(text + n - 3, marks[i][1], 3) == 0)
            return true;
    return false;
}

static void read_text(struct reader *r, const struct yaml_node *item, const char *key, size_t number,
                      struct rule_texts *out)
{
    if (item->kind != YAML_SCALAR)
        PROBLEM(r, item->line, _("%s: entry %zu is not a text; quote it"), key, number);
    else if (item->text_len == 0)
        PROBLEM(r, item->line, _("%s: entry %zu is empty"), key, number);
    else if (!item->quoted && has_chinese_quotes(item->text, item->text_len))
        PROBLEM(r, item->line,
                _("%s: entry %zu stands in Chinese quotation marks, which would belong to it: write "
                  "'…'"),
                key, number);
    else
        out->items[out->n++] = (struct rule_text){.text = arena_strndup(r->arena, item->text, item->text_len),
                                                  .line = item->line,
                                                  .quoted = item->quoted};
}

/* A list of texts, or one text alone. */
static struct rule_texts read_texts(struct reader *r, const struct yaml_node *node, const char *key,
                                    size_t max)
{
    struct rule_texts out = {0};
    if (!node) return out;
    const struct yaml_node *const *items = (const struct yaml_node *const *)node->items;
    size_t n = node->n;
    if (node->kind == YAML_SCALAR) {
        items = &node;
        n = 1;
    } else if (node->kind != YAML_LIST) {
        PROBLEM(r, node->line, _("%s: wants a list"), key);
        return out;
    }
    if (n > max) {
        PROBLEM(r, node->line, _("%s: has %zu entries; at most %zu"), key, n, max);
        return out;
    }
    out.items = arena_alloc(r->arena, n * sizeof(*out.items) + 1);
    for (size_t i = 0; i < n; i++) read_text(r, items[i], key, i + 1, &out);
    return out;
}

static void fill_patterns(struct reader *r, const struct rule_texts *t, const char *key)
{
    for (size_t i = 0; i < t->n; i++) {
        struct rule_text *p = &t->items[i];
        struct reason why;
        if (!p->quoted)
            rule_problem_add(r->problems, true, r->file, p->line, r->id,
                             _("%s: put '…' round the text, or YAML may read it as something else: %s"), key,
                             p->text);
        enum relay_err err = rule_lists_fill(&r->out->lists, p->text, r->arena, &p->text, &why);
        if (err == RELAY_NOT_FOUND) {
            const struct rule_use at = {.file = r->file, .rule = r->id, .key = key, .line = p->line};
            rule_lists_miss(&r->out->lists, p->text, &at, r->arena, r->problems);
            r->bad = true;
        } else if (err != RELAY_OK)
            PROBLEM(r, p->line, "%s: %s", key, why.text);
    }
}

static struct rule_texts read_patterns(struct reader *r, const struct yaml_node *node, const char *key)
{
    struct rule_texts t = read_texts(r, node, key, RULE_PATTERNS_MAX);
    fill_patterns(r, &t, key);
    return t;
}

/* An entry may be a list of its own: patterns that must all be there. */
static struct rule_texts read_any(struct reader *r, const struct yaml_node *node)
{
    if (!node || node->kind != YAML_LIST) return read_patterns(r, node, "any");
    struct rule_texts out = {0};
    size_t n = 0;
    for (size_t i = 0; i < node->n; i++) n += node->items[i]->kind == YAML_LIST ? node->items[i]->n : 1;
    if (n > RULE_PATTERNS_MAX) {
        PROBLEM(r, node->line, _("%s: has %zu entries; at most %zu"), "any", n, (size_t)RULE_PATTERNS_MAX);
        return out;
    }
    out.items = arena_alloc(r->arena, n * sizeof(*out.items) + 1);
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *item = node->items[i];
        if (item->kind != YAML_LIST) {
            read_text(r, item, "any", i + 1, &out);
            continue;
        }
        if (item->n == 0) PROBLEM(r, item->line, _("%s: entry %zu is empty"), "any", i + 1);
        for (size_t k = 0, first = out.n; k < item->n; k++) {
            read_text(r, item->items[k], "any", i + 1, &out);
            if (out.n > first + 1) out.items[out.n - 1].joined = true;
        }
    }
    fill_patterns(r, &out, "any");
    return out;
}

static void read_words(struct reader *r, const struct yaml_node *node, struct rule_match *m)
{
    if (!node) return;
    if (node->kind != YAML_LIST || node->n == 0) {
        PROBLEM(r, node->line, _("words: wants lists of words, such as [[医保, 社保], [停用, 冻结]]"));
        return;
    }
    /* [医保, 社保] alone is one list: what a person means who writes it so. */
    bool flat = true;
    for (size_t i = 0; i < node->n; i++) flat = flat && node->items[i]->kind == YAML_SCALAR;
    if (flat) {
        m->words[m->n_words++] = read_texts(r, node, "words", RULE_WORDS_MAX);
        return;
    }
    if (node->n > RULE_WORD_LISTS_MAX) {
        PROBLEM(r, node->line, _("words: has %zu lists; at most %d"), node->n, RULE_WORD_LISTS_MAX);
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        if (node->items[i]->kind != YAML_LIST || node->items[i]->n == 0) {
            PROBLEM(r, node->items[i]->line, _("words: entry %zu is not a list of words"), i + 1);
            continue;
        }
        m->words[m->n_words++] = read_texts(r, node->items[i], "words", RULE_WORDS_MAX);
    }
}

static void read_match(struct reader *r, const struct rule_form *form, struct rule_match *m, int line)
{
    m->near = (int)form->match.near;
    read_words(r, form->match.words, m);
    m->all = read_patterns(r, form->match.all, "all");
    m->any = read_any(r, form->match.any);
    m->none = read_patterns(r, form->match.none, "none");
    if (!r->bad && m->n_words == 0 && m->all.n == 0 && m->any.n == 0)
        PROBLEM(r, line, _("match: has none of words, all, any, so it would find everything"));
}

/* What the folder of the file has learned. It is read when the first rule asks; without it rules go by their words, and one
 * problem says so. */
static const struct likeness *learned(struct reader *r, int line)
{
    struct rule_sources *out = r->out;
    struct reason why;
    if (!out->lists.folder) {
        rule_problem_add(r->problems, false, r->file, line, r->id, "learned: %s",
                         _("a rule that is installed on its own has learned nothing: leave it out"));
        return NULL;
    }
    if (out->likeness_folder == out->lists.folder) return out->likeness;
    out->likeness_folder = out->lists.folder;
    out->likeness = NULL;
    if (likeness_read(arena_printf(r->arena, "%s%s", out->lists.folder, LIKENESS_FILE), r->arena,
                      &out->likeness, &why) != RELAY_OK)
        rule_problem_add(
            r->problems, false, r->file, line, r->id,
            _("learned: %s; until it is there, this rule and the others beside it go by their words "
              "alone"),
            why.text);
    return out->likeness;
}

static void read_learned(struct reader *r, const struct rule_form *form, struct rule_source *s, int line)
{
    struct rule_match *m = &s->match;
    const struct likeness *l = NULL;
    if (form->match.learned.none && !form->match.learned.enough)
        PROBLEM(r, form->match.learned.none->line,
                _("learned.none: is asked of nothing without `enough`: give how like is enough, or leave it "
                  "out"));
    if (form->match.learned.enough || form->match.learned.doubt) l = learned(r, line);
    if (!l) return;
    m->like_none = read_patterns(r, form->match.learned.none, "learned.none");
    m->like = l;
    m->like_doubt = form->match.learned.doubt;
    m->like_kind = likeness_kind(l, form->id);
    if (m->like_kind < 0) m->like_kind = likeness_kind(l, form->category);
    if (m->like_kind >= 0)
        s->rule.like_enough = (int)form->match.learned.enough;
    else if (form->match.learned.enough)
        rule_problem_add(r->problems, false, r->file, line, r->id,
                         _("learned: %s has nothing of the category %s: leave it out, or learn some"),
                         LIKENESS_FILE, form->category);
}

static unsigned read_kinds(struct reader *r, const struct opt_strs *names, int line)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < names->n; i++) {
        enum event_kind k;
        if (event_kind_parse(names->items[i], &k)) {
            kinds |= 1U << k;
            continue;
        }
        PROBLEM(
            r, line,
            _("kinds: no kind is called \"%s\"; there are sms, call, transaction, app, web, report, button"),
            names->items[i]);
    }
    return names->n ? kinds : (1U << KIND_COUNT) - 1;
}

static const char *const *texts_only(struct reader *r, const struct rule_texts *t)
{
    const char **out = arena_alloc(r->arena, t->n * sizeof(char *) + 1);
    for (size_t i = 0; i < t->n; i++) out[i] = t->items[i].text;
    return out;
}

static void fill_say(const struct rule_form *f, struct rule_say *say)
{
    say->voice = f->say.voice;
    say->voice_short = f->say.voice_short;
    say->rhyme = f->say.rhyme;
    say->headline = f->say.screen.headline;
    for (size_t i = 0; i < f->say.screen.lines.n && i < ARRAY_LEN(say->lines); i++)
        say->lines[say->n_lines++] = f->say.screen.lines.items[i];
    say->chat = f->say.chat;
    say->duty = f->say.duty;
    say->caught = f->say.caught;
    say->correction = f->say.correction;
}

int rule_say_line(const struct rule_source *s, const char *block, const char *key)
{
    const struct yaml_node *n = yaml_get(s->node, "say");
    if (n && block) n = yaml_get(n, block);
    if (n) n = yaml_get(n, key);
    return n ? n->line : s->rule.line;
}

static int line_of(const struct yaml_node *rule, const char *key)
{
    const struct yaml_node *n = yaml_get(rule, key);
    return n ? n->line : rule->line;
}

/* What is none of the three words is the name of a group; whether a pattern has it is seen when they are compiled. */
static void read_same(struct reader *r, const char *same, int line, struct rule *rule)
{
    static const struct {
        const char *name, *name_zh;
        enum rule_same same;
    } words[] = {
        {"number", "号码", SAME_NUMBER}, {"payee", "收款账户", SAME_PAYEE}, {"domain", "网址", SAME_DOMAIN}};
    if (!same) return;
    rule->threshold_same_name = same;
    rule->threshold_same = SAME_CAPTURE;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(same, words[i].name) == 0 || strcmp(same, words[i].name_zh) == 0) {
            rule->threshold_same = words[i].same;
            rule->threshold_same_name = words[i].name;
        }
    if (rule->threshold_same == SAME_CAPTURE && strspn(same, GROUP_NAME_CHARS) != strlen(same))
        PROBLEM(r, line, _("threshold.same: wants number, payee, domain, or the name of a group (?<name>…)"));
}

static void fill_rule(struct reader *r, const struct rule_form *f, const struct yaml_node *node,
                      struct rule_source *s)
{
    struct rule *rule = &s->rule;
    rule->id = f->id;
    rule->rev = (int)f->rev;
    rule->status = (enum rule_status)f->status;
    rule->title = f->title;
    rule->category = f->category;
    rule->level = (enum level)f->level;
    rule->kinds = read_kinds(r, &f->kinds, line_of(node, "kinds"));
    rule->threshold_count = (int)f->threshold.count;
    rule->threshold_within_ms = f->threshold.within;
    rule->threshold_feeds = (int)f->threshold.feeds;
    rule->threshold_victims = (int)f->threshold.victims;
    read_same(r, f->threshold.same, line_of(node, "threshold"), rule);
    rule->expires_ms = f->expires;
    fill_say(f, &rule->say);
    rule->file = r->file;
    rule->line = node->line;
    rule->falsepositives = f->falsepositives.items;
    rule->n_falsepositives = f->falsepositives.n;
    rule->references = f->references.items;
    rule->n_references = f->references.n;
    s->samples_match = read_texts(r, f->samples.match, "samples.match", RULE_SAMPLES_MAX);
    s->samples_pass = read_texts(r, f->samples.pass, "samples.pass", RULE_SAMPLES_MAX);
    rule->samples_match = texts_only(r, &s->samples_match);
    rule->n_samples_match = s->samples_match.n;
    rule->samples_pass = texts_only(r, &s->samples_pass);
    rule->n_samples_pass = s->samples_pass.n;
    s->node = node;
}

static void read_rule(struct arena *a, const char *file, const struct yaml_node *node,
                      struct rule_sources *out, struct rule_problems *problems)
{
    struct reader r = {.arena = a, .out = out, .problems = problems, .file = file, .id = ""};
    if (node->kind != YAML_MAP) {
        PROBLEM(&r, node->line,
                _("a rule is a block of `name: value` lines; `tocsin rules new -o FILE` writes one to begin "
                  "with"));
        return;
    }
    const struct yaml_node *id = yaml_get(node, "id");
    if (id && id->kind == YAML_SCALAR) r.id = arena_strdup(a, id->text);

    struct rule_form form = {0};
    struct opt_problems said = {0};
    enum relay_err err = options_load(rule_rows, node, &form, a, &said);
    take_problems(&r, &said);
    if (err) return;
    if (!rule_id_valid(form.id))
        PROBLEM(&r, id ? id->line : node->line,
                _("id: wants 2 to 63 of a-z, 0-9 and _, beginning with a letter"));
    if (!rule_id_valid(form.category))
        PROBLEM(&r, line_of(node, "category"), _("category: wants 2 to 63 of a-z, 0-9 and _"));

    struct rule_source *s = arena_alloc(a, sizeof(*s));
    fill_rule(&r, &form, node, s);
    read_match(&r, &form, &s->match, line_of(node, "match"));
    read_learned(&r, &form, s, line_of(node, "match"));
    if (r.bad) return;
    if (out->n == out->cap) {
        out->cap = out->cap ? out->cap * 2 : 16;
        out->items = xreallocarray(out->items, out->cap, sizeof(*out->items));
    }
    out->items[out->n++] = s;
}

/* err: of reading the tree. */
static enum relay_err read_tree(struct arena *a, const char *file, const struct yaml_node *root,
                                enum relay_err err, const struct reason *why, struct rule_sources *out,
                                struct rule_problems *problems)
{
    if (err) {
        int line = 0;
        const char *text = after_place(why->text, file, &line);
        rule_problem_add(problems, false, file, line, NULL, "%s", text);
        return err;
    }
    file = arena_strdup(a, file);
    if (root->kind == YAML_LIST) {
        for (size_t i = 0; i < root->n; i++) read_rule(a, file, root->items[i], out, problems);
    } else {
        read_rule(a, file, root, out, problems);
    }
    return RELAY_OK;
}

enum relay_err rules_parse_file(const char *path, struct arena *a, struct rule_sources *out,
                                struct rule_problems *problems)
{
    struct yaml_node *root = NULL;
    struct reason why = {0};
    rule_lists_read(&out->lists, path, a, problems);
    if (rule_lists_is_file(path)) return RELAY_OK;
    enum relay_err err = yaml_load(path, a, &root, &why);
    return read_tree(a, path, root, err, &why, out, problems);
}

enum relay_err rules_parse_text(const char *name, const char *text, size_t n, struct arena *a,
                                struct rule_sources *out, struct rule_problems *problems)
{
    struct yaml_node *root = NULL;
    struct reason why = {0};
    enum relay_err err = yaml_load_text(name, text, n, a, &root, &why);
    return read_tree(a, name, root, err, &why, out, problems);
}
