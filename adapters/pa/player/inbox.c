/* Reads announcements and bulletins. */
#include "player/inbox.h"

#include "base/i18n.h"
#include "base/json.h"
#include "base/text.h"

enum { PAYLOAD_MAX = 1024 * 1024, ID_MAX = 150 };

static enum relay_err need_str(const cJSON *o, const char *name, size_t max, struct arena *arena,
                               const char **ret, struct reason *why)
{
    const char *s;
    enum relay_err err = json_str(o, name, &s);
    if (err != RELAY_OK || !*s)
        return fail(why, RELAY_INVALID, _("member %s is missing, empty or no string"), name);
    if (strlen(s) > max) return fail(why, RELAY_LIMIT, _("member %s is over %zu bytes"), name, max);
    *ret = arena_strdup(arena, s);
    return RELAY_OK;
}

/* null and absent are the same: no such text. */
static enum relay_err may_str(const cJSON *o, const char *name, size_t max, struct arena *arena,
                              const char **ret, struct reason *why)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, name);
    *ret = NULL;
    if (!m || cJSON_IsNull(m)) return RELAY_OK;
    return need_str(o, name, max, arena, ret, why);
}

static enum relay_err need_time(const cJSON *o, const char *name, int64_t *ret, struct reason *why)
{
    if (json_time(o, name, ret) == RELAY_OK) return RELAY_OK;
    return fail(why, RELAY_INVALID, _("member %s is missing or no time like 2026-11-22T18:33:55+08:00"),
                name);
}

static enum relay_err read_words(const cJSON *o, enum cap_status *ret_status, enum level *ret_level,
                                 bool *ret_correction, struct reason *why)
{
    if (!cap_status_parse(json_str_or(o, "status", "Actual"), ret_status))
        return fail(why, RELAY_INVALID, _("member %s is none of Actual, Exercise, Test"), "status");
    if (!level_parse(json_str_or(o, "level", ""), ret_level))
        return fail(why, RELAY_INVALID, _("member %s is none of red, orange, yellow, blue"), "level");
    *ret_correction = strcmp(json_str_or(o, "msgType", "Alert"), "Cancel") == 0;
    return RELAY_OK;
}

enum relay_err inbox_announce(const char *payload, size_t n, struct now now, struct arena *arena,
                              struct announcement *ret, struct reason *why)
{
    CLEANUP(json_free_ptr) cJSON *o = NULL;
    const struct json_limits limits = {.max_bytes = 64 * 1024, .max_depth = 8};
    struct announcement a = {.received = now.wall, .repeat = 2};
    int64_t relay_now, expires;
    enum relay_err err = json_parse(payload, n, &limits, &o, why);
    if (err == RELAY_OK && !cJSON_IsObject(o)) err = fail(why, RELAY_INVALID, _("not a JSON object"));
    if (err == RELAY_OK) err = need_str(o, "id", ID_MAX, arena, &a.id, why);
    if (err == RELAY_OK) err = need_str(o, "alert", ID_MAX, arena, &a.alert, why);
    if (err == RELAY_OK) err = need_str(o, "text", INBOX_TEXT_MAX, arena, &a.text, why);
    if (err == RELAY_OK) err = may_str(o, "rhyme", INBOX_TEXT_MAX, arena, &a.rhyme, why);
    if (err == RELAY_OK) err = need_time(o, "now", &relay_now, why);
    if (err == RELAY_OK) err = need_time(o, "expires", &expires, why);
    if (err == RELAY_OK) err = read_words(o, &a.status, &a.level, &a.correction, why);
    if (err == RELAY_OK && json_int(o, "rev", &a.rev) == RELAY_INVALID)
        err = fail(why, RELAY_INVALID, _("member %s is no whole number"), "rev");
    if (err == RELAY_OK && json_int(o, "repeat", &a.repeat) == RELAY_INVALID)
        err = fail(why, RELAY_INVALID, _("member %s is no whole number"), "repeat");
    if (err == RELAY_OK && json_int(o, "again", &a.again) == RELAY_INVALID)
        err = fail(why, RELAY_INVALID, _("member %s is no whole number"), "again");
    if (err != RELAY_OK) return err;
    if (a.repeat < 1) a.repeat = 1;
    if (a.repeat > INBOX_REPEAT_MAX) a.repeat = INBOX_REPEAT_MAX;
    a.expires = now.wall + (expires - relay_now);
    *ret = a;
    return RELAY_OK;
}

static enum relay_err read_item(const cJSON *o, const struct bulletin *b, struct now now, struct arena *arena,
                                struct warning *ret, struct reason *why)
{
    struct warning w = {.count = 1};
    int64_t expires, count;
    enum relay_err err = need_str(o, "id", ID_MAX, arena, &w.id, why);
    if (err == RELAY_OK) err = need_str(o, "alert", ID_MAX, arena, &w.alert, why);
    if (err == RELAY_OK) err = may_str(o, "text", INBOX_TEXT_MAX, arena, &w.text, why);
    if (err == RELAY_OK) err = may_str(o, "rhyme", INBOX_TEXT_MAX, arena, &w.rhyme, why);
    if (err == RELAY_OK) err = need_time(o, "expires", &expires, why);
    if (err == RELAY_OK) err = read_words(o, &w.status, &w.level, &w.correction, why);
    if (err != RELAY_OK) return err;
    if (json_time(o, "since", &w.since) != RELAY_OK) w.since = b->now;
    if (json_int(o, "count", &count) == RELAY_OK && count > 0)
        w.count = count > 1000000 ? 1000000 : (int)count;
    int64_t deadline = b->received + (expires - b->now);
    w.expires_mono = now.mono + (deadline - now.wall);
    *ret = w;
    return RELAY_OK;
}

enum relay_err inbox_bulletin(const char *payload, size_t n, struct now now, bool retained, int64_t received,
                              struct arena *arena, struct bulletin *ret, struct reason *why)
{
    CLEANUP(json_free_ptr) cJSON *o = NULL;
    const struct json_limits limits = {.max_bytes = PAYLOAD_MAX, .max_depth = 8};
    struct bulletin b = {.now = now.wall, .received = now.wall};
    if (n == 0) {
        *ret = b;
        return RELAY_OK;
    }
    enum relay_err err = json_parse(payload, n, &limits, &o, why);
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(o, "items"), *item;
    if (err == RELAY_OK && !cJSON_IsArray(items))
        err = fail(why, RELAY_INVALID, _("member %s is missing or no list"), "items");
    if (err == RELAY_OK && json_int(o, "rev", &b.rev) != RELAY_OK)
        err = fail(why, RELAY_INVALID, _("member %s is no whole number"), "rev");
    if (err == RELAY_OK) err = need_time(o, "now", &b.now, why);
    if (err != RELAY_OK) return err;
    if (received)
        b.received = received;
    else if (retained && b.now < b.received)
        b.received = b.now; /* so long ago, by our own clock */
    int total = cJSON_GetArraySize(items);
    if (total > INBOX_ITEMS_MAX)
        return fail(why, RELAY_LIMIT, _("more than %d items in a bulletin"), INBOX_ITEMS_MAX);
    b.items = arena_alloc(arena, ((size_t)total + 1) * sizeof(*b.items));
    cJSON_ArrayForEach(item, items)
    {
        if (read_item(item, &b, now, arena, &b.items[b.n], why) == RELAY_OK)
            b.n++;
        else
            b.refused++; /* one bad item does not silence the others */
    }
    *ret = b;
    return RELAY_OK;
}
