/* tocsin init: asks, or reads the answers, and writes every file. */
#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "areas.h"
#include "base/i18n.h"
#include "base/text.h"
#include "base/zone_class.h"
#include "cli/cli.h"
#include "cli/init.h"
#include "cli/verbs.h"
#include "config.h"
#include "io/address.h"
#include "io/http_client.h"

enum { TEXT_MAX = 1024 * 1024, LOGINS_MAX = 256 };

struct arguments {
    const char *dir, *answers;
    bool yes, dry, another;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'd': a->dir = arg; return 0;
    case 'a': a->answers = arg; return 0;
    case 'y': a->yes = true; return 0;
    case 'n': a->dry = true; return 0;
    case 'A': a->another = true; return 0;
    case ARGP_KEY_ARG: argp_usage(state); return 0; /* does not return */
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* --- asking --- */

/* One line without its end; NULL when there are no more. */
static char *read_line(void)
{
    char *line = NULL;
    size_t room = 0;
    (void)fflush(stdout); /* the question stands there */
    ssize_t n = getline(&line, &room, stdin);
    if (n < 0) {
        free(line);
        return NULL;
    }
    while (n && (line[n - 1] == '\n' || line[n - 1] == '\r' || line[n - 1] == ' ')) line[--n] = '\0';
    return line;
}

static char *read_unseen(void)
{
    struct termios before;
    bool seen = tcgetattr(STDIN_FILENO, &before) == 0;
    if (seen) {
        struct termios blind = before;
        blind.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &blind); /* else it is seen, as in any editor */
    }
    char *line = read_line();
    if (seen) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before); /* as it was */
        (void)putchar('\n');
    }
    return line;
}

struct interview {
    struct init_answers *a;
    bool over; /* standard input has ended */
};

/* The answer, or the default for an empty line; lives in the arena. */
static const char *ask(struct interview *i, const char *question, const char *deflt)
{
    if (deflt && *deflt)
        (void)printf("%s [%s]: ", question, deflt);
    else
        (void)printf("%s: ", question);
    CLEANUP(free_ptr) char *line = read_line();
    if (!line) i->over = true;
    if (!line || !*line) return deflt ? deflt : "";
    return arena_strdup(&i->a->arena, line);
}

/* Asks until it is a text that may stand in every file. */
static void ask_text(struct interview *i, const char *question, const char **value)
{
    struct reason why;
    while (!i->over) {
        const char *text = ask(i, question, *value);
        if (!*text) {
            (void)printf("  %s\n", _("This one is needed."));
            continue;
        }
        if (init_check_text(text, &why) == RELAY_OK) {
            *value = text;
            return;
        }
        (void)printf("  %s\n", why.text);
    }
}

static const char *joined(struct init_answers *a, const struct opt_strs *list)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
    for (size_t i = 0; i < list->n; i++) buf_printf(&b, "%s%s", i ? ", " : "", list->items[i]);
    return arena_strdup(&a->arena, buf_cstr(&b));
}

/* Asks until `find` takes the list; `-` empties it. */
static void ask_list(struct interview *i, const char *question, struct opt_strs *list,
                     enum relay_err (*find)(struct init_answers *a, struct init_plan *p, struct reason *why))
{
    struct reason why;
    while (!i->over) {
        struct init_plan p = {.a = i->a};
        const char *text = ask(i, question, joined(i->a, list));
        struct opt_strs before = *list;
        *list = init_split(&i->a->arena, strcmp(text, "-") == 0 ? "" : text);
        if (find(i->a, &p, &why) == RELAY_OK) return;
        *list = before;
        (void)printf("  %s\n", why.text);
    }
}

/* One of the words, by name or by its number. */
static void ask_choice(struct interview *i, const char *question, const char *const *names, int *value)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(1024);
    buf_str(&b, question);
    for (int n = 0; names[n]; n++) buf_printf(&b, "%s%s", n ? ", " : " (", names[n]);
    buf_char(&b, ')');
    while (!i->over) {
        const char *word = ask(i, buf_cstr(&b), names[*value]);
        for (int n = 0; names[n]; n++) {
            if (strcmp(names[n], word) != 0) continue;
            *value = n;
            return;
        }
        (void)printf("  %s\n", _("One of these words, please."));
    }
}

static void ask_district(struct interview *i)
{
    struct reason why;
    while (!i->over) {
        struct init_plan p = {.a = i->a};
        const char *before = i->a->district;
        i->a->district = ask(i, _("District, such as 雁塔区 (or its six-digit code)"), before);
        if (*i->a->district && init_find_area(i->a, &p, &why) == RELAY_OK) {
            (void)printf("  %s %s\n", p.area, p.area_name);
            return;
        }
        if (*i->a->district) (void)printf("  %s\n", why.text);
        i->a->district = before;
    }
}

static void ask_numbers(struct interview *i)
{
    struct init_speakers *s = &i->a->speakers;
    do {
        const char *line =
            ask(i,
                _("Numbers to call, one for each zone that speaks, in their order, or one for all; such as "
                  "sip:701@10.1.2.3"),
                joined(i->a, &s->uris));
        s->uris = init_split(&i->a->arena, line);
    } while (!i->over && !s->uris.n);
    s->user = ask(i, _("Name at the telephone system; Enter where it asks for none"), s->user);
    if (i->over || !*s->user) return;
    (void)printf("%s: ", _("Its password, typed unseen (Enter: keep the one that is there)"));
    CLEANUP(free_ptr) char *line = read_unseen();
    if (!line) i->over = true;
    if (!line || !*line) return;
    s->password = arena_strdup(&i->a->arena, line);
    explicit_bzero(line, strlen(line));
}

static void ask_zones(struct interview *i)
{
    (void)printf("\n%s\n", _("Loudspeaker zones, by what kind of place they are in:"));
    for (int n = 0; zone_class_names[n]; n++) {
        const char *name = zone_class_names[n];
        (void)printf("  %2d %-16s %s%s\n", n + 1, name, zone_class_zh(name),
                     zone_class_silent(name) ? _(" (always silent)") : "");
    }
    ask_list(i,
             _("Which, parted by commas; a name of your own may follow, such as `hall 二楼大厅`; - for none"),
             &i->a->zones, init_find_zones);
    if (!i->a->zones.n) {
        i->a->speakers.way = WAY_NONE;
        return;
    }
    if (i->a->speakers.way == WAY_NONE) i->a->speakers.way = WAY_RTP;
    ask_choice(i, _("Way to the loudspeakers"), init_ways, &i->a->speakers.way);
    if (i->a->speakers.way == WAY_RTP)
        ask_text(i, _("Address of the first zone's loudspeakers; the other zones follow it"),
                 &i->a->speakers.address);
    if (i->a->speakers.way == WAY_SIP) ask_numbers(i);
    if (i->a->speakers.way == WAY_ALSA)
        ask_text(i, _("Sound card, as `aplay -L` lists it"), &i->a->speakers.device);
    if (i->a->speakers.way == WAY_FILE) {
        if (!i->a->speakers.dir)
            i->a->speakers.dir = arena_printf(&i->a->arena, "%s/drop", i->a->pa_state_dir);
        ask_text(i, _("Folder from which the house's PA program takes WAV files"), &i->a->speakers.dir);
    }
    if (i->a->speakers.way == WAY_COMMAND) {
        const char *line = joined(i->a, &i->a->speakers.run);
        line = ask(i, _("Program and arguments, parted by commas; {wav} is the file"), line);
        i->a->speakers.run = init_split(&i->a->arena, line);
    }
}

/* DingTalk and Feishu sign what a bot says, if its owner chose that. */
static void ask_duty_secret(struct interview *i)
{
    if (i->a->duty.type == DUTY_WECOM) return;
    (void)printf(
        "%s: ",
        _("Secret of its signature guard, typed unseen (Enter: it has none, or keep the one that is there)"));
    CLEANUP(free_ptr) char *line = read_unseen();
    if (!line) i->over = true;
    if (!line || !*line) return;
    i->a->duty.secret = arena_strdup(&i->a->arena, line);
    explicit_bzero(line, strlen(line));
}

static void ask_duty(struct interview *i, bool there)
{
    struct reason why;
    (void)printf("\n");
    ask_choice(i, _("Whose group the duty group is"), init_duty_types, &i->a->duty.type);
    while (!i->over) {
        (void)printf("%s: ", there ? _("Address of its bot, typed unseen (Enter: keep the one that is there)")
                                   : _("Address of its bot, typed unseen (Enter: no duty group yet)"));
        CLEANUP(free_ptr) char *line = read_unseen();
        if (!line) i->over = true;
        if (!line || !*line) return;
        if (http_url_check(line, i->a->duty.allow_insecure, &why) == RELAY_OK) {
            i->a->duty.url = arena_strdup(&i->a->arena, line);
            explicit_bzero(line, strlen(line));
            ask_duty_secret(i);
            return;
        }
        (void)printf("  %s\n", why.text);
    }
}

static void ask_broker(struct interview *i)
{
    ask_text(i, _("The broker's name or address, as that hospital's machine reaches it"), &i->a->broker.host);
}

static bool interview(struct init_answers *a, bool another, bool duty_there)
{
    struct interview i = {.a = a};
    (void)printf(
        "%s\n\n",
        _("An empty line takes what stands in brackets. Nothing is written before the last question."));
    ask_text(&i, _("Hospital, as people call it"), &a->hospital);
    ask_district(&i);
    struct init_plan p = {.a = a};
    struct reason why;
    if (!i.over && init_find_area(a, &p, &why) == RELAY_OK && !a->site)
        a->site = arena_printf(&a->arena, "site-%s", p.area);
    while (!i.over) {
        ask_text(&i, _("Its id in addresses and topics: small letters, digits and -"), &a->site);
        if (text_is_id(a->site)) break;
        (void)printf("  %s\n", _("Small letters, digits and -, at most 32, please."));
        a->site = NULL;
    }
    ask_text(&i, _("Issuer: who speaks, such as 雁塔公安·交大一附院"), &a->issuer);
    ask_text(&i, _("Help point: where a person close by can be asked, such as 门诊一楼警务室"), &a->help);
    ask_zones(&i);
    (void)printf("\n");
    ask_list(&i, _("Screens of wards and halls by name, parted by commas; - for none"), &a->wards,
             init_find_wards);
    if (another) {
        if (a->zones.n) ask_broker(&i);
        goto out;
    }
    ask_list(
        &i,
        _("Banks and carriers that will send, such as `sn-cmcc carrier`, parted by commas; - for none yet"),
        &a->feeds, init_find_feeds);
    ask_duty(&i, duty_there);
    ask_choice(&i, _("Persons who must agree before an orange warning is spoken or posted"), init_approvals,
               &a->approve);
out:
    if (i.over)
        (void)fprintf(stderr, "\n%s\n", _("The input ended before the last answer: nothing was written."));
    return !i.over;
}

/* --- writing --- */

typedef void text_fn(const struct init_plan *p, struct buf *out);

static void put(struct init_writer *w, const struct init_plan *p, const char *name, text_fn *make)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(TEXT_MAX);
    make(p, &b);
    init_put(w, name, &b, 0644, NULL);
}

/* One that was typed stays; else the named file's. */
static bool read_secret(struct init_answers *a, const char *path, const char *where, const char **secret)
{
    struct reason why;
    char *text;
    if (*secret || !path) return true;
    if (secret_read(path, &text, &why)) {
        (void)fprintf(stderr, "%s: %s\n", where, why.text);
        return false;
    }
    *secret = arena_strdup(&a->arena, text);
    secret_free(text);
    return true;
}

/* The duty group's address and secret and the telephone system's password: given, or in files that were named. */
static bool read_secrets(struct init_answers *a)
{
    struct reason why;
    if (!read_secret(a, a->duty.url_file, "duty: url_file", &a->duty.url) ||
        !read_secret(a, a->duty.secret_file, "duty: secret_file", &a->duty.secret) ||
        !read_secret(a, a->speakers.password_file, "loudspeakers: password_file", &a->speakers.password))
        return false;
    if (!a->duty.url || http_url_check(a->duty.url, a->duty.allow_insecure, &why) == RELAY_OK) return true;
    (void)fprintf(stderr, "duty: %s\n", why.text);
    return false;
}

static void write_all(struct init_writer *w, const struct init_plan *p)
{
    static const char owner[] = "tocsin";
    CLEANUP(free_ptr) char *feeds = xasprintf("%s/feeds", w->dir);
    CLEANUP(free_ptr) char *broker = xasprintf("%s/mosquitto", w->dir);
    struct init_login logins[LOGINS_MAX];
    size_t n = 0;
    init_folder(w, w->dir, 0755, NULL);
    init_folder(w, feeds, 0755, NULL);
    init_folder(w, broker, 0755, NULL);
    init_folder(w, p->a->state_dir, 0750, owner);
    if (p->player) init_folder(w, p->a->pa_state_dir, 0750, owner);
    if (w->failed) return;

    put(w, p, "tocsin.yaml", init_relay_yaml);
    if (p->player) put(w, p, "pa.yaml", init_pa_yaml);
    if (p->duty) secret_free(init_secret(w, "duty.url", p->a->duty.url, owner));
    if (p->duty_signs) secret_free(init_secret(w, "duty.secret", p->a->duty.secret, owner));
    logins[n++] = (struct init_login){"relay", init_secret(w, "mqtt.password", NULL, owner)};
    CLEANUP(free_ptr) char *player = xasprintf("pa-%s", p->site);
    if (p->player) logins[n++] = (struct init_login){player, init_secret(w, "pa.password", NULL, owner)};
    CLEANUP(free_ptr) char *screens = xasprintf("screens-%s", p->site);
    if (p->n_wards)
        logins[n++] = (struct init_login){screens, init_secret(w, "screens.password", NULL, NULL)};
    size_t borrowed = n;
    for (size_t i = 0; i < p->n_feeds && n < LOGINS_MAX; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("feeds/%s.password", p->feeds[i].id);
        logins[n++] =
            (struct init_login){xasprintf("feed-%s", p->feeds[i].id), init_secret(w, name, NULL, NULL)};
    }
    if (p->player && p->a->speakers.way == WAY_SIP && p->a->speakers.user && *p->a->speakers.user)
        secret_free(init_secret(w, "sip.password", p->a->speakers.password, owner));
    CLEANUP(buf_release) struct buf conf = BUF_INIT(TEXT_MAX);
    init_broker_conf(p, w->dir, &conf);
    init_put(w, "mosquitto/tocsin.conf", &conf, 0644, NULL);
    CLEANUP(buf_release) struct buf acl = BUF_INIT(TEXT_MAX);
    init_broker_acl(p, &acl);
    init_keep_users(w, "mosquitto/acl", &acl);
    init_put(w, "mosquitto/acl", &acl, 0644, NULL);
    init_logins(w, "mosquitto/passwords", logins, n);

    CLEANUP(buf_release) struct buf kept = BUF_INIT(TEXT_MAX);
    struct init_writer own = *w; /* init's own notes: nothing that a person edits */
    init_save(p->a, &kept);
    own.yes = true;
    if (!w->dry) init_put(&own, "init.yaml", &kept, 0644, NULL);
    w->failed |= own.failed;
    for (size_t i = 0; i < n; i++) {
        secret_free(logins[i].password);
        if (i >= borrowed) free((char *)(uintptr_t)logins[i].user);
    }
}

/* Another hospital of a relay that is set up. Its machine gets a folder of its own, to be copied there as /etc/tocsin. */
static void write_another(struct init_writer *w, const struct init_plan *p)
{
    CLEANUP(free_ptr) char *sites = xasprintf("%s/sites.d", w->dir);
    CLEANUP(free_ptr) char *theirs = xasprintf("%s/%s", w->dir, p->site);
    CLEANUP(free_ptr) char *file = xasprintf("sites.d/%s.yaml", p->site);
    CLEANUP(free_ptr) char *user = xasprintf("pa-%s", p->site);
    CLEANUP(free_ptr) char *old = init_read(w, "mosquitto/acl");
    CLEANUP(free_ptr) char *screens = xasprintf("screens-%s", p->site);
    struct init_login logins[2];
    size_t n = 0;
    init_folder(w, sites, 0755, NULL);
    init_folder(w, theirs, 0755, NULL);
    if (w->failed) return;
    put(w, p, file, init_site_yaml);
    if (p->player) {
        CLEANUP(free_ptr) char *yaml = xasprintf("%s/pa.yaml", p->site);
        CLEANUP(free_ptr) char *name = xasprintf("%s/pa.password", p->site);
        CLEANUP(free_ptr) char *sip = xasprintf("%s/sip.password", p->site);
        put(w, p, yaml, init_pa_yaml);
        logins[n++] = (struct init_login){user, init_secret(w, name, NULL, NULL)};
        if (p->a->speakers.way == WAY_SIP && p->a->speakers.user && *p->a->speakers.user)
            free(init_secret(w, sip, p->a->speakers.password, NULL));
    }
    if (p->n_wards) {
        CLEANUP(free_ptr) char *name = xasprintf("%s/screens.password", p->site);
        logins[n++] = (struct init_login){screens, init_secret(w, name, NULL, NULL)};
    }
    init_logins(w, "mosquitto/passwords", logins, n);
    for (size_t i = 0; i < n; i++) secret_free(logins[i].password);
    CLEANUP(buf_release) struct buf acl = BUF_INIT(TEXT_MAX);
    CLEANUP(free_ptr) char *mark = xasprintf("\nuser pa-%s\n", p->site);
    if (old) buf_str(&acl, old);
    if (!old || !strstr(old, mark)) init_site_acl(p, &acl);
    struct init_writer own = *w; /* lines are only added */
    own.yes = true;
    init_put(&own, "mosquitto/acl", &acl, 0644, NULL);
    w->failed |= own.failed;
}

static void print_next_another(const struct init_writer *w, const struct init_plan *p)
{
    (void)printf("\n%s\n  systemctl reload mosquitto tocsin\n", _("Next:"));
    if (!p->player) return;
    (void)printf(
        _("  copy %s/%s to that hospital's machine as /etc/tocsin (chown tocsin: *.password), then there: "
          "systemctl enable --now tocsin-pa\n"),
        w->dir, p->site);
    if (address_is_loopback(p->a->broker.host))
        (void)printf("  %s\n", _("the broker listens for this machine alone: give it a listener with TLS in "
                                 "mosquitto/tocsin.conf, and its address in that pa.yaml"));
}

/* The relay is set up, and has no such hospital in another file. */
static bool may_add(const struct init_writer *w, const struct init_plan *p)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/tocsin.yaml", w->dir);
    CLEANUP(free_ptr) char *file = xasprintf("%s/sites.d/%s.yaml", w->dir, p->site);
    struct relay_config *c = NULL;
    struct opt_problems problems;
    if (config_load(path, &c, &problems)) {
        opt_problems_print(&problems);
        return false;
    }
    const struct site_config *sites = c->sites.items;
    bool taken = false;
    for (size_t i = 0; i < c->sites.n; i++) taken |= strcmp(sites[i].id, p->site) == 0;
    c = config_free(c);
    if (!taken || access(file, F_OK) == 0) return true;
    (void)fprintf(stderr, _("%s: there is a hospital `%s` already: choose another id\n"), path, p->site);
    return false;
}

static void print_next(const struct init_writer *w, const struct init_plan *p)
{
    bool usual = strcmp(w->dir, "/etc/tocsin") == 0;
    CLEANUP(free_ptr) char *which = usual ? xstrdup("") : xasprintf(" -c %s/tocsin.yaml", w->dir);
    (void)printf("\n%s\n", _("Next:"));
    (void)printf("  ln -s %s/mosquitto/tocsin.conf /etc/mosquitto/conf.d/ && systemctl restart mosquitto\n",
                 w->dir);
    (void)printf("  systemctl enable --now tocsin%s\n", p->player ? " tocsin-pa" : "");
    (void)printf("  tocsin doctor%s\n", which);
    if (p->duty)
        (void)printf("  tocsin target test %s:" INIT_DUTY_CHAT "%s\n", init_duty_types[p->a->duty.type],
                     which);
    if (p->player)
        (void)printf("  tocsin-pa clips list --missing%s%s%s\n", usual ? "" : " -c ", usual ? "" : w->dir,
                     usual ? "" : "/pa.yaml");
    (void)printf(
        "  tocsin feed sample --area %s | tocsin feed push --feed demo --username feed-demo --password-file "
        "%s/feeds/demo.password --port %lld\n",
        p->area, w->dir, (long long)p->a->broker.port);
    if (!p->duty)
        (void)printf("\n%s\n", _("There is no duty group yet: in trial nobody will hear anything. Run this "
                                 "again with its bot."));
}

static void wipe(const char *secret)
{
    if (secret) explicit_bzero((char *)(uintptr_t)secret, strlen(secret));
}

int cli_init(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"dir", 'd', N_("DIR"), 0, N_("where the files go (default /etc/tocsin)"), 0},
        {"answers", 'a', N_("FILE"), 0, N_("answers instead of questions; YAML, its keys are listed below"),
         0},
        {"yes", 'y', NULL, 0, N_("replace files that differ without asking"), 0},
        {"another", 'A', NULL, 0,
         N_("another hospital of this relay: a file in sites.d, and a folder for its machine"), 0},
        {"dry-run", 'n', NULL, 0, N_("show what would be written, write nothing"), 0},
        {0}};
    CLEANUP(buf_release) struct buf doc = BUF_INIT(TEXT_MAX);
    buf_printf(&doc, "%s\v%s\n",
               _("Asks a few questions and writes the configuration of relay and player, and the broker's "
                 "access list and passwords. May be run again: it keeps what is there and shows what would "
                 "change."),
               _("Keys of an answers file:"));
    options_manual(init_rows, 2, &doc);
    const struct argp argp = {
        .options = options, .parser = parse, .doc = buf_cstr(&doc), .argp_domain = "tocsin"};
    struct arguments arguments = {.dir = "/etc/tocsin"};
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) return EXIT_USAGE;

    CLEANUP(free_ptr) char *whole = realpath(arguments.dir, NULL);
    if (!whole && arguments.dir[0] != '/') { /* not there yet: the broker's files need the whole path */
        CLEANUP(free_ptr) char *here = realpath(".", NULL);
        whole = xasprintf("%s/%s", here ? here : "", arguments.dir);
    }
    struct init_writer w = {.dir = whole ? whole : arguments.dir,
                            .yes = arguments.yes,
                            .ask = !arguments.answers,
                            .dry = arguments.dry,
                            .answer = read_line};
    CLEANUP(free_ptr) char *before = xasprintf("%s/init.yaml", w.dir);
    CLEANUP(free_ptr) char *url = xasprintf("%s/duty.url", w.dir);
    struct init_answers a = {.arena = {0}};
    struct init_plan p;
    struct reason why;
    CLEANUP(free_ptr) char *secret = xasprintf("%s/duty.secret", w.dir);
    bool there = access(url, F_OK) == 0;
    int code = EXIT_FAILED;
    if (arguments.answers) {
        if (!init_load(&a, arguments.answers, true)) goto out;
    } else {
        init_defaults(&a);
        if (access(before, R_OK) == 0 && !init_load(&a, before, false)) goto out;
        if (arguments.another) { /* the paths and the broker are the same, the hospital is not */
            a.hospital = a.site = a.district = a.help = a.speakers.user = NULL;
            a.zones = a.wards = a.feeds = a.speakers.uris = (struct opt_strs){0};
        }
        if (!interview(&a, arguments.another, there)) goto out;
    }
    if (!read_secrets(&a)) goto out;
    if (init_plan(&a, &p, &why)) {
        (void)fprintf(stderr, "%s%s%s\n", arguments.answers ? arguments.answers : "",
                      arguments.answers ? ": " : "", why.text);
        goto out;
    }
    p.duty = there || a.duty.url;
    p.duty_signs = p.duty && a.duty.type != DUTY_WECOM && (a.duty.secret || access(secret, F_OK) == 0);
    (void)printf("\n");
    if (arguments.another) {
        if (!may_add(&w, &p)) goto out;
        write_another(&w, &p);
    } else {
        write_all(&w, &p);
    }
    if (!w.failed && !w.dry) arguments.another ? print_next_another(&w, &p) : print_next(&w, &p);
    if (w.kept) (void)printf("\n%s\n", _("Files that differ were left as they are; --yes replaces them."));
    if (!w.failed && !w.kept) code = EXIT_DONE;
out:
    wipe(a.duty.url);
    wipe(a.duty.secret);
    wipe(a.speakers.password);
    arena_release(&a.arena);
    return code;
}
