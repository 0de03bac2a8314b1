/* What events of one rule have in common, as far as it stands in their text. */
#include "rules/compile.h"

/* ---- an address ---- */

static bool is_label(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* The part that somebody has registered: two labels, or three under com.cn and its like. */
static const char *registered(const char *from, const char *end)
{
    static const char *const shared[] = {"com", "net", "org", "gov", "edu", "ac", "co"};
    const char *dots[3] = {NULL, NULL, NULL}; /* the last three, the last one first */
    for (const char *p = from; p < end; p++) {
        if (*p != '.') continue;
        dots[2] = dots[1];
        dots[1] = dots[0];
        dots[0] = p;
    }
    if (!dots[1]) return from;
    size_t second = (size_t)(dots[0] - dots[1]) - 1;
    for (size_t i = 0; i < ARRAY_LEN(shared) && end - dots[0] == 3; i++)
        if (second == strlen(shared[i]) && memcmp(dots[1] + 1, shared[i], second) == 0)
            return dots[2] ? dots[2] + 1 : from;
    return dots[1] + 1;
}

static bool ends_in_letters(const char *from, const char *end)
{
    if (end - from < 2) return false;
    for (const char *p = from; p < end; p++)
        if (*p < 'a' || *p > 'z') return false;
    return true;
}

/* Labels with dots between, the last one of letters: yb.example.fyi; 3.5 and 10.30 are none, nor is what follows an @. */
static bool find_domain(const char *text, size_t n, struct buf *ret)
{
    const char *end = text + n;
    for (const char *p = text; p < end; p++) {
        if (!is_label(*p)) continue;
        const char *from = p, *last = NULL;
        for (; p < end && (is_label(*p) || (*p == '.' && p + 1 < end && is_label(p[1]))); p++)
            if (*p == '.') last = p + 1;
        bool mail = from > text && from[-1] == '@';
        if (last && !mail && ends_in_letters(last, p)) {
            from = registered(from, p);
            buf_add(ret, from, (size_t)(p - from));
            return true;
        }
    }
    return false;
}

/* ---- a named group ---- */

static bool group_of(const struct unit *u, const char *name, const char *text, size_t n, struct buf *ret)
{
    for (uint32_t i = 0; i < u->n_parts && !u->code.re; i++)
        if (group_of(u->parts[i], name, text, n, ret)) return true;
    if (!u->code.re) return false;
    int number = pcre2_substring_number_from_name(u->code.re, (PCRE2_SPTR)name);
    bool found = false;
    if (number <= 0) return false;
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(u->code.re, NULL);
    if (!limits || !data) abort();
    (void)pcre2_set_match_limit(limits, MATCH_LIMIT); /* these three cannot fail */
    (void)pcre2_set_depth_limit(limits, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
    if (pcre2_match(u->code.re, (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK, data, limits) > number) {
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data) + 2 * (size_t)number;
        size_t len = at[0] != PCRE2_UNSET && at[1] > at[0] ? at[1] - at[0] : 0;
        /* ‹tel› stands for any number: taken for a value, it would make all of them the same. */
        found = len > 0 && !memmem(text + at[0], len, "‹", strlen("‹"));
        if (found) buf_add(ret, text + at[0], len);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    return found;
}

bool rule_value(const struct rule *r, const char *text, size_t n, struct buf *ret)
{
    if (r->threshold_same == SAME_DOMAIN) return find_domain(text, n, ret);
    if (r->threshold_same != SAME_CAPTURE) return false;
    const struct rule_code *c = r->code;
    for (size_t i = 0; i < c->n_all + c->n_any; i++)
        if (group_of(c->units[i], r->threshold_same_name, text, n, ret)) return true;
    return false;
}
