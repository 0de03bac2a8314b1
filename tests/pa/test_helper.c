/* Helper programs: found or not, and what the player makes of each way in which one may end. The programs here are scripts. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "player/helper.h"
#include "player/helper_end.h"

enum { LONGEST_MS = 1000, GOODBYE_MS = 100 };

struct told {
    int times;
    enum play_end end;
    char detail[400];
};

/* Stands in for air.c. */
void output_ended(struct output_play *p, struct now now, enum play_end end, const char *detail)
{
    struct told *t = p->owner;
    (void)now;
    t->times++;
    t->end = end;
    (void)snprintf(t->detail, sizeof(t->detail), "%s", detail ? detail : "");
}

struct bench {
    char dir[40], program[64];
    struct loop *loop;
    struct output_env env;
    struct helper helper;
    struct output out;
    struct play play;
    struct output_play run;
    struct told told;
};

static int setup(void **state)
{
    struct bench *b = xcalloc(1, sizeof(*b));
    struct reason why;
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/pa_helper.XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->program, sizeof(b->program), "%s/helper", b->dir);
    assert_int_equal(setenv("TOCSIN_LIBEXECDIR", b->dir, 1), 0);
    assert_int_equal(loop_new(&b->loop, &why), RELAY_OK);
    assert_int_equal(child_set_new(b->loop, &b->env.children, &why), RELAY_OK);
    b->env.loop = b->loop;
    b->out = (struct output){.id = "horn", .state = &b->helper, .env = &b->env, .is_open = true};
    b->play = (struct play){.item = 7, .id = "x", .kind = "say", .wav = "x.wav", .length_ms = 100};
    b->run = (struct output_play){.output = &b->out, .play = &b->play, .zone = "hall", .owner = &b->told};
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    helper_release(&b->helper);
    child_set_free(b->env.children);
    loop_free(b->loop);
    (void)unlink(b->program);
    assert_int_equal(rmdir(b->dir), 0);
    free(b);
    return 0;
}

static void install(struct bench *b, const char *script)
{
    struct reason why;
    FILE *f = fopen(b->program, "we");
    assert_non_null(f);
    assert_true(fprintf(f, "#!/bin/sh\n%s\n", script) > 0 && fclose(f) == 0);
    assert_int_equal(chmod(b->program, 0700), 0);
    helper_release(&b->helper);
    assert_int_equal(helper_find(&b->helper, "helper", &why), RELAY_OK);
}

static enum relay_err begin(struct bench *b, struct reason *why)
{
    struct helper_args a = {.n = 0};
    b->told = (struct told){0};
    helper_add(&a, "--to", "somebody");
    helper_add(&a, "--not-said", NULL);
    helper_flag(&a, "--flag");
    return helper_start(&b->helper, &b->out, &b->run, &a, LONGEST_MS, GOODBYE_MS, clock_now(), why);
}

/* Turns until it was told, or for so long. */
static void turn(struct bench *b, int64_t ms)
{
    int64_t until = clock_now().mono + ms;
    while (!b->told.times && clock_now().mono < until) {
        int64_t due = child_set_next_due(b->env.children);
        child_set_run(b->env.children, loop_wait(b->loop, due < until ? due : until));
    }
}

static void play(struct bench *b, const char *script)
{
    struct reason why;
    install(b, script);
    if (begin(b, &why) != RELAY_OK) fail_msg("%s", why.text);
    turn(b, 3000);
    assert_int_equal(b->told.times, 1);
}

static void each_exit_code_means_what_the_table_says(void **state)
{
    static const struct {
        int code;
        enum play_end end;
        const char *detail;
    } ends[] = {
        {END_PLAYED, PLAY_DONE, ""},
        {END_FAULT, PLAY_FAILED, "(no socket)"},
        {END_USAGE, PLAY_REFUSED, "option"},
        {END_BUSY, PLAY_FAILED, "busy"},
        {END_NO_SUCH, PLAY_REFUSED, "nobody"},
        {END_AUTH, PLAY_REFUSED, "password"},
        {END_TAKEN, PLAY_TAKEN, "graver"},
        {END_STOPPED, PLAY_FAILED, "outside"},
        {77, PLAY_FAILED, "exit 77: no socket"},
    };
    for (size_t i = 0; i < COUNT(ends); i++) {
        char script[64];
        (void)snprintf(script, sizeof(script), "echo no socket >&2; exit %d", ends[i].code);
        play(*state, script);
        const struct told *t = &((struct bench *)*state)->told;
        if (t->end != ends[i].end || !strstr(t->detail, ends[i].detail))
            fail_msg("%d: %d %s", ends[i].code, (int)t->end, t->detail);
    }
}

static void its_words_are_the_options_that_have_a_value(void **state)
{
    struct bench *b = *state;
    play(b, "echo \"$@\" >&2; exit 1");
    assert_non_null(strstr(b->told.detail, "(--to somebody --flag)"));
}

static void one_that_dies_is_tried_again(void **state)
{
    struct bench *b = *state;
    play(b, "kill -SEGV $$");
    assert_int_equal(b->told.end, PLAY_FAILED);
    assert_non_null(strstr(b->told.detail, "signal 11"));
}

static void one_that_hangs_is_ended_even_when_it_does_not_listen(void **state)
{
    struct bench *b = *state;
    int64_t began = clock_now().mono;
    play(b, "trap '' TERM; sleep 20 & wait; sleep 20");
    assert_int_equal(b->told.end, PLAY_FAILED);
    assert_non_null(strstr(b->told.detail, "hung"));
    assert_in_range(clock_now().mono - began, LONGEST_MS, LONGEST_MS + GOODBYE_MS + 1000);
}

static void one_that_writes_much_is_quoted_by_its_last_words(void **state)
{
    struct bench *b = *state;
    play(b, "head -c 3000000 /dev/zero | tr '\\0' y; head -c 3000000 /dev/zero | tr '\\0' n >&2; echo end "
            ">&2; exit 1");
    assert_int_equal(b->told.end, PLAY_FAILED);
    assert_true(strlen(b->told.detail) < 300);
    assert_non_null(strstr(b->told.detail, "nnn"));
}

static void one_that_complains_without_end_is_ended(void **state)
{
    struct bench *b = *state;
    play(b, "exec yes >&2");
    assert_int_equal(b->told.end, PLAY_FAILED);
    assert_non_null(strstr(b->told.detail, "signal 15: "));
}

static void a_stop_is_told_at_once_and_the_goodbye_disturbs_nobody(void **state)
{
    struct bench *b = *state;
    struct reason why;
    install(b, "trap 'sleep 0.05; exit 16' TERM; sleep 20 & wait");
    assert_int_equal(begin(b, &why), RELAY_OK);
    turn(b, 50);
    helper_stop(&b->helper, &b->run, clock_now());
    assert_int_equal(b->told.times, 1);
    assert_int_equal(b->told.end, PLAY_STOPPED);
    install(b, "exit 0"); /* the line is free while the other still says goodbye */
    assert_int_equal(begin(b, &why), RELAY_OK);
    turn(b, 3000);
    assert_int_equal(b->told.end, PLAY_DONE);
    b->told.times = 0;
    turn(b, 300);
    assert_int_equal(b->told.times, 0);
}

static void a_second_play_is_refused_while_one_sounds(void **state)
{
    struct bench *b = *state;
    struct reason why;
    install(b, "sleep 20");
    assert_int_equal(begin(b, &why), RELAY_OK);
    assert_int_equal(begin(b, &why), RELAY_CONFLICT);
    helper_stop(&b->helper, &b->run, clock_now());
}

static void closing_leaves_what_runs_to_the_children_and_says_nothing(void **state)
{
    struct bench *b = *state;
    struct reason why;
    install(b, "sleep 20");
    assert_int_equal(begin(b, &why), RELAY_OK);
    b->out.is_open = false;
    helper_release(&b->helper);
    b->env.children = child_set_free(b->env.children);
    assert_int_equal(b->told.times, 0);
}

static void one_that_is_not_installed_is_named(void **state)
{
    struct bench *b = *state;
    struct reason why;
    assert_int_equal(helper_find(&b->helper, "tocsin-pa-nothing", &why), RELAY_NOT_FOUND);
    assert_non_null(strstr(why.text, "tocsin-pa-nothing"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(each_exit_code_means_what_the_table_says),
        T(its_words_are_the_options_that_have_a_value),
        T(one_that_dies_is_tried_again),
        T(one_that_hangs_is_ended_even_when_it_does_not_listen),
        T(one_that_writes_much_is_quoted_by_its_last_words),
        T(one_that_complains_without_end_is_ended),
        T(a_stop_is_told_at_once_and_the_goodbye_disturbs_nobody),
        T(a_second_play_is_refused_while_one_sounds),
        T(closing_leaves_what_runs_to_the_children_and_says_nothing),
        T(one_that_is_not_installed_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
