/* Ward screens by the thousand: opens a stream a line of standard input (a path), and notes when each has a word in it.
 *
 *   screen_clients PORT WORD [tls] < paths
 *
 * With tls nothing is verified: the certificate is the bench's own.
 * Prints "ready" when every screen has had its first event, and when the last has the word {"screens","first_us","last_us"}.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum { SCREENS = 10000 };

struct screen {
    int fd;
    SSL *tls;
    bool greeted, told;
    size_t matched, greeting; /* how much of the word, and of "data:", the last bytes are */
};

static struct screen screens[SCREENS];
static SSL_CTX *tls;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* True when the bytes end a first occurrence of the word; it may begin in the read before. */
static bool finds(const char *word, size_t *matched, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != word[*matched]) *matched = 0;
        if (bytes[i] == word[*matched] && !word[++*matched]) return true;
    }
    return false;
}

/* Connects and asks; the socket does not block afterwards. */
static bool screen_open(struct screen *s, const struct sockaddr_in *to, const char *ask, int n)
{
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (const struct sockaddr *)to, sizeof(*to)) != 0) return false;
    if (tls) {
        s->tls = SSL_new(tls);
        SSL_set_fd(s->tls, s->fd);
        if (SSL_connect(s->tls) != 1 || SSL_write(s->tls, ask, n) != n) return false;
    } else if (write(s->fd, ask, (size_t)n) != n) {
        return false;
    }
    return fcntl(s->fd, F_SETFL, O_NONBLOCK) == 0;
}

/* How many bytes came; 0: no more for now; -1: it is over. */
static ssize_t screen_read(struct screen *s, char *bytes, size_t room)
{
    if (!s->tls) {
        ssize_t got = recv(s->fd, bytes, room, 0);
        return got > 0 ? got : got < 0 && errno == EAGAIN ? 0 : -1;
    }
    int got = SSL_read(s->tls, bytes, (int)room);
    return got > 0 ? got : SSL_get_error(s->tls, got) == SSL_ERROR_WANT_READ ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct rlimit files = {.rlim_cur = 20000, .rlim_max = 20000};
    if (argc < 3 || argc > 4 || setrlimit(RLIMIT_NOFILE, &files) != 0) {
        (void)fputs("usage: screen_clients PORT WORD [tls] < paths (needs 20,000 open files)\n", stderr);
        return 2;
    }
    if (argc == 4) tls = SSL_CTX_new(TLS_client_method());
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)strtol(argv[1], NULL, 10))};
    int epoll = epoll_create1(EPOLL_CLOEXEC), n = 0, greeted = 0, told = 0;
    char line[600], bytes[16384];
    while (n < SCREENS && fgets(line, sizeof(line) - 100, stdin)) {
        char ask[700];
        line[strcspn(line, "\n")] = '\0';
        int len = snprintf(ask, sizeof(ask), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", line);
        if (!screen_open(&screens[n], &a, ask, len)) {
            perror("screen_clients");
            return 1;
        }
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &screens[n]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, screens[n++].fd, &e);
    }
    struct epoll_event ready[256];
    int64_t first = 0;
    while (told < n) {
        int some = epoll_wait(epoll, ready, 256, -1);
        for (int i = 0; i < some; i++) {
            struct screen *s = ready[i].data.ptr;
            ssize_t got = screen_read(s, bytes, sizeof(bytes));
            if (got == 0) continue;
            if (got < 0) {
                (void)fputs("screen_clients: a screen was cut off\n", stderr);
                return 1;
            }
            if (!s->greeted && finds("data:", &s->greeting, bytes, (size_t)got)) {
                s->greeted = true;
                if (++greeted == n) {
                    (void)puts("ready");
                    (void)fflush(stdout);
                }
            }
            if (!s->told && finds(argv[2], &s->matched, bytes, (size_t)got)) {
                s->told = true;
                told++;
                if (!first) first = now_us();
            }
        }
    }
    (void)printf("{\"screens\":%d,\"first_us\":%lld,\"last_us\":%lld}\n", n, (long long)first,
                 (long long)now_us());
    return 0;
}
