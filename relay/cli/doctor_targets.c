/* The ways out: chats are reached without a word being sent, and what a firewall has to let through. */
#include "adapters/http_post.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "cli/doctor.h"
#include "io/address.h"
#include "io/broker_probe.h"

enum { REACH_MS = 5000, HOST_MAX = 256 };

/* "qyapi.weixin.qq.com" and its port; the rest of the address holds a key. */
static bool host_of(const char *url, char ret[static HOST_MAX], int *ret_port)
{
    bool https = strncmp(url, "https://", 8) == 0;
    const char *from = strstr(url, "://");
    if (!from) return false;
    from += 3;
    size_t n = strcspn(from, "/?#");
    const char *colon = memchr(from, ':', n);
    *ret_port = https ? 443 : 80;
    if (from[0] == '[') { /* an IPv6 address */
        const char *end = memchr(from, ']', n);
        if (!end) return false;
        colon = end[1] == ':' ? end + 1 : NULL;
        n = (size_t)(end - from) - 1;
        from++;
    } else if (colon) {
        n = (size_t)(colon - from);
    }
    if (colon) *ret_port = (int)strtol(colon + 1, NULL, 10);
    if (!n || n >= HOST_MAX) return false;
    memcpy(ret, from, n);
    ret[n] = '\0';
    return true;
}

/* Calls fn with the address of every chat that is reached by HTTP and whose file can be read. */
static void each_chat(const struct relay_config *c,
                      void (*fn)(void *arg, const struct target *t, const struct http_request *address),
                      void *arg)
{
    const struct chat_config *chats = c->chats.items;
    for (size_t i = 0; i < c->chats.n; i++) {
        const struct adapter_ops *ops = chats[i].adapter;
        if (!ops->check) continue;
        CLEANUP(free_ptr) char *id = xasprintf("%s:%s", ops->name, chats[i].id);
        CLEANUP(free_ptr) void *ctx = xcalloc(1, ops->ctx_size);
        struct target t = {.id = id,
                           .place = chats[i].id,
                           .name = chats[i].name,
                           .audience = (enum audience)chats[i].audience,
                           .options = chats[i].own.values};
        struct http_request address;
        struct reason why;
        /* What is wrong with its files was said with the files. */
        if (ops->check(ctx, &t, &why) == RELAY_OK && post_address(ops, &t, &address)) fn(arg, &t, &address);
        if (ops->forget) ops->forget(ctx, &t);
    }
}

struct look {
    struct findings *findings;
    bool deep;
};

static void look_at(void *arg, const struct target *t, const struct http_request *address)
{
    struct look *l = arg;
    struct http_request r = *address;
    char host[HOST_MAX];
    int port;
    struct reason why;
    if (!host_of(address->url, host, &port)) return;
    r.connect_timeout_ms = r.timeout_ms = REACH_MS;
    enum relay_err err = l->deep ? http_reach(&r, &why) : name_resolves(host, &why);
    if (err == RELAY_OK)
        finding_add(l->findings, FINDING_OK, "chat",
                    l->deep ? _("chat %s: %s answers") : _("chat %s: %s resolves"), t->id, host);
    else
        finding_add(l->findings, FINDING_DO, "chat",
                    _("chat %s: %s: %s; the firewall has to let this machine out to port %d"), t->id, host,
                    why.text, port);
}

/* Addresses that were seen, by a hash: they are keys. */
struct addresses {
    struct findings *findings;
    struct {
        uint64_t hash;
        char *id;
    } * items;
    size_t n;
};

/* A row of a spreadsheet that was copied: one group hears everything twice, another one nothing. */
static void compare(void *arg, const struct target *t, const struct http_request *address)
{
    struct addresses *a = arg;
    if (strncmp(t->id, "ntfy:", 5) == 0) return; /* many topics at one address */
    uint64_t hash = hash_quick(address->url, strlen(address->url));
    for (size_t i = 0; i < a->n; i++) {
        if (a->items[i].hash != hash) continue;
        finding_add(
            a->findings, FINDING_NOTE, "chat.address",
            _("chat %s has the address of %s: one group hears both, and they share what it takes in a "
              "minute; if that is not meant, give each the address of its own bot"),
            t->id, a->items[i].id);
        return;
    }
    a->items = xreallocarray(a->items, a->n + 1, sizeof(*a->items));
    a->items[a->n].hash = hash;
    a->items[a->n++].id = xstrdup(t->id);
}

static void compare_addresses(const struct relay_config *c, struct findings *f)
{
    struct addresses a = {.findings = f};
    each_chat(c, compare, &a);
    for (size_t i = 0; i < a.n; i++) free(a.items[i].id);
    free(a.items);
}

void doctor_chats(const struct relay_config *c, bool deep, struct findings *f)
{
    const struct chat_config *chats = c->chats.items;
    struct look l = {f, deep};
    bool duty = false;
    each_chat(c, look_at, &l);
    compare_addresses(c, f);
    for (size_t i = 0; i < c->chats.n; i++) duty |= chats[i].audience == AUDIENCE_DUTY;
    if (deep && !duty)
        finding_add(f, FINDING_DO, "chat",
                    _("chats: there is no duty group: in trial nobody hears anything, later nobody is asked; "
                      "`tocsin init` "
                      "adds one"));
}

static void list_host(void *arg, const struct target *t, const struct http_request *address)
{
    struct buf *b = arg;
    char host[HOST_MAX], entry[HOST_MAX + 16];
    int port;
    (void)t;
    if (!host_of(address->url, host, &port)) return;
    (void)snprintf(entry, sizeof(entry), "%s:%d", host, port);
    if (strstr(buf_cstr(b), entry)) return;
    buf_printf(b, "%s%s", b->len ? ", " : "", entry);
}

void doctor_firewall(const struct relay_config *c, struct findings *f)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(700), in = BUF_INIT(700);
    each_chat(c, list_host, &out);
    if (!address_is_loopback(c->broker.host))
        buf_printf(&out, "%s%s:%lld", out.len ? ", " : "", c->broker.host, (long long)c->broker.port);
    else if (c->broker.host[0] != '/')
        buf_printf(&in, "tcp %lld", (long long)c->broker.port);
    for (size_t i = 0; i < c->http.listen.n; i++) {
        char host[46];
        int port;
        if (address_listen(c->http.listen.items[i], host, &port) && !address_is_loopback(host))
            buf_printf(&in, "%stcp %d", in.len ? ", " : "", port);
    }
    finding_add(f, FINDING_NOTE, "firewall",
                _("firewall: out to %s; in, from banks, loudspeakers and screens on other machines, if there "
                  "are any: %s"),
                out.len ? buf_cstr(&out) : "-", in.len ? buf_cstr(&in) : "-");
}
