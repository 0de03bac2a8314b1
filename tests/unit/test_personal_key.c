/* Members that are somebody's by their name, however it is written. */
#include "personal_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"

static void each_name_is_found_as_what_it_is(void **state)
{
    static const struct {
        const char *name;
        enum mask_kind kind;
    } cases[] = {
        {"name", MASK_NAME},         {"Name", MASK_NAME},        {"patientName", MASK_NAME},
        {"patient_name", MASK_NAME}, {"cust-name", MASK_NAME},   {"姓名", MASK_NAME},
        {"患者姓名", MASK_NAME},     {"phone", MASK_TEL},        {"PhoneNumber", MASK_TEL},
        {"phone2", MASK_TEL},        {"victim_phone", MASK_TEL}, {"家属电话", MASK_TEL},
        {"wechat_id", MASK_TEL},     {"ID Card", MASK_ID},       {"id_no", MASK_ID},
        {"plate.no", MASK_ID},       {"住院号", MASK_ID},        {"payee_acct", MASK_CARD},
        {"收款账号", MASK_CARD},     {"bedNo", MASK_BED},        {"home_address", MASK_BED},
        {"work_address", MASK_BED},  {"地址", MASK_BED},         {"E-Mail", MASK_MAIL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum mask_kind kind = MASK_TEL;
        if (!personal_key(cases[i].name, &kind) || kind != cases[i].kind) fail_msg("%s", cases[i].name);
    }
}

static void every_other_name_is_none(void **state)
{
    static const char *const names[] = {
        "",          "1",          "_",
        "kind",      "hotel",      "area",
        "behaviour", "amount",     "count",
        "memo",      "name_match", "payee_new",
        "channel",   "bedside",    "metro",
        "地区",      "手",         "phones_sold_in_a_city_whose_name_is_longer_than_any_that_is_known_here"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        enum mask_kind kind = MASK_BED;
        if (personal_key(names[i], &kind)) fail_msg("%s", names[i]);
        assert_int_equal(kind, MASK_BED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_found_as_what_it_is),
        cmocka_unit_test(every_other_name_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
