/* The file adapter, and the null one beside it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "send_double.h"

struct file_options { /* as adapters/file.c has it: one path */
    const char *path;
};

static char dir[] = "/tmp/tocsin-file-XXXXXX", path[64];
static struct file_options options = {path};
static struct target target = {.id = "file:journal", .name = "journal", .options = &options};
static const struct adapter_ops *ops;
static void *ctx;

static int setup(void **state)
{
    (void)state;
    const struct adapter_env env = {.now = double_now};
    struct reason why;
    ops = adapter_find("file");
    assert_non_null(ops);
    assert_int_equal(ops->options_size, sizeof(struct file_options));
    ctx = calloc(1, ops->ctx_size);
    (void)snprintf(path, sizeof(path), "%s/journal.jsonl", dir);
    return ops->open(ctx, &env, &why) == RELAY_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(ctx);
    unlink(path);
    return 0;
}

static struct send_outcome send_them(const struct message *m, size_t n)
{
    struct send op = {0};
    ops->send(ctx, &target, m, n, NULL, &op);
    assert_int_equal(op.done, 1);
    return op.out;
}

static size_t read_lines(char *text, size_t size)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, size - 1, f), lines = 0;
    text[n] = '\0';
    (void)fclose(f);
    for (size_t i = 0; i < n; i++) lines += text[i] == '\n';
    return lines;
}

static void each_delivery_is_one_line_of_json(void **state)
{
    (void)state;
    char text[16384];
    struct message m[2] = {a_message(), a_message()};
    m[1].delivery = "yanta-1-20261122-8.2/file:journal";
    m[1].may_be_repeat = true;
    assert_int_equal(send_them(m, 2).result, SEND_SENT);
    assert_int_equal(send_them(m, 1).result, SEND_SENT);
    assert_int_equal(read_lines(text, sizeof(text)), 3);
    const struct json_limits limits = {sizeof(text), 4};
    struct reason why;
    char *line = text;
    for (int i = 0; i < 3; i++) {
        char *end = strchr(line, '\n');
        CLEANUP(json_free_ptr) cJSON *j = NULL;
        assert_int_equal(json_parse(line, (size_t)(end - line), &limits, &j, &why), RELAY_OK);
        assert_string_equal(json_str_or(j, "delivery", ""), m[i == 1].delivery);
        assert_string_equal(json_str_or(j, "chat", ""), m[0].chat);
        assert_string_equal(json_str_or(j, "msgType", ""), "Alert");
        bool repeat = false;
        assert_int_equal(json_bool(j, "may_be_repeat", &repeat), RELAY_OK);
        assert_int_equal(repeat, i == 1);
        line = end + 1;
    }
}

static void a_path_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct reason why;
    struct message m = a_message();
    assert_int_equal(ops->check(ctx, &target, &why), RELAY_OK);
    (void)snprintf(path, sizeof(path), "%s/none/journal.jsonl", dir);
    assert_int_equal(ops->check(ctx, &target, &why), RELAY_IO);
    assert_non_null(strstr(why.text, path));
    assert_int_equal(send_them(&m, 1).result, SEND_RETRY);
}

static void a_full_disk_leaves_no_half_line(void **state)
{
    (void)state;
    struct message m = a_message();
    struct stat st;
    assert_int_equal(send_them(&m, 1).result, SEND_SENT);
    assert_int_equal(stat(path, &st), 0);
    /* The kernel lets a file grow to this size and not further, as a full disk does. */
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = (rlim_t)st.st_size + 50;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct send_outcome out = send_them(&m, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(out.result, SEND_RETRY);
    off_t size = st.st_size;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, size);
}

static void null_accepts_everything(void **state)
{
    (void)state;
    const struct adapter_ops *none = adapter_find("null");
    struct message m = a_message();
    struct send op = {0};
    none->send(NULL, &target, &m, 1, NULL, &op);
    assert_int_equal(op.done, 1);
    assert_int_equal(op.out.result, SEND_SENT);
    assert_null(adapter_find("nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_delivery_is_one_line_of_json, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_that_cannot_be_written_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_no_half_line, setup, teardown),
        cmocka_unit_test(null_accepts_everything),
    };
    if (!mkdtemp(dir)) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(dir);
    return failed;
}
