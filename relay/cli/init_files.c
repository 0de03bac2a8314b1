/* The texts that init writes: configuration of relay and player, and what the broker is told. */
#include <string.h>

#include "base/i18n.h"
#include "cli/init.h"
#include "config.h"
#include "io/address.h"

/* A YAML scalar that is what people typed, whatever it is: control characters were refused before. */
static void quoted(struct buf *b, const char *text)
{
    buf_char(b, '\'');
    for (; *text; text++) {
        if (*text == '\'') buf_char(b, '\'');
        buf_char(b, *text);
    }
    buf_char(b, '\'');
}

static void key(struct buf *b, const char *before, const char *name, const char *text)
{
    buf_printf(b, "%s%s: ", before, name);
    quoted(b, text);
    buf_char(b, '\n');
}

static void comment(struct buf *b, const char *before, const char *text)
{
    buf_printf(b, "%s# %s\n", before, text);
}

static void put_broker(struct buf *b, const struct init_plan *p, const char *user, const char *password_file)
{
    comment(b, "\n", _("The MQTT broker. Where it is not this machine, add tls: {ca: ca.pem}"));
    buf_str(b, "broker:\n");
    key(b, "  ", "host", p->a->broker.host);
    buf_printf(b, "  port: %lld\n  username: %s\n  password_file: %s\n", (long long)p->a->broker.port, user,
               password_file);
}

static void put_feeds(struct buf *b, const struct init_plan *p)
{
    comment(b, "\n",
            _("sandbox: receipts, and nothing goes out; set it to live when the feed's tests are done"));
    buf_str(b, "feeds:\n");
    for (size_t i = 0; i < p->n_feeds; i++) {
        const struct init_feed *f = &p->feeds[i];
        if (f->live)
            comment(
                b, "  ",
                _("For your own trial only, while every site is in trial; take it out before one is live"));
        buf_printf(b, "  - {id: %s, type: %s, areas: ['%s'], mode: %s}\n", f->id, f->type, p->city,
                   f->live ? "live" : "sandbox");
    }
}

/* Under `sites:`, or as a file of its own in sites.d: then nothing is indented. */
static void put_site(struct buf *b, const struct init_plan *p, const char *in)
{
    key(b, in, "name", p->a->hospital);
    buf_printf(b, "%sarea: '%s' # %s\n%smode: trial\n", in, p->area, p->area_name, in);
    key(b, in, "issuer", p->a->issuer);
    key(b, in, "help", p->a->help);
    if (p->n_zones) buf_printf(b, "%szones:\n", in);
    for (size_t i = 0; i < p->n_zones; i++) {
        buf_printf(b, "%s  - {id: %s, class: %s, name: ", in, p->zones[i].id, p->zones[i].class);
        quoted(b, p->zones[i].name);
        buf_str(b, "}\n");
    }
    if (p->n_wards) buf_printf(b, "%swards:\n", in);
    for (size_t i = 0; i < p->n_wards; i++) {
        buf_printf(b, "%s  - {id: %s, name: ", in, p->wards[i].id);
        quoted(b, p->wards[i].name);
        buf_str(b, "}\n");
    }
}

static const char *about_trial(void)
{
    return _(
        "trial: only the duty group hears what would have been said; `tocsin site mode` goes on from there");
}

void init_site_yaml(const struct init_plan *p, struct buf *b)
{
    comment(b, "", about_trial());
    buf_printf(b, "id: %s\n", p->site);
    put_site(b, p, "");
}

static void put_chats(struct buf *b, const struct init_plan *p)
{
    if (!p->duty) return;
    comment(b, "\n",
            _("Groups. audience: duty, volunteer or public. The address holds a key: it is in a file of its "
              "own"));
    buf_printf(
        b, "chats:\n  - id: " INIT_DUTY_CHAT "\n    type: %s\n    audience: duty\n    url_file: duty.url\n",
        init_duty_types[p->a->duty.type]);
    if (p->duty_signs) buf_str(b, "    secret_file: duty.secret\n");
    if (p->a->duty.allow_insecure) buf_str(b, "    allow_insecure: true\n");
}

static void put_routes(struct buf *b, const struct init_plan *p)
{
    comment(b, "\n",
            _("Which warning goes to whom. approve: how many persons must agree before speech and chats"));
    buf_str(b, "receivers:\n"
               "  - {name: everyone, pa: [announce, bulletin], displays: all, chats: all}\n"
               "  - {name: bulletin-and-screens, pa: [bulletin], displays: all, chats: [duty]}\n");
    if (p->duty) buf_str(b, "  - {name: duty-at-once, chats: [duty]}\n");
    buf_str(b, "route:\n"
               "  receiver: bulletin-and-screens\n"
               "  group_by: [rule, area4]\n"
               "  routes:\n");
    if (p->duty) {
        comment(b, "    ", _("The duty group hears at once, whoever must approve the rest"));
        buf_str(b, "    - matchers: ['level=~\"red|orange\"']\n"
                   "      receiver: duty-at-once\n"
                   "      continue: true\n"
                   "      repeat_interval: 4h\n");
    }
    buf_str(b, "    - matchers: ['level=\"red\"', 'certainty=~\"Likely|Observed\"']\n"
               "      receiver: everyone\n");
    if (p->duty)
        buf_str(b, "      escalate: [{after: 1m, chats: [duty]}, {after: 2m, chats: [duty]}, {after: 3m, "
                   "chats: [duty]}]\n");
    buf_str(b, "    - matchers: ['level=~\"red|orange\"']\n"
               "      receiver: everyone\n");
    buf_printf(b, "      approve: %s\n      group_wait: 2m\n", init_approvals[p->a->approve]);
}

void init_relay_yaml(const struct init_plan *p, struct buf *b)
{
    comment(
        b, "",
        _("Tocsin's relay, written by `tocsin init`. `tocsin check` looks it over; `tocsin check --manual` "
          "explains every option."));
    buf_printf(b, "relay:\n  id: %s\n", p->relay);
    key(b, "  ", "state_dir", p->a->state_dir);
    key(b, "  ", "issuer", p->a->issuer);
    key(b, "  ", "help", p->a->help);
    put_broker(b, p, "relay", "mqtt.password");
    comment(b, "\n",
            _("Pages for screens. For screens on other machines: their address, and tls or behind_proxy"));
    buf_str(b, "http:\n");
    buf_printf(b, "  listen: ['%s']\n", p->a->listen);
    put_feeds(b, p);
    comment(b, "\n", about_trial());
    buf_printf(b, "sites:\n  - id: %s\n", p->site);
    put_site(b, p, "    ");
    put_chats(b, p);
    put_routes(b, p);
}

/* --- the player --- */

/* The n-th address after the first, whose last number counts up; the port does when the numbers are used up. */
static void put_rtp(struct buf *b, const struct init_plan *p, const char *zone, int n)
{
    const char *first = p->a->speakers.address, *dot = strrchr(first, '.');
    long last = dot ? strtol(dot + 1, NULL, 10) : 0;
    int64_t port = p->a->speakers.port;
    if (dot && last >= 0 && last + n <= 254)
        buf_printf(b, "  - {id: %s-speakers, type: rtp, address: '%.*s.%ld', port: %lld}\n", zone,
                   (int)(dot - first), first, last + n, (long long)port);
    else
        buf_printf(b, "  - {id: %s-speakers, type: rtp, address: '%s', port: %lld}\n", zone, first,
                   (long long)(port + 2LL * n));
}

/* One number for all zones is one output: two zones that speak at once wait for each other there. */
static void put_sip(struct buf *b, const struct init_plan *p, const char *zone, size_t n)
{
    const struct init_speakers *s = &p->a->speakers;
    buf_str(b, "  - {id: ");
    buf_printf(b, s->uris.n == 1 ? "speakers" : "%s-speakers", zone);
    buf_str(b, ", type: sip, uri: ");
    quoted(b, s->uris.items[n]);
    if (s->user && *s->user) {
        buf_str(b, ", user: ");
        quoted(b, s->user);
        buf_str(b, ", password_file: sip.password");
    }
    buf_str(b, "}\n");
}

static void put_outputs(struct buf *b, const struct init_plan *p)
{
    const struct init_speakers *s = &p->a->speakers;
    int n = 0;
    comment(b, "\n", _("Where the sound goes. Other ways: `tocsin-pa check --manual`"));
    buf_str(b, "outputs:\n");
    for (size_t i = 0; i < p->n_zones && s->way == WAY_RTP; i++)
        if (!p->zones[i].silent) put_rtp(b, p, p->zones[i].id, n++);
    for (size_t i = 0, speaking = 0; i < p->n_zones && s->way == WAY_SIP && speaking < s->uris.n; i++)
        if (!p->zones[i].silent) put_sip(b, p, p->zones[i].id, speaking++);
    if (s->way == WAY_FILE) {
        buf_str(b, "  - {id: speakers, type: file, dir: ");
        quoted(b, s->dir);
        buf_str(b, "}\n");
    } else if (s->way == WAY_ALSA) {
        buf_str(b, "  - {id: speakers, type: alsa, device: ");
        quoted(b, s->device);
        buf_str(b, "}\n");
    } else if (s->way == WAY_COMMAND) {
        buf_str(b, "  - {id: speakers, type: command, run: [");
        for (size_t i = 0; i < s->run.n; i++) {
            if (i) buf_str(b, ", ");
            quoted(b, s->run.items[i]);
        }
        buf_str(b, "]}\n");
    }
}

void init_pa_yaml(const struct init_plan *p, struct buf *b)
{
    comment(b, "",
            _("Tocsin's loudspeakers, written by `tocsin init`. `tocsin-pa check` looks it over; `tocsin-pa "
              "programme` shows a day."));
    comment(
        b, "",
        _("mode trial: the engine's voice may be heard; live: recorded clips only, unless a zone allows it"));
    buf_printf(b, "player:\n  site: %s\n", p->site);
    key(b, "  ", "name", p->a->hospital);
    key(b, "  ", "help", p->a->help);
    buf_str(b, "  mode: trial\n");
    key(b, "  ", "state_dir", p->a->pa_state_dir);
    CLEANUP(free_ptr) char *user = xasprintf("pa-%s", p->site);
    put_broker(b, p, user, "pa.password");
    put_outputs(b, p);
    comment(b, "\n", _("As in tocsin.yaml: id and class must be the same"));
    buf_str(b, "zones:\n");
    for (size_t i = 0; i < p->n_zones; i++) {
        const struct init_zone *z = &p->zones[i];
        buf_printf(b, "  - {id: %s, class: %s, name: ", z->id, z->class);
        quoted(b, z->name);
        if (z->silent)
            buf_str(b, "}\n");
        else if (p->a->speakers.way == WAY_RTP ||
                 (p->a->speakers.way == WAY_SIP && p->a->speakers.uris.n > 1))
            buf_printf(b, ", outputs: [%s-speakers]}\n", z->id);
        else
            buf_str(b, ", outputs: [speakers]}\n");
    }
}

/* --- the broker --- */

void init_broker_conf(const struct init_plan *p, const char *dir, struct buf *b)
{
    const char *host = p->a->broker.host;
    comment(b, "",
            _("mosquitto for Tocsin, written by `tocsin init`. Link it into /etc/mosquitto/conf.d, restart "
              "mosquitto"));
    buf_str(b, "per_listener_settings false\n");
    if (host[0] == '/')
        buf_printf(b, "listener 0 %s\n", host);
    else if (address_is_loopback(host))
        buf_printf(b, "listener %lld 127.0.0.1\n", (long long)p->a->broker.port);
    else
        buf_printf(b, "listener %lld\n", (long long)p->a->broker.port);
    comment(b, "",
            _("Feeds and hospitals on other machines: a listener with certfile and keyfile, such as listener "
              "8883"));
    buf_printf(b, "allow_anonymous false\npassword_file %s/mosquitto/passwords\nacl_file %s/mosquitto/acl\n",
               dir, dir);
    comment(
        b, "",
        _("Boards and bulletins outlive a restart; a feed's window, a night's queue, the largest message"));
    buf_str(b,
            "persistence true\nautosave_interval 60\nmax_inflight_messages 500\nmax_queued_messages 100000\n"
            "max_packet_size 1048576\npersistent_client_expiration 14d\n");
}

static void put_user(struct buf *b, const char *note, const char *head, const char *id, const char *rows[])
{
    buf_char(b, '\n');
    if (note) comment(b, "", note);
    buf_printf(b, "user %s%s\n", head, id);
    for (size_t i = 0; rows[i]; i += 2) {
        /* '*' stands for the id: topics hold no star of their own. */
        const char *star = strchr(rows[i + 1], '*');
        buf_printf(b, "topic %s tocsin/v1/", rows[i]);
        if (star)
            buf_printf(b, "%.*s%s%s\n", (int)(star - rows[i + 1]), rows[i + 1], id, star + 1);
        else
            buf_printf(b, "%s\n", rows[i + 1]);
    }
}

void init_site_acl(const struct init_plan *p, struct buf *b)
{
    const char *pa[] = {"read",  "pa/*/+/announce", "read",  "pa/*/bulletin", "read", "pa/*/hold",
                        "write", "pa/*/+/log",      "write", "pa/*/state",    NULL};
    const char *screens[] = {"read", "displays/*/+/board", "write", "displays/*/+/ack", NULL};
    put_user(b, NULL, "pa-", p->site, pa);
    put_user(b, _("Devices that show boards by MQTT; pages in a browser need no name at the broker"),
             "screens-", p->site, screens);
}

void init_broker_acl(const struct init_plan *p, struct buf *b)
{
    const char *relay[] = {
        "read",  "feeds/+/events",  "read",  "feeds/+/heartbeat",  "write", "receipts/+",
        "write", "pa/+/+/announce", "write", "pa/+/bulletin",      "read",  "pa/+/+/log",
        "read",  "pa/+/state",      "write", "displays/+/+/board", "read",  "displays/+/+/ack",
        "write", "relay/+/state",   "read",  "relay/+/state",      NULL};
    const char *feed[] = {"write", "feeds/*/events", "write", "feeds/*/heartbeat", "read", "receipts/*",
                          "read",  "relay/+/state",  NULL};
    comment(b, "",
            _("Who may say what on the broker, written by `tocsin init`. What no line allows is refused."));
    put_user(b, NULL, "relay", "", relay);
    buf_str(b, "topic read $SYS/broker/#\n");
    init_site_acl(p, b);
    for (size_t i = 0; i < p->n_feeds; i++) put_user(b, NULL, "feed-", p->feeds[i].id, feed);
}
