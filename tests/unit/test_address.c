/* Which addresses outgoing requests may reach. */
#include "io/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/mem.h"

#include <cmocka.h> /* last: it takes the name `fail` */

static const char *const open_ones[] = {
    "1.1.1.1",     "8.8.8.8",         "9.255.255.255", "11.0.0.0",   "100.63.255.255", "100.128.0.0",
    "126.0.0.1",   "128.0.0.1",       "169.253.1.1",   "172.15.0.1", "172.32.0.1",     "192.167.1.1",
    "192.169.1.1", "223.255.255.255", "2400:3200::1",  "240c::6666", "2001:1::1",      "64:ff9b::1.1.1.1",
};

static const char *const closed_ones[] = {
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:1.1.1.1",
    "::ffff:127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fdff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "",
    "localhost",
    "127.1",
};

static bool sockaddr_is_public(const char *text)
{
    struct sockaddr_storage s = {0};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        memcpy(&s, &v4, sizeof(v4));
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        memcpy(&s, &v6, sizeof(v6));
    else
        s.ss_family = AF_UNIX;
    return address_is_public((struct sockaddr *)&s);
}

static void public_addresses_are_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(open_ones); i++) {
        if (!address_text_is_public(open_ones[i])) fail_msg("%s as text", open_ones[i]);
        if (!sockaddr_is_public(open_ones[i])) fail_msg("%s as an address", open_ones[i]);
    }
}

static void every_other_address_is_closed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(closed_ones); i++) {
        if (address_text_is_public(closed_ones[i])) fail_msg("%s as text", closed_ones[i]);
        if (sockaddr_is_public(closed_ones[i])) fail_msg("%s as an address", closed_ones[i]);
    }
}

static void listen_addresses_are_taken_apart(void **state)
{
    (void)state;
    char host[46];
    int port;
    assert_true(address_listen("[::1]:8480", host, &port));
    assert_string_equal(host, "::1");
    assert_int_equal(port, 8480);
    assert_true(address_listen("10.1.2.3:0", host, &port));
    assert_string_equal(host, "10.1.2.3");
    static const char *const wrong[] = {"",           ":",          ":80",
                                        "[]:80",      "[:80",       "1.2.3.4:",
                                        "127.0.0.1",  "8490",       "127.0.0.1:70000",
                                        "::1:80",     "[::1:80",    "127.0.0.1:1 ",
                                        "1.2.3.4:-1", "1.2.3.4:+1", "localhost:1"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) assert_false(address_listen(wrong[i], host, &port));
    assert_true(address_is_loopback("127.8.0.1"));
    assert_true(address_is_loopback("::1"));
    assert_true(address_is_loopback("/run/mosquitto.sock"));
    assert_false(address_is_loopback("0.0.0.0"));
    assert_false(address_is_loopback("::"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_addresses_are_open),
        cmocka_unit_test(every_other_address_is_closed),
        cmocka_unit_test(listen_addresses_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
