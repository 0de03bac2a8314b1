/* Outgoing HTTP: one curl multi handle whose sockets are watches of the loop. */
#include "io/http_client_internal.h"

#include "base/hash.h"
#include "base/i18n.h"
#include "base/mem.h"

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

/* ---- Destinations and their idle handles ------------------------------------------------------------------------ */

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
    uint64_t user = r->userpwd ? hash_quick(r->userpwd, strlen(r->userpwd)) : 0;
    char key[512];
    int n = snprintf(key, sizeof(key), "%.*s %d %016llx %s %s", (int)authority_end, r->url, r->allow_insecure,
                     (unsigned long long)user, r->unix_socket ? r->unix_socket : "",
                     r->ca_file ? r->ca_file : "");
    if (n < 0 || (size_t)n >= sizeof(key)) return NULL;
    uint64_t hash = hash_quick(key, (size_t)n);
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
    enum relay_err err = transfer_curl_ready(why);
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
    enum relay_err err = transfer_url_check(r->url, r->allow_insecure || r->unix_socket, &authority_end, why);
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
