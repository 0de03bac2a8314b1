/* Incoming HTTP: libmicrohttpd on an epoll set of its own, that the loop watches. Connections, requests, answers, the turn. */
#include "io/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"
#include "io/http_server_internal.h"

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
    HANDLERS_A_TURN = 200,
    TLS_FILE_MAX = 256 * 1024
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

void exchange_push(struct exchange_list *l, struct http_exchange *x)
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

void exchange_suspend(struct http_exchange *x)
{
    MHD_suspend_connection(x->mhd);
    x->suspended = true;
}

void exchange_resume(struct http_exchange *x)
{
    if (!x->suspended) return;
    x->suspended = false;
    MHD_resume_connection(x->mhd);
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
        exchange_suspend(x);
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

static enum relay_err read_file(const char *path, char **ret, struct reason *why)
{
    enum relay_err err = file_check(path, true, why);
    if (err != RELAY_OK) return err;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return file_refused(path, errno, why);
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
    if (err == RELAY_OK) err = http_listen(s, o, &fd, why);
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

struct http_server *http_server_free(struct http_server *s)
{
    if (!s) return NULL;
    s->stopping = true;
    (void)!watch_set(s->loop, &s->watch, -1, 0);
    (void)!watch_set(s->loop, &s->departures_watch, -1, 0);
    for (struct conn *c = s->conns; c; c = c->next)
        if (c->exchange)
            exchange_resume(c->exchange); /* libmicrohttpd does not stop while one is suspended */
    if (s->daemon) MHD_stop_daemon(s->daemon);
    streams_release(s);
    if (s->unix_path) unlink(s->unix_path);
    if (s->departures_fd >= 0) close(s->departures_fd);
    for (size_t i = 0; i < s->n_routes; i++) {
        free(s->routes[i].method);
        free(s->routes[i].path);
    }
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

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* "do=seen&name=%E7%8E%8B" */
static void pick(const char *text, char separator, const char *name, char *out, size_t size)
{
    const char ends[] = {separator, '\0'};
    size_t n = strlen(name), len = 0;
    *out = '\0';
    for (const char *p = text; p && *p; p += strspn(p, ends)) {
        while (*p == ' ') p++;
        if (strncmp(p, name, n) != 0 || p[n] != '=') {
            p += strcspn(p, ends);
            continue;
        }
        for (p += n + 1; *p && *p != separator; p++) {
            if (len + 1 == size) {
                *out = '\0';
                return;
            }
            bool coded = *p == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0;
            out[len++] = coded ? (char)(hex(p[1]) * 16 + hex(p[2])) : *p == '+' ? ' ' : *p;
            if (coded) p += 2;
        }
        out[len] = '\0';
        return;
    }
}

void http_form(const struct http_exchange *x, const char *name, char *out, size_t size)
{
    pick(buf_cstr(&x->body), '&', name, out, size);
}

void http_cookie(const struct http_exchange *x, const char *name, char *out, size_t size)
{
    pick(http_header(x, "Cookie"), ';', name, out, size);
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
        streams_resume_some(s);
        (void)MHD_run(s->daemon); /* fails only for a daemon of another kind */
        s->mono = clock_now().mono;
    } while ((s->flush || mhd_has_more(s)) && s->mono < end);
}

static void sweep(struct http_server *s)
{
    s->sweep_at = s->mono + s->sweep_ms;
    for (struct conn *c = s->conns; c; c = c->next) {
        if (s->mono < c->deadline) continue;
        c->deadline = INT64_MAX;
        (void)shutdown(c->fd, SHUT_RDWR); /* libmicrohttpd sees the end and closes it */
    }
    streams_sweep(s);
}

void http_server_run(struct http_server *s)
{
    s->mono = clock_now().mono;
    if (s->departures_watch.ready) streams_see_departures(s);
    if (s->mono >= s->sweep_at) sweep(s);
    pump(s);
    streams_call_gone(s);
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
        exchange_resume(x);
    }
}

void http_server_release(struct http_server *s)
{
    s->mono = clock_now().mono;
    bool some = s->replied.first || s->flush;
    release_replies(s);
    if (streams_change(s)) some = true;
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
