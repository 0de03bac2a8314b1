/* The relay's configuration: the design's own example loads, and every mistake is named where it stands. */
#include "config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "adapters/adapter.h"
#include "base/buf.h"
#include "base/datadir.h"
#include "folder.h"

/* A chat and a state target of our own, so that this test needs none of the real ones. */
struct robot_options {
    const char *url_file;
    bool allow_insecure;
};
static const struct opt_row robot_rows[] = {
    {.name = "url_file",
     .type = OPT_PATH,
     .offset = offsetof(struct robot_options, url_file),
     .required = true},
    {.name = "allow_insecure", .type = OPT_BOOL, .offset = offsetof(struct robot_options, allow_insecure)},
    {0},
};
/* As a real one: reads the file that its options name. */
static enum relay_err robot_check(void *ctx, struct target *t, struct reason *why)
{
    char *url = NULL;
    assert_non_null(ctx);
    enum relay_err err = secret_read(((const struct robot_options *)t->options)->url_file, &url, why);
    free(url);
    return err;
}
static const struct adapter_ops robot = {.name = "wecom",
                                         .kind = TARGET_MESSAGE,
                                         .options = robot_rows,
                                         .options_size = sizeof(struct robot_options),
                                         .check = robot_check};
static const struct adapter_ops board = {.name = "board", .kind = TARGET_STATE};
static const struct adapter_ops pa = {.name = "pa", .kind = TARGET_MESSAGE};
const struct adapter_ops *const adapter_list[] = {&robot, &board, &pa, NULL};
const struct adapter_ops *adapter_find(const char *name)
{
    for (size_t i = 0; adapter_list[i]; i++)
        if (strcmp(adapter_list[i]->name, name) == 0) return adapter_list[i];
    return NULL;
}

static struct opt_problems problems;

static const char example[] =
    "relay:  {id: yanta-1, state_dir: /var/lib/tocsin, timezone: Asia/Shanghai, language: zh-CN, issuer: "
    "雁塔公安}\n"
    "broker: {host: 127.0.0.1, port: 8883, username: relay, password_file: mqtt.pw, tls: {ca: ca.pem, cert: "
    "c.pem, key: k.pem}, prefix: tocsin/v1}\n"
    "http:   {listen: ['127.0.0.1:8480']}\n"
    "rules:  {packs: [/usr/share/tocsin/packs/medical, own]}\n"
    "feeds:\n"
    "  - {id: sn-cmcc, type: carrier, areas: ['6101'], rate: 2000/s, mode: live}\n"
    "sites:\n"
    "  - {id: xjtu-1, name: 交大一附院, area: '610113', mode: live, help: 门诊一楼警务室,\n"
    "     zones: [{id: hall, class: hall}, {id: icu, class: icu}], wards: [{id: w3, name: 三病区}]}\n"
    "chats:\n"
    "  - {id: redgoose, type: wecom, audience: volunteer, url_file: goose.url, areas: ['610100']}\n"
    "  - {id: guard, type: wecom, audience: 值班, url_file: guard.url, allow_insecure: true}\n"
    "route:\n"
    "  receiver: bulletin-and-screens\n"
    "  group_by: [rule, area4]\n"
    "  group_interval: 3h\n"
    "  routes:\n"
    "    - {matchers: ['level=\"red\"', 'certainty=~\"Likely|Observed\"'], receiver: everyone, "
    "group_interval: 1h,\n"
    "       routes: [{matchers: ['site=\"xjtu-1\"'], approve: one}]}\n"
    "receivers:\n"
    "  - {name: everyone, pa: [announce, bulletin], displays: all, chats: all}\n"
    "  - {name: bulletin-and-screens, pa: [bulletin], displays: [xjtu-1/w3, xjtu-1], chats: [duty, "
    "redgoose]}\n";

static struct relay_config *load(const char *text)
{
    struct relay_config *c = NULL;
    if (config_load_text("/etc/tocsin/t.yaml", text, strlen(text), &c, &problems)) assert_null(c);
    return c;
}

static struct relay_config *load_ok(const char *text)
{
    struct relay_config *c = load(text);
    if (!c) fail_msg("%s", problems.items[0].text);
    return c;
}

static void the_designs_example_loads(void **state)
{
    (void)state;
    struct relay_config *c = load_ok(example);
    assert_string_equal(c->relay.id, "yanta-1");
    assert_int_equal(c->relay.fresh, 2 * HOUR_MS);
    assert_int_equal(c->relay.announce_again, 7 * DAY_MS);
    assert_int_equal(c->relay.announce_per_day, 3);
    assert_int_equal(c->relay.approval_timeout, 10 * MINUTE_MS);
    assert_int_equal(c->relay.wide_sites, 5);
    assert_int_equal(c->relay.keep_keys, 14 * DAY_MS);
    assert_string_equal(c->broker.tls.ca, "/etc/tocsin/ca.pem");
    assert_string_equal(c->rules.packs.items[1], "/etc/tocsin/own");
    assert_int_equal(c->limits.turn_events, 500);

    const struct feed_config *feed = c->feeds.items;
    assert_int_equal(feed->type, FEED_CARRIER);
    assert_int_equal(feed->mode, FEED_LIVE);
    assert_true(feed->rate == 2000);
    assert_int_equal(feed->window, 500);

    const struct site_config *site = c->sites.items;
    assert_int_equal(site->mode, SITE_LIVE);
    assert_string_equal(site->issuer, "雁塔公安"); /* the relay's */
    assert_int_equal(site->zones.n, 2);
    assert_string_equal(((const struct zone_config *)site->zones.items)[1].class, "icu");

    const struct chat_config *chats = c->chats.items;
    assert_int_equal(chats[0].audience, AUDIENCE_VOLUNTEER);
    assert_string_equal(chats[0].areas.items[0], "6101"); /* without trailing 00 */
    assert_int_equal(chats[0].quiet.n, 1);                /* 21:30-07:30 by itself */
    assert_int_equal(chats[1].audience, AUDIENCE_DUTY);
    assert_int_equal(chats[1].quiet.items[0].from, 22 * 60); /* duty: red passes */
    assert_true(chats[1].night);
    assert_int_equal(chats[1].pace.digest_minute, 10 * 60);
    assert_ptr_equal(chats[1].adapter, &robot);
    assert_true(((const struct robot_options *)chats[1].own.values)->allow_insecure);
    assert_string_equal(((const struct robot_options *)chats[0].own.values)->url_file,
                        "/etc/tocsin/goose.url");
    assert_null(config_free(c));
    assert_null(config_free(NULL));
}

static void routes_take_from_the_one_around_them_what_they_do_not_say(void **state)
{
    (void)state;
    struct relay_config *c = load_ok(example);
    const struct route_config *root = &c->route, *red = root->routes.items, *inner = red->routes.items;
    assert_string_equal(root->to->name, "bulletin-and-screens");
    assert_int_equal(root->group_labels, 1u << LABEL_RULE | 1u << LABEL_AREA4);
    assert_int_equal(root->group_wait, 0);
    assert_int_equal(root->group_interval, 3 * HOUR_MS);
    assert_int_equal(red->group_interval, HOUR_MS);
    assert_int_equal(red->compiled.n, 2);
    assert_int_equal(inner->group_interval, HOUR_MS);
    assert_ptr_equal(inner->to, red->to);
    assert_int_equal(inner->approve, APPROVE_ONE);
    assert_int_equal(red->approve, APPROVE_NONE);
    struct labels labels = {
        .values = {[LABEL_LEVEL] = {.one = "red"}, [LABEL_CERTAINTY] = {.one = "Likely"}}};
    assert_true(label_matchers_match(&red->compiled, &labels));
    assert_false(label_matchers_match(&inner->compiled, &labels));
    (void)config_free(c); /* returns NULL */
}

static void what_is_printed_loads_again_as_the_same(void **state)
{
    (void)state;
    struct relay_config *c = load_ok(example);
    CLEANUP(buf_release) struct buf first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20);
    options_print(relay_config_rows, c, 0, &first);
    (void)config_free(c); /* returns NULL */
    c = load_ok(first.data);
    options_print(relay_config_rows, c, 0, &second);
    (void)config_free(c); /* returns NULL */
    assert_string_equal(first.data, second.data);
}

static void the_smallest_configuration_is_enough(void **state)
{
    (void)state;
    struct relay_config *c = load_ok("relay: {id: a}\nroute: {receiver: r}\nreceivers: [{name: r}]\n");
    assert_string_equal(c->http.listen.items[0], "127.0.0.1:8480");
    CLEANUP(free_ptr) char *own = xasprintf("%s/packs/medical", data_dir());
    assert_int_equal(c->rules.packs.n, 1);
    assert_string_equal(c->rules.packs.items[0], own);
    assert_int_equal(c->route.group_interval, 6 * HOUR_MS);
    assert_null(c->broker.tls.ca);
    (void)config_free(c); /* returns NULL */
}

#define SMALL "relay: {id: a}\nroute: {receiver: r}\nreceivers: [{name: r}]\n"

static void every_mistake_is_named_where_it_stands(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"relay: {id: a}\nreceivers: [{name: r}]\n", "route: is missing"},
        {"route: {receiver: r}\nreceivers: [{name: r}]\n", "relay: is missing"},
        {"relay: {id: a}\nroute: {group_by: [rule]}\n", "t.yaml:2: receiver: is missing"},
        {"relay: {id: a}\nroute: {receiver: r}\n", "t.yaml:2: receiver: there is no `r` under receivers"},
        {"relay: {id: a, timezone: Mars}\nroute: {receiver: r}\nreceivers: [{name: r}]\n",
         "t.yaml:1: timezone: "},
        {"relay: {id: a, keep_keys: 2d}\nroute: {receiver: r}\nreceivers: [{name: r}]\n",
         "keep_keys: 2d is out of bounds, allowed 8d"},
        {SMALL "broker: {prefix: '#'}\n", "t.yaml:4: prefix: `#` is not possible"},
        {SMALL "broker: {prefix: a/}\n", "prefix: `a/` is not possible"},
        {SMALL "broker: {tls: {}}\n", "ca: is missing"},
        {SMALL "broker: {tls: {ca: a, key: b}}\n", "tls: cert and key belong together"},
        {SMALL "broker: {host: /run/m.sock, tls: {ca: a}}\n", "tls: is not possible over a unix socket"},
        {SMALL "broker: {password_file: a}\n", "username: is missing"},
        {SMALL "http: {listen: ['0.0.0.0:80']}\n",
         "t.yaml:4: listen: `0.0.0.0:80` is reached from other machines: give tls"},
        {SMALL "http: {listen: ['[::]:80']}\n", "is reached from other machines"},
        {SMALL "http: {listen: ['example.org:80']}\n", "listen: `example.org:80` is not possible"},
        {SMALL "http: {listen: ['127.0.0.1:99999']}\n", "is not possible, write an address"},
        {SMALL "http: {listen: ['127.0.0.1']}\n", "is not possible, write an address"},
        {SMALL "http: {listen: ['::1:80']}\n", "is not possible, write an address"},
        {SMALL "http: {tls: {cert: a}}\n", "key: is missing"},
        {SMALL "http: {public_address: warnings.example}\n",
         "public_address: `warnings.example` is not possible"},
        {SMALL "http: {public_address: 'https://warnings.example/'}\n",
         "is not possible, write such as https://"},
        {SMALL "sites: [{id: a, name: A, area: '61', reminders: ['']}]\n",
         "t.yaml:4: reminders: a screen takes 1 to 45 characters"},
        {SMALL "sites: [{id: a, name: A, area: '61', reminders: "
               "[一二三四五六七八九十一二三四五六七八九十一二三四五六七"
               "八九十一二三四五六七八九十一二三四五六]}]\n",
         "reminders: a screen takes 1 to 45 characters"},
        {SMALL "sites: [{id: a, name: A, area: '61', help: 警务室 13800138000}]\n",
         "t.yaml:4: help: is spoken and shown to patients"},
        {SMALL "sites: [{id: a, name: A, area: '61', issuer: 保卫科 029-88886666}]\n",
         "t.yaml:4: issuer: is spoken and shown to patients"},
        {SMALL "chats: [{id: a, type: wecom, audience: duty, url_file: u, issuer: a@mail.example.com}]\n",
         "t.yaml:4: issuer: is spoken and shown to patients"},
        {SMALL "limits: {http: 600}\n", "http: 600 is out of bounds, allowed 1 to 512"},
        {SMALL "feeds:\n  - {id: a, type: bank, areas: ['61']}\n  - {id: a, type: bank, areas: ['61']}\n",
         "t.yaml:6: id: `a` is taken already, by /etc/tocsin/t.yaml:5: choose another"},
        {SMALL "feeds: [{id: a, type: bank, areas: ['6']}]\n", "areas: `6` is no area code"},
        {SMALL "feeds: [{id: a, type: shop, areas: ['61']}]\n",
         "type: `shop` is not possible, allowed: bank, carrier, desk, hub"},
        {SMALL "feeds: [{id: a, type: bank, areas: ['61'], source: file}]\n", "path: is missing"},
        {SMALL "feeds: [{id: a, type: bank, areas: ['61'], path: x}]\n", "path: is for source: file only"},
        {SMALL "feeds: [{id: a, type: bank, areas: ['61'], rate: 0/s}]\n", "rate: 0 would never be read"},
        {SMALL "feeds: [{id: a, type: bank, areas: []}]\n", "areas: has 0 items, allowed 1"},
        {SMALL "sites: [{id: a, name: A, area: 雁塔区}]\n", "area: write the code of 雁塔区, '610113'"},
        {SMALL "sites: [{id: a, name: A, area: '61', zones: [{id: z, class: lobby}]}]\n",
         "class: `lobby` is not known, allowed: hall, registration"},
        {SMALL "sites: [{id: a, name: A, area: '61', zones: [{id: z, class: icu}, {id: z, class: icu}]}]\n",
         "id: `z` is taken already"},
        {SMALL "sites: [{id: all, name: A, area: '61'}]\n", "id: `all` means every site"},
        {SMALL "chats: [{id: c, type: fax, audience: duty}]\n",
         "type: `fax` is not a kind of chat, allowed: wecom"},
        {SMALL "chats: [{id: c, type: board, audience: duty}]\n", "type: `board` is not a kind of chat"},
        {SMALL "chats: [{id: c, type: wecom, audience: duty}]\n", "url_file: is missing"},
        {SMALL "chats: [{id: c, type: wecom, audience: duty, ulr_file: x, url_file: x}]\n",
         "ulr_file: unknown key, did you mean `url_file`?"},
        {SMALL "chats: [{id: duty, type: wecom, audience: duty, url_file: x}]\n",
         "id: `duty` has a meaning in receivers"},
        {"relay: {id: a}\nroute: {receiver: r}\nreceivers:\n  - {name: r, pa: [shout]}\n",
         "t.yaml:4: pa: `shout` is not possible"},
        {"relay: {id: a}\nroute: {receiver: r}\nreceivers:\n  - {name: r, displays: [x]}\n",
         "displays: there is no site or site/ward `x`"},
        {"relay: {id: a}\nroute: {receiver: r}\nreceivers:\n  - {name: r, displays: x/y}\n",
         "displays: there is no site or site/ward `x/y`"},
        {"relay: {id: a}\nroute: {receiver: r}\nreceivers:\n  - {name: r, chats: [x]}\n",
         "chats: there is no chat `x`"},
        {"relay: {id: a}\nroute: {receiver: r}\nreceivers: [{name: r}, {name: r}]\n",
         "name: `r` is taken already"},
        {"relay: {id: a}\nroute: {receiver: r, group_by: [certainty]}\nreceivers: [{name: r}]\n",
         "group_by: `certainty` is not possible"},
        {"relay: {id: a}\nroute:\n  receiver: r\n  routes:\n    - matchers: ['level=\"pink\"']\nreceivers: "
         "[{name: r}]\n",
         "t.yaml:5: matchers: level is never \"pink\""},
        {"relay: {id: a}\nroute: {receiver: r, routes: [{receiver: q, matchers: "
         "['level=\"red\"']}]}\nreceivers: [{name: r}]\n",
         "receiver: there is no `q`"},
        {"relay: {id: a}\nroute: {receiver: r, routes: [{group_by: [rule]}]}\nreceivers: [{name: r}]\n",
         "group_by: unknown key"},
        {"relay: {id: a}\nroute:\n  receiver: r\n  routes:\n    - {receiver: r}\n    - {receiver: "
         "r}\nreceivers: [{name: r}]\n",
         "t.yaml:6: routes: never reached: the route of line 5"},
        {"[]\n", "a block of `key: value` is expected"},
        {"relay: 'a\n", "the quote that opens here is never closed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct relay_config *c = load(cases[i].text);
        if (c) fail_msg("was loaded: %s", cases[i].text);
        if (!strstr(problems.items[0].text, cases[i].expected))
            fail_msg("%s: is not: %s", problems.items[0].text, cases[i].expected);
        assert_int_equal(problems.n, 1);
    }
}

static void limits_count_feeds_and_targets(void **state)
{
    (void)state;
    assert_null(load(SMALL "limits: {feeds: 1, targets: 2}\n"
                           "feeds: [{id: a, type: bank, areas: ['61']}, {id: b, type: bank, areas: ['61']}]\n"
                           "sites: [{id: s, name: S, area: '61', wards: [{id: a}, {id: b}]}]\n"));
    assert_int_equal(problems.n, 2);
    assert_non_null(strstr(problems.items[0].text, "2 feeds, allowed 1"));
    assert_non_null(strstr(problems.items[1].text, "3 targets, allowed 2"));
}

static void behind_a_proxy_or_with_tls_other_machines_are_served(void **state)
{
    (void)state;
    (void)config_free(load_ok(SMALL "http: {listen: ['0.0.0.0:80'], behind_proxy: true}\n"));
    (void)config_free(load_ok(SMALL "http: {listen: ['[::]:443', '10.0.0.1:0'], tls: {cert: a, key: b}}\n"));
    (void)config_free(load_ok(SMALL "http: {listen: []}\n"));
    (void)config_free(load_ok(SMALL "http: {public_address: 'https://warnings.example/tocsin'}\n"));
}

/* --- files --- */

static void put(const char *name, const char *text, mode_t mode)
{
    folder_put(name, text);
    CLEANUP(free_ptr) char *path = folder_path(name);
    assert_int_equal(chmod(path, mode), 0);
}

static int in_new_folder(void **state)
{
    if (folder_begin(state)) return -1;
    CLEANUP(free_ptr) char *sites = folder_path("sites.d");
    return mkdir(sites, 0700);
}

static struct relay_config *load_file(void)
{
    CLEANUP(free_ptr) char *path = folder_path("t.yaml");
    struct relay_config *c = NULL;
    if (config_load(path, &c, &problems)) assert_null(c);
    return c;
}

static void the_sample_configuration_loads(void **state)
{
    (void)state;
    struct relay_config *c = NULL;
    if (config_load(TOCSIN_SOURCE_DIR "/packaging/config/tocsin.yaml", &c, &problems))
        fail_msg("%s", problems.items[0].text);
    assert_int_equal(c->sites.n, 1); /* the sample beside it is not read */
    assert_int_equal(((const struct site_config *)c->sites.items)->mode, SITE_TRIAL);
    (void)config_free(c); /* returns NULL */

    struct yaml_node *site = NULL;
    struct arena arena = {0};
    struct reason why = {0};
    assert_int_equal(
        yaml_load(TOCSIN_SOURCE_DIR "/packaging/config/sites.d/example.yaml.sample", &arena, &site, &why),
        RELAY_OK);
    assert_string_equal(yaml_get(site, "id")->text, "fourth-hospital");
    arena_release(&arena);
}

static void sites_also_stand_in_files_of_their_own(void **state)
{
    (void)state;
    put("t.yaml", SMALL "sites: [{id: s1, name: A, area: '61'}]\n", 0600);
    put("sites.d/a.yaml", "id: s2\nname: B\narea: '6101'\nwards:\n  - id: w\n", 0600);
    put("sites.d/b.yaml", "- {id: s3, name: C, area: '61'}\n- {id: s4, name: D, area: '61'}\n", 0600);
    put("sites.d/c.yml", "this is not read: [", 0600);
    struct relay_config *c = load_file();
    if (!c) {
        fail_msg("%s", problems.items[0].text);
        return;
    }
    const struct site_config *sites = c->sites.items;
    assert_int_equal(c->sites.n, 4);
    assert_string_equal(sites[0].id, "s1");
    assert_string_equal(sites[1].id, "s2");
    assert_int_equal(sites[1].wards.n, 1);
    assert_string_equal(sites[3].id, "s4");
    (void)config_free(c); /* returns NULL */
}

static void mistakes_in_their_files_are_named_with_both_places(void **state)
{
    (void)state;
    put("t.yaml", SMALL "sites: [{id: s1, name: A, area: '61'}]\n", 0600);
    put("sites.d/a.yaml", "\nid: s1\nname: B\narea: '61'\n", 0600);
    put("sites.d/b.yaml", "just text\n", 0600);
    assert_null(load_file());
    assert_int_equal(problems.n, 2);
    assert_non_null(strstr(problems.items[0].text, "sites.d/b.yaml:1: sites: a list is expected"));
    assert_non_null(strstr(problems.items[1].text, "id: `s1` is taken already, by "));
    assert_non_null(strstr(problems.items[1].text, "t.yaml:4: choose another"));
    assert_non_null(strstr(problems.items[1].text, "sites.d/a.yaml:2: id"));
    put("sites.d/b.yaml", "- {id: s2", 0600);
    assert_null(load_file());
    assert_non_null(strstr(problems.items[0].text, "sites.d/b.yaml:1:3: the block that opens with {"));
}

static void a_missing_file_is_named_with_how_to_make_one(void **state)
{
    (void)state;
    struct relay_config *c = NULL;
    assert_int_equal(config_load("/nonexistent/t.yaml", &c, &problems), RELAY_NOT_FOUND);
    assert_non_null(strstr(problems.items[0].text, "tocsin init"));
    (void)unsetenv("TOCSIN_CONFIG");
    assert_string_equal(config_path(NULL), "/etc/tocsin/tocsin.yaml");
    assert_int_equal(setenv("TOCSIN_CONFIG", "/x", 1), 0);
    assert_string_equal(config_path(NULL), "/x");
    assert_string_equal(config_path("/y"), "/y");
    (void)unsetenv("TOCSIN_CONFIG");
}

static void secrets_are_checked_apart_from_loading(void **state)
{
    (void)state;
    put("t.yaml",
        "relay: {id: a, state_dir: sites.d}\nroute: {receiver: r}\nreceivers: [{name: r}]\nrules: {packs: "
        "[none]}\n"
        "broker: {username: a, password_file: pw, tls: {ca: ca}}\nchats: [{id: c, type: wecom, audience: "
        "duty, url_file: url}]\n",
        0600);
    put("pw", "secret\n", 0644);
    struct relay_config *c = load_file();
    if (!c) fail_msg("%s", problems.items[0].text);
    assert_int_equal(config_check_files(c, &problems), RELAY_INVALID);
    assert_int_equal(problems.n, 4);
    assert_non_null(strstr(problems.items[0].text, "t.yaml:5: password_file: "));
    assert_non_null(strstr(problems.items[0].text, "chmod 0600"));
    assert_non_null(strstr(problems.items[1].text, "t.yaml:5: ca: "));
    assert_non_null(strstr(problems.items[2].text, "t.yaml:4: packs: "));
    assert_non_null(strstr(problems.items[3].text, "t.yaml:6: c: "));
    (void)config_free(c); /* returns NULL */
}

static void every_file_that_an_option_names_is_looked_at(void **state)
{
    (void)state;
    static const char *const says[] = {
        "t.yaml:1: state_dir: ",
        "is no folder: name one",
        "t.yaml:4: password_file: ",
        "sites.d: is a folder: name the file in it",
        "t.yaml:5: ca: ",
        "sites.d: is a folder: name the file in it",
        "t.yaml:5: cert: ",
        "empty: is empty",
        "t.yaml:5: key: ",
        "lines: holds no -----BEGIN line",
        "t.yaml:6: cert: ",
        "none: there is no such file: put it there, or correct the path",
        "t.yaml:6: key: ",
        "sites.d: is a folder",
        "t.yaml:7: packs: ",
        "none: there is no such folder: make it, or correct the path",
        "t.yaml:7: packs: ",
        "lines: is no folder: name one",
        "t.yaml:9: path: ",
        "sites.d: is a folder: name the file in it",
        "t.yaml:10: path: ",
        "none: there is no such file",
        "t.yaml:12: c: ",
        "sites.d: is a folder: name the file in it",
    };
    put("t.yaml",
        "relay: {id: a, state_dir: lines}\nroute: {receiver: r}\nreceivers: [{name: r}]\n"
        "broker: {username: a, password_file: sites.d,\n  tls: {ca: sites.d, cert: empty, key: lines}}\n"
        "http: {tls: {cert: none, key: sites.d}}\nrules: {packs: [none, lines]}\nfeeds:\n"
        "  - {id: f1, type: bank, source: file, areas: ['61'], path: sites.d}\n"
        "  - {id: f2, type: bank, source: file, areas: ['61'], path: none}\nchats:\n"
        "  - {id: c, type: wecom, audience: duty, url_file: sites.d}\n",
        0600);
    put("empty", "", 0600);
    put("lines", "{}\n", 0600);
    struct relay_config *c = load_file();
    if (!c) fail_msg("%s", problems.items[0].text);
    assert_int_equal(config_check_files(c, &problems), RELAY_INVALID);
    for (size_t i = 0; i < COUNT(says) || i / 2 < problems.n; i += 2) {
        const char *text = i / 2 < problems.n ? problems.items[i / 2].text : "nothing";
        if (i >= COUNT(says) || !strstr(text, says[i]) || !strstr(text, says[i + 1])) fail_msg("%s", text);
    }
    (void)config_free(c); /* returns NULL */
}

#define WITH_FILES(f) cmocka_unit_test_setup_teardown(f, in_new_folder, folder_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_designs_example_loads),
        cmocka_unit_test(routes_take_from_the_one_around_them_what_they_do_not_say),
        cmocka_unit_test(what_is_printed_loads_again_as_the_same),
        cmocka_unit_test(the_smallest_configuration_is_enough),
        cmocka_unit_test(every_mistake_is_named_where_it_stands),
        cmocka_unit_test(limits_count_feeds_and_targets),
        cmocka_unit_test(behind_a_proxy_or_with_tls_other_machines_are_served),
        cmocka_unit_test(the_sample_configuration_loads),
        WITH_FILES(sites_also_stand_in_files_of_their_own),
        WITH_FILES(mistakes_in_their_files_are_named_with_both_places),
        cmocka_unit_test(a_missing_file_is_named_with_how_to_make_one),
        WITH_FILES(secrets_are_checked_apart_from_loading),
        WITH_FILES(every_file_that_an_option_names_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
