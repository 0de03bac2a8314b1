/* One HTTP request over curl: what it may reach, how it is sent, and what became of it. */
#include "io/http_client_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "io/address.h"

static CURLcode global_result;

static void global_init(void)
{
    global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
    /* With NOSIGNAL curl leaves SIGPIPE to us; a peer that closes a TLS connection must not end the process. */
    (void)signal(SIGPIPE, SIG_IGN);
}

enum relay_err transfer_curl_ready(struct reason *why)
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

/* ---- One transfer ---------------------------------------------------------------------------------------------- */

struct transfer *transfer_new(struct http_client *c)
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

void transfer_free(struct transfer *t)
{
    if (!t) return;
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    buf_release(&t->body);
    buf_release(&t->answer);
    free(t);
}

/* Nothing of a request, least of all its address, stays in a handle that waits for the next one. */
void transfer_reset(struct transfer *t)
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
enum relay_err transfer_url_check(const char *url, bool http_too, size_t *ret_end, struct reason *why)
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
    return transfer_url_check(url, allow_insecure, &end, why);
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
    SET(CURLOPT_CONNECTTIMEOUT_MS, s.connect_ms);
    SET(CURLOPT_TIMEOUT_MS, s.whole_ms);
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

enum relay_err transfer_prepare(struct transfer *t, const struct http_request *r, struct reason *why)
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

void transfer_judge(struct transfer *t, CURLcode code)
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
    enum relay_err err = transfer_curl_ready(why);
    if (err != RELAY_OK) return err;
    size_t authority_end;
    err = transfer_url_check(r->url, r->allow_insecure || r->unix_socket, &authority_end, why);
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
