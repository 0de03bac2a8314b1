#include "relay/route.h"

#include "unit.h"

/* The list of adapters comes along; nothing is sent here. */
void send_done(struct send *op, const struct send_outcome *outcome)
{
    (void)op;
    (void)outcome;
}

enum { BOARDS = 5 };

static struct targets list;
static struct relay_target boards[BOARDS];

static int set_up(void **state)
{
    (void)state;
    list = (struct targets){.items = boards, .n = BOARDS, .refresh_next = INT64_MAX};
    for (int i = 0; i < BOARDS; i++) boards[i] = (struct relay_target){.list = &list};
    return 0;
}

static void taken_in_this_order(const int *wanted, size_t n)
{
    for (size_t i = 0; i < n; i++) assert_ptr_equal(targets_take_shown(&list), &boards[wanted[i]]);
    assert_null(targets_take_shown(&list));
    assert_false(targets_shown(&list));
}

static void red_boards_are_shown_before_others(void **state)
{
    (void)state;
    target_show(&boards[0]);
    target_show(&boards[1]);
    target_show_red(&boards[2]);
    target_show(&boards[3]);
    target_show_red(&boards[1]); /* it waited with the others */
    taken_in_this_order((const int[]){2, 1, 0, 3}, 4);
}

static void a_board_is_named_once_however_often_it_changes(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        target_show(&boards[4]);
        target_show_red(&boards[2]);
    }
    target_show(&boards[2]);
    taken_in_this_order((const int[]){2, 4}, 2);
    target_show_later(&boards[4]); /* it could not be shown yet */
    taken_in_this_order((const int[]){4}, 1);
}

static void the_last_of_the_others_may_become_red(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) target_show(&boards[i]);
    target_show_red(&boards[2]);
    target_show_red(&boards[0]);
    target_show(&boards[3]);
    taken_in_this_order((const int[]){2, 0, 1, 3}, 4);
}

static void the_soonest_refresh_is_known(void **state)
{
    (void)state;
    target_show_at(&boards[0], 5000);
    target_show_at(&boards[1], 3000);
    target_show_at(&boards[2], 4000);
    assert_int_equal(list.refresh_next, 3000);
}

/* Its groups hang on it, though it has neither loudspeakers nor screens. */
static void a_site_without_targets_has_the_mode_that_a_person_gave_it(void **state)
{
    (void)state;
    struct ward_config ward = {.id = "w1"};
    struct site_config sites[] = {
        {.id = "s1", .area = "610113", .mode = SITE_TRIAL},
        {.id = "s2", .area = "610104", .mode = SITE_SCREENS, .wards = {.items = &ward, .n = 1}}};
    struct relay_config c = {.sites = {.items = sites, .n = 2}};
    struct targets *t = targets_new(&c);
    enum site_mode boldest;
    assert_int_equal(t->n, 1);
    assert_int_equal(target_mode(&t->items[0]), SITE_SCREENS);
    targets_set_mode(t, &sites[0], SITE_LIVE);
    assert_int_equal(route_sites(t, "610113", &boldest), 1);
    assert_int_equal(boldest, SITE_LIVE);
    targets_modes_settle(t, false);
    (void)route_sites(t, "610113", &boldest);
    assert_int_equal(boldest, SITE_TRIAL);
    targets_set_mode(t, &sites[1], SITE_LIVE);
    targets_modes_settle(t, true);
    targets_modes_settle(t, false);
    assert_int_equal(target_mode(&t->items[0]), SITE_LIVE);
    targets_release(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(red_boards_are_shown_before_others, set_up),
        cmocka_unit_test_setup(a_board_is_named_once_however_often_it_changes, set_up),
        cmocka_unit_test_setup(the_last_of_the_others_may_become_red, set_up),
        cmocka_unit_test_setup(the_soonest_refresh_is_known, set_up),
        cmocka_unit_test(a_site_without_targets_has_the_mode_that_a_person_gave_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
