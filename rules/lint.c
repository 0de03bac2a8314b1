/* Checks of rules and of the texts that they send out. */
#include "rules/lint.h"

#include <iconv.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mask_table.h"
#include "base/slots.h"
#include "base/text.h"

/* Limits of the wording (all in one place; hospitals will want to change some). */
enum {
    VOICE_SECONDS = 20,
    SHORT_SECONDS = 13, /* a slot of 40 s is one house reminder and two of these */
    RHYME_SECONDS = 12,
    BREATH_CHARS = 12, /* between two stops */
    SCREEN_CHARS = 15,
    CHAT_BYTES = 2048, /* a WeCom text, with what the relay adds */
    CHAT_ADDED = 120,
    SAMPLES_WANTED = 5,
    SLOT_CHARS = 6, /* {{site}}, {{help}} when spoken */
    SLOT_BYTES = 30,
    SLOW_STEPS = 20000,
    ENDLESS_STEPS =
        10 *
        MATCH_LIMIT, /* the interpreter counts more steps than the JIT, and a bounded pattern has an end */
    ATTACK_BYTES = 1500,
    ATTACK_LONG_BYTES = WINDOW_BYTES,
    SLOW_MS = 50,
    CHAR_SECONDS_TENTHS = 32 /* 3.2 characters a second */
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

enum { SPOKEN = 1, PUBLIC = 2, OPENING = 4, ACTION = 8, SCREEN = 16, FEW_SLOTS = 32, RHYMED = 64 };

struct public_text {
    const char *name, *block; /* say.<name>, or say.screen.<name> */
    size_t offset;
    unsigned traits;
    int seconds;
};

static const struct public_text texts[] = {
    {"voice", NULL, offsetof(struct rule_say, voice), SPOKEN | PUBLIC | OPENING | ACTION | FEW_SLOTS,
     VOICE_SECONDS},
    {"voice_short", NULL, offsetof(struct rule_say, voice_short),
     SPOKEN | PUBLIC | OPENING | ACTION | FEW_SLOTS, SHORT_SECONDS},
    {"rhyme", NULL, offsetof(struct rule_say, rhyme), SPOKEN | PUBLIC | FEW_SLOTS | RHYMED, RHYME_SECONDS},
    {"correction", NULL, offsetof(struct rule_say, correction), SPOKEN | PUBLIC | FEW_SLOTS, VOICE_SECONDS},
    {"chat", NULL, offsetof(struct rule_say, chat), PUBLIC | OPENING, 0},
    {"caught", NULL, offsetof(struct rule_say, caught), PUBLIC, 0},
    {"duty", NULL, offsetof(struct rule_say, duty), 0, 0},
    {"headline", "screen", offsetof(struct rule_say, headline), PUBLIC | SCREEN, 0},
    {"lines", "screen", offsetof(struct rule_say, lines[0]), PUBLIC | SCREEN, 0},
    {"lines", "screen", offsetof(struct rule_say, lines[1]), PUBLIC | SCREEN, 0},
    {"lines", "screen", offsetof(struct rule_say, lines[2]), PUBLIC | SCREEN, 0},
};

static const char *text_of(const struct rule *r, const struct public_text *t)
{
    const char *s;
    memcpy(&s, (const char *)&r->say + t->offset, sizeof(s));
    return s;
}

static bool has_one_of(const char *text, const char *const *words, size_t n, const char **ret_word)
{
    for (size_t i = 0; i < n; i++) {
        if (!strstr(text, words[i])) continue;
        if (ret_word) *ret_word = words[i];
        return true;
    }
    return false;
}

/* Length of the slot {{…}} at s, 0 when there is none. */
static size_t slot_length(const char *s)
{
    if (strncmp(s, "{{", 2) != 0) return 0;
    const char *end = strstr(s, "}}");
    return end ? (size_t)(end - s) + 2 : 0;
}

static bool is_stop(uint32_t cp)
{
    static const uint32_t stops[] = {0xff0c, 0x3002, 0x3001, 0xff1f, 0xff01, 0xff1b, 0xff1a, ',',
                                     '.',    '!',    '?',    ';',    ':',    '\n',   0x2026};
    for (size_t i = 0; i < ARRAY_LEN(stops); i++)
        if (cp == stops[i]) return true;
    return false;
}

static bool is_heard(uint32_t cp)
{
    return text_is_han(cp) || (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') ||
           (cp >= 'A' && cp <= 'Z');
}

/* Walks over what is heard: fn(arg, cp) for each character, cp 0 for one of a slot. */
static void each_heard(const char *s, void (*fn)(void *arg, uint32_t cp), void *arg)
{
    for (size_t n = strlen(s), i = 0; i < n;) {
        size_t slot = slot_length(s + i);
        if (slot) {
            for (int k = 0; k < SLOT_CHARS; k++) fn(arg, 0);
            i += slot;
            continue;
        }
        uint32_t cp = 0;
        i += (size_t)text_next(s + i, n - i, &cp);
        fn(arg, cp);
    }
}

struct breath {
    size_t heard, now, longest;
};

static void count_heard(void *arg, uint32_t cp)
{
    struct breath *b = arg;
    if (cp != 0 && is_stop(cp)) {
        b->now = 0;
    } else if (cp == 0 || is_heard(cp)) {
        b->heard++;
        if (++b->now > b->longest) b->longest = b->now;
    }
}

static struct breath measure(const char *text)
{
    struct breath b = {0};
    each_heard(text, count_heard, &b);
    return b;
}

size_t lint_spoken_chars(const char *text)
{
    return measure(text).heard;
}

double lint_seconds(const char *text)
{
    return (double)measure(text).heard * 10 / CHAR_SECONDS_TENTHS;
}

static void check_speech(struct subject *s, const struct public_text *t, const char *text, int line)
{
    struct breath b = measure(text);
    double seconds = (double)b.heard * 10 / CHAR_SECONDS_TENTHS;
    if (seconds > t->seconds)
        find(s, true, line, "speech_length", _("%s: %zu characters take %.1f s; at most %d s"), t->name,
             b.heard, seconds, t->seconds);
    if (b.longest > BREATH_CHARS && !(t->traits & RHYMED))
        find(s, false, line, "long_phrase",
             _("%s: %zu characters without a stop; at most %d are easy to follow"), t->name, b.longest,
             BREATH_CHARS);
    if (!(t->traits & RHYMED) && strstr(text, "你"))
        find(s, false, line, "polite", _("%s: says 你; patients are 您"), t->name);
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
        if (slot_length(text + i)) {
            len = slot_length(text + i);
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

static void check_slots(struct subject *s, const struct public_text *t, const char *text, int line)
{
    struct reason why;
    if (slots_check(text, t->traits & FEW_SLOTS ? SLOTS_SPOKEN : SLOTS_WRITTEN, &why))
        find(s, true, line, "slot", "%s: %s", t->name, why.text);
}

/* The digit that a character stands for in a spoken number, or -1. */
static int digit_of(uint32_t cp)
{
    static const struct {
        uint32_t cp;
        int digit;
    } spoken[] = {{0x96f6, 0}, {0x3007, 0}, {0x4e00, 1}, {0x5e7a, 1}, {0x4e8c, 2}, {0x4e09, 3},
                  {0x56db, 4}, {0x4e94, 5}, {0x516d, 6}, {0x4e03, 7}, {0x516b, 8}, {0x4e5d, 9}};
    if (cp >= '0' && cp <= '9') return (int)cp - '0';
    if (cp >= 0xff10 && cp <= 0xff19) return (int)(cp - 0xff10);
    for (size_t i = 0; i < ARRAY_LEN(spoken); i++)
        if (spoken[i].cp == cp) return spoken[i].digit;
    return -1;
}

static bool may_be_given(const char *digits)
{
    size_t n = strlen(digits);
    for (unsigned i = 0; i < mt_n_hotlines; i++)
        if (mt_hotlines[i].may_be_given && mt_hotlines[i].len == n &&
            memcmp(mt_hotlines[i].digits, digits, n) == 0)
            return true;
    return false;
}

static void check_numbers(struct subject *s, const struct public_text *t, const char *text, int line)
{
    enum { SHORTEST = 3, LONGEST = 24 };
    char digits[LONGEST + 1];
    size_t run = 0;
    for (size_t n = strlen(text), i = 0; i <= n;) {
        uint32_t cp = 0;
        size_t slot = i < n ? slot_length(text + i) : 0;
        size_t len = i < n ? (size_t)text_next(text + i, n - i, &cp) : 1;
        int digit = i < n && !slot ? digit_of(cp) : -1;
        if (digit >= 0) {
            if (run < LONGEST) digits[run++] = (char)('0' + digit);
        } else {
            digits[run] = '\0';
            if (run >= SHORTEST && !may_be_given(digits))
                find(s, true, line, "number",
                     _("%s: %s is not a number to give; rules/data/hotlines.txt has 96110, 110, 120, 12393"),
                     t->name, digits);
            run = 0;
        }
        i += slot ? slot : len;
    }
}

static bool is_ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* http, www, or letters.letters */
static bool holds_link(const char *text)
{
    static const char *const marks[] = {"http", "www.", "://"};
    if (has_one_of(text, marks, ARRAY_LEN(marks), NULL)) return true;
    for (const char *dot = text; (dot = strchr(dot, '.')) != NULL; dot++)
        if (dot > text && (is_ascii_letter(dot[-1]) || (dot[-1] >= '0' && dot[-1] <= '9')) &&
            is_ascii_letter(dot[1]) && is_ascii_letter(dot[2]))
            return true;
    return false;
}

/* A word that may only stand after a "do not". */
static bool unforbidden(const char *text, const char *word)
{
    static const char *const nots[] = {"不", "别", "勿", "莫", "骗", "假", "让", "叫", "要"};
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word)) {
        const char *from = text; /* of the sentence that the word stands in */
        for (const char *p = text; p < at; p++)
            if (*p == '\n' || strncmp(p, "。", strlen("。")) == 0) from = p + 1;
        CLEANUP(free_ptr) char *before = xstrndup(from, (size_t)(at - from));
        if (!has_one_of(before, nots, ARRAY_LEN(nots), NULL)) return true;
    }
    return false;
}

static void check_contacts(struct subject *s, const struct public_text *t, const char *text, int line)
{
    static const char *const words[] = {"二维码", "扫码", "扫一扫", "微信号", "加微信", "QQ", "qq群"};
    if (holds_link(text)) find(s, true, line, "link", _("%s: no links in texts for patients"), t->name);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (unforbidden(text, words[i]))
            find(s, true, line, "contact",
                 _("%s: \"%s\" looks like an invitation; no codes and contacts for patients"), t->name,
                 words[i]);
}

static void check_forbidden(struct subject *s, const struct public_text *t, const char *text, int line)
{
    static const char *const words[] = {"涉诈", "链路", "钓鱼", "木马", "APP",
                                        "App",  "app",  "警报", "预警", "红色"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strstr(text, words[i]))
            find(s, true, line, "forbidden_word", _("%s: says \"%s\"; patients are not to hear that word"),
                 t->name, words[i]);
}

/* 【防骗提醒】 and 防骗提醒, or the doubt within the first sentence: 说…的, 有人…, 自称…. */
static void check_opening(struct subject *s, const struct public_text *t, const char *text, int line)
{
    static const char *const doubts[] = {"说", "自称", "冒充", "假"};
    const char *at = text;
    if (strncmp(at, "【", strlen("【")) == 0) at += strlen("【");
    if (strncmp(at, "防骗提醒", strlen("防骗提醒")) == 0) return;
    const char *end = strstr(text, "。");
    size_t n = end ? (size_t)(end - text) : strlen(text);
    CLEANUP(free_ptr) char *first = xstrndup(text, n);
    if (!has_one_of(first, doubts, ARRAY_LEN(doubts), NULL))
        find(s, true, line, "opening", _("%s: begins neither with 防骗提醒 nor with the doubt (说…的)"),
             t->name);
}

/* The last sentence sends people to somebody close by. */
static void check_action(struct subject *s, const struct public_text *t, const char *text, int line)
{
    static const char *const people[] = {"护士",   "保安", "窗口",   "警务", "民警",   "{{help}}", "医生",
                                         "服务台", "导诊", "家人",   "子女", "志愿",   "柜台",     "药师",
                                         "医院",   "门诊", "派出所", "本人", "挂断",   "九六一",   "一一零",
                                         "96110",  "110",  "12393",  "社工", "医保办", "老师"};
    const char *last = text;
    for (const char *at = text; (at = strstr(at, "。")) != NULL; at += strlen("。"))
        if (at[strlen("。")] != '\0') last = at + strlen("。");
    if (!has_one_of(last, people, ARRAY_LEN(people), NULL))
        find(s, false, line, "action",
             _("%s: does not end with whom to ask (护士, 保安, 窗口, {{help}}, 96110 …)"), t->name);
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
        if (has_one_of(sentence, denials, ARRAY_LEN(denials), NULL)) continue;
        struct span span;
        rule_text_prepare(sentence, strlen(sentence), &b);
        if (rule_run(c, s->runner, NULL, buf_cstr(&b), b.len, &span) == MATCH)
            find(s, !(t->traits & RHYMED), line, "claim",
                 _("%s: \"%s\" states what the swindler says and does not call it a lie"), t->name, sentence);
    }
}

static void check_text(struct subject *s, const struct public_text *t)
{
    const char *text = text_of(s->rule, t);
    if (!text) return;
    int line = rule_say_line(s->source, t->block, t->name);
    check_slots(s, t, text, line);
    if (strstr(text, "……"))
        find(s, true, line, "gap", _("%s: …… is the template's gap; write what belongs there"), t->name);
    if (!(t->traits & PUBLIC)) return;
    check_forbidden(s, t, text, line);
    check_numbers(s, t, text, line);
    check_contacts(s, t, text, line);
    check_claim(s, t, text, line);
    if (t->traits & SPOKEN) {
        check_speech(s, t, text, line);
        check_readings(s, t, text, line);
    }
    if (t->traits & OPENING) check_opening(s, t, text, line);
    if (t->traits & ACTION) check_action(s, t, text, line);
    if (t->traits & SCREEN && text_chars(text, strlen(text)) > SCREEN_CHARS)
        find(s, true, line, "screen_length", _("%s: \"%s\" has %zu characters; a screen shows %d"), t->name,
             text, text_chars(text, strlen(text)), SCREEN_CHARS);
}

static size_t filled_bytes(const char *text)
{
    size_t total = 0;
    for (size_t i = 0; text && text[i];) {
        size_t slot = slot_length(text + i);
        total += slot ? SLOT_BYTES : 1;
        i += slot ? slot : 1;
    }
    return total;
}

static void check_chat_bytes(struct subject *s)
{
    const struct rule_say *say = &s->rule->say;
    size_t chat = filled_bytes(say->chat) + filled_bytes(say->caught) + CHAT_ADDED;
    size_t duty = filled_bytes(say->duty) + filled_bytes(say->caught) + CHAT_ADDED;
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
