/* notify.c: one datagram to whoever asked for it. */
#include "io/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

/* A bound socket, its name in NOTIFY_SOCKET; an abstract one leaves nothing behind. */
static int manager(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    size_t n = strlen(name);
    assert_true(fd >= 0 && n < sizeof(at.sun_path));
    memcpy(at.sun_path, name, n);
    if (name[0] == '@') at.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (struct sockaddr *)&at,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (name[0] == '/'))),
                     0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void assert_hears(int fd, const char *word)
{
    char text[64] = "";
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
    assert_int_equal(n, strlen(word));
    assert_string_equal(text, word);
}

static void both_kinds_of_socket_hear_it(void **state)
{
    (void)state;
    char names[2][64];
    (void)snprintf(names[0], sizeof(names[0]), "@tocsin-test-%ld", (long)getpid());
    (void)snprintf(names[1], sizeof(names[1]), "/tmp/tocsin-test-notify-%ld", (long)getpid());
    for (int i = 0; i < 2; i++) {
        int fd = manager(names[i]);
        notify_ready();
        assert_hears(fd, "READY=1");
        notify_stopping();
        assert_hears(fd, "STOPPING=1");
        assert_int_equal(close(fd), 0);
        if (names[i][0] == '/') assert_int_equal(unlink(names[i]), 0);
    }
}

static void nobody_asked_nobody_there_and_nonsense_are_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"", "/", "relative", "/tmp/tocsin-nobody-here"};
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        notify_ready();
    }
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    notify_ready();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_of_socket_hear_it),
        cmocka_unit_test(nobody_asked_nobody_there_and_nonsense_are_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
