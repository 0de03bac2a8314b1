/* mem.c: the arena, and the helpers round the heap. */
#include "base/mem.h"

#include <stdint.h>

#include "unit.h"

static void an_arena_hands_out_zeroed_aligned_memory(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena a = {0};
    for (size_t size = 0; size < 5000; size += 37) {
        unsigned char *p = arena_alloc(&a, size);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) assert_int_equal(p[i], 0);
        memset(p, 0xee, size);
    }
}

static void what_is_larger_than_a_block_has_its_own(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena a = {0};
    char *small = arena_strdup(&a, "small");
    char *big = arena_alloc(&a, 1 << 20);
    memset(big, 'x', 1 << 20);
    assert_string_equal(small, "small");
    assert_true(a.total >= (1 << 20) + 6);
}

static void a_reset_arena_is_zeroed_again(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena a = {0};
    memset(arena_alloc(&a, 100), 0xee, 100);
    (void)arena_alloc(&a, 100000);
    arena_reset(&a);
    assert_int_equal(a.total, 0);
    const unsigned char *p = arena_alloc(&a, 100);
    for (int i = 0; i < 100; i++) assert_int_equal(p[i], 0);
}

static void strings_are_copied(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena a = {0};
    assert_string_equal(arena_strndup(&a, "医保卡", 6), "医保");
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
    CLEANUP(free_ptr) char *s = xstrndup("abcdef", 3);
    CLEANUP(free_ptr) char *t = xasprintf("%s/%d", s, 5);
    assert_string_equal(t, "abc/5");
    free_ptr(&t);
    assert_null(t);
}

static void nothing_is_never_null(void **state)
{
    (void)state;
    CLEANUP(free_ptr) void *a = xmalloc(0);
    CLEANUP(free_ptr) void *b = xcalloc(0, 0);
    assert_non_null(a);
    assert_non_null(b);
    b = xrealloc(b, 0);
    b = xreallocarray(b, 0, 8);
    assert_non_null(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_hands_out_zeroed_aligned_memory),
        cmocka_unit_test(what_is_larger_than_a_block_has_its_own),
        cmocka_unit_test(a_reset_arena_is_zeroed_again),
        cmocka_unit_test(strings_are_copied),
        cmocka_unit_test(nothing_is_never_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
