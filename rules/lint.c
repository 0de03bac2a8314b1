/* Checks of rules and of the texts that they send out. */
#include "rules/lint.h"

#include <iconv.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"
#include "rules/strict.h"
#include "rules/wording.h"

enum { SAMPLES_WANTED = 5, SLOW_STEPS = 20000, SLOW_MS = 50 };

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

struct tried {
    bool done;
    struct trial trial;
};

/* The rule being looked at. */
struct subject {
    struct lint *lint;
    const struct rule_source *source;
    const struct rule *rule;
    struct runner *runner;
    struct tried *tried; /* each unit of the set, once */
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

static void take(void *arg, bool error, int line, const char *code, const char *text)
{
    find(arg, error, line, code, "%s", text);
}

/* A character that GB 2312 does not have is one that no engine's lexicon is sure to read. */
static void check_readings(struct subject *s, const char *name, const char *text, int line)
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
                 _("%s: \"%.*s\" may have no reading in a speech engine; write it otherwise"), name, (int)len,
                 text + i);
            break;
        }
        i += len;
    }
    (void)iconv_close(cd); /* nothing to lose */
}

static void check_text(void *arg, const char *name, const char *text, int line)
{
    if (wording_is_spoken(name)) check_readings(arg, name, text, line);
    if (strcmp(name, "correction") == 0 && strncmp(text, "更正", strlen("更正")) != 0)
        find(arg, false, line, "opening", _("correction: does not begin with 更正"));
    if (strcmp(name, "correction") == 0 && strstr(text, "刚才"))
        find(arg, false, line, "just_now",
             _("correction: it may be heard hours later, so 刚才 is said as 之前; write 之前"));
}

/* ---- patterns ---- */

static bool matches_nothing(const struct unit *u, struct runner *r)
{
    struct span span;
    return unit_run(u, r, "", 0, &span) == MATCH;
}

/* The worst of its parts. */
static struct trial try_unit(struct tried *tried, const struct unit *u)
{
    struct tried *t = &tried[u->index];
    if (t->done) return t->trial;
    t->done = true;
    if (u->code.re) t->trial = strict_try(u);
    for (uint32_t i = 0; i < u->n_parts; i++) {
        struct trial part = try_unit(tried, u->parts[i]);
        t->trial.endless = t->trial.endless || part.endless;
        if (part.steps > t->trial.steps) t->trial.steps = part.steps;
        if (part.ms > t->trial.ms) t->trial.ms = part.ms;
    }
    return t->trial;
}

static void check_unit(struct subject *s, size_t i)
{
    const struct rule_code *c = s->rule->code;
    const struct unit *u = c->units[i];
    struct trial t = try_unit(s->tried, u);
    char room[128];
    if (t.endless)
        strict_find_endless(s->source, i, take, s);
    else if (t.steps > SLOW_STEPS || t.ms > SLOW_MS)
        find(s, false, c->lines[i], "slow",
             _("%s: a text can be made that costs this pattern more than %u steps from one place (%lld ms in "
               "all); it may stay, and is quicker with fewer and shorter gaps (.{0,30}) in it: '%s'"),
             rule_part(c, i), t.steps / 2, (long long)t.ms, unit_excerpt(u, room));
    if (matches_nothing(u, s->runner))
        find(s, false, c->lines[i], "empty_match",
             _("%s: this pattern is found in every text, even an empty one: '%s'"), rule_part(c, i),
             unit_excerpt(u, room));
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
    for (size_t i = 0; i < rule_units(c); i++) check_unit(s, i);
    for (size_t i = 0; i < set->n_always; i++)
        if (set->always[i] == (uint32_t)s->rule->index)
            find(s, false, s->rule->line, "no_literal",
                 _("no word must be there for this rule, so it runs on every event, %.1f µs each; require a "
                   "word of two characters or more"),
                 (double)everyday_cost(s) / 1000);
}

/* ---- the rest ---- */

static void check_samples(struct subject *s)
{
    const struct rule_source *src = s->source;
    struct rule_problems problems = {0};
    rule_try_samples(src, s->runner, NULL, &problems);
    for (size_t i = 0; i < problems.n; i++)
        find(s, true, problems.items[i].line, "sample_fails", "%s", problems.items[i].why.text);
    rule_problems_release(&problems);
    if (grave(s) && src->samples_match.n && src->samples_pass.n &&
        (src->samples_match.n < SAMPLES_WANTED || src->samples_pass.n < SAMPLES_WANTED))
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

static void check_gap(struct subject *s, const char *name, const char *text, int line)
{
    const struct yaml_node *node = yaml_get(s->source->node, name);
    if (strncmp(text, "……", strlen("……")) == 0)
        find(s, true, line || !node ? line : node->line, "gap",
             _("%s: …… is the template's gap; write what belongs there"), name);
}

/* What the template leaves open, as wording.c names it in what is said. */
static void check_gaps(struct subject *s)
{
    const struct rule *r = s->rule;
    check_gap(s, "title", r->title, 0);
    for (size_t i = 0; i < r->n_falsepositives; i++) check_gap(s, "falsepositives", r->falsepositives[i], 0);
    for (size_t i = 0; i < r->n_references; i++) check_gap(s, "references", r->references[i], 0);
    const struct rule_texts *lists[] = {&s->source->samples_match, &s->source->samples_pass};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        for (size_t i = 0; i < lists[l]->n; i++)
            check_gap(s, "samples", lists[l]->items[i].text, lists[l]->items[i].line);
}

static void check_head(struct subject *s)
{
    const struct rule_category *c = rule_categories;
    while (c->id && strcmp(c->id, s->rule->category) != 0) c++;
    if (!c->id)
        find(
            s, false, yaml_get(s->source->node, "category")->line, "category",
            _("category: %s is none of the kinds of scam known to reports; rules/packs/README.md lists them"),
            s->rule->category);
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
    struct scan scan;
    runner_init(&runner, set->n_units);
    scan_init(&scan, set->prefilter);
    struct tried *tried = xcalloc(set->n_units + 1, sizeof(*tried));
    for (size_t i = 0; i < set->n; i++) {
        struct subject s = {ret, set->rules[i], &set->rules[i]->rule, &runner, tried};
        if (s.rule->status == RULE_DEPRECATED) continue; /* it is kept for the record */
        check_head(&s);
        check_gaps(&s);
        check_threshold(&s);
        check_patterns(&s, set);
        check_samples(&s);
        strict_check(s.source, &runner, &scan, take, &s);
        strict_each_text(s.source, check_text, &s);
    }
    scan_release(&scan);
    runner_release(&runner);
    free(tried);
    if (ret->n) qsort(ret->items, ret->n, sizeof(*ret->items), by_place);
}
