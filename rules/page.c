/* Puts rules, words and the engine into the page. */
#include "rules/page.h"

#include "base/i18n.h"
#include "rules/lint.h"
#include "rules/page_files.h" /* made from rules/page/: page_html, page_engine, page_words */

static void json_list(struct buf *out, const char *const *items, size_t n)
{
    buf_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i) buf_char(out, ',');
        buf_json_str(out, items[i]);
    }
    buf_char(out, ']');
}

/* As PCRE2 reads it, as people do, and what must be there for it. */
static void json_pattern(struct buf *out, const struct unit *u)
{
    CLEANUP(arena_release) struct arena arena = {0};
    const struct needs needs = pattern_needs(u->pattern, &arena);
    CLEANUP(buf_release) struct buf brief = BUF_INIT(4096);
    pattern_brief(u->pattern, &brief);
    buf_char(out, '{');
    buf_json_member(out, "re", node_regex(u->pattern->root, &arena));
    buf_json_member(out, "brief", buf_cstr(&brief));
    buf_json_member_bool(out, "choice", pattern_is_choice(u->pattern));
    buf_json_key(out, "needs");
    buf_char(out, '[');
    for (size_t i = 0; i < needs.n; i++) {
        if (i) buf_char(out, ',');
        json_list(out, needs.items[i].items, needs.items[i].n);
    }
    buf_str(out, "]}");
}

/* The patterns that the page needs, in the order in which rules first name them. */
struct used {
    const struct unit **items;
    uint32_t *number; /* of each unit of the set, from 1 */
    uint32_t n;
    const struct likeness **likes; /* of the rules' folders */
    size_t n_likes;
};

static size_t like_number(struct used *used, const struct likeness *l)
{
    for (size_t i = 0; i < used->n_likes; i++)
        if (used->likes[i] == l) return i;
    used->likes[used->n_likes] = l;
    return used->n_likes++;
}

static void json_units(struct buf *out, struct unit *const *units, size_t n, struct used *used)
{
    buf_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        uint32_t *number = &used->number[units[i]->index];
        if (!*number) {
            used->items[used->n] = units[i];
            *number = ++used->n;
        }
        buf_printf(out, i ? ",%u" : "%u", *number - 1);
    }
    buf_char(out, ']');
}

static void json_rule(struct buf *out, const struct rule *r, struct used *used)
{
    const struct rule_code *c = r->code;
    buf_char(out, '{');
    buf_json_member(out, "id", r->id);
    buf_json_member(out, "title", r->title);
    buf_json_member(out, "category", r->category);
    buf_json_member(out, "level", level_name(r->level));
    buf_json_member_int(out, "near", c->near);
    buf_json_key(out, "words");
    buf_char(out, '[');
    for (size_t l = 0; l < c->n_lists; l++) {
        if (l) buf_char(out, ',');
        json_list(out, c->lists[l].items, c->lists[l].n);
    }
    buf_char(out, ']');
    buf_json_key(out, "all");
    json_units(out, c->units, c->n_all, used);
    buf_json_key(out, "any");
    buf_char(out, '[');
    for (size_t i = 0; i < c->n_entries; i++) {
        if (i) buf_char(out, ',');
        json_units(out, c->units + c->entries[i].first, c->entries[i].n, used);
    }
    buf_char(out, ']');
    buf_json_key(out, "none");
    json_units(out, c->units + c->n_all + c->n_any, c->n_none, used);
    if (c->like) {
        buf_printf(out, ",\"learned\":{\"number\":%zu", like_number(used, c->like));
        if (c->like_doubt > INT64_MIN) buf_json_member_int(out, "doubt", c->like_doubt);
        if (c->like_enough < INT64_MAX) {
            buf_json_member_int(out, "enough", r->like_enough);
            buf_json_member_int(out, "least", c->like_enough);
            buf_json_member_int(out, "kind", c->like_kind);
        }
        buf_json_key(out, "none");
        json_units(out, c->units + c->n_all + c->n_any + c->n_none, c->n_like_none, used);
        buf_char(out, '}');
    }
    buf_char(out, '}');
}

static void base64(struct buf *out, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        unsigned v = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
                     (left > 2 ? bytes[i + 2] : 0);
        buf_char(out, digits[v >> 18 & 63]);
        buf_char(out, digits[v >> 12 & 63]);
        buf_char(out, left > 1 ? digits[v >> 6 & 63] : '=');
        buf_char(out, left > 2 ? digits[v & 63] : '=');
    }
}

static void json_data(const struct rule_set *set, const char *version, struct buf *out)
{
    bool first = true;
    struct used used = {xcalloc(set->n_units + 1, sizeof(*used.items)),
                        xcalloc(set->n_units + 1, sizeof(*used.number)), 0,
                        xcalloc(rule_set_size(set) + 1, sizeof(struct likeness *)), 0};
    buf_char(out, '{');
    buf_json_member(out, "version", version);
    buf_json_member(out, "set", rule_set_hash(set));
    buf_str(out, ",\"rules\":[");
    for (size_t i = 0; i < rule_set_size(set); i++) {
        const struct rule *r = rule_set_at(set, i);
        if (r->status != RULE_STABLE && r->status != RULE_TEST) continue;
        if (!first) buf_char(out, ',');
        first = false;
        json_rule(out, r, &used);
    }
    buf_str(out, "],\"patterns\":[");
    for (uint32_t i = 0; i < used.n; i++) {
        if (i) buf_char(out, ',');
        json_pattern(out, used.items[i]);
    }
    buf_str(out, "],\"learned\":[");
    for (size_t i = 0; i < used.n_likes; i++) {
        if (i) buf_char(out, ',');
        likeness_json(used.likes[i], out);
    }
    free(used.items);
    free(used.number);
    free(used.likes);
    buf_str(out, "],\"categories\":[");
    for (const struct rule_category *c = rule_categories; c->id; c++) {
        buf_str(out, c == rule_categories ? "{" : ",{");
        buf_json_member(out, "id", c->id);
        buf_json_member(out, "title", c->title_zh);
        buf_char(out, '}');
    }
    buf_str(out, "],\"words\":{");
    for (size_t i = 0; i < ARRAY_LEN(page_words); i++)
        buf_json_member(out, page_words[i], i18n_chinese(page_words[i]));
    buf_str(out, "},\"engine\":\"");
    base64(out, page_engine, sizeof(page_engine));
    buf_str(out, "\"}");
}

/* In a script element nothing may look like its end. */
static void put_script_safe(struct buf *out, const char *json)
{
    for (const char *p = json; *p; p++) {
        if (p[0] == '<')
            buf_str(out, "\\u003c");
        else
            buf_char(out, *p);
    }
}

enum relay_err rules_page(const struct rule_set *set, const char *version, struct buf *out,
                          struct reason *why)
{
    static const char mark[] = "/* {data} */";
    if (sizeof(page_engine) <= 1)
        return fail(why, RELAY_UNSUPPORTED,
                    _("this program was built without the page: install clang and lld, and build it again"));
    const char *html = (const char *)page_html, *at = strstr(html, mark);
    CLEANUP(buf_release) struct buf data = BUF_INIT(out->limit);
    json_data(set, version, &data);
    buf_add(out, html, (size_t)(at - html));
    put_script_safe(out, buf_cstr(&data));
    buf_str(out, at + strlen(mark));
    return RELAY_OK;
}
