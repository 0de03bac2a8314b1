/* feedback.c: links that only the relay can make, and only for so long. */
#include "feedback.h"

#include <stdlib.h>

#include "base/log.h"

#include "folder.h"

#define NOW 1795330000000LL

static struct relay_config config;
static struct relay relay;
static struct delivery_row real, drill;

static struct delivery_row delivery_of(const char *title, enum cap_status status)
{
    struct alert_row a = {
        .status = status, .level = LEVEL_RED, .created = NOW, .expires = NOW + HOUR_MS, .rev = 1};
    (void)snprintf(a.rule, sizeof(a.rule), "a_rule");
    (void)snprintf(a.title, sizeof(a.title), "%s", title);
    store_alert_new(relay.store, "yanta-1", 20261122, &a);
    struct target_row t;
    store_target(relay.store, "wecom:desk", &t);
    struct delivery_row d = {.alert = a.n,
                             .rev = 1,
                             .target = t.id,
                             .state = DELIVERY_SENT,
                             .due = NO_DUE,
                             .created = NOW,
                             .expires = NOW + HOUR_MS};
    d.id = store_delivery_add(relay.store, &d);
    return d;
}

static int setup(void **state)
{
    struct reason why;
    if (folder_begin(state) || store_open(folder, &relay.store, &why) != RELAY_OK) return -1;
    log_set_level(LOG_LEVEL_ERROR);
    relay.config = &config;
    relay.targets = targets_new(&config); /* of no place at all */
    relay.now.wall = NOW;
    memcpy(relay.page_secret, "0123456789abcdef", 16);
    config.relay.id = "yanta-1";
    config.http.public_address = "https://a.example";
    real = delivery_of("真的", STATUS_ACTUAL);
    drill = delivery_of("演练", STATUS_EXERCISE);
    return 0;
}

static int teardown(void **state)
{
    targets_release(relay.targets);
    relay.store = store_close(relay.store);
    return folder_end(state);
}

static const char *token(const struct delivery_row *d, unsigned words)
{
    static char out[200];
    CLEANUP(buf_release) struct buf b = BUF_INIT(sizeof(out) - 1);
    feedback_address(&relay, d, words, &b);
    assert_ptr_equal(strstr(buf_cstr(&b), "https://a.example/f/"), buf_cstr(&b));
    (void)snprintf(out, sizeof(out), "%s", buf_cstr(&b) + strlen("https://a.example/f/"));
    return out;
}

static void a_link_opens_its_delivery_until_a_day_after_its_end(void **state)
{
    (void)state;
    struct feedback_link l;
    const char *t = token(&real, feedback_words_of(STATUS_ACTUAL));
    assert_int_equal(feedback_open(&relay, t, &l), RELAY_OK);
    assert_int_equal(l.delivery.id, real.id);
    assert_string_equal(l.alert.title, "真的");
    assert_int_equal(l.words, 0xf);
    relay.now.wall = real.expires + 24 * HOUR_MS;
    assert_int_equal(feedback_open(&relay, t, &l), RELAY_OK);
    relay.now.wall += SECOND_MS + 1;
    assert_int_equal(feedback_open(&relay, t, &l), RELAY_TIMEOUT);
    relay.now.wall = NOW;
}

static void one_changed_character_opens_nothing(void **state)
{
    (void)state;
    struct feedback_link l;
    char good[200], bad[200];
    (void)snprintf(good, sizeof(good), "%s", token(&real, feedback_words_of(STATUS_ACTUAL)));
    for (size_t i = 0; good[i]; i++) {
        memcpy(bad, good, sizeof(bad));
        bad[i] = bad[i] == '2' ? '3' : '2';
        assert_int_equal(feedback_open(&relay, bad, &l), RELAY_DENIED);
        memcpy(bad, good, sizeof(bad));
        bad[i] = '\0';
        assert_int_equal(feedback_open(&relay, bad, &l), RELAY_DENIED);
    }
    memcpy(relay.page_secret, "another secret..", 16);
    assert_int_equal(feedback_open(&relay, good, &l), RELAY_DENIED);
    memcpy(relay.page_secret, "0123456789abcdef", 16);
    config.relay.id = "another-1";
    assert_int_equal(feedback_open(&relay, good, &l), RELAY_DENIED);
    config.relay.id = "yanta-1";
    assert_int_equal(feedback_open(&relay, good, &l), RELAY_OK);
}

static void strange_tokens_open_nothing(void **state)
{
    (void)state;
    static const char *const tokens[] = {"",
                                         ".",
                                         "...",
                                         "1.2.3.4",
                                         "99999999999999999999.1.f.abcdefghijklmnopqrstuvwxyz",
                                         "1.99999999999999999.f.abcdefghijklmnopqrstuvwxyz",
                                         "1.1795330000.ff.abcdefghijklmnopqrstuvwxyz",
                                         " 1.1795330000.f.abcdefghijklmnopqrstuvwxyz"};
    struct feedback_link l;
    for (size_t i = 0; i < COUNT(tokens); i++)
        assert_int_equal(feedback_open(&relay, tokens[i], &l), RELAY_DENIED);
}

static void a_drill_takes_one_word_and_everything_takes_a_name(void **state)
{
    (void)state;
    struct reason why;
    bool again;
    char longest[70];
    memset(longest, 'a', sizeof(longest));
    longest[61] = '\0';
    struct actor by = {.name = "王警官", .reason = "", .uid = -1};
    assert_int_equal(feedback_words_of(STATUS_EXERCISE), 1u << FEEDBACK_ACKNOWLEDGED);
    assert_int_equal(feedback_say(&relay, drill.id, FEEDBACK_FALSE_ALARM, &by, &again, &why), RELAY_INVALID);
    assert_int_equal(feedback_say(&relay, drill.id + 9, FEEDBACK_SEEN, &by, &again, &why), RELAY_NOT_FOUND);
    const char *const names[] = {"", longest, "a\nb", "\xff"};
    for (size_t i = 0; i < COUNT(names); i++) {
        by.name = names[i];
        assert_int_equal(feedback_say(&relay, real.id, FEEDBACK_SEEN, &by, &again, &why), RELAY_INVALID);
    }
    assert_int_equal(store_feedback_count(relay.store, real.id), 0);
}

static void a_word_counts_once_for_a_person_and_so_many_for_a_message(void **state)
{
    (void)state;
    struct reason why;
    bool again;
    char name[16];
    int n[FEEDBACK_WORDS];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "p%d", i);
        struct actor by = {.name = name, .reason = "", .uid = -1};
        assert_int_equal(feedback_say(&relay, real.id, FEEDBACK_SEEN, &by, &again, &why), RELAY_OK);
        assert_false(again);
        if (i) continue;
        assert_int_equal(feedback_say(&relay, real.id, FEEDBACK_SEEN, &by, &again, &why), RELAY_OK);
        assert_true(again);
    }
    struct actor one_more = {.name = "p200", .reason = "", .uid = -1};
    assert_int_equal(feedback_say(&relay, real.id, FEEDBACK_SEEN, &one_more, &again, &why), RELAY_LIMIT);
    feedback_count(&relay, real.alert, n);
    assert_int_equal(n[FEEDBACK_SEEN], 200);
    assert_int_equal(n[FEEDBACK_FALSE_ALARM], 0);
}

static void without_a_public_address_there_is_no_link(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(100);
    config.http.public_address = NULL;
    feedback_address(&relay, &real, 0xf, &b);
    assert_int_equal(b.len, 0);
    config.http.public_address = "https://a.example";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_opens_its_delivery_until_a_day_after_its_end),
        cmocka_unit_test(one_changed_character_opens_nothing),
        cmocka_unit_test(strange_tokens_open_nothing),
        cmocka_unit_test(a_drill_takes_one_word_and_everything_takes_a_name),
        cmocka_unit_test(a_word_counts_once_for_a_person_and_so_many_for_a_message),
        cmocka_unit_test(without_a_public_address_there_is_no_link),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
