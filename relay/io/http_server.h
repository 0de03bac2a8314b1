/* Incoming HTTP on the loop (libmicrohttpd, external epoll): the control socket and the TCP listeners.
 *
 * A handler runs inside http_server_run (step 2 of a turn). It answers at once with http_reply, or keeps the exchange
 * and replies later in the turn or in another one; nothing leaves before http_server_release (step 4), so that an answer
 * is never sooner than the commit that it speaks of. Streams (server-sent events) hold one unsent snapshot each.
 */
#ifndef TOCSIN_IO_HTTP_SERVER_H
#define TOCSIN_IO_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

struct http_server;
struct http_exchange;
struct http_stream;

typedef void (*http_handler_fn)(void *arg, struct http_exchange *x);

struct http_server_options {
    const char *unix_path;                    /* a socket at this path, mode 0660, or … */
    const char *unix_group;                   /* … owned by this group when it exists; NULL: leave */
    const char *host;                         /* … TCP: "127.0.0.1", "::1" */
    int port;                                 /* 0: any free one, see http_server_port */
    const char *tls_cert_file, *tls_key_file; /* both or neither */
    int max_connections;                      /* 0: 6100 */
    size_t max_body;                          /* request bodies over it get 413; 0: 64 KiB */
    int request_ms;                           /* head and body must each be here in this time; 0: 15 s */
    int ping_ms;                              /* a quiet stream gets a comment line; 0: 15 s */
    int stall_ms;                             /* a stream that takes nothing is cut off; 0: 30 s */
};

/* A socket file that nobody listens on is replaced; RELAY_CONFLICT when somebody does, or when the port is taken. */
enum relay_err http_server_new(struct loop *l, const struct http_server_options *o, struct http_server **ret,
                               struct reason *why) MUST_CHECK;
/* Answers that are not released never leave; every open stream hears its gone. Takes NULL. */
struct http_server *http_server_free(struct http_server *s);
int http_server_port(const struct http_server *s); /* 0 for a unix socket */

/* method "GET", "POST"; path exact, or a prefix when it ends in '/' + '*' : "/screen/" "*". First registered, first asked. */
void http_server_on(struct http_server *s, const char *method, const char *path, http_handler_fn fn,
                    void *arg);

/* Step 2: reads, and calls handlers and gone. At most some 5 ms of writing; the rest is due at once. */
void http_server_run(struct http_server *s);
/* Step 4, after the commit: answers and snapshots may leave. Calls nobody. Streams are written in slices of about 5 ms,
 * in the order in which they were set; what is left is due at once. */
void http_server_release(struct http_server *s);
/* Instead of release when the commit failed: what was answered to anything but GET and HEAD becomes 503, because it may
 * speak of a change that is not there. Reading goes on. */
void http_server_refuse(struct http_server *s);
int64_t http_server_next_due(const struct http_server *s);

/* The request. Strings live as long as the exchange. */
const char *http_method(const struct http_exchange *x);
const char *http_path(const struct http_exchange *x);                    /* decoded, without the query */
const char *http_query(const struct http_exchange *x, const char *name); /* decoded, or NULL */
const char *http_header(const struct http_exchange *x, const char *name);
const char *http_body(const struct http_exchange *x, size_t *ret_len); /* NUL-terminated */
/* A member of the form in the body, and a cookie: decoded; "" when it is absent, or does not fit. */
void http_form(const struct http_exchange *x, const char *name, char *out, size_t size);
void http_cookie(const struct http_exchange *x, const char *name, char *out, size_t size);
/* Who is at the other end of a unix socket. RELAY_UNSUPPORTED on TCP. */
enum relay_err http_peer(const struct http_exchange *x, int *ret_uid, int *ret_pid) MUST_CHECK;

/* The answer, exactly once. Body is copied. Every page gets nosniff, no-referrer and a strict
 * Content-Security-Policy (self, inline style and script by hash or 'unsafe-inline' for our own single-file pages). */
void http_reply(struct http_exchange *x, int status, const char *content_type, const void *body, size_t n);
void http_reply_json(struct http_exchange *x, int status, const char *json);
void http_reply_header(struct http_exchange *x, const char *name, const char *value); /* before the reply */

/* Turns the exchange into a stream: the answer to it. gone is called once, in http_server_run or _free, when the client
 * has left; then the stream is no more. http_stream_set replaces what has not been sent yet: a slow reader misses
 * intermediate snapshots, and one that takes nothing for stall_ms is cut off and counted. Streams that are set to the
 * same bytes one after another share them. */
struct http_stream *http_stream_open(struct http_exchange *x, const char *content_type,
                                     void (*gone)(void *arg), void *arg);
void http_stream_set(struct http_stream *s, const void *bytes, size_t n); /* one whole event, "data: …\n\n" */
/* Ends it after what was set; gone is not called, the stream is not to be used again. */
void http_stream_close(struct http_stream *s);
int http_server_streams(const struct http_server *s);
int64_t http_server_cut_off(const struct http_server *s); /* streams cut off since the start */

#endif
