/* Spells numbers by what stands around them. */
#include "player/reading.h"

#include <stdbool.h>

#include "base/mem.h"
#include "base/text.h"

static const char *const digit_words[] = {"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"};

/* Read digit by digit; 96110 says 一 as its own advertisements do, all others 幺. */
static const char own_hotline[] = "96110";

struct scan {
    const char *text;
    size_t n, at;
    struct buf *out;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool follows(const struct scan *s, size_t at, const char *word)
{
    size_t n = strlen(word);
    return at + n <= s->n && memcmp(s->text + at, word, n) == 0;
}

static bool follows_any(const struct scan *s, size_t at, const char *const *words)
{
    for (; *words; words++)
        if (follows(s, at, *words)) return true;
    return false;
}

static size_t count_digits(const struct scan *s, size_t at)
{
    size_t n = 0;
    while (at + n < s->n && is_digit(s->text[at + n])) n++;
    return n;
}

static void put_digits(struct buf *out, const char *digits, size_t n, bool telephone)
{
    for (size_t i = 0; i < n; i++)
        buf_str(out, telephone && digits[i] == '1' ? "幺" : digit_words[digits[i] - '0']);
}

/* Four digits as 千百十; `leading` is true when something of a higher order was said before. */
static void put_group(struct buf *out, int v, bool leading)
{
    static const char *const units[] = {"千", "百", "十", ""};
    static const int sizes[] = {1000, 100, 10, 1};
    bool said = leading, gap = false;
    for (int i = 0; i < 4; i++) {
        int d = v / sizes[i] % 10;
        if (d == 0) {
            gap = said;
            continue;
        }
        if (gap && said) buf_str(out, "零");
        gap = false;
        /* 10 is 十, 110 is 一百一十 */
        if (!(d == 1 && i == 2 && !said)) buf_str(out, digit_words[d]);
        buf_str(out, units[i]);
        said = true;
    }
}

/* A whole number up to 10^12; longer ones are said digit by digit. */
static void put_cardinal(struct buf *out, const char *digits, size_t n)
{
    while (n > 1 && *digits == '0') {
        digits++;
        n--;
    }
    if (n > 12) {
        put_digits(out, digits, n, false);
        return;
    }
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v * 10 + (digits[i] - '0');
    if (v == 0) {
        buf_str(out, "零");
        return;
    }
    static const char *const units[] = {"亿", "万", ""};
    static const int64_t sizes[] = {100000000, 10000, 1};
    bool said = false, gap = false;
    for (int i = 0; i < 3; i++) {
        int group = (int)(v / sizes[i] % 10000);
        if (group == 0) {
            gap = said;
            continue;
        }
        if (said && gap && group >= 1000) buf_str(out, "零"); /* below that the group says its own */
        put_group(out, group, said);
        buf_str(out, units[i]);
        said = true;
        gap = false;
    }
}

static const char *const measure_words[] = {
    "个", "位", "名", "人",   "次", "天", "小时", "分钟", "种", "条", "张",   "家", "项", "件", "起", "点",
    "层", "万", "千", "年内", "周", "倍", "遍",   "句",   "台", "部", "部门", "元", "块", "步", NULL};
static const char *const room_words[] = {"室", "房", "号房", "病房", "诊室", "床", "号床", NULL};
static const char *const calls[] = {"拨打", "拨", "电话", "热线", "致电", "号码", "打", NULL};

/* A word of the list stands right before `at`. */
static bool preceded(const struct scan *s, size_t at, const char *const *words)
{
    for (; *words; words++) {
        size_t n = strlen(*words);
        if (at >= n && memcmp(s->text + at - n, *words, n) == 0) return true;
    }
    return false;
}

static bool is_telephone(const struct scan *s, size_t at, size_t n)
{
    static const char *const emergency[] = {"110", "119", "120", "122", NULL};
    static const char *const is_amount[] = {"元", "万", "块", "人",   "个", "名", "起",
                                            "%",  "％", "天", "号楼", "床", "岁", NULL};
    if (follows_any(s, at + n, is_amount)) return false;
    if (n == 3) return follows_any(s, at, emergency);
    if (n == 5) return s->text[at] == '9' || follows(s, at, "12") || preceded(s, at, calls);
    return n >= 7 || (n >= 4 && preceded(s, at, calls));
}

/* 400-123-4567, 029-8765 4321 and the like: groups joined by hyphens. Returns the bytes used, 0 when it is none. */
static size_t telephone_with_hyphens(const struct scan *s, size_t at)
{
    size_t end = at, digits = 0, groups = 0;
    for (;;) {
        size_t n = count_digits(s, end);
        if (n == 0) break;
        digits += n;
        groups++;
        end += n;
        if (end < s->n && s->text[end] == '-' && end + 1 < s->n && is_digit(s->text[end + 1]))
            end++;
        else
            break;
    }
    bool trunk = s->text[at] == '0' || follows(s, at, "400") || follows(s, at, "800");
    return groups >= 2 && digits >= 10 && digits <= 12 && trunk ? end - at : 0;
}

/* 18:34, 08:05:30. */
static size_t put_time(struct scan *s, size_t at)
{
    size_t h = count_digits(s, at);
    if (h == 0 || h > 2 || at + h >= s->n || s->text[at + h] != ':') return 0;
    if (count_digits(s, at + h + 1) != 2) return 0;
    const char *minutes = s->text + at + h + 1;
    put_cardinal(s->out, s->text + at, h);
    buf_str(s->out, "点");
    if (minutes[0] != '0' || minutes[1] != '0') {
        if (minutes[0] == '0') buf_str(s->out, "零");
        put_cardinal(s->out, minutes, 2);
        buf_str(s->out, "分");
    }
    return h + 3;
}

/* 2026-11-22 and 2026/11/22. */
static size_t put_date(struct scan *s, size_t at)
{
    char sep = at + 4 < s->n ? s->text[at + 4] : '\0';
    if (count_digits(s, at) != 4 || (sep != '-' && sep != '/')) return 0;
    size_t m = count_digits(s, at + 5);
    if (m == 0 || m > 2 || at + 5 + m >= s->n || s->text[at + 5 + m] != sep) return 0;
    size_t d = count_digits(s, at + 6 + m);
    if (d == 0 || d > 2) return 0;
    put_digits(s->out, s->text + at, 4, false);
    buf_str(s->out, "年");
    put_cardinal(s->out, s->text + at + 5, m);
    buf_str(s->out, "月");
    put_cardinal(s->out, s->text + at + 6 + m, d);
    buf_str(s->out, "日");
    return 6 + m + d;
}

/* A number with an optional decimal part and per cent sign, thousands separated by commas or not. */
static size_t put_number(struct scan *s, size_t at)
{
    char whole[40];
    size_t n = 0, used = 0, run = count_digits(s, at);
    if (run > 30) { /* nobody can follow that: digits */
        put_digits(s->out, s->text + at, run, false);
        return run;
    }
    memcpy(whole, s->text + at, run);
    n = used = run;
    while (run <= 3 && n <= 30 && at + used < s->n && s->text[at + used] == ',' &&
           count_digits(s, at + used + 1) == 3) {
        memcpy(whole + n, s->text + at + used + 1, 3);
        n += 3;
        used += 4;
    }
    size_t decimals = 0;
    if (at + used < s->n && s->text[at + used] == '.') decimals = count_digits(s, at + used + 1);
    size_t end = at + used + (decimals ? decimals + 1 : 0);
    bool percent = follows(s, end, "%") || follows(s, end, "％");
    if (percent) buf_str(s->out, "百分之");
    bool ordinal = preceded(s, at, (const char *const[]){"第", NULL});
    if (n == 1 && whole[0] == '2' && !decimals && !percent && !ordinal && follows_any(s, end, measure_words))
        buf_str(s->out, "两");
    else
        put_cardinal(s->out, whole, n);
    if (decimals) {
        buf_str(s->out, "点");
        put_digits(s->out, s->text + at + used + 1, decimals, false);
    }
    if (percent) end += follows(s, end, "%") ? 1 : strlen("％");
    return end - at;
}

static size_t put_any_number(struct scan *s)
{
    size_t at = s->at, n = count_digits(s, at), used;
    used = put_date(s, at);
    if (!used) used = put_time(s, at);
    if (used) return used;
    used = telephone_with_hyphens(s, at);
    if (used) {
        for (size_t i = 0; i < used; i++)
            if (is_digit(s->text[at + i])) put_digits(s->out, s->text + at + i, 1, true);
        return used;
    }
    if (n == 4 && follows(s, at + n, "年")) {
        put_digits(s->out, s->text + at, n, false);
        return n;
    }
    if (n == strlen(own_hotline) && follows(s, at, own_hotline)) {
        put_digits(s->out, own_hotline, n, false);
        return n;
    }
    if (is_telephone(s, at, n)) {
        put_digits(s->out, s->text + at, n, true);
        return n;
    }
    if (n >= 3 && n <= 4 && follows_any(s, at + n, room_words)) {
        put_digits(s->out, s->text + at, n, true);
        return n;
    }
    if (s->text[at] == '0' && n > 1) { /* a code: nobody writes an amount with a zero before it */
        put_digits(s->out, s->text + at, n, true);
        return n;
    }
    return put_number(s, at);
}

/* Between two numbers a hyphen or a tilde reads "to". */
static size_t put_range(struct scan *s)
{
    static const char *const marks[] = {"-", "~", "—", "–", "～", NULL};
    bool after_digit = s->at > 0 && is_digit(s->text[s->at - 1]);
    for (const char *const *m = marks; after_digit && *m; m++) {
        size_t n = strlen(*m);
        if (!follows(s, s->at, *m) || s->at + n >= s->n || !is_digit(s->text[s->at + n])) continue;
        buf_str(s->out, "到");
        return n;
    }
    return 0;
}

/* Units and signs that an engine would leave out or say in English. */
static size_t put_sign(struct scan *s)
{
    static const struct {
        const char *sign, *words;
        bool after_digit;
    } signs[] = {
        {"℃", "摄氏度", true}, {"°C", "摄氏度", true}, {"kg", "公斤", true}, {"km", "公里", true},
        {"cm", "厘米", true},  {"mm", "毫米", true},   {"ml", "毫升", true}, {"mL", "毫升", true},
        {"mg", "毫克", true},  {"m²", "平方米", true}, {"&", "和", false},   {"+", "加", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (!follows(s, s->at, signs[i].sign)) continue;
        if (signs[i].after_digit && !(s->at > 0 && is_digit(s->text[s->at - 1]))) continue;
        buf_str(s->out, signs[i].words);
        return strlen(signs[i].sign);
    }
    return 0;
}

/* ¥72000: the word comes after the amount. */
static size_t put_money(struct scan *s)
{
    static const char *const marks[] = {"¥", "￥", NULL};
    for (const char *const *m = marks; *m; m++) {
        size_t n = strlen(*m);
        if (!follows(s, s->at, *m) || s->at + n >= s->n || !is_digit(s->text[s->at + n])) continue;
        size_t used = put_number(s, s->at + n);
        static const char *const big[] = {"万", "亿", NULL};
        size_t end = s->at + n + used;
        if (follows_any(s, end, big)) {
            buf_add(s->out, s->text + end, strlen("万"));
            used += strlen("万");
            end += strlen("万");
        }
        if (!follows(s, end, "元")) buf_str(s->out, "元");
        return n + used;
    }
    return 0;
}

/* Full-width digits, letters and the signs between them in their narrow form. */
static void narrow(const char *text, struct buf *out)
{
    size_t n = strlen(text), at = 0;
    while (at < n) {
        uint32_t cp = 0;
        int used = text_next(text + at, n - at, &cp);
        if (used <= 0) break;
        bool wide = (cp >= 0xFF10 && cp <= 0xFF19) || (cp >= 0xFF21 && cp <= 0xFF3A) ||
                    (cp >= 0xFF41 && cp <= 0xFF5A);
        bool colon = cp == 0xFF1A && at > 0 && out->len && is_digit(out->data[out->len - 1]);
        if (wide || colon)
            buf_char(out, (char)(cp - 0xFEE0));
        else
            buf_add(out, text + at, (size_t)used);
        at += (size_t)used;
    }
}

void reading_spell(const char *text, struct buf *out)
{
    CLEANUP(buf_release) struct buf plain = BUF_INIT(out->limit);
    narrow(text, &plain);
    struct scan s = {.text = buf_cstr(&plain), .n = plain.len, .out = out};
    while (s.at < s.n) {
        size_t used = is_digit(s.text[s.at]) ? put_any_number(&s) : 0;
        if (!used) used = put_money(&s);
        if (!used) used = put_range(&s);
        if (!used) used = put_sign(&s);
        if (!used) {
            buf_char(out, s.text[s.at]);
            used = 1;
        }
        s.at += used;
    }
}
