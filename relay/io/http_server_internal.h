/* What http_server.c (connections, requests, answers), http_stream.c (server-sent events) and http_listen.c (sockets) share.
 *
 * An exchange goes ARRIVING -> ARRIVED -> HELD -> REPLIED -> RELEASED. From ARRIVED to REPLIED its connection is
 * suspended, so that libmicrohttpd can neither read nor write it; release resumes it. Handlers run outside of all
 * callbacks of libmicrohttpd, and may do anything.
 */
#ifndef TOCSIN_IO_HTTP_SERVER_INTERNAL_H
#define TOCSIN_IO_HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>

#include "base/buf.h"
#include "io/http_server.h"

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

void exchange_push(struct exchange_list *l, struct http_exchange *x);
void exchange_suspend(struct http_exchange *x);
void exchange_resume(struct http_exchange *x);

/* http_stream.c */
/* The client has left: gone is called later, by streams_call_gone. */
void stream_depart(struct http_stream *st);
void streams_call_gone(struct http_server *s);
void streams_release(struct http_server *s); /* at the end, when no client is left */
void streams_see_departures(struct http_server *s);
void streams_sweep(struct http_server *s);  /* cuts off who takes nothing, pings who has heard nothing */
bool streams_change(struct http_server *s); /* what was set is ready to be sent; true when something was */
void streams_resume_some(struct http_server *s); /* of those that have something to send */

/* http_listen.c: sets s->unix_path or s->port. */
enum relay_err http_listen(struct http_server *s, const struct http_server_options *o, int *ret_fd,
                           struct reason *why) MUST_CHECK;

#endif
