/* tocsin rules: lint, test, explain, eval, bench, new. Works on rule files alone; no daemon is needed. */
#include <errno.h>
#include <getopt.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/packs.h"
#include "cli/verbs.h"
#include "rules/eval.h"
#include "rules/explain.h"
#include "rules/lint.h"
#include "rules/measure.h"
#include "rules/page.h"
#include "rules/propose.h"

enum { OUT_MAX = 256 * 1024 * 1024, TEXTS_MAX = 100000, TEXTS_BYTES = 16 * 1024 * 1024 };

struct args {
    const char *packs[PACKS_MAX];
    size_t n_packs;
    const char *config, *from, *not, *output, *input;
    bool json, all, report, wrong;
    char **rest;
    int n_rest;
};

struct verb {
    const char *name, *options; /* short names of the options that it takes */
    int min_rest, max_rest;
    int (*run)(const struct args *a);
    const char *usage, *summary;
};

/* The set that the verb works on. keep_failing also means that problems are the verb's to show. */
static struct rule_set *load(const struct args *a, bool keep_failing, struct rule_problems *problems)
{
    const char *packs[PACKS_MAX];
    struct arena arena = {0}, paths = {0};
    struct rule_sources sources = {0};
    struct reason why = {0};
    *problems = (struct rule_problems){0};
    size_t n = packs_find(a->packs, a->n_packs, a->config, &paths, packs);
    if (n == 0) {
        arena_release(&paths);
        return NULL;
    }
    enum relay_err err = rule_sources_read(packs, n, &arena, &sources, problems, &why);
    if (err && keep_failing) { /* that is what there is to be shown */
        if (!problems->n) rule_problem_add(problems, false, "", 0, NULL, "%s", why.text);
    } else if (err) {
        if (!packs_print_problems(problems)) (void)fprintf(stderr, "%s\n", why.text);
        rule_problems_release(problems);
        rule_sources_release(&sources);
        arena_release(&arena);
        arena_release(&paths);
        return NULL;
    }
    struct rule_set *set =
        rule_set_build(&arena, &sources,
                       &(struct set_options){.keep_failing = keep_failing,
                                             .strict = keep_failing ? STRICT_NOT : STRICT_WARN},
                       problems);
    arena_release(&paths);
    if (keep_failing) return set;
    size_t errors = packs_print_problems(problems);
    if (errors == 0 || rule_set_size(set) > 0) return set;
    (void)fprintf(stderr, "%s\n", _("no rule is left to work with"));
    rule_problems_release(problems);
    return rule_set_free(set);
}

/* What is named, with --packs or without, as it is. */
static struct rule_set *load_named(const struct args *a, struct rule_problems *problems)
{
    struct args all = *a;
    for (int i = 0; i < a->n_rest; i++) all.packs[all.n_packs++] = a->rest[i];
    return load(&all, true, problems);
}

static int print_and_release(struct buf *out)
{
    int code = EXIT_DONE;
    if (out->len && fwrite(out->data, 1, out->len, stdout) != out->len) code = EXIT_FAILED;
    if (fflush(stdout) != 0) code = EXIT_FAILED;
    if (code) (void)fprintf(stderr, _("cannot write: %s\n"), strerror(errno));
    buf_release(out);
    return code;
}

/* ---- reading texts ---- */

/* One line, without its end, of any length; over the limit the rest is skipped. 0 at the end. */
static int read_line(FILE *f, struct buf *line)
{
    int c;
    bool any = false;
    buf_clear(line);
    while ((c = getc_unlocked(f)) != EOF) {
        any = true;
        if (c == '\n') return 1;
        buf_char(line, (char)c);
    }
    return any;
}

struct texts {
    struct buf bytes;
    const char **items;
    int *lines; /* of the file */
    size_t n;
};

static void texts_release(struct texts *t)
{
    buf_release(&t->bytes);
    free(t->items);
    free(t->lines);
    *t = (struct texts){0};
}

/* One text a line; empty lines and lines that begin with # are not texts. */
static bool read_texts(const char *path, struct texts *ret)
{
    size_t cap = 0;
    *ret = (struct texts){.bytes = BUF_INIT(TEXTS_BYTES)};
    if (!input_read(path, &ret->bytes)) {
        texts_release(ret);
        return false;
    }
    int line = 0;
    for (char *at = ret->bytes.data, *next; at && *at; at = next) {
        line++;
        next = strchr(at, '\n');
        if (next) *next++ = '\0';
        at[strcspn(at, "\r")] = '\0';
        if (*at == '\0' || *at == '#') continue;
        if (ret->n == cap) {
            cap = cap ? cap * 2 : 64;
            ret->items = xreallocarray(ret->items, cap, sizeof(*ret->items));
            ret->lines = xreallocarray(ret->lines, cap, sizeof(*ret->lines));
        }
        ret->lines[ret->n] = line;
        ret->items[ret->n++] = at;
    }
    return true;
}

/* ---- lint ---- */

static void lint_json(const struct lint *l, size_t rules, struct buf *out)
{
    buf_char(out, '{');
    buf_json_member_int(out, "rules", (int64_t)rules);
    buf_json_member_int(out, "errors", (int64_t)l->errors);
    buf_json_member_int(out, "warnings", (int64_t)(l->n - l->errors));
    buf_str(out, ",\"findings\":[");
    for (size_t i = 0; i < l->n; i++) {
        const struct lint_finding *f = &l->items[i];
        buf_str(out, i ? ",{" : "{");
        buf_json_member(out, "file", f->file);
        buf_json_member_int(out, "line", f->line);
        buf_json_member(out, "rule", f->rule);
        buf_json_member(out, "grade", f->error ? "error" : "warning");
        buf_json_member(out, "code", f->code);
        buf_json_member(out, "text", f->text);
        buf_char(out, '}');
    }
    buf_str(out, "]}\n");
}

static void lint_text(const struct lint *l, size_t rules, struct buf *out)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct lint_finding *f = &l->items[i];
        if (f->file[0]) buf_printf(out, "%s:", f->file);
        if (f->line) buf_printf(out, "%d:", f->line);
        if (f->file[0]) buf_char(out, ' ');
        if (f->rule[0]) buf_printf(out, "%s: ", f->rule);
        buf_printf(out, "%s %s [%s]\n", f->error ? _("error:") : _("warning:"), f->text, f->code);
    }
    buf_printf(out, _("%zu rules: %zu errors, %zu warnings\n"), rules, l->errors, l->n - l->errors);
}

static int run_lint(const struct args *a)
{
    struct rule_problems problems;
    struct rule_set *set = load_named(a, &problems);
    if (!set) return EXIT_FAILED;
    struct lint lint;
    struct buf out = BUF_INIT(OUT_MAX);
    lint_set(set, &problems, &lint);
    if (a->json)
        lint_json(&lint, rule_set_size(set), &out);
    else
        lint_text(&lint, rule_set_size(set), &out);
    int code = print_and_release(&out);
    if (lint.errors) code = EXIT_FAILED;
    lint_release(&lint);
    rule_set_free(set);
    rule_problems_release(&problems);
    return code;
}

/* ---- test ---- */

struct tested {
    size_t samples, failed, rules, rules_failed, untested;
};

static void test_rule(const struct rule_source *s, struct runner *r, bool json, struct tested *t,
                      struct buf *out)
{
    struct rule_problems p = {0};
    size_t samples = s->samples_match.n + s->samples_pass.n;
    bool ok = rule_try_samples(s, r, NULL, &p);
    t->rules++;
    t->samples += samples;
    t->failed += p.n;
    t->rules_failed += !ok;
    t->untested += samples == 0;
    if (json) {
        buf_str(out, t->rules > 1 ? ",{" : "{");
        buf_json_member(out, "rule", s->rule.id);
        buf_json_member_int(out, "samples", (int64_t)samples);
        buf_json_member_int(out, "failed", (int64_t)p.n);
        buf_str(out, ",\"failures\":[");
        for (size_t i = 0; i < p.n; i++) {
            buf_str(out, i ? ",{" : "{");
            buf_json_member(out, "file", p.items[i].file);
            buf_json_member_int(out, "line", p.items[i].line);
            buf_json_member(out, "text", p.items[i].why.text);
            buf_char(out, '}');
        }
        buf_str(out, "]}");
    } else {
        buf_printf(out, "%s %s (%zu)\n", !ok ? "FAIL" : samples ? "ok  " : "none", s->rule.id, samples);
        for (size_t i = 0; i < p.n; i++)
            buf_printf(out, "     %s:%d: %s\n", p.items[i].file, p.items[i].line, p.items[i].why.text);
    }
    rule_problems_release(&p);
}

static int run_test(const struct args *a)
{
    struct rule_problems problems;
    struct rule_set *set = load_named(a, &problems);
    if (!set) return EXIT_FAILED;
    size_t errors = packs_print_problems(&problems);
    struct runner runner;
    struct tested t = {0};
    struct buf out = BUF_INIT(OUT_MAX);
    runner_init(&runner, 0);
    if (a->json) buf_str(&out, "{\"rules\":[");
    for (size_t i = 0; i < set->n; i++) test_rule(set->rules[i], &runner, a->json, &t, &out);
    if (a->json)
        buf_printf(&out, "],\"samples\":%zu,\"failed\":%zu,\"not_loaded\":%zu}\n", t.samples, t.failed,
                   errors);
    else
        buf_printf(&out,
                   _("%zu samples of %zu rules: %zu failed in %zu rules; %zu rules have none; %zu problems "
                     "at load\n"),
                   t.samples, t.rules, t.failed, t.rules_failed, t.untested, errors);
    runner_release(&runner);
    rule_set_free(set);
    rule_problems_release(&problems);
    int code = print_and_release(&out);
    return t.failed || errors ? EXIT_FAILED : code;
}

/* ---- explain ---- */

static int run_explain(const struct args *a)
{
    CLEANUP(buf_release) struct buf read = BUF_INIT(EVENT_TEXT_MAX);
    const char *text = a->rest[0];
    size_t n = strlen(text);
    if (strcmp(text, "-") == 0) {
        if (!input_read("-", &read)) return EXIT_FAILED;
        text = buf_cstr(&read);
        n = read.len;
        while (n && (text[n - 1] == '\n' || text[n - 1] == '\r')) n--;
    } else if (access(text, F_OK) == 0) {
        (void)fprintf(
            stderr,
            _("`%s` is a file here, and is looked at as a text; what is in it: tocsin rules explain "
              "- < %s\n"),
            text, text);
    } else if (n > EVENT_TEXT_MAX) {
        (void)fprintf(stderr, _("the text has %zu bytes; an event has at most %d\n"), n, EVENT_TEXT_MAX);
        return EXIT_FAILED;
    } else if (!text_valid_utf8(text, n)) {
        (void)fprintf(stderr,
                      _("the text is not UTF-8: set the terminal to UTF-8, or put the text into a file saved "
                        "as UTF-8 and write: tocsin rules explain - < FILE\n"));
        return EXIT_FAILED;
    }
    if (!n) {
        (void)fprintf(stderr, _("the text is empty: give the words of one message, in quotes\n"));
        return EXIT_USAGE;
    }
    /* Also a rule that fails its own samples: this is where its writer sees why. */
    struct rule_problems problems;
    struct rule_set *set = load(a, true, &problems);
    if (!set) return EXIT_FAILED;
    int code = EXIT_FAILED;
    if (packs_print_problems(&problems) == 0 || rule_set_size(set) > 0) {
        struct buf out = BUF_INIT(OUT_MAX);
        explain(set, text, n, a->json, &out);
        code = print_and_release(&out);
    }
    rule_set_free(set);
    rule_problems_release(&problems);
    return code;
}

/* ---- eval ---- */

static int eval_lines(const struct args *a, struct eval *e)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(EVAL_LINE_MAX + 1);
    CLEANUP(buf_release) struct buf out = BUF_INIT(8 * 1024 * 1024);
    size_t number = 0, bad = 0;
    while (read_line(stdin, &line)) {
        struct reason why = {0};
        if (number++ == 0) input_drop_mark(&line);
        if (line.len && line.data[line.len - 1] == '\r') line.data[--line.len] = '\0';
        if (line.len == 0) continue;
        enum relay_err err = buf_failed(&line)
                                 ? fail(&why, RELAY_LIMIT, _("longer than %d bytes"), EVAL_LINE_MAX)
                                 : eval_line(e, buf_cstr(&line), line.len, &out, &why);
        if (err) {
            bad++;
            (void)fprintf(stderr, _("line %zu: %s\n"), number, why.text);
        }
        const struct buf *print = a->wrong ? &e->wrong : &out;
        if ((a->wrong || !a->report) && print->len &&
            fwrite(print->data, 1, print->len, stdout) != print->len) {
            (void)fprintf(stderr, _("cannot write: %s\n"), strerror(errno));
            return EXIT_FAILED;
        }
        buf_clear(&out);
    }
    if (ferror(stdin)) {
        (void)fprintf(stderr, _("cannot read the lines: %s\n"), strerror(errno));
        return EXIT_FAILED;
    }
    if (bad)
        (void)fprintf(
            stderr,
            _("%zu of %zu lines could not be read; a line is a JSON object: {\"id\":\"1\",\"text\":\"…\"}; "
              "for one text there is `tocsin rules explain`\n"),
            bad, number);
    return bad ? EXIT_FAILED : EXIT_DONE;
}

static bool any_runs(const struct rule_set *set)
{
    bool any = rule_set_size(set) == 0;
    for (size_t i = 0; i < rule_set_size(set) && !any; i++) {
        enum rule_status status = rule_set_at(set, i)->status;
        any = status == RULE_TEST || status == RULE_STABLE;
    }
    return any;
}

static int run_eval(const struct args *a)
{
    struct rule_problems problems;
    struct rule_set *set = load(a, false, &problems);
    if (!set) return EXIT_FAILED;
    struct eval e;
    struct reason why = {0};
    struct buf out = BUF_INIT(OUT_MAX);
    if (!a->all && !any_runs(set))
        (void)fprintf(stderr,
                      _("none of the rules is `test` or `stable`, so none finds anything: add --all\n"));
    eval_init(&e, set, a->all);
    e.json = a->json;
    int code = eval_lines(a, &e);
    if ((a->report || a->wrong) && eval_counted(&e, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        code = EXIT_FAILED;
    } else if (a->report) {
        eval_report(&e, &out);
    }
    int printed = print_and_release(&out);
    eval_release(&e);
    rule_set_free(set);
    rule_problems_release(&problems);
    return code ? code : printed;
}

/* ---- bench ---- */

/* Texts of JSON lines with "text", or of plain lines. */
static bool bench_input(const char *path, struct texts *t, struct arena *arena)
{
    if (!read_texts(path, t)) return false;
    static const struct json_limits limits = {.max_bytes = EVAL_LINE_MAX, .max_depth = 8};
    for (size_t i = 0; i < t->n; i++) {
        if (t->items[i][0] != '{') continue;
        CLEANUP(json_free_ptr) cJSON *line = NULL;
        struct reason why = {0};
        const char *text = NULL;
        if (json_parse(t->items[i], strlen(t->items[i]), &limits, &line, &why) ||
            json_str(line, "text", &text)) {
            (void)fprintf(stderr, _("%s:%d: no JSON object with \"text\"\n"), path, t->lines[i]);
            return false;
        }
        t->items[i] = arena_strdup(arena, text);
    }
    return true;
}

static void samples_of(const struct rule_set *set, struct texts *t)
{
    t->items = xcalloc(TEXTS_MAX, sizeof(*t->items));
    for (size_t i = 0; i < set->n; i++) {
        const struct rule *r = &set->rules[i]->rule;
        for (size_t k = 0; k < r->n_samples_match && t->n < TEXTS_MAX; k++)
            t->items[t->n++] = r->samples_match[k];
        for (size_t k = 0; k < r->n_samples_pass && t->n < TEXTS_MAX; k++)
            t->items[t->n++] = r->samples_pass[k];
    }
}

static void bench_text(const struct rule_set *set, const struct measure *m, struct buf *out)
{
    buf_printf(out, _("%zu rules, %zu texts of %.0f bytes on average\n"), set->n, m->texts,
               (double)m->bytes / (double)m->texts);
    buf_printf(
        out,
        _("%.0f events/s in all, %.0f events/s for the scan alone (%zu literals, %zu clauses, %zu KiB)\n"),
        m->events_per_s, m->scan_per_s, m->literals, m->clauses, m->prefilter_bytes / 1024);
    buf_printf(out, _("%.2f candidates a text, %.2f found a text%s\n"),
               (double)m->candidates / (double)m->texts, (double)m->found / (double)m->texts,
               set->jit_denied ? _("; interpreted, no JIT") : "");
    if (set->n_likes)
        buf_printf(out, _("what a text is like: %.0f ns, for the %zu rules that go by it\n"), m->like_ns,
                   set->n_likes);
    const char *const heads[] = {_("rule"), _("ns an event"), _("candidates"), _("found")};
    static const size_t columns[] = {36, 12, 12, 10};
    buf_printf(out, "\n%s", heads[0]);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        if (i) buf_char(out, ' ');
        for (size_t w = text_columns(heads[i]); w < columns[i]; w++) buf_char(out, ' ');
        if (i) buf_str(out, heads[i]);
    }
    buf_char(out, '\n');
    for (size_t i = 0; i < set->n; i++)
        buf_printf(out, "%-36s %12.1f %12zu %10zu%s\n", m->rules[i].rule->id, m->rules[i].ns,
                   m->rules[i].candidates, m->rules[i].found,
                   m->rules[i].always ? _("  (runs on every event)") : "");
}

static void bench_json(const struct rule_set *set, const struct measure *m, struct buf *out)
{
    buf_printf(out,
               "{\"rules\":%zu,\"texts\":%zu,\"events_per_s\":%.0f,\"scan_per_s\":%.0f,\"candidates_per_"
               "text\":%.3f,",
               set->n, m->texts, m->events_per_s, m->scan_per_s, (double)m->candidates / (double)m->texts);
    buf_printf(out, "\"like_ns\":%.1f,\"literals\":%zu,\"clauses\":%zu,\"costs\":[", m->like_ns, m->literals,
               m->clauses);
    for (size_t i = 0; i < set->n; i++) {
        buf_str(out, i ? ",{" : "{");
        buf_json_member(out, "rule", m->rules[i].rule->id);
        buf_printf(out, ",\"ns\":%.1f,\"candidates\":%zu,\"found\":%zu", m->rules[i].ns,
                   m->rules[i].candidates, m->rules[i].found);
        buf_json_member_bool(out, "always", m->rules[i].always);
        buf_char(out, '}');
    }
    buf_str(out, "]}\n");
}

static int run_bench(const struct args *a)
{
    struct rule_problems problems;
    struct rule_set *set = load(a, false, &problems);
    if (!set) return EXIT_FAILED;
    struct texts texts = {0};
    struct arena arena = {0};
    int code = EXIT_FAILED;
    if (!a->input)
        samples_of(set, &texts);
    else if (!bench_input(a->input, &texts, &arena))
        goto out;
    if (texts.n == 0) {
        if (a->input)
            (void)fprintf(stderr, _("%s: no texts; write one a line\n"), a->input);
        else
            (void)fprintf(stderr, _("no texts: the rules have no samples; give --input FILE\n"));
        goto out;
    }
    struct measure m;
    struct buf out = BUF_INIT(OUT_MAX);
    rules_measure(set, texts.items, texts.n, &m);
    if (a->json)
        bench_json(set, &m, &out);
    else
        bench_text(set, &m, &out);
    measure_release(&m);
    code = print_and_release(&out);
out:
    texts_release(&texts);
    arena_release(&arena);
    rule_set_free(set);
    rule_problems_release(&problems);
    return code;
}

/* ---- new ---- */

static void print_proposal(const struct proposal *p)
{
    (void)fprintf(stderr, _("proposed words (strike what is chance, then fill in the texts):\n"));
    for (size_t l = 0; l < p->n_lists; l++) {
        (void)fprintf(stderr, "  ");
        for (size_t i = 0; i < p->lists[l].n; i++)
            (void)fprintf(stderr, "%s%s", i ? " / " : "", p->lists[l].words[i]);
        (void)fprintf(stderr, "\n");
    }
}

/* The file is shown and installed: what was somebody's in the texts does not go into it. */
static void texts_mask(struct texts *t, struct arena *arena)
{
    for (size_t i = 0; i < t->n; i++) {
        if (!text_valid_utf8(t->items[i], strlen(t->items[i]))) continue; /* lint will say so */
        CLEANUP(buf_release) struct buf b = BUF_INIT(OUT_MAX);
        mask_original(t->items[i], &b);
        t->items[i] = arena_strdup(arena, buf_cstr(&b));
    }
}

static int run_new(const struct args *a)
{
    const char *id = a->n_rest ? a->rest[0] : "my_rule_1";
    if (!rule_id_valid(id)) {
        (void)fprintf(stderr, _("%s: an id is made of 2 to 63 of a-z, 0-9 and _, beginning with a letter\n"),
                      id);
        return EXIT_FAILED;
    }
    if (a->not &&!a->from) {
        (void)fprintf(stderr, _("--not needs --from: the texts of the scam\n"));
        return EXIT_USAGE;
    }
    struct texts scams = {0}, harmless = {0};
    struct arena arena = {0};
    struct proposal p;
    struct reason why = {0};
    int code = EXIT_FAILED;
    if ((a->from && !read_texts(a->from, &scams)) || (a->not &&!read_texts(a->not, &harmless))) goto out;
    texts_mask(&scams, &arena);
    texts_mask(&harmless, &arena);
    if (a->from) {
        if (propose_words(scams.items, scams.n, harmless.items, harmless.n, &arena, &p, &why)) {
            (void)fprintf(stderr, "%s: %s\n", a->from, why.text);
            goto out;
        }
        print_proposal(&p);
    }
    struct buf out = BUF_INIT(OUT_MAX);
    rule_template(id, a->from ? &p : NULL, scams.items, scams.n, harmless.items, harmless.n, &out);
    code = cli_write_new(a->output ? a->output : "-", &out, &why) == RELAY_OK ? EXIT_DONE : EXIT_FAILED;
    if (code)
        (void)fprintf(stderr, "%s\n", why.text);
    else if (a->output && strcmp(a->output, "-") != 0)
        (void)fprintf(stderr, _("%s: written. Replace every …… in it, then: tocsin rules lint %s\n"),
                      a->output, a->output);
    buf_release(&out);
out:
    texts_release(&scams);
    texts_release(&harmless);
    arena_release(&arena);
    return code;
}

/* ---- page ---- */

static int run_page(const struct args *a)
{
    struct rule_problems problems;
    if (!a->output) {
        (void)fprintf(stderr, _("say where to: -o try.html\n"));
        return EXIT_USAGE;
    }
    struct rule_set *set = load(a, false, &problems);
    if (!set) return EXIT_FAILED;
    struct buf out = BUF_INIT(OUT_MAX);
    struct reason why = {0};
    enum relay_err err = rules_page(set, TOCSIN_VERSION, &out, &why);
    if (err == RELAY_OK) err = cli_write(a->output, &out, &why);
    int code = err == RELAY_OK ? EXIT_DONE : EXIT_FAILED;
    if (code)
        (void)fprintf(stderr, "%s\n", why.text);
    else if (strcmp(a->output, "-") != 0)
        (void)fprintf(stderr,
                      _("%s: written; open it in a browser, here or on a computer without a network\n"),
                      a->output);
    buf_release(&out);
    rule_set_free(set);
    rule_problems_release(&problems);
    return code;
}

/* ---- the table ---- */

static const struct verb verbs[] = {
    {"lint", "pcj", 0, PACKS_MAX, run_lint, N_("lint [FILE|DIR…]"),
     N_("checks rules and the texts that they send out")},
    {"test", "pcj", 0, PACKS_MAX, run_test, N_("test [FILE|DIR…]"),
     N_("runs the samples that stand in the rules")},
    {"explain", "pcj", 1, 1, run_explain, N_("explain TEXT|-"),
     N_("shows which rules find a text, and what nearly does")},
    {"eval", "pcjarw", 0, 0, run_eval, N_("eval < LINES"),
     N_("JSON lines {\"id\",\"text\"} in, a verdict a line out; --report adds it up")},
    {"bench", "pcji", 0, 0, run_bench, N_("bench [--input FILE]"),
     N_("events a second, and what each rule costs")},
    {"page", "pco", 0, 0, run_page, N_("page -o try.html"),
     N_("one page for a computer that is not connected: paste a text, see what finds it, write a rule")},
    {"new", "fno", 0, 1, run_new, N_("new [ID] [--from SCAMS --not HARMLESS] [-o FILE]"),
     N_("a commented rule to begin with; proposes words from texts, one a line")},
    {NULL, NULL, 0, 0, NULL, NULL, NULL}};

static const struct option long_options[] = {
    {"packs", required_argument, NULL, 'p'},  {"config", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},         {"all", no_argument, NULL, 'a'},
    {"report", no_argument, NULL, 'r'},       {"wrong", no_argument, NULL, 'w'},
    {"from", required_argument, NULL, 'f'},   {"not", required_argument, NULL, 'n'},
    {"output", required_argument, NULL, 'o'}, {"input", required_argument, NULL, 'i'},
    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};

static void usage(FILE *out)
{
    for (const struct verb *v = verbs; v->name; v++)
        (void)fprintf(out, "tocsin rules %s\n        %s\n", _(v->usage), _(v->summary));
    (void)fputs(
        _("tocsin rules try FILE [--since 7d]\n        what a rule would have done with the events of the "
          "last days\n"
          "tocsin rules install FILE --by NAME\n        checks and tries it, and enters it as `test` here\n"
          "tocsin rules stable ID --by NAME\n        a second person: it speaks from now on\n"
          "tocsin rules revert ID --by NAME [--reason WHY]\n        takes the last step back\n"
          "tocsin rules list\n        what has been installed here, and by whom\n"),
        out);
    (void)fputs(
        _("\n  -p, --packs DIR   rule files (again for more; default: the configuration's, else the "
          "installed pack)\n"
          "  -c, --config FILE the configuration (default: TOCSIN_CONFIG, else /etc/tocsin/tocsin.yaml)\n"
          "  -j, --json        for programs\n"
          "  -a, --all         eval: also rules that are experimental or deprecated\n"
          "  -r, --report      eval: recall, precision and false alarms by category and origin\n"
          "  -w, --wrong       eval: the lines that came out otherwise than their label says\n"
          "  -i, --input FILE  bench: texts, one a line, or JSON lines with \"text\" (default: the rules' "
          "own samples)\n"
          "  -f, --from FILE   new: texts of the scam, one a line; words are proposed from them\n"
          "  -n, --not FILE    new: harmless texts that must have none of those words\n"
          "  -o, --output FILE new, page: write here (new: default is standard output)\n"),
        out);
}

static bool take_option(int c, struct args *a)
{
    switch (c) {
    case 'p':
        if (a->n_packs < PACKS_MAX) a->packs[a->n_packs] = optarg;
        a->n_packs++; /* too many are refused together with the files */
        return true;
    case 'c': a->config = optarg; return true;
    case 'j': a->json = true; return true;
    case 'a': a->all = true; return true;
    case 'r': a->report = true; return true;
    case 'w': a->wrong = true; return true;
    case 'f': a->from = optarg; return true;
    case 'n': a->not = optarg; return true;
    case 'o': a->output = optarg; return true;
    case 'i': a->input = optarg; return true;
    default: return false;
    }
}

/* What works on the store and the daemon has a file of its own. */
static bool is_here(const char *name)
{
    static const char *const here[] = {"try", "install", "stable", "revert", "list"};
    for (size_t i = 0; i < ARRAY_LEN(here); i++)
        if (strcmp(name, here[i]) == 0) return true;
    return false;
}

int cli_rules(int argc, char **argv)
{
    const struct verb *v = verbs;
    if (argc > 1 && is_here(argv[1])) return cli_rules_here(argc, argv);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        usage(stdout);
        return EXIT_DONE;
    }
    while (argc > 1 && v->name && strcmp(v->name, argv[1]) != 0) v++;
    if (argc < 2 || !v->name) {
        if (argc > 1) (void)fprintf(stderr, _("tocsin rules: no verb `%s`\n"), argv[1]);
        usage(stderr);
        return EXIT_USAGE;
    }
    struct args a = {0};
    optind = 1;
    for (int c; (c = getopt_long(argc - 1, argv + 1, "p:c:jarwf:n:o:i:h", long_options, NULL)) != -1;) {
        if (c == 'h') {
            usage(stdout);
            return EXIT_DONE;
        }
        if (c != '?' && !strchr(v->options, c)) {
            (void)fprintf(stderr, _("tocsin rules %s does not take -%c\n"), v->name, c);
            return EXIT_USAGE;
        }
        if (!take_option(c, &a)) return EXIT_USAGE;
    }
    a.rest = argv + 1 + optind;
    a.n_rest = argc - 1 - optind;
    if (a.n_packs > PACKS_MAX || a.n_packs + (size_t)a.n_rest > PACKS_MAX) {
        (void)fprintf(stderr,
                      _("%zu files and folders are too many, at most %d: name the folder that they are in\n"),
                      a.n_packs + (size_t)a.n_rest, PACKS_MAX);
        return EXIT_USAGE;
    }
    if (a.n_rest < v->min_rest || a.n_rest > v->max_rest) {
        if (a.n_rest > v->max_rest) cli_too_many(argv[0] + strlen("tocsin "), a.rest[v->max_rest]);
        (void)fprintf(stderr, "tocsin rules %s\n", _(v->usage));
        return EXIT_USAGE;
    }
    return v->run(&a);
}
