/* The broker, as the relay and the loudspeakers meet it: login, limits, what it must refuse, what the players say. */
#include <unistd.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "base/json.h"
#include "cli/doctor.h"
#include "io/address.h"
#include "io/broker_probe.h"

enum {
    CONNECT_MS = 5000,
    RETAINED_MS = 700,
    WINDOW_WANTED = 100,
    PACKET_WANTED = 1024 * 1024,
    TOPIC_MAX = 400,
    NOT_AUTHORISED = 135,
    ZONES_MAX = 500
};

struct doctor_login {
    const char *user, *password;
    const char *who; /* in sentences */
};

static struct mqtt_options options_of(const struct relay_config *c, const struct doctor_login *login,
                                      const char *id)
{
    struct mqtt_options o = broker_session(&c->broker, login->user, login->password);
    o.client_id = id;
    return o;
}

static void check_limits(const struct broker_probe *p, struct findings *f)
{
    const struct broker_limits *l = broker_probe_limits(p);
    size_t before = f->n;
    if (l->receive_maximum >= 0 && l->receive_maximum < WINDOW_WANTED)
        finding_add(f, FINDING_DO, "broker.limits",
                    _("broker: it takes %d unconfirmed messages at a time: max_inflight_messages 500 in "
                      "mosquitto.conf"),
                    l->receive_maximum);
    if (l->max_packet >= 0 && l->max_packet < PACKET_WANTED)
        finding_add(
            f, FINDING_DO, "broker.limits",
            _("broker: messages over %lld bytes are refused: max_packet_size 1048576 in mosquitto.conf"),
            (long long)l->max_packet);
    if (!l->retain)
        finding_add(
            f, FINDING_DO, "broker.limits",
            _("broker: it keeps no retained messages: screens and loudspeakers need retain_available true"));
    if (l->max_qos < 1)
        finding_add(f, FINDING_DO, "broker.limits",
                    _("broker: it confirms nothing: max_qos 1 or more in mosquitto.conf"));
    if (l->session_expiry_s >= 0 && l->session_expiry_s < 24 * 3600)
        finding_add(f, FINDING_DO, "broker.limits",
                    _("broker: it forgets who is away after %lld s: persistent_client_expiration 14d in "
                      "mosquitto.conf"),
                    (long long)l->session_expiry_s);
    if (f->n == before)
        finding_add(f, FINDING_OK, "broker.limits",
                    _("broker: its limits are wide enough (window, size, sessions)"));
}

/* What must be refused is tried on ids that nobody has, so that nothing comes of it where it is not. */
static void try_refusals(const struct relay_config *c, struct broker_probe *p,
                         const struct doctor_login *login, const char *const tails[], struct findings *f)
{
    size_t before = f->n;
    for (size_t i = 0; tails[i]; i++) {
        char topic[TOPIC_MAX];
        int code = 0;
        struct reason why;
        (void)snprintf(topic, sizeof(topic), "%s/%s", c->broker.prefix, tails[i]);
        if (broker_probe_publish(p, topic, "{\"doctor\":true}", &code, &why)) {
            finding_add(f, FINDING_DO, "broker.acl", "%s", why.text);
            return;
        }
        if (code != NOT_AUTHORISED)
            finding_add(f, FINDING_DO, "broker.acl",
                        _("broker: %s may publish on %s, which must be refused: acl_file in mosquitto.conf, "
                          "as `tocsin init` "
                          "writes it"),
                        login->who, topic);
    }
    if (f->n == before)
        finding_add(f, FINDING_OK, "broker.acl", _("broker: what %s must not say is refused"), login->who);
}

static void try_permissions(const struct relay_config *c, struct broker_probe *p, struct findings *f)
{
    static const char *const tails[] = {"receipts/tocsin-doctor", "pa/tocsin-doctor/none/announce",
                                        "pa/tocsin-doctor/bulletin", "displays/tocsin-doctor/none/board"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        char topic[TOPIC_MAX];
        int code = 0;
        struct reason why;
        (void)snprintf(topic, sizeof(topic), "%s/%s", c->broker.prefix, tails[i]);
        if (broker_probe_publish(p, topic, "{\"doctor\":true}", &code, &why) == RELAY_OK &&
            code != NOT_AUTHORISED)
            continue;
        finding_add(f, FINDING_DO, "broker.acl",
                    _("broker: the relay may not publish on %s: its acl needs `topic write` there, as "
                      "`tocsin init` writes it"),
                    topic);
    }
}

static void check_anonymous(const struct relay_config *c, struct findings *f)
{
    static const struct doctor_login nobody = {NULL, NULL, ""};
    CLEANUP(free_ptr) char *id = xasprintf("doctor-anonymous-%ld", (long)getpid());
    struct mqtt_options o = options_of(c, &nobody, id);
    struct broker_probe *p = NULL;
    struct reason why;
    enum relay_err err = broker_probe_open(&o, CONNECT_MS, &p, &why);
    if (err == RELAY_OK)
        finding_add(f, FINDING_DO, "broker.anonymous",
                    _("broker: anybody may log in without a name: allow_anonymous false in mosquitto.conf"));
    else if (err == RELAY_DENIED)
        finding_add(f, FINDING_OK, "broker.anonymous", _("broker: nobody logs in without a name"));
    p = broker_probe_free(p);
}

/* The broker does not tell; its configuration may, where it is on this machine. */
static bool says_persistence(const char *path)
{
    FILE *file = fopen(path, "re");
    char line[512];
    bool found = false;
    while (file && fgets(line, sizeof(line), file)) {
        char word[16] = "", value[16] = "";
        if (sscanf(line, " %15s %15s", word, value) == 2 && strcmp(word, "persistence") == 0)
            found = strcmp(value, "true") == 0;
    }
    if (file) (void)fclose(file); /* only read */
    return found;
}

static void check_persistence(const struct relay_config *c, struct findings *f)
{
    CLEANUP(free_ptr) char *own = xstrdup(c->file);
    char *slash = strrchr(own, '/');
    if (slash) *slash = '\0';
    CLEANUP(free_ptr) char *ours = xasprintf("%s/mosquitto/tocsin.conf", slash ? own : ".");
    bool here = address_is_loopback(c->broker.host);
    if (here && (says_persistence(ours) || says_persistence("/etc/mosquitto/mosquitto.conf") ||
                 says_persistence("/etc/mosquitto/conf.d/tocsin.conf")))
        finding_add(f, FINDING_OK, "broker.persistence",
                    _("broker: its configuration says persistence true"));
    else
        finding_add(f, FINDING_NOTE, "broker.persistence",
                    _("broker: whether it keeps messages over a restart cannot be seen from here: its "
                      "configuration needs "
                      "persistence true"));
}

/* --- the loudspeakers' own lists --- */

struct player {
    const struct relay_config *config;
    struct findings *findings;
    const char *head; /* "<prefix>/pa/" */
    bool *heard;      /* by site */
};

static bool is_listed(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

/* "hall, icu" of what is in a and not in b. */
static char *missing_in(const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
    struct buf out = BUF_INIT(400);
    for (size_t i = 0; i < n_a; i++)
        if (!is_listed(b, n_b, a[i])) buf_printf(&out, "%s%s", out.len ? ", " : "", a[i]);
    return buf_take(&out);
}

static void compare_zones(struct findings *f, const struct site_config *s, const cJSON *state)
{
    const char *theirs[ZONES_MAX], *ours[ZONES_MAX];
    size_t n = 0, m = 0;
    const cJSON *zone;
    cJSON_ArrayForEach(zone, cJSON_GetObjectItemCaseSensitive(state, "zones"))
    {
        const char *id = cJSON_IsString(zone) ? zone->valuestring : json_str_or(zone, "id", "");
        if (n < ZONES_MAX) theirs[n++] = id;
    }
    const struct zone_config *zones = s->zones.items;
    for (size_t i = 0; i < s->zones.n && m < ZONES_MAX; i++) ours[m++] = zones[i].id;
    CLEANUP(free_ptr) char *only_ours = missing_in(ours, m, theirs, n);
    CLEANUP(free_ptr) char *only_theirs = missing_in(theirs, n, ours, m);
    if (!*only_ours && !*only_theirs)
        finding_add(f, FINDING_OK, "zones", _("zones: %s: relay and player know the same %zu"), s->id, m);
    if (*only_ours)
        finding_add(
            f, FINDING_DO, "zones",
            _("zones: %s: the player does not know %s: put them into its pa.yaml, or take them out here"),
            s->id, only_ours);
    if (*only_theirs)
        finding_add(f, FINDING_DO, "zones",
                    _("zones: %s: only the player knows %s: they are never warned; put them in here"), s->id,
                    only_theirs);
}

static bool all_heard(const struct player *p)
{
    const struct site_config *sites = p->config->sites.items;
    for (size_t i = 0; i < p->config->sites.n; i++)
        if (sites[i].zones.n && !p->heard[i]) return false;
    return true;
}

static bool on_state(void *arg, const struct mqtt_message *m)
{
    struct player *p = arg;
    const struct site_config *sites = p->config->sites.items;
    const struct json_limits limits = {256 * 1024, 8};
    struct reason why;
    CLEANUP(json_free_ptr) cJSON *state = NULL;
    size_t head = strlen(p->head);
    const char *end = strrchr(m->topic, '/');
    if (strncmp(m->topic, p->head, head) != 0 || end <= m->topic + head) return false;
    size_t n = (size_t)(end - m->topic) - head;
    for (size_t i = 0; i < p->config->sites.n; i++) {
        if (strlen(sites[i].id) != n || strncmp(sites[i].id, m->topic + head, n) != 0 || p->heard[i])
            continue;
        if (json_parse(m->payload, m->payload_len, &limits, &state, &why) != RELAY_OK) return false;
        p->heard[i] = true;
        if (strcmp(json_str_or(state, "state", ""), "up") != 0)
            finding_add(p->findings, FINDING_DO, "player",
                        _("loudspeakers: %s: tocsin-pa is down: `systemctl status tocsin-pa` on its machine"),
                        sites[i].id);
        else
            compare_zones(p->findings, &sites[i], state);
        return all_heard(p);
    }
    return false;
}

static void check_players(const struct relay_config *c, struct broker_probe *probe, struct findings *f)
{
    const struct site_config *sites = c->sites.items;
    CLEANUP(free_ptr) char *head = xasprintf("%s/pa/", c->broker.prefix);
    CLEANUP(free_ptr) char *filter = xasprintf("%s+/state", head);
    CLEANUP(free_ptr) bool *heard = xcalloc(c->sites.n + 1, sizeof(*heard));
    struct player p = {c, f, head, heard};
    struct reason why;
    if (all_heard(&p)) return; /* no site has loudspeakers */
    if (broker_probe_retained(probe, filter, RETAINED_MS, on_state, &p, &why)) {
        finding_add(f, FINDING_DO, "player", "%s", why.text);
        return;
    }
    for (size_t i = 0; i < c->sites.n; i++)
        if (sites[i].zones.n && !heard[i])
            finding_add(f, FINDING_DO, "player",
                        _("loudspeakers: %s: tocsin-pa has never been heard: `systemctl enable --now "
                          "tocsin-pa` on its "
                          "machine, and its user and site in pa.yaml and acl"),
                        sites[i].id);
}

/* The player's own login, where its configuration lies beside the relay's. */
static void check_player_login(const struct relay_config *c, struct findings *f)
{
    static const char *const tails[] = {"pa/tocsin-doctor/state", "feeds/tocsin-doctor/events",
                                        "displays/tocsin-doctor/none/board", NULL};
    CLEANUP(arena_release) struct arena arena = {0};
    const char *slash = strrchr(c->file, '/');
    const char *folder = slash ? arena_strndup(&arena, c->file, (size_t)(slash - c->file)) : ".";
    const char *path = arena_printf(&arena, "%s/pa.yaml", folder);
    struct yaml_node *root = NULL;
    struct reason why;
    CLEANUP(secret_free_ptr) char *password = NULL;
    if (access(path, R_OK) != 0 || yaml_load(path, &arena, &root, &why)) return;
    const struct yaml_node *broker = yaml_get(root, "broker"), *user = yaml_get(broker, "username"),
                           *file = yaml_get(broker, "password_file");
    if (!user || !file || user->kind != YAML_SCALAR || file->kind != YAML_SCALAR) return;
    const char *whole = file->text[0] == '/' ? file->text : arena_printf(&arena, "%s/%s", folder, file->text);
    if (secret_read(whole, &password, &why)) {
        finding_add(f, FINDING_DO, "player", "pa.yaml: password_file: %s", why.text);
        return;
    }
    struct doctor_login login = {user->text, password, _("the player")};
    struct mqtt_options o = options_of(c, &login, arena_printf(&arena, "doctor-pa-%ld", (long)getpid()));
    struct broker_probe *p = NULL;
    if (broker_probe_open(&o, CONNECT_MS, &p, &why))
        finding_add(f, FINDING_DO, "player", _("broker: as %s of pa.yaml: %s"), user->text, why.text);
    else
        try_refusals(c, p, &login, tails, f);
    p = broker_probe_free(p);
}

void doctor_broker(const struct relay_config *c, bool deep, struct findings *f)
{
    static const char *const tails[] = {"feeds/tocsin-doctor/events", "pa/tocsin-doctor/state",
                                        "pa/tocsin-doctor/none/log", NULL};
    CLEANUP(secret_free_ptr) char *password = NULL;
    struct reason why;
    struct broker_probe *p = NULL;
    if (c->broker.password_file && secret_read(c->broker.password_file, &password, &why)) {
        finding_add(f, FINDING_DO, "broker", _("broker: %s"), why.text);
        return;
    }
    struct doctor_login login = {c->broker.username, password, _("the relay")};
    CLEANUP(free_ptr) char *id = xasprintf("doctor-%ld", (long)getpid());
    struct mqtt_options o = options_of(c, &login, id);
    enum relay_err err = broker_probe_open(&o, CONNECT_MS, &p, &why);
    if (err == RELAY_DENIED)
        finding_add(f, FINDING_DO, "broker",
                    _("broker: %s: the password in broker.password_file and the broker's password_file must "
                      "be the same; "
                      "after a change mosquitto reads it by `systemctl reload mosquitto`"),
                    why.text);
    else if (err)
        finding_add(
            f, FINDING_DO, "broker",
            _("broker: %s: is it running (`systemctl status mosquitto`), and broker.host and port right?"),
            why.text);
    else
        finding_add(f, FINDING_OK, "broker", _("broker: login as %s at %s"), login.user ? login.user : "-",
                    c->broker.host);
    if (p && deep) {
        check_limits(p, f);
        check_persistence(c, f);
        check_anonymous(c, f);
        try_refusals(c, p, &login, tails, f);
        try_permissions(c, p, f);
        check_players(c, p, f);
        check_player_login(c, f);
    }
    p = broker_probe_free(p);
}
