/* Publishes events as fast as a broker takes them, or at a rate: a bare QoS 1 MQTT 5 encoder over one socket, so that the
 * publisher is not what limits a measurement.
 *
 *   mqtt_blaster (--port N | --unix PATH) --topic T --count N [--rate N] [--inflight N] [--ids sequential|random]
 *                [--lines FILE] [--first N]
 *
 * FILE has templates, a line each, used in turn: @ID@ is the event's id, @SEQ@ its number, @TIME@ now (RFC 3339, UTC),
 * @NS@ the monotonic clock in ns. Ends when every message is acknowledged, and prints one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/banned.h"

enum { OUT_BYTES = 1 << 20, IN_BYTES = 1 << 16, MESSAGE_MAX = 64 * 1024, LINES_MAX = 10000 };

static const char builtin[] =
    "{\"event_id\":\"@ID@\",\"seq\":@SEQ@,\"sent_at\":\"@TIME@\",\"kind\":\"sms\",\"area\":\"610113\","
    "\"text\":"
    "\"您的快递已到小区门口，请凭取件码领取，如有疑问请联系派送员，祝您生活愉快，感谢您的支持与配合。\"}";

static struct {
    const char *host, *unix_path, *topic, *lines_file;
    int port, inflight;
    long count, first;
    double rate;
    bool random_ids;
} o = {.host = "127.0.0.1", .topic = "", .inflight = 1000, .count = 1, .first = 1};

static struct {
    int fd;
    unsigned char out[OUT_BYTES], in[IN_BYTES];
    size_t out_len, out_sent, in_len;
    long made, acked, refused;
    bool connected;
    const char *lines[LINES_MAX];
    int n_lines;
    uint64_t random;
    char time_text[32];
    time_t time_of;
} s;

static void die(const char *what)
{
    (void)fprintf(stderr, "mqtt_blaster: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- encoding ---- */

static void put(const void *bytes, size_t n)
{
    memcpy(s.out + s.out_len, bytes, n);
    s.out_len += n;
}

static void put_u16(size_t v)
{
    unsigned char b[2] = {(unsigned char)(v >> 8), (unsigned char)v};
    put(b, 2);
}

static void put_header(unsigned char first, size_t rest)
{
    put(&first, 1);
    do {
        unsigned char b = (unsigned char)(rest % 128);
        rest /= 128;
        if (rest) b |= 0x80;
        put(&b, 1);
    } while (rest);
}

static void put_connect(void)
{
    char id[32];
    size_t n = (size_t)snprintf(id, sizeof(id), "blaster-%ld", (long)getpid());
    put_header(0x10, 10 + 1 + 2 + n);
    put("\0\4MQTT\5\2\0\0\0", 11); /* MQTT 5, clean start, no keep-alive, no properties */
    put_u16(n);
    put(id, n);
}

static uint64_t next_random(void)
{
    s.random ^= s.random << 13;
    s.random ^= s.random >> 7;
    s.random ^= s.random << 17;
    return s.random;
}

static size_t value_of(const char *name, long number, char *out, size_t size)
{
    if (strncmp(name, "@ID@", 4) == 0 && o.random_ids)
        return (size_t)snprintf(out, size, "%016llx%016llx", (unsigned long long)next_random(),
                                (unsigned long long)next_random());
    if (strncmp(name, "@ID@", 4) == 0) return (size_t)snprintf(out, size, "b-%012ld", number);
    if (strncmp(name, "@SEQ@", 5) == 0) return (size_t)snprintf(out, size, "%ld", number);
    if (strncmp(name, "@NS@", 4) == 0) return (size_t)snprintf(out, size, "%lld", (long long)now_ns());
    time_t t = time(NULL);
    if (t != s.time_of) {
        struct tm tm;
        s.time_of = t;
        (void)strftime(s.time_text, sizeof(s.time_text), "%Y-%m-%dT%H:%M:%S+00:00", gmtime_r(&t, &tm));
    }
    return (size_t)snprintf(out, size, "%s", s.time_text);
}

static size_t render(const char *line, long number, char *out)
{
    static const char *const names[] = {"@ID@", "@SEQ@", "@TIME@", "@NS@"};
    size_t n = 0;
    while (*line && n < MESSAGE_MAX - 64) {
        size_t plain = strcspn(line, "@");
        if (plain > MESSAGE_MAX - 64 - n) plain = MESSAGE_MAX - 64 - n;
        memcpy(out + n, line, plain);
        n += plain;
        line += plain;
        if (*line != '@') continue;
        size_t i = 0;
        while (i < 4 && strncmp(line, names[i], strlen(names[i])) != 0) i++;
        if (i == 4) {
            out[n++] = *line++;
        } else {
            n += value_of(line, number, out + n, 64);
            line += strlen(names[i]);
        }
    }
    return n;
}

static void put_event(long number)
{
    static char payload[MESSAGE_MAX];
    size_t topic = strlen(o.topic), n = render(s.lines[number % s.n_lines], number, payload);
    put_header(0x32, 2 + topic + 2 + 1 + n);
    put_u16(topic);
    put(o.topic, topic);
    put_u16((size_t)(s.made % 65535) + 1); /* more than can be in flight lies between two of the same */
    put("", 1);                            /* no properties */
    put(payload, n);
    s.made++;
}

/* ---- the socket ---- */

static void open_socket(void)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_un un;
    } a = {0};
    socklen_t size;
    if (o.unix_path) {
        a.un.sun_family = AF_UNIX;
        (void)snprintf(a.un.sun_path, sizeof(a.un.sun_path), "%s", o.unix_path);
        size = sizeof(a.un);
    } else {
        a.in.sin_family = AF_INET;
        a.in.sin_port = htons((uint16_t)o.port);
        if (inet_pton(AF_INET, o.host, &a.in.sin_addr) != 1) die("--host is no IPv4 address");
        size = sizeof(a.in);
    }
    s.fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s.fd < 0 || connect(s.fd, &a.any, size) != 0) die("connect");
    (void)setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* not on a unix socket */
}

static void on_connack(const unsigned char *body, size_t n)
{
    if (n < 2 || body[1] != 0) {
        (void)fprintf(stderr, "mqtt_blaster: the broker refuses: reason %d\n", n < 2 ? -1 : body[1]);
        exit(1);
    }
    s.connected = true;
    /* Receive Maximum: more in flight than the broker allows would be an error of ours. */
    for (size_t i = 3; i + 2 < n; i++)
        if (body[i] == 0x21) {
            int limit = body[i + 1] << 8 | body[i + 2];
            if (limit < o.inflight) {
                (void)fprintf(stderr,
                              "mqtt_blaster: the broker allows %d in flight: set max_inflight_messages\n",
                              limit);
                o.inflight = limit;
            }
            return;
        }
}

static void take_packets(void)
{
    size_t at = 0;
    for (;;) {
        size_t header = at + 1, rest = 0;
        int shift = 0;
        do {
            if (header >= s.in_len) goto partial;
            rest |= (size_t)(s.in[header] & 0x7f) << shift;
            shift += 7;
        } while (s.in[header++] & 0x80);
        if (header + rest > s.in_len) break;
        switch (s.in[at] & 0xf0) {
        case 0x20: on_connack(s.in + header, rest); break;
        case 0x40:
            s.acked++;
            s.refused += rest > 2 && s.in[header + 2] != 0;
            break;
        case 0xe0:
            (void)fprintf(stderr, "mqtt_blaster: the broker ended the session: reason %d\n",
                          rest ? s.in[header] : 0);
            exit(1);
        default: break;
        }
        at = header + rest;
    }
partial:
    s.in_len -= at;
    memmove(s.in, s.in + at, s.in_len);
}

static void transfer(int timeout_ms)
{
    struct pollfd p = {.fd = s.fd, .events = (short)(POLLIN | (s.out_len > s.out_sent ? POLLOUT : 0))};
    if (poll(&p, 1, timeout_ms) <= 0) return;
    if (p.revents & POLLOUT) {
        ssize_t n = send(s.fd, s.out + s.out_sent, s.out_len - s.out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) die("send");
        if (n > 0) s.out_sent += (size_t)n;
        if (s.out_sent == s.out_len) s.out_sent = s.out_len = 0;
    }
    if (p.revents & (POLLIN | POLLHUP | POLLERR)) {
        ssize_t n = recv(s.fd, s.in + s.in_len, sizeof(s.in) - s.in_len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) die("the broker closed the connection");
        if (n > 0) s.in_len += (size_t)n;
        take_packets();
    }
}

/* ---- */

static void read_lines(void)
{
    FILE *f = o.lines_file ? fopen(o.lines_file, "re") : NULL;
    if (o.lines_file && !f) die(o.lines_file);
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    while (f && s.n_lines < LINES_MAX && (n = getline(&line, &size, f)) > 0) {
        if (line[n - 1] == '\n') line[n - 1] = '\0';
        if (*line) s.lines[s.n_lines++] = strdup(line);
    }
    free(line);
    if (f) (void)fclose(f);
    if (!s.n_lines) s.lines[s.n_lines++] = builtin;
}

static bool parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"host", 1, NULL, 'h'},  {"port", 1, NULL, 'p'},  {"unix", 1, NULL, 'u'},     {"topic", 1, NULL, 't'},
        {"count", 1, NULL, 'n'}, {"rate", 1, NULL, 'r'},  {"inflight", 1, NULL, 'i'}, {"ids", 1, NULL, 'd'},
        {"lines", 1, NULL, 'l'}, {"first", 1, NULL, 'f'}, {NULL, 0, NULL, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) switch (c) {
        case 'h': o.host = optarg; break;
        case 'p': o.port = (int)strtol(optarg, NULL, 10); break;
        case 'u': o.unix_path = optarg; break;
        case 't': o.topic = optarg; break;
        case 'n': o.count = strtol(optarg, NULL, 10); break;
        case 'r': o.rate = strtod(optarg, NULL); break;
        case 'i': o.inflight = (int)strtol(optarg, NULL, 10); break;
        case 'd': o.random_ids = strcmp(optarg, "random") == 0; break;
        case 'l': o.lines_file = optarg; break;
        case 'f': o.first = strtol(optarg, NULL, 10); break;
        default: return false;
        }
    return optind == argc && *o.topic && (o.port || o.unix_path) && o.count > 0 && o.inflight > 0 &&
           o.inflight < 65535;
}

int main(int argc, char **argv)
{
    if (!parse(argc, argv)) {
        (void)fprintf(
            stderr,
            "usage: mqtt_blaster (--port N | --unix PATH) --topic T --count N [--rate N] [--inflight N] "
            "[--ids sequential|random] [--lines FILE] [--first N]\n");
        return 2;
    }
    read_lines();
    s.random = (uint64_t)now_ns() | 1;
    open_socket();
    put_connect();
    while (!s.connected) transfer(1000);
    int64_t begin = now_ns();
    while (s.acked < o.count) {
        long due = o.count;
        if (o.rate > 0) {
            due = (long)((double)(now_ns() - begin) / 1e9 * o.rate) + 1;
            if (due > o.count) due = o.count;
        }
        while (s.made < due && s.made - s.acked < o.inflight && s.out_len + MESSAGE_MAX + 1024 < OUT_BYTES)
            put_event(o.first + s.made);
        transfer(o.rate > 0 && s.made < o.count ? 1 : 1000);
    }
    double seconds = (double)(now_ns() - begin) / 1e9;
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
                 (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    (void)printf("{\"sent\":%ld,\"refused\":%ld,\"seconds\":%.3f,\"rate\":%.0f,\"cpu_us\":%.2f}\n", s.acked,
                 s.refused, seconds, (double)s.acked / seconds, cpu / (double)s.acked);
    return 0;
}
