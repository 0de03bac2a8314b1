/* The stand-in for WeCom's group bot API. */
#include "wecom_standin.h"

#include <openssl/evp.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

enum {
    TEXT_BYTES = 2048,
    MARKDOWN_BYTES = 4096,
    IMAGE_BYTES = 2 * 1024 * 1024,
    REQUEST_BYTES = 4 * 1024 * 1024,
    RATE = 20,
    BUCKETS = 4096,
    NO_ERRCODE = -2
};

struct group { /* one key, with when it last heard something */
    struct group *next;
    char *key;
    int64_t *times; /* ring of `rate` */
    int at;
};

struct answer { /* waits for its time */
    struct answer *next;
    struct http_exchange *exchange;
    int64_t due;
    int status;
    char *retry_after, *body;
};

struct wecom_standin {
    struct http_server *server;
    int delay_ms, rate;
    char *keys, *script, *script_next;
    FILE *journal, *show;
    bool keep;
    struct group *groups[BUCKETS];
    struct answer *first, **end;
    struct wecom_post *posts;
    size_t n_posts, count;
};

static struct group *group_find(struct wecom_standin *s, const char *key)
{
    unsigned h = 5381;
    for (const char *p = key; *p; p++) h = h * 33 + (unsigned char)*p;
    struct group **g = &s->groups[h % BUCKETS];
    for (; *g; g = &(*g)->next)
        if (strcmp((*g)->key, key) == 0) return *g;
    *g = xcalloc(1, sizeof(**g));
    (*g)->key = xstrdup(key);
    (*g)->times = xcalloc((size_t)(s->rate > 0 ? s->rate : 1), sizeof(int64_t));
    return *g;
}

static bool over_rate(struct wecom_standin *s, const char *key, int64_t mono)
{
    if (s->rate < 0) return false;
    struct group *g = group_find(s, key);
    if (g->times[g->at] && mono - g->times[g->at] < MINUTE_MS) return true;
    g->times[g->at] = mono;
    g->at = (g->at + 1) % s->rate;
    return false;
}

static bool key_known(const struct wecom_standin *s, const char *key)
{
    if (!s->keys) return *key != '\0';
    size_t n = strlen(key);
    for (const char *p = s->keys; *p && n; p += strcspn(p, ","), p += *p == ',')
        if (strncmp(p, key, n) == 0 && (p[n] == ',' || !p[n])) return true;
    return false;
}

static size_t from_base64(const char *text, uint8_t *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t n = 0;
    int have = 0;
    for (const char *c = text; *c && *c != '='; c++) {
        const char *at = strchr(digits, *c);
        if (!at) return 0;
        bits = bits << 6 | (uint32_t)(at - digits);
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out[n++] = (uint8_t)(bits >> have);
    }
    return n;
}

/* A PNG or JPG of at most 2 MB whose MD5 is the one given. */
static int judge_image(const cJSON *part, struct wecom_post *p)
{
    const char *text = json_str_or(part, "base64", ""), *md5 = json_str_or(part, "md5", "");
    CLEANUP(free_ptr) uint8_t *bytes = xmalloc(strlen(text) + 1);
    uint8_t hash[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;
    size_t n = from_base64(text, bytes);
    if (!n) return 44004;
    if (n > IMAGE_BYTES) return 40009;
    if (EVP_Digest(bytes, n, hash, &len, EVP_md5(), NULL) != 1) return -1;
    hash_hex(hash, len, hex);
    if (strcmp(hex, md5) != 0) return 301019;
    bool png = n > 8 && memcmp(bytes, "\x89PNG", 4) == 0,
         jpg = n > 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
    if (!png && !jpg) return 40008;
    free(p->content);
    p->content = xasprintf("picture of %zu bytes", n);
    return 0;
}

/* A card with a picture: kind, title, picture and what a touch does are needed. */
static int judge_card(const cJSON *part, struct wecom_post *p)
{
    const cJSON *title = cJSON_GetObjectItemCaseSensitive(part, "main_title");
    const cJSON *image = cJSON_GetObjectItemCaseSensitive(part, "card_image");
    const cJSON *action = cJSON_GetObjectItemCaseSensitive(part, "card_action");
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(part, "horizontal_content_list");
    int64_t type;
    if (strcmp(json_str_or(part, "card_type", ""), "news_notice") != 0) return 40008;
    if (!*json_str_or(title, "title", "") || !*json_str_or(image, "url", "")) return 44004;
    if (json_int(action, "type", &type) != RELAY_OK || type != 1 || !*json_str_or(action, "url", ""))
        return 40008;
    if (cJSON_GetArraySize(rows) > 6) return 40058;
    free(p->content);
    p->content = cJSON_PrintUnformatted(part);
    return 0;
}

/* What the real one says of a request; fills in what the post was. */
static int judge(struct wecom_standin *s, const char *body, size_t n, struct wecom_post *p)
{
    const struct json_limits limits = {REQUEST_BYTES, 16};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct reason why;
    int other = -2; /* a picture's or card's own */
    bool known = key_known(s, p->key);
    if (json_parse(body, n, &limits, &j, &why) == RELAY_OK) {
        const char *type = json_str_or(j, "msgtype", "");
        const cJSON *part = cJSON_GetObjectItemCaseSensitive(j, type), *list;
        free(p->msgtype);
        free(p->content);
        p->msgtype = xstrdup(type);
        p->content = xstrdup(json_str_or(part, "content", ""));
        list = cJSON_GetObjectItemCaseSensitive(part, "mentioned_list");
        if (!list) list = cJSON_GetObjectItemCaseSensitive(part, "mentioned_mobile_list");
        char *mentions = list ? cJSON_PrintUnformatted(list) : NULL;
        if (mentions) {
            free(p->mentions);
            p->mentions = xstrdup(mentions);
            cJSON_free(mentions);
        }
        if (strcmp(type, "image") == 0) other = judge_image(part, p);
        if (strcmp(type, "template_card") == 0) other = judge_card(part, p);
    }
    bool text = strcmp(p->msgtype, "text") == 0, markdown = strncmp(p->msgtype, "markdown", 8) == 0;
    if (!known) return 93000;
    if (other > 0 || other == -1) return other;
    if (other == 0) return over_rate(s, p->key, clock_now().mono) ? 45009 : 0;
    if (!text && !markdown) return 40008;
    if (!*p->content) return 44004;
    if (strlen(p->content) > (text ? TEXT_BYTES : MARKDOWN_BYTES)) return 40058;
    return over_rate(s, p->key, clock_now().mono) ? 45009 : 0;
}

static const char *words(int errcode)
{
    switch (errcode) {
    case 0: return "ok";
    case -1: return "system busy";
    case 40008: return "invalid message type";
    case 40009: return "invalid image size";
    case 301019: return "media md5 not match";
    case 40058: return "content exceed max length";
    case 44004: return "empty content";
    case 45009: return "api freq out of limit";
    case 93000: return "invalid webhook url";
    default: return "error";
    }
}

/* Takes the next word of the script. False at its end, or for the word "-": then the rules decide. */
static bool scripted(struct wecom_standin *s, char word[static 32])
{
    if (!s->script_next || !*s->script_next) return false;
    size_t n = strcspn(s->script_next, ",");
    (void)snprintf(word, 32, "%.*s", (int)n, s->script_next);
    s->script_next += n + (s->script_next[n] == ',');
    return strcmp(word, "-") != 0;
}

static int64_t wall_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void record(struct wecom_standin *s, struct wecom_post *p)
{
    s->count++;
    if (s->journal) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(256 * 1024);
        buf_char(&line, '{');
        buf_json_member_time(&line, "at", p->at);
        buf_json_member_int(&line, "at_us", p->at_us); /* for latencies: wall time in microseconds */
        buf_json_member(&line, "key", p->key);
        buf_json_member(&line, "msgtype", p->msgtype);
        buf_json_member(&line, "content", p->content);
        buf_json_member_int(&line, "errcode", p->errcode);
        buf_str(&line, "}\n");
        (void)fwrite(line.data, 1, line.len, s->journal);
        (void)fflush(s->journal);
    }
    if (s->show) {
        (void)fprintf(s->show, "── %s ── %s\n%s\n", p->key, p->errcode ? words(p->errcode) : "ok",
                      p->content);
        (void)fflush(s->show);
    }
    if (s->keep) {
        s->posts = xreallocarray(s->posts, s->n_posts + 1, sizeof(*s->posts));
        s->posts[s->n_posts++] = *p;
        return;
    }
    free(p->key);
    free(p->msgtype);
    free(p->content);
    free(p->mentions);
}

static void on_send(void *arg, struct http_exchange *x)
{
    struct wecom_standin *s = arg;
    const char *key = http_query(x, "key");
    size_t n;
    const char *body = http_body(x, &n);
    struct wecom_post p = {.key = xstrdup(key ? key : ""),
                           .msgtype = xstrdup(""),
                           .content = xstrdup(""),
                           .mentions = xstrdup(""),
                           .at = clock_now().wall,
                           .at_us = wall_us()};
    struct answer *a = xcalloc(1, sizeof(*a));
    char word[32];
    a->exchange = x;
    a->due = clock_now().mono + s->delay_ms;
    a->status = 200;
    p.errcode = judge(s, body, n, &p);
    if (scripted(s, word)) {
        p.errcode = NO_ERRCODE;
        if (strcmp(word, "hang") == 0) {
            a->due = INT64_MAX;
        } else if (strncmp(word, "http", 4) == 0) {
            a->status = (int)strtol(word + 4, NULL, 10);
            if (strchr(word, ':')) a->retry_after = xstrdup(strchr(word, ':') + 1);
        } else if (strcmp(word, "garbage") == 0) {
            a->body = xstrdup("ok");
        } else if (strcmp(word, "page") == 0) {
            a->body = xstrdup("\r\n<!DOCTYPE html><html><title>请先登录</title></html>");
        } else if (strcmp(word, "nocode") == 0) {
            a->body = xstrdup("{\"errmsg\":\"ok\"}");
        } else {
            p.errcode = (int)strtol(word, NULL, 10);
        }
    }
    if (!a->body && a->status == 200 && p.errcode != NO_ERRCODE)
        a->body = xasprintf("{\"errcode\":%d,\"errmsg\":\"%s\"}", p.errcode, words(p.errcode));
    record(s, &p);
    *s->end = a;
    s->end = &a->next;
}

void wecom_standin_script(struct wecom_standin *s, const char *script)
{
    free(s->script);
    s->script = s->script_next = script ? xstrdup(script) : NULL;
}

enum relay_err wecom_standin_new(struct loop *l, const struct wecom_standin_options *o,
                                 struct wecom_standin **ret, struct reason *why)
{
    const struct http_server_options http = {.host = "127.0.0.1", .port = o->port, .max_body = REQUEST_BYTES};
    struct http_server *server;
    enum relay_err err = http_server_new(l, &http, &server, why);
    if (err != RELAY_OK) return err;
    struct wecom_standin *s = xcalloc(1, sizeof(*s));
    s->server = server;
    s->delay_ms = o->delay_ms;
    s->rate = o->rate ? o->rate : RATE;
    s->keys = o->keys ? xstrdup(o->keys) : NULL;
    s->journal = o->journal;
    s->show = o->show;
    s->keep = o->keep;
    s->end = &s->first;
    wecom_standin_script(s, o->script);
    http_server_on(server, "POST", "/cgi-bin/webhook/send", on_send, s);
    *ret = s;
    return RELAY_OK;
}

static struct answer *answer_free(struct answer *a)
{
    struct answer *next = a->next;
    free(a->retry_after);
    free(a->body);
    free(a);
    return next;
}

void wecom_standin_turn(struct wecom_standin *s)
{
    http_server_run(s->server);
    int64_t mono = clock_now().mono;
    struct answer **p = &s->first;
    while (*p) {
        struct answer *a = *p;
        if (a->due == INT64_MAX) { /* those that hang do not hold up the others */
            p = &a->next;
            continue;
        }
        if (a->due > mono) break;
        if (a->retry_after) http_reply_header(a->exchange, "Retry-After", a->retry_after);
        http_reply_json(a->exchange, a->status, a->body ? a->body : "");
        *p = answer_free(a);
    }
    if (!*p) s->end = p;
    http_server_release(s->server);
}

int64_t wecom_standin_next_due(const struct wecom_standin *s)
{
    int64_t due = http_server_next_due(s->server);
    for (const struct answer *a = s->first; a; a = a->next) {
        if (a->due < due) due = a->due;
        if (a->due != INT64_MAX) break; /* in order but for those that hang */
    }
    return due;
}

struct wecom_standin *wecom_standin_free(struct wecom_standin *s)
{
    if (!s) return NULL;
    http_server_free(s->server);
    while (s->first) s->first = answer_free(s->first);
    for (size_t i = 0; i < BUCKETS; i++) {
        while (s->groups[i]) {
            struct group *g = s->groups[i];
            s->groups[i] = g->next;
            free(g->key);
            free(g->times);
            free(g);
        }
    }
    for (size_t i = 0; i < s->n_posts; i++) {
        free(s->posts[i].key);
        free(s->posts[i].msgtype);
        free(s->posts[i].content);
        free(s->posts[i].mentions);
    }
    free(s->posts);
    free(s->keys);
    free(s->script);
    free(s);
    return NULL;
}

int wecom_standin_port(const struct wecom_standin *s)
{
    return http_server_port(s->server);
}

size_t wecom_standin_count(const struct wecom_standin *s)
{
    return s->count;
}

const struct wecom_post *wecom_standin_post(const struct wecom_standin *s, size_t i)
{
    return i < s->n_posts ? &s->posts[i] : NULL;
}
