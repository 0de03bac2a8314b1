/* The shared sender of chats. */
#include "adapters/http_post.h"

#include <stdarg.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/file.h"

enum {
    TEXT_MAX = 64 * 1024,
    URL_MAX = 4096,
    BODY_MAX = 256 * 1024,
    PAUSE_MS =
        65000, /* "too many" without a Retry-After: a little more than the minute that all of them count in */
    HALVED_MIN = 200 /* a smaller part is not cut again */
};

/* HTTP statuses are the same everywhere. A row for 5xx is found by its hundred. */
static const struct post_code statuses[] = {
    {.code = 401, .result = SEND_RETRY, .effect = TARGET_DISABLE, .words = N_("not authorised")},
    {.code = 403, .result = SEND_RETRY, .effect = TARGET_DISABLE, .words = N_("forbidden")},
    {.code = 404, .result = SEND_RETRY, .effect = TARGET_DISABLE, .words = N_("no such address")},
    {.code = 410, .result = SEND_RETRY, .effect = TARGET_DISABLE, .words = N_("the address is gone")},
    {.code = 408, .result = SEND_RETRY, .words = N_("the service gave up waiting")},
    {.code = 413, .result = SEND_REJECTED, .too_long = true, .words = N_("the message is too long")},
    {.code = 425, .result = SEND_RETRY, .words = N_("too early")},
    {.code = 429,
     .result = SEND_RETRY,
     .effect = TARGET_PAUSE,
     .retry_after_ms = PAUSE_MS,
     .words = N_("too many requests")},
    {.code = 504, .result = SEND_UNKNOWN, .words = N_("a gateway had no answer in time")},
    {.code = 100, .result = SEND_UNKNOWN, .words = N_("no final answer")},
    {.code = 300, .result = SEND_RETRY, .words = N_("a redirect, which is not followed")},
    {.code = 400, .result = SEND_REJECTED, .words = N_("the request was refused")},
    {.code = 500, .result = SEND_RETRY, .words = N_("the service has a fault")},
    {0},
};

struct post_state { /* of a target */
    char *url, *secret;
};

struct post {
    struct post_ctx *ctx;
    const struct post_kind *kind;
    const struct target *target;
    const struct message *messages;
    size_t n;
    struct send *op;
    struct buf text;
    struct chat_part parts[CHAT_PARTS_MAX];
    size_t index, of;
    size_t numbered; /* parts that went before those in `parts`, after a second cut */
    size_t preface;  /* 1: the first part is the preface, which has no number */
    bool halved;
    enum post_card card;
    bool on_card; /* the text is through; the card is the part on its way */
    char *card_url;
};

/* ---- Targets ------------------------------------------------------------------------------------------------------ */

enum relay_err post_open(void *ctx, const struct adapter_env *env, struct reason *why)
{
    struct post_ctx *c = ctx;
    (void)why;
    c->env = *env;
    return RELAY_OK;
}

void post_forget(void *ctx, struct target *t)
{
    struct post_state *s = t->state;
    (void)ctx;
    if (!s) return;
    secret_free(s->url);
    secret_free(s->secret);
    free(s);
    t->state = NULL;
}

enum relay_err post_check(void *ctx, struct target *t, struct reason *why)
{
    const struct post_options *o = t->options;
    char *url = NULL, *secret = NULL;
    if (!o->url_file == !o->url)
        return fail(why, RELAY_INVALID, "%s", _("give url_file, or url, and not both"));
    if (o->url && !o->allow_insecure)
        return fail(why, RELAY_INVALID, "%s",
                    _("an address holds a key: put it into a file and name that as url_file (url alone needs "
                      "allow_insecure: true)"));
    enum relay_err err = RELAY_OK;
    if (o->url_file)
        err = secret_read(o->url_file, &url, why);
    else
        url = xstrdup(o->url);
    if (err == RELAY_OK && o->secret_file) err = secret_read(o->secret_file, &secret, why);
    if (err == RELAY_OK && o->ca_file) err = file_check(o->ca_file, true, why);
    if (err == RELAY_OK) {
        err = http_url_check(url, o->allow_insecure, why);
        if (err != RELAY_OK) err = fail_in(why, err, "%s", o->url_file ? o->url_file : "url");
    }
    if (err != RELAY_OK) {
        secret_free(url);
        secret_free(secret);
        return err;
    }
    post_forget(ctx, t);
    struct post_state *s = xcalloc(1, sizeof(*s));
    s->url = url;
    s->secret = secret;
    t->state = s;
    return RELAY_OK;
}

bool post_address(const struct adapter_ops *ops, const struct target *t, struct http_request *ret)
{
    const struct post_options *o = t->options;
    const struct post_state *s = t->state;
    if (ops->open != post_open || !s) return false;
    *ret = (struct http_request){.url = s->url, .allow_insecure = o->allow_insecure, .ca_file = o->ca_file};
    return true;
}

const char *post_secret(const struct target *t)
{
    const struct post_state *s = t->state;
    return s ? s->secret : NULL;
}

/* ---- The answer ---------------------------------------------------------------------------------------------------- */

static const struct post_code *code_find(const struct post_code *table, int64_t code)
{
    for (const struct post_code *c = table; c && c->words; c++)
        if (c->code == code) return c;
    return NULL;
}

static void outcome_from(const struct post_code *c, struct send_outcome *out, bool *too_long)
{
    out->result = c->result;
    out->effect = c->effect;
    out->retry_after_ms = c->retry_after_ms;
    *too_long = c->too_long;
}

static void judge_status(const struct http_answer *a, struct send_outcome *out, bool *too_long)
{
    const struct post_code *c = code_find(statuses, a->status);
    if (!c) c = code_find(statuses, a->status / 100 * 100LL);
    if (!c) {
        out->result = SEND_UNKNOWN;
        (void)snprintf(out->reason, sizeof(out->reason), "HTTP %d", a->status);
        return;
    }
    outcome_from(c, out, too_long);
    if (out->result == SEND_RETRY && a->retry_after_ms >= 0 && (a->status == 429 || a->status == 503)) {
        out->retry_after_ms = a->retry_after_ms;
        out->effect = TARGET_PAUSE;
    }
    (void)snprintf(out->reason, sizeof(out->reason), "HTTP %d: %s", a->status, _(c->words));
}

/* False when the channel has no code of its own, or says none. */
static bool code_of(const struct post_kind *k, const struct http_answer *a, int64_t *ret)
{
    const struct json_limits limits = {64 * 1024, 16};
    struct reason why;
    CLEANUP(json_free_ptr) cJSON *answer = NULL;
    return k->code_member && json_parse(a->body, a->body_len, &limits, &answer, &why) == RELAY_OK &&
           (json_int(answer, k->code_member, ret) == RELAY_OK ||
            (k->old_code_member && json_int(answer, k->old_code_member, ret) == RELAY_OK));
}

/* The channel's own words are not repeated: they may quote the message or the key. */
static void judge_code(const struct post_kind *k, int64_t code, struct send_outcome *out, bool *too_long)
{
    if (code == 0) return;
    const struct post_code *c = code_find(k->codes, code);
    if (c) {
        outcome_from(c, out, too_long);
        (void)snprintf(out->reason, sizeof(out->reason), "%s %lld: %s", k->code_member, (long long)code,
                       _(c->words));
    } else { /* a plain no, whose reason may pass: expires ends it */
        out->result = SEND_RETRY;
        (void)snprintf(out->reason, sizeof(out->reason), "%s %lld", k->code_member, (long long)code);
    }
}

/* A channel that speaks JSON does not answer a message that it took with a page: a login, or a wall, on the way there does. */
static bool is_page(const struct http_answer *a)
{
    size_t i = a->body_len >= 3 && memcmp(a->body, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (i < a->body_len && strchr(" \t\r\n", a->body[i])) i++;
    return i < a->body_len && a->body[i] == '<';
}

void post_judge(const struct post_kind *k, const struct http_answer *a, struct send_outcome *ret,
                bool *ret_too_long)
{
    int64_t code = 0;
    bool fine = a->status >= 200 && a->status < 300, says = a->end == HTTP_ANSWERED && code_of(k, a, &code);
    *ret = (struct send_outcome){.result = SEND_SENT};
    *ret_too_long = false;
    if (says && (fine || code_find(k->codes, code))) { /* a gateway may put a status of its own before it */
        judge_code(k, code, ret, ret_too_long);
    } else if (a->end == HTTP_ANSWERED && !fine) {
        judge_status(a, ret, ret_too_long);
    } else if (a->end == HTTP_ANSWERED && (k->code_member || k->answers_json) && is_page(a)) {
        ret->result = SEND_RETRY;
        (void)snprintf(ret->reason, sizeof(ret->reason),
                       _("HTTP %d with a web page: something on the way answers in the service's place; look "
                         "at the proxy"),
                       a->status);
    } else if (a->end == HTTP_ANSWERED && k->code_member) {
        ret->result = SEND_UNKNOWN;
        (void)snprintf(ret->reason, sizeof(ret->reason), _("HTTP %d without %s"), a->status, k->code_member);
    } else if (a->end != HTTP_ANSWERED) {
        ret->result = a->end == HTTP_NOT_SENT ? SEND_RETRY : SEND_UNKNOWN;
        (void)snprintf(ret->reason, sizeof(ret->reason), "%s", a->error ? a->error : "");
    }
    if (k->idempotent && ret->result == SEND_UNKNOWN) ret->result = SEND_RETRY;
}

/* ---- The operation -------------------------------------------------------------------------------------------------- */

void post_header(struct post_request *r, const char *fmt, ...)
{
    if (r->n_headers == POST_HEADERS_MAX) return;
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    r->headers[r->n_headers++] = xstrdup(line);
}

void post_guard_word(const char *text, const char *word, struct buf *out)
{
    buf_str(out, text);
    if (word && *word && !strstr(text, word)) buf_printf(out, "（%s）", word);
}

static void request_release(struct post_request *r)
{
    if (r->url.data) explicit_bzero(r->url.data, r->url.len);
    for (int i = 0; i < r->n_headers; i++) secret_free(r->headers[i]);
    buf_release(&r->url);
    buf_release(&r->body);
}

static void post_free(struct post *p)
{
    buf_release(&p->text);
    free(p->card_url);
    free(p);
}

/* The text has arrived: whatever became of its card, the group has been told. */
static void card_finish(struct post *p, enum send_result result, const char *reason)
{
    struct send_outcome out = {.result = SEND_SENT};
    if (result != SEND_SENT)
        (void)snprintf(out.reason, sizeof(out.reason), _("sent without its card: %.150s"), reason);
    send_done(p->op, &out);
    post_free(p);
}

static void post_finish(struct post *p, struct send_outcome *out)
{
    if (p->on_card) {
        card_finish(p, out->result, out->reason);
        return;
    }
    size_t gone = p->numbered + p->index, of = p->numbered + p->of;
    if (gone && out->result != SEND_SENT) {
        char inner[160];
        (void)snprintf(inner, sizeof(inner), "%s", out->reason);
        (void)snprintf(out->reason, sizeof(out->reason), _("part %zu of %zu: %s"), gone + 1, of, inner);
        out->result = SEND_UNKNOWN;
    }
    send_done(p->op, out);
    post_free(p);
}

static void post_answered(void *arg, const struct http_answer *a);

/* Hands one part to the HTTP client, or finishes the operation. */
static void post_part_send(struct post *p, const char *text, size_t at, size_t of, const struct picture *card)
{
    const struct post_options *o = p->target->options;
    const struct post_state *s = p->target->state;
    CLEANUP(request_release) struct post_request r = {.url = BUF_INIT(URL_MAX), .body = BUF_INIT(BODY_MAX)};
    const struct post_part info = {.target = p->target,
                                   .messages = p->messages,
                                   .n = p->n,
                                   .text = text,
                                   .index = (int)at,
                                   .of = (int)of,
                                   .wall = p->ctx->env.now(p->ctx->env.core).wall,
                                   .secret = s->secret,
                                   .card = card,
                                   .card_url = p->card_url};
    buf_str(&r.url, s->url);
    p->kind->build(&info, &r);
    const struct http_request request = {.url = buf_cstr(&r.url),
                                         .headers = (const char *const *)r.headers,
                                         .body = buf_cstr(&r.body),
                                         .body_len = r.body.len,
                                         .ca_file = o->ca_file,
                                         .allow_insecure = o->allow_insecure};
    struct reason why = {.text = ""};
    enum relay_err err = buf_failed(&r.url) || buf_failed(&r.body) || !text
                             ? fail(&why, RELAY_INVALID, "%s", _("the message is too long"))
                             : http_client_send(p->ctx->env.http, &request, post_answered, p, &why);
    if (err == RELAY_OK) return;
    struct send_outcome out = {.result = err == RELAY_INVALID ? SEND_REJECTED : SEND_RETRY};
    (void)snprintf(out.reason, sizeof(out.reason), "%.199s", why.text);
    post_finish(p, &out);
}

static void post_next(struct post *p)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
    const struct chat_part *part = &p->parts[p->index];
    size_t at = p->numbered + p->index, of = p->numbered + p->of;
    if (at >= p->preface && of - p->preface > 1)
        buf_printf(&text, "(%zu/%zu) ", at + 1 - p->preface, of - p->preface);
    if (part->len) buf_add(&text, p->text.data + part->from, part->len);
    post_part_send(p, buf_failed(&text) ? NULL : buf_cstr(&text), at, of, NULL);
}

/* -- the card -- */

static void card_url_set(struct post *p, const struct picture *picture)
{
    const struct adapter_env *env = &p->ctx->env;
    const char *base = env->public_address ? env->public_address(env->core) : NULL;
    if (base && *base) p->card_url = xasprintf("%s/cards/%s.png", base, picture->key);
}

/* CARD_ALONG: only its address is used, so that the parts can go out after this call. */
static void card_before(void *arg, enum card_end end, const struct picture *picture, const char *why)
{
    struct post *p = arg;
    (void)why;
    if (end == CARD_CANCELLED) {
        post_free(p);
        return;
    }
    if (end == CARD_DRAWN) card_url_set(p, picture);
    post_next(p);
}

static void card_after(void *arg, enum card_end end, const struct picture *picture, const char *why)
{
    struct post *p = arg;
    if (end == CARD_CANCELLED) {
        post_free(p);
        return;
    }
    if (end == CARD_FAILED) {
        card_finish(p, SEND_REJECTED, why);
        return;
    }
    card_url_set(p, picture);
    p->on_card = true;
    post_part_send(p, "", p->numbered + p->of, p->numbered + p->of + 1, picture);
}

/* False when this operation has no card. */
static bool card_ask(struct post *p, enum post_card when, card_fn fn)
{
    struct card card;
    if (p->card != when || !p->ctx->env.cards || p->n != 1 || !card_of(&p->messages[0], &card)) return false;
    cards_ask(p->ctx->env.cards, &card, fn, p);
    return true;
}

/* The channel calls a part too long that our table calls short enough: its limit has changed. What is not sent yet is cut
 * into halves of it, once. */
static bool post_cut_again(struct post *p)
{
    struct chat_part rest[CHAT_PARTS_MAX];
    size_t from = p->parts[p->index].from, len = p->parts[p->index].len;
    if (p->halved || len < HALVED_MIN) return false;
    size_t n = chat_split(p->text.data + from, p->text.len - from, len / 2 + CHAT_MARK_LEN + 4, rest);
    if (!n || p->numbered + p->index + n > CHAT_PARTS_MAX) return false;
    for (size_t i = 0; i < n; i++) p->parts[i] = (struct chat_part){from + rest[i].from, rest[i].len};
    p->numbered += p->index;
    p->index = 0;
    p->of = n;
    p->halved = true;
    return true;
}

static void post_answered(void *arg, const struct http_answer *a)
{
    struct post *p = arg;
    if (a->end == HTTP_CANCELLED) { /* the core has finished every operation before it frees the client */
        post_free(p);
        return;
    }
    struct send_outcome out;
    bool too_long;
    post_judge(p->kind, a, &out, &too_long);
    if (p->on_card) {
        card_finish(p, out.result, out.reason);
    } else if (out.result == SEND_SENT && p->index + 1 < p->of) {
        p->index++;
        post_next(p);
    } else if (too_long && post_cut_again(p)) {
        post_next(p);
    } else if (out.result != SEND_SENT || !card_ask(p, CARD_AFTER, card_after)) {
        post_finish(p, &out);
    }
}

void post_send(struct post_ctx *ctx, const struct post_kind *k, const struct target *t,
               const struct message *m, size_t n, struct send *op)
{
    struct post *p = xcalloc(1, sizeof(*p));
    *p = (struct post){
        .ctx = ctx, .kind = k, .target = t, .messages = m, .n = n, .op = op, .text = BUF_INIT(TEXT_MAX)};
    size_t room = k->room ? k->room(t) : 0, from = 0;
    if (room && k->preface) k->preface(t, m, n, &p->text);
    if (p->text.len) {
        from = p->text.len;
        p->parts[p->preface++] = (struct chat_part){0, from};
    }
    if (room && n) chat_text(m, n, t->audience, room, &p->text);
    if (p->text.len > from && !buf_failed(&p->text)) {
        struct chat_part cut[CHAT_PARTS_MAX];
        size_t parts = chat_split(p->text.data + from, p->text.len - from, room, cut);
        if (parts && parts + p->preface <= CHAT_PARTS_MAX) p->of = parts + p->preface;
        for (size_t i = p->preface; i < p->of; i++)
            p->parts[i] = (struct chat_part){from + cut[i - p->preface].from, cut[i - p->preface].len};
    }
    if (!k->room) p->of = 1;
    if (p->of) {
        p->card = k->card ? k->card(t) : CARD_NONE;
        if (!card_ask(p, CARD_ALONG, card_before)) post_next(p);
        return;
    }
    struct send_outcome out = {.result = SEND_REJECTED};
    (void)snprintf(out.reason, sizeof(out.reason), "%s",
                   p->text.len ? _("the text is too long for this chat")
                               : _("the rule has no text for this audience"));
    post_finish(p, &out);
}
