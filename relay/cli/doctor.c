/* tocsin doctor: what still stands between this machine and a hospital that is warned, one line each. */
#include "cli/doctor.h"

#include <argp.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/init.h"
#include "cli/verbs.h"
#include "io/address.h"
#include "rulebook.h"

enum { OUTPUT_MAX = 1024 * 1024, NFS_MAGIC = 0x6969, SMB2_MAGIC = (int)0xfe534d42 };

/* --- findings --- */

void finding_add(struct findings *f, enum finding_state state, const char *check, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args); /* a sentence that is cut is still one */
    va_end(args);
    f->items = xreallocarray(f->items, f->n + 1, sizeof(*f->items));
    f->items[f->n++] = (struct finding){state, check, xstrdup(text)};
}

size_t findings_todo(const struct findings *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) n += f->items[i].state == FINDING_DO;
    return n;
}

void findings_release(struct findings *f)
{
    for (size_t i = 0; i < f->n; i++) free(f->items[i].text);
    free(f->items);
    *f = (struct findings){0};
}

static void print_json(const struct findings *f)
{
    static const char *const states[] = {"ok", "note", "todo"};
    CLEANUP(buf_release) struct buf b = BUF_INIT(OUTPUT_MAX);
    buf_char(&b, '{');
    buf_json_member_bool(&b, "ok", findings_todo(f) == 0);
    buf_json_key(&b, "findings");
    buf_char(&b, '[');
    for (size_t i = 0; i < f->n; i++) {
        buf_str(&b, i ? ",{" : "{");
        buf_json_member(&b, "check", f->items[i].check);
        buf_json_member(&b, "state", states[f->items[i].state]);
        buf_json_member(&b, "text", f->items[i].text);
        buf_char(&b, '}');
    }
    buf_str(&b, "]}");
    (void)printf("%s\n", buf_cstr(&b));
}

void findings_print(const struct findings *f, bool json)
{
    const char *const words[] = {_("ok  "), _("note"), _("DO  ")};
    if (json) {
        print_json(f);
        return;
    }
    for (size_t i = 0; i < f->n; i++) (void)printf("%s  %s\n", words[f->items[i].state], f->items[i].text);
}

/* --- this machine --- */

static void check_clock(struct findings *f)
{
    char text[TIME_TEXT_LEN];
    int64_t now = clock_now().wall;
    struct timex t = {.modes = 0};
    (void)clock_format(now, false, text);
    if (now < clock_build_ms()) {
        finding_add(
            f, FINDING_DO, "clock",
            _("clock: %s is before this program was built: nothing is sent with a wrong clock; `timedatectl "
              "set-ntp true`, or set it by hand"),
            text);
        return;
    }
    bool synchronised = adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC);
    if (synchronised)
        finding_add(f, FINDING_OK, "clock", _("clock: %s, kept by a time service"), text);
    else
        finding_add(f, FINDING_NOTE, "clock",
                    _("clock: %s, and no time service seems to keep it: `timedatectl set-ntp true`, with the "
                      "hospital's "
                      "own time server"),
                    text);
}

static void check_disk(const struct relay_config *c, struct findings *f)
{
    enum { MIB = 1024 * 1024 };
    struct statvfs vfs;
    struct statfs fs;
    const char *dir = c->relay.state_dir;
    if (statvfs(dir, &vfs) != 0) return; /* check_files has said it */
    int64_t free_bytes = (int64_t)vfs.f_bavail * (int64_t)vfs.f_frsize, reserve = c->relay.reserve;
    enum finding_state state = free_bytes < reserve       ? FINDING_DO
                               : free_bytes < 4 * reserve ? FINDING_NOTE
                                                          : FINDING_OK;
    finding_add(f, state, "disk",
                state == FINDING_OK
                    ? _("disk: %lld MiB free at %s; intake stops below %lld MiB")
                    : _("disk: only %lld MiB free at %s; intake stops below %lld MiB (relay.reserve): make "
                        "room"),
                (long long)(free_bytes / MIB), dir, (long long)(reserve / MIB));
    if (statfs(dir, &fs) == 0 && ((int)fs.f_type == NFS_MAGIC || (int)fs.f_type == SMB2_MAGIC))
        finding_add(
            f, FINDING_DO, "disk",
            _("disk: %s is on a network: a database there is not safe; use a local disk (relay.state_dir)"),
            dir);
}

static void check_owner(const struct relay_config *c, struct findings *f)
{
    struct stat st;
    const struct passwd *service = getpwnam("tocsin");
    if (stat(c->relay.state_dir, &st) != 0 || !service) return;
    if (st.st_uid == service->pw_uid || geteuid() != 0) return;
    finding_add(f, FINDING_DO, "state_dir",
                _("state_dir: %s does not belong to the user tocsin: chown -R tocsin: %s"),
                c->relay.state_dir, c->relay.state_dir);
}

static void check_files(const struct relay_config *c, struct findings *f)
{
    struct opt_problems problems;
    if (config_check_files(c, &problems) == RELAY_OK)
        finding_add(f, FINDING_OK, "files", _("files: folders, secrets and their rights"));
    for (size_t i = 0; i < problems.n; i++) finding_add(f, FINDING_DO, "files", "%s", problems.items[i].text);
}

static void check_rules(const struct relay_config *c, struct findings *f)
{
    struct rule_set *set = NULL;
    struct rule_problems problems = {0};
    struct reason why = {""};
    size_t bad = 0;
    enum relay_err err = rulebook_load(c, &set, &problems, &why);
    for (size_t i = 0; i < problems.n; i++) bad += !problems.items[i].warning;
    if (err)
        finding_add(f, FINDING_DO, "rules", _("rules: %s"), why.text);
    else if (bad)
        finding_add(f, FINDING_DO, "rules", _("rules: %zu do not load: `tocsin check` names them"), bad);
    else
        finding_add(f, FINDING_OK, "rules", _("rules: %zu, hash %s"), rule_set_size(set), rule_set_hash(set));
    rule_problems_release(&problems);
    set = rule_set_free(set);
}

/* --- the relay --- */

/* Modes in force: a person may have switched a site since the file was written. */
static bool any_site_speaks(const struct client *client)
{
    struct reason why;
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    const struct site_config *sites = client->config->sites.items;
    bool speaks = false;
    if (client_get(client, "/v1/sites", NULL, &j, &why) == RELAY_OK) {
        const cJSON *site;
        cJSON_ArrayForEach(site, j) speaks |= strcmp(json_str_or(site, "mode", ""), "trial") != 0;
        return speaks;
    }
    for (size_t i = 0; i < client->config->sites.n; i++) speaks |= sites[i].mode != SITE_TRIAL;
    return speaks;
}

static void check_relay(const struct client *client, struct findings *f)
{
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    bool good = false;
    if (client_get(client, "/v1/status", NULL, &j, &why) != RELAY_OK)
        finding_add(f, FINDING_DO, "relay", _("relay: %s"), why.text);
    else if (json_bool(j, "ok", &good) != RELAY_OK || !good)
        finding_add(f, FINDING_DO, "relay", _("relay: it runs, and says: %s"),
                    json_str_or(j, "trouble", "?"));
    else
        finding_add(f, FINDING_OK, "relay", _("relay: it runs, version %s"), json_str_or(j, "version", "?"));

    const struct feed_config *feeds = client->config->feeds.items;
    for (size_t i = 0; i < client->config->feeds.n; i++)
        if (strcmp(feeds[i].id, INIT_DEMO_FEED) == 0 && feeds[i].mode == FEED_LIVE && any_site_speaks(client))
            finding_add(f, FINDING_DO, "feeds",
                        _("feeds: `%s` is for trial only, and a site is not in trial any more: take it out "
                          "of %s, and its "
                          "user out of the broker's acl"),
                        feeds[i].id, client->config->file);
    if (!client->config->feeds.n)
        finding_add(f, FINDING_DO, "feeds", _("feeds: there are none: nobody can send events"));
}

/* Screens are on other machines as a rule, and this one listens for itself alone. */
static void check_listeners(const struct relay_config *c, struct findings *f)
{
    const struct site_config *sites = c->sites.items;
    size_t wards = 0;
    bool outside = c->http.behind_proxy;
    for (size_t i = 0; i < c->sites.n; i++) wards += sites[i].wards.n;
    for (size_t i = 0; i < c->http.listen.n; i++) {
        char host[46];
        int port;
        if (address_listen(c->http.listen.items[i], host, &port) && !address_is_loopback(host))
            outside = true;
    }
    if (!wards) return;
    if (outside)
        finding_add(f, FINDING_OK, "screens", _("screens: %zu, served beyond this machine"), wards);
    else
        finding_add(f, FINDING_NOTE, "screens",
                    _("screens: there are %zu, and http.listen is this machine alone: screens elsewhere need "
                      "http.listen with tls, or a proxy with behind_proxy: true; `tocsin wards list` shows "
                      "their addresses"),
                    wards);
}

/* --- the verb --- */

struct arguments {
    const char *config;
    bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'c': a->config = arg; return 0;
    case 'j': a->json = true; return 0;
    case ARGP_KEY_ARG: argp_usage(state); return 0; /* does not return */
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cli_doctor(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"config", 'c', N_("FILE"), 0,
         N_("configuration (default: TOCSIN_CONFIG, else /etc/tocsin/tocsin.yaml)"), 0},
        {"json", 'j', NULL, 0, N_("print the findings as one JSON object"), 0},
        {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .doc = N_("Looks at everything that a warning passes on its way, one "
                                               "line each: what is well, or what to do. Sends "
                                               "no message to anybody. Ends with 1 when something needs "
                                               "doing. Run it as root or as the user tocsin, "
                                               "who may read the secrets."),
                                     .argp_domain = "tocsin"};
    struct arguments a = {0};
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0) return EXIT_USAGE;

    struct client client = {.config_path = a.config};
    struct opt_problems problems;
    struct findings f = {0};
    if (config_load(config_path(a.config), &client.config, &problems)) {
        for (size_t i = 0; i < problems.n; i++)
            finding_add(&f, FINDING_DO, "config", "%s", problems.items[i].text);
    } else {
        const struct relay_config *c = client.config;
        struct reason why;
        (void)!clock_set_zone(c->relay.timezone, &why); /* checked at load */
        i18n_init(config_language(c));
        finding_add(&f, FINDING_OK, "config", _("config: %s"), c->file);
        check_clock(&f);
        check_files(c, &f);
        check_owner(c, &f);
        check_disk(c, &f);
        check_rules(c, &f);
        check_relay(&client, &f);
        doctor_broker(c, true, &f);
        doctor_chats(c, true, &f);
        check_listeners(c, &f);
        doctor_firewall(c, &f);
    }
    findings_print(&f, a.json);
    size_t todo = findings_todo(&f);
    if (!a.json)
        (void)printf("\n%s\n", todo ? _("Something needs doing: see the lines that begin with DO.")
                                    : _("Nothing needs doing."));
    findings_release(&f);
    client.config = config_free(client.config);
    return todo ? EXIT_FAILED : EXIT_DONE;
}
