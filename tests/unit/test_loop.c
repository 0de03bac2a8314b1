/* loop.c: what becomes of the helper thread's jobs when the loop goes away. */
#include "io/loop.h"

#include <stdatomic.h>
#include <unistd.h>

#include "unit.h"

struct told {
    atomic_int worked;
    int done, cancelled;
};

static void work(void *arg)
{
    struct told *t = arg;
    atomic_store(&t->worked, 1);
}

static void done(void *arg, bool cancelled)
{
    struct told *t = arg;
    t->done++;
    t->cancelled += cancelled;
}

static void a_job_is_told_in_the_turn_after_it_is_done(void **state)
{
    (void)state;
    struct loop *l;
    struct told t = {0};
    assert_int_equal(loop_new(&l, NULL), RELAY_OK);
    loop_offload(l, work, done, &t);
    while (!t.done) {
        struct now now = loop_wait(l, clock_now().mono + 1000);
        (void)now; /* only its waking counts here */
        loop_run_done(l);
    }
    assert_int_equal(t.cancelled, 0);
    loop_free(l);
    assert_int_equal(t.done, 1);
}

/* What it was for may be gone by then: its owner must not act on it. */
static void a_job_that_nobody_looked_at_ends_cancelled(void **state)
{
    (void)state;
    struct loop *l;
    struct told t = {0};
    assert_int_equal(loop_new(&l, NULL), RELAY_OK);
    loop_offload(l, work, done, &t);
    while (!atomic_load(&t.worked)) (void)usleep(1000);
    loop_free(l);
    assert_int_equal(t.done, 1);
    assert_int_equal(t.cancelled, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_told_in_the_turn_after_it_is_done),
        cmocka_unit_test(a_job_that_nobody_looked_at_ends_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
