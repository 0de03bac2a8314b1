/* Server-sent events: streams that hold one unsent snapshot each, and what becomes of readers that are slow or gone. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "io/http_server_internal.h"

enum {
    SLICE_STREAMS = 64,        /* resumed before libmicrohttpd writes and the clock is looked at */
    STREAM_BLOCK = 512,        /* kept for each stream, and used for clients of HTTP/1.0 only */
    STREAM_KERNEL = 16 * 1024, /* what the kernel may keep unsent for one stream */
    DEPARTURES = 128
};

static struct blob *blob_unref(struct blob *b)
{
    if (b && --b->refs == 0) free(b);
    return NULL;
}

static void stream_flush_later(struct http_stream *st)
{
    if (st->flushing) return;
    st->flushing = true;
    st->next_flush = NULL;
    *st->server->flush_end = st;
    st->server->flush_end = &st->next_flush;
}

static void stream_change(struct http_stream *st)
{
    if (st->changed) return;
    st->changed = true;
    st->next_changed = NULL;
    *st->server->changed_end = st;
    st->server->changed_end = &st->next_changed;
}

static void stream_unlink(struct http_stream *st)
{
    *st->link = st->next;
    if (st->next) st->next->link = st->link;
}

/* Takes a stream out of a singly linked list that it may be in. */
static void stream_forget(struct http_stream *st)
{
    struct http_server *s = st->server;
    if (st->changed) {
        struct http_stream **p = &s->changed;
        while (*p != st) p = &(*p)->next_changed;
        *p = st->next_changed;
        if (!*p) s->changed_end = p;
    }
    if (st->flushing) {
        struct http_stream **p = &s->flush;
        while (*p != st) p = &(*p)->next_flush;
        *p = st->next_flush;
        if (!*p) s->flush_end = p;
    }
    st->changed = st->flushing = false;
}

/* The client has left or is cut off. gone is called later, in http_server_run, so that it finds no list half walked. */
void stream_depart(struct http_stream *st)
{
    struct http_server *s = st->server;
    (void)epoll_ctl(s->departures_fd, EPOLL_CTL_DEL, st->exchange->conn->fd,
                    NULL); /* perhaps closed already */
    stream_forget(st);
    stream_unlink(st);
    s->n_streams--;
    st->exchange = NULL;
    st->set = blob_unref(st->set);
    st->ready = blob_unref(st->ready);
    st->current = blob_unref(st->current);
    st->next = s->departed;
    s->departed = st;
}

static void stream_cut(struct http_stream *st)
{
    st->dead = true;
    (void)shutdown(st->exchange->conn->fd, SHUT_RDWR); /* closed by libmicrohttpd, which sees the end */
    exchange_resume(st->exchange);
}

static ssize_t stream_read(void *arg, uint64_t position, char *out, size_t room)
{
    static const char ping[] = ": \n\n";
    struct http_stream *st = arg;
    (void)position;
    if (st->dead || st->server->stopping || room < sizeof(ping)) return MHD_CONTENT_READER_END_WITH_ERROR;
    st->taken = st->server->mono;
    if (!st->current) {
        st->current = st->ready;
        st->ready = NULL;
        st->offset = 0;
    }
    if (st->current) {
        size_t n = st->current->n - st->offset;
        if (n > room) n = room;
        memcpy(out, st->current->bytes + st->offset, n);
        st->offset += n;
        if (st->offset == st->current->n) st->current = blob_unref(st->current);
        st->ping = false;
        st->sent = st->server->mono;
        return (ssize_t)n;
    }
    if (st->ending) return MHD_CONTENT_READER_END_OF_STREAM;
    if (st->ping) {
        st->ping = false;
        st->sent = st->server->mono;
        memcpy(out, ping, sizeof(ping) - 1);
        return sizeof(ping) - 1;
    }
    exchange_suspend(st->exchange);
    return 0;
}

struct http_stream *http_stream_open(struct http_exchange *x, const char *content_type,
                                     void (*gone)(void *arg), void *arg)
{
    struct http_server *s = x->server;
    struct http_stream *st = xcalloc(1, sizeof(*st));
    st->server = s;
    st->exchange = x;
    st->gone = gone;
    st->arg = arg;
    st->taken = st->sent = s->mono;
    st->next = s->streams;
    st->link = &s->streams;
    if (st->next) st->next->link = &st->next;
    s->streams = st;
    s->n_streams++;
    x->stream = st;
    /* A client that has gone without a word is known to be gone only by what it does not acknowledge. */
    int room = STREAM_KERNEL, silent_ms = (int)s->stall_ms;
    (void)setsockopt(x->conn->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)); /* a wish */
    if (!s->unix_path)
        (void)setsockopt(x->conn->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms,
                         sizeof(silent_ms)); /* a wish */
    struct epoll_event e = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = st};
    (void)epoll_ctl(s->departures_fd, EPOLL_CTL_ADD, x->conn->fd, &e); /* else the next ping shows it */

    http_reply_header(x, "Content-Type", content_type);
    http_reply_header(x, "X-Accel-Buffering", "no");
    x->status = 200;
    x->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, st, NULL);
    x->state = REPLIED;
    exchange_push(&s->replied, x);
    return st;
}

void http_stream_set(struct http_stream *st, const void *bytes, size_t n)
{
    struct http_server *s = st->server;
    if (!st->exchange || st->closed || !n) return;
    struct blob *b = s->last_blob;
    if (!b || b->n != n || memcmp(b->bytes, bytes, n) != 0) {
        b = xmalloc(sizeof(*b) + n);
        b->refs = 1;
        b->n = n;
        memcpy(b->bytes, bytes, n);
        (void)blob_unref(s->last_blob);
        s->last_blob = b;
    }
    b->refs++;
    (void)blob_unref(st->set);
    st->set = b;
    stream_change(st);
}

void http_stream_close(struct http_stream *st)
{
    st->closed = true; /* a departed one is freed by the next run, unheard */
    if (!st->exchange) return;
    st->close_set = true;
    stream_change(st);
}

int http_server_streams(const struct http_server *s)
{
    return s->n_streams;
}

int64_t http_server_cut_off(const struct http_server *s)
{
    return s->cut_off;
}

/* ---- The turn -------------------------------------------------------------------------------------------------------- */

void streams_call_gone(struct http_server *s)
{
    while (s->departed) {
        struct http_stream *st = s->departed;
        s->departed = st->next;
        if (!st->closed) st->gone(st->arg);
        free(st);
    }
}

void streams_release(struct http_server *s)
{
    streams_call_gone(s);
    s->last_blob = blob_unref(s->last_blob);
}

void streams_see_departures(struct http_server *s)
{
    struct epoll_event e[DEPARTURES];
    int n = epoll_wait(s->departures_fd, e, DEPARTURES, 0);
    for (int i = 0; i < n; i++) {
        struct http_stream *st = e[i].data.ptr;
        int error = 0;
        socklen_t len = sizeof(error);
        (void)getsockopt(st->exchange->conn->fd, SOL_SOCKET, SO_ERROR, &error, &len); /* 0: it closed */
        if (error == ETIMEDOUT && !st->dead) s->cut_off++;
        st->dead = true;
        if (st->exchange->state == RELEASED) exchange_resume(st->exchange);
    }
}

void streams_sweep(struct http_server *s)
{
    for (struct http_stream *st = s->streams; st; st = st->next) {
        if (st->dead || st->exchange->state != RELEASED) continue;
        if (!st->exchange->suspended && s->mono - st->taken >= s->stall_ms) {
            s->cut_off++;
            stream_cut(st);
        } else if (st->exchange->suspended && s->mono - st->sent >= s->ping_ms) {
            st->ping = true;
            stream_flush_later(st);
        }
    }
}

bool streams_change(struct http_server *s)
{
    bool some = s->changed != NULL;
    while (s->changed) {
        struct http_stream *st = s->changed;
        s->changed = st->next_changed;
        st->changed = false;
        if (st->set) {
            (void)blob_unref(st->ready);
            st->ready = st->set;
            st->set = NULL;
        }
        st->ending = st->ending || st->close_set;
        stream_flush_later(st);
    }
    s->changed_end = &s->changed;
    s->last_blob = blob_unref(s->last_blob);
    return some;
}

void streams_resume_some(struct http_server *s)
{
    int n = 0;
    while (s->flush && n < SLICE_STREAMS) {
        struct http_stream *st = s->flush;
        s->flush = st->next_flush;
        if (!s->flush) s->flush_end = &s->flush;
        st->flushing = false;
        if (st->exchange->state != RELEASED || !st->exchange->suspended)
            continue; /* it comes for it by itself */
        exchange_resume(st->exchange);
        n++;
    }
}
