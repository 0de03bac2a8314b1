/* What the option tables cannot say: names that must exist or be unique, and words of other vocabularies. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/adapter.h"
#include "areas.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/zone_class.h"
#include "config_internal.h"
#include "io/address.h"
#include "io/file.h"

enum { REMINDER_CHARS = 45 };

struct check {
    struct relay_config *config;
    struct opt_problems *problems;
};

/* The value of a key where it was written, else the block. */
static const struct yaml_node *place(const struct yaml_node *at, const char *key)
{
    const struct yaml_node *value = yaml_get(at, key);
    return value ? value : at;
}

/* The i-th item of a list where it was written. */
static const struct yaml_node *item_place(const struct yaml_node *at, const char *key, size_t i)
{
    const struct yaml_node *list = yaml_get(at, key);
    if (!list) return at;
    return list->kind == YAML_LIST && i < list->n ? list->items[i] : list;
}

/* --- unique names --- */

struct named {
    const char *name;
    const struct yaml_node *at;
    size_t order; /* as loaded: the later one is the mistake */
};

static int by_name(const void *pa, const void *pb)
{
    const struct named *a = pa, *b = pb;
    return strcmp(a->name, b->name);
}

static int by_name_and_order(const void *pa, const void *pb)
{
    const struct named *a = pa, *b = pb;
    int d = by_name(a, b);
    return d ? d : (a->order > b->order) - (a->order < b->order);
}

/* The name and the place are members of each block, at these offsets. Returned sorted; the caller frees. */
static struct named *sorted_names(const struct opt_blocks *blocks, size_t size, size_t name_offset,
                                  size_t at_offset, size_t *ret_n)
{
    struct named *names = xcalloc(blocks->n + 1, sizeof(*names));
    size_t n = 0;
    for (size_t i = 0; i < blocks->n; i++) {
        const char *block = (const char *)blocks->items + i * size;
        const char *const *name = (const char *const *)(const void *)(block + name_offset);
        const struct yaml_node *const *at =
            (const struct yaml_node *const *)(const void *)(block + at_offset);
        if (*name) names[n++] = (struct named){*name, *at, i};
    }
    qsort(names, n, sizeof(*names), by_name_and_order);
    *ret_n = n;
    return names;
}

static bool has_name(const struct named *names, size_t n, const char *name)
{
    return bsearch(&(struct named){.name = name}, names, n, sizeof(*names), by_name) != NULL;
}

static void check_unique(const struct check *k, const struct named *names, size_t n, const char *key)
{
    for (size_t i = 1; i < n; i++) {
        if (strcmp(names[i - 1].name, names[i].name) != 0) continue;
        opt_problem(k->problems, place(names[i].at, key),
                    _("%s: `%s` is taken already, by %s:%d: choose another"), key, names[i].name,
                    names[i - 1].at->file, names[i - 1].at->line);
    }
}

#define NAMES(blocks, type, key, ret_n)                                                                      \
    sorted_names(&(blocks), sizeof(type), offsetof(type, key), offsetof(type, at), &(ret_n))

/* --- words --- */

static void check_area(const struct check *k, const struct yaml_node *at, const char *key, const char **code)
{
    char area[AREA_LEN + 1];
    if (area_normalise(*code, area)) {
        *code = arena_strdup(&k->config->arena, area);
        return;
    }
    if (area_code(*code, area)) {
        opt_problem(k->problems, at, _("%s: write the code of %s, '%s'"), key, *code, area);
        return;
    }
    opt_problem(k->problems, at,
                _("%s: `%.20s` is no area code: 2, 4 or 6 digits of GB/T 2260, such as '610113'"), key,
                *code);
}

static void check_areas(const struct check *k, const struct yaml_node *at, struct opt_strs *areas)
{
    for (size_t i = 0; i < areas->n; i++)
        check_area(k, item_place(at, "areas", i), "areas", &areas->items[i]);
}

static void check_zone_class(const struct check *k, const struct zone_config *zone)
{
    char known[400] = "";
    size_t used = 0;
    if (zone_class_known(zone->class)) return;
    for (const char *const *name = zone_class_names; *name && used < sizeof(known); name++) {
        int n = snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", *name);
        if (n > 0) used += (size_t)n;
    }
    opt_problem(k->problems, place(zone->at, "class"), _("class: `%.30s` is not known, allowed: %s"),
                zone->class, known);
}

static bool is_chat_adapter(const struct adapter_ops *a)
{
    return a->kind == TARGET_MESSAGE && strcmp(a->name, "pa") != 0;
}

static void problem_chat_type(const struct check *k, const struct chat_config *chat)
{
    char known[300] = "";
    size_t used = 0;
    for (const struct adapter_ops *const *a = adapter_list; *a && used < sizeof(known); a++) {
        if (!is_chat_adapter(*a)) continue;
        int n = snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", (*a)->name);
        if (n > 0) used += (size_t)n;
    }
    opt_problem(k->problems, place(chat->at, "type"), _("type: `%.30s` is not a kind of chat, allowed: %s"),
                chat->type, known);
}

/* --- addresses --- */

static bool is_public_address(const char *a)
{
    const char *host = strncmp(a, "https://", 8) == 0 ? a + 8 : strncmp(a, "http://", 7) == 0 ? a + 7 : "";
    return *host && !strpbrk(host, " ?#@\"<>\\") && a[strlen(a) - 1] != '/';
}

static void check_http(const struct check *k, const struct yaml_node *at)
{
    const struct http_options *http = &k->config->http;
    if (http->public_address && !is_public_address(http->public_address))
        opt_problem(
            k->problems, place(at, "public_address"),
            _("public_address: `%.80s` is not possible, write such as https://warnings.hospital.example"),
            http->public_address);
    for (size_t i = 0; i < http->listen.n; i++) {
        char host[46];
        int port;
        const struct yaml_node *here = item_place(at, "listen", i);
        if (!address_listen(http->listen.items[i], host, &port)) {
            opt_problem(k->problems, here,
                        _("listen: `%.60s` is not possible, write an address and a port such as "
                          "127.0.0.1:8480 or [::1]:8480"),
                        http->listen.items[i]);
        } else if (!address_is_loopback(host) && !http->tls.cert && !http->behind_proxy) {
            opt_problem(
                k->problems, here,
                _("listen: `%.60s` is reached from other machines: give tls, or say behind_proxy: true"),
                http->listen.items[i]);
        }
    }
}

static void check_broker(const struct check *k, const struct yaml_node *at)
{
    const struct broker_options *b = &k->config->broker;
    size_t n = strlen(b->prefix);
    if (!n || strpbrk(b->prefix, "#+$ ") || b->prefix[0] == '/' || b->prefix[n - 1] == '/' || n > 200) {
        opt_problem(k->problems, place(at, "prefix"),
                    _("prefix: `%.60s` is not possible, write topic levels such as tocsin/v1"), b->prefix);
    }
    if (!*b->host) opt_problem(k->problems, place(at, "host"), _("host: is empty"));
    if (b->tls.ca && b->host[0] == '/')
        opt_problem(k->problems, place(at, "tls"), _("tls: is not possible over a unix socket: take it out"));
    if (!b->tls.cert != !b->tls.key)
        opt_problem(k->problems, place(at, "tls"),
                    _("tls: cert and key belong together: give both or neither"));
    if (b->password_file && !b->username)
        opt_problem(k->problems, place(at, "password_file"),
                    _("username: is missing, a password alone is never asked for"));
}

/* --- blocks --- */

static void check_feeds(const struct check *k)
{
    struct relay_config *c = k->config;
    struct feed_config *feeds = c->feeds.items;
    size_t n;
    CLEANUP(free_ptr) struct named *names = NAMES(c->feeds, struct feed_config, id, n);
    check_unique(k, names, n, "id");
    if ((int64_t)c->feeds.n > c->limits.feeds)
        opt_problem(k->problems, NULL, _("%s: %zu feeds, allowed %lld (limits.feeds)"), c->file, c->feeds.n,
                    (long long)c->limits.feeds);
    for (size_t i = 0; i < c->feeds.n; i++) {
        struct feed_config *f = &feeds[i];
        check_areas(k, f->at, &f->areas);
        if (f->source == 1 && !f->path)
            opt_problem(k->problems, f->at, _("path: is missing: the file that is read"));
        if (f->source == 0 && f->path)
            opt_problem(k->problems, place(f->at, "path"), _("path: is for source: file only"));
        if (f->rate <= 0) opt_problem(k->problems, place(f->at, "rate"), _("rate: 0 would never be read"));
    }
}

/* It stands in texts that are spoken, shown and posted, where only hotlines may be given. A name is the hospital's to say, and a
 * room is where people are sent. */
static void check_told(const struct check *k, const struct yaml_node *at, const char *key, const char *text)
{
    enum mask_kind kind;
    if (text && mask_first(text, MASK_ANY & ~(MASK_BIT(MASK_NAME) | MASK_BIT(MASK_BED)), &kind, NULL))
        opt_problem(k->problems, place(at, key),
                    _("%s: is spoken and shown to patients, who get no numbers but 96110, 110, 120 and "
                      "12393: take the %s out"),
                    key, mask_token(kind));
}

static void check_site(const struct check *k, struct site_config *s)
{
    size_t n;
    CLEANUP(free_ptr) struct named *zones = NAMES(s->zones, struct zone_config, id, n);
    check_unique(k, zones, n, "id");
    CLEANUP(free_ptr) struct named *wards = NAMES(s->wards, struct ward_config, id, n);
    check_unique(k, wards, n, "id");
    if (s->area) check_area(k, place(s->at, "area"), "area", &s->area);
    check_told(k, s->at, "name", s->name);
    check_told(k, s->at, "issuer", s->issuer);
    check_told(k, s->at, "help", s->help);
    if (s->id && strcmp(s->id, "all") == 0)
        opt_problem(k->problems, place(s->at, "id"), _("id: `all` means every site: choose another"));
    for (size_t i = 0; i < s->reminders.n; i++) {
        const char *text = s->reminders.items[i];
        if (*text && text_chars(text, strlen(text)) <= REMINDER_CHARS) continue;
        opt_problem(k->problems, item_place(s->at, "reminders", i),
                    _("reminders: a screen takes 1 to %d characters, three lines of fifteen: shorten it"),
                    REMINDER_CHARS);
    }
    const struct zone_config *zone = s->zones.items;
    for (size_t i = 0; i < s->zones.n; i++)
        if (zone[i].class) check_zone_class(k, &zone[i]);
    if (!s->issuer) s->issuer = k->config->relay.issuer;
    if (!s->help) s->help = k->config->relay.help;
}

static void check_sites(const struct check *k)
{
    struct relay_config *c = k->config;
    struct site_config *sites = c->sites.items;
    size_t n, targets = c->chats.n;
    CLEANUP(free_ptr) struct named *names = NAMES(c->sites, struct site_config, id, n);
    check_unique(k, names, n, "id");
    for (size_t i = 0; i < c->sites.n; i++) {
        check_site(k, &sites[i]);
        targets += sites[i].zones.n + sites[i].wards.n + 1;
    }
    if ((int64_t)targets > c->limits.targets)
        opt_problem(k->problems, NULL, _("%s: %zu targets, allowed %lld (limits.targets)"), c->file, targets,
                    (long long)c->limits.targets);
}

static void check_chat(const struct check *k, struct chat_config *chat)
{
    enum audience audience;
    if (chat->id && (strcmp(chat->id, "all") == 0 || audience_parse(chat->id, &audience)))
        opt_problem(k->problems, place(chat->at, "id"),
                    _("id: `%s` has a meaning in receivers: choose another"), chat->id);
    check_areas(k, chat->at, &chat->areas);
    check_told(k, chat->at, "issuer", chat->issuer);
    if (!chat->issuer) chat->issuer = k->config->relay.issuer;
    struct day_window at;
    char window[16];
    (void)snprintf(window, sizeof(window), "%.5s-00:00", chat->pace.digest_at);
    if (strlen(chat->pace.digest_at) != 5 || day_window_parse(window, &at) != RELAY_OK)
        opt_problem(k->problems, place(chat->at, "pace"), _("pace: digest_at: `%.20s` is no time like 10:00"),
                    chat->pace.digest_at);
    else
        chat->pace.digest_minute = at.from;
    if (!chat->type) return;
    chat->adapter = adapter_find(chat->type);
    bool duty = chat->audience == AUDIENCE_DUTY;
    if (!yaml_get(chat->at, "quiet") && !(duty && chat->adapter && chat->adapter->programs)) {
        chat->quiet.items = arena_alloc(&k->config->arena, sizeof(*chat->quiet.items));
        chat->quiet.items[0] = duty ? (struct day_window){.from = 22 * 60, .to = 7 * 60}
                                    : (struct day_window){.from = 21 * 60 + 30, .to = 7 * 60 + 30};
        chat->quiet.n = 1;
    }
    if (duty && !yaml_get(chat->at, "night")) chat->night = true;
    if (!chat->adapter || !is_chat_adapter(chat->adapter)) {
        problem_chat_type(k, chat);
        return;
    }
    enum relay_err err = options_load_extra(&chat->own, chat->adapter->options, chat->adapter->options_size,
                                            &k->config->arena, k->problems);
    (void)err; /* what it found is in problems */
}

static void check_chats(const struct check *k)
{
    struct chat_config *chats = k->config->chats.items;
    size_t n;
    CLEANUP(free_ptr) struct named *names = NAMES(k->config->chats, struct chat_config, id, n);
    check_unique(k, names, n, "id");
    for (size_t i = 0; i < k->config->chats.n; i++) check_chat(k, &chats[i]);
}

/* --- receivers and routes --- */

struct known {
    const struct named *sites, *chats;
    size_t n_sites, n_chats;
};

static bool is_display(const struct check *k, const struct known *known, const char *name)
{
    const char *slash = strchr(name, '/');
    if (strcmp(name, "all") == 0) return true;
    if (!slash) return has_name(known->sites, known->n_sites, name);
    const struct site_config *sites = k->config->sites.items;
    for (size_t i = 0; i < k->config->sites.n; i++) {
        size_t n = (size_t)(slash - name);
        if (!sites[i].id || strlen(sites[i].id) != n || strncmp(sites[i].id, name, n) != 0) continue;
        const struct ward_config *wards = sites[i].wards.items;
        for (size_t w = 0; w < sites[i].wards.n; w++)
            if (wards[w].id && strcmp(wards[w].id, slash + 1) == 0) return true;
    }
    return false;
}

static void check_chat_words(const struct check *k, const struct known *known, const struct yaml_node *at,
                             const struct opt_strs *words)
{
    enum audience audience;
    for (size_t i = 0; i < words->n; i++) {
        const char *s = words->items[i];
        if (strcmp(s, "all") != 0 && !audience_parse(s, &audience) &&
            !has_name(known->chats, known->n_chats, s))
            opt_problem(
                k->problems, item_place(at, "chats", i),
                _("chats: there is no chat `%.40s`; besides ids there are all, duty, volunteer, public"), s);
    }
}

static void check_receiver(const struct check *k, const struct known *known, const struct receiver_config *r)
{
    for (size_t i = 0; i < r->pa.n; i++) {
        const char *s = r->pa.items[i];
        if (strcmp(s, "announce") != 0 && strcmp(s, "bulletin") != 0)
            opt_problem(k->problems, item_place(r->at, "pa", i),
                        _("pa: `%.40s` is not possible, allowed: announce, bulletin"), s);
    }
    for (size_t i = 0; i < r->displays.n; i++) {
        if (!is_display(k, known, r->displays.items[i]))
            opt_problem(k->problems, item_place(r->at, "displays", i),
                        _("displays: there is no site or site/ward `%.60s`; `all` means every screen"),
                        r->displays.items[i]);
    }
    check_chat_words(k, known, r->at, &r->chats);
}

static void check_receivers(const struct check *k)
{
    struct relay_config *c = k->config;
    const struct receiver_config *receivers = c->receivers.items;
    struct known known;
    CLEANUP(free_ptr) struct named *sites = NAMES(c->sites, struct site_config, id, known.n_sites);
    CLEANUP(free_ptr) struct named *chats = NAMES(c->chats, struct chat_config, id, known.n_chats);
    known.sites = sites;
    known.chats = chats;
    size_t n;
    CLEANUP(free_ptr) struct named *names = NAMES(c->receivers, struct receiver_config, name, n);
    check_unique(k, names, n, "name");
    for (size_t i = 0; i < c->receivers.n; i++) check_receiver(k, &known, &receivers[i]);
}

/* The steps of one route, and of those below it: later ones later, to chats that exist. */
static void check_steps(const struct check *k, const struct known *known, const struct route_config *r)
{
    const struct step_config *steps = r->escalate.items;
    for (size_t i = 0; i < r->escalate.n; i++) {
        check_chat_words(k, known, steps[i].at, &steps[i].chats);
        if (i && steps[i].after <= steps[i - 1].after)
            opt_problem(k->problems, place(steps[i].at, "after"),
                        _("after: a step is later than the one before it: put them in order"));
    }
    const struct route_config *routes = r->routes.items;
    for (size_t i = 0; i < r->routes.n; i++) check_steps(k, known, &routes[i]);
}

static void check_escalation(const struct check *k)
{
    struct known known = {.n_sites = 0};
    CLEANUP(free_ptr) struct named *chats = NAMES(k->config->chats, struct chat_config, id, known.n_chats);
    known.chats = chats;
    check_steps(k, &known, &k->config->route);
}

static void find_receiver(const struct check *k, struct route_config *r)
{
    const struct receiver_config *receivers = k->config->receivers.items;
    for (size_t i = 0; i < k->config->receivers.n; i++)
        if (receivers[i].name && strcmp(receivers[i].name, r->receiver) == 0) r->to = &receivers[i];
    if (!r->to)
        opt_problem(k->problems, place(r->at, "receiver"), _("receiver: there is no `%s` under receivers"),
                    r->receiver);
}

static void inherit(struct route_config *r, const struct route_config *parent)
{
    if (!yaml_get(r->at, "receiver")) r->receiver = parent->receiver;
    if (!yaml_get(r->at, "approve")) r->approve = parent->approve;
    if (!yaml_get(r->at, "group_wait")) r->group_wait = parent->group_wait;
    if (!yaml_get(r->at, "group_interval")) r->group_interval = parent->group_interval;
    if (!yaml_get(r->at, "repeat_interval")) r->repeat_interval = parent->repeat_interval;
    if (!yaml_get(r->at, "escalate")) r->escalate = parent->escalate;
}

static void check_route(const struct check *k, struct route_config *r)
{
    if (r->receiver) find_receiver(k, r);
    for (size_t i = 0; i < r->matchers.n; i++) {
        struct reason why = {0};
        if (label_matchers_add(&r->compiled, r->matchers.items[i], &why))
            opt_problem(k->problems, item_place(r->at, "matchers", i), _("matchers: %s"), why.text);
    }
    struct route_config *routes = r->routes.items;
    for (size_t i = 0; i < r->routes.n; i++) {
        inherit(&routes[i], r);
        check_route(k, &routes[i]);
        if (routes[i].matchers.n || routes[i].continue_ || i + 1 == r->routes.n) continue;
        opt_problem(k->problems, routes[i + 1].at,
                    _("routes: never reached: the route of line %d before it takes everything"),
                    routes[i].at->line);
    }
}

static void check_group_by(const struct check *k, struct route_config *root)
{
    static const unsigned allowed = 1u << LABEL_RULE | 1u << LABEL_CATEGORY | 1u << LABEL_LEVEL |
                                    1u << LABEL_AREA2 | 1u << LABEL_AREA4 | 1u << LABEL_AREA6 |
                                    1u << LABEL_FEED | 1u << LABEL_SITE;
    for (size_t i = 0; i < root->group_by.n; i++) {
        enum label label;
        if (label_parse(root->group_by.items[i], &label) && allowed & 1u << label) {
            root->group_labels |= 1u << label;
            continue;
        }
        opt_problem(k->problems, item_place(root->at, "group_by", i),
                    _("group_by: `%.40s` is not possible, allowed: rule, category, level, area2, area4, "
                      "area6, feed, site"),
                    root->group_by.items[i]);
    }
}

static void check_drill(const struct check *k, const struct drill_options *d)
{
    const struct day_window *w = d->hours.items;
    if (d->day && (d->hours.n != 1 || w->from >= w->to))
        opt_problem(k->problems, place(d->at, "hours"),
                    _("hours: say from when to when on one day, such as ['15:00-15:30']"));
}

void config_check(struct relay_config *c, struct opt_problems *problems)
{
    const struct check k = {.config = c, .problems = problems};
    check_drill(&k, &c->drill);
    struct reason why = {0};
    if (c->relay.timezone && clock_check_zone(c->relay.timezone, &why))
        opt_problem(problems, place(c->relay.at, "timezone"), "timezone: %s", why.text);
    check_broker(&k, c->broker.at);
    check_http(&k, c->http.at);
    check_feeds(&k);
    check_chats(&k);
    check_told(&k, c->relay.at, "issuer", c->relay.issuer);
    check_told(&k, c->relay.at, "help", c->relay.help);
    check_sites(&k);
    check_receivers(&k);
    check_group_by(&k, &c->route);
    check_escalation(&k);
    check_route(&k, &c->route);
}

/* --- files --- */

static void check_folder(struct opt_problems *p, const struct yaml_node *at, const char *key,
                         const char *path, bool written)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && !S_ISDIR(st.st_mode))
        opt_problem(p, place(at, key), _("%s: %s: is no folder: name one"), key, path);
    else if (!there && errno == ENOENT)
        opt_problem(p, place(at, key), _("%s: %s: there is no such folder: make it, or correct the path"),
                    key, path);
    else if (!there || access(path, written ? R_OK | W_OK | X_OK : R_OK | X_OK) < 0)
        opt_problem(p, place(at, key), "%s: %s: %s", key, path, strerror(errno));
}

static void check_secret(struct opt_problems *p, const struct yaml_node *at, const char *key,
                         const char *path)
{
    CLEANUP(secret_free_ptr) char *secret = NULL;
    struct reason why = {0};
    if (path && secret_read(path, &secret, &why)) opt_problem(p, place(at, key), "%s: %s", key, why.text);
}

static void check_readable(struct opt_problems *p, const struct yaml_node *at, const char *key,
                           const char *path, bool pem)
{
    struct reason why = {0};
    if (path && file_check(path, pem, &why)) opt_problem(p, place(at, key), "%s: %s", key, why.text);
}

/* A private key may be longer than a secret, but is as private. */
static void check_private(struct opt_problems *p, const struct yaml_node *at, const char *key,
                          const char *path)
{
    struct stat st;
    if (!path) return;
    check_readable(p, at, key, path, true);
    if (stat(path, &st) == 0 && st.st_mode & (S_IROTH | S_IWOTH))
        opt_problem(p, place(at, key),
                    _("%s: %s: anybody on this machine can read or change it: chmod 0600 it"), key, path);
}

/* What the kind of chat itself says: its address and secret files, https, what goes together. */
static void check_target(struct opt_problems *p, const struct chat_config *chat)
{
    const struct adapter_ops *ops = chat->adapter;
    if (!ops->check) return;
    CLEANUP(free_ptr) char *id = xasprintf("%s:%s", ops->name, chat->id);
    CLEANUP(free_ptr) void *ctx = xcalloc(1, ops->ctx_size);
    struct target t = {.id = id,
                       .place = chat->id,
                       .name = chat->name,
                       .audience = (enum audience)chat->audience,
                       .options = chat->own.values};
    struct reason why = {0};
    if (ops->check(ctx, &t, &why)) opt_problem(p, chat->at, "%s: %s", chat->id, why.text);
    if (ops->forget) ops->forget(ctx, &t);
}

enum relay_err config_check_files(const struct relay_config *c, struct opt_problems *problems)
{
    *problems = (struct opt_problems){0};
    const struct yaml_node *broker_tls = yaml_get(c->broker.at, "tls"),
                           *http_tls = yaml_get(c->http.at, "tls");
    check_folder(problems, c->relay.at, "state_dir", c->relay.state_dir, true);
    check_secret(problems, c->broker.at, "password_file", c->broker.password_file);
    check_readable(problems, broker_tls, "ca", c->broker.tls.ca, true);
    check_readable(problems, broker_tls, "cert", c->broker.tls.cert, true);
    check_private(problems, broker_tls, "key", c->broker.tls.key);
    check_readable(problems, http_tls, "cert", c->http.tls.cert, true);
    check_private(problems, http_tls, "key", c->http.tls.key);
    for (size_t i = 0; i < c->rules.packs.n; i++)
        check_folder(problems, c->rules.at, "packs", c->rules.packs.items[i], false);

    const struct feed_config *feeds = c->feeds.items;
    for (size_t i = 0; i < c->feeds.n; i++)
        check_readable(problems, feeds[i].at, "path", feeds[i].path, false);

    const struct chat_config *chats = c->chats.items;
    for (size_t i = 0; i < c->chats.n; i++) check_target(problems, &chats[i]);
    return problems->n ? RELAY_INVALID : RELAY_OK;
}
