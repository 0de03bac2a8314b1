/* The token of the page. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "player/page.h"

#define TEN       "0123456789"
#define A_HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void a_token_is_neither_short_nor_endless_and_for_nobody_elses_eyes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mode_t mode;
        bool good;
    } tokens[] = {{"twelve-chars\n", 0600, true},
                  {"eleven-char\n", 0600, false},
                  {"twelve-chars\n", 0644, false},
                  {A_HUNDRED A_HUNDRED "1\n", 0600, false}};
    for (size_t i = 0; i < COUNT(tokens); i++) {
        char path[] = "/tmp/pa_page.XXXXXX";
        struct reason why;
        CLEANUP(free_ptr) char *token = NULL;
        int fd = mkstemp(path);
        ssize_t n = (ssize_t)strlen(tokens[i].text);
        assert_true(fd >= 0 && write(fd, tokens[i].text, (size_t)n) == n && fchmod(fd, tokens[i].mode) == 0);
        assert_int_equal(close(fd), 0);
        bool good = page_token(path, &token, &why) == RELAY_OK;
        assert_int_equal(unlink(path), 0);
        assert_int_equal(good, tokens[i].good);
        if (good)
            assert_string_equal(token, "twelve-chars");
        else
            assert_non_null(strstr(why.text, path));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_neither_short_nor_endless_and_for_nobody_elses_eyes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
