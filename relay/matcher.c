/* Alertmanager's matchers: parsed strictly, evaluated over label values. */
#include "matcher.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/alert.h"
#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"

enum {
    MAX_MATCHERS = 64, /* of one route or silence */
    MAX_VALUE = 1024,
    MATCH_LIMIT = 10000, /* labels are short: what needs more is a mistake */
};

struct label_matcher {
    enum label label;
    bool negated;
    char *value;      /* of = and !=, and the pattern's text */
    pcre2_code *code; /* of =~ and !~, else NULL */
    pcre2_match_data *data;
};

static const char *const names[LABEL_COUNT] = {
    [LABEL_RULE] = "rule",     [LABEL_CATEGORY] = "category", [LABEL_LEVEL] = "level",
    [LABEL_AREA2] = "area2",   [LABEL_AREA4] = "area4",       [LABEL_AREA6] = "area6",
    [LABEL_FEED] = "feed",     [LABEL_SITE] = "site",         [LABEL_CERTAINTY] = "certainty",
    [LABEL_STATUS] = "status", [LABEL_KIND] = "kind",
};

const char *label_name(enum label l)
{
    return (unsigned)l < LABEL_COUNT ? names[l] : "unknown";
}

bool label_parse(const char *s, enum label *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(s, names[i]) != 0) continue;
        *ret = (enum label)i;
        return true;
    }
    return false;
}

/* The value as alerts carry it, or NULL when no alert ever can. ret is used for what is not a constant. */
static const char *canonical(enum label label, const char *value, char ret[static AREA_LEN + 1],
                             const char **ret_allowed)
{
    enum level level;
    enum certainty certainty;
    enum cap_status status;
    enum event_kind kind;
    size_t digits = 0;
    switch (label) {
    case LABEL_LEVEL:
        *ret_allowed = "red, orange, yellow, blue";
        return level_parse(value, &level) ? level_name(level) : NULL;
    case LABEL_CERTAINTY:
        *ret_allowed = "Possible, Likely, Observed";
        return certainty_parse(value, &certainty) ? certainty_name(certainty) : NULL;
    case LABEL_STATUS:
        *ret_allowed = "Actual, Exercise, Test";
        return cap_status_parse(value, &status) ? cap_status_name(status) : NULL;
    case LABEL_KIND:
        *ret_allowed = "sms, call, transaction, app, web, report, button";
        return event_kind_parse(value, &kind) ? event_kind_name(kind) : NULL;
    case LABEL_AREA2:
        *ret_allowed = _("2 digits of GB/T 2260");
        digits = 2;
        break;
    case LABEL_AREA4:
        *ret_allowed = _("4 digits of GB/T 2260");
        digits = 4;
        break;
    case LABEL_AREA6:
        *ret_allowed = _("6 digits of GB/T 2260");
        digits = 6;
        break;
    default: return value;
    }
    return area_normalise(value, ret) && strlen(ret) == digits ? ret : NULL;
}

static void release_one(struct label_matcher *m)
{
    free(m->value);
    pcre2_match_data_free(m->data);
    pcre2_code_free(m->code);
}

static enum relay_err compile(struct label_matcher *m, struct reason *why)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    m->code = pcre2_compile((PCRE2_SPTR)m->value, PCRE2_ZERO_TERMINATED,
                            PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &code, &at, NULL);
    if (!m->code) {
        char text[120] = "";
        (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
        return fail(why, RELAY_INVALID, _("the pattern \"%.60s\" is not one: %s at character %zu"), m->value,
                    text, (size_t)at + 1);
    }
    m->data = pcre2_match_data_create(1, NULL);
    return m->data ? RELAY_OK : fail(why, RELAY_IO, _("out of memory"));
}

/* --- parsing --- */

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

/* "…" with \" \\ \n, any other backslash being itself as in Alertmanager, or a bare word. Returns what follows. */
static const char *parse_value(const char *p, char ret[static MAX_VALUE], struct reason *why)
{
    size_t n = 0;
    if (*p != '"') {
        n = strcspn(p, " \t\r\n,}\"'");
        if (!n || n >= MAX_VALUE) {
            (void)fail(why, RELAY_INVALID, _("a value in double quotes is expected at `%.40s`"), p);
            return NULL;
        }
        memcpy(ret, p, n);
        ret[n] = '\0';
        return p + n;
    }
    for (p++; *p && *p != '"' && n < MAX_VALUE - 1; p++) {
        char c = *p;
        if (c == '\\' && (p[1] == '"' || p[1] == '\\'))
            c = *++p;
        else if (c == '\\' && p[1] == 'n') {
            c = '\n';
            p++;
        }
        ret[n++] = c;
    }
    ret[n] = '\0';
    if (*p == '"') return p + 1;
    (void)fail(why, RELAY_INVALID, _("the double quote is not closed, or the value is too long"));
    return NULL;
}

/* One `label op value`. Returns what follows, or NULL with why. *m holds only what release_one can free. */
static const char *parse_one(const char *p, struct label_matcher *m, struct reason *why)
{
    char name[32], value[MAX_VALUE];
    size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    (void)snprintf(name, sizeof(name), "%.*s", (int)(n < sizeof(name) ? n : sizeof(name) - 1), p);
    if (!n || !label_parse(name, &m->label)) {
        (void)fail(why, RELAY_INVALID,
                   _("`%.31s` is no label; there are rule, category, level, area2, area4, area6, feed, site, "
                     "certainty, "
                     "status, kind"),
                   n ? name : p);
        return NULL;
    }
    p = skip_space(p + n);
    bool pattern = (p[0] == '=' || p[0] == '!') && p[1] == '~';
    m->negated = p[0] == '!';
    if (!pattern && !(p[0] == '=' && p[1] != '=') && !(p[0] == '!' && p[1] == '=')) {
        (void)fail(why, RELAY_INVALID, _("after `%s` one of = != =~ !~ is expected"), name);
        return NULL;
    }
    p = parse_value(skip_space(p + (pattern || m->negated ? 2 : 1)), value, why);
    if (!p) return NULL;
    if (pattern) {
        m->value = xstrdup(value);
        return compile(m, why) == RELAY_OK ? p : NULL;
    }
    char area[AREA_LEN + 1];
    const char *allowed = "", *word = *value ? canonical(m->label, value, area, &allowed) : value;
    if (!word) {
        (void)fail(why, RELAY_INVALID, _("%s is never \"%.40s\", allowed: %s"), name, value, allowed);
        return NULL;
    }
    m->value = xstrdup(word);
    return p;
}

static enum relay_err parse_all(struct label_matchers *ms, const char *p, struct reason *why)
{
    p = skip_space(p);
    bool braces = *p == '{';
    if (braces) p = skip_space(p + 1);
    for (bool more = true; more;) {
        if (ms->n == MAX_MATCHERS) return fail(why, RELAY_INVALID, _("more than %d matchers"), MAX_MATCHERS);
        struct label_matcher m = {0};
        p = parse_one(p, &m, why);
        if (!p) {
            release_one(&m);
            return RELAY_INVALID;
        }
        ms->items = xreallocarray(ms->items, ms->n + 1, sizeof(*ms->items));
        ms->items[ms->n++] = m;
        p = skip_space(p);
        more = *p == ',';
        if (more) p = skip_space(p + 1);
    }
    if (braces && *p != '}') return fail(why, RELAY_INVALID, _("the brace { is not closed"));
    if (braces) p = skip_space(p + 1);
    return *p ? fail(why, RELAY_INVALID, _("a comma is expected before `%.40s`"), p) : RELAY_OK;
}

enum relay_err label_matchers_add(struct label_matchers *ms, const char *text, struct reason *why)
{
    size_t before = ms->n;
    enum relay_err err = parse_all(ms, text, why);
    while (err && ms->n > before) release_one(&ms->items[--ms->n]);
    return err;
}

void label_matchers_release(struct label_matchers *ms)
{
    for (size_t i = 0; i < ms->n; i++) release_one(&ms->items[i]);
    free(ms->items);
    *ms = (struct label_matchers){0};
}

/* --- matching --- */

enum answer { NO, YES, CANNOT_TELL };

static pcre2_match_context *limits(void)
{
    static pcre2_match_context *context; /* shared: it is only read after this */
    if (!context) {
        context = pcre2_match_context_create(NULL);
        if (context) (void)pcre2_set_match_limit(context, MATCH_LIMIT); /* always 0 */
    }
    return context;
}

static enum answer equals(const struct label_matcher *m, const char *value)
{
    if (!m->code) return strcmp(m->value, value) == 0 ? YES : NO;
    int rc = pcre2_match(m->code, (PCRE2_SPTR)value, strlen(value), 0, 0, m->data, limits());
    if (rc >= 0) return YES;
    return rc == PCRE2_ERROR_NOMATCH ? NO : CANNOT_TELL;
}

static bool match_one(const struct label_matcher *m, const struct labels *labels)
{
    const char *lone = labels->values[m->label].one ? labels->values[m->label].one : "";
    const char *const *values = labels->values[m->label].many;
    size_t n = values ? labels->values[m->label].n : 1;
    if (!values || !n) {
        values = &lone;
        n = 1;
    }
    enum answer any = NO;
    for (size_t i = 0; i < n && any == NO; i++) any = equals(m, values[i]);
    return any != CANNOT_TELL && (any == YES) != m->negated;
}

bool label_matchers_match(const struct label_matchers *ms, const struct labels *labels)
{
    for (size_t i = 0; i < ms->n; i++)
        if (!match_one(&ms->items[i], labels)) return false;
    return true;
}

bool label_matchers_narrow(const struct label_matchers *ms)
{
    for (size_t i = 0; i < ms->n; i++) {
        const struct label_matcher *m = &ms->items[i];
        switch (m->label) {
        case LABEL_RULE:
        case LABEL_CATEGORY:
        case LABEL_SITE:
        case LABEL_AREA2:
        case LABEL_AREA4:
        case LABEL_AREA6:
            /* What also matches an absent value (".*") names nothing. */
            if (!m->negated && equals(m, "") == NO) return true;
            break;
        default: break;
        }
    }
    return false;
}
