/* A file as a whole, a folder. */
#include "folder.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/file.h"

static void a_file_is_read_up_to_the_limit_and_not_beyond(void **state)
{
    (void)state;
    char path[] = "/tmp/test_file.XXXXXX";
    struct reason why;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "12\000456", 6) == 6 && close(fd) == 0);
    CLEANUP(buf_release) struct buf enough = BUF_INIT(6);
    assert_int_equal(file_read(path, &enough, &why), RELAY_OK);
    assert_int_equal(enough.len, 6);
    assert_memory_equal(buf_cstr(&enough), "12\000456", 6);
    CLEANUP(buf_release) struct buf little = BUF_INIT(5);
    assert_int_equal(file_read(path, &little, &why), RELAY_LIMIT);
    assert_non_null(strstr(why.text, path));
    assert_int_equal(unlink(path), 0);
}

static void what_cannot_be_read_is_named(void **state)
{
    (void)state;
    static const char *const paths[] = {"/no/such/file", "/tmp"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(100);
        struct reason why;
        assert_int_equal(file_read(paths[i], &b, &why), i ? RELAY_INVALID : RELAY_NOT_FOUND);
        assert_non_null(strstr(why.text, paths[i]));
    }
}

static void a_file_is_replaced_whole_or_not_at_all(void **state)
{
    (void)state;
    struct reason why;
    CLEANUP(free_ptr) char *path = folder_path("it"), *aside = folder_path("it.new");
    CLEANUP(buf_release) struct buf b = BUF_INIT(100);
    struct stat st;
    assert_int_equal(file_replace(path, "first", 5, 0600, &why), RELAY_OK);
    assert_int_equal(file_replace(path, "second", 6, 0600, &why), RELAY_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    /* The kernel lets a file grow to this size and not further, as a full disk does. */
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 3;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum relay_err err = file_replace(path, "third", 5, 0600, &why);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(err, RELAY_IO);
    assert_non_null(strstr(why.text, path));
    assert_int_equal(access(aside, F_OK), -1);
    assert_int_equal(file_read(path, &b, &why), RELAY_OK);
    assert_string_equal(buf_cstr(&b), "second");
}

static void a_folder_is_made_or_was_there(void **state)
{
    (void)state;
    struct reason why;
    CLEANUP(free_ptr) char *path = folder_path("a"), *deep = folder_path("b/c");
    assert_int_equal(folder_make(path, 0750, &why), RELAY_OK);
    assert_int_equal(folder_make(path, 0750, &why), RELAY_OK);
    assert_int_equal(folder_make(deep, 0750, &why), RELAY_IO);
    assert_non_null(strstr(why.text, deep));
    folder_put("file", "x");
    CLEANUP(free_ptr) char *file = folder_path("file");
    assert_int_equal(folder_make(file, 0750, &why), RELAY_CONFLICT);
    assert_non_null(strstr(why.text, "a folder is needed"));
}

static void a_file_that_will_be_needed_is_looked_at_before(void **state)
{
    (void)state;
    static const struct {
        const char *name, *content;
        bool pem;
        enum relay_err err;
        const char *says;
    } cases[] = {
        {"none", NULL, false, RELAY_NOT_FOUND, "put it there, or correct the path"},
        {"", NULL, false, RELAY_INVALID, "is a folder: name the file in it"},
        {"", NULL, true, RELAY_INVALID, "is a folder"},
        {"empty", "", true, RELAY_INVALID, "is empty"},
        {"empty", "", false, RELAY_OK, NULL},
        {"der", "0\x82\x03", true, RELAY_INVALID, "openssl x509 -inform der"},
        {"der", "0\x82\x03", false, RELAY_OK, NULL},
        {"pem", "Certificate:\n-----BEGIN CERTIFICATE-----\n", true, RELAY_OK, NULL},
        {"key", "-----BEGIN PRIVATE KEY-----\n", true, RELAY_OK, NULL},
    };
    CLEANUP(free_ptr) char *fifo = folder_path("fifo");
    struct reason why;
    for (size_t i = 0; i < COUNT(cases); i++) {
        CLEANUP(free_ptr) char *path = folder_path(cases[i].name);
        if (cases[i].content) folder_put(cases[i].name, cases[i].content);
        assert_int_equal(file_check(path, cases[i].pem, &why), cases[i].err);
        if (cases[i].says && !(strstr(why.text, cases[i].says) && strstr(why.text, path)))
            fail_msg("%s", why.text);
    }
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(file_check(fifo, false, &why), RELAY_OK); /* and does not wait for who writes into it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_up_to_the_limit_and_not_beyond),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test_setup_teardown(a_folder_is_made_or_was_there, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(a_file_that_will_be_needed_is_looked_at_before, folder_begin,
                                        folder_end),
        cmocka_unit_test_setup_teardown(a_file_is_replaced_whole_or_not_at_all, folder_begin, folder_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
