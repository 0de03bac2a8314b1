/* Finds and checks the slots of a text. */
#include "base/slots.h"

#include "base/i18n.h"
#include "base/mem.h"

static const char *const names[SLOT_NAMES] = {
    [SLOT_SITE] = "site",     [SLOT_HELP] = "help", [SLOT_AREA] = "area",   [SLOT_COUNT] = "count",
    [SLOT_ISSUER] = "issuer", [SLOT_TIME] = "time", [SLOT_VALID] = "valid", [SLOT_ID] = "id"};

const char *slot_name(enum slot s)
{
    return (unsigned)s < SLOT_NAMES ? names[s] : "unknown";
}

static bool find_slot(const char *name, size_t n, enum slot *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strlen(names[i]) != n || memcmp(names[i], name, n) != 0) continue;
        *ret = (enum slot)i;
        return true;
    }
    return false;
}

/* Both texts are the rule's own: they may be shown. Returns false, for slot_next. */
static bool no_slot(struct reason *why, const char *fmt, const char *near)
{
    (void)fail(why, RELAY_INVALID, "%s: %s", near, fmt);
    return false;
}

bool slot_next(const char **text, struct slot_part *ret, struct reason *why)
{
    const char *from = *text;
    if (why) why->text[0] = '\0';
    if (!*from) return false;
    size_t len = strcspn(from, "{}");
    while (from[len] && from[len] != from[len + 1])
        len += 1 + strcspn(from + len + 1, "{}"); /* a single brace is text */
    struct slot_part part = {.plain = from, .plain_len = len};
    const char *at = from + len;
    if (*at == '}') return no_slot(why, _("these braces were never opened; write {{site}}"), "}}");
    if (*at == '{') {
        const char *name = at + 2 + strspn(at + 2, " "), *end = strstr(name, "}}");
        if (!end) return no_slot(why, _("these braces are never closed; write {{site}}"), "{{");
        size_t n = (size_t)(end - name);
        while (n > 0 && name[n - 1] == ' ') n--;
        CLEANUP(free_ptr)
        char *shown = xstrndup(at, (size_t)(end + 2 - at) < 40 ? (size_t)(end + 2 - at) : 40);
        if (!find_slot(name, n, &part.slot))
            return no_slot(why, _("no such slot; there are site, help, area, count, issuer, time, valid, id"),
                           shown);
        part.has_slot = true;
        at = end + 2;
    }
    *text = at;
    *ret = part;
    return true;
}

static bool ends_sentence(const char *s, size_t n)
{
    static const char *const ends[] = {"。", "！", "？", "；", "\n"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (memmem(s, n, ends[i], strlen(ends[i]))) return true;
    return false;
}

enum relay_err slots_check(const char *text, unsigned allowed, struct reason *why)
{
    const unsigned apart = 1u << SLOT_SITE | 1u << SLOT_COUNT;
    struct reason wrong = {{0}};
    struct slot_part part;
    unsigned sentence = 0;
    while (slot_next(&text, &part, &wrong)) {
        if (ends_sentence(part.plain, part.plain_len)) sentence = 0;
        if (!part.has_slot) continue;
        sentence |= 1u << part.slot;
        if (!(allowed & 1u << part.slot))
            return fail(why, RELAY_INVALID,
                        _("{{%s}} may not stand in this text: what is spoken has only {{site}} and {{help}}"),
                        slot_name(part.slot));
        if ((sentence & apart) == apart)
            return fail(
                why, RELAY_INVALID,
                _("{{count}} and {{site}} in one sentence: a small number beside a hospital could point at "
                  "somebody; say {{area}}"));
    }
    if (!*wrong.text) return RELAY_OK;
    if (why) *why = wrong;
    return RELAY_INVALID;
}

bool slot_stands_in(enum slot s, const char *text)
{
    struct slot_part part;
    while (text && slot_next(&text, &part, NULL))
        if (part.has_slot && part.slot == s) return true;
    return false;
}
