/* Between http_transfer.c (one request and what curl says of it) and http_client.c (many of them in the loop). Nobody else. */
#ifndef TOCSIN_IO_HTTP_CLIENT_INTERNAL_H
#define TOCSIN_IO_HTTP_CLIENT_INTERNAL_H

#include <curl/curl.h>

#include "base/buf.h"
#include "io/http_client.h"

enum {
    CONNECT_TIMEOUT_MS = 5000,
    TIMEOUT_MS = 15000,
    MAX_ANSWER = 64 * 1024,
    MAX_HEADERS = 64 * 1024, /* of one answer, all its header lines together */
    MAX_BODY = 16 * 1024 * 1024,
    KEEP_ANSWER = 4 * 1024, /* a buffer over this is given back after use */
    IDLE_CONNECTION_S = 20, /* an older one is not used again: the server may be just closing it */
    LEADERS = 2,            /* how many go first to a host that is not resolved yet */
    RESOLVED_MS = 50 * 1000 /* a little less than curl keeps a name */
};

enum transfer_state {
    TRANSFER_IDLE,    /* in its destination's idle list */
    TRANSFER_QUEUED,  /* sent by the caller, not yet started */
    TRANSFER_WAITING, /* started, while others resolve the same host */
    TRANSFER_RUNNING, /* curl has it */
    TRANSFER_ENDED    /* done is not called yet */
};

struct transfer_list {
    struct transfer *first, *last;
};

/* Scheme, host and port with what else may not be mixed. Lives while it has a transfer, idle ones counted. */
struct dest {
    struct dest *next;
    char *key;
    uint64_t hash;
    int64_t used_mono, resolved_until;
    int members, leading;
    struct transfer *idle;
    struct transfer_list waiting;
};

struct transfer {
    struct transfer *next;      /* in the one list that its state names */
    struct http_client *client; /* NULL in http_fetch */
    struct dest *dest;
    CURL *easy;
    enum transfer_state state;
    http_done_fn done;
    void *arg;

    struct curl_slist *headers;
    struct buf body, answer;
    size_t header_bytes;
    bool allow_insecure, over_unix, leads;
    bool denied;    /* an address was refused */
    bool too_large; /* the answer is over its bound */
    bool resent;    /* curl wanted to send it again on its own */
    bool answering; /* a byte of an answer came since the request was last sent */
    int requests;   /* how often the request was about to leave */
    struct shape {
        bool set, plain; /* plain: a POST with a body and no password */
        long connect_ms, whole_ms;
        size_t max_answer;
    } shape;   /* what the handle is set to */
    bool used; /* a new one needs no reset */
    enum http_end end;
    int status;
    int64_t retry_after_ms;
    char error[200], detail[CURL_ERROR_SIZE];
};

struct sock {
    struct watch watch;
    struct sock *next, **link;
};

struct ready_sock {
    curl_socket_t fd;
    int events;
};

struct http_client {
    struct loop *loop;
    CURLM *multi;
    int max_total, in_flight;
    size_t max_answer;
    struct transfer **transfers; /* every one there is, idle or not */
    int n_transfers;
    struct dest *dests;
    struct transfer_list queued, ended;
    struct sock *socks;
    size_t n_socks;
    struct ready_sock *ready;
    size_t ready_cap;
    int64_t due;
    bool resolved_some; /* waiting transfers may start */
    bool stopping;      /* a done that sends again is refused */
};

/* libcurl is set up, once a process. */
enum relay_err transfer_curl_ready(struct reason *why) MUST_CHECK;
/* client is NULL for a transfer that is waited for. NULL when curl has no more handles. */
struct transfer *transfer_new(struct http_client *c);
void transfer_free(struct transfer *t);
/* Ready for the next request to the same destination. */
void transfer_reset(struct transfer *t);
/* Everything of the request that curl must know. Nothing is sent. */
enum relay_err transfer_prepare(struct transfer *t, const struct http_request *r,
                                struct reason *why) MUST_CHECK;
/* What became of it: end, status and words, from what curl says. */
void transfer_judge(struct transfer *t, CURLcode code);
/* A URL that may be asked: scheme, host, no password. *ret_end is where its authority ends. */
enum relay_err transfer_url_check(const char *url, bool http_too, size_t *ret_end,
                                  struct reason *why) MUST_CHECK;

#endif
