/* What keeps a rule from being stable: texts, their wording, samples, patterns without end. */
#include "rules/strict.h"

#include <stdarg.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/slots.h"
#include "base/text.h"
#include "rules/wording.h"

/* Limits; those of the wording are in wording.c. */
enum {
    CHAT_BYTES = 2048, /* a WeCom text, with what the relay adds */
    CHAT_ADDED = 120,
    /* The interpreter counts more steps than the JIT, and a bounded pattern has an end. */
    ENDLESS_STEPS = 10 * MATCH_LIMIT,
    ATTACK_BYTES = 1500,
    ATTACK_LONG_BYTES = WINDOW_BYTES,
    SURE_STEPS =
        20 * 1000 * 1000, /* told from the shape: four gaps of 60 characters have an end, .*.* may not */
    RUNAWAYS_MAX = 10     /* tried at load */
};

struct look {
    const struct rule_source *source;
    struct runner *runner;
    struct scan *scan;
    strict_find_fn *fn;
    void *arg;
};

static void PRINTF(5, 6)
    find(const struct look *l, bool error, int line, const char *code, const char *fmt, ...)
{
    char text[WORDING_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    l->fn(l->arg, error, line, code, text);
}

static bool is_stable(const struct look *l)
{
    return l->source->rule.status == RULE_STABLE;
}

/* ---- texts ---- */

static const struct {
    const char *name, *block; /* say.<name>, or say.screen.<name> */
    size_t offset;
} says[] = {
    {"voice", NULL, offsetof(struct rule_say, voice)},
    {"voice_short", NULL, offsetof(struct rule_say, voice_short)},
    {"rhyme", NULL, offsetof(struct rule_say, rhyme)},
    {"correction", NULL, offsetof(struct rule_say, correction)},
    {"chat", NULL, offsetof(struct rule_say, chat)},
    {"caught", NULL, offsetof(struct rule_say, caught)},
    {"duty", NULL, offsetof(struct rule_say, duty)},
    {"headline", "screen", offsetof(struct rule_say, headline)},
    {"lines", "screen", offsetof(struct rule_say, lines[0])},
    {"lines", "screen", offsetof(struct rule_say, lines[1])},
    {"lines", "screen", offsetof(struct rule_say, lines[2])},
};

void strict_each_text(const struct rule_source *s, strict_text_fn *fn, void *arg)
{
    for (size_t i = 0; i < ARRAY_LEN(says); i++) {
        const char *text;
        memcpy(&text, (const char *)&s->rule.say + says[i].offset, sizeof(text));
        if (text) fn(arg, says[i].name, text, rule_say_line(s, says[i].block, says[i].name));
    }
}

struct slots {
    const struct rule_source *source;
    struct rule_problems *problems;
    bool fit;
};

static void check_slots(void *arg, const char *name, const char *text, int line)
{
    struct slots *l = arg;
    struct reason why;
    if (!slots_check(text, wording_slots(name), &why)) return;
    l->fit = false;
    rule_problem_add(l->problems, false, l->source->rule.file, line, l->source->rule.id, "say.%s: %s", name,
                     why.text);
}

bool strict_slots(const struct rule_source *s, struct rule_problems *problems)
{
    struct slots l = {s, problems, true};
    strict_each_text(s, check_slots, &l);
    return l.fit;
}

/* Red is spoken at once, orange in the slot, yellow and blue on screens and to those on duty. */
static void check_present(const struct look *l)
{
    const struct rule *rule = &l->source->rule;
    const struct rule_say *say = &rule->say;
    bool spoken = rule->level >= LEVEL_ORANGE;
    const struct {
        const char *name, *text;
        bool wanted;
    } wanted[] = {{"voice", say->voice, rule->level == LEVEL_RED},
                  {"voice_short", say->voice_short, spoken},
                  {"screen.headline", say->headline, true},
                  {"screen.lines", say->n_lines ? say->lines[0] : NULL, true},
                  {"chat", say->chat, spoken},
                  {"duty", say->duty, true},
                  {"caught", say->caught, spoken},
                  {"correction", say->correction, true}};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (wanted[i].wanted && !wanted[i].text)
            find(l, is_stable(l), rule->line, "text_missing",
                 _("say.%s is missing: rules of the level %s need it"), wanted[i].name,
                 level_name(rule->level));
}

/* Sentences that hold what the rule looks for, without a word that calls it a lie there or next to it. */
static void check_claim(const struct look *l, const char *name, const char *text, int line)
{
    static const char *const denials[] = {"骗", "假", "冒充", "自称", "谎", "说",   "称",   "让", "叫",
                                          "别", "不", "勿",   "莫",   "诈", "更正", "有人", "谁"};
    for (const char *at = text; *at;) {
        const char *end = at + strcspn(at, "\n");
        const char *stop = strstr(at, "。");
        if (stop && stop < end) end = stop + strlen("。");
        CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
        CLEANUP(free_ptr) char *sentence = xstrndup(at, (size_t)(end - at));
        at = *end == '\n' ? end + 1 : end;
        bool denied = false;
        for (size_t i = 0; i < ARRAY_LEN(denials) && !denied; i++) denied = strstr(sentence, denials[i]);
        if (denied) continue;
        struct span span;
        rule_text_prepare(sentence, strlen(sentence), &b);
        prefilter_scan(l->scan, buf_cstr(&b), b.len);
        if (rule_run(l->source->rule.code, l->runner, l->scan, buf_cstr(&b), b.len, &span) == MATCH)
            find(l, !wording_is_rhymed(name), line, "claim",
                 _("%s: \"%s\" states what the swindler says and does not call it a lie"), name, sentence);
    }
}

struct place {
    const struct look *look;
    int line;
};

static void take_wording(void *arg, bool error, const char *code, const char *text)
{
    const struct place *p = arg;
    p->look->fn(p->look->arg, error, p->line, code, text);
}

static void check_text(void *arg, const char *name, const char *text, int line)
{
    const struct look *l = arg;
    struct place p = {l, line};
    wording_check(name, text, take_wording, &p);
    if (wording_is_public(name)) check_claim(l, name, text, line);
}

static void check_chat_bytes(const struct look *l, const char *name, const char *text)
{
    size_t bytes = wording_bytes(text) + wording_bytes(l->source->rule.say.caught) + CHAT_ADDED;
    if (text && bytes > CHAT_BYTES)
        find(l, true, rule_say_line(l->source, NULL, name), "chat_length",
             _("%s: %zu bytes with caught and what is filled in; a group message has %d"), name, bytes,
             CHAT_BYTES);
}

void strict_check(const struct rule_source *s, struct runner *r, struct scan *scan, strict_find_fn *fn,
                  void *arg)
{
    struct look l = {s, r, scan, fn, arg};
    check_present(&l);
    strict_each_text(s, check_text, &l);
    check_chat_bytes(&l, "chat", s->rule.say.chat);
    check_chat_bytes(&l, "duty", s->rule.say.duty);
    if (s->samples_match.n == 0 || s->samples_pass.n == 0)
        find(&l, is_stable(&l), s->rule.line, "samples_missing",
             _("samples: %s is empty; write texts that the rule must find and harmless ones that come near"),
             s->samples_match.n ? "pass" : "match");
}

/* ---- patterns ---- */

struct ordeal {
    const struct unit *unit;
    struct runner *runner;
    pcre2_match_context *context;
    pcre2_match_data *data;
    struct trial trial;
};

static void ordeal_begin(struct ordeal *o, const struct unit *u, uint32_t steps)
{
    *o = (struct ordeal){.unit = u, .trial.steps = steps};
    o->context = pcre2_match_context_create(NULL);
    o->data = pcre2_match_data_create(1, NULL);
    if (!o->context || !o->data) abort();
    (void)pcre2_set_heap_limit(o->context, HEAP_LIMIT_KIB); /* cannot fail */
}

static struct trial ordeal_end(struct ordeal *o)
{
    pcre2_match_context_free(o->context);
    pcre2_match_data_free(o->data);
    return o->trial;
}

/* The smallest limit, by doubling, under which the interpreter gets through. */
static void count_steps(void *arg, const char *text, size_t n)
{
    struct ordeal *o = arg;
    for (; !o->trial.endless; o->trial.steps *= 2) {
        (void)pcre2_set_match_limit(o->context, o->trial.steps); /* cannot fail */
        int rc = pcre2_match(o->unit->code.re, (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                             o->data, o->context);
        if (rc != PCRE2_ERROR_MATCHLIMIT && rc != PCRE2_ERROR_DEPTHLIMIT && rc != PCRE2_ERROR_HEAPLIMIT)
            return;
        o->trial.endless = o->trial.steps >= ENDLESS_STEPS / 2;
    }
}

static void run_as_in_use(void *arg, const char *text, size_t n)
{
    struct ordeal *o = arg;
    struct span span;
    int64_t before = clock_now().mono;
    if (unit_run(o->unit, o->runner, text, n, &span) == UNSURE) o->trial.endless = true;
    int64_t ms = clock_now().mono - before;
    if (ms > o->trial.ms) o->trial.ms = ms;
}

struct trial strict_try(const struct unit *u)
{
    enum { FIRST_STEPS = 100 };
    struct runner runner;
    struct ordeal o;
    runner_init(&runner, 0);
    ordeal_begin(&o, u, FIRST_STEPS);
    o.runner = &runner;
    pattern_attacks(u->pattern, ATTACK_BYTES, count_steps, &o);
    if (!o.trial.endless) pattern_attacks(u->pattern, ATTACK_LONG_BYTES, run_as_in_use, &o);
    runner_release(&runner);
    return ordeal_end(&o);
}

static bool seems_endless(const struct unit *u)
{
    return pattern_effort(u->pattern, WINDOW_BYTES) > SURE_STEPS;
}

bool strict_runs_away(const struct unit *u)
{
    if (!seems_endless(u)) return false;
    struct ordeal o;
    ordeal_begin(&o, u, ENDLESS_STEPS);
    pattern_attacks(u->pattern, ATTACK_BYTES, count_steps, &o);
    return ordeal_end(&o).endless;
}

void strict_find_endless(const struct rule_source *s, size_t i, strict_find_fn *fn, void *arg)
{
    const struct rule_code *c = s->rule.code;
    struct look l = {s, NULL, NULL, fn, arg};
    char room[128];
    find(&l, is_stable(&l), c->lines[i], "catastrophic",
         _("%s: a text can be made for which this pattern does not end; avoid a repetition inside a "
           "repetition, and bound .* as .{0,30}: '%s'"),
         rule_part(c, i), unit_excerpt(c->units[i], room));
}

/* ---- at load ---- */

enum { PATTERN_NEW, PATTERN_GOOD, PATTERN_FEARED, PATTERN_ENDLESS }; /* the worse, the more */

/* What the loader knows of the set's units, each of which is tried once. */
struct runaways {
    uint8_t *known;
    unsigned n;
};

struct unfit {
    int line;
    size_t errors;
    char text[WORDING_TEXT_MAX]; /* of the first, as line */
};

static void take_refusal(void *arg, bool error, int line, const char *code, const char *text)
{
    (void)code;
    struct unfit *r = arg;
    if (!error || r->errors++) return;
    r->line = line;
    (void)snprintf(r->text, sizeof(r->text), "%s", text);
}

static uint8_t try_unit(struct runaways *k, const struct unit *u)
{
    uint8_t worst = PATTERN_GOOD;
    if (k->known[u->index] != PATTERN_NEW) return k->known[u->index];
    if (u->code.re && k->n >= RUNAWAYS_MAX) {
        if (seems_endless(u)) worst = PATTERN_FEARED;
    } else if (u->code.re && strict_runs_away(u)) {
        worst = PATTERN_ENDLESS;
        k->n++;
    }
    for (uint32_t i = 0; i < u->n_parts; i++) {
        uint8_t part = try_unit(k, u->parts[i]);
        if (part > worst) worst = part;
    }
    return k->known[u->index] = worst;
}

static void refuse_runaways(const struct rule_source *s, struct runaways *k, struct unfit *r)
{
    const struct rule_code *c = s->rule.code;
    struct look l = {s, NULL, NULL, take_refusal, r};
    char room[128];
    for (size_t i = 0; i < rule_units(c); i++) {
        uint8_t known = try_unit(k, c->units[i]);
        if (known == PATTERN_ENDLESS)
            strict_find_endless(s, i, take_refusal, r);
        else if (known == PATTERN_FEARED)
            find(&l, true, c->lines[i], "catastrophic",
                 _("%s: by its shape this pattern may have no end, and it was not tried after %d others that "
                   "have none; mend those first: '%s'"),
                 rule_part(c, i), RUNAWAYS_MAX, unit_excerpt(c->units[i], room));
    }
}

static bool is_fit(const struct rule_source *s, bool refuse, struct runner *runner, struct scan *scan,
                   struct runaways *known, struct rule_problems *problems)
{
    struct unfit r = {.errors = 0};
    if (s->rule.status != RULE_STABLE) return true;
    strict_check(s, runner, scan, take_refusal, &r);
    refuse_runaways(s, known, &r);
    if (r.errors == 1)
        rule_problem_add(problems, !refuse, s->rule.file, r.line, s->rule.id,
                         _("refused while it is stable (mend it, or write status: test): %s"), r.text);
    else if (r.errors)
        rule_problem_add(
            problems, !refuse, s->rule.file, r.line, s->rule.id,
            _("refused while it is stable, for %zu reasons (`tocsin rules lint` names them; mend them, "
              "or write status: test), of which the first: %s"),
            r.errors, r.text);
    return r.errors == 0;
}

void strict_sift(const struct rule_set *set, struct rule_sources *rules, bool refuse,
                 struct rule_problems *problems)
{
    struct runner runner;
    struct scan scan;
    struct runaways known = {.known = xcalloc(set->n_units + 1, 1)};
    size_t kept = 0;
    runner_init(&runner, set->n_units);
    scan_init(&scan, set->prefilter);
    for (size_t i = 0; i < rules->n; i++)
        if (is_fit(rules->items[i], refuse, &runner, &scan, &known, problems) || !refuse)
            rules->items[kept++] = rules->items[i];
    rules->n = kept;
    scan_release(&scan);
    runner_release(&runner);
    free(known.known);
}
