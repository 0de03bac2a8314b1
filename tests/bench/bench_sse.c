/* One snapshot to 5,000 open screens: how long until the last has it, how much processor time one turn took at most, and what it costs in
 * memory. The screens are a process of their own, which notes when the last of them has read it. */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/http_server.h"
#include "timing.h"

enum { SCREENS = 5000, ROUNDS = 5, EVENT = 500 };

struct shared {
    volatile int connected, received;
};

static struct http_stream *streams[SCREENS];
static int n_streams;

static void on_gone(void *arg)
{
    (void)arg;
}

static void on_stream(void *arg, struct http_exchange *x)
{
    (void)arg;
    streams[n_streams++] = http_stream_open(x, "text/event-stream", on_gone, NULL);
}

/* The screens: connect, ask, and count the ends of events ("END"). */
static void be_screens(int port, struct shared *s)
{
    static const char ask[] = "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n";
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int epoll = epoll_create1(0);
    for (int i = 0; i < SCREENS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) _exit(1);
        if (write(fd, ask, sizeof(ask) - 1) != (ssize_t)sizeof(ask) - 1) _exit(1);
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
        s->connected++;
    }
    struct epoll_event e[256];
    char bytes[4096];
    for (;;) {
        int n = epoll_wait(epoll, e, 256, -1);
        for (int i = 0; i < n; i++) {
            ssize_t got = read(e[i].data.fd, bytes, sizeof(bytes));
            if (got <= 0) _exit(0);
            if (memmem(bytes, (size_t)got, "END", 3)) s->received++;
        }
    }
}

static long rss_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    char line[100] = "", *resident = line;
    if (f && fgets(line, sizeof(line), f)) (void)strtol(line, &resident, 10); /* the first is the total */
    if (f) (void)fclose(f);
    return strtol(resident, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(void)
{
    struct rlimit files = {.rlim_cur = 20000, .rlim_max = 20000};
    struct loop *loop;
    struct http_server *server;
    struct reason why;
    const struct http_server_options o = {.host = "127.0.0.1", .max_connections = 6000};
    struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 || s == MAP_FAILED) {
        (void)fputs("bench_sse: needs 20,000 open files\n", stderr);
        return 1;
    }
    long before = rss_kib();
    if (loop_new(&loop, &why) != RELAY_OK || http_server_new(loop, &o, &server, &why) != RELAY_OK) return 1;
    http_server_on(server, "GET", "/stream", on_stream, NULL);
    pid_t pid = fork();
    if (pid == 0) be_screens(http_server_port(server), s);
    while (n_streams < SCREENS) {
        loop_wait(loop, clock_now().mono + 20);
        http_server_run(server);
        http_server_release(server);
    }
    CLEANUP(buf_release) struct buf event = BUF_INIT(4096);
    double last = 0;
    double longest = 0;
    for (int round = 0; round < ROUNDS; round++) {
        buf_clear(&event);
        buf_printf(&event, "data: %d", round);
        while (event.len < EVENT) buf_char(&event, 'x');
        buf_str(&event, "END\n\n");
        int before_them = s->received;
        double begin = seconds_by(CLOCK_MONOTONIC);
        for (int i = 0; i < n_streams; i++) http_stream_set(streams[i], event.data, event.len);
        while (s->received - before_them < SCREENS) {
            double turn = seconds_by(CLOCK_THREAD_CPUTIME_ID);
            http_server_run(server);
            http_server_release(server);
            turn = seconds_by(CLOCK_THREAD_CPUTIME_ID) - turn;
            if (turn > longest) longest = turn;
            int64_t due = http_server_next_due(server), soon = clock_now().mono + 1;
            loop_wait(loop, due < soon ? due : soon);
        }
        last += (seconds_by(CLOCK_MONOTONIC) - begin) * 1e3;
    }
    long memory = rss_kib() - before;
    http_server_free(server);
    loop_free(loop);
    waitpid(pid, NULL, 0);
    (void)printf("{\"bench\":\"sse %d screens\",\"ours\":%.1f,\"unit\":\"ms to the "
                 "last\",\"longest_turn_cpu_ms\":%.1f,"
                 "\"memory_mib\":%.0f}\n",
                 SCREENS, last / ROUNDS, longest * 1e3, (double)memory / 1024);
    return 0;
}
