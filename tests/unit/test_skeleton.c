/* The adapter that is there to be copied keeps its contract. */
#include "base/mem.h"
#include "chat_double.h"

extern const struct adapter_ops skeleton_ops;

static void the_skeleton_lives_through_its_whole_life(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct opt_problems problems = {0};
    struct reason why;
    void *ctx = xcalloc(1, skeleton_ops.ctx_size), *options = arena_alloc(&arena, skeleton_ops.options_size);
    const struct adapter_env env = {.now = double_now};
    assert_int_equal(options_load(skeleton_ops.options, NULL, options, &arena, &problems), RELAY_OK);
    struct target t = {.id = "skeleton:x", .options = options};
    struct message m[60];
    for (size_t i = 0; i < COUNT(m); i++) m[i] = a_message();
    struct send first = {0}, second = {0};
    assert_int_equal(skeleton_ops.open(ctx, &env, &why), RELAY_OK);
    assert_int_equal(skeleton_ops.check(ctx, &t, &why), RELAY_OK);
    assert_int_equal(skeleton_ops.check(ctx, &t, &why), RELAY_OK); /* a reload */
    skeleton_ops.send(ctx, &t, m, COUNT(m), NULL, &first);
    assert_int_equal(first.out.result, SEND_SENT);
    skeleton_ops.send(ctx, &t, m, COUNT(m), NULL, &second);
    assert_int_equal(second.out.result, SEND_REJECTED);
    assert_non_null(strstr(second.out.reason, "100"));
    skeleton_ops.forget(ctx, &t);
    skeleton_ops.close(ctx);
    skeleton_ops.close(ctx);
    free(ctx);
    arena_release(&arena);
}

static void the_skeleton_is_not_listed(void **state)
{
    (void)state;
    assert_null(adapter_find("skeleton"));
    for (const struct adapter_ops *const *a = adapter_list; *a; a++)
        for (const struct adapter_ops *const *b = adapter_list; b < a; b++)
            if (strcmp((*a)->name, (*b)->name) == 0) fail_msg("%s is listed twice", (*a)->name);
}

static void what_is_not_accepted_is_said_again_as_its_kind_wants(void **state)
{
    (void)state;
    const struct adapter_ops *pa = adapter_find("pa"), *forward = adapter_find("forward"),
                             *file = adapter_find("file");
    static const int64_t expected[] = {5000, 15000, 60000, 60000, 60000};
    for (int i = 0; i < (int)COUNT(expected); i++) assert_int_equal(adapter_again(pa, i), expected[i]);
    assert_int_equal(adapter_again(forward, 0), 600000);
    assert_int_equal(adapter_again(forward, 1), -1);
    assert_int_equal(adapter_again(forward, 7), -1);
    assert_int_equal(adapter_again(file, 0), -1);
    assert_int_equal(adapter_again(adapter_find("board"), 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_skeleton_lives_through_its_whole_life),
        cmocka_unit_test(the_skeleton_is_not_listed),
        cmocka_unit_test(what_is_not_accepted_is_said_again_as_its_kind_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
