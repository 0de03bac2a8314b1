/* Checks of rules and of the texts that they send out. */
#include "rules/lint.h"

#include <iconv.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"
#include "rules/wording.h"

/* Limits; those of the wording are in wording.c. */
enum {
    CHAT_BYTES = 2048, /* a WeCom text, with what the relay adds */
    CHAT_ADDED = 120,
    SAMPLES_WANTED = 5,
    SLOW_STEPS = 20000,
    ENDLESS_STEPS =
        10 *
        MATCH_LIMIT, /* the interpreter counts more steps than the JIT, and a bounded pattern has an end */
    ATTACK_BYTES = 1500,
    ATTACK_LONG_BYTES = WINDOW_BYTES,
    SLOW_MS = 50
};

const struct rule_category rule_categories[] = {{"medins_phishing_sms", "医保停用钓鱼短信"},
                                                {"medins_safe_account", "医保卡异常转安全账户"},
                                                {"medical_refund_subsidy", "医疗退费、补贴、大病救助金"},
                                                {"chronic_disease_subsidy", "慢病补贴"},
                                                {"birth_subsidy", "生育、新生儿补贴"},
                                                {"expert_number_scalper", "代抢专家号"},
                                                {"medical_tout_fake_consult", "医托、假专家问诊"},
                                                {"miracle_drug_health_product", "保健品、神药、偏方"},
                                                {"street_healer", "江湖游医、消灾治病"},
                                                {"relative_emergency", "亲属住院急需手术费"},
                                                {"fake_medical_staff", "冒充医生护士收红包、押金"},
                                                {"crowdfunding_donation", "众筹、配捐"},
                                                {"checkup_report_trojan", "体检报告、电子发票木马短信"},
                                                {"cosmetic_loan", "医美贷"},
                                                {"epidemic_vaccine", "疫苗、核酸、疫情防控"},
                                                {"fake_drug_purchase", "假药、靶向药代购"},
                                                {"organ_blood_broker", "器官、骨髓、献血、代孕中介"},
                                                {"forged_medical_docs", "病历、诊断证明、病假条造假"},
                                                {"caregiver_companion", "护工、陪诊诈骗"},
                                                {"drug_recycling_fraud", "药品回收、骗保"},
                                                {"screen_share_medical", "共享屏幕、远程控制盗刷医保码"},
                                                {"patient_credit_loan", "针对患者的贷款、征信诈骗"},
                                                {"medicine_refund_service", "药品、保健品理赔客服"},
                                                {"hospital_procurement", "冒充医院采购"},
                                                {NULL, NULL}};

void lint_release(struct lint *l)
{
    free(l->items);
    *l = (struct lint){0};
}

static struct lint_finding *finding_new(struct lint *l)
{
    if ((l->n & (l->n - 1)) == 0) l->items = xreallocarray(l->items, l->n ? l->n * 2 : 1, sizeof(*l->items));
    struct lint_finding *f = &l->items[l->n++];
    *f = (struct lint_finding){0};
    return f;
}

struct worst {
    const struct unit *unit;
    struct runner *runner;
    pcre2_match_context *context;
    pcre2_match_data *data;
    uint32_t steps;
    int64_t ms;
    bool given_up;
};

/* The rule being looked at. */
struct subject {
    struct lint *lint;
    const struct rule_source *source;
    const struct rule *rule;
    struct runner *runner;
    struct worst *worst; /* of each pattern of the set, once known */
};

static void PRINTF(5, 6) find(struct subject *s, bool error, int line, const char *code, const char *fmt, ...)
{
    struct lint_finding *f = finding_new(s->lint);
    f->error = error;
    f->line = line;
    f->code = code;
    s->lint->errors += error;
    (void)snprintf(f->file, sizeof(f->file), "%s", s->rule->file);
    (void)snprintf(f->rule, sizeof(f->rule), "%s", s->rule->id);
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
}

/* What only stops a rule from being stable. */
static bool grave(const struct subject *s)
{
    return s->rule->status == RULE_STABLE;
}

/* ---- texts ---- */

struct public_text {
    const char *name, *block; /* say.<name>, or say.screen.<name> */
    size_t offset;
};

static const struct public_text texts[] = {
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

struct place {
    struct subject *subject;
    int line;
};

static void take_finding(void *arg, bool error, const char *code, const char *text)
{
    const struct place *p = arg;
    find(p->subject, error, p->line, code, "%s", text);
}

static bool has_one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(text, words[i])) return true;
    return false;
}

static const char *text_of(const struct rule *r, const struct public_text *t)
{
    const char *s;
    memcpy(&s, (const char *)&r->say + t->offset, sizeof(s));
    return s;
}

/* A character that GB 2312 does not have is one that no engine's lexicon is sure to read. */
static void check_readings(struct subject *s, const struct public_text *t, const char *text, int line)
{
    iconv_t cd = iconv_open("GB2312", "UTF-8");
    if (cd == (iconv_t)-1) return; /* no converter here: another machine will say it */
    for (size_t n = strlen(text), i = 0; i < n;) {
        uint32_t cp = 0;
        size_t len = (size_t)text_next(text + i, n - i, &cp);
        char in[4], out[8], *from = in, *to = out;
        size_t left = len, room = sizeof(out);
        memcpy(in, text + i, len);
        bool letter = (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
        if (wording_slot_length(text + i)) {
            len = wording_slot_length(text + i);
        } else if (letter || (text_is_han(cp) && iconv(cd, &from, &left, &to, &room) == (size_t)-1)) {
            find(s, false, line, "no_reading",
                 _("%s: \"%.*s\" may have no reading in a speech engine; write it otherwise"), t->name,
                 (int)len, text + i);
            break;
        }
        i += len;
    }
    (void)iconv_close(cd); /* nothing to lose */
}

/* Sentences that hold what the rule looks for, without a word that calls it a lie there or next to it. */
static void check_claim(struct subject *s, const struct public_text *t, const char *text, int line)
{
    static const char *const denials[] = {"骗", "假", "冒充", "自称", "谎", "说",   "称",   "让", "叫",
                                          "别", "不", "勿",   "莫",   "诈", "更正", "有人", "谁"};
    const struct rule_code *c = s->rule->code;
    for (const char *at = text; *at;) {
        const char *end = at + strcspn(at, "\n");
        const char *stop = strstr(at, "。");
        if (stop && stop < end) end = stop + strlen("。");
        CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
        CLEANUP(free_ptr) char *sentence = xstrndup(at, (size_t)(end - at));
        at = *end == '\n' ? end + 1 : end;
        if (has_one_of(sentence, denials, ARRAY_LEN(denials))) continue;
        struct span span;
        rule_text_prepare(sentence, strlen(sentence), &b);
        if (rule_run(c, s->runner, NULL, buf_cstr(&b), b.len, &span) == MATCH)
            find(s, !wording_is_rhymed(t->name), line, "claim",
                 _("%s: \"%s\" states what the swindler says and does not call it a lie"), t->name, sentence);
    }
}

static void check_text(struct subject *s, const struct public_text *t)
{
    const char *text = text_of(s->rule, t);
    if (!text) return;
    struct place p = {s, rule_say_line(s->source, t->block, t->name)};
    wording_check(t->name, text, take_finding, &p);
    if (wording_is_public(t->name)) check_claim(s, t, text, p.line);
    if (wording_is_spoken(t->name)) check_readings(s, t, text, p.line);
}

static void check_chat_bytes(struct subject *s)
{
    const struct rule_say *say = &s->rule->say;
    size_t chat = wording_bytes(say->chat) + wording_bytes(say->caught) + CHAT_ADDED;
    size_t duty = wording_bytes(say->duty) + wording_bytes(say->caught) + CHAT_ADDED;
    if (say->chat && chat > CHAT_BYTES)
        find(s, true, rule_say_line(s->source, NULL, "chat"), "chat_length",
             _("chat: %zu bytes with caught and what is filled in; a group message has %d"), chat,
             CHAT_BYTES);
    if (say->duty && duty > CHAT_BYTES)
        find(s, true, rule_say_line(s->source, NULL, "duty"), "chat_length",
             _("duty: %zu bytes with caught and what is filled in; a group message has %d"), duty,
             CHAT_BYTES);
    if (say->correction && strncmp(say->correction, "更正", strlen("更正")) != 0)
        find(s, false, rule_say_line(s->source, NULL, "correction"), "opening",
             _("correction: does not begin with 更正"));
}

/* Red is spoken at once, orange in the slot, yellow and blue on screens and to those on duty. */
static void check_texts_present(struct subject *s)
{
    const struct rule_say *say = &s->rule->say;
    bool spoken = s->rule->level >= LEVEL_ORANGE;
    const struct {
        const char *name, *text;
        bool wanted;
    } wanted[] = {{"voice", say->voice, s->rule->level == LEVEL_RED},
                  {"voice_short", say->voice_short, spoken},
                  {"screen.headline", say->headline, true},
                  {"screen.lines", say->n_lines ? say->lines[0] : NULL, true},
                  {"chat", say->chat, spoken},
                  {"duty", say->duty, true},
                  {"caught", say->caught, spoken},
                  {"correction", say->correction, true}};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (wanted[i].wanted && !wanted[i].text)
            find(s, grave(s), s->rule->line, "text_missing", _("say.%s is missing: a %s rule needs it"),
                 wanted[i].name, level_name(s->rule->level));
}

/* ---- patterns ---- */

/* The smallest limit, by doubling, under which the interpreter gets through. */
static void count_steps(void *arg, const char *text, size_t n)
{
    struct worst *w = arg;
    for (; w->steps < ENDLESS_STEPS; w->steps *= 2) {
        (void)pcre2_set_match_limit(w->context, w->steps); /* cannot fail */
        int rc = pcre2_match(w->unit->re, (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, w->data,
                             w->context);
        if (rc != PCRE2_ERROR_MATCHLIMIT && rc != PCRE2_ERROR_DEPTHLIMIT && rc != PCRE2_ERROR_HEAPLIMIT)
            return;
    }
    w->steps = ENDLESS_STEPS;
    w->given_up = true;
}

static void run_as_in_use(void *arg, const char *text, size_t n)
{
    struct worst *w = arg;
    struct span span;
    int64_t before = clock_now().mono;
    if (unit_run(w->unit, w->runner, text, n, 0, &span) == UNSURE) w->given_up = true;
    int64_t ms = clock_now().mono - before;
    if (ms > w->ms) w->ms = ms;
}

static struct worst worst_of(const struct unit *u)
{
    struct runner runner;
    runner_init(&runner, 0);
    struct worst w = {.unit = u, .runner = &runner, .steps = 100};
    w.context = pcre2_match_context_create(NULL);
    w.data = pcre2_match_data_create(1, NULL);
    if (!w.context || !w.data) abort();
    (void)pcre2_set_heap_limit(w.context, HEAP_LIMIT_KIB); /* cannot fail */
    pattern_attacks(u->pattern, ATTACK_BYTES, count_steps, &w);
    if (!w.given_up) pattern_attacks(u->pattern, ATTACK_LONG_BYTES, run_as_in_use, &w);
    pcre2_match_context_free(w.context);
    pcre2_match_data_free(w.data);
    runner_release(&runner);
    w.runner = NULL;
    return w;
}

uint32_t lint_worst_steps(const struct unit *u)
{
    return worst_of(u).steps;
}

static bool matches_nothing(const struct unit *u, struct runner *r)
{
    struct span span;
    return unit_run(u, r, "", 0, 0, &span) == MATCH;
}

static void check_unit(struct subject *s, const struct unit *u, int line, const char *key)
{
    if (!s->worst[u->index].unit) s->worst[u->index] = worst_of(u);
    struct worst w = s->worst[u->index];
    if (w.given_up)
        find(s, grave(s), line, "catastrophic",
             _("%s: a text can be made for which this pattern does not end; avoid a repetition inside a "
               "repetition, and "
               "bound .* as .{0,30}: '%s'"),
             key, u->pattern->source);
    else if (w.steps > SLOW_STEPS || w.ms > SLOW_MS)
        find(s, false, line, "slow",
             _("%s: a text can be made that costs this pattern more than %u steps from one place (%lld ms in "
               "all)"),
             key, w.steps / 2, (long long)w.ms);
    if (matches_nothing(u, s->runner))
        find(s, false, line, "empty_match",
             _("%s: this pattern is found in every text, even an empty one: '%s'"), key, u->pattern->source);
}

/* Nanoseconds of the rule on a text of everyday length. */
static int64_t everyday_cost(struct subject *s)
{
    enum { ROUNDS = 2000 };
    static const char text[] =
        "您好，您预约的门诊时间是周三上午九点，请携带身份证到一楼大厅自助机取号，提前十分钟到诊区候诊。"
        "如需取消请在前一天晚上八点前办理，给您带来不便敬请谅解，祝您身体健康，生活愉快。";
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
    rule_text_prepare(text, strlen(text), &b);
    struct span span;
    int64_t before = clock_now().mono;
    for (int i = 0; i < ROUNDS; i++)
        (void)rule_run(s->rule->code, s->runner, NULL, buf_cstr(&b), b.len,
                       &span); /* only the time is wanted */
    return (clock_now().mono - before) * 1000000 / ROUNDS;
}

static void check_patterns(struct subject *s, const struct rule_set *set)
{
    const struct rule_code *c = s->rule->code;
    for (size_t i = 0; i < c->n_all; i++) check_unit(s, unit_all(c, i), c->lines[i], "all");
    for (size_t i = 0; i < c->n_any; i++) check_unit(s, unit_any(c, i), c->lines[c->n_all + i], "any");
    for (size_t i = 0; i < c->n_none; i++)
        check_unit(s, unit_none(c, i), c->lines[c->n_all + c->n_any + i], "none");
    for (size_t i = 0; i < set->n_always; i++)
        if (set->always[i] == (uint32_t)s->rule->index)
            find(s, false, s->rule->line, "no_literal",
                 _("no word must be there for this rule, so it runs on every event, %.1f µs each; require a "
                   "word of two "
                   "characters or more"),
                 (double)everyday_cost(s) / 1000);
}

/* ---- the rest ---- */

static void check_samples(struct subject *s)
{
    const struct rule_source *src = s->source;
    struct rule_problems problems = {0};
    rule_try_samples(src, s->runner, &problems);
    for (size_t i = 0; i < problems.n; i++)
        find(s, true, problems.items[i].line, "sample_fails", "%s", problems.items[i].why.text);
    rule_problems_release(&problems);
    if (src->samples_match.n == 0 || src->samples_pass.n == 0)
        find(s, grave(s), s->rule->line, "samples_missing",
             _("samples: %s is empty; write texts that the rule must find and harmless ones that come near"),
             src->samples_match.n ? "pass" : "match");
    else if (grave(s) && (src->samples_match.n < SAMPLES_WANTED || src->samples_pass.n < SAMPLES_WANTED))
        find(s, false, s->rule->line, "samples_few",
             _("samples: %zu match and %zu pass; %d of each are wanted"), src->samples_match.n,
             src->samples_pass.n, SAMPLES_WANTED);
    const struct rule_texts *lists[] = {&src->samples_match, &src->samples_pass};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        for (size_t i = 0; i < lists[l]->n; i++)
            if (!lists[l]->items[i].quoted)
                find(s, false, lists[l]->items[i].line, "unquoted",
                     _("samples: put '…' round the text, or YAML may read it as something else"));
}

static void check_head(struct subject *s)
{
    const struct rule_category *c = rule_categories;
    while (c->id && strcmp(c->id, s->rule->category) != 0) c++;
    if (!c->id)
        find(s, false, s->rule->line, "category",
             _("category: %s is none of the kinds of scam known to reports"), s->rule->category);
    if (grave(s) && s->rule->n_falsepositives == 0)
        find(s, false, s->rule->line, "falsepositives",
             _("falsepositives: say which harmless texts come near"));
    if (grave(s) && s->rule->n_references == 0)
        find(s, false, s->rule->line, "references", _("references: say where the scam was reported"));
}

/* What a threshold asks for must be more than one event already has. */
static void check_threshold(struct subject *s)
{
    const struct rule *r = s->rule;
    const struct yaml_node *node = yaml_get(s->source->node, "threshold");
    int line = node ? node->line : r->line;
    if (r->threshold_same != SAME_NONE && r->threshold_count < 2 && r->threshold_feeds < 2 &&
        r->threshold_victims < 2)
        find(s, false, line, "same_alone",
             _("threshold: same says nothing where one event is enough; ask for a count, feeds or victims of "
               "2 or more"));
    if (r->threshold_victims > 1 && r->threshold_same == SAME_NONE && r->threshold_count > 1 &&
        r->threshold_count < r->threshold_victims)
        find(s, false, line, "count_below_victims",
             _("threshold: %d victims are at least as many events, so a count of %d says nothing"),
             r->threshold_victims, r->threshold_count);
}

static int by_place(const void *a, const void *b)
{
    const struct lint_finding *x = a, *y = b;
    int order = strcmp(x->file, y->file);
    if (order == 0) order = x->line - y->line;
    if (order == 0) order = strcmp(x->code, y->code);
    return order ? order : strcmp(x->text, y->text);
}

void lint_set(const struct rule_set *set, const struct rule_problems *problems, struct lint *ret)
{
    *ret = (struct lint){0};
    for (size_t i = 0; i < problems->n; i++) {
        const struct rule_problem *p = &problems->items[i];
        struct lint_finding *f = finding_new(ret);
        f->error = !p->warning;
        f->line = p->line;
        f->code = p->warning ? "load_warning" : "load";
        ret->errors += f->error;
        memcpy(f->file, p->file, sizeof(f->file));
        memcpy(f->rule, p->rule, sizeof(f->rule));
        (void)snprintf(f->text, sizeof(f->text), "%s", p->why.text);
    }
    struct runner runner;
    runner_init(&runner, 0);
    struct worst *worst = xcalloc(set->n_units + 1, sizeof(*worst));
    for (size_t i = 0; i < set->n; i++) {
        struct subject s = {ret, set->rules[i], &set->rules[i]->rule, &runner, worst};
        if (s.rule->status == RULE_DEPRECATED) continue; /* it is kept for the record */
        check_head(&s);
        check_threshold(&s);
        check_patterns(&s, set);
        check_samples(&s);
        check_texts_present(&s);
        for (size_t t = 0; t < ARRAY_LEN(texts); t++) check_text(&s, &texts[t]);
        check_chat_bytes(&s);
    }
    runner_release(&runner);
    free(worst);
    if (ret->n) qsort(ret->items, ret->n, sizeof(*ret->items), by_place);
}
