/* init's answers become ids and codes, its texts load again, and mosquitto's hashes are its own. */
#include "cli/init.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "send_double.h"

static struct init_answers answers(void)
{
    struct init_answers a = {.arena = {0}};
    init_defaults(&a);
    a.hospital = "交大'一'附院";
    a.district = "雁塔";
    a.issuer = "雁塔公安: #1";
    a.help = "门诊一楼警务室";
    return a;
}

static void lists_are_parted_by_commas_of_either_kind(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct opt_strs list = init_split(&arena, " hall 二楼大厅 ， icu,,药房、ward；canteen ");
    static const char *const expected[] = {"hall 二楼大厅", "icu", "药房", "ward", "canteen"};
    assert_int_equal(list.n, COUNT(expected));
    for (size_t i = 0; i < list.n; i++) assert_string_equal(list.items[i], expected[i]);
    assert_int_equal(init_split(&arena, "").n, 0);
    arena_release(&arena);
}

static void names_become_ids_and_codes(void **state)
{
    (void)state;
    struct init_answers a = answers();
    struct init_plan p;
    struct reason why;
    a.zones = init_split(&a.arena, "门诊大厅, hall 二楼大厅, 12, inpatient_lobby");
    a.wards = init_split(&a.arena, "三病区, lobby 门诊大厅屏");
    a.feeds = init_split(&a.arena, "sn-cmcc 运营商");
    assert_int_equal(init_plan(&a, &p, &why), RELAY_OK);
    assert_string_equal(p.area, "610113");
    assert_string_equal(p.city, "6101");
    assert_string_equal(p.site, "site-610113");
    assert_string_equal(p.relay, "relay-610113");
    assert_string_equal(p.zones[0].id, "hall");
    assert_string_equal(p.zones[0].name, "门诊大厅");
    assert_string_equal(p.zones[1].id, "hall-2");
    assert_string_equal(p.zones[1].name, "二楼大厅");
    assert_string_equal(p.zones[2].class, "icu");
    assert_true(p.zones[2].silent && !p.zones[0].silent);
    assert_string_equal(p.zones[3].id, "inpatient-lobby");
    assert_string_equal(p.wards[0].id, "w1");
    assert_string_equal(p.wards[1].id, "lobby");
    assert_string_equal(p.wards[1].name, "门诊大厅屏");
    assert_string_equal(p.feeds[0].id, INIT_DEMO_FEED);
    assert_string_equal(p.feeds[1].type, "carrier");
    assert_true(p.feeds[0].live && !p.feeds[1].live);
    arena_release(&a.arena);
}

static void a_wrong_answer_says_what_is_possible(void **state)
{
    (void)state;
    static const struct {
        const char *district, *zones, *wards, *feeds, *says;
    } cases[] = {
        {"无此区", "", "", "", "610113"},     {"61011", "", "", "", "61011"},
        {"雁塔", "garden", "", "", "garden"}, {"雁塔", "", "w1 甲, w1 乙", "", "w1"},
        {"雁塔", "", "", "CMCC", "CMCC"},     {"雁塔", "", "", "demo bank", "demo"},
        {"雁塔", "", "a\tb", "", "a"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct init_answers a = answers();
        struct init_plan p;
        struct reason why = {""};
        a.district = cases[i].district;
        a.zones = init_split(&a.arena, cases[i].zones);
        a.wards = init_split(&a.arena, cases[i].wards);
        a.feeds = init_split(&a.arena, cases[i].feeds);
        assert_int_not_equal(init_plan(&a, &p, &why), RELAY_OK);
        if (!strstr(why.text, cases[i].says)) fail_msg("case %zu says %s", i, why.text);
        arena_release(&a.arena);
    }
}

static void what_it_writes_loads_whatever_people_typed(void **state)
{
    (void)state;
    struct init_answers a = answers();
    struct init_plan p;
    struct reason why;
    struct opt_problems problems;
    struct relay_config *c = NULL;
    a.zones = init_split(&a.arena, "hall 大厅: 'A' #1, icu");
    a.wards = init_split(&a.arena, "{三}病区");
    assert_int_equal(init_plan(&a, &p, &why), RELAY_OK);
    p.duty = true;
    struct buf b = BUF_INIT(1024 * 1024);
    init_relay_yaml(&p, &b);
    if (config_load_text("init", buf_cstr(&b), b.len, &c, &problems)) fail_msg("%s", problems.items[0].text);
    const struct site_config *site = c->sites.items;
    const struct zone_config *zones = site->zones.items;
    const struct feed_config *feeds = c->feeds.items;
    assert_string_equal(site->name, a.hospital);
    assert_string_equal(site->issuer, a.issuer);
    assert_int_equal(site->mode, SITE_TRIAL);
    assert_string_equal(zones[0].name, "大厅: 'A' #1");
    assert_int_equal(feeds[0].mode, FEED_LIVE);
    assert_int_equal(c->chats.n, 1);
    c = config_free(c);
    buf_release(&b);
    arena_release(&a.arena);
}

static void numbers_fit_the_zones_that_speak(void **state)
{
    (void)state;
    static const struct {
        const char *zones, *uris;
        bool good;
    } cases[] = {{"hall, icu, cashier", "sip:1@a, sip:2@a", true},
                 {"hall, icu, cashier", "sip:1@a", true},
                 {"hall, icu, cashier", "sip:1@a, sip:2@a, sip:3@a", false},
                 {"hall, cashier", "", false},
                 {"hall", "tel:1", false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct init_answers a = answers();
        struct init_plan p;
        struct reason why;
        struct buf b = BUF_INIT(64 * 1024);
        a.zones = init_split(&a.arena, cases[i].zones);
        a.speakers.way = WAY_SIP;
        a.speakers.uris = init_split(&a.arena, cases[i].uris);
        a.speakers.user = "tocsin";
        assert_int_equal(init_plan(&a, &p, &why) == RELAY_OK, cases[i].good);
        if (cases[i].good) {
            init_pa_yaml(&p, &b);
            assert_non_null(
                strstr(buf_cstr(&b), "uri: 'sip:1@a', user: 'tocsin', password_file: sip.password"));
            assert_int_equal(strstr(buf_cstr(&b), "cashier-speakers") != NULL, a.speakers.uris.n == 2);
        }
        buf_release(&b);
        arena_release(&a.arena);
    }
}

static void remembered_answers_are_the_same_and_hold_no_secret(void **state)
{
    (void)state;
    struct init_answers a = answers(), again = {.arena = {0}};
    a.zones = init_split(&a.arena, "hall, icu");
    a.duty.url = "https://qyapi.example/send?key=693a91f6";
    struct buf b = BUF_INIT(64 * 1024);
    init_save(&a, &b);
    assert_null(strstr(buf_cstr(&b), "693a91f6"));
    char path[] = "/tmp/tocsin-test-init-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, buf_cstr(&b), b.len) == (ssize_t)b.len && close(fd) == 0);
    assert_true(init_load(&again, path, true));
    assert_string_equal(again.hospital, a.hospital);
    assert_string_equal(again.issuer, a.issuer);
    assert_int_equal(again.zones.n, 2);
    assert_int_equal(unlink(path), 0);
    buf_release(&b);
    arena_release(&a.arena);
    arena_release(&again.arena);
}

/* The sample that is installed says of the sample's hospital what init would write. */
static void the_sample_access_list_says_the_same(void **state)
{
    (void)state;
    struct init_answers a = answers();
    struct init_plan p;
    struct reason why;
    struct buf b = BUF_INIT(64 * 1024);
    a.site = "xjtu-1";
    a.feeds = init_split(&a.arena, "sn-cmcc carrier");
    assert_int_equal(init_plan(&a, &p, &why), RELAY_OK);
    init_broker_acl(&p, &b);
    FILE *f = fopen(TOCSIN_SOURCE_DIR "/packaging/broker/acl", "r");
    char line[256];
    size_t rows = 0;
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        if (line[0] == '#' || line[0] == '\n') continue;
        if (!strstr(buf_cstr(&b), line)) fail_msg("init does not write %s", line);
        rows++;
    }
    assert_true(rows > 20);
    assert_int_equal(fclose(f), 0);
    buf_release(&b);
    arena_release(&a.arena);
}

static void passwords_fit_their_hash_and_no_other(void **state)
{
    (void)state;
    struct reason why;
    char *hash = NULL;
    assert_int_equal(broker_password_hash("geheim", &hash, &why), RELAY_OK);
    assert_memory_equal(hash, "$7$101$", 7);
    assert_true(broker_password_fits(hash, "geheim"));
    assert_false(broker_password_fits(hash, "Geheim"));
    free(hash);
    /* mosquitto_passwd 2.0.11's own, of "secret" */
    static const char theirs[] =
        "$7$101$bkL2x3t1ayGOxO+3$lxsH9syyZ9okMSoznCCEQIGeY1pWC3fTu9ocFoY4Fm5EBFS4NdtnIRGalZxDyAK1rYdh2IR/"
        "jOTER9TZvWTTow==";
    assert_true(broker_password_fits(theirs, "secret"));
    static const char *const broken[] = {"",           "$6$abc$def",  "$7$",  "$7$0$AAAA$AAAA",
                                         "$7$101$A$B", "$7$101$AAAA", "plain"};
    for (size_t i = 0; i < COUNT(broken); i++) assert_false(broker_password_fits(broken[i], "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_parted_by_commas_of_either_kind),
        cmocka_unit_test(names_become_ids_and_codes),
        cmocka_unit_test(a_wrong_answer_says_what_is_possible),
        cmocka_unit_test(what_it_writes_loads_whatever_people_typed),
        cmocka_unit_test(numbers_fit_the_zones_that_speak),
        cmocka_unit_test(remembered_answers_are_the_same_and_hold_no_secret),
        cmocka_unit_test(the_sample_access_list_says_the_same),
        cmocka_unit_test(passwords_fit_their_hash_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
