/* The scripted broker: one thread, one client at a time, every byte remembered. */
#include "fake_broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { MAX_PACKETS = 4096, MAX_MESSAGES = 1024 };

struct message {
    char *topic, *payload;
    int qos;
    bool retain, sent_before; /* on an earlier connection: DUP */
    bool sent;                /* on this connection */
    bool acknowledged;
};

struct fake_broker {
    pthread_t thread;
    pthread_mutex_t lock;
    int listen_fd, wake_fd, fd, port;
    bool stop, cut, subscribed, forgotten;
    int end_reason; /* -1: none */
    enum fake_manner manner;
    int connack, suback, puback;
    int connections;
    size_t total_bytes;
    unsigned char in[1 << 16];
    size_t in_len;
    struct fake_packet *packets;
    int n_packets;
    struct message messages[MAX_MESSAGES];
    int n_messages;
};

static void put(struct fake_broker *b, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n > 0) {
        ssize_t done = send(b->fd, p, n, MSG_NOSIGNAL);
        if (done <= 0) return; /* the client has gone: the read side sees it */
        p += done;
        n -= (size_t)done;
    }
}

static void put_publish(struct fake_broker *b, int index)
{
    struct message *m = &b->messages[index];
    size_t topic = strlen(m->topic), payload = strlen(m->payload);
    size_t rest = 2 + topic + (m->qos ? 2 : 0) + 1 + payload;
    unsigned char *out = xmalloc(rest + 5), *p = out;
    *p++ = (unsigned char)(FAKE_PUBLISH | (m->qos << 1) | (m->retain ? 1 : 0) |
                           (m->sent_before && m->qos ? 8 : 0));
    size_t left = rest;
    do {
        *p++ = (unsigned char)((left % 128) | (left >= 128 ? 0x80 : 0));
        left /= 128;
    } while (left);
    *p++ = (unsigned char)(topic >> 8);
    *p++ = (unsigned char)topic;
    memcpy(p, m->topic, topic);
    p += topic;
    if (m->qos) { /* the packet id is the message's place */
        *p++ = (unsigned char)((index + 1) >> 8);
        *p++ = (unsigned char)(index + 1);
    }
    *p++ = 0; /* no properties */
    memcpy(p, m->payload, payload);
    p += payload;
    put(b, out, (size_t)(p - out));
    free(out);
    m->sent = true;
    if (m->qos == 0) m->acknowledged = true;
}

static void put_messages(struct fake_broker *b)
{
    if (b->fd < 0 || !b->subscribed) return;
    for (int i = 0; i < b->n_messages; i++)
        if (!b->messages[i].sent && !b->messages[i].acknowledged) put_publish(b, i);
}

static void answer(struct fake_broker *b, const unsigned char *packet, size_t header)
{
    const unsigned char *body = packet + header;
    switch (packet[0] & 0xf0) {
    case FAKE_CONNECT: {
        if (b->manner == FAKE_GARBAGE) {
            put(b, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
            break;
        }
        bool present = b->connections > 1 && !b->forgotten;
        b->forgotten = false;
        put(b, (unsigned char[]){0x20, 3, b->connack == 0 && present, (unsigned char)b->connack, 0}, 5);
        if (present) { /* the session is still subscribed */
            b->subscribed = b->connack == 0;
            put_messages(b);
        }
        break;
    }
    case FAKE_SUBSCRIBE:
        put(b, (unsigned char[]){0x90, 4, body[0], body[1], 0, (unsigned char)b->suback}, 6);
        b->subscribed = true;
        put_messages(b);
        break;
    case FAKE_UNSUBSCRIBE: put(b, (unsigned char[]){0xb0, 4, body[0], body[1], 0, 17}, 6); break;
    case FAKE_PINGREQ:
        if (b->manner != FAKE_NO_PONG) put(b, (unsigned char[]){0xd0, 0}, 2);
        break;
    case FAKE_PUBLISH: {
        size_t topic = (size_t)body[0] << 8 | body[1];
        if ((packet[0] & 6) == 2)
            put(b, (unsigned char[]){0x40, 3, body[2 + topic], body[3 + topic], (unsigned char)b->puback}, 5);
        break;
    }
    case FAKE_PUBACK: {
        int id = body[0] << 8 | body[1];
        if (id >= 1 && id <= b->n_messages) b->messages[id - 1].acknowledged = true;
        break;
    }
    default: break;
    }
}

/* Takes whole packets off the front of what was received. */
static void take_packets(struct fake_broker *b)
{
    while (b->in_len >= 2) {
        size_t rest = 0, header = 1;
        int shift = 0;
        do {
            if (header >= b->in_len) return;
            rest |= (size_t)(b->in[header] & 0x7f) << shift;
            shift += 7;
        } while (b->in[header++] & 0x80);
        if (b->in_len < header + rest) return;
        if (b->n_packets < MAX_PACKETS) {
            struct fake_packet *p = &b->packets[b->n_packets++];
            *p = (struct fake_packet){
                .at = clock_now().mono, .connection = b->connections, .n = header + rest};
            memcpy(p->bytes, b->in, p->n < sizeof(p->bytes) ? p->n : sizeof(p->bytes));
        }
        answer(b, b->in, header);
        b->in_len -= header + rest;
        memmove(b->in, b->in + header + rest, b->in_len);
    }
}

static void hang_up(struct fake_broker *b)
{
    if (b->fd >= 0) close(b->fd);
    b->fd = -1;
    b->in_len = 0;
    b->subscribed = false;
    for (int i = 0; i < b->n_messages; i++) {
        b->messages[i].sent_before |= b->messages[i].sent;
        b->messages[i].sent = false;
    }
}

static void step(struct fake_broker *b, struct pollfd fds[static 3])
{
    uint64_t count;
    if (fds[0].revents) (void)!read(b->wake_fd, &count, sizeof(count)); /* only to make it quiet */
    if (fds[1].revents) {
        int fd = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            hang_up(b);
            b->fd = fd;
            b->connections++;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        }
    } else if (b->fd >= 0 && fds[2].revents) {
        ssize_t n = read(b->fd, b->in + b->in_len, sizeof(b->in) - b->in_len);
        if (n <= 0) {
            hang_up(b);
        } else {
            b->total_bytes += (size_t)n;
            b->in_len += (size_t)n;
            if (b->manner != FAKE_SILENT) take_packets(b);
        }
    }
    if (b->end_reason >= 0 && b->fd >= 0) put(b, (unsigned char[]){0xe0, 1, (unsigned char)b->end_reason}, 3);
    if (b->end_reason >= 0 || b->cut) hang_up(b);
    b->end_reason = -1;
    b->cut = false;
    put_messages(b);
}

static void *run(void *arg)
{
    struct fake_broker *b = arg;
    pthread_mutex_lock(&b->lock);
    while (!b->stop) {
        struct pollfd fds[3] = {{.fd = b->wake_fd, .events = POLLIN},
                                {.fd = b->listen_fd, .events = POLLIN},
                                {.fd = b->fd, .events = POLLIN}};
        pthread_mutex_unlock(&b->lock);
        (void)poll(fds, 3, 1000);
        pthread_mutex_lock(&b->lock);
        step(b, fds);
    }
    hang_up(b);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

struct fake_broker *fake_broker_start(void)
{
    struct fake_broker *b = xcalloc(1, sizeof(*b));
    b->fd = -1;
    b->end_reason = -1;
    b->suback = 1; /* QoS 1 granted */
    b->packets = xcalloc(MAX_PACKETS, sizeof(*b->packets));
    b->wake_fd = eventfd(0, EFD_CLOEXEC);
    b->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    pthread_mutex_init(&b->lock, NULL);
    if (bind(b->listen_fd, (struct sockaddr *)&address, size) != 0 || listen(b->listen_fd, 16) != 0 ||
        getsockname(b->listen_fd, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&b->thread, NULL, run, b) != 0) {
        close(b->listen_fd);
        close(b->wake_fd);
        free(b->packets);
        free(b);
        return NULL;
    }
    b->port = ntohs(address.sin_port);
    return b;
}

static void wake(struct fake_broker *b)
{
    uint64_t one = 1;
    (void)!write(b->wake_fd, &one, sizeof(one)); /* an eventfd takes it */
}

void fake_broker_stop(struct fake_broker *b)
{
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_mutex_unlock(&b->lock);
    wake(b);
    pthread_join(b->thread, NULL);
    close(b->listen_fd);
    close(b->wake_fd);
    for (int i = 0; i < b->n_messages; i++) {
        free(b->messages[i].topic);
        free(b->messages[i].payload);
    }
    pthread_mutex_destroy(&b->lock);
    free(b->packets);
    free(b);
}

int fake_broker_port(const struct fake_broker *b)
{
    return b->port;
}

void fake_broker_manner(struct fake_broker *b, enum fake_manner manner)
{
    pthread_mutex_lock(&b->lock);
    b->manner = manner;
    pthread_mutex_unlock(&b->lock);
}

void fake_broker_answer(struct fake_broker *b, int connack, int suback, int puback)
{
    pthread_mutex_lock(&b->lock);
    b->connack = connack;
    b->suback = suback;
    b->puback = puback;
    pthread_mutex_unlock(&b->lock);
}

static void queue(struct fake_broker *b, const char *topic, const char *payload, int qos, bool retain)
{
    pthread_mutex_lock(&b->lock);
    if (b->n_messages == MAX_MESSAGES) abort(); /* a test that asks for more than this broker is for */
    b->messages[b->n_messages++] =
        (struct message){.topic = xstrdup(topic), .payload = xstrdup(payload), .qos = qos, .retain = retain};
    pthread_mutex_unlock(&b->lock);
    wake(b);
}

void fake_broker_publish(struct fake_broker *b, const char *topic, const char *payload)
{
    queue(b, topic, payload, 1, false);
}

void fake_broker_publish_qos0(struct fake_broker *b, const char *topic, const char *payload, bool retain)
{
    queue(b, topic, payload, 0, retain);
}

void fake_broker_end(struct fake_broker *b, int reason)
{
    pthread_mutex_lock(&b->lock);
    b->end_reason = reason;
    pthread_mutex_unlock(&b->lock);
    wake(b);
}

void fake_broker_cut(struct fake_broker *b)
{
    pthread_mutex_lock(&b->lock);
    b->cut = true;
    pthread_mutex_unlock(&b->lock);
    wake(b);
}

void fake_broker_forget(struct fake_broker *b)
{
    pthread_mutex_lock(&b->lock);
    b->forgotten = true;
    pthread_mutex_unlock(&b->lock);
}

int fake_broker_connections(struct fake_broker *b)
{
    pthread_mutex_lock(&b->lock);
    int n = b->connections;
    pthread_mutex_unlock(&b->lock);
    return n;
}

size_t fake_broker_bytes(struct fake_broker *b)
{
    pthread_mutex_lock(&b->lock);
    size_t n = b->total_bytes;
    pthread_mutex_unlock(&b->lock);
    return n;
}

bool fake_broker_packet(struct fake_broker *b, int type, int i, struct fake_packet *ret)
{
    bool found = false;
    pthread_mutex_lock(&b->lock);
    for (int at = 0; at < b->n_packets && !found; at++)
        if ((b->packets[at].bytes[0] & 0xf0) == type && i-- == 0) {
            *ret = b->packets[at];
            found = true;
        }
    pthread_mutex_unlock(&b->lock);
    return found;
}

int fake_broker_count(struct fake_broker *b, int type)
{
    int n = 0;
    pthread_mutex_lock(&b->lock);
    for (int at = 0; at < b->n_packets; at++) n += (b->packets[at].bytes[0] & 0xf0) == type;
    pthread_mutex_unlock(&b->lock);
    return n;
}

int fake_broker_wait(struct fake_broker *b, int type, int n, int ms)
{
    int64_t end = clock_now().mono + ms;
    for (;;) {
        int came = fake_broker_count(b, type);
        if (came >= n || clock_now().mono >= end) return came;
        (void)poll(NULL, 0, 2);
    }
}
