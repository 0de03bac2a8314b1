/* CSV rows as events: what a bank's file may look like, and what is said when it does not. */
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/feed_csv.h"
#include "folder.h"

#define MAPPING                                                                                              \
    "members:\n"                                                                                             \
    "  - {member: event_id, from: 流水号, prefix: 'xa-'}\n"                                               \
    "  - {member: sent_at, from: 时间}\n"                                                                  \
    "  - {member: kind, value: transaction}\n"                                                               \
    "  - {member: area, from: 网点, map: {雁塔支行: '610113'}}\n"                                      \
    "  - {member: txn.memo, from: 附言}\n"                                                                 \
    "  - {member: txn.amount, from: 金额}\n"                                                               \
    "  - {member: txn.payee_new, from: 首次}\n"
#define HEAD "流水号,时间,网点,附言,金额,首次,多余\n"
#define ROW  "7001,2026-11-22 18:33:55,雁塔支行,\"国医大师 尾款,快\",\"72,000.00\",是,x\n"
#define EVENT                                                                                                \
    "{\"event_id\":\"xa-7001\",\"sent_at\":\"2026-11-22T18:33:55+08:00\",\"kind\":\"transaction\","          \
    "\"area\":\"610113\",\"txn\":{\"memo\":\"国医大师 尾款,快\",\"amount\":72000.00,\"payee_new\":true}}"

static char path[96];
static char got[8192], bad[2048]; /* events a line, and "row: what" a line */

static void on_event(void *arg, int64_t row, const char *json, size_t n)
{
    (void)arg, (void)row;
    size_t so_far = strlen(got);
    assert_true(so_far + n + 2 < sizeof(got));
    (void)snprintf(got + so_far, sizeof(got) - so_far, "%.*s\n", (int)n, json);
}

static void on_bad(void *arg, int64_t row, const char *what)
{
    (void)arg;
    size_t n = strlen(bad);
    (void)snprintf(bad + n, sizeof(bad) - n, "%lld: %s\n", (long long)row, what);
}

static enum relay_err with(const char *mapping, const char *bytes, size_t n, size_t piece, struct reason *why)
{
    struct feed_csv *c = NULL;
    const struct feed_csv_sink sink = {.event = on_event, .bad = on_bad};
    folder_put("mapping.yaml", mapping);
    got[0] = bad[0] = '\0';
    enum relay_err err = feed_csv_new(path, &sink, &c, why);
    for (size_t at = 0; !err && at < n; at += piece)
        err = feed_csv_read(c, bytes + at, n - at < piece ? n - at : piece, why);
    if (!err) err = feed_csv_end(c, why);
    feed_csv_free(c);
    return err;
}

static enum relay_err text(const char *mapping, const char *csv, struct reason *why)
{
    return with(mapping, csv, strlen(csv), 4096, why);
}

static void a_row_is_an_event(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(RELAY_OK, text(MAPPING, HEAD ROW, &why));
    assert_string_equal(EVENT "\n", got);
    assert_string_equal("", bad);
}

static void pieces_of_any_length_give_the_same(void **state)
{
    (void)state;
    struct reason why;
    static const char csv[] = "\xef\xbb\xbf" HEAD ROW "\r\n" ROW;
    for (size_t piece = 1; piece < 40; piece++) {
        assert_int_equal(RELAY_OK, with(MAPPING, csv, sizeof(csv) - 1, piece, &why));
        assert_string_equal(EVENT "\n" EVENT "\n", got);
    }
}

static void gb18030_is_read_and_the_wrong_encoding_is_named(void **state)
{
    (void)state;
    struct reason why;
    char in[] = HEAD ROW, out[1024];
    char *from = in, *to = out;
    size_t left = strlen(in), room = sizeof(out);
    iconv_t gb = iconv_open("GB18030", "UTF-8");
    assert_int_equal(0, iconv(gb, &from, &left, &to, &room));
    (void)iconv_close(gb);
    size_t n = sizeof(out) - room;
    for (size_t piece = 1; piece < 8; piece++) {
        assert_int_equal(RELAY_OK, with("encoding: GB18030\n" MAPPING, out, n, piece, &why));
        assert_string_equal(EVENT "\n", got);
    }
    assert_int_equal(RELAY_INVALID, with(MAPPING, out, n, n, &why));
    assert_non_null(strstr(why.text, "UTF-8"));
}

static void a_bad_row_is_named_and_the_next_goes_on(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(RELAY_OK, text(MAPPING,
                                    HEAD "7001,昨天,雁塔支行,a,1,是,\n"
                                         "7002,2026-11-22 18:33:55,别处,a,1,是,\n"
                                         "7003,2026-11-22 18:33:55,雁塔支行,a,很多,是,\n"
                                         ",2026-11-22 18:33:55,雁塔支行,a,1,是,\n"
                                         "7005,2026-11-22 18:33:55,雁塔支行,a,1\n"
                                         "7006,2026-11-22 18:33:55,雁塔支行,a,1,也许,\n" ROW,
                                    &why));
    assert_string_equal(EVENT "\n", got);
    assert_non_null(strstr(bad, "2: sent_at"));
    assert_non_null(strstr(bad, "3: "));
    assert_non_null(strstr(bad, "4: txn.amount"));
    assert_non_null(strstr(bad, "5: "));
    assert_non_null(strstr(bad, "6: "));
    assert_non_null(strstr(bad, "7: txn.payee_new"));
}

static void an_empty_cell_leaves_its_member_out(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(RELAY_OK, text(MAPPING, HEAD "7001,2026-11-22 18:33:55,,尾款,,,\n", &why));
    assert_string_equal("{\"event_id\":\"xa-7001\",\"sent_at\":\"2026-11-22T18:33:55+08:00\",\"kind\":"
                        "\"transaction\",\"txn\":{\"memo\":\"尾款\"}}\n",
                        got);
}

static void a_row_without_an_id_gets_the_same_one_each_time(void **state)
{
    (void)state;
    struct reason why;
    static const char mapping[] = "members:\n  - {member: sent_at, from: t, format: '%d.%m.%Y %H'}\n"
                                  "  - {member: text, from: w}\n";
    char first[8192];
    assert_int_equal(RELAY_OK, text(mapping, "t,w\n22.11.2026 18,hello\n22.11.2026 18,other\n", &why));
    memcpy(first, got, sizeof(first));
    assert_int_equal(RELAY_OK, text(mapping, "t,w\n22.11.2026 18,hello\n22.11.2026 18,other\n", &why));
    assert_string_equal(first, got);
    assert_non_null(strstr(got, "{\"event_id\":\"row-"));
    assert_non_null(strstr(got, "\"sent_at\":\"2026-11-22T18:00:00+08:00\",\"text\":\"hello\""));
    char *second = strchr(got, '\n') + 1;
    assert_int_not_equal(0, strncmp(got, second, 56)); /* another row, another id */
}

static void what_a_mapping_lacks_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *mapping, *says;
    } cases[] = {
        {"members:\n  - {member: text, from: a}\n  - {member: area, value: '61'}\n", "sent_at"},
        {"members:\n  - {member: sent_at, from: a}\n  - {member: area, value: '61'}\n", "txn.memo"},
        {"members:\n  - {member: sent_at, from: a}\n  - {member: txet, from: b}\n", "txet"},
        {"members:\n  - {member: sent_at, from: a}\n  - {member: text}\n", "text"},
        {"members:\n  - {member: sent_at, from: a}\n  - {member: text, from: b}\n  - {member: text, from: "
         "c}\n",
         ":4:"},
        {"encoding: KLINGON\n" MAPPING, "KLINGON"},
        {"timezone: Mars/Base\n" MAPPING, "timezone"},
        {"delimiter: ab\n" MAPPING, "delimiter"},
        {"colums: []\n" MAPPING, "colums"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reason why = {""};
        assert_int_equal(RELAY_INVALID, text(cases[i].mapping, HEAD ROW, &why));
        if (!strstr(why.text, cases[i].says)) fail_msg("%s: %s", cases[i].says, why.text);
    }
}

static void what_a_file_lacks_is_said(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(RELAY_INVALID, text(MAPPING, "", &why));
    assert_int_equal(RELAY_INVALID, text(MAPPING, "流水号,时间\n", &why));
    assert_non_null(strstr(why.text, "网点"));
    assert_int_equal(RELAY_INVALID, text(MAPPING, HEAD "7001,\"2026", &why));
}

static int make_folder(void **state)
{
    if (folder_begin(state)) return -1;
    (void)snprintf(path, sizeof(path), "%s/mapping.yaml", folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_an_event),
        cmocka_unit_test(pieces_of_any_length_give_the_same),
        cmocka_unit_test(gb18030_is_read_and_the_wrong_encoding_is_named),
        cmocka_unit_test(a_bad_row_is_named_and_the_next_goes_on),
        cmocka_unit_test(an_empty_cell_leaves_its_member_out),
        cmocka_unit_test(a_row_without_an_id_gets_the_same_one_each_time),
        cmocka_unit_test(what_a_mapping_lacks_is_said),
        cmocka_unit_test(what_a_file_lacks_is_said),
    };
    return cmocka_run_group_tests(tests, make_folder, folder_end);
}
