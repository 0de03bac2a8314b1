/* Any bytes a feed may send: what is accepted must keep the promises of event.h, what is refused must say why. */
#include "base/json.h"
#include "base/mask.h"
#include "base/text.h"
#include "event_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x) ((x) ? (void)0 : (fprintf(stderr, "broken: %s\n", #x), abort()))

static void check_accepted(const struct event *e)
{
    static const struct json_limits limits = {.max_bytes = 1 << 20, .max_depth = 16};
    CLEANUP(json_free_ptr) cJSON *body = NULL;
    struct reason why = {{0}};
    enum relay_err err = json_parse(e->body, e->body_len, &limits, &body, &why);
    if (err != RELAY_OK) (void)fprintf(stderr, "body: %s\n", why.text);
    HOLDS(err == RELAY_OK);
    HOLDS(cJSON_IsObject(body));
    HOLDS(strcmp(json_str_or(body, "event_id", ""), e->event_id) == 0);
    HOLDS(e->text_len > 0 && e->text_len <= EVENT_TEXT_MAX && strlen(e->text) == e->text_len);
    HOLDS(text_valid_utf8(e->text, e->text_len));
    struct mask_span span;
    HOLDS(mask_find(e->text, e->text_len, &span, 1) == 0); /* nothing personal is left */
    HOLDS(e->count >= 1 && e->count <= EVENT_COUNT_MAX);
    HOLDS(e->seq >= -1);
    HOLDS(e->kind < KIND_COUNT);
    HOLDS(e->n_references > 0 || e->msg == EVENT_ALERT);
    HOLDS(strlen(e->area) <= AREA_LEN);
}

static void check_refused(enum refusal code, const struct refused *r)
{
    HOLDS(r->code == code && code < REFUSAL_COUNT);
    HOLDS(*r->message && text_valid_utf8(r->message, strlen(r->message)));
    HOLDS(text_valid_utf8(r->member, strlen(r->member)));
    HOLDS(strlen(r->event_id) <= EVENT_ID_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[16] = "0123456789abcde";
    static const char *const areas[] = {"6101"};
    static struct event_scratch scratch;
    static struct arena arena;
    struct event_context ctx = {.key = key, .scratch = &scratch, .may_broadcast = true};
    for (int strict = 0; strict < 2; strict++) {
        struct event e = {0};
        struct refused r = {0};
        arena_reset(&arena);
        ctx.clock_untrusted = !strict;
        ctx.areas = areas;
        ctx.n_areas = strict ? 1 : 0;
        ctx.now.wall = INT64_C(1795343640000); /* 2026-11-22T18:34:00+08:00, as in tests/cases/events.txt */
        enum refusal code = event_parse((const char *)data, size, &ctx, &arena, &e, &r);
        if (code == REFUSAL_NONE)
            check_accepted(&e);
        else
            check_refused(code, &r);
    }
    return 0;
}
