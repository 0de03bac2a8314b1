/* A rule's own words, kept with its alerts. */
#include "words.h"

#include <stddef.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

enum { WORDS_MAX = 64 * 1024 };

/* Which rendering of an alert they are. */
static const char variant[] = "rule";

static const struct {
    const char *name;
    size_t at;
} texts[] = {
#define TEXT_OF(member)                                                                                      \
    {                                                                                                        \
#member, offsetof(struct rule_say, member)                                                           \
    }
    TEXT_OF(voice), TEXT_OF(voice_short), TEXT_OF(rhyme),  TEXT_OF(headline),
    TEXT_OF(chat),  TEXT_OF(duty),        TEXT_OF(caught), TEXT_OF(correction),
#undef TEXT_OF
};

static const char **text_at(struct rule_say *say, size_t i)
{
    return (const char **)((char *)say + texts[i].at);
}

static void write_words(const struct rule_say *say, struct buf *b)
{
    struct rule_say copy = *say;
    buf_char(b, '{');
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (*text_at(&copy, i)) buf_json_member(b, texts[i].name, *text_at(&copy, i));
    buf_json_key(b, "lines");
    buf_char(b, '[');
    for (int i = 0; i < say->n_lines; i++) {
        if (i) buf_char(b, ',');
        buf_json_str(b, say->lines[i]);
    }
    buf_str(b, "]}");
}

void words_keep(struct relay *r, const struct alert_row *a, const struct rule_say *say)
{
    CLEANUP(buf_release) struct buf now = BUF_INIT(WORDS_MAX), kept = BUF_INIT(WORDS_MAX);
    write_words(say, &now);
    if (store_rendering_named(r->store, a->n, variant, &kept) && strcmp(buf_cstr(&now), buf_cstr(&kept)) == 0)
        return;
    (void)store_rendering(r->store, a->n, a->rev, variant, buf_cstr(&now));
}

bool words_of(struct relay *r, const struct alert_row *a, struct words *ret)
{
    const struct rule *rule = rule_set_find(r->rules, a->rule);
    if (rule) {
        *ret = (struct words){.say = rule->say, .title = rule->title};
        return true;
    }
    CLEANUP(buf_release) struct buf body = BUF_INIT(WORDS_MAX);
    struct json_limits limits = {WORDS_MAX, 8};
    struct reason why;
    cJSON *kept = NULL;
    if (!store_rendering_named(r->store, a->n, variant, &body)) return false;
    if (json_parse(buf_cstr(&body), body.len, &limits, &kept, &why) != RELAY_OK) {
        log_error("%s: its words cannot be read: %s", a->id, why.text);
        return false;
    }
    *ret = (struct words){.title = a->title, .kept = kept};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *text_at(&ret->say, i) = json_str_or(kept, texts[i].name, NULL);
    const cJSON *line;
    cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(kept, "lines"))
    {
        if (cJSON_IsString(line) && (size_t)ret->say.n_lines < ARRAY_LEN(ret->say.lines))
            ret->say.lines[ret->say.n_lines++] = line->valuestring;
    }
    return true;
}

void words_release(struct words *w)
{
    cJSON_Delete(w->kept);
    w->kept = NULL;
}
