/* event_parse.c: the table tests/cases/events.txt, and what a text table cannot say. */
#include "event_parse.h"

#include "unit.h"

static const uint8_t key[16] = "0123456789abcde";
static const char *const areas[] = {"610100", "330106", "330203"};

static struct event_scratch scratch;
static struct arena arena;

static struct event_context context(void)
{
    struct event_context ctx = {
        .areas = areas, .n_areas = COUNT(areas), .may_broadcast = true, .key = key, .scratch = &scratch};
    assert_int_equal(clock_parse("2026-11-22T18:34:00+08:00", &ctx.now.wall), RELAY_OK);
    return ctx;
}

static enum refusal parse(const char *json, struct event *e, struct refused *r)
{
    struct event_context ctx = context();
    arena_reset(&arena);
    *e = (struct event){0};
    *r = (struct refused){0};
    return event_parse(json, strlen(json), &ctx, &arena, e, r);
}

/* --- the table --- */

struct outcome {
    enum refusal code;
    struct event e;
    struct refused r;
};

static const char *yes(bool b)
{
    return b ? "yes" : "no";
}

/* What the parsed event says for the name of a `--` line. */
static void actual(const struct outcome *o, const char *name, struct buf *out)
{
    const struct event *e = &o->e;
    char t[TIME_TEXT_LEN];
    if (strcmp(name, "id") == 0)
        buf_str(out, o->r.event_id);
    else if (o->code != REFUSAL_NONE)
        buf_str(out, "(refused)");
    else if (strcmp(name, "event_id") == 0)
        buf_str(out, e->event_id);
    else if (strcmp(name, "seq") == 0)
        buf_int(out, e->seq);
    else if (strcmp(name, "kind") == 0)
        buf_str(out, event_kind_name(e->kind));
    else if (strcmp(name, "msg_kind") == 0)
        buf_str(out, event_msg_name(e->msg));
    else if (strcmp(name, "status") == 0)
        buf_str(out, cap_status_name(e->status));
    else if (strcmp(name, "area") == 0)
        buf_str(out, e->area);
    else if (strcmp(name, "guessed") == 0)
        buf_str(out, yes(e->area_guessed));
    else if (strcmp(name, "count") == 0)
        buf_int(out, e->count);
    else if (strcmp(name, "broadcast") == 0)
        buf_str(out, yes(e->may_broadcast));
    else if (strcmp(name, "stale") == 0)
        buf_str(out, yes(e->stale));
    else if (strcmp(name, "verified") == 0)
        buf_str(out, yes(e->verified));
    else if (strcmp(name, "unknown") == 0)
        buf_int(out, e->unknown_members);
    else if (strcmp(name, "observed_at") == 0)
        buf_str(out, clock_format(e->observed_at, false, t));
    else if (strcmp(name, "expires_at") == 0)
        buf_str(out, clock_format(e->expires_at, false, t));
    else if (strcmp(name, "victim") == 0)
        buf_str(out, yes(e->victim != 0));
    else if (strcmp(name, "suspect") == 0)
        buf_str(out, yes(e->suspect != 0));
    else if (strcmp(name, "body") == 0)
        buf_str(out, e->body);
    else if (strcmp(name, "text") == 0)
        for (size_t i = 0; i < e->text_len; i++)
            buf_str(out, e->text[i] == '\n' ? "\\n" : (char[]){e->text[i], 0});
    else if (strcmp(name, "references") == 0)
        for (size_t i = 0; i < e->n_references; i++) buf_printf(out, "%s%s", i ? " " : "", e->references[i]);
    else
        buf_str(out, "(no such name)");
}

static bool holds(const struct outcome *o, const char *name, const char *want, struct buf *got)
{
    bool has = strcmp(name, "has") == 0;
    if (has || strcmp(name, "lacks") == 0) {
        const char *body = o->e.body ? o->e.body : "";
        buf_str(got, body);
        return (strstr(body, want) != NULL) == has;
    }
    actual(o, name, got);
    return strcmp(buf_cstr(got), want) == 0;
}

static void check_head(int line, const char *head, const struct outcome *o)
{
    char code[32] = "", member[64] = "";
    (void)sscanf(head, "%31[^: ] %63[^: ]", code, member);
    const char *name = o->code == REFUSAL_NONE ? "accepted" : refusal_name(o->code);
    if (strcmp(member, "-") == 0) member[0] = '\0';
    if (strcmp(name, code) != 0 || strcmp(o->r.member, member) != 0)
        fail_msg("events.txt:%d: %s: got %s `%s`: %s", line, head, name, o->r.member, o->r.message);
    if (o->code != REFUSAL_NONE && !*o->r.message) fail_msg("events.txt:%d: no message", line);
}

static void every_case_of_the_table_ends_as_it_says(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(clock_set_zone("Asia/Shanghai", &why), RELAY_OK);
    FILE *f = fopen(TOCSIN_SOURCE_DIR "/tests/cases/events.txt", "r");
    assert_non_null(f);
    CLEANUP(free_ptr) char *line = NULL;
    CLEANUP(buf_release) struct buf payload = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
    char head[256] = "";
    size_t size = 0;
    int at = 0, head_at = 0, cases = 0;
    bool parsed = true;
    struct outcome o = {0};
    for (;;) {
        ssize_t n = getline(&line, &size, f);
        at++;
        if (n > 0 && line[n - 1] == '\n') line[--n] = '\0';
        bool mark = n < 0 || strncmp(line, "== ", 3) == 0;
        bool check = n > 0 && strncmp(line, "-- ", 3) == 0;
        if ((mark || check) && !parsed) {
            o.code = parse(buf_cstr(&payload), &o.e, &o.r);
            parsed = true;
            check_head(head_at, head, &o);
            cases++;
        }
        if (n < 0) break;
        if (mark) {
            (void)snprintf(head, sizeof(head), "%s", line + 3);
            head_at = at;
            parsed = false;
            buf_clear(&payload);
        } else if (check) {
            char *name = line + 3, *want = strchr(name, ' ');
            if (want)
                *want++ = '\0';
            else
                want = name + strlen(name); /* a value that is empty */
            buf_clear(&got);
            if (!holds(&o, name, want, &got))
                fail_msg("events.txt:%d: %s should be %s, is %s", at, name, want, buf_cstr(&got));
        } else if (line[0] != '#' && !parsed && n > 0) {
            buf_str(&payload, payload.len ? "\n" : "");
            buf_str(&payload, line);
        }
    }
    (void)fclose(f);
    assert_true(cases >= 70);
}

/* --- the rest --- */

#define SMALL "{\"event_id\":\"x\",\"sent_at\":\"2026-11-22T18:33:55+08:00\",\"text\":"

static void bytes_that_are_no_json_leave_nothing_but_a_digest(void **state)
{
    (void)state;
    struct event e;
    struct refused r, other;
    assert_int_equal(parse("{\"event_id\":\"ok-1\",\"text\":\"\xff 13812345678\"}", &e, &r),
                     REFUSAL_MALFORMED_JSON);
    assert_string_equal(r.event_id, "ok-1");
    assert_null(strstr(r.message, "138"));
    assert_null(e.event_id);
    assert_int_equal(parse("{\"event_id\":\"a b\",", &e, &other), REFUSAL_MALFORMED_JSON);
    assert_string_equal(other.event_id, "");
    assert_memory_not_equal(r.digest, other.digest, 16);
    for (const char *cut = "{\"event_id\" : \"ok-1\""; *cut; cut++)
        assert_int_equal(parse(cut, &e, &r), REFUSAL_MALFORMED_JSON);
}

/* The receipt, the log and the list of refusals say which member is wrong, never what stands there. */
static void a_refusal_quotes_nothing_of_the_event(void **state)
{
    (void)state;
    static const char good[] = "\"event_id\":\"e1\",\"sent_at\":\"2026-11-22T18:33:55+08:00\",\"text\":\"t\"";
    /* WHO stands for somebody. */
    static const char *const wrong[] = {"\"kind\":WHO",
                                        "\"status\":WHO",
                                        "\"msg_kind\":WHO",
                                        "\"area\":WHO",
                                        "\"count\":WHO",
                                        "\"seq\":13800138000.5",
                                        "\"observed_at\":WHO",
                                        "\"expires_at\":WHO",
                                        "\"references\":[WHO]",
                                        "\"msg_kind\":\"cancel\",\"references\":[WHO]",
                                        "\"victim\":WHO",
                                        "\"victim\":{\"area\":WHO}",
                                        "\"txn\":{\"memo\":{WHO:WHO}}",
                                        "\"handling\":{\"tlp\":WHO}",
                                        "\"x\":{WHO:1,WHO:2}",
                                        "WHO:{\"a\":1,\"a\":2}",
                                        "\"wang13800138000\":{\"a\":1,\"a\":2}",
                                        "WHO:[{\"y\":[1,{WHO:",
                                        "\"x\":\"王建国 13800138000"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
        buf_printf(&b, "{%s,", good);
        for (const char *p = wrong[i]; *p; p++) {
            bool who = strncmp(p, "WHO", 3) == 0;
            buf_add(&b, who ? "\"王建国13800138000\"" : p, who ? strlen("\"王建国13800138000\"") : 1);
            if (who) p += 2;
        }
        buf_char(&b, '}');
        struct event e;
        struct refused r;
        if (parse(buf_cstr(&b), &e, &r) == REFUSAL_NONE) fail_msg("%s is taken", buf_cstr(&b));
        if (strstr(r.member, "王") || strstr(r.message, "王") || strstr(r.member, "138001") ||
            strstr(r.message, "138001"))
            fail_msg("%s: %s: %s", buf_cstr(&b), r.member, r.message);
        assert_string_equal(r.event_id, "e1");
        assert_true(*r.message);
    }
}

static void an_event_of_64_kib_is_taken_and_one_byte_more_is_not(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(1 << 20);
    buf_str(&b, SMALL "\"");
    while (b.len < EVENT_TEXT_MAX - 2) buf_char(&b, 'x');
    buf_str(&b, "\"}");
    struct event e;
    struct refused r;
    struct event_context ctx = context();
    arena_reset(&arena);
    assert_int_equal(event_parse(b.data, b.len, &ctx, &arena, &e, &r), REFUSAL_NONE);
    buf_char(&b, ' ');
    assert_int_equal(event_parse(b.data, b.len, &ctx, &arena, &e, &r), REFUSAL_TOO_LARGE);
    assert_string_equal(r.event_id, "x");
    assert_non_null(strstr(r.message, "65537"));
}

static void the_same_bytes_have_the_same_digest_and_another_key_another(void **state)
{
    (void)state;
    struct event a, b;
    struct refused r;
    static const uint8_t other_key[16] = "another key here";
    const char *json = SMALL "\"x\",\"victim\":{\"ref\":\"77\"},\"suspect\":{\"number\":\"77\"}}";
    assert_int_equal(parse(json, &a, &r), REFUSAL_NONE);
    assert_int_equal(parse(json, &b, &r), REFUSAL_NONE);
    assert_memory_equal(a.digest, b.digest, 16);
    assert_true(a.victim && a.victim == b.victim);
    assert_true(a.victim != a.suspect);
    struct event_context ctx = context();
    ctx.key = other_key;
    assert_int_equal(event_parse(json, strlen(json), &ctx, &arena, &b, &r), REFUSAL_NONE);
    assert_memory_not_equal(a.digest, b.digest, 16);
    assert_true(a.victim != b.victim);
    assert_int_equal(
        parse(SMALL "\"x\" ,\"victim\":{\"ref\":\"77\"},\"suspect\":{\"number\":\"77\"}}", &b, &r),
        REFUSAL_NONE);
    assert_memory_not_equal(a.digest, b.digest, 16);
}

static void a_relay_with_a_wrong_clock_still_accepts(void **state)
{
    (void)state;
    struct event e;
    struct refused r;
    struct event_context ctx = context();
    const char *json = SMALL "\"x\"}";
    ctx.now.wall = 0;
    assert_int_equal(event_parse(json, strlen(json), &ctx, &arena, &e, &r), REFUSAL_CLOCK_AHEAD);
    ctx.clock_untrusted = true;
    assert_int_equal(event_parse(json, strlen(json), &ctx, &arena, &e, &r), REFUSAL_NONE);
    ctx.now.wall = INT64_C(4000000000000);
    assert_int_equal(event_parse(json, strlen(json), &ctx, &arena, &e, &r), REFUSAL_NONE);
    const char *ends = SMALL "\"x\",\"expires_at\":\"2026-11-23T18:34:00+08:00\"}";
    assert_int_equal(event_parse(ends, strlen(ends), &ctx, &arena, &e, &r), REFUSAL_NONE);
    assert_false(e.stale);
    ctx.clock_untrusted = false;
    ctx.now = context().now;
    ctx.now.wall += 2 * DAY_MS;
    assert_int_equal(event_parse(ends, strlen(ends), &ctx, &arena, &e, &r), REFUSAL_NONE);
    assert_true(e.stale);
}

static void an_event_is_too_old_for_good_only_by_its_feeds_own_newer_events(void **state)
{
    (void)state;
    struct event e;
    struct refused r;
    struct event_context ctx = context();
    const char *json =
        "{\"event_id\":\"x\",\"sent_at\":\"2026-11-01T00:00:00+08:00\",\"seq\":7,\"text\":\"x\"}";
    const struct {
        int64_t shown, seq;
        const char *retry;
    } cases[] = {{0, 0, "later"},
                 {ctx.now.wall - 15 * DAY_MS, 9, "later"},
                 {ctx.now.wall, 9, "never"},
                 {ctx.now.wall, 7, "never"},
                 {ctx.now.wall, 6, "same_id"},
                 {ctx.now.wall, -1, "same_id"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        ctx.shown = cases[i].shown;
        ctx.shown_seq = cases[i].seq;
        assert_int_equal(event_parse(json, strlen(json), &ctx, &arena, &e, &r), REFUSAL_TOO_OLD);
        assert_string_equal(r.retry, cases[i].retry);
        assert_int_equal(r.apart != 0, strcmp(r.retry, "never") != 0);
    }
}

static void a_feed_without_areas_may_name_any_and_guesses_none(void **state)
{
    (void)state;
    struct event e;
    struct refused r;
    struct event_context ctx = context();
    ctx.n_areas = 0;
    ctx.may_broadcast = false;
    const char *json = SMALL "\"x\",\"area\":\"230102\"}", *bare = SMALL "\"x\"}";
    assert_int_equal(event_parse(json, strlen(json), &ctx, &arena, &e, &r), REFUSAL_NONE);
    assert_string_equal(e.area, "230102");
    assert_false(e.may_broadcast);
    assert_int_equal(event_parse(bare, strlen(bare), &ctx, &arena, &e, &r), REFUSAL_NONE);
    assert_string_equal(e.area, "");
    assert_true(e.area_guessed);
}

static void names_that_are_the_same_once_masked_stay_apart(void **state)
{
    (void)state;
    struct event e;
    struct refused r;
    assert_int_equal(parse(SMALL "\"x\",\"m\":{\"13812345678\":1,\"13912345678\":2}}", &e, &r), REFUSAL_NONE);
    const struct json_limits limits = {.max_bytes = 1 << 20, .max_depth = 16};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct reason why;
    if (json_parse(e.body, e.body_len, &limits, &j, &why) != RELAY_OK) fail_msg("%s: %s", e.body, why.text);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "m")), 2);
}

static void the_body_says_the_same_as_what_was_sent(void **state)
{
    (void)state;
    const char *json = SMALL
        "\"引号\\\"反斜杠\\\\换行\\n\\u0001\\ud83d\\ude00\",\"n\":[0,-1,0.5,-2.25e-7,1e14,123456.75,-0],"
        "\"e\":{},\"f\":[],\"\":\"\"}";
    struct event e;
    struct refused r;
    assert_int_equal(parse(json, &e, &r), REFUSAL_NONE);
    const struct json_limits limits = {.max_bytes = 1 << 20, .max_depth = 16};
    CLEANUP(json_free_ptr) cJSON *sent = NULL;
    CLEANUP(json_free_ptr) cJSON *kept = NULL;
    assert_int_equal(json_parse(json, strlen(json), &limits, &sent, NULL), RELAY_OK);
    assert_int_equal(json_parse(e.body, e.body_len, &limits, &kept, NULL), RELAY_OK);
    cJSON_DeleteItemFromArray(cJSON_GetObjectItem(sent, "n"),
                              4); /* 15 digits in an unknown place may be masked */
    cJSON_DeleteItemFromArray(cJSON_GetObjectItem(kept, "n"), 4);
    assert_true(cJSON_Compare(sent, kept, true));
}

static void a_refusal_of_the_store_is_worded_like_the_others(void **state)
{
    (void)state;
    struct event e;
    struct refused r;
    assert_int_equal(parse(SMALL "\"x\"}", &e, &r), REFUSAL_NONE);
    for (int code = 1; code < REFUSAL_COUNT; code++) {
        refused_set(&r, (enum refusal)code, &e, "references");
        assert_string_equal(r.event_id, "x");
        assert_memory_equal(r.digest, e.digest, 16);
        assert_true(strlen(r.message) > strlen("references："));
    }
}

static void the_first_second_of_1970_is_a_time_and_not_the_lack_of_one(void **state)
{
    (void)state;
    struct event e;
    struct refused r;
    assert_int_equal(parse(SMALL "\"x\"}", &e, &r), REFUSAL_NONE);
    assert_int_equal(e.observed_at, e.sent_at);
    assert_false(e.stale);
    assert_int_equal(parse(SMALL "\"x\",\"expires_at\":\"1970-01-01T00:00:00Z\"}", &e, &r), REFUSAL_NONE);
    assert_true(e.stale);
    assert_int_equal(parse(SMALL "\"x\",\"observed_at\":\"1970-01-01T08:00:00+08:00\"}", &e, &r),
                     REFUSAL_NONE);
    assert_int_equal(e.observed_at, 0);
}

static void too_many_references_are_refused(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(1 << 16);
    buf_str(&b, SMALL "\"x\",\"references\":[");
    for (int i = 0; i <= EVENT_REFERENCES_MAX; i++) buf_printf(&b, "%s\"r%d\"", i ? "," : "", i);
    buf_str(&b, "]}");
    struct event e;
    struct refused r;
    assert_int_equal(parse(buf_cstr(&b), &e, &r), REFUSAL_BAD_TYPE);
    assert_string_equal(r.member, "references");
}

static int end(void **state)
{
    (void)state;
    event_scratch_release(&scratch);
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_table_ends_as_it_says),
        cmocka_unit_test(bytes_that_are_no_json_leave_nothing_but_a_digest),
        cmocka_unit_test(a_refusal_quotes_nothing_of_the_event),
        cmocka_unit_test(an_event_of_64_kib_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(the_same_bytes_have_the_same_digest_and_another_key_another),
        cmocka_unit_test(a_relay_with_a_wrong_clock_still_accepts),
        cmocka_unit_test(an_event_is_too_old_for_good_only_by_its_feeds_own_newer_events),
        cmocka_unit_test(a_feed_without_areas_may_name_any_and_guesses_none),
        cmocka_unit_test(names_that_are_the_same_once_masked_stay_apart),
        cmocka_unit_test(the_body_says_the_same_as_what_was_sent),
        cmocka_unit_test(a_refusal_of_the_store_is_worded_like_the_others),
        cmocka_unit_test(the_first_second_of_1970_is_a_time_and_not_the_lack_of_one),
        cmocka_unit_test(too_many_references_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
