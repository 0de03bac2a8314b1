/* Plays on devices that are spoken to by HTTP. */
#include "player/device.h"

#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"

enum { HEADERS_MAX = 12, DETAIL_MAX = 300 };

static enum relay_err check(const struct device_options *set, char **ret_secret, struct reason *why)
{
    enum relay_err err = http_url_check(set->url, set->allow_insecure, why);
    if (err != RELAY_OK) return fail_in(why, err, "url");
    if (!set->user != !set->password_file)
        return fail(why, RELAY_INVALID, _("user and password_file go together"));
    if (set->user && strchr(set->user, ':')) return fail(why, RELAY_INVALID, _("user: no colon in it"));
    if (set->ca && (err = file_check(set->ca, true, why)) != RELAY_OK) return err;
    return set->password_file ? secret_read(set->password_file, ret_secret, why) : RELAY_OK;
}

enum relay_err device_check(const struct device_options *set, struct reason *why)
{
    CLEANUP(secret_free_ptr) char *secret = NULL;
    return check(set, &secret, why);
}

enum relay_err device_open(struct output *o, const struct device_options *set,
                           const struct device_profile *profile, const char *token_file, struct reason *why)
{
    struct device *d = o->state;
    CLEANUP(secret_free_ptr) char *secret = NULL;
    *d = (struct device){.set = set, .profile = profile};
    enum relay_err err = check(set, &secret, why);
    if (err == RELAY_OK && token_file && set->user)
        err = fail(why, RELAY_INVALID, _("user or token_file, not both"));
    if (err == RELAY_OK && token_file) err = secret_read(token_file, &secret, why);
    if (err != RELAY_OK) return err;
    if (token_file)
        d->bearer = xasprintf("Authorization: Bearer %s", secret);
    else if (secret)
        d->userpwd = xasprintf("%s:%s", set->user, secret);
    return RELAY_OK;
}

struct device_call *device_begin(struct output *o, struct output_play *p, struct now now)
{
    struct device *d = o->state;
    struct device_call *c = xcalloc(1, sizeof(*c));
    c->output = o;
    c->p = p;
    c->length_ms = p->play->length_ms;
    c->started = now.mono;
    c->due = c->give_up = INT64_MAX;
    c->next = d->calls;
    d->calls = c;
    return c;
}

static void release(const struct device *d, struct device_call *c)
{
    if (d->profile->forgotten) d->profile->forgotten(c);
    free(c);
}

void device_forget(struct device_call *c)
{
    struct device *d = c->output->state;
    for (struct device_call **at = &d->calls; *at; at = &(*at)->next) {
        if (*at != c) continue;
        *at = c->next;
        break;
    }
    release(d, c);
}

void device_tell(struct device_call *c, struct now now, enum play_end end, const char *detail)
{
    struct output_play *p = c->p;
    c->p = NULL;
    if (p) output_ended(p, now, end, detail);
}

void device_wait(struct device_call *c, int64_t until)
{
    c->due = until;
}

/* A wrong password, a path that is not there: asking again changes nothing, and may lock the account. */
static bool is_final(int status)
{
    static const int final[] = {400, 401, 403, 404, 405, 406, 410, 413, 414, 415, 422, 501};
    for (size_t i = 0; i < ARRAY_LEN(final); i++)
        if (final[i] == status) return true;
    return false;
}

static void answered(void *arg, const struct http_answer *a)
{
    struct device_call *c = arg;
    const struct device *d = c->output->state;
    struct now now = clock_now();
    char detail[DETAIL_MAX];
    c->in_flight = false;
    if (a->end == HTTP_CANCELLED) return; /* the player stops; device_close frees it */
    bool good = a->end == HTTP_ANSWERED && a->status >= 200 && a->status < 300;
    if (good || c->stopped) {
        d->profile->answered(c, a, now);
        return;
    }
    if (!c->p) { /* only tidying up: not worth more than a line */
        log_info("%s: the device was not tidied up (%s %d)", c->output->id, a->error, a->status);
        device_forget(c);
        return;
    }
    if (a->end != HTTP_ANSWERED)
        (void)snprintf(detail, sizeof(detail), "%s", a->error);
    else if (a->status == 401 || a->status == 403)
        (void)snprintf(detail, sizeof(detail), "%s (HTTP %d)", _("user or password is not accepted"),
                       a->status);
    else
        (void)snprintf(detail, sizeof(detail), "HTTP %d", a->status);
    device_tell(c, now, a->end == HTTP_ANSWERED && is_final(a->status) ? PLAY_REFUSED : PLAY_FAILED, detail);
    device_forget(c);
}

enum relay_err device_ask(struct device_call *c, const struct device_request *r, struct reason *why)
{
    const struct device *d = c->output->state;
    const char *headers[HEADERS_MAX + 2];
    size_t n = 0, length = strlen(d->set->url);
    while (length > 0 && d->set->url[length - 1] == '/') length--;
    CLEANUP(free_ptr) char *url = xasprintf("%.*s%s", (int)length, d->set->url, r->path);
    for (; r->headers && r->headers[n] && n < HEADERS_MAX; n++) headers[n] = r->headers[n];
    if (d->bearer) headers[n++] = d->bearer;
    headers[n] = NULL;
    const struct http_request request = {.method = r->method,
                                         .url = url,
                                         .headers = headers,
                                         .body = r->body,
                                         .body_len = r->n,
                                         .userpwd = d->userpwd,
                                         .ca_file = d->set->ca,
                                         .allow_insecure = d->set->allow_insecure,
                                         .connect_timeout_ms = (int)d->set->timeout,
                                         .timeout_ms = (int)d->set->timeout};
    enum relay_err err = http_client_send(c->output->env->http, &request, answered, c, why);
    c->in_flight = err == RELAY_OK;
    return err;
}

void device_stop(struct output *o, struct output_play *p, struct now now)
{
    struct device *d = o->state;
    struct device_call *c = d->calls;
    while (c && c->p != p) c = c->next;
    if (!c) return;
    c->stopped = true;
    c->due = INT64_MAX;
    device_tell(c, now, PLAY_STOPPED, NULL);
    if (!c->in_flight) { /* else when the answer has come */
        d->profile->stop(c, now);
    } else if (d->profile->stop_at_once) {
        struct device_call *beside = xcalloc(1, sizeof(*beside));
        *beside = *c;
        beside->in_flight = false;
        beside->next = d->calls;
        d->calls = beside;
        d->profile->stop(beside, now);
    }
}

void device_turn(struct output *o, struct now now)
{
    struct device *d = o->state;
    struct device_call *next;
    for (struct device_call *c = d->calls; c; c = next) {
        next = c->next;
        if (c->in_flight || now.mono < c->due) continue;
        c->due = INT64_MAX;
        d->profile->due(c, now);
        next = d->calls; /* it may be gone, and others with it: begin again */
    }
}

int64_t device_next_due(const struct output *o)
{
    const struct device *d = o->state;
    int64_t due = INT64_MAX;
    for (const struct device_call *c = d->calls; c; c = c->next)
        if (!c->in_flight && c->due < due) due = c->due;
    return due;
}

void device_close(struct output *o)
{
    struct device *d = o->state;
    while (d->calls) {
        struct device_call *c = d->calls;
        d->calls = c->next;
        release(d, c);
    }
    free(d->userpwd);
    free(d->bearer);
    *d = (struct device){.set = NULL};
}
