/* Outgoing HTTP: one curl multi handle whose sockets are watches of the loop. */
#include "io/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "io/address.h"

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

static void list_push(struct transfer_list *l, struct transfer *t)
{
    t->next = NULL;
    if (l->last)
        l->last->next = t;
    else
        l->first = t;
    l->last = t;
}

static struct transfer *list_pop(struct transfer_list *l)
{
    struct transfer *t = l->first;
    if (!t) return NULL;
    l->first = t->next;
    if (!l->first) l->last = NULL;
    t->next = NULL;
    return t;
}

static CURLcode global_result;

static void global_init(void)
{
    global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
    /* With NOSIGNAL curl leaves SIGPIPE to us; a peer that closes a TLS connection must not end the process. */
    (void)signal(SIGPIPE, SIG_IGN);
}

static enum relay_err curl_ready(struct reason *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
    if (global_result == CURLE_OK) return RELAY_OK;
    return fail(why, RELAY_IO, _("libcurl does not start: %s"), curl_easy_strerror(global_result));
}

/* ---- What curl calls ------------------------------------------------------------------------------------------ */

static void mark_resolved(struct transfer *t)
{
    if (!t->dest) return;
    t->dest->resolved_until = clock_now().mono + RESOLVED_MS;
    t->client->resolved_some = t->client->resolved_some || t->dest->waiting.first;
}

/* The only place where a socket comes from: what the name resolved to is judged here. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct transfer *t = arg;
    (void)purpose; /* there is only one kind without an FTP */
    mark_resolved(t);
    bool allowed = a->family == AF_UNIX ? t->over_unix : t->allow_insecure || address_is_public(&a->addr);
    if (!allowed) {
        t->denied = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* The connection stands and the request is about to leave. A pooled connection was opened under another request's
 * permission, so its address is judged again. When a pooled connection breaks before an answer, curl would send
 * the request a second time without a word: for a message that people read this is not its decision. */
static int on_request(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct transfer *t = arg;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    mark_resolved(t);
    if (t->requests && !t->answering) {
        t->resent = true;
        return CURL_PREREQFUNC_ABORT;
    }
    if (!t->over_unix && !t->allow_insecure && !address_text_is_public(remote_ip)) {
        t->denied = true;
        return CURL_PREREQFUNC_ABORT;
    }
    t->requests++;
    t->answering = false;
    return CURL_PREREQFUNC_OK;
}

static int64_t parse_retry_after(const char *value, size_t n)
{
    char text[64];
    while (n && (*value == ' ' || *value == '\t')) value++, n--;
    while (n && (value[n - 1] == '\r' || value[n - 1] == '\n' || value[n - 1] == ' ')) n--;
    if (!n || n >= sizeof(text)) return -1;
    memcpy(text, value, n);
    text[n] = '\0';
    int64_t ms;
    if (strspn(text, "0123456789") == n) {
        ms = n > 6 ? DAY_MS : strtoll(text, NULL, 10) * SECOND_MS;
    } else {
        time_t at = curl_getdate(text, NULL);
        if (at < 0) return -1;
        ms = (int64_t)at * SECOND_MS - clock_now().wall;
    }
    return ms < 0 ? 0 : ms > DAY_MS ? DAY_MS : ms;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    static const char name[] = "retry-after:";
    struct transfer *t = arg;
    size_t n = size * count;
    t->answering = true;
    t->header_bytes += n;
    if (t->header_bytes > MAX_HEADERS) {
        t->too_large = true;
        return 0;
    }
    if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) t->retry_after_ms = -1; /* of the last answer only */
    if (n >= sizeof(name) && strncasecmp(line, name, sizeof(name) - 1) == 0)
        t->retry_after_ms = parse_retry_after(line + sizeof(name) - 1, n - (sizeof(name) - 1));
    return n;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t n = size * count;
    buf_add(&t->answer, bytes, n);
    if (!buf_failed(&t->answer)) return n;
    t->too_large = true;
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_client *c = arg;
    struct sock *s = socket_arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (!s) return 0;
        (void)!watch_set(c->loop, &s->watch, -1, 0); /* forgetting cannot fail */
        *s->link = s->next;
        if (s->next) s->next->link = s->link;
        c->n_socks--;
        free(s);
        return 0;
    }
    if (!s) {
        s = xcalloc(1, sizeof(*s));
        s->watch.fd = -1;
        s->next = c->socks;
        s->link = &c->socks;
        if (s->next) s->next->link = &s->next;
        c->socks = s;
        c->n_socks++;
        (void)curl_multi_assign(c->multi, fd, s); /* fails only for an unknown socket */
    }
    unsigned wanted = (what & CURL_POLL_IN ? WATCH_READ : 0U) | (what & CURL_POLL_OUT ? WATCH_WRITE : 0U);
    /* -1 tells curl, which then fails its transfers instead of waiting for their time-outs. */
    return watch_set(c->loop, &s->watch, fd, wanted) == RELAY_OK ? 0 : -1;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct http_client *c = arg;
    (void)multi;
    c->due = timeout_ms < 0 ? INT64_MAX : clock_now().mono + timeout_ms;
    return 0;
}

/* ---- One transfer ---------------------------------------------------------------------------------------------- */

static struct transfer *transfer_new(struct http_client *c)
{
    struct transfer *t = xcalloc(1, sizeof(*t));
    t->client = c;
    t->body = BUF_INIT(MAX_BODY);
    t->answer = BUF_INIT(MAX_ANSWER);
    t->easy = curl_easy_init();
    if (t->easy) return t;
    free(t);
    return NULL;
}

static void transfer_free(struct transfer *t)
{
    if (!t) return;
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    buf_release(&t->body);
    buf_release(&t->answer);
    free(t);
}

/* Nothing of a request, least of all its address, stays in a handle that waits for the next one. */
static void transfer_reset(struct transfer *t)
{
    (void)curl_easy_setopt(t->easy, CURLOPT_URL, NULL); /* these cannot fail */
    (void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
    (void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, NULL);
    if (!t->shape.plain) {
        curl_easy_reset(t->easy);
        t->shape.set = false;
    }
    curl_slist_free_all(t->headers);
    t->headers = NULL;
    buf_clear(&t->body);
    if (t->answer.cap > KEEP_ANSWER)
        buf_release(&t->answer);
    else
        buf_clear(&t->answer);
    t->header_bytes = 0;
    t->leads = t->denied = t->too_large = t->resent = t->answering = false;
    t->requests = t->status = 0;
    t->retry_after_ms = -1;
    t->error[0] = t->detail[0] = '\0';
}

/* Where the authority of an http or https URL ends; what may not be used is refused here, because curl would say so only
 * when the request starts. */
static enum relay_err url_check(const char *url, bool http_too, size_t *ret_end, struct reason *why)
{
    bool https = strncasecmp(url, "https://", 8) == 0, http = strncasecmp(url, "http://", 7) == 0;
    if (!https && !http)
        return fail(why, RELAY_INVALID, "%s", _("the address must begin with https:// or http://"));
    if (http && !http_too)
        return fail(why, RELAY_INVALID, "%s",
                    _("an http:// address needs `allow_insecure: true`; use https://"));
    size_t from = https ? 8 : 7, end = from + strcspn(url + from, "/?#");
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\')
            return fail(why, RELAY_INVALID, "%s",
                        _("the address holds a space, a backslash or a control character"));
    if (end == from) return fail(why, RELAY_INVALID, "%s", _("the address has no host"));
    if (memchr(url + from, '@', end - from))
        return fail(why, RELAY_INVALID, "%s", _("the address must not hold a user name or password"));
    *ret_end = end;
    return RELAY_OK;
}

enum relay_err http_url_check(const char *url, bool allow_insecure, struct reason *why)
{
    size_t end;
    return url_check(url, allow_insecure, &end, why);
}

static enum relay_err headers_build(struct transfer *t, const struct http_request *r, struct reason *why)
{
    for (const char *const *h = r->headers; h && *h; h++) {
        if (strpbrk(*h, "\r\n")) return fail(why, RELAY_INVALID, _("a header holds a line break"));
        struct curl_slist *more = curl_slist_append(t->headers, *h);
        if (!more) return fail(why, RELAY_IO, _("libcurl refuses the request: %s"), "slist");
        t->headers = more;
    }
    /* Without it curl waits a second for a "100 Continue" that chat services do not send. */
    struct curl_slist *more = curl_slist_append(t->headers, "Expect:");
    if (!more) return fail(why, RELAY_IO, _("libcurl refuses the request: %s"), "slist");
    t->headers = more;
    return RELAY_OK;
}

/* Adds up the results so that one look at the end is enough. */
#define SET(option, value)                                                                                   \
    do {                                                                                                     \
        CURLcode set_code = curl_easy_setopt(t->easy, option, value);                                        \
        if (set_code != CURLE_OK && code == CURLE_OK) code = set_code;                                       \
    } while (0)

static CURLcode set_method(struct transfer *t, const struct http_request *r)
{
    CURLcode code = CURLE_OK;
    const char *method = r->method ? r->method : r->body ? "POST" : "GET";
    if (r->body || strcmp(method, "POST") == 0) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
        SET(CURLOPT_POSTFIELDS, buf_cstr(&t->body)); /* not copied by curl */
        if (strcmp(method, "POST") != 0) SET(CURLOPT_CUSTOMREQUEST, method);
    } else if (strcmp(method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
        if (strcmp(method, "GET") != 0) SET(CURLOPT_CUSTOMREQUEST, method);
    }
    return code;
}

/* What may differ between two requests of one destination. */
static CURLcode set_request(struct transfer *t, const struct http_request *r)
{
    CURLcode code = set_method(t, r);
    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_HTTPHEADER, t->headers);
    return code;
}

/* Most requests are like the one before on the same handle: the rest is set already. */
static struct shape shape_of(const struct transfer *t, const struct http_request *r)
{
    return (struct shape){.set = true,
                          .plain = !r->method && r->body && !r->userpwd,
                          .connect_ms = r->connect_timeout_ms ? r->connect_timeout_ms : CONNECT_TIMEOUT_MS,
                          .whole_ms = r->timeout_ms ? r->timeout_ms : TIMEOUT_MS,
                          .max_answer = t->answer.limit};
}

static CURLcode set_everything(struct transfer *t, const struct http_request *r)
{
    struct shape s = shape_of(t, r);
    if (t->shape.set && s.plain && t->shape.plain && s.connect_ms == t->shape.connect_ms &&
        s.whole_ms == t->shape.whole_ms && s.max_answer == t->shape.max_answer)
        return set_request(t, r);
    if (t->used) curl_easy_reset(t->easy);
    t->used = true;
    t->shape = s;
    CURLcode code = set_request(t, r);
    long connect_ms = r->connect_timeout_ms ? r->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    long whole_ms = r->timeout_ms ? r->timeout_ms : TIMEOUT_MS;
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_ERRORBUFFER, t->detail);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USERAGENT, "tocsin/" TOCSIN_VERSION);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PROXY, ""); /* "" also keeps the environment's out */
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (r->ca_file) SET(CURLOPT_CAINFO, r->ca_file);
    if (r->unix_socket) SET(CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
    if (r->userpwd) {
        SET(CURLOPT_USERPWD, r->userpwd);
        SET(CURLOPT_HTTPAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
    }
    SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    SET(CURLOPT_TIMEOUT_MS, whole_ms);
    SET(CURLOPT_MAXAGE_CONN, (long)IDLE_CONNECTION_S);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->answer.limit);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_PREREQFUNCTION, on_request);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    return code;
}

static enum relay_err transfer_prepare(struct transfer *t, const struct http_request *r, struct reason *why)
{
    if (r->method && (!*r->method || strspn(r->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(r->method)))
        return fail(why, RELAY_INVALID, _("the method must be capital letters"));
    t->allow_insecure = r->allow_insecure;
    t->over_unix = r->unix_socket;
    t->answer.limit = r->max_answer ? r->max_answer : t->client ? t->client->max_answer : MAX_ANSWER;
    t->retry_after_ms = -1;
    if (r->body) buf_add(&t->body, r->body, r->body_len);
    if (buf_failed(&t->body)) return fail(why, RELAY_LIMIT, _("the request body is over %d bytes"), MAX_BODY);
    enum relay_err err = headers_build(t, r, why);
    if (err != RELAY_OK) return err;
    CURLcode code = set_everything(t, r);
    if (code == CURLE_OK) return RELAY_OK;
    return fail(why, RELAY_INVALID, _("libcurl refuses the request: %s"), curl_easy_strerror(code));
}

/* curl's own words are taken only where they cannot hold the address. */
static void describe(struct transfer *t, CURLcode code)
{
    long os_error = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_error); /* 0 is a fine answer */
    const char *words = curl_easy_strerror(code), *more = os_error ? strerror((int)os_error) : NULL;
    if (t->denied && t->requests == 0) {
        words = _("the name leads to an address of this host or of a private network; `allow_insecure: true` "
                  "permits it");
        more = NULL;
    } else if (t->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        words = _("the answer is too large");
        more = NULL;
    } else if (t->resent || (code == CURLE_GOT_NOTHING)) {
        words = _("the connection closed without an answer");
        more = NULL;
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        words = t->requests ? _("no answer in time") : _("no connection in time");
        more = NULL;
    } else if (code == CURLE_COULDNT_RESOLVE_HOST) {
        words = _("the host name does not resolve");
        more = NULL;
    } else if (code == CURLE_COULDNT_CONNECT) {
        words = _("cannot connect");
    } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR) {
        words = _("TLS failed");
        more = t->detail[0] ? t->detail : NULL;
    } else if (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE) {
        words = _("the connection broke");
    }
    (void)snprintf(t->error, sizeof(t->error), more ? "%s: %s" : "%s", words, more ? more : "");
}

/* Whether the other side can have the whole request: only then may it have been processed. */
static bool request_left(const struct transfer *t)
{
    if (t->resent || t->answering) return true;
    if (t->requests == 0) return false;
    long head = 0;
    curl_off_t body = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &head); /* stays 0: nothing left */
    (void)curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &body);
    return head > 0 && (size_t)body >= t->body.len;
}

static void transfer_judge(struct transfer *t, CURLcode code)
{
    long status = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status); /* 0 is a fine answer */
    t->status = (int)status;
    if (code == CURLE_OK) {
        t->end = HTTP_ANSWERED;
        return;
    }
    if (t->too_large || code == CURLE_FILESIZE_EXCEEDED)
        t->end = HTTP_TOO_LARGE;
    else
        t->end = request_left(t) ? HTTP_AMBIGUOUS : HTTP_NOT_SENT;
    describe(t, code);
}

/* ---- Destinations and their idle handles ------------------------------------------------------------------------ */

static uint64_t fnv(uint64_t h, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3ULL;
    return h;
}

static void dest_leave(struct http_client *c, struct dest *d)
{
    if (--d->members) return;
    for (struct dest **p = &c->dests; *p; p = &(*p)->next) {
        if (*p != d) continue;
        *p = d->next;
        break;
    }
    free(d->key);
    free(d);
}

/* A handle serves one destination only, and so do the credentials that curl might keep in it. */
static struct dest *dest_find(struct http_client *c, const struct http_request *r, size_t authority_end)
{
    uint64_t user = r->userpwd ? fnv(0xcbf29ce484222325ULL, r->userpwd, strlen(r->userpwd)) : 0;
    char key[512];
    int n = snprintf(key, sizeof(key), "%.*s %d %016llx %s %s", (int)authority_end, r->url, r->allow_insecure,
                     (unsigned long long)user, r->unix_socket ? r->unix_socket : "",
                     r->ca_file ? r->ca_file : "");
    if (n < 0 || (size_t)n >= sizeof(key)) return NULL;
    uint64_t hash = fnv(0xcbf29ce484222325ULL, key, (size_t)n);
    for (struct dest *d = c->dests; d; d = d->next)
        if (d->hash == hash && strcmp(d->key, key) == 0) return d;
    struct dest *d = xcalloc(1, sizeof(*d));
    d->key = xstrdup(key);
    d->hash = hash;
    d->next = c->dests;
    c->dests = d;
    return d;
}

/* Takes the idle handle of the destination that was used longest ago. */
static void give_up_oldest_idle(struct http_client *c)
{
    struct dest *oldest = NULL;
    for (struct dest *d = c->dests; d; d = d->next)
        if (d->idle && (!oldest || d->used_mono < oldest->used_mono)) oldest = d;
    if (!oldest) return;
    struct transfer *t = oldest->idle;
    oldest->idle = t->next;
    for (int i = 0; i < c->n_transfers; i++) {
        if (c->transfers[i] != t) continue;
        c->transfers[i] = c->transfers[--c->n_transfers];
        break;
    }
    dest_leave(c, oldest);
    transfer_free(t);
}

static struct transfer *transfer_take(struct http_client *c, struct dest *d)
{
    struct transfer *t = d->idle;
    if (t) {
        d->idle = t->next;
        return t;
    }
    d->members++; /* before the room is made, so that d itself cannot go */
    if (c->n_transfers > c->max_total) give_up_oldest_idle(c);
    t = transfer_new(c);
    if (!t) {
        dest_leave(c, d);
        return NULL;
    }
    t->dest = d;
    c->transfers[c->n_transfers++] = t;
    return t;
}

static void transfer_put_back(struct transfer *t)
{
    transfer_reset(t);
    t->state = TRANSFER_IDLE;
    t->dest->used_mono = clock_now().mono;
    t->next = t->dest->idle;
    t->dest->idle = t;
}

/* ---- The client -------------------------------------------------------------------------------------------------- */

enum relay_err http_client_new(struct loop *l, int max_total, struct http_client **ret, struct reason *why)
{
    enum relay_err err = curl_ready(why);
    if (err != RELAY_OK) return err;
    struct http_client *c = xcalloc(1, sizeof(*c));
    c->loop = l;
    c->max_total = max_total;
    c->max_answer = MAX_ANSWER;
    c->due = INT64_MAX;
    c->transfers =
        xcalloc((size_t)max_total + 1, sizeof(struct transfer *)); /* one may send from its own done */
    c->multi = curl_multi_init();
    if (!c->multi) {
        err = fail(why, RELAY_IO, _("libcurl does not start: %s"), "multi");
        goto bad;
    }
    CURLMcode m[] = {
        curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket),
        curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c),
        curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer),
        curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c),
        /* Fewer than there are live connections would mean a new TLS handshake for nearly every message. */
        curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)max_total + 16L),
        curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING),
    };
    for (size_t i = 0; i < ARRAY_LEN(m); i++) {
        if (m[i] == CURLM_OK) continue;
        err = fail(why, RELAY_IO, _("libcurl does not start: %s"), curl_multi_strerror(m[i]));
        goto bad;
    }
    *ret = c;
    return RELAY_OK;
bad:
    http_client_free(c);
    return err;
}

static void transfer_done(struct transfer *t)
{
    struct http_client *c = t->client;
    struct http_answer a = {.end = t->end,
                            .status = t->status,
                            .body = buf_cstr(&t->answer),
                            .body_len = t->answer.len,
                            .retry_after_ms = t->retry_after_ms,
                            .error = t->end == HTTP_ANSWERED ? "" : t->error};
    c->in_flight--;
    t->done(t->arg, &a);
    transfer_put_back(t);
}

void http_client_bound_answers(struct http_client *c, size_t bytes)
{
    c->max_answer = bytes;
}

struct http_client *http_client_free(struct http_client *c)
{
    if (!c) return NULL;
    c->stopping = true;
    for (int i = 0; i < c->n_transfers; i++) {
        struct transfer *t = c->transfers[i];
        if (t->state == TRANSFER_RUNNING)
            (void)curl_multi_remove_handle(c->multi, t->easy); /* ours: cannot fail */
        if (t->state != TRANSFER_IDLE && t->state != TRANSFER_ENDED) {
            t->end = HTTP_CANCELLED;
            (void)snprintf(t->error, sizeof(t->error), "%s", _("the relay is stopping"));
        }
        if (t->state != TRANSFER_IDLE) transfer_done(t);
    }
    for (int i = 0; i < c->n_transfers; i++) {
        struct dest *d = c->transfers[i]->dest;
        transfer_free(c->transfers[i]);
        dest_leave(c, d);
    }
    if (c->multi) (void)curl_multi_cleanup(c->multi); /* closes what is left and tells on_socket */
    while (c->socks) {
        struct sock *s = c->socks;
        c->socks = s->next;
        (void)!watch_set(c->loop, &s->watch, -1, 0); /* forgetting cannot fail */
        free(s);
    }
    free(c->transfers);
    free(c->ready);
    free(c);
    return NULL;
}

enum relay_err http_client_send(struct http_client *c, const struct http_request *r, http_done_fn done,
                                void *arg, struct reason *why)
{
    if (c->stopping) return fail(why, RELAY_OFFLINE, "%s", _("the relay is stopping"));
    if (c->in_flight >= c->max_total)
        return fail(why, RELAY_LIMIT, _("%d requests are in flight already"), c->max_total);
    size_t authority_end;
    enum relay_err err = url_check(r->url, r->allow_insecure || r->unix_socket, &authority_end, why);
    if (err != RELAY_OK) return err;
    struct dest *d = dest_find(c, r, authority_end);
    if (!d) return fail(why, RELAY_INVALID, _("the host name is too long"));
    struct transfer *t = transfer_take(c, d);
    if (!t) return fail(why, RELAY_IO, _("libcurl does not start: %s"), "easy");
    err = transfer_prepare(t, r, why);
    if (err != RELAY_OK) {
        transfer_put_back(t);
        return err;
    }
    t->done = done;
    t->arg = arg;
    t->state = TRANSFER_QUEUED;
    list_push(&c->queued, t);
    c->in_flight++;
    return RELAY_OK;
}

static void transfer_finish(struct http_client *c, struct transfer *t)
{
    t->state = TRANSFER_ENDED;
    list_push(&c->ended, t);
}

/* Every transfer that starts resolves for itself, on a thread of its own. So two go first, and the others follow
 * when the name is known: 4,499 groups on one host are two look-ups and not 256. */
static void transfer_start(struct http_client *c, struct transfer *t, int64_t mono)
{
    struct dest *d = t->dest;
    bool known = t->over_unix || mono < d->resolved_until;
    if (!known && d->leading >= LEADERS) {
        t->state = TRANSFER_WAITING;
        list_push(&d->waiting, t);
        return;
    }
    CURLMcode m = curl_multi_add_handle(c->multi, t->easy);
    if (m != CURLM_OK) {
        t->end = HTTP_NOT_SENT;
        (void)snprintf(t->error, sizeof(t->error), "%s", curl_multi_strerror(m));
        transfer_finish(c, t);
        return;
    }
    t->state = TRANSFER_RUNNING;
    t->leads = !known;
    d->leading += t->leads;
}

static void kick(struct http_client *c)
{
    int running;
    (void)curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0,
                                   &running); /* errors end single transfers */
}

/* Others of its host waited for this one's look-up: they share its failure, or one of them tries next. */
static void leader_ended(struct http_client *c, struct transfer *t, CURLcode code, int64_t mono)
{
    struct dest *d = t->dest;
    t->leads = false;
    d->leading--;
    if (mono < d->resolved_until) return;
    if (code != CURLE_COULDNT_RESOLVE_HOST && code != CURLE_OPERATION_TIMEDOUT) {
        c->resolved_some = true;
        return;
    }
    struct transfer *w;
    while ((w = list_pop(&d->waiting))) {
        w->end = HTTP_NOT_SENT;
        (void)snprintf(w->error, sizeof(w->error), "%s", t->error);
        transfer_finish(c, w);
    }
}

/* Takes what curl has finished, and starts what waited for a name; both may cause the other. */
static void harvest(struct http_client *c)
{
    int64_t mono = clock_now().mono;
    for (;;) {
        int left;
        CURLMsg *msg;
        while ((msg = curl_multi_info_read(c->multi, &left))) {
            struct transfer *t = NULL;
            CURLcode code = msg->data.result;
            if (curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t) != CURLE_OK || !t)
                continue;
            (void)curl_multi_remove_handle(c->multi, t->easy); /* ours: cannot fail */
            transfer_judge(t, code);
            transfer_finish(c, t);
            if (t->leads) leader_ended(c, t, code, mono);
        }
        if (!c->resolved_some) return;
        c->resolved_some = false;
        for (struct dest *d = c->dests; d; d = d->next) {
            struct transfer_list waited = d->waiting;
            d->waiting = (struct transfer_list){NULL, NULL};
            struct transfer *t;
            while ((t = list_pop(&waited))) transfer_start(c, t, mono);
        }
        kick(c);
    }
}

void http_client_start(struct http_client *c)
{
    if (!c->queued.first) return;
    int64_t mono = clock_now().mono;
    struct transfer *t;
    while ((t = list_pop(&c->queued))) transfer_start(c, t, mono);
    kick(c);
    harvest(c);
}

void http_client_collect(struct http_client *c)
{
    /* A snapshot of descriptors: curl adds and forgets sockets while it works on them. */
    size_t n = 0;
    if (c->ready_cap < c->n_socks) {
        c->ready_cap = c->n_socks * 2;
        c->ready = xreallocarray(c->ready, c->ready_cap, sizeof(*c->ready));
    }
    for (struct sock *s = c->socks; s; s = s->next) {
        if (!s->watch.ready) continue;
        /* An error shows itself, with its number, in the read or write that was waited for. */
        unsigned r = s->watch.ready & WATCH_ERROR ? s->watch.wanted : s->watch.ready;
        c->ready[n++] = (struct ready_sock){s->watch.fd, (r & WATCH_READ ? CURL_CSELECT_IN : 0) |
                                                             (r & WATCH_WRITE ? CURL_CSELECT_OUT : 0)};
        s->watch.ready = 0;
    }
    int running;
    for (size_t i = 0; i < n; i++) /* an error ends its own transfer */
        (void)curl_multi_socket_action(c->multi, c->ready[i].fd, c->ready[i].events, &running);
    if (c->due <= clock_now().mono) {
        c->due = INT64_MAX;
        kick(c);
    }
    harvest(c);
    struct transfer_list ended = c->ended;
    c->ended = (struct transfer_list){NULL, NULL};
    struct transfer *t;
    while ((t = list_pop(&ended))) transfer_done(t);
}

int64_t http_client_next_due(const struct http_client *c)
{
    return c->ended.first ? 0 : c->due;
}

int http_client_in_flight(const struct http_client *c)
{
    return c->in_flight;
}

/* ---- Waited for -------------------------------------------------------------------------------------------------- */

static enum relay_err fetch_error(const struct transfer *t, CURLcode code, struct reason *why)
{
    long os_error = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_error); /* 0 is a fine answer */
    enum relay_err err = RELAY_IO;
    if (t->end == HTTP_TOO_LARGE)
        err = RELAY_LIMIT;
    else if (t->denied || os_error == EACCES)
        err = RELAY_DENIED;
    else if (code == CURLE_OPERATION_TIMEDOUT)
        err = RELAY_TIMEOUT;
    else if (t->end == HTTP_NOT_SENT)
        err = RELAY_OFFLINE;
    return fail(why, err, "%s", t->error);
}

static enum relay_err transfer_alone(const struct http_request *r, struct transfer **ret, struct reason *why)
{
    enum relay_err err = curl_ready(why);
    if (err != RELAY_OK) return err;
    size_t authority_end;
    err = url_check(r->url, r->allow_insecure || r->unix_socket, &authority_end, why);
    if (err != RELAY_OK) return err;
    struct transfer *t = transfer_new(NULL);
    if (!t) return fail(why, RELAY_IO, _("libcurl does not start: %s"), "easy");
    err = transfer_prepare(t, r, why);
    if (err == RELAY_OK)
        *ret = t;
    else
        transfer_free(t);
    return err;
}

enum relay_err http_fetch(const struct http_request *r, int *ret_status, char **ret_body, struct reason *why)
{
    struct transfer *t = NULL;
    enum relay_err err = transfer_alone(r, &t, why);
    if (err != RELAY_OK || !t) return err;
    CURLcode code = curl_easy_perform(t->easy);
    transfer_judge(t, code);
    if (code != CURLE_OK) {
        err = fetch_error(t, code, why);
    } else {
        *ret_status = t->status;
        *ret_body = buf_take(&t->answer);
    }
    transfer_free(t);
    return err;
}

enum relay_err http_reach(const struct http_request *r, struct reason *why)
{
    struct transfer *t = NULL;
    enum relay_err err = transfer_alone(r, &t, why);
    if (err != RELAY_OK || !t) return err;
    CURLcode code = curl_easy_setopt(t->easy, CURLOPT_CONNECT_ONLY, 1L);
    if (code == CURLE_OK) code = curl_easy_perform(t->easy);
    if (code != CURLE_OK) {
        transfer_judge(t, code);
        err = fetch_error(t, code, why);
    }
    transfer_free(t);
    return err;
}
