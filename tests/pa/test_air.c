/* Several outputs of one zone: what one does is nothing to the others, and what becomes of the whole. */
#include "unit.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "player/air.h"

enum { OUTPUTS = 3, HOLD = -1 };

/* What an output of the test does with a play, try by try. */
struct part {
    struct output_play *run; /* NULL: silent */
    int64_t end;             /* mono; when it ends by itself */
    int starts, stops, opens;
    bool refuses_start, refuses_open;
    enum play_end ends[8]; /* of each try */
    int64_t after[8];      /* ms; HOLD: not by itself */
    const char *says;      /* NULL: a few words */
};

struct bench {
    struct part parts[OUTPUTS];
    struct output outputs[OUTPUTS];
    struct zone zone;
    const char *names[OUTPUTS];
    struct air *air;
    struct now now;
    int ended;
    enum play_end end;
    char detail[400];
};

static struct part *part_of(const struct output *o)
{
    return (struct part *)(uintptr_t)o->options;
}

static enum relay_err fake_open(struct output *o, struct reason *why)
{
    struct part *s = part_of(o);
    s->opens++;
    return s->refuses_open ? fail(why, RELAY_IO, "not mounted") : RELAY_OK;
}

static enum relay_err fake_start(struct output *o, struct output_play *p, struct now now, struct reason *why)
{
    struct part *s = part_of(o);
    int try = s->starts++;
    if (s->refuses_start) return fail(why, RELAY_CONFLICT, "plays for another zone");
    s->run = p;
    s->end = s->after[try] == HOLD ? INT64_MAX : now.mono + s->after[try];
    return RELAY_OK;
}

static void fake_stop(struct output *o, struct output_play *p, struct now now)
{
    struct part *s = part_of(o);
    s->stops++;
    s->run = NULL;
    output_ended(p, now, PLAY_STOPPED, NULL);
}

static void fake_turn(struct output *o, struct now now)
{
    struct part *s = part_of(o);
    struct output_play *p = s->run;
    if (!p || now.mono < s->end) return;
    s->run = NULL;
    output_ended(p, now, s->ends[s->starts - 1], s->says ? s->says : "said by the output");
}

static const struct output_ops fake = {.name = "fake",
                                       .play_size = 1,
                                       .open = fake_open,
                                       .start = fake_start,
                                       .stop = fake_stop,
                                       .turn = fake_turn};

static void ended(void *arg, struct now now, uint64_t item, enum play_end end, const char *detail)
{
    struct bench *b = arg;
    (void)now;
    assert_int_equal(item, 7);
    b->ended++;
    b->end = end;
    (void)snprintf(b->detail, sizeof(b->detail), "%s", detail);
}

static void no_log(enum log_level level, const char *line, void *arg)
{
    (void)level;
    (void)line;
    (void)arg;
}

static int setup(void **state)
{
    static const char *const names[] = {"horn", "desk", "card"};
    struct bench *b = xcalloc(1, sizeof(*b));
    struct reason why;
    log_capture(no_log, NULL);
    b->now = (struct now){.mono = 1000, .wall = 1795482000000};
    for (size_t i = 0; i < OUTPUTS; i++) {
        b->names[i] = names[i];
        b->outputs[i] = (struct output){.id = names[i], .ops = &fake, .options = &b->parts[i]};
        assert_int_equal(output_open(&b->outputs[i], &why), RELAY_OK);
    }
    b->zone = (struct zone){.id = "hall", .name = "hall", .outputs = {b->names, OUTPUTS}};
    assert_int_equal(air_new(&b->zone, 1, b->outputs, OUTPUTS, ended, b, &b->air, &why), RELAY_OK);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    log_capture(NULL, NULL);
    for (size_t i = 0; i < OUTPUTS; i++) output_close(&b->outputs[i]);
    air_free(b->air);
    free(b);
    return 0;
}

static void say(struct bench *b, size_t output, int try, enum play_end end, int64_t after)
{
    b->parts[output].ends[try] = end;
    b->parts[output].after[try] = after;
}

static void play(struct bench *b, int64_t grace_ms, int64_t valid_ms)
{
    const struct play p = {.item = 7,
                           .id = "a1",
                           .kind = "say",
                           .wav = "a1.wav",
                           .length_ms = 5000,
                           .expires_wall = b->now.wall + valid_ms,
                           .retry_until = b->now.mono + grace_ms};
    air_play(b->air, &p, b->now);
}

static void pass(struct bench *b, int64_t ms)
{
    int64_t until = b->now.mono + ms;
    air_turn(b->air, b->now);
    while (b->now.mono < until) {
        b->now.mono += 100;
        b->now.wall += 100;
        air_turn(b->air, b->now);
    }
}

static void it_has_been_played_when_one_has_played_it(void **state)
{
    struct bench *b = *state;
    say(b, 0, 0, PLAY_DONE, 5000);
    say(b, 1, 0, PLAY_REFUSED, 100);
    say(b, 2, 0, PLAY_DONE, 4000);
    play(b, 120000, 60000);
    pass(b, 4900);
    assert_int_equal(b->ended, 0);
    pass(b, 200);
    assert_int_equal(b->ended, 1);
    assert_int_equal(b->end, PLAY_DONE);
    assert_string_equal(b->detail, "desk: said by the output");
    assert_int_equal(b->parts[1].starts, 1); /* it said that no second try helps */
}

static void a_failed_one_is_tried_again_while_another_plays(void **state)
{
    struct bench *b = *state;
    say(b, 0, 0, PLAY_DONE, 9000);
    say(b, 1, 0, PLAY_FAILED, 100);
    say(b, 1, 1, PLAY_FAILED, 100);
    say(b, 1, 2, PLAY_DONE, 5000);
    b->parts[2].refuses_start = true;
    play(b, 120000, 60000);
    pass(b, 8900);
    assert_int_equal(b->parts[1].starts, 3);
    assert_int_equal(b->parts[2].starts, 4); /* at once, after 1, 2 and 5 s */
    pass(b, 300);
    assert_int_equal(b->ended, 1);
    assert_int_equal(b->end, PLAY_DONE);
    assert_non_null(strstr(b->detail, "card: plays for another zone"));
    assert_null(strstr(b->detail, "desk"));
}

static void when_none_plays_nobody_waits_for_the_failed_one(void **state)
{
    struct bench *b = *state;
    say(b, 0, 0, PLAY_DONE, 500);
    say(b, 1, 0, PLAY_FAILED, 100);
    say(b, 2, 0, PLAY_DONE, 400);
    play(b, 120000, 60000);
    pass(b, 600);
    assert_int_equal(b->ended, 1);
    assert_int_equal(b->end, PLAY_DONE);
    assert_int_equal(b->parts[1].starts, 1);
}

static void nothing_is_tried_again_after_the_grace(void **state)
{
    struct bench *b = *state;
    say(b, 0, 0, PLAY_DONE, 20000);
    b->parts[1].refuses_start = b->parts[2].refuses_start = true;
    play(b, 2000, 60000);
    pass(b, 20100);
    assert_int_equal(b->parts[1].starts, 2); /* the third would be at 3 s */
    assert_int_equal(b->end, PLAY_DONE);
}

static void nothing_is_tried_again_after_the_warning_expired(void **state)
{
    struct bench *b = *state;
    say(b, 0, 0, PLAY_DONE, 20000);
    b->parts[1].refuses_start = b->parts[2].refuses_start = true;
    play(b, 120000, 2500);
    pass(b, 20100);
    assert_int_equal(b->parts[1].starts, 2);
}

static void all_failed_is_failed_and_the_better_hope_counts(void **state)
{
    struct bench *b = *state;
    static const struct {
        enum play_end ends[OUTPUTS], whole;
    } cases[] = {
        {{PLAY_FAILED, PLAY_FAILED, PLAY_REFUSED}, PLAY_FAILED},
        {{PLAY_REFUSED, PLAY_REFUSED, PLAY_REFUSED}, PLAY_REFUSED},
        {{PLAY_REFUSED, PLAY_TAKEN, PLAY_FAILED}, PLAY_TAKEN},
        {{PLAY_TAKEN, PLAY_DONE, PLAY_FAILED}, PLAY_DONE},
    };
    for (size_t c = 0; c < COUNT(cases); c++) {
        b->ended = 0;
        for (size_t i = 0; i < OUTPUTS; i++) {
            b->parts[i] = (struct part){.run = NULL};
            say(b, i, 0, cases[c].ends[i], 100);
        }
        play(b, 120000, 60000);
        pass(b, 300);
        assert_int_equal(b->ended, 1);
        assert_int_equal(b->end, cases[c].whole);
    }
}

static void silence_reaches_all_and_nothing_begins_again(void **state)
{
    struct bench *b = *state;
    say(b, 0, 0, PLAY_DONE, HOLD);
    say(b, 1, 0, PLAY_DONE, HOLD);
    b->parts[2].refuses_start = true;
    play(b, 120000, 60000);
    pass(b, 500);
    air_silence(b->air, 7, b->now);
    pass(b, 5000);
    assert_int_equal(b->ended, 1);
    assert_int_equal(b->end, PLAY_STOPPED);
    assert_int_equal(b->parts[0].stops, 1);
    assert_int_equal(b->parts[1].stops, 1);
    assert_int_equal(b->parts[2].starts, 1);
}

static void an_output_that_could_not_be_opened_is_opened_when_it_is_to_play(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < OUTPUTS; i++) say(b, i, 0, PLAY_DONE, 500);
    output_close(&b->outputs[1]);
    b->parts[1].refuses_open = true;
    play(b, 120000, 60000);
    pass(b, 600);
    assert_int_equal(b->end, PLAY_DONE);
    assert_string_equal(b->detail, "desk: not mounted");
    b->parts[1].refuses_open = false;
    for (size_t i = 0; i < OUTPUTS; i++) b->parts[i].starts = 0;
    play(b, 120000, 60000);
    pass(b, 600);
    assert_int_equal(b->ended, 2);
    assert_int_equal(b->parts[1].starts, 1);
    assert_string_equal(b->detail, "");
}

static void the_next_try_is_waited_for(void **state)
{
    struct bench *b = *state;
    say(b, 0, 0, PLAY_DONE, HOLD);
    say(b, 1, 0, PLAY_DONE, HOLD);
    b->parts[2].refuses_start = true;
    play(b, 120000, 60000);
    air_turn(b->air, b->now);
    assert_int_equal(air_next_due(b->air), b->now.mono + 1000);
}

static void how_each_output_fares_is_known(void **state)
{
    struct bench *b = *state;
    int64_t began = b->now.wall;
    say(b, 0, 0, PLAY_DONE, 5000);
    say(b, 1, 0, PLAY_TAKEN, 100);
    b->parts[2].refuses_start = true;
    size_t n;
    const struct output_health *h = air_health(b->air, &n);
    assert_int_equal(n, OUTPUTS);
    assert_false(h[0].used);
    play(b, 120000, 60000);
    pass(b, 5100);
    assert_true(h[0].used && !h[0].failing);
    assert_int_equal(h[0].since, began + 5000);
    assert_false(h[1].failing); /* it was only taken */
    assert_true(h[2].used && h[2].failing);
    assert_int_equal(h[2].since, began); /* of the first failure, though it was tried again */
    assert_string_equal(h[2].detail, "plays for another zone");
    assert_string_equal(h[2].id, "card");
    b->parts[2].refuses_start = false;
    for (size_t i = 0; i < OUTPUTS; i++) {
        b->parts[i].starts = 0;
        say(b, i, 0, PLAY_DONE, 500);
    }
    play(b, 120000, 60000);
    pass(b, 600);
    assert_false(h[2].failing);
}

static void long_words_are_cut_between_characters(void **state)
{
    struct bench *b = *state;
    char words[400] = "";
    size_t n;
    for (size_t i = 0; i < 120; i++) memcpy(words + 3 * i, "声", 3);
    for (size_t i = 0; i < OUTPUTS; i++) {
        say(b, i, 0, PLAY_REFUSED, 100);
        b->parts[i].says = words + i;
    }
    play(b, 120000, 60000);
    pass(b, 300);
    const struct output_health *h = air_health(b->air, &n);
    assert_true(strlen(b->detail) > 300 && text_valid_utf8(b->detail, strlen(b->detail)));
    for (size_t i = 0; i < n; i++)
        assert_true(strlen(h[i].detail) > 100 && text_valid_utf8(h[i].detail, strlen(h[i].detail)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_has_been_played_when_one_has_played_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_one_is_tried_again_while_another_plays, setup, teardown),
        cmocka_unit_test_setup_teardown(when_none_plays_nobody_waits_for_the_failed_one, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_tried_again_after_the_grace, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_tried_again_after_the_warning_expired, setup, teardown),
        cmocka_unit_test_setup_teardown(all_failed_is_failed_and_the_better_hope_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_reaches_all_and_nothing_begins_again, setup, teardown),
        cmocka_unit_test_setup_teardown(an_output_that_could_not_be_opened_is_opened_when_it_is_to_play,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_try_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(how_each_output_fares_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(long_words_are_cut_between_characters, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
