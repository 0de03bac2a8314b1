/* The YAML reader: what a node remembers, and what each refusal tells a person to do. */
#include "io/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "base/buf.h"

#include <cmocka.h> /* after ours: it has a macro `fail` */

static struct arena arena;
static struct reason why;

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static enum relay_err load_n(const char *text, size_t n, struct yaml_node **ret)
{
    why.text[0] = '\0';
    return yaml_load_text("t.yaml", text, n, &arena, ret, &why);
}

static struct yaml_node *load(const char *text)
{
    struct yaml_node *root = NULL;
    enum relay_err err = load_n(text, strlen(text), &root);
    if (err) fail_msg("%s", why.text);
    return root;
}

static void nodes_remember_line_column_and_quotes(void **state)
{
    (void)state;
    const struct yaml_node *root = load("# first\nrelay: {id: yanta-1}\nlist:\n  - 'a b'\n  - plain\n"
                                        "text: |\n  one\n  two\n");
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->n, 3);
    assert_string_equal(root->keys[1]->text, "list");
    assert_int_equal(root->keys[1]->line, 3);
    const struct yaml_node *list = yaml_get(root, "list");
    assert_int_equal(list->kind, YAML_LIST);
    assert_int_equal(list->n, 2);
    assert_true(list->items[0]->quoted);
    assert_string_equal(list->items[0]->text, "a b");
    assert_int_equal(list->items[0]->line, 4);
    assert_int_equal(list->items[0]->column, 5);
    assert_false(list->items[1]->quoted);
    const struct yaml_node *text = yaml_get(root, "text");
    assert_true(text->quoted);
    assert_string_equal(text->text, "one\ntwo\n");
    assert_int_equal(text->text_len, 8);
    assert_string_equal(text->file, "t.yaml");
    assert_string_equal(yaml_get(yaml_get(root, "relay"), "id")->text, "yanta-1");
    assert_null(yaml_get(root, "none"));
    assert_null(yaml_get(list, "none"));
    assert_null(yaml_get(NULL, "none"));
}

static void columns_count_characters_and_not_bytes(void **state)
{
    (void)state;
    const struct yaml_node *root = load("医院: {名称: 交大}\n");
    assert_int_equal(root->items[0]->column, 5);
    assert_string_equal(yaml_get(yaml_get(root, "医院"), "名称")->text, "交大");
}

static void scalars_stay_text(void **state)
{
    (void)state;
    const struct yaml_node *root = load("a: no\nb: ~\nc: 012\nd:\ne: ''\nf: 1.0\n");
    assert_string_equal(yaml_get(root, "a")->text, "no");
    assert_string_equal(yaml_get(root, "b")->text, "~");
    assert_string_equal(yaml_get(root, "c")->text, "012");
    assert_string_equal(yaml_get(root, "d")->text, "");
    assert_false(yaml_get(root, "d")->quoted);
    assert_true(yaml_get(root, "e")->quoted);
    assert_string_equal(yaml_get(root, "f")->text, "1.0");
}

static void a_byte_order_mark_and_windows_line_ends_are_read(void **state)
{
    (void)state;
    const struct yaml_node *root = load("\xEF\xBB\xBF"
                                        "a: b\r\nc: d\r\n");
    assert_string_equal(yaml_get(root, "a")->text, "b");
    assert_int_equal(yaml_get(root, "c")->line, 2);
}

static void what_is_refused_names_the_place_and_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"a: &x 1\n", "t.yaml:1:4: anchors"},
        {"a: *x\n", "t.yaml:1:4: anchors"},
        {"a: *号\n", "t.yaml:1:4: a value that begins with *, & or !"},
        {"a: !!str x\n", "t.yaml:1:4: tags"},
        {"a: ! x\n", "t.yaml:1:4: tags"},
        {"<<: {a: 1}\n", "t.yaml:1:1: merge keys"},
        {"a: 1\nb: 2\na: 3\n", "t.yaml:3:1: `a` stands here for the second time, first in line 1"},
        {"x:\n  - {k: 1, 'k': 2}\n", "t.yaml:2:12: `k` stands here for the second time"},
        {"[a, b]: c\n", "a key must be a simple word"},
        {"a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document"},
        {"", "t.yaml:1:1: the file is empty"},
        {"# nothing\n", "the file is empty"},
        {"---\n", "the file is empty"},
        {"a:\n\tb: 1\n", "t.yaml:2:1: a tab stands here"},
        {"a:\n  - x\n\t- y\n", "a tab stands here"},
        {"a: 1\nb: 'open\nc: 2\n", "t.yaml:2:4: the quote that opens here is never closed"},
        {"a: \"open\n", "t.yaml:1:4: the quote that opens here is never closed"},
        {"a: \"\\d+\"\n", "write the value in single quotes"},
        {"a: @here\n", "t.yaml:1:4: a value that begins with this character"},
        {"a: `x`\n", "must stand in single quotes"},
        {"id：yanta\nb: 1\n", "t.yaml:1:1: this line has a full-width colon"},
        {"a:\n  b: 1\n  c：2\n  d: 3\n", "t.yaml:3:1: this line has a full-width colon"},
        {"a: 1\nb：2\n", "t.yaml:2:1: this line has a full-width colon"},
        {"a: b: c\n", "t.yaml:1:5: `: ` is not possible here"},
        {"a: [1, 2\nb: 3\n", "t.yaml:1:4: the list that opens with ["},
        {"a: {x: 1\nb: 3\n", "t.yaml:1:4: the block that opens with {"},
        {"a:\n  b: 1\n c: 2\n", "t.yaml:3:2: the indentation does not fit"},
        {"a: 'x' y\n", "t.yaml:1:8: the indentation does not fit the lines above, or a quote"},
        {"a: \"x\\0y\"\n", "U+0000"},
        {"a: 1\nb: \x01\n", "t.yaml:2:4: a control character"},
        {"a: 1\nb: \xD2\xBD\xB1\xA3\n", "t.yaml:2:1: not UTF-8 (GBK"},
        {"\xFF\xFE"
         "a",
         "t.yaml:1:1: not UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct yaml_node *root = NULL;
        if (load_n(cases[i].text, strlen(cases[i].text), &root) == RELAY_OK)
            fail_msg("was read: %s", cases[i].text);
        assert_null(root);
        if (!strstr(why.text, cases[i].expected)) fail_msg("%s: is not: %s", why.text, cases[i].expected);
    }
}

static void the_depth_is_limited(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    for (int i = 0; i < 32; i++) buf_char(&b, '[');
    for (int i = 0; i < 32; i++) buf_char(&b, ']');
    (void)load(b.data);
    buf_clear(&b);
    for (int i = 0; i < 33; i++) buf_char(&b, '[');
    struct yaml_node *root = NULL;
    assert_int_equal(load_n(b.data, b.len, &root), RELAY_LIMIT);
    assert_non_null(strstr(why.text, "t.yaml:1:33: nested deeper than 32"));
}

static void a_file_over_four_mebibytes_is_refused(void **state)
{
    (void)state;
    size_t n = 4 * 1024 * 1024 + 1;
    CLEANUP(free_ptr) char *text = xmalloc(n);
    memset(text, '#', n);
    struct yaml_node *root = NULL;
    assert_int_equal(load_n(text, n, &root), RELAY_LIMIT);
    assert_non_null(strstr(why.text, "4 MiB"));
}

static void a_map_of_many_keys_is_read_in_no_time(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(4 * 1024 * 1024);
    for (int i = 0; i < 50000; i++) buf_printf(&b, "k%d: v\n", i);
    assert_int_equal(load(b.data)->n, 50000);
}

static void files_are_named_when_they_cannot_be_read(void **state)
{
    (void)state;
    struct yaml_node *root = NULL;
    assert_int_equal(yaml_load("/nonexistent/x.yaml", &arena, &root, &why), RELAY_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nonexistent/x.yaml"));
    assert_int_equal(yaml_load("/", &arena, &root, &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "a folder"));

    char path[] = "/tmp/test-yaml-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a: b\n", 5), 5);
    (void)close(fd);
    enum relay_err err = yaml_load(path, &arena, &root, &why);
    (void)unlink(path);
    assert_int_equal(err, RELAY_OK);
    assert_string_equal(root->file, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_remember_line_column_and_quotes),
        cmocka_unit_test(columns_count_characters_and_not_bytes),
        cmocka_unit_test(scalars_stay_text),
        cmocka_unit_test(a_byte_order_mark_and_windows_line_ends_are_read),
        cmocka_unit_test(what_is_refused_names_the_place_and_what_to_do),
        cmocka_unit_test(the_depth_is_limited),
        cmocka_unit_test(a_file_over_four_mebibytes_is_refused),
        cmocka_unit_test(a_map_of_many_keys_is_read_in_no_time),
        cmocka_unit_test(files_are_named_when_they_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
