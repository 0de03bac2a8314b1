/* Finds personal data: one scan over normalised text that stops at digits, @ and the characters of mask_table.h. */
#include "base/mask.h"

#include "base/mask_table.h"
#include "base/mem.h"
#include "base/normalise_table.h"
#include "base/text.h"

struct scan {
    const char *text;
    size_t n;
    size_t low; /* end of the last span: nothing before it belongs to a new one */
    struct mask_span *spans;
    size_t max, found;
};

static const char *const tokens[] = {[MASK_TEL] = "‹tel›",   [MASK_ID] = "‹id›",     [MASK_CARD] = "‹card›",
                                     [MASK_MAIL] = "‹mail›", [MASK_NAME] = "‹name›", [MASK_BED] = "‹bed›"};

const char *mask_token(enum mask_kind k)
{
    return tokens[k];
}

static void found(struct scan *s, size_t from, size_t to, enum mask_kind kind)
{
    if (s->found < s->max) s->spans[s->found] = (struct mask_span){from, to, kind};
    s->found++;
    s->low = to;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* The code point at i, 0 at the end. */
static uint32_t at(const struct scan *s, size_t i)
{
    uint32_t cp = 0;
    if (i < s->n) (void)text_next(s->text + i, s->n - i, &cp);
    return cp;
}

/* Where the character before i begins; i itself when there is none left. */
static size_t before(const struct scan *s, size_t i)
{
    if (i <= s->low) return i;
    size_t k = i;
    do k--;
    while (k > s->low && ((uint8_t)s->text[k] & 0xc0) == 0x80);
    return k;
}

/* The first of the words with this key. */
static const struct mt_word *keyed(const struct mt_words *words, uint32_t key)
{
    unsigned low = 0, high = words->n;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (words->word[mid].key < key)
            low = mid + 1;
        else
            high = mid;
    }
    return words->word + low;
}

/* Length of the longest of the words that begins at i; 0: none. */
static size_t word_at(const struct scan *s, size_t i, const struct mt_words *words)
{
    uint32_t key = at(s, i);
    for (const struct mt_word *w = keyed(words, key); w < words->word + words->n && w->key == key; w++)
        if (s->n - i >= w->len && !memcmp(s->text + i, w->text, w->len)) return w->len;
    return 0;
}

/* … that ends before i; for the lists that are keyed by the last character. */
static size_t word_before(const struct scan *s, size_t i, const struct mt_words *words)
{
    uint32_t key = at(s, before(s, i));
    for (const struct mt_word *w = keyed(words, key); w < words->word + words->n && w->key == key; w++)
        if (i - s->low >= w->len && !memcmp(s->text + i - w->len, w->text, w->len)) return w->len;
    return 0;
}

static bool is_one_of(uint32_t cp, const char *list)
{
    for (size_t i = 0, n = strlen(list); i < n;) {
        uint32_t one;
        i += (size_t)text_next(list + i, n - i, &one);
        if (one == cp) return true;
    }
    return false;
}

/* --- numbers ---------------------------------------------------------------------------------------------------- */

#define GROUPS_MAX 8
#define DIGITS_MAX 24

/* Digit groups with one space or hyphen between them, as people write long numbers. */
struct number {
    unsigned n;
    size_t from[GROUPS_MAX], to[GROUPS_MAX];
};

/* Some of its groups, joined. */
struct joined {
    char d[DIGITS_MAX + 1];
    unsigned len;
    unsigned size[GROUPS_MAX], groups;
    size_t from, to;
};

static bool is_hotline(const char *digits, size_t n, bool to_be_given)
{
    for (unsigned i = 0; i < mt_n_hotlines; i++) {
        const struct mt_hotline *h = &mt_hotlines[i];
        size_t k = 0;
        if (h->len != n || (to_be_given && !h->may_be_given)) continue;
        while (k < n && (h->digits[k] == digits[k] || h->digits[k] == 'x')) k++;
        if (k == n) return true;
    }
    return false;
}

bool mask_is_hotline(const char *digits, size_t n)
{
    return is_hotline(digits, n, false);
}

bool mask_may_be_given(const char *digits, size_t n)
{
    return is_hotline(digits, n, true);
}

static int value(const char *d, unsigned n)
{
    int v = 0;
    for (unsigned i = 0; i < n; i++) v = v * 10 + (d[i] - '0');
    return v;
}

static bool is_date(int year, int month, int day)
{
    return year >= 1880 && year <= 2099 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* The first two digits of an identity number: a province. */
static bool is_province(const char *d)
{
    static const char known[] = "11121314152122233132333435363741424344454650515253546162636465717281828391";
    for (const char *p = known; *p; p += 2)
        if (p[0] == d[0] && p[1] == d[1]) return true;
    return false;
}

/* GB 11643-1999: eighteen characters, the last by ISO 7064 MOD 11-2; before it, fifteen digits. */
static bool is_id(const struct joined *j)
{
    static const int weight[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    if ((j->len != 18 && (j->len != 15 || j->groups > 1)) || !is_province(j->d)) return false;
    if (j->len == 15) return is_date(1900 + value(j->d + 6, 2), value(j->d + 8, 2), value(j->d + 10, 2));
    int sum = 0;
    for (int i = 0; i < 17; i++) sum += (j->d[i] - '0') * weight[i];
    return j->d[17] == "10x98765432"[sum % 11] &&
           is_date(value(j->d + 6, 4), value(j->d + 10, 2), value(j->d + 12, 2));
}

static bool is_luhn(const char *d, unsigned n)
{
    int sum = 0;
    for (unsigned i = 0; i < n; i++) {
        int v = d[n - 1 - i] - '0';
        if (i % 2) v = v > 4 ? 2 * v - 9 : 2 * v;
        sum += v;
    }
    return sum % 10 == 0;
}

/* 13 to 19 digits as card schemes give them out, in one group or in fours; those of this country in any groups. */
static bool is_card(const struct joined *j)
{
    if (j->len < 13 || j->len > 19) return false;
    bool here = j->len >= 16 && j->d[0] == '6' && j->d[1] == '2';
    for (unsigned i = 0; j->groups > 1 && !here && i < j->groups; i++)
        if (j->size[i] > 4 || (j->size[i] < 4 && i + 1 < j->groups)) return false;
    bool scheme = j->len >= 16 ? strchr("34569", j->d[0]) != NULL : j->d[0] == '4' || j->d[0] == '3';
    return scheme && is_luhn(j->d, j->len);
}

static bool is_mobile(const char *d, unsigned n)
{
    return n == 11 && d[0] == '1' && d[1] >= '3';
}

/* 0, area code of two or three digits, seven or eight digits. */
static bool is_landline(const char *d, unsigned n)
{
    if (d[0] != '0' || d[1] == '0') return false;
    if (d[1] == '1' || d[1] == '2') return n == 11 && d[3] >= '2';
    return (n == 11 || n == 12) && d[4] >= '2';
}

/* How people part a number: mobile 3-4-4, 3-8, 4-3-4, 7-4; a landline after its area code; anything in pairs. */
static bool is_parted_as_tel(const unsigned *size, unsigned groups, bool landline)
{
    unsigned short_ones = 0;
    for (unsigned i = 0; i < groups; i++) short_ones += size[i] <= 2;
    if (groups <= 1 || short_ones == groups) return true;
    if (landline) return groups <= 3 && size[0] >= 3 && size[0] <= 4;
    return groups <= 3 && short_ones == 0 && size[0] >= 3 && size[0] <= 7;
}

/* + or 00, then country and number: 7 to 15 digits (E.164), whoever's it is. Numbers of orders and waybills have letters
 * beside them, or a hyphen before. */
static bool is_abroad(const struct scan *s, const struct joined *j)
{
    size_t from = j->from;
    bool plus = from > s->low && s->text[from - 1] == '+';
    unsigned skip = plus ? 0 : 2;
    if (!plus && (j->d[0] != '0' || j->d[1] != '0' || j->size[0] < 2)) return false;
    if (j->len < skip + 7 || j->len > skip + 15 || j->d[skip] == '0') return false;
    if (plus) from--;
    char prev = from > s->low ? s->text[from - 1] : ' ', next = j->to < s->n ? s->text[j->to] : ' ';
    return !is_letter(prev) && !is_digit(prev) && !is_letter(next) && (plus || prev != '-');
}

static bool is_tel(const struct scan *s, const struct joined *j)
{
    if (is_abroad(s, j)) return true;
    static const char *const prefixes[] = {"", "0", "86", "0086"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        unsigned skip = (unsigned)strlen(prefixes[i]), size[GROUPS_MAX], first = skip && j->size[0] == skip;
        if (j->len < skip + 10 || strncmp(j->d, prefixes[i], skip) != 0 || j->size[0] < skip) continue;
        memcpy(size, j->size, sizeof size);
        size[0] -= skip;
        const char *d = j->d + skip;
        unsigned n = j->len - skip;
        if (is_mobile(d, n) && is_parted_as_tel(size + first, j->groups - first, false)) return true;
        if (skip == 0 && is_landline(d, n) && is_parted_as_tel(size, j->groups, true)) return true;
        /* From abroad the area code goes without its 0; without a plus it could be any number that begins with 86. */
        bool abroad = skip == 4 || (skip == 2 && j->from > s->low && s->text[j->from - 1] == '+');
        if (abroad && d[0] != '0' && d[0] != '1' && n <= 11) return true;
    }
    return false;
}

static bool kind_of(const struct scan *s, const struct joined *j, enum mask_kind *ret)
{
    if (is_id(j))
        *ret = MASK_ID;
    else if (is_tel(s, j))
        *ret = MASK_TEL;
    else if (is_card(j))
        *ret = MASK_CARD;
    else
        return false;
    return true;
}

/* Groups first..last as one. False when that is longer than any number. */
static bool join(const struct scan *s, const struct number *num, unsigned first, unsigned last,
                 struct joined *ret)
{
    *ret = (struct joined){.from = num->from[first], .to = num->to[last], .groups = last - first + 1};
    for (unsigned g = first; g <= last; g++) {
        size_t size = num->to[g] - num->from[g];
        if (ret->len + size > DIGITS_MAX) return false;
        memcpy(ret->d + ret->len, s->text + num->from[g], size);
        ret->len += (unsigned)size;
        ret->size[g - first] = (unsigned)size;
    }
    /* The check digit may be an x, and stand apart. */
    size_t end = num->to[last], apart = end < s->n && (s->text[end] == ' ' || s->text[end] == '-');
    end += apart;
    if (ret->len == 17 && end < s->n && s->text[end] == 'x' &&
        (end + 1 == s->n || !(is_letter(s->text[end + 1]) || is_digit(s->text[end + 1])))) {
        ret->d[ret->len++] = 'x';
        ret->size[ret->groups - 1]++;
        ret->to = end + 1;
    }
    return true;
}

/* Reads the groups that begin at i; (029)88888888 and +1 (415) 555-2671 count as parted by their brackets. */
static void read_number(const struct scan *s, size_t i, struct number *ret)
{
    char prev = i > s->low ? s->text[i - 1] : ' ';
    size_t most = prev == '+' ? 2 : 1; /* characters between two groups */
    ret->n = 0;
    for (;;) {
        ret->from[ret->n] = i;
        while (i < s->n && is_digit(s->text[i])) i++;
        ret->to[ret->n++] = i;
        const char *between = prev == '+' ? " -()" : prev == '(' && ret->n == 1 ? " -)" : " -";
        size_t end = i;
        while (end < s->n && end - i < most && s->text[end] && strchr(between, s->text[end])) end++;
        if (ret->n == GROUPS_MAX || end == i || end >= s->n || !is_digit(s->text[end])) return;
        i = end;
    }
}

static bool is_amount(const struct scan *s, size_t end)
{
    if (end < s->n && s->text[end] == ' ') end++;
    size_t len = word_at(s, end, &mt_amounts);
    if (!len) return false;
    uint32_t next = at(s, end + len);
    return next != 0x4e00; /* 万一 */
}

/* Does a word before i say what the number is? Marks and 号, 码, 为, 是 may stand between. */
static bool is_announced(const struct scan *s, size_t i, unsigned digits, enum mask_kind *ret)
{
    static const struct {
        const struct mt_words *words;
        enum mask_kind kind;
        unsigned at_least;
    } kinds[] = {{&mt_id_words, MASK_ID, 6}, {&mt_card_words, MASK_CARD, 7}, {&mt_tel_words, MASK_TEL, 7}};
    if (digits < 6) return false;
    for (int gap = 0; gap <= 4; gap++) {
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            if (digits < kinds[k].at_least || !word_before(s, i, kinds[k].words)) continue;
            *ret = kinds[k].kind;
            return true;
        }
        size_t prev = before(s, i);
        if (prev == i || !is_one_of(at(s, prev), " :=(+[\"'“‘【号码为是")) return false;
        i = prev;
    }
    return false;
}

/* 029-12345: an area code before a number that is nobody's own. */
static bool is_hotline_there(const struct joined *j)
{
    if (mask_is_hotline(j->d, j->len)) return true;
    for (unsigned area = 3; area <= 4 && j->d[0] == '0' && j->d[1] != '0' && area < j->len; area++)
        if (mask_is_hotline(j->d + area, j->len - area)) return true;
    return false;
}

/* Bytes of the one to three marks at i that people write between the parts of a number. */
static size_t gap_at(const struct scan *s, size_t i)
{
    size_t end = i;
    for (int marks = 0; marks < 3 && is_one_of(at(s, end), " -.·_/~|,、。—–"); marks++)
        end += (size_t)text_next(s->text + end, s->n - end, &(uint32_t){0});
    return end - i;
}

static bool has_digits(const struct scan *s, size_t i, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (i + k >= s->n || !is_digit(s->text[i + k])) return false;
    return i + n == s->n || !is_digit(s->text[i + n]);
}

/* 138.0013.8000: parted as only a mobile number is, by any marks, both times the same; its end, 0 when it is none. In a list
 * of numbers there is one more before or after. */
static size_t parted_mobile(const struct scan *s, size_t i)
{
    if (s->text[i] != '1' || !has_digits(s, i, 3) || s->text[i + 1] < '3') return 0;
    size_t gap = gap_at(s, i + 3), second = i + 3 + gap, third = second + 4 + gap, end = third + 4;
    if (!gap || !has_digits(s, second, 4) || !has_digits(s, third, 4)) return 0;
    if (memcmp(s->text + i + 3, s->text + second + 4, gap) != 0) return 0;
    size_t after = gap_at(s, end), prev = before(s, i);
    if (after && end + after < s->n && is_digit(s->text[end + after])) return 0;
    bool goes_on = prev != i && is_one_of(at(s, prev), " -.·_/~|,、。—–") && prev > s->low &&
                   is_digit(s->text[prev - 1]);
    return goes_on ? 0 : end;
}

/* --- mail ------------------------------------------------------------------------------------------------------- */

static bool is_local(char c)
{
    return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-' || c == '+' || c == '%';
}

/* End of the domain that begins at i, 0 when there is none: labels with a dot between, the last of letters. */
static size_t domain_end(const struct scan *s, size_t i)
{
    size_t end = 0, label = i;
    for (; i < s->n &&
           (is_letter(s->text[i]) || is_digit(s->text[i]) || s->text[i] == '-' || s->text[i] == '.');
         i++) {
        if (s->text[i] == '.') {
            if (i == label) break;
            label = i + 1;
            continue;
        }
        if (s->text[label - 1] == '.' && i > label && s->text[i] != '-' && is_letter(s->text[label]))
            end = i + 1;
    }
    return end;
}

/* Is the @ at i that of an address? Its span then to ret_from and ret_to. */
static bool mail(const struct scan *s, size_t i, size_t *ret_from, size_t *ret_to)
{
    size_t from = i;
    while (from > s->low && is_local(s->text[from - 1])) from--;
    size_t to = domain_end(s, i + 1);
    if (from == i || !to) return false;
    *ret_from = from;
    *ret_to = to;
    return true;
}

/* A digit at i may belong to an address whose @ is further on. */
static size_t mail_ahead(const struct scan *s, size_t i)
{
    size_t k = i, from, to;
    while (k < s->n && k - i < 64 && is_local(s->text[k])) k++;
    return k < s->n && s->text[k] == '@' && mail(s, k, &from, &to) ? k : 0;
}

/* --- names ------------------------------------------------------------------------------------------------------ */

static size_t surname_at(const struct scan *s, size_t i)
{
    size_t len = word_at(s, i, &mt_compound_surnames);
    if (len) return len;
    uint32_t cp = at(s, i);
    return mt_class_of(cp) & MT_SURNAME ? 3 : 0;
}

static bool is_given(const struct scan *s, size_t i)
{
    uint32_t cp = at(s, i);
    return cp >= 0x3400 && cp <= 0x9fff && !(mt_class_of(cp) & MT_NOT_GIVEN) && !word_at(s, i, &mt_titles) &&
           !word_at(s, i, &mt_staff_titles);
}

/* The longest name that begins at i: surname and one or two characters. How many to ret_given; 0: none. */
static size_t name_at(const struct scan *s, size_t i, unsigned *ret_given)
{
    size_t surname = i < s->n ? surname_at(s, i) : 0, p = i + surname;
    *ret_given = 0;
    if (!surname || word_at(s, i, &mt_not_names)) return 0;
    while (*ret_given < 2 && p < s->n && is_given(s, p)) {
        p += 3;
        ++*ret_given;
    }
    return *ret_given ? p : 0;
}

static bool ends_plainly(const struct scan *s, size_t i)
{
    uint32_t cp = at(s, i);
    return i >= s->n || !nt_is_han(cp) || (mt_class_of(cp) & MT_FOLLOW) || word_at(s, i, &mt_titles);
}

/* The same when only a name that ends plainly is one. */
static size_t plain_name_at(const struct scan *s, size_t i)
{
    unsigned given;
    size_t to = name_at(s, i, &given);
    if (!to || ends_plainly(s, to)) return to;
    return given > 1 && ends_plainly(s, to - 3) ? to - 3 : 0;
}

#define SPELLED_OUT_MIN 4
#define SPELLED_OUT_MAX 16

/* The end of a name that is spelled out at i, as 阿依古丽买买提; 0: none. */
static size_t spelled_out_at(const struct scan *s, size_t i)
{
    unsigned n = 0;
    for (; n < SPELLED_OUT_MAX && mt_class_of(at(s, i)) & MT_SPELLED_OUT; n++) i += 3;
    return n >= SPELLED_OUT_MIN ? i : 0;
}

/* The end of a name in letters at i, as wang jianguo; 0: none, or it goes on as something else. */
static size_t latin_name_at(const struct scan *s, size_t i)
{
    size_t to = i, letters = 0;
    for (size_t p = i; p < s->n && p - i < 40 && (is_letter(s->text[p]) || strchr(" -'.", s->text[p])); p++) {
        if (!is_letter(s->text[p])) continue;
        letters++;
        to = p + 1;
    }
    bool goes_on =
        to < s->n && (is_digit(s->text[to]) || nt_is_han(at(s, to)) || strchr("@:/_", s->text[to]));
    return letters >= 4 && !goes_on ? to : 0;
}

/* A word that announces a name may end at `end`. After it there may be a list of them. */
static void announced_name(struct scan *s, size_t end)
{
    bool strong = word_before(s, end, &mt_announce);
    if (!strong && !word_before(s, end, &mt_announce_weak)) return;
    size_t i = end;
    for (int gap = 0; gap < 3 && i < s->n; gap++) {
        uint32_t cp = at(s, i);
        bool mark = is_one_of(cp, " :=(,[\"'“‘【");
        if (!mark && !is_one_of(cp, strong ? "为是叫" : "叫是")) break;
        strong |= cp == ':';
        i += cp < 0x80 ? 1 : 3;
    }
    unsigned given;
    size_t to = strong ? spelled_out_at(s, i) : 0;
    if (!to && strong && i < s->n && is_letter(s->text[i])) to = latin_name_at(s, i);
    if (!to) to = strong ? name_at(s, i, &given) : plain_name_at(s, i);
    while (to) {
        found(s, i, to, MASK_NAME);
        bool mark = is_one_of(at(s, to), "、和与");
        if (!mark && !strong) return; /* a space between two names is not there any more */
        i = mark ? to + 3 : to;
        to = plain_name_at(s, i);
    }
}

/* Exactly [from, to) is a name; nothing has announced it, so 向 is rather the word. */
static bool is_name(const struct scan *s, size_t from, size_t to)
{
    if (at(s, from) == 0x5411 /* 向 */) return false;
    size_t surname = surname_at(s, from);
    if (!surname || from + surname >= to || to - from - surname > 6 || word_at(s, from, &mt_not_names))
        return false;
    for (size_t p = from + surname; p < to; p += 3)
        if (!is_given(s, p)) return false;
    return true;
}

/* Nothing stands before i that could be the beginning of the same word. */
static bool stands_free(const struct scan *s, size_t i)
{
    size_t prev = before(s, i);
    uint32_t cp = at(s, prev);
    return prev == i || !nt_is_han(cp) || (mt_class_of(cp) & MT_LEFT);
}

static void titled_name(struct scan *s, size_t i)
{
    bool person = word_at(s, i, &mt_titles);
    if (!person && !word_at(s, i, &mt_staff_titles)) return;
    size_t to = i, start[5];
    if (to - s->low >= 3 && at(s, to - 3) == 0x7684 /* 的 */) to -= 3;
    unsigned k = 0;
    for (start[0] = to; k < 4; k++) {
        start[k + 1] = before(s, start[k]);
        if (start[k] - start[k + 1] != 3) break;
    }
    for (; k >= 2; k--) {
        if (!is_name(s, start[k], to)) continue;
        bool whole = stands_free(s, start[k]);
        /* 金店黄女士: the last one is rather her surname than the end of a name. */
        bool doubtful = k == 2 || !person || (mt_class_of(at(s, to - 3)) & MT_SURNAME);
        if ((doubtful && !whole) || (!person && k == 2)) continue;
        found(s, start[k], to, MASK_NAME);
        return;
    }
}

/* 王建国(13800138000): a full name of three characters that stands free, right before a number at `end` that is somebody's. */
static void name_before_number(struct scan *s, size_t end)
{
    for (int gap = 0; gap < 2 && end > s->low; gap++) {
        size_t prev = before(s, end);
        if (!is_one_of(at(s, prev), " :,(|/;-、")) break;
        end = prev;
    }
    size_t from = end;
    for (int k = 0; k < 3; k++) {
        size_t prev = before(s, from);
        if (from - prev != 3) return;
        from = prev;
    }
    if (is_name(s, from, end) && stands_free(s, from)) found(s, from, end, MASK_NAME);
}

/* --- codes ------------------------------------------------------------------------------------------------------ */

static bool is_code(char c)
{
    return is_letter(c) || is_digit(c) || c == '_' || c == '-';
}

/* 微信wang_jianguo88, 护照e12345678, 住院号zy202600123: letters and digits after a word that ends at `end`. */
static void announced_code(struct scan *s, size_t end)
{
    enum mask_kind kind = MASK_TEL;
    size_t word = word_before(s, end, &mt_handle_words), min = 6, max = 20;
    if (!word) {
        kind = MASK_ID;
        word = word_before(s, end, &mt_id_words);
        if (!word && (word = word_before(s, end, &mt_card_words))) kind = MASK_CARD;
    }
    if (!word) return;
    size_t i = end, begin = end - word;
    /* A word of letters is one of its own. */
    if (begin > s->low && is_letter(s->text[begin]) && is_code(s->text[begin - 1])) return;
    bool said = false; /* that a name of its own follows */
    for (int gap = 0; gap < 4 && i < s->n; gap++) {
        uint32_t cp = at(s, i);
        if (!is_one_of(cp, " :=(@[\"'“‘【号码为是")) break;
        said |= is_one_of(cp, ":=号码为是");
        i += cp < 0x80 ? 1 : 3;
    }
    if (i >= s->n || !is_letter(s->text[i])) return;
    size_t to = i, digits = 0, letters = 0;
    for (; to < s->n && is_code(s->text[to]) && to - i <= max; to++) {
        digits += is_digit(s->text[to]);
        letters += is_letter(s->text[to]);
    }
    size_t len = to - i;
    bool goes_on = to < s->n && strchr(".@/:", s->text[to]) && to + 1 < s->n &&
                   (is_code(s->text[to + 1]) || s->text[to + 1] == '/'); /* a link, a mail address */
    if (len < min || len > max || goes_on) return;
    if (kind == MASK_TEL ? letters < len || said : digits >= 4) found(s, i, to, kind);
}

/* 陕a12345, 京a8b88c, 陕ad12345: the number plate whose letter is at i. */
static void plate(struct scan *s, size_t i)
{
    size_t p = i + 1, digits = 0;
    if (i - s->low < 3) return;
    if (p < s->n && (s->text[p] == ' ' || s->text[p] == '-' || s->text[p] == '.'))
        p++;
    else if (at(s, p) == 0xb7 /* · */)
        p += 2;
    size_t from = p;
    for (; p < s->n && (is_letter(s->text[p]) || is_digit(s->text[p])) && p - from < 7; p++)
        digits += is_digit(s->text[p]);
    size_t len = p - from;
    uint32_t last = at(s, p);
    if (len == 4 && is_one_of(last, "学警港澳挂领使")) {
        p += 3;
        len++;
    }
    /* 沪a600519 is no plate: the one with six has a letter. */
    if ((len == 5 && digits >= 2) || (len == 6 && digits >= 4 && digits < 6)) found(s, i - 3, p, MASK_ID);
}

/* --- beds and rooms --------------------------------------------------------------------------------------------- */

/* Where the number that ends before i begins: digits with a letter or hyphen, or spelled. i: there is none.
 * How many of 0-9 it has, and whether it counts in tens, to the others. */
static size_t number_before(const struct scan *s, size_t i, unsigned *ret_digits, bool *ret_tens)
{
    *ret_digits = 0;
    *ret_tens = false;
    size_t p = i;
    while (p > s->low && is_digit(s->text[p - 1]) && *ret_digits < 5) {
        p--;
        ++*ret_digits;
    }
    if (*ret_digits == 5) return i;
    if (*ret_digits) {
        if (p >= s->low + 2 && s->text[p - 1] == '-' && is_digit(s->text[p - 2])) { /* 5-12床 */
            p--;
            while (p > s->low && is_digit(s->text[p - 1])) p--;
        }
        if (p > s->low && is_letter(s->text[p - 1]) && (p - 1 == s->low || !is_letter(s->text[p - 2]))) p--;
        return p;
    }
    for (int k = 0; k < 4; k++) {
        size_t prev = before(s, p);
        uint32_t cp = at(s, prev);
        bool tens = cp == 0x5341 || cp == 0x767e; /* 十 百 */
        if (prev == p || (cp < 0x80) || (nt_digit_value(cp) < 0 && !tens)) break;
        *ret_tens |= tens;
        p = prev;
    }
    return p;
}

/* 第3病区, 5楼, a座: parts of the way that stand before i belong to it. */
static size_t way_before(const struct scan *s, size_t i)
{
    for (int k = 0; k < 4; k++) {
        size_t p = i;
        unsigned digits;
        bool tens;
        if (p > s->low && s->text[p - 1] == ' ') p--;
        size_t unit = word_before(s, p, &mt_ways);
        if (!unit) break;
        p -= unit;
        size_t num = number_before(s, p, &digits, &tens);
        if (num == p && p > s->low && is_letter(s->text[p - 1]) &&
            (p - 1 == s->low || !is_letter(s->text[p - 2])))
            num = p - 1;
        if (num == p) break;
        i = num;
        if (i - s->low >= 3 && at(s, i - 3) == 0x7b2c /* 第 */) i -= 3;
    }
    return i;
}

/* The 床, 房 or 室 at i: a place when a number stands before it. */
static void room(struct scan *s, size_t i)
{
    uint32_t cp = at(s, i), next = at(s, i + 3);
    bool bed = cp == 0x5e8a, ward = false, named = false, tens;
    unsigned digits;
    size_t p = i;
    if (is_one_of(next, bed ? "位单垫被品椅棉" : "价产子东贷租型屋源费")) return;
    if (!bed && p - s->low >= 3 && at(s, p - 3) == 0x75c5 /* 病 */) {
        ward = true;
        p -= 3;
    }
    if (p - s->low >= 3 && at(s, p - 3) == 0x53f7 /* 号 */) {
        named = true;
        p -= 3;
    }
    if (p > s->low && s->text[p - 1] == ' ') p--;
    size_t from = number_before(s, p, &digits, &tens);
    if (from == p) return;
    size_t start = from - s->low >= 3 && at(s, from - 3) == 0x7b2c /* 第 */ ? from - 3 : from;
    size_t way = way_before(s, start);
    /* 一床被子, 两房一厅: a spelled or short number needs something that makes it a place. */
    bool place = named || way != start || start != from ||
                 (digits ? bed || ward || digits >= 3 : (bed || ward) && tens);
    if (!place) return;
    name_before_number(s, way);
    found(s, way, i + 3, MASK_BED);
}

/* What stands after the digits at i that are the whole number of a bed or a door: 床号12, 2单元1203. 0: they are none. */
static size_t door(struct scan *s, size_t i)
{
    size_t to = i, from = i;
    while (to < s->n && is_digit(s->text[to]) && to - i < 6) to++;
    if (to - i > 5 || is_one_of(at(s, to), "床房室间个平张元万%-.:") || is_amount(s, to)) return 0;
    for (int gap = 0; gap <= 3; gap++) {
        if (word_before(s, from, &mt_bed_words)) {
            found(s, i, to, MASK_BED);
            return to;
        }
        size_t prev = before(s, from);
        if (prev == from || !is_one_of(at(s, prev), " :=(号是为")) break;
        from = prev;
    }
    if (to - i < 3 || to - i > 4 || !word_before(s, i, &mt_door_ways)) return 0;
    from = way_before(s, i);
    if (from == i) return 0;
    found(s, from, to, MASK_BED);
    return to;
}

#define ADDRESS_MAX 48 /* characters */

/* Where somebody lives, after a word that says so and ends at `end`: as far as the next mark, when it has a number of a
 * house or a flat, or a place and a street or village. */
static void address(struct scan *s, size_t end)
{
    if (!word_before(s, end, &mt_address_words)) return;
    size_t i = end;
    for (int gap = 0; gap < 3 && i < s->n && is_one_of(at(s, i), " :=(在是为"); gap++)
        i += at(s, i) < 0x80 ? 1 : 3;
    size_t to = i;
    bool digits = false, area = false, looks = false;
    for (int k = 0; k < ADDRESS_MAX && to < s->n; k++) {
        uint32_t cp;
        size_t len = (size_t)text_next(s->text + to, s->n - to, &cp);
        if (is_one_of(cp, " ,。;、!?:()‹\n\"”】]的并请")) break;
        looks |= (digits && is_one_of(cp, "号楼栋幢单元室组弄户院村")) ||
                 (area && is_one_of(cp, "路街巷弄村镇乡组楼"));
        digits |= (cp < 0x80 && is_digit((char)cp)) || (cp > 0x80 && nt_digit_value(cp) >= 0) || cp == 0x5341;
        area |= is_one_of(cp, "省市区县州旗镇乡路街");
        to += len;
    }
    if (looks) found(s, i, to, MASK_BED);
}

/* --- numbers in a text ------------------------------------------------------------------------------------------------- */

/* A number of somebody, and the name that stands right before it: 王建国13800138000. */
static void found_number(struct scan *s, size_t from, size_t to, enum mask_kind kind)
{
    name_before_number(s, from);
    found(s, from, to, kind);
}

/* 王建国 男 65岁: a name before an age, whose digits are at i; without 岁 after 男 or 女 only. */
static void name_before_age(struct scan *s, size_t i, size_t end)
{
    if (end - i > 3) return;
    size_t p = i;
    for (int gap = 0; gap < 2 && p > s->low && (s->text[p - 1] == ' ' || s->text[p - 1] == ','); gap++) p--;
    size_t prev = before(s, p);
    bool sex = prev != p && is_one_of(at(s, prev), "男女");
    if (sex || at(s, end) == 0x5c81 /* 岁 */) name_before_number(s, sex ? prev : p);
}

/* Number at i: adds its span; returns where the scan goes on. */
static size_t number(struct scan *s, size_t i)
{
    struct number num;
    struct joined j;
    enum mask_kind kind;
    size_t parted = parted_mobile(s, i), to;
    if (parted && !is_amount(s, parted)) {
        found_number(s, i, parted, MASK_TEL);
        return parted;
    }
    if ((to = door(s, i))) return to;
    read_number(s, i, &num);
    size_t end = num.to[num.n - 1], digits = 0;
    for (unsigned g = 0; g < num.n; g++) digits += num.to[g] - num.from[g];
    if (digits < 6) {
        name_before_age(s, i, end);
        return end;
    }

    for (unsigned first = 0; first < num.n; first++) {
        for (unsigned last = num.n; last-- > first;) {
            if (!join(s, &num, first, last, &j) || !kind_of(s, &j, &kind)) continue;
            if (kind != MASK_ID && is_amount(s, j.to)) continue;
            size_t from = j.from;
            if (from > s->low && s->text[from - 1] == '+') from--;
            found_number(s, from, j.to, kind);
            return j.to;
        }
    }
    /* Shorter or longer than any of these, or with a wrong check digit: personal if the text says so. What has stars
     * is masked already. */
    bool starred = (end < s->n && s->text[end] == '*') || (i > s->low && s->text[i - 1] == '*');
    if (starred || !is_announced(s, i, (unsigned)(digits < 99 ? digits : 99), &kind)) return end;
    if (is_amount(s, end)) return end;
    if (join(s, &num, 0, num.n - 1, &j)) {
        if (is_hotline_there(&j)) return end;
        end = j.to;
    }
    found(s, i, end, kind);
    return end;
}

/* --- the scan --------------------------------------------------------------------------------------------------- */

/* What the scan stopped for at i; returns where it goes on. */
static size_t look(struct scan *s, size_t i, size_t len, unsigned hit)
{
    size_t low = s->low, from, to;
    char c = s->text[i];
    if (hit & MT_NAME_BEGIN) announced_name(s, i);
    if (s->low == low && (hit & MT_CODE_BEGIN)) announced_code(s, i);
    if (s->low == low && (hit & MT_PLATE_SECOND)) plate(s, i);
    if (s->low == low && (hit & MT_TITLE_SECOND)) titled_name(s, before(s, i));
    if (s->low <= i && (hit & MT_ADDRESS_END)) address(s, i + len);
    if (s->low > i || !(hit & MT_STOP)) return s->low > i + len ? s->low : i + len;

    if (is_digit(c)) {
        size_t at_sign = mail_ahead(s, i);
        return at_sign ? at_sign : number(s, i);
    }
    if (c != '@') {
        room(s, i);
    } else if (mail(s, i, &from, &to)) {
        found(s, from, to, MASK_MAIL);
        return to;
    }
    return i + len;
}

size_t mask_find(const char *text, size_t n, struct mask_span *spans, size_t max)
{
    struct scan s = {.text = text, .n = n, .spans = spans, .max = max};
    unsigned before_it = 0;
    for (size_t i = 0; i < n;) {
        uint8_t c = (uint8_t)text[i];
        unsigned class;
        size_t len;
        if (c < 0x80) {
            len = 1;
            class = mt_class[mt_index[c >> 6]][c & 63];
        } else if ((c & 0xf0) == 0xe0) {
            uint8_t b = (uint8_t)text[i + 1] & 0x3f;
            len = 3;
            class = mt_class[mt_index[(c & 0x0f) << 6 | b]][(uint8_t)text[i + 2] & 0x3f];
        } else {
            len = c < 0xe0 ? 2 : 4;
            class = 0;
        }
        unsigned hit =
            (class & (MT_STOP | MT_ADDRESS_END)) |
            (before_it << 1 & class & (MT_NAME_BEGIN | MT_TITLE_SECOND | MT_CODE_BEGIN | MT_PLATE_SECOND));
        before_it = class;
        if (!hit) {
            i += len;
            continue;
        }
        size_t next = look(&s, i, len, hit);
        if (next != i + len) before_it = 0;
        i = next;
    }
    return s.found;
}
