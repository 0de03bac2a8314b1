/* Loads rule sets: files in name order, compiled, tried on their own samples, filed for the scan. */
#include "rules/set.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/mask.h"
#include "base/normalise.h"
#include "base/text.h"
#include "io/file.h"
#include "rules/strict.h"

enum { PATH_BYTES = 4096, PREPARED_MAX = 4 * EVENT_TEXT_MAX, SET_TEXT_MAX = 256 * 1024 * 1024 };
enum { FOLDERS_DOWN = 2, FOLDERS_NAMED = 5 }; /* where rules are looked for that a folder lacks */

/* ---- files ---- */

static int yaml_files_only(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

static int folders_only(const struct dirent *d)
{
    return d->d_name[0] != '.' && (d->d_type == DT_DIR || d->d_type == DT_LNK || d->d_type == DT_UNKNOWN);
}

/* Names the sub-folders that hold rule files, the nearest ones of each branch. Returns how many there are. */
static size_t name_folders(const char *path, int down, size_t before, struct buf *ret)
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, folders_only, alphasort);
    size_t found = 0;
    for (int i = 0; i < n; i++) {
        char folder[PATH_BYTES];
        struct dirent **files = NULL;
        int with_rules = snprintf(folder, sizeof(folder), "%s/%s", path, names[i]->d_name) < PATH_BYTES
                             ? scandir(folder, &files, yaml_files_only, NULL)
                             : -1;
        for (int k = 0; k < with_rules; k++) free(files[k]);
        free(files);
        free(names[i]);
        if (with_rules > 0) {
            if (before + found < FOLDERS_NAMED) buf_printf(ret, "%s%s", ret->len ? ", " : "", folder);
            if (before + found == FOLDERS_NAMED) buf_str(ret, ", …");
            found++;
        } else if (with_rules == 0 && down > 1) {
            found += name_folders(folder, down - 1, before + found, ret);
        }
    }
    free(names);
    return found;
}

static void read_dir(const char *path, struct arena *a, struct rule_sources *out,
                     struct rule_problems *problems, size_t *files)
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, yaml_files_only, alphasort);
    if (n < 0) {
        rule_problem_add(problems, false, path, 0, NULL, _("cannot be read: %s"), strerror(errno));
        return;
    }
    for (int i = 0; i < n; i++) {
        char file[PATH_BYTES];
        if (snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name) < (int)sizeof(file)) {
            /* A file that does not parse is a problem of its own, noted there. */
            (void)!rules_parse_file(file, a, out, problems);
            ++*files;
        }
        free(names[i]);
    }
    free(names);
    CLEANUP(buf_release) struct buf folders = BUF_INIT((FOLDERS_NAMED + 1) * PATH_BYTES);
    if (n == 0 && name_folders(path, FOLDERS_DOWN, 0, &folders))
        rule_problem_add(problems, false, path, 0, NULL,
                         _("it holds no rule file (*.yaml), but folders in it do; give the one you mean: %s"),
                         buf_cstr(&folders));
}

enum relay_err rule_sources_read(const char *const *paths, size_t n_paths, struct arena *a,
                                 struct rule_sources *out, struct rule_problems *problems, struct reason *why)
{
    size_t files = 0;
    for (size_t i = 0; i < n_paths; i++) {
        struct stat st;
        if (stat(paths[i], &st) != 0) {
            struct reason cannot;
            (void)file_why(errno, &cannot);
            rule_problem_add(problems, false, paths[i], 0, NULL, "%s", cannot.text);
        } else if (S_ISDIR(st.st_mode)) {
            read_dir(paths[i], a, out, problems, &files);
        } else {
            (void)!rules_parse_file(paths[i], a, out, problems); /* noted there */
            files++;
        }
    }
    if (files == 0)
        return fail(why, RELAY_NOT_FOUND, _("no rule file (*.yaml) in %s"), n_paths ? paths[0] : "");
    return RELAY_OK;
}

/* ---- samples ---- */

void rule_text_prepare(const char *text, size_t n, struct buf *out)
{
    struct norm_text scratch = {0};
    mask_text(text, n, &scratch, out, NULL);
    norm_text_release(&scratch);
}

/* The beginning of a sample, for a message: it may be somebody's own. */
static const char *excerpt(const char *s, char out[static 64])
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(PREPARED_MAX);
    mask_original(s, &b);
    size_t n = text_cut(buf_cstr(&b), b.len, 48);
    (void)snprintf(out, 64, "%.*s%s", (int)n, buf_cstr(&b), n < b.len ? "…" : "");
    return out;
}

static bool try_samples(const struct rule_source *s, const struct rule_texts *samples, enum verdict wanted,
                        struct runner *r, struct scan *scan, struct rule_problems *problems)
{
    bool ok = true;
    for (size_t i = 0; i < samples->n; i++) {
        const char *text = samples->items[i].text;
        CLEANUP(buf_release) struct buf b = BUF_INIT(PREPARED_MAX);
        struct span span;
        if (!text_valid_utf8(text, strlen(text))) continue;
        rule_text_prepare(text, strlen(text), &b);
        if (scan) prefilter_scan(scan, buf_cstr(&b), b.len);
        if (rule_run(s->rule.code, r, scan, buf_cstr(&b), b.len, &span) == wanted) continue;
        char cut[64];
        ok = false;
        if (problems)
            rule_problem_add(
                problems, false, s->rule.file, samples->items[i].line, s->rule.id,
                wanted == MATCH
                    ? _("its own sample is not found: %s (`tocsin rules explain` shows what it lacks)")
                    : _("it finds a sample that it must leave alone: %s (`tocsin rules explain` shows by "
                        "what)"),
                excerpt(text, cut));
    }
    return ok;
}

bool rule_try_samples(const struct rule_source *s, struct runner *r, struct scan *scan,
                      struct rule_problems *problems)
{
    bool found = try_samples(s, &s->samples_match, MATCH, r, scan, problems);
    bool passed = try_samples(s, &s->samples_pass, NO_MATCH, r, scan, problems);
    return found && passed;
}

/* ---- building ---- */

static int by_id(const void *a, const void *b)
{
    const struct rule_source *const *x = a, *const *y = b;
    return strcmp((*x)->rule.id, (*y)->rule.id);
}

static void drop_repeats(struct rule_sources *s, struct rule_problems *problems)
{
    struct rule_source **sorted = xreallocarray(NULL, s->n + 1, sizeof(struct rule_source *));
    if (s->n) memcpy(sorted, s->items, s->n * sizeof(struct rule_source *));
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) sorted[i]->rule.index = (int)i; /* the order read, to keep the first */
    if (s->n) qsort(sorted, s->n, sizeof(struct rule_source *), by_id);
    for (size_t i = 0; i < s->n;) {
        size_t first = i, end = i;
        for (; end < s->n && strcmp(sorted[end]->rule.id, sorted[i]->rule.id) == 0; end++)
            if (sorted[end]->rule.index < sorted[first]->rule.index) first = end;
        for (size_t k = i; k < end; k++)
            if (k != first)
                rule_problem_add(problems, false, sorted[k]->rule.file, sorted[k]->rule.line,
                                 sorted[k]->rule.id,
                                 _("this id is used already in %s, line %d: give one of them another"),
                                 sorted[first]->rule.file, sorted[first]->rule.line);
        s->items[kept++] = sorted[first];
        i = end;
    }
    s->n = kept;
    free(sorted);
}

static void compile_all(struct rule_set *set, struct rule_sources *s, const struct set_options *o,
                        struct rule_problems *problems)
{
    struct compiler compiler;
    compiler_init(&compiler, &set->arena, &set->hot, !o->no_jit);
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct rule_source *r = s->items[i];
        struct reason why = {0};
        int line = r->rule.line;
        if (rule_compile(&compiler, r, &line, &why)) {
            rule_problem_add(problems, false, r->rule.file, line, r->rule.id, "%s", why.text);
            continue;
        }
        if (!o->keep_failing && !strict_slots(r, problems)) continue;
        s->items[kept++] = r;
    }
    s->n = kept;
    set->jit_denied = compiler.jit_denied;
    set->units = compiler.units;
    set->n_units = compiler.n_units;
    compiler_release(&compiler);
}

/* ---- what makes a rule a candidate ---- */

/* One of these gates open: the rule is worth looking at. The rarest set of gates that says so. */
struct filing {
    const struct gate *gates[RULE_PATTERNS_MAX];
    size_t n;
    double odds;
};

static void consider(struct filing *best, const struct filing *f)
{
    if (best->n == 0 || f->odds < best->odds) *best = *f;
}

/* The rarest of what an entry needs, or NULL. */
static const struct gate *entry_gate(const struct rule_code *c, const struct entry_of_any *e)
{
    const struct gate *best = NULL;
    for (uint32_t k = 0; k < e->n; k++) {
        const struct gate *g = &c->units[e->first + k]->gate;
        if (g->n && (!best || g->odds < best->odds)) best = g;
    }
    return best;
}

static void choose_filing(const struct rule_code *c, struct filing *best)
{
    best->n = 0;
    if (c->words.n) consider(best, &(struct filing){.gates = {&c->words}, .n = 1, .odds = c->words.odds});
    for (size_t i = 0; i < c->n_all; i++) {
        const struct gate *g = &unit_all(c, i)->gate;
        if (g->n) consider(best, &(struct filing){.gates = {g}, .n = 1, .odds = g->odds});
    }
    struct filing any = {0};
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct gate *g = entry_gate(c, &c->entries[i]);
        if (!g) return;
        any.gates[any.n++] = g;
        any.odds += g->odds;
    }
    if (any.n) consider(best, &any);
}

struct draft {
    uint32_t literal;
    struct trigger trigger;
};
struct drafts {
    struct draft *items;
    size_t n, cap;
};

static int by_literal(const void *a, const void *b)
{
    const struct draft *x = a, *y = b;
    if (x->literal != y->literal) return x->literal < y->literal ? -1 : 1;
    return (x->trigger.rule > y->trigger.rule) - (x->trigger.rule < y->trigger.rule);
}

static uint64_t mask_of(const struct prefilter *p, const struct gate *g, unsigned i)
{
    if (i >= g->n || !prefilter_is_eager(p, g->clauses[i])) return UINT64_MAX;
    size_t n = 0;
    uint64_t mask = 0;
    const uint32_t *literals = prefilter_clause_literals(p, g->clauses[i], &n);
    for (size_t k = 0; k < n; k++) mask |= literal_bit(literals[k]);
    return mask;
}

/* The most that a pattern of `all` asks for. */
static int digits_of(const struct rule_code *c)
{
    int digits = 0;
    for (size_t i = 0; i < c->n_all; i++)
        if (unit_all(c, i)->digits > digits) digits = unit_all(c, i)->digits;
    return digits;
}

/* Under each literal of the gate's rarest clause, which is its first. */
static void draft_gate(struct drafts *d, struct prefilter *p, const struct gate *g, uint32_t rule, int digits)
{
    size_t n = 0;
    const uint32_t *literals = prefilter_clause_literals(p, g->clauses[0], &n);
    for (size_t i = 0; i < n; i++) prefilter_make_eager(p, literals[i]);
    const struct trigger t = {mask_of(p, g, 1), mask_of(p, g, 2), rule, digits};
    for (size_t i = 0; i < n; i++) {
        if (d->n == d->cap) {
            d->cap = d->cap ? d->cap * 2 : 256;
            d->items = xreallocarray(d->items, d->cap, sizeof(*d->items));
        }
        d->items[d->n++] = (struct draft){literals[i], t};
    }
}

static void entry_add(struct entry *e, const struct gate *g, const struct gate *filed,
                      const struct prefilter *p, bool eager)
{
    for (unsigned i = g == filed; i < g->n && e->n < ARRAY_LEN(e->clauses); i++) {
        uint32_t k = 0;
        if (prefilter_is_eager(p, g->clauses[i]) != eager) continue;
        while (k < e->n && e->clauses[k] != g->clauses[i]) k++;
        if (k == e->n) e->clauses[e->n++] = g->clauses[i];
    }
}

/* filed: of each rule that is filed under a single gate, which. */
static void fill_entries(struct rule_set *set, const struct gate *const *filed)
{
    set->entries = arena_alloc(&set->hot, set->n * sizeof(*set->entries) + 1);
    set->codes = arena_alloc(&set->hot, set->n * sizeof(*set->codes) + 1);
    set->kinds = arena_alloc(&set->hot, set->n * sizeof(*set->kinds) + 1);
    for (size_t i = 0; i < set->n; i++) {
        const struct rule *r = &set->rules[i]->rule;
        set->codes[i] = r->code;
        set->kinds[i] = (uint16_t)r->kinds;
        if (r->status == RULE_STABLE || r->status == RULE_TEST) set->kinds[i] |= KIND_RUNS;
        for (int eager = 1; eager >= 0; eager--) {
            entry_add(&set->entries[i], &r->code->words, filed[i], set->prefilter, eager);
            for (size_t k = 0; k < r->code->n_all; k++)
                entry_add(&set->entries[i], &unit_all(r->code, k)->gate, filed[i], set->prefilter, eager);
        }
    }
}

/* The samples of all rules are the texts that we have: how many of them hold a clause says more than its length. Every
 * stride-th is looked at. */
struct count {
    struct scan scan;
    uint32_t *held; /* of each clause */
    size_t n, at, stride;
};

static void count_samples(struct count *c, const struct rule_texts *samples)
{
    for (; c->at < samples->n; c->at += c->stride, c->n++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(PREPARED_MAX);
        const char *text = samples->items[c->at].text;
        if (text_valid_utf8(text, strlen(text))) rule_text_prepare(text, strlen(text), &b);
        prefilter_scan(&c->scan, buf_cstr(&b), b.len);
        for (uint32_t k = 0; k < prefilter_clauses(c->scan.prefilter); k++)
            c->held[k] += scan_has(&c->scan, k);
    }
    c->at -= samples->n;
}

static void weigh_rules(struct rule_set *set, struct rule_source *const *rules, size_t n)
{
    for (size_t i = 0; i < set->n_units; i++) unit_weigh(set->units[i], set->prefilter);
    for (size_t i = 0; i < n; i++) rule_code_weigh(rules[i]->rule.code, set->prefilter);
}

static void weigh_clauses(struct rule_set *set, const struct rule_sources *rules)
{
    enum {
        GUESS_WEIGHT = 30,
        SAMPLES_ENOUGH = 300
    }; /* samples that the guess from length is worth; to look at */
    size_t samples = 0, clauses = prefilter_clauses(set->prefilter);
    struct count c = {.held = xcalloc(clauses + 1, sizeof(*c.held))};
    scan_init(&c.scan, set->prefilter);
    for (size_t i = 0; i < rules->n; i++)
        samples += rules->items[i]->samples_pass.n + rules->items[i]->samples_match.n;
    c.stride = samples / SAMPLES_ENOUGH + 1;
    for (size_t i = 0; i < rules->n; i++) {
        count_samples(&c, &rules->items[i]->samples_pass);
        count_samples(&c, &rules->items[i]->samples_match);
    }
    scan_release(&c.scan);
    for (uint32_t k = 0; k < clauses; k++) {
        double guess = prefilter_odds(set->prefilter, k);
        prefilter_set_odds(set->prefilter, k,
                           (c.held[k] + GUESS_WEIGHT * (guess < 1 ? guess : 1)) /
                               (double)(c.n + GUESS_WEIGHT));
    }
    free(c.held);
    weigh_rules(set, rules->items, rules->n);
}

static void file_patterns(struct rule_set *set, const struct rule_sources *rules)
{
    set->prefilter = prefilter_new();
    for (size_t i = 0; i < rules->n; i++)
        rule_code_file(rules->items[i]->rule.code, set->prefilter, &set->arena, &set->hot);
    prefilter_build(set->prefilter);
    weigh_clauses(set, rules);
}

static void drop_failing(const struct rule_set *set, struct rule_sources *rules,
                         struct rule_problems *problems)
{
    struct runner runner;
    struct scan scan;
    size_t kept = 0;
    runner_init(&runner, set->n_units);
    scan_init(&scan, set->prefilter);
    for (size_t i = 0; i < rules->n; i++)
        if (rule_try_samples(rules->items[i], &runner, &scan, problems))
            rules->items[kept++] = rules->items[i];
    rules->n = kept;
    scan_release(&scan);
    runner_release(&runner);
}

static void file_rules(struct rule_set *set)
{
    struct drafts drafts = {0};
    const struct gate **filed = xcalloc(set->n + 1, sizeof(*filed));
    set->always = arena_alloc(&set->arena, set->n * sizeof(uint32_t) + 1);
    set->likes = arena_alloc(&set->arena, set->n * sizeof(uint32_t) + 1);
    for (size_t i = 0; i < set->n; i++) {
        struct filing f;
        const struct rule_code *code = set->rules[i]->rule.code;
        choose_filing(code, &f);
        if (code->like_enough < INT64_MAX) set->likes[set->n_likes++] = (uint32_t)i;
        if (f.n == 0) set->always[set->n_always++] = (uint32_t)i;
        if (f.n == 1) filed[i] = f.gates[0];
        for (size_t g = 0; g < f.n; g++)
            draft_gate(&drafts, set->prefilter, f.gates[g], (uint32_t)i, digits_of(code));
    }
    prefilter_finish(set->prefilter);
    weigh_rules(set, set->rules, set->n);
    fill_entries(set, filed);
    free(filed);
    if (drafts.n) qsort(drafts.items, drafts.n, sizeof(*drafts.items), by_literal);
    size_t literals = prefilter_literals(set->prefilter);
    set->triggers = arena_alloc(&set->arena, drafts.n * sizeof(struct trigger) + 1);
    set->trigger_first = arena_alloc(&set->arena, (literals + 1) * sizeof(uint32_t));
    size_t at = 0;
    for (size_t l = 0; l <= literals; l++) {
        set->trigger_first[l] = (uint32_t)at;
        for (; at < drafts.n && drafts.items[at].literal == l; at++)
            set->triggers[at] = drafts.items[at].trigger;
        if (at - set->trigger_first[l] > set->triggers_most) set->triggers_most = at - set->trigger_first[l];
    }
    free(drafts.items);
}

/* ---- the hash ---- */

static void add_texts(struct buf *b, const char *name, const char *const *items, size_t n)
{
    buf_json_key(b, name);
    buf_char(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i) buf_char(b, ',');
        buf_json_str(b, items[i]);
    }
    buf_char(b, ']');
}

/* As they are, each behind its length: with the lists filled in they are most of what is hashed. */
static void add_patterns(struct buf *b, const char *name, const struct rule_texts *t)
{
    buf_json_key(b, name);
    for (size_t i = 0; i < t->n; i++) {
        size_t n = strlen(t->items[i].text);
        buf_printf(b, t->items[i].joined ? "&%zu:" : "%zu:", n);
        buf_add(b, t->items[i].text, n);
    }
}

/* Everything that changes what is found or said; comments, samples and places in files do not. */
static void add_rule(struct buf *b, const struct rule_source *s)
{
    const struct rule *r = &s->rule;
    buf_char(b, '{');
    buf_json_member(b, "id", r->id);
    buf_json_member_int(b, "rev", r->rev);
    buf_json_member_int(b, "status", r->status);
    buf_json_member(b, "title", r->title);
    buf_json_member(b, "category", r->category);
    buf_json_member_int(b, "level", r->level);
    buf_json_member_int(b, "kinds", r->kinds);
    buf_json_member_int(b, "count", r->threshold_count);
    buf_json_member_int(b, "within", r->threshold_within_ms);
    buf_json_member_int(b, "feeds", r->threshold_feeds);
    buf_json_member_int(b, "victims", r->threshold_victims);
    buf_json_member(b, "same", r->threshold_same_name);
    buf_json_member_int(b, "expires", r->expires_ms);
    buf_json_member_int(b, "near", s->match.near);
    if (s->match.like) {
        buf_json_member_int(b, "enough", r->like_enough);
        buf_json_member_bool(b, "doubt", s->match.like_doubt);
        buf_json_member(b, "learned", likeness_digest(s->match.like));
        add_patterns(b, "learned.none", &s->match.like_none);
    }
    for (size_t i = 0; i < s->match.n_words; i++) add_patterns(b, "words", &s->match.words[i]);
    add_patterns(b, "all", &s->match.all);
    add_patterns(b, "any", &s->match.any);
    add_patterns(b, "none", &s->match.none);
    buf_json_member(b, "voice", r->say.voice);
    buf_json_member(b, "voice_short", r->say.voice_short);
    buf_json_member(b, "rhyme", r->say.rhyme);
    buf_json_member(b, "headline", r->say.headline);
    add_texts(b, "lines", r->say.lines, (size_t)r->say.n_lines);
    buf_json_member(b, "chat", r->say.chat);
    buf_json_member(b, "duty", r->say.duty);
    buf_json_member(b, "caught", r->say.caught);
    buf_json_member(b, "correction", r->say.correction);
    buf_char(b, '}');
}

static void hash_rules(struct rule_set *set)
{
    CLEANUP(buf_release) struct buf rule = BUF_INIT(SET_TEXT_MAX), all = BUF_INIT(SET_TEXT_MAX);
    uint8_t digest[HASH_LEN];
    buf_printf(&all, "%d\n", NORMALISE_VERSION);
    for (size_t i = 0; i < set->n; i++) {
        buf_clear(&rule);
        add_rule(&rule, set->rules[i]);
        hash_sha256(buf_cstr(&rule), rule.len, digest);
        buf_add(&all, digest, sizeof(digest));
    }
    hash_sha256(buf_cstr(&all), all.len, digest);
    hash_hex(digest, 8, set->hash);
}

struct rule_set *rule_set_build(struct arena *a, struct rule_sources *sources, const struct set_options *o,
                                struct rule_problems *problems)
{
    struct rule_set *set = xcalloc(1, sizeof(*set));
    set->arena = *a;
    *a = (struct arena){0};
    drop_repeats(sources, problems);
    compile_all(set, sources, o, problems);
    file_patterns(set, sources);
    if (!o->keep_failing) drop_failing(set, sources, problems);
    if (o->strict != STRICT_NOT) strict_sift(set, sources, o->strict == STRICT_REFUSE, problems);
    set->n = sources->items ? sources->n : 0;
    set->rules = arena_alloc(&set->arena, set->n * sizeof(struct rule_source *) + 1);
    for (size_t i = 0; sources->items && i < set->n; i++) {
        set->rules[i] = sources->items[i];
        set->rules[i]->rule.index = (int)i;
    }
    file_rules(set);
    rule_sources_release(sources);
    hash_rules(set);
    if (set->jit_denied)
        rule_problem_add(problems, true, "", 0, NULL,
                         _("the system denies executable memory (MemoryDenyWriteExecute?), so patterns run "
                           "interpreted: the same answers, several times slower"));
    return set;
}

struct rule_set *rule_set_of_text(const char *name, const char *text, size_t n, const struct set_options *o,
                                  struct rule_problems *problems)
{
    struct arena arena = {0};
    struct rule_sources sources = {0};
    (void)!rules_parse_text(name, text, n, &arena, &sources, problems); /* noted there */
    return rule_set_build(&arena, &sources, o, problems);
}

enum relay_err rule_set_load(const char *const *dirs, size_t n_dirs, struct rule_set **ret,
                             struct rule_problems *problems, struct reason *why)
{
    struct arena arena = {0};
    struct rule_sources sources = {0};
    enum relay_err err = rule_sources_read(dirs, n_dirs, &arena, &sources, problems, why);
    if (err) {
        rule_sources_release(&sources);
        arena_release(&arena);
        return err;
    }
    *ret = rule_set_build(&arena, &sources, &(struct set_options){.strict = STRICT_REFUSE}, problems);
    return RELAY_OK;
}

struct rule_set *rule_set_free(struct rule_set *s)
{
    if (!s) return NULL;
    units_free(s->units, s->n_units);
    s->prefilter = prefilter_free(s->prefilter);
    arena_release(&s->arena);
    arena_release(&s->hot);
    free(s);
    return NULL;
}

size_t rule_set_size(const struct rule_set *s)
{
    return s->n;
}

const struct rule *rule_set_at(const struct rule_set *s, size_t i)
{
    return i < s->n ? &s->rules[i]->rule : NULL;
}

const struct rule *rule_set_find(const struct rule_set *s, const char *id)
{
    size_t from = 0, to = s->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int order = strcmp(s->rules[mid]->rule.id, id);
        if (order == 0) return &s->rules[mid]->rule;
        if (order < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

const char *rule_set_hash(const struct rule_set *s)
{
    return s->hash;
}
