/* Programs on the side. */
#include "unit.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "player/child.h"

struct seen {
    int times;
    struct child_outcome o;
    char words[400];
};

static void done(void *arg, const struct child_outcome *o)
{
    struct seen *s = arg;
    s->times++;
    s->o = *o;
    (void)snprintf(s->words, sizeof(s->words), "%s", o->words);
}

struct bench {
    struct loop *loop;
    struct child_set *set;
};

static int setup(void **state)
{
    struct bench *b = xcalloc(1, sizeof(*b));
    assert_int_equal(loop_new(&b->loop, NULL), RELAY_OK);
    assert_int_equal(child_set_new(b->loop, &b->set, NULL), RELAY_OK);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    child_set_free(b->set);
    loop_free(b->loop);
    free(b);
    return 0;
}

static void start(struct bench *b, struct seen *s, const char *script, int64_t timeout_ms, struct child **ret)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    const struct child_options o = {.argv = argv, .timeout_ms = timeout_ms, .done = done, .arg = s};
    assert_int_equal(child_start(b->set, &o, clock_now(), ret, NULL), RELAY_OK);
}

static void wait_for(struct bench *b, struct seen *s)
{
    for (int i = 0; i < 1000 && !s->times; i++) {
        int64_t due = child_set_next_due(b->set), limit = clock_now().mono + 2000;
        child_set_run(b->set, loop_wait(b->loop, due < limit ? due : limit));
    }
    assert_int_equal(s->times, 1);
}

static void the_exit_code_and_the_last_words_come_back(void **state)
{
    struct seen s = {0};
    start(*state, &s, "echo one >&2; echo no such device >&2; exit 3", 5000, NULL);
    wait_for(*state, &s);
    assert_int_equal(s.o.end, CHILD_EXITED);
    assert_int_equal(s.o.status, 3);
    assert_string_equal(s.words, "one no such device");
}

static void the_last_words_are_whole_characters(void **state)
{
    struct seen s = {0};
    start(*state, &s, "i=0; while [ $i -lt 200 ]; do printf '声卡 \\377'; i=$((i+1)); done >&2; exit 1", 5000,
          NULL);
    wait_for(*state, &s);
    assert_true(strlen(s.words) > 200);
    assert_true(text_valid_utf8(s.words, strlen(s.words)));
}

static void what_hangs_is_ended_with_its_children(void **state)
{
    struct seen s = {0};
    struct now from = clock_now();
    start(*state, &s, "trap '' TERM; sleep 30 & wait; sleep 30", 100, NULL);
    wait_for(*state, &s);
    assert_int_equal(s.o.end, CHILD_TIMED_OUT);
    assert_true(clock_now().mono - from.mono < 2000);
}

static void a_kill_silences_within_a_moment(void **state)
{
    struct seen s = {0};
    struct child *c = NULL;
    start(*state, &s, "sleep 30", 60000, &c);
    struct now from = clock_now();
    child_kill(c, from);
    wait_for(*state, &s);
    assert_int_equal(s.o.end, CHILD_KILLED);
    assert_true(clock_now().mono - from.mono < 200);
}

static void a_program_that_is_not_there_is_named(void **state)
{
    struct bench *b = *state;
    struct reason why;
    struct seen s = {0};
    const char *argv[] = {"no-such-program-here", NULL};
    const struct child_options o = {.argv = argv, .timeout_ms = 1000, .done = done, .arg = &s};
    assert_int_equal(child_start(b->set, &o, clock_now(), NULL, &why), RELAY_NOT_FOUND);
    assert_non_null(strstr(why.text, "no-such-program-here"));
    assert_int_equal(s.times, 0);
}

static void whether_a_program_is_there_is_known_without_running_it(void **state)
{
    struct reason why;
    (void)state;
    assert_int_equal(child_program("sh", &why), RELAY_OK);
    assert_int_equal(child_program("/bin/sh", &why), RELAY_OK);
    assert_int_equal(child_program("no-such-program-here", &why), RELAY_NOT_FOUND);
    assert_non_null(strstr(why.text, "no-such-program-here"));
    assert_int_equal(child_program("/etc/passwd", &why), RELAY_NOT_FOUND);
}

static void freeing_ends_what_runs_and_says_so(void **state)
{
    struct bench *b = *state;
    struct seen s = {0};
    start(b, &s, "sleep 30", 60000, NULL);
    b->set = child_set_free(b->set);
    assert_int_equal(s.times, 1);
    assert_int_equal(s.o.end, CHILD_KILLED);
}

static void words_in_braces_are_filled_in(void **state)
{
    (void)state;
    char **argv = NULL;
    struct reason why;
    const char *template[] = {"play", "-z{zone}-", "{wav}", "{"};
    const struct child_word words[] = {{"wav", "/tmp/a b.wav"}, {"zone", "hall"}};
    assert_int_equal(child_argv(template, 4, words, 2, &argv, &why), RELAY_OK);
    assert_string_equal(argv[1], "-zhall-");
    assert_string_equal(argv[2], "/tmp/a b.wav");
    assert_string_equal(argv[3], "{");
    assert_null(argv[4]);
    child_argv_free(argv);
    const char *wrong[] = {"{file}"};
    assert_int_equal(child_argv(wrong, 1, words, 2, &argv, &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "{file}"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_exit_code_and_the_last_words_come_back),
        T(the_last_words_are_whole_characters),
        T(what_hangs_is_ended_with_its_children),
        T(a_kill_silences_within_a_moment),
        T(a_program_that_is_not_there_is_named),
        cmocka_unit_test(whether_a_program_is_there_is_known_without_running_it),
        T(freeing_ends_what_runs_and_says_so),
        cmocka_unit_test(words_in_braces_are_filled_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
