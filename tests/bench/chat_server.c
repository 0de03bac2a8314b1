/* A chat service that is not the limit: one epoll loop, HTTP/1.1 with keep-alive, plain or over TLS. Answers as WeCom does,
 * after a delay, and notes when the last request of each key came. Some keys never answer, some slowly.
 *
 *   chat_server --delay MS [--port N] [--tls CERT KEY] [--dead-every N] [--slow-every N --slow-ms MS]
 *
 * Keys are g0, g1 …: g0, gN … are dead, g1, gN+1 … slow. Prints its port. GET /stats, /times (a line a key: its number,
 * when its first request came in microseconds, how many there were), /body (the first body), /reset.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

enum { KEYS = 10000, ROOM = 32 * 1024, WAITING = 1 << 16 };

struct conn {
    int fd;
    SSL *tls;
    bool shaken;
    size_t n;
    unsigned generation;
    char in[ROOM];
};

struct waiting { /* an answer that is due later */
    struct conn *conn;
    unsigned generation;
    int64_t at;
};

struct queue { /* one delay each, so that it is in order by itself */
    struct waiting items[WAITING];
    size_t first, n;
    int64_t delay_us;
};

static struct queue usual, slow;
static int64_t seen[KEYS], first_us, last_us;
static int times[KEYS];
static size_t count, answered;
static int dead_every, slow_every;
static char *first_body;
static SSL_CTX *tls;
static int epoll;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void drop(struct conn *c)
{
    if (c->tls) SSL_free(c->tls);
    close(c->fd);
    c->tls = NULL;
    c->fd = -1;
    c->generation++;
}

static void say(struct conn *c, const char *bytes, size_t n)
{
    ssize_t done = c->tls ? SSL_write(c->tls, bytes, (int)n) : send(c->fd, bytes, n, MSG_NOSIGNAL);
    if (done != (ssize_t)n) drop(c); /* answers are small: a socket that does not take one is gone */
}

static void answer(struct conn *c)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                             "27\r\n\r\n{\"errcode\":0,\"errmsg\":\"ok\"}";
    answered++;
    last_us = now_us();
    say(c, ok, sizeof(ok) - 1);
}

static void page(struct conn *c, const char *path)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(1 << 20), all = BUF_INIT(1 << 20);
    if (strncmp(path, "/stats", 6) == 0) {
        buf_printf(&body, "{\"requests\":%zu,\"answered\":%zu,\"first_us\":%lld,\"last_us\":%lld}", count,
                   answered, (long long)first_us, (long long)last_us);
    } else if (strncmp(path, "/times", 6) == 0) {
        for (int i = 0; i < KEYS; i++)
            if (seen[i]) buf_printf(&body, "%d %lld %d\n", i, (long long)seen[i], times[i]);
    } else if (strncmp(path, "/body", 5) == 0) {
        buf_str(&body, first_body ? first_body : "");
    } else if (strncmp(path, "/reset", 6) == 0) {
        memset(seen, 0, sizeof(seen));
        memset(times, 0, sizeof(times));
        count = answered = 0;
        first_us = last_us = 0;
    }
    buf_printf(&all, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", body.len, buf_cstr(&body));
    say(c, buf_cstr(&all), all.len);
}

static void later(struct queue *q, struct conn *c)
{
    if (q->delay_us == 0) {
        answer(c);
        return;
    }
    if (q->n == WAITING) {
        drop(c);
        return;
    }
    q->items[(q->first + q->n++) % WAITING] = (struct waiting){c, c->generation, now_us() + q->delay_us};
}

static void request(struct conn *c, const char *body, size_t body_len)
{
    if (strncmp(c->in, "GET ", 4) == 0) {
        page(c, c->in + 4);
        return;
    }
    const char *key = strstr(c->in, "key=g");
    int number = key ? (int)strtol(key + 5, NULL, 10) : -1;
    int64_t now = now_us();
    if (!first_us) first_us = now;
    if (!first_body) first_body = xstrndup(body, body_len);
    if (number >= 0 && number < KEYS && !seen[number]) seen[number] = now;
    if (number >= 0 && number < KEYS) times[number]++;
    count++;
    if (number >= 0 && dead_every && number % dead_every == 0) return;
    later(number >= 0 && slow_every && number % slow_every == 1 ? &slow : &usual, c);
}

/* Whole requests in the buffer, one after another. */
static void take(struct conn *c)
{
    for (;;) {
        c->in[c->n] = '\0';
        char *head = strstr(c->in, "\r\n\r\n");
        if (!head) return;
        const char *length = strcasestr(c->in, "content-length:");
        size_t body = length && length < head ? (size_t)strtoul(length + 15, NULL, 10) : 0;
        size_t all = (size_t)(head + 4 - c->in) + body;
        if (all >= ROOM) {
            drop(c);
            return;
        }
        if (c->n < all) return;
        request(c, head + 4, body);
        if (c->fd < 0) return;
        memmove(c->in, c->in + all, c->n - all);
        c->n -= all;
    }
}

static void readable(struct conn *c)
{
    if (c->tls && !c->shaken) {
        int done = SSL_accept(c->tls);
        if (done != 1) {
            int why = SSL_get_error(c->tls, done);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) drop(c);
            return;
        }
        c->shaken = true;
    }
    for (;;) {
        size_t room = ROOM - 1 - c->n;
        ssize_t n = c->tls ? SSL_read(c->tls, c->in + c->n, (int)room) : recv(c->fd, c->in + c->n, room, 0);
        if (n <= 0) {
            bool again =
                c->tls ? SSL_get_error(c->tls, (int)n) == SSL_ERROR_WANT_READ : n < 0 && errno == EAGAIN;
            if (!again) drop(c);
            return;
        }
        c->n += (size_t)n;
        take(c);
        if (c->fd < 0) return;
        if (!c->tls && (size_t)n < room) return; /* level-triggered: what came meanwhile wakes us */
    }
}

static void arrive(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        struct conn *c = xcalloc(1, sizeof(*c)); /* kept to the end: an answer may still name it */
        c->fd = fd;
        if (tls) {
            c->tls = SSL_new(tls);
            SSL_set_fd(c->tls, fd);
        }
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    }
}

/* Answers whose time has come; when the next is due, in ms. */
static int due(struct queue *q)
{
    while (q->n) {
        struct waiting *w = &q->items[q->first];
        int64_t left = w->at - now_us();
        if (left > 0) return (int)((left + 999) / 1000);
        if (w->conn->generation == w->generation && w->conn->fd >= 0) answer(w->conn);
        q->first = (q->first + 1) % WAITING;
        q->n--;
    }
    return -1;
}

static int sooner(int a, int b)
{
    return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

static int number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
    int port = 0;
    const char *cert = NULL, *key = NULL;
    struct rlimit files = {.rlim_cur = 20000, .rlim_max = 20000};
    (void)setrlimit(RLIMIT_NOFILE, &files); /* else what there is must do */
    (void)signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0) port = number(argv[i + 1]);
        if (strcmp(argv[i], "--delay") == 0) usual.delay_us = 1000LL * number(argv[i + 1]);
        if (strcmp(argv[i], "--dead-every") == 0) dead_every = number(argv[i + 1]);
        if (strcmp(argv[i], "--slow-every") == 0) slow_every = number(argv[i + 1]);
        if (strcmp(argv[i], "--slow-ms") == 0) slow.delay_us = 1000LL * number(argv[i + 1]);
        if (strcmp(argv[i], "--cert") == 0) cert = argv[i + 1];
        if (strcmp(argv[i], "--key") == 0) key = argv[i + 1];
    }
    if (cert && key) {
        tls = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
            SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
            (void)fputs("chat_server: the certificate cannot be used\n", stderr);
            return 1;
        }
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    socklen_t n = sizeof(a);
    if (bind(listener, (struct sockaddr *)&a, n) != 0 || listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&a, &n) != 0) {
        perror("chat_server");
        return 1;
    }
    (void)printf("%d\n", ntohs(a.sin_port));
    (void)fflush(stdout);
    struct epoll_event e = {.events = EPOLLIN}, ready[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int some = epoll_wait(epoll, ready, 256, sooner(due(&usual), due(&slow)));
        for (int i = 0; i < some; i++) {
            struct conn *c = ready[i].data.ptr;
            if (!c)
                arrive(listener);
            else if (c->fd >= 0)
                readable(c);
        }
    }
}
