/* A file as a whole, a folder. */
#include "unit.h"

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
        assert_int_equal(file_read(paths[i], &b, &why), RELAY_IO);
        assert_non_null(strstr(why.text, paths[i]));
    }
}

static void a_folder_is_made_or_was_there(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_file.XXXXXX";
    struct reason why;
    assert_non_null(mkdtemp(dir));
    CLEANUP(free_ptr) char *path = xasprintf("%s/a", dir), *deep = xasprintf("%s/b/c", dir);
    assert_int_equal(folder_make(path, 0750, &why), RELAY_OK);
    assert_int_equal(folder_make(path, 0750, &why), RELAY_OK);
    assert_int_equal(folder_make(deep, 0750, &why), RELAY_IO);
    assert_non_null(strstr(why.text, deep));
    assert_int_equal(rmdir(path) | rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_up_to_the_limit_and_not_beyond),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(a_folder_is_made_or_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
