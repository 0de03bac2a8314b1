/* worker.c: what ends seen, what ends unseen, and what never ran. */
#include "unit.h"

#include <unistd.h>

#include "player/worker.h"

struct told {
    int ran, seen, cancelled, pipe[2];
};

static void work(void *arg)
{
    struct told *t = arg;
    t->ran++;
    assert_int_equal(write(t->pipe[1], "x", 1), 1);
}

static void done(void *arg, bool cancelled)
{
    struct told *t = arg;
    t->seen += !cancelled;
    t->cancelled += cancelled;
}

static void what_nobody_looked_at_is_told_that_the_worker_goes_away(void **state)
{
    (void)state;
    struct loop *l = NULL;
    struct worker *w = NULL;
    struct told t = {0};
    char c;
    assert_int_equal(pipe(t.pipe), 0);
    assert_int_equal(loop_new(&l, NULL), RELAY_OK);
    assert_int_equal(worker_new(l, &w, NULL), RELAY_OK);
    worker_do(w, false, work, done, &t);
    while (!t.seen) {
        (void)loop_wait(l, clock_now().mono + 1000);
        worker_run_done(w);
    }
    assert_int_equal(read(t.pipe[0], &c, 1), 1);
    worker_do(w, false, work, done, &t);
    assert_int_equal(read(t.pipe[0], &c, 1), 1); /* it ran, and nobody runs what is done */
    assert_null(worker_free(w));
    assert_int_equal(t.ran, 2);
    assert_int_equal(t.seen, 1);
    assert_int_equal(t.cancelled, 1);
    loop_free(l);
    (void)close(t.pipe[0]);
    (void)close(t.pipe[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_looked_at_is_told_that_the_worker_goes_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
