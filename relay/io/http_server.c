/* Incoming HTTP: libmicrohttpd on an epoll set of its own, that the loop watches.
 *
 * An exchange goes ARRIVING -> ARRIVED -> HELD -> REPLIED -> RELEASED. From ARRIVED to REPLIED its connection is
 * suspended, so that libmicrohttpd can neither read nor write it; release resumes it. Handlers run outside of all
 * callbacks of libmicrohttpd, and may do anything.
 */
#include "io/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    MAX_CONNECTIONS = 6100,
    MAX_BODY = 64 * 1024,
    CONNECTION_MEMORY = 8192, /* libmicrohttpd's, for a request's head and an answer's chunk */
    REQUEST_MS = 15000,
    REPLY_MS = 60000, /* a whole answer must be taken in this time */
    IDLE_MS = 60000,  /* a kept connection without a request */
    PING_MS = 15000,
    STALL_MS = 30000,
    SWEEP_MS = 1000, /* or less: a third of the shortest of the bounds that it looks at */
    SLICE_MS = 5,
    SLICE_STREAMS = 64, /* resumed before libmicrohttpd writes and the clock is looked at */
    HANDLERS_A_TURN = 200,
    STREAM_BLOCK = 512,        /* kept for each stream, and used for clients of HTTP/1.0 only */
    STREAM_KERNEL = 16 * 1024, /* what the kernel may keep unsent for one stream */
    TLS_FILE_MAX = 256 * 1024,
    DEPARTURES = 128
};

/* The bytes of a snapshot, shared by the streams that were set to them. */
struct blob {
    int refs;
    size_t n;
    char bytes[];
};

/* One accepted connection. */
struct conn {
    struct conn *next, **link;
    struct http_exchange *exchange; /* the one in progress */
    int fd;
    int64_t deadline; /* mono; INT64_MAX: none */
};

enum exchange_state { ARRIVING, ARRIVED, HELD, REPLIED, RELEASED };

struct header {
    struct header *next;
    char *name, *value;
};

struct http_exchange {
    struct http_exchange *next; /* in arrived or replied */
    struct http_server *server;
    struct conn *conn;
    struct MHD_Connection *mhd;
    enum exchange_state state;
    bool suspended, too_large;
    char *method, *path;
    struct buf body;
    struct header *headers; /* of the answer */
    int status;
    struct MHD_Response *response;
    struct http_stream *stream;
};

struct http_stream {
    struct http_stream *next, **link; /* in streams, or (next only) in departed */
    struct http_stream *next_changed, *next_flush;
    struct http_server *server;
    struct http_exchange *exchange; /* NULL when the client has left */
    void (*gone)(void *arg);
    void *arg;
    /* A snapshot waits in `set` for the release, in `ready` for the socket, and is copied out of `current`. */
    struct blob *set, *ready, *current;
    size_t offset;
    int64_t taken, sent;    /* mono: when libmicrohttpd last asked, and last got something */
    bool changed, flushing; /* in that list */
    bool ping, close_set, ending, closed, dead;
};

struct exchange_list {
    struct http_exchange *first, *last;
};

struct route {
    char *method, *path;
    size_t prefix; /* 0: exact */
    http_handler_fn fn;
    void *arg;
};

struct http_server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct watch watch, departures_watch;
    int departures_fd; /* epoll of the streams' sockets, for their ends */
    char *unix_path;
    int port;
    size_t max_body;
    int64_t request_ms, ping_ms, stall_ms, sweep_ms;
    struct route *routes;
    size_t n_routes;
    struct conn *conns;
    struct exchange_list arrived, replied;
    struct http_stream *streams, *departed;
    struct http_stream *changed, **changed_end, *flush, **flush_end;
    struct blob *last_blob;
    int n_streams;
    int64_t cut_off, mono, sweep_at;
    bool stopping;
};

/* Every answer has them unless its handler says otherwise. Our pages are single files: their script and style are
 * inline, and nothing is ever loaded from elsewhere. */
static const char *const default_headers[][2] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src "
     "'self' data:; "
     "font-src 'self' data:; media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
     "frame-ancestors 'self'"},
};

static void exchange_push(struct exchange_list *l, struct http_exchange *x)
{
    x->next = NULL;
    if (l->last)
        l->last->next = x;
    else
        l->first = x;
    l->last = x;
}

static struct http_exchange *exchange_pop(struct exchange_list *l)
{
    struct http_exchange *x = l->first;
    if (!x) return NULL;
    l->first = x->next;
    if (!l->first) l->last = NULL;
    return x;
}

static struct blob *blob_unref(struct blob *b)
{
    if (b && --b->refs == 0) free(b);
    return NULL;
}

static void suspend(struct http_exchange *x)
{
    MHD_suspend_connection(x->mhd);
    x->suspended = true;
}

static void resume(struct http_exchange *x)
{
    if (!x->suspended) return;
    x->suspended = false;
    MHD_resume_connection(x->mhd);
}

/* ---- Streams ------------------------------------------------------------------------------------------------------ */

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
static void stream_depart(struct http_stream *st)
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
    resume(st->exchange);
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
    suspend(st->exchange);
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

/* ---- What libmicrohttpd calls ---------------------------------------------------------------------------------- */

static struct conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *s = arg;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct conn *c = *context;
        if (!c) return;
        *c->link = c->next;
        if (c->next) c->next->link = c->link;
        free(c);
        *context = NULL;
        return;
    }
    struct conn *c = xcalloc(1, sizeof(*c));
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->fd = info ? info->connect_fd : -1;
    c->deadline = s->mono + s->request_ms;
    c->next = s->conns;
    c->link = &s->conns;
    if (c->next) c->next->link = &c->next;
    s->conns = c;
    *context = c;
}

static void headers_free(struct http_exchange *x)
{
    while (x->headers) {
        struct header *h = x->headers;
        x->headers = h->next;
        free(h->name);
        free(h->value);
        free(h);
    }
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode how)
{
    struct http_server *s = arg;
    struct http_exchange *x = *context;
    (void)mhd;
    (void)how;
    if (!x) return;
    *context = NULL;
    if (x->stream) stream_depart(x->stream);
    x->conn->exchange = NULL;
    x->conn->deadline = s->mono + IDLE_MS;
    if (x->response) MHD_destroy_response(x->response);
    headers_free(x);
    buf_release(&x->body);
    free(x->method);
    free(x->path);
    free(x);
}

static enum MHD_Result too_large(struct http_exchange *x)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    x->state = RELEASED;
    x->conn->deadline = x->server->mono + REPLY_MS;
    enum MHD_Result result = MHD_queue_response(x->mhd, 413, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result exchange_begin(struct http_server *s, struct MHD_Connection *mhd, const char *url,
                                      const char *method, void **context)
{
    struct conn *c = conn_of(mhd);
    if (!c) return MHD_NO;
    struct http_exchange *x = xcalloc(1, sizeof(*x));
    x->server = s;
    x->conn = c;
    x->mhd = mhd;
    x->method = xstrdup(method);
    x->path = xstrdup(url);
    x->body = BUF_INIT(s->max_body);
    *context = x;
    c->exchange = x;
    c->deadline = s->mono + s->request_ms;
    const char *length = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Content-Length");
    if (length && strtoull(length, NULL, 10) > s->max_body) return too_large(x);
    return MHD_YES;
}

/* Called at the head, for each piece of the body, at the end, and again after every resume. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n, void **context)
{
    struct http_server *s = arg;
    struct http_exchange *x = *context;
    (void)version;
    if (s->stopping) return MHD_NO;
    if (!x) return exchange_begin(s, mhd, url, method, context);
    if (*n) { /* over the bound the rest is read and dropped, within the time for it */
        if (!x->too_large) buf_add(&x->body, data, *n);
        x->too_large = x->too_large || buf_failed(&x->body);
        *n = 0;
        return MHD_YES;
    }
    if (x->state == ARRIVING) {
        if (x->too_large) return too_large(x);
        x->state = ARRIVED;
        x->conn->deadline = INT64_MAX;
        exchange_push(&s->arrived, x);
        suspend(x);
        return MHD_YES;
    }
    if (x->state != RELEASED || !x->response) return MHD_NO;
    x->conn->deadline = x->stream ? INT64_MAX : s->mono + REPLY_MS;
    return MHD_queue_response(mhd, (unsigned)x->status, x->response);
}

static void on_log(void *arg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void on_log(void *arg, const char *fmt, va_list ap)
{
    char line[256];
    (void)arg;
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    line[strcspn(line, "\r\n")] = '\0';
    log_debug("http: %s", line);
}

/* ---- Listening ------------------------------------------------------------------------------------------------------ */

/* The file of a relay that died is in the way of the next one; that of a living one is not to be touched. */
static enum relay_err clear_stale(const struct sockaddr_un *a, struct reason *why)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0) return RELAY_OK;
    if (!S_ISSOCK(st.st_mode))
        return fail(why, RELAY_CONFLICT, _("%s is not a socket; move it away"), a->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int result = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)a, sizeof(*a)), error = errno;
    if (fd >= 0) close(fd);
    if (result == 0 || error == EAGAIN)
        return fail(why, RELAY_CONFLICT, _("another relay listens on %s; stop it first"), a->sun_path);
    if (error != ECONNREFUSED) return fail(why, RELAY_IO, "%s: %s", a->sun_path, strerror(error));
    if (unlink(a->sun_path) != 0) return fail(why, RELAY_IO, "%s: %s", a->sun_path, strerror(errno));
    return RELAY_OK;
}

static void set_group(const char *path, const char *name)
{
    const struct group *g = name ? getgrnam(name) : NULL;
    if (g && chown(path, (uid_t)-1, g->gr_gid) != 0)
        log_warning("http: %s stays without group %s: %s", path, name, strerror(errno));
}

static enum relay_err listen_unix(struct http_server *s, const struct http_server_options *o, int *ret,
                                  struct reason *why)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(o->unix_path) >= sizeof(a.sun_path))
        return fail(why, RELAY_INVALID, _("%s: a socket's path has at most %zu bytes"), o->unix_path,
                    sizeof(a.sun_path) - 1);
    memcpy(a.sun_path, o->unix_path, strlen(o->unix_path) + 1);
    enum relay_err err = clear_stale(&a, why);
    if (err != RELAY_OK) return err;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177); /* nobody else gets in before the group is set */
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
    int error = errno;
    umask(before);
    if (bound) {
        set_group(o->unix_path, o->unix_group);
        if (chmod(o->unix_path, 0660) == 0 && listen(fd, SOMAXCONN) == 0) {
            s->unix_path = xstrdup(o->unix_path);
            *ret = fd;
            return RELAY_OK;
        }
        error = errno;
        unlink(o->unix_path);
    }
    if (fd >= 0) close(fd);
    return fail(why, RELAY_IO, _("cannot listen on %s: %s"), o->unix_path, strerror(error));
}

static enum relay_err listen_tcp(struct http_server *s, const struct http_server_options *o, int *ret,
                                 struct reason *why)
{
    char service[16];
    const char *host = o->host ? o->host : "127.0.0.1";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    (void)snprintf(service, sizeof(service), "%d", o->port);
    int result = getaddrinfo(host, service, &hints, &found);
    if (result != 0)
        return fail(why, RELAY_INVALID, _("cannot listen on %s: %s"), host, gai_strerror(result));
    int on = 1, fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* a wish */
        if (found->ai_family == AF_INET6)
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)); /* what is asked for, no more */
    }
    bool ok = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0;
    int error = errno;
    freeaddrinfo(found);
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = {0};
    socklen_t n = sizeof(a);
    if (ok && getsockname(fd, &a.any, &n) == 0) {
        s->port = ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
        *ret = fd;
        return RELAY_OK;
    }
    if (fd >= 0) close(fd);
    return fail(why, error == EADDRINUSE ? RELAY_CONFLICT : RELAY_IO, _("cannot listen on %s port %d: %s"),
                host, o->port, strerror(error));
}

static enum relay_err read_file(const char *path, char **ret, struct reason *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(why, RELAY_IO, "%s: %s", path, strerror(errno));
    char *text = xcalloc(1, TLS_FILE_MAX + 1);
    size_t n = 0;
    ssize_t got;
    while (n < TLS_FILE_MAX && (got = read(fd, text + n, TLS_FILE_MAX - n)) > 0) n += (size_t)got;
    close(fd);
    if (n && n < TLS_FILE_MAX) {
        *ret = text;
        return RELAY_OK;
    }
    free(text);
    return fail(why, RELAY_INVALID, _("%s is empty, unreadable or too large"), path);
}

static enum relay_err start_daemon(struct http_server *s, const struct http_server_options *o, int fd,
                                   struct reason *why)
{
    CLEANUP(free_ptr) char *cert = NULL;
    CLEANUP(free_ptr) char *key = NULL;
    enum relay_err err = RELAY_OK;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (o->tls_cert_file) {
        flags |= MHD_USE_TLS;
        err = read_file(o->tls_cert_file, &cert, why);
        if (err == RELAY_OK) err = read_file(o->tls_key_file, &key, why);
        if (err != RELAY_OK) return err;
    }
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    if (!cert) tls[0] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    s->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)(o->max_connections ? o->max_connections : MAX_CONNECTIONS),
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                         MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (key) explicit_bzero(key, strlen(key));
    if (s->daemon) return RELAY_OK;
    if (cert)
        return fail(why, RELAY_INVALID, _("certificate %s and key %s cannot be used"), o->tls_cert_file,
                    o->tls_key_file);
    return fail(why, RELAY_IO, "%s", _("the HTTP server does not start"));
}

enum relay_err http_server_new(struct loop *l, const struct http_server_options *o, struct http_server **ret,
                               struct reason *why)
{
    struct http_server *s = xcalloc(1, sizeof(*s));
    s->loop = l;
    s->watch.fd = s->departures_watch.fd = -1;
    s->changed_end = &s->changed;
    s->flush_end = &s->flush;
    s->max_body = o->max_body ? o->max_body : MAX_BODY;
    s->request_ms = o->request_ms ? o->request_ms : REQUEST_MS;
    s->ping_ms = o->ping_ms ? o->ping_ms : PING_MS;
    s->stall_ms = o->stall_ms ? o->stall_ms : STALL_MS;
    int64_t shortest = s->request_ms < s->ping_ms ? s->request_ms : s->ping_ms;
    if (s->stall_ms < shortest) shortest = s->stall_ms;
    s->sweep_ms = shortest / 3 < SWEEP_MS ? shortest / 3 + 1 : SWEEP_MS;
    s->mono = clock_now().mono;
    int fd = -1;
    s->departures_fd = epoll_create1(EPOLL_CLOEXEC);
    enum relay_err err = s->departures_fd >= 0 ? RELAY_OK : fail(why, RELAY_IO, "epoll: %s", strerror(errno));
    if (err == RELAY_OK) err = o->unix_path ? listen_unix(s, o, &fd, why) : listen_tcp(s, o, &fd, why);
    if (err == RELAY_OK) err = start_daemon(s, o, fd, why);
    if (err == RELAY_OK) {
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        if (!info || watch_set(l, &s->watch, info->epoll_fd, WATCH_READ) != RELAY_OK ||
            watch_set(l, &s->departures_watch, s->departures_fd, WATCH_READ) != RELAY_OK)
            err = fail(why, RELAY_IO, "%s", _("the HTTP server does not start"));
    } else if (fd >= 0) {
        close(fd);
    }
    if (err != RELAY_OK) {
        http_server_free(s);
        return err;
    }
    *ret = s;
    return RELAY_OK;
}

static void call_gone(struct http_server *s)
{
    while (s->departed) {
        struct http_stream *st = s->departed;
        s->departed = st->next;
        if (!st->closed) st->gone(st->arg);
        free(st);
    }
}

struct http_server *http_server_free(struct http_server *s)
{
    if (!s) return NULL;
    s->stopping = true;
    (void)!watch_set(s->loop, &s->watch, -1, 0);
    (void)!watch_set(s->loop, &s->departures_watch, -1, 0);
    for (struct conn *c = s->conns; c; c = c->next)
        if (c->exchange) resume(c->exchange); /* libmicrohttpd does not stop while one is suspended */
    if (s->daemon) MHD_stop_daemon(s->daemon);
    call_gone(s);
    if (s->unix_path) unlink(s->unix_path);
    if (s->departures_fd >= 0) close(s->departures_fd);
    for (size_t i = 0; i < s->n_routes; i++) {
        free(s->routes[i].method);
        free(s->routes[i].path);
    }
    (void)blob_unref(s->last_blob);
    free(s->routes);
    free(s->unix_path);
    free(s);
    return NULL;
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

/* ---- Routes and handlers --------------------------------------------------------------------------------------------- */

void http_server_on(struct http_server *s, const char *method, const char *path, http_handler_fn fn,
                    void *arg)
{
    size_t n = strlen(path);
    s->routes = xreallocarray(s->routes, s->n_routes + 1, sizeof(*s->routes));
    s->routes[s->n_routes++] = (struct route){.method = xstrdup(method),
                                              .path = xstrdup(path),
                                              .prefix = n >= 2 && strcmp(path + n - 2, "/*") == 0 ? n - 1 : 0,
                                              .fn = fn,
                                              .arg = arg};
}

static bool route_has_path(const struct route *r, const char *path)
{
    return r->prefix ? strncmp(r->path, path, r->prefix) == 0 : strcmp(r->path, path) == 0;
}

static void call_handler(struct http_server *s, struct http_exchange *x)
{
    CLEANUP(buf_release) struct buf allow = BUF_INIT(256);
    const char *method = strcmp(x->method, "HEAD") == 0 ? "GET" : x->method;
    x->state = HELD;
    for (size_t i = 0; i < s->n_routes; i++) {
        const struct route *r = &s->routes[i];
        if (!route_has_path(r, x->path)) continue;
        if (strcmp(r->method, method) == 0) {
            r->fn(r->arg, x);
            return;
        }
        if (allow.len) buf_str(&allow, ", ");
        buf_str(&allow, r->method);
    }
    if (!allow.len) {
        http_reply(x, 404, "text/plain; charset=utf-8", "not found\n", 10);
        return;
    }
    http_reply_header(x, "Allow", buf_cstr(&allow));
    http_reply(x, 405, "text/plain; charset=utf-8", "method not allowed\n", 19);
}

const char *http_method(const struct http_exchange *x)
{
    return x->method;
}

const char *http_path(const struct http_exchange *x)
{
    return x->path;
}

const char *http_query(const struct http_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->mhd, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

const char *http_body(const struct http_exchange *x, size_t *ret_len)
{
    *ret_len = x->body.len;
    return buf_cstr(&x->body);
}

enum relay_err http_peer(const struct http_exchange *x, int *ret_uid, int *ret_pid)
{
    if (!x->server->unix_path) return RELAY_UNSUPPORTED;
    struct ucred who;
    socklen_t n = sizeof(who);
    if (getsockopt(x->conn->fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0) return RELAY_IO;
    *ret_uid = (int)who.uid;
    *ret_pid = (int)who.pid;
    return RELAY_OK;
}

void http_reply_header(struct http_exchange *x, const char *name, const char *value)
{
    struct header *h = xcalloc(1, sizeof(*h));
    h->name = xstrdup(name);
    h->value = xstrdup(value);
    h->next = x->headers;
    x->headers = h;
}

static bool has_header(const struct http_exchange *x, const char *name)
{
    for (const struct header *h = x->headers; h; h = h->next)
        if (strcasecmp(h->name, name) == 0) return true;
    return false;
}

/* libmicrohttpd refuses names and values with line breaks, so nothing can be smuggled in. */
static void headers_apply(struct http_exchange *x)
{
    for (size_t i = 0; i < ARRAY_LEN(default_headers); i++)
        if (!has_header(x, default_headers[i][0]))
            (void)MHD_add_response_header(x->response, default_headers[i][0], default_headers[i][1]);
    for (const struct header *h = x->headers; h; h = h->next)
        if (MHD_add_response_header(x->response, h->name, h->value) != MHD_YES)
            log_warning(
                "http: header %s left out of an answer: it holds a character that may not stand there",
                h->name);
}

void http_reply(struct http_exchange *x, int status, const char *content_type, const void *body, size_t n)
{
    if (x->state != HELD) {
        log_error("http: a second answer to one request is dropped");
        return;
    }
    http_reply_header(x, "Content-Type", content_type);
    x->status = status;
    union {
        const void *in;
        void *out;
    } bytes = {.in = body}; /* the library copies it, and says void * all the same */
    x->response = MHD_create_response_from_buffer(n, bytes.out, MHD_RESPMEM_MUST_COPY);
    x->state = REPLIED;
    exchange_push(&x->server->replied, x);
}

void http_reply_json(struct http_exchange *x, int status, const char *json)
{
    http_reply(x, status, "application/json", json, strlen(json));
}

/* ---- The turn -------------------------------------------------------------------------------------------------------- */

static bool mhd_has_more(struct http_server *s)
{
    MHD_UNSIGNED_LONG_LONG ms;
    return MHD_get_timeout(s->daemon, &ms) == MHD_YES && ms == 0;
}

/* Lets libmicrohttpd read and write for about 5 ms. */
static void pump(struct http_server *s)
{
    int64_t end = s->mono + SLICE_MS;
    do {
        (void)MHD_run(s->daemon); /* fails only for a daemon of another kind */
        s->mono = clock_now().mono;
    } while (mhd_has_more(s) && s->mono < end);
}

/* The same, with the streams that have something to send, some at a time. */
static void pump_streams(struct http_server *s)
{
    int64_t end = s->mono + SLICE_MS;
    do {
        int n = 0;
        while (s->flush && n < SLICE_STREAMS) {
            struct http_stream *st = s->flush;
            s->flush = st->next_flush;
            if (!s->flush) s->flush_end = &s->flush;
            st->flushing = false;
            if (st->exchange->state != RELEASED || !st->exchange->suspended)
                continue; /* it comes for it by itself */
            resume(st->exchange);
            n++;
        }
        (void)MHD_run(s->daemon); /* fails only for a daemon of another kind */
        s->mono = clock_now().mono;
    } while ((s->flush || mhd_has_more(s)) && s->mono < end);
}

static void see_departures(struct http_server *s)
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
        if (st->exchange->state == RELEASED) resume(st->exchange);
    }
}

/* Once a second or so: who is too slow, and which stream has been quiet for so long that a proxy might close it. */
static void sweep(struct http_server *s)
{
    s->sweep_at = s->mono + s->sweep_ms;
    for (struct conn *c = s->conns; c; c = c->next) {
        if (s->mono < c->deadline) continue;
        c->deadline = INT64_MAX;
        (void)shutdown(c->fd, SHUT_RDWR); /* libmicrohttpd sees the end and closes it */
    }
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

void http_server_run(struct http_server *s)
{
    s->mono = clock_now().mono;
    if (s->departures_watch.ready) see_departures(s);
    if (s->mono >= s->sweep_at) sweep(s);
    pump(s);
    call_gone(s);
    struct http_exchange *x;
    for (int i = 0; i < HANDLERS_A_TURN && (x = exchange_pop(&s->arrived)); i++) call_handler(s, x);
}

static void release_replies(struct http_server *s)
{
    struct http_exchange *x;
    while ((x = exchange_pop(&s->replied))) {
        if (x->response) headers_apply(x);
        x->state = RELEASED;
        if (x->stream) x->stream->taken = x->stream->sent = s->mono;
        resume(x);
    }
}

void http_server_release(struct http_server *s)
{
    s->mono = clock_now().mono;
    bool some = s->replied.first || s->flush;
    release_replies(s);
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
        some = true;
    }
    s->changed_end = &s->changed;
    s->last_blob = blob_unref(s->last_blob);
    if (some) pump_streams(s);
}

void http_server_refuse(struct http_server *s)
{
    static const char text[] = "the relay cannot write its store now; nothing was changed\n";
    struct exchange_list all = s->replied;
    s->replied = (struct exchange_list){NULL, NULL};
    struct http_exchange *x;
    while ((x = exchange_pop(&all))) {
        bool reads = strcmp(x->method, "GET") == 0 || strcmp(x->method, "HEAD") == 0;
        if (reads || x->stream || x->status >= 400) {
            exchange_push(&s->replied, x);
            continue;
        }
        MHD_destroy_response(x->response);
        headers_free(x);
        x->state = HELD;
        http_reply(x, 503, "text/plain; charset=utf-8", text, sizeof(text) - 1);
    }
    http_server_release(s);
}

int64_t http_server_next_due(const struct http_server *s)
{
    if (s->flush || s->departed || s->arrived.first) return 0;
    MHD_UNSIGNED_LONG_LONG ms;
    int64_t due = s->conns ? s->sweep_at : INT64_MAX;
    if (MHD_get_timeout(s->daemon, &ms) == MHD_YES && (int64_t)ms < due - s->mono)
        due = s->mono + (int64_t)ms;
    return due;
}
