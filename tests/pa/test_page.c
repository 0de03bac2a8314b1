/* The address of the page. */
#include "unit.h"

#include "player/page.h"

static void addresses_are_read_and_others_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        int port;
        bool loopback;
    } good[] = {{"127.0.0.1:8490", "127.0.0.1", 8490, true},
                {"[::1]:80", "::1", 80, true},
                {"0.0.0.0:0", "0.0.0.0", 0, false},
                {"[::]:65535", "::", 65535, false}};
    static const char *const bad[] = {
        "",       "8490",    ":8490", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000",
        "::1:80", "[::1:80", "a:-1",  "a:1 "};
    char host[64];
    int port;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(page_listen(good[i].text, host, &port));
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
        assert_int_equal(page_is_loopback(host), good[i].loopback);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        if (page_listen(bad[i], host, &port)) fail_msg("%s was taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses_are_read_and_others_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
