/* The option table: every type read, every mistake named, and what is printed reads back as the same. */
#include "io/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

#include <cmocka.h> /* after ours: it has a macro `fail` */

struct item {
    const char *id;
    int64_t count;
    struct opt_extra own;
};
struct inner {
    const char *ca, *key;
    int64_t port;
};
struct all {
    const char *name, *id, *path, *api_token;
    int64_t number, wait, size;
    bool on;
    double rate;
    int mode;
    struct opt_strs words, deflt_words, packs;
    const struct yaml_node *self;
    struct opt_windows quiet;
    struct inner tls;
    struct item must;
    struct opt_blocks items;
    const struct yaml_node *node;
};

static const char *const modes[] = {"trial", "live", NULL};
static const char *const modes_zh[] = {"试运行", "运行", NULL};

static const struct opt_row item_rows[] = {
    {.name = "id", .type = OPT_ID, .offset = offsetof(struct item, id), .required = true, .help = "its name"},
    {.name = "count", .type = OPT_INT, .offset = offsetof(struct item, count), .deflt = "7"},
    {.name = "", .type = OPT_EXTRA, .offset = offsetof(struct item, own)},
    {0},
};
static const struct opt_row inner_rows[] = {
    {.name = "ca", .type = OPT_PATH, .offset = offsetof(struct inner, ca)},
    {.name = "key", .type = OPT_PATH, .offset = offsetof(struct inner, key)},
    {.name = "port",
     .type = OPT_INT,
     .offset = offsetof(struct inner, port),
     .min = 1,
     .max = 65535,
     .deflt = "1883"},
    {0},
};
static const struct opt_row rows[] = {
    {.name = "name", .type = OPT_STR, .offset = offsetof(struct all, name), .help = "what people call it"},
    {.name = "id", .type = OPT_ID, .offset = offsetof(struct all, id), .required = true},
    {.name = "path", .type = OPT_PATH, .offset = offsetof(struct all, path)},
    {.name = "api_token", .type = OPT_STR, .offset = offsetof(struct all, api_token)},
    {.name = "number", .type = OPT_INT, .offset = offsetof(struct all, number), .min = -5, .max = 500},
    {.name = "wait",
     .type = OPT_DURATION,
     .offset = offsetof(struct all, wait),
     .min = 100,
     .max = 60000,
     .deflt = "15s",
     .unit = "ms"},
    {.name = "size", .type = OPT_SIZE, .offset = offsetof(struct all, size), .deflt = "256MiB"},
    {.name = "on", .type = OPT_BOOL, .offset = offsetof(struct all, on)},
    {.name = "rate",
     .type = OPT_RATE,
     .offset = offsetof(struct all, rate),
     .min = 0,
     .max = 10000,
     .deflt = "20/m"},
    {.name = "mode",
     .type = OPT_ENUM,
     .offset = offsetof(struct all, mode),
     .names = modes,
     .names_zh = modes_zh,
     .deflt = "live"},
    {.name = "words", .type = OPT_STRS, .offset = offsetof(struct all, words), .min = 0, .max = 4},
    {.name = "deflt_words",
     .type = OPT_STRS,
     .offset = offsetof(struct all, deflt_words),
     .deflt = "[rule, area4]"},
    {.name = "quiet", .type = OPT_WINDOWS, .offset = offsetof(struct all, quiet)},
    {.name = "tls", .type = OPT_BLOCK, .offset = offsetof(struct all, tls), .sub = inner_rows},
    {.name = "must", .type = OPT_BLOCK, .offset = offsetof(struct all, must), .sub = item_rows},
    {.name = "items",
     .type = OPT_BLOCKS,
     .offset = offsetof(struct all, items),
     .sub = item_rows,
     .sub_size = sizeof(struct item)},
    {.name = "packs", .type = OPT_PATHS, .offset = offsetof(struct all, packs), .deflt = "[/usr/share/a]"},
    {.name = "", .type = OPT_SELF, .offset = offsetof(struct all, self)},
    {.name = "node", .type = OPT_NODE, .offset = offsetof(struct all, node)},
    {0},
};

struct extra {
    const char *url_file;
    bool loud;
};
static const struct opt_row extra_rows[] = {
    {.name = "url_file", .type = OPT_PATH, .offset = offsetof(struct extra, url_file), .required = true},
    {.name = "loud", .type = OPT_BOOL, .offset = offsetof(struct extra, loud), .deflt = "true"},
    {0},
};

static struct arena arena;
static struct opt_problems problems;

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static enum relay_err load(const char *text, struct all *ret)
{
    struct yaml_node *root = NULL;
    struct reason why = {0};
    problems = (struct opt_problems){0};
    *ret = (struct all){0};
    if (yaml_load_text("/etc/tocsin/t.yaml", text, strlen(text), &arena, &root, &why))
        fail_msg("%s", why.text);
    return options_load(rows, root, ret, &arena, &problems);
}

static void load_ok(const char *text, struct all *ret)
{
    if (load(text, ret)) fail_msg("%s", problems.items[0].text);
    assert_int_equal(problems.n, 0);
}

static void every_type_is_read(void **state)
{
    (void)state;
    struct all o;
    load_ok("name: 交大一附院\nid: a-1\npath: x/y\nnumber: -5\nwait: 2s\nsize: 64KiB\non: 是\nrate: 2000/s\n"
            "mode: 试运行\nwords: one\nquiet: ['21:30-07:30', '12:00-14:30']\ntls: {ca: /etc/ca}\n"
            "items: [{id: x}, {id: y, count: 2, loud: no}]\nnode: [1, 2]\npacks: [p, /q]\n",
            &o);
    assert_string_equal(o.name, "交大一附院");
    assert_string_equal(o.path, "/etc/tocsin/x/y");
    assert_int_equal(o.number, -5);
    assert_int_equal(o.wait, 2000);
    assert_int_equal(o.size, 65536);
    assert_true(o.on);
    assert_true(o.rate == 2000);
    assert_int_equal(o.mode, 0);
    assert_int_equal(o.words.n, 1);
    assert_string_equal(o.words.items[0], "one");
    assert_null(o.words.items[1]);
    assert_int_equal(o.quiet.n, 2);
    assert_int_equal(o.quiet.items[0].from, 21 * 60 + 30);
    assert_string_equal(o.tls.ca, "/etc/ca");
    assert_int_equal(o.tls.port, 1883);
    assert_int_equal(o.items.n, 2);
    const struct item *items = o.items.items;
    assert_string_equal(items[1].id, "y");
    assert_int_equal(items[0].count, 7);
    assert_int_equal(items[1].count, 2);
    assert_int_equal(o.node->n, 2);
    assert_string_equal(o.packs.items[0], "/etc/tocsin/p");
    assert_string_equal(o.packs.items[1], "/q");
    assert_int_equal(o.self->line, 1);
}

static void absent_keys_take_their_defaults(void **state)
{
    (void)state;
    struct all o;
    load_ok("id: a\nitems:\ntls:\n", &o);
    assert_null(o.name);
    assert_int_equal(o.wait, 15000);
    assert_int_equal(o.size, 256LL << 20);
    assert_true(o.rate > 0.333 && o.rate < 0.334);
    assert_int_equal(o.mode, 1);
    assert_int_equal(o.deflt_words.n, 2);
    assert_string_equal(o.deflt_words.items[1], "area4");
    assert_int_equal(o.tls.port, 1883);
    assert_int_equal(o.items.n, 0);

    struct all none = {0};
    assert_int_equal(options_load(rows, NULL, &none, &arena, &problems), RELAY_OK);
    assert_int_equal(none.wait, 15000);
    assert_null(none.id);
}

static void each_mistake_names_file_line_key_and_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"name: x\n", "/etc/tocsin/t.yaml:1: id: is missing"},
        {"id: A_b\n", "/etc/tocsin/t.yaml:1: id: `A_b` is not possible, allowed: id (a-z"},
        {"id: a\nnumber: 501\n", "t.yaml:2: number: 501 is out of bounds, allowed -5 to 500"},
        {"id: a\nnumber: 1e3\n", "number: `1e3` is not possible, allowed: whole number"},
        {"id: a\nnumber: 99999999999999999999\n", "number: `99999999999999999999` is not possible"},
        {"id: a\nnumber: [1]\n", "number: one value is expected"},
        {"id: a\nnumber:\n", "number: has no value"},
        {"id: a\nwait: 10\n", "wait: `10` is not possible, allowed: duration"},
        {"id: a\nwait: 2h\n", "wait: 2h is out of bounds, allowed 100ms to 1m"},
        {"id: a\nsize: 5XB\n", "size: `5XB` is not possible, allowed: size"},
        {"id: a\nsize: 99999999TiB\n", "size: `99999999TiB` is not possible"},
        {"id: a\non: maybe\n", "on: `maybe` is not possible, allowed: true or false"},
        {"id: a\nrate: 20\n", "rate: `20` is not possible, allowed: rate such as"},
        {"id: a\nrate: 20000/s\n", "rate: 20000/s is out of bounds, allowed 0/s to 10000/s"},
        {"id: a\nrate: 1..2/s\n", "rate: `1..2/s` is not possible"},
        {"id: a\nmode: loud\n", "mode: `loud` is not possible, allowed: trial, live"},
        {"id: a\nwords: [a, b, c, d, e]\n", "words: has 5 items, allowed 0 to 4"},
        {"id: a\nwords: [a, [b]]\n", "words: item 2 must be one value"},
        {"id: a\nwords: {a: b}\n", "words: a list is expected"},
        {"id: a\nquiet: ['9pm-7am']\n", "quiet: `9pm-7am` is not possible, allowed: hours"},
        {"id: a\nmust:\n", "t.yaml:2: id: is missing: its name"},
        {"id: a\ntls: yes\n", "tls: a block of `key: value` is expected"},
        {"id: a\ntls:\n  prot: 1\n", "t.yaml:3: prot: unknown key, did you mean `port`?"},
        {"id: a\ntls:\n  zzzzzz: 1\n", "zzzzzz: unknown key, known here: ca, key, port"},
        {"id: a\ntls: {port: 0}\n", "port: 0 is out of bounds, allowed 1 to 65535"},
        {"id: a\nitems: {id: x}\n", "items: a list is expected: begin each item"},
        {"id: a\nitems:\n  - id: x\n  - y\n", "t.yaml:4: items: item 2 must be a block"},
        {"id: a\nitems:\n  - count: 1\n", "t.yaml:3: id: is missing: its name"},
        {"id: a\nNumber: 1\n", "Number: unknown key, did you mean `number`?"},
        {"id: a\ndeflt-words: x\n", "did you mean `deflt_words`?"},
        {"[a]", "a block of `key: value` is expected"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct all o;
        assert_int_equal(load(cases[i].text, &o), RELAY_INVALID);
        assert_int_equal(problems.n, 1);
        if (!strstr(problems.items[0].text, cases[i].expected))
            fail_msg("%s: is not: %s", problems.items[0].text, cases[i].expected);
    }
}

static void all_problems_are_collected_up_to_twenty(void **state)
{
    (void)state;
    struct all o;
    assert_int_equal(load("number: x\nwait: y\nfoo_bar_baz: 1\n", &o), RELAY_INVALID);
    assert_int_equal(problems.n, 4);
    assert_false(problems.more);

    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    buf_str(&b, "id: a\n");
    for (int i = 0; i < 25; i++) buf_printf(&b, "unknown%d: 1\n", i);
    assert_int_equal(load(b.data, &o), RELAY_INVALID);
    assert_int_equal(problems.n, 20);
    assert_true(problems.more);

    struct all again = {0};
    assert_int_equal(options_load(rows, NULL, &again, &arena, &problems),
                     RELAY_OK); /* earlier ones do not count */
}

static void a_second_table_reads_the_keys_that_the_first_leaves(void **state)
{
    (void)state;
    struct all o;
    load_ok("id: a\nitems:\n  - {id: x, url_file: u, loud: no}\n  - {id: y, count: 1, ulr_file: u}\n", &o);
    struct item *items = o.items.items;
    assert_int_equal(options_load_extra(&items[0].own, extra_rows, sizeof(struct extra), &arena, &problems),
                     RELAY_OK);
    const struct extra *e = items[0].own.values;
    assert_string_equal(e->url_file, "/etc/tocsin/u");
    assert_false(e->loud);
    assert_int_equal(options_load_extra(&items[1].own, extra_rows, sizeof(struct extra), &arena, &problems),
                     RELAY_INVALID);
    assert_int_equal(problems.n, 2);
    assert_non_null(strstr(problems.items[0].text, "url_file: is missing"));
    assert_non_null(strstr(problems.items[1].text, "ulr_file: unknown key, did you mean `url_file`?"));

    problems = (struct opt_problems){0};
    assert_int_equal(options_load_extra(&items[0].own, NULL, 0, &arena, &problems), RELAY_INVALID);
    assert_int_equal(problems.n, 2);
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
    (void)state;
    struct all o, again;
    load_ok("name: \"it's: 'a'\\n# b\"\nid: a-1\nnumber: 12\nwait: 45s\nsize: 1000\nrate: 7/h\nwords: "
            "['yes', '', 医院, -x]\n"
            "quiet: ['21:30-07:30']\nitems: [{id: x}, {id: y, count: 3, url_file: u}]\ntls: {key: k.pem}\n",
            &o);
    struct item *items = o.items.items;
    assert_int_equal(options_load_extra(&items[1].own, extra_rows, sizeof(struct extra), &arena, &problems),
                     RELAY_OK);
    CLEANUP(buf_release) struct buf first = BUF_INIT(65536), second = BUF_INIT(65536);
    options_print(rows, &o, 0, &first);
    assert_non_null(strstr(first.data, "    url_file: /etc/tocsin/u\n"));
    assert_non_null(strstr(first.data, "  key: /etc/tocsin/k.pem\n"));
    load_ok(first.data, &again);
    struct item *items_again = again.items.items;
    assert_int_equal(
        options_load_extra(&items_again[1].own, extra_rows, sizeof(struct extra), &arena, &problems),
        RELAY_OK);
    options_print(rows, &again, 0, &second);
    assert_string_equal(first.data, second.data);
    assert_string_equal(again.name, "it's: 'a'\n# b");
    assert_true(again.rate == o.rate);
    assert_string_equal(again.words.items[3], "-x");
}

static void secrets_are_not_printed(void **state)
{
    (void)state;
    struct all o;
    load_ok("id: a\napi_token: abc123\n", &o);
    CLEANUP(buf_release) struct buf b = BUF_INIT(65536);
    options_print(rows, &o, 0, &b);
    assert_null(strstr(b.data, "abc123"));
    assert_non_null(strstr(b.data, "api_token: '***'"));
}

static void the_manual_names_type_bounds_and_default(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(65536);
    options_manual(rows, 0, &b);
    assert_non_null(strstr(b.data, "wait: duration such as 90s, 2h or 7d (ms), 100ms to 1m, default 15s\n"));
    assert_non_null(strstr(b.data, "mode: one of trial | live, default live\n"));
    assert_non_null(strstr(b.data, "id: id (a-z, 0-9 and -, at most 32), required\n"));
    assert_non_null(strstr(b.data, "words: list, 0 to 4\n"));
    assert_non_null(strstr(b.data, "  port: whole number, 1 to 65535, default 1883\n"));
    assert_non_null(strstr(b.data, "what people call it"));
}

static enum relay_err secret(const char *content, size_t n, mode_t mode, char **ret, struct reason *why)
{
    char path[] = "/tmp/test-secret-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, n), n);
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
    enum relay_err err = secret_read(path, ret, why);
    (void)unlink(path);
    return err;
}

static void a_secret_is_the_first_line_of_a_file_that_others_cannot_read(void **state)
{
    (void)state;
    struct reason why = {0};
    char *s = NULL;
    assert_int_equal(secret("pass word \r\nsecond", 18, 0640, &s, &why), RELAY_OK);
    assert_string_equal(s, "pass word");
    free(s);
    s = NULL;
    assert_int_equal(secret("x\n", 2, 0644, &s, &why), RELAY_DENIED);
    assert_non_null(strstr(why.text, "chmod 0600"));
    assert_int_equal(secret("\nx", 2, 0600, &s, &why), RELAY_INVALID);
    assert_int_equal(secret("", 0, 0600, &s, &why), RELAY_INVALID);
    CLEANUP(free_ptr) char *large = xcalloc(1, 5000);
    memset(large, 'x', 4097);
    assert_int_equal(secret(large, 4097, 0600, &s, &why), RELAY_LIMIT);
    assert_int_equal(secret_read("/nonexistent", &s, &why), RELAY_NOT_FOUND);
    assert_int_equal(secret_read("/tmp", &s, &why), RELAY_INVALID);
    assert_null(s);
    assert_int_equal(secret(large, 4096, 0600, &s, &why), RELAY_OK);
    assert_int_equal(strlen(s), 4096);
    free(s);
}

/* In a process of its own: it would hold for all that is tested here. */
static void whoever_has_read_a_secret_writes_no_core_file(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit core;
        (void)getrlimit(RLIMIT_CORE, &core);
        core.rlim_cur = core.rlim_max;
        (void)setrlimit(RLIMIT_CORE, &core);
        char *s = NULL;
        struct reason why;
        if (secret("key", 3, 0600, &s, &why) != RELAY_OK) _exit(1);
        free(s);
        if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0) _exit(2);
#ifndef __SANITIZE_ADDRESS__
        if (prctl(PR_GET_DUMPABLE) != 0) _exit(3);
#endif
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(absent_keys_take_their_defaults),
        cmocka_unit_test(each_mistake_names_file_line_key_and_what_is_allowed),
        cmocka_unit_test(all_problems_are_collected_up_to_twenty),
        cmocka_unit_test(a_second_table_reads_the_keys_that_the_first_leaves),
        cmocka_unit_test(what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(secrets_are_not_printed),
        cmocka_unit_test(the_manual_names_type_bounds_and_default),
        cmocka_unit_test(a_secret_is_the_first_line_of_a_file_that_others_cannot_read),
        cmocka_unit_test(whoever_has_read_a_secret_writes_no_core_file),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
