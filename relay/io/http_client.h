/* Outgoing HTTP on the loop: libcurl multi_socket, pooled easy handles, bounded bodies and times.
 * Redirects are never followed, proxies from the environment and .netrc are ignored, only http and https exist.
 * Resolved addresses are checked before a socket opens: loopback, link-local and private ones only where the request
 * allows it. TLS is verified always. Neither URL nor body ever reaches a log.
 */
#ifndef TOCSIN_IO_HTTP_CLIENT_H
#define TOCSIN_IO_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

struct http_client;

enum http_end {
    HTTP_ANSWERED,  /* a whole answer; see status */
    HTTP_NOT_SENT,  /* surely not processed: resolve, connect, TLS failed, or refused address */
    HTTP_AMBIGUOUS, /* the request left, the answer did not come whole: it may have been processed */
    HTTP_TOO_LARGE, /* answered, but over max_answer: treat as ambiguous */
    HTTP_CANCELLED  /* the client is being freed */
};

struct http_request {
    const char *method; /* "POST"; NULL: POST with a body, else GET */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    const void *body;           /* copied */
    size_t body_len;
    const char *unix_socket; /* NULL: TCP */
    const char *userpwd;     /* "user:password" with digest or basic as the server asks; NULL: none */
    const char *ca_file;     /* NULL: the system's */
    bool allow_insecure;     /* http://, and loopback, link-local and private addresses */
    int connect_timeout_ms;  /* 0: 5000 */
    int timeout_ms;          /* 0: 15000, the whole transfer */
    size_t max_answer;       /* 0: 64 KiB */
};

struct http_answer {
    enum http_end end;
    int status;       /* 200; 0 when there is none */
    const char *body; /* NUL-terminated; valid in the callback only */
    size_t body_len;
    int64_t retry_after_ms; /* Retry-After as seconds or date, clamped to 0..1 day; -1 when absent */
    const char *error;      /* words for the end that was not ANSWERED; never the URL */
};

typedef void (*http_done_fn)(void *arg, const struct http_answer *a); /* exactly once a request */

enum relay_err http_client_new(struct loop *l, int max_total, struct http_client **ret,
                               struct reason *why) MUST_CHECK;
/* How much of an answer is read when a request says nothing of it; 64 KiB until then. */
void http_client_bound_answers(struct http_client *c, size_t bytes);
/* Calls every open done with HTTP_CANCELLED, or with its true end where that has come already. Takes NULL. */
struct http_client *http_client_free(struct http_client *c);

/* Whether an address may be used at all, for a check before there is a request: https, or http where that is allowed; a
 * host; no user, password, space or control character. The reason never holds the address. */
enum relay_err http_url_check(const char *url, bool allow_insecure, struct reason *why) MUST_CHECK;

/* Queues the request; it starts in http_client_start. RELAY_LIMIT when max_total are in flight; RELAY_INVALID for a URL
 * that may not be used. done is never called from inside. */
enum relay_err http_client_send(struct http_client *c, const struct http_request *r, http_done_fn done,
                                void *arg, struct reason *why) MUST_CHECK;
void http_client_start(struct http_client *c);   /* step 4 of a turn: bytes may leave from here on */
void http_client_collect(struct http_client *c); /* step 2: moves transfers, calls done for the finished */
int64_t http_client_next_due(const struct http_client *c);
int http_client_in_flight(const struct http_client *c);

/* For the command line and tests: one request, waited for. ret_body is the caller's to free. */
enum relay_err http_fetch(const struct http_request *r, int *ret_status, char **ret_body,
                          struct reason *why) MUST_CHECK;
/* Resolves, connects and, for https, shakes hands; sends nothing. Of the request only address and permissions count. */
enum relay_err http_reach(const struct http_request *r, struct reason *why) MUST_CHECK;

#endif
