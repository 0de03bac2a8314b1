/* tocsin status, alerts, deliveries, target, reload: what people look at and do. */
#include "adapters/draw/card.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/actions.h"
#include "cli/card.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "feedback.h"

/* -- offline readers ---------------------------------------------------------------------------------------------- */

static enum relay_err read_alerts(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                  struct reason *why)
{
    (void)id;
    return c->review ? list_review(db, &c->filter, ret, why) : list_alerts(db, &c->filter, ret, why);
}

static enum relay_err read_alert(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                 struct reason *why)
{
    (void)c;
    return list_alert(db, id, ret, why);
}

static enum relay_err read_feedback(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                    struct reason *why)
{
    (void)id;
    return feedback_json(db, c->filter.now, ret, why);
}

static enum relay_err read_deliveries(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                      struct reason *why)
{
    (void)id;
    return list_deliveries(db, &c->filter, ret, why);
}

static enum relay_err read_delivery(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                    struct reason *why)
{
    (void)c;
    return list_delivery(db, id, ret, NULL, why);
}

/* -- status ------------------------------------------------------------------------------------------------------- */

/* Only what somebody must know of: a player that is gone, a hold, mutes, an unknown clock or year. */
static void print_player(const cJSON *p)
{
    char room[24];
    bool up = true;
    int64_t missing = 0;
    const char *site = json_str_or(p, "site", "?"), *hold = json_str_or(p, "hold", "");
    (void)!json_bool(p, "up", &up); /* our own answer has it */
    (void)!json_int(p, "holidays_missing", &missing);
    if (!up)
        (void)printf(_("loudspeakers of %s: the player is gone since %s\n"), site,
                     client_time(p, "at", room));
    if (*hold)
        (void)printf(_("loudspeakers of %s: silent for %s (%s)\n"), site, hold,
                     json_str_or(p, "hold_by", ""));
    if (strcmp(json_str_or(p, "clock", ""), "trusted") != 0)
        (void)printf(_("loudspeakers of %s: silent, the player's clock is not trusted\n"), site);
    if (missing)
        (void)printf(_("loudspeakers of %s: no holiday data for %lld; see player.holidays there\n"), site,
                     (long long)missing);
    const cJSON *m;
    cJSON_ArrayForEach(m, cJSON_GetObjectItemCaseSensitive(p, "mutes"))
    {
        (void)printf(_("loudspeakers of %s: %s muted until %s by %s %s\n"), site, json_str_or(m, "name", "?"),
                     client_time(m, "until", room), json_str_or(m, "by", "?"), json_str_or(m, "reason", ""));
    }
}

static void print_status(const cJSON *j)
{
    char room[24];
    bool ok = false;
    (void)!json_bool(j, "ok", &ok); /* absent counts as not well */
    (void)printf("%s  %s %s  %s\n", json_str_or(j, "relay", "?"), _("version"),
                 json_str_or(j, "version", "?"), ok ? _("all is well") : json_str_or(j, "trouble", "?"));
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(j, "alerts_in_force");
    const cJSON *rules = cJSON_GetObjectItemCaseSensitive(j, "rules");
    (void)printf("%s %s   %s %d (%s)   %s %d\n\n", _("since"), client_time(j, "started", room), _("rules"),
                 rules ? rules->valueint : 0, json_str_or(j, "rule_set", ""), _("alerts in force"),
                 n ? n->valueint : 0);
    const char *refused = json_str_or(j, "reload_refused", NULL);
    if (refused)
        (void)printf(_("the last reload was refused, the rules and configuration before it stay: %s\n\n"),
                     refused);
    static const struct column feeds[] = {
        {"id", N_("FEED")},           {"mode", N_("MODE")},         {"up", N_("UP")},
        {"heard", N_("HEARD")},       {"accepted", N_("ACCEPTED")}, {"duplicate", N_("DUPLICATE")},
        {"rejected", N_("REJECTED")}, {"missing", N_("MISSING")},   {"why", N_("WHY")}};
    client_print_table(cJSON_GetObjectItemCaseSensitive(j, "feeds"), feeds, ARRAY_LEN(feeds));
    (void)putchar('\n');
    static const struct column targets[] = {
        {"id", N_("TARGET")}, {"name", N_("NAME")}, {"state", N_("STATE")}, {"why", N_("WHY")}};
    client_print_table(cJSON_GetObjectItemCaseSensitive(j, "targets"), targets, ARRAY_LEN(targets));
    const cJSON *player, *drill = cJSON_GetObjectItemCaseSensitive(j, "drill");
    cJSON_ArrayForEach(player, cJSON_GetObjectItemCaseSensitive(j, "players"))
    {
        print_player(player);
    }
    if (drill)
        (void)printf("\n%s %s: %s\n", _("drill until"), client_time(drill, "expires", room),
                     json_str_or(drill, "by", "?"));
    const cJSON *rule;
    cJSON_ArrayForEach(rule, cJSON_GetObjectItemCaseSensitive(j, "demote"))
    {
        const cJSON *wrong = cJSON_GetObjectItemCaseSensitive(rule, "false_alarms");
        (void)printf("\n");
        (void)printf(_("rule %s: %d false alarms in thirty days; set its status to test, or mend it"),
                     json_str_or(rule, "rule", "?"), wrong ? wrong->valueint : 0);
        (void)putchar('\n');
    }
    const cJSON *silence;
    cJSON_ArrayForEach(silence, cJSON_GetObjectItemCaseSensitive(j, "silences"))
    {
        bool broad = false;
        (void)!json_bool(silence, "broad", &broad);
        (void)printf("\n%s %s%s: %s, %s (%s)\n", _("silence until"), client_time(silence, "expires", room),
                     broad ? _(", broad") : "", json_str_or(silence, "matchers", "?"),
                     json_str_or(silence, "by", "?"), json_str_or(silence, "reason", ""));
    }
}

int cli_status(int argc, char **argv)
{
    struct client c;
    const char *usage =
        _("Usage: tocsin status [--json] [-c FILE]\nHow the relay is: broker, feeds, targets.\n");
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (client_more_words(&c, usage))
        code = EXIT_USAGE;
    else if (client_get(&c, "/v1/status", NULL, &j, &why) != RELAY_OK)
        code = client_failed(&why);
    else {
        bool ok = false;
        (void)!json_bool(j, "ok", &ok);
        if (c.json)
            client_print_json(j);
        else
            print_status(j);
        code = ok ? EXIT_DONE : EXIT_FAILED;
    }
    client_close(&c);
    return code;
}

/* -- alerts ------------------------------------------------------------------------------------------------------- */

static const struct column delivery_columns[] = {
    {"short", N_("SHORT")},     {"target", N_("TARGET")}, {"state", N_("STATE")}, {"attempt", N_("ATTEMPT")},
    {"created", N_("CREATED")}, {"sent", N_("SENT")},     {"ended", N_("ENDED")}, {"alert", N_("ALERT")},
    {"rev", N_("REV")},         {"reason", N_("REASON")}};

enum { EVENTS_SHOWN = 5, DELIVERIES_SHOWN = 16 };

/* "accepted 18:34:05   sent +0.3 s   played +14.2 s   acknowledged +65.0 s (王队)" */
static void print_times(const cJSON *j)
{
    static const struct {
        const char *member, *title;
    } steps[] = {{"received", N_("first event")},
                 {"accepted", N_("accepted")},
                 {"sent", N_("sent")},
                 {"displayed", N_("displayed")},
                 {"played", N_("played")},
                 {"acknowledged", N_("seen by a person")}};
    const cJSON *t = cJSON_GetObjectItemCaseSensitive(j, "times");
    char room[24];
    int64_t accepted, at;
    if (json_time(t, "accepted", &accepted) != RELAY_OK) return;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        (void)printf("%s%s ", i ? "   " : "", _(steps[i].title));
        if (json_time(t, steps[i].member, &at) != RELAY_OK)
            (void)printf("-");
        else if (i < 2)
            (void)printf("%s", client_time(t, steps[i].member, room));
        else
            (void)printf("+%.1f s", (double)(at - accepted) / 1000);
    }
    const char *who = json_str_or(j, "acknowledged_by", NULL);
    (void)printf(who ? " (%s)\n" : "\n", who);
}

/* The first `most` rows as a table, and how many more there are. */
static void print_some(const cJSON *rows, const struct column *columns, size_t n, int most)
{
    int all = cJSON_GetArraySize(rows);
    CLEANUP(json_free_ptr) cJSON *some = cJSON_CreateArray();
    for (int i = 0; i < all && i < most; i++)
        (void)!cJSON_AddItemReferenceToArray(some, cJSON_GetArrayItem(rows, i));
    if (!all) return;
    (void)putchar('\n');
    client_print_table(some, columns, n);
    if (all > most) (void)printf(_("… and %d more: --json lists them\n"), all - most);
}

/* So many deliveries that only their numbers fit: one line a kind of target, revision and state. */
static void print_delivery_counts(const cJSON *rows)
{
    static const struct column columns[] = {
        {"kind", N_("TARGETS")}, {"rev", N_("REV")},     {"state", N_("STATE")},  {"n", N_("DELIVERIES")},
        {"sent", N_("SENT")},    {"ended", N_("ENDED")}, {"reason", N_("REASON")}};
    CLEANUP(json_free_ptr) cJSON *groups = cJSON_CreateArray();
    const cJSON *row;
    cJSON_ArrayForEach(row, rows)
    {
        const char *target = json_str_or(row, "target", "");
        CLEANUP(free_ptr) char *kind = xstrndup(target, strcspn(target, ":"));
        const cJSON *rev = cJSON_GetObjectItemCaseSensitive(row, "rev");
        cJSON *g, *found = NULL;
        cJSON_ArrayForEach(g, groups)
        {
            const cJSON *other = cJSON_GetObjectItemCaseSensitive(g, "rev");
            if (strcmp(json_str_or(g, "kind", ""), kind) == 0 && other && rev &&
                other->valueint == rev->valueint &&
                strcmp(json_str_or(g, "state", ""), json_str_or(row, "state", "")) == 0)
                found = g;
        }
        if (!found) {
            found = cJSON_CreateObject();
            (void)!cJSON_AddStringToObject(found, "kind", kind);
            (void)!cJSON_AddNumberToObject(found, "rev", rev ? rev->valueint : 0);
            (void)!cJSON_AddStringToObject(found, "state", json_str_or(row, "state", ""));
            (void)!cJSON_AddNumberToObject(found, "n", 0);
            for (size_t i = 4; i < ARRAY_LEN(columns); i++) { /* of the first of them */
                const char *text = json_str_or(row, columns[i].member, NULL);
                if (text) (void)!cJSON_AddStringToObject(found, columns[i].member, text);
            }
            (void)!cJSON_AddItemToArray(groups, found);
        }
        cJSON *n = cJSON_GetObjectItemCaseSensitive(found, "n");
        if (n) cJSON_SetNumberValue(n, n->valuedouble + 1);
    }
    (void)putchar('\n');
    client_print_table(groups, columns, ARRAY_LEN(columns));
}

/* The story of an alert on one screen, from events to loudspeaker. */
static void print_alert(const cJSON *j)
{
    char from[24], to[24];
    (void)printf("%s  %s\n", json_str_or(j, "id", "?"), json_str_or(j, "title", ""));
    (void)printf("%s %s, %s, %s; %s %s; %s %s – %s\n", _("level"), json_str_or(j, "level", ""),
                 json_str_or(j, "certainty", ""), json_str_or(j, "status", ""), _("areas"),
                 json_str_or(j, "areas", ""), _("in force"), client_time(j, "created", from),
                 client_time(j, "expires", to));
    if (json_str_or(j, "end_note", NULL))
        (void)printf("%s: %s\n", _("ended"), json_str_or(j, "end_note", ""));
    print_times(j);
    static const struct column events[] = {
        {"received", N_("RECEIVED")}, {"feed", N_("FEED")},   {"event_id", N_("EVENT")}, {"area", N_("AREA")},
        {"count", N_("COUNT")},       {"rules", N_("RULES")}, {"note", N_("WHY")}};
    static const struct column revisions[] = {
        {"rev", N_("REV")},   {"msgType", N_("TYPE")}, {"level", N_("LEVEL")}, {"certainty", N_("CERTAINTY")},
        {"sent", N_("SENT")}, {"areas", N_("AREAS")},  {"count", N_("COUNT")}, {"note", N_("WHY")}};
    static const struct column sent[] = {
        {"short", N_("SHORT")}, {"target", N_("TARGET")}, {"rev", N_("REV")},      {"state", N_("STATE")},
        {"sent", N_("SENT")},   {"ended", N_("ENDED")},   {"reason", N_("REASON")}};
    static const struct column steps[] = {
        {"step", N_("STEP")}, {"after", N_("AFTER")}, {"chats", N_("CHATS")}, {"due", N_("DUE")},
        {"done", N_("DONE")}, {"rev", N_("REV")},     {"note", N_("WHY")}};
    static const struct column actions[] = {{"at", N_("AT")},         {"verb", N_("ACTION")},
                                            {"by", N_("BY")},         {"object", N_("OBJECT")},
                                            {"detail", N_("DETAIL")}, {"reason", N_("REASON")}};
    const cJSON *deliveries = cJSON_GetObjectItemCaseSensitive(j, "deliveries");
    print_some(cJSON_GetObjectItemCaseSensitive(j, "events"), events, ARRAY_LEN(events), EVENTS_SHOWN);
    print_some(cJSON_GetObjectItemCaseSensitive(j, "revisions"), revisions, ARRAY_LEN(revisions),
               DELIVERIES_SHOWN);
    if (cJSON_GetArraySize(deliveries) > DELIVERIES_SHOWN)
        print_delivery_counts(deliveries);
    else
        print_some(deliveries, sent, ARRAY_LEN(sent), DELIVERIES_SHOWN);
    print_some(cJSON_GetObjectItemCaseSensitive(j, "escalation"), steps, ARRAY_LEN(steps), DELIVERIES_SHOWN);
    print_some(cJSON_GetObjectItemCaseSensitive(j, "actions"), actions, ARRAY_LEN(actions), DELIVERIES_SHOWN);
}

static void print_alerts(const cJSON *j)
{
    static const struct column columns[] = {{"created", N_("CREATED")}, {"id", N_("ALERT")},
                                            {"level", N_("LEVEL")},     {"certainty", N_("CERTAINTY")},
                                            {"status", N_("STATUS")},   {"count", N_("COUNT")},
                                            {"areas", N_("AREAS")},     {"expires", N_("EXPIRES")},
                                            {"end_note", N_("ENDED")},  {"title", N_("TITLE")}};
    client_print_table(j, columns, ARRAY_LEN(columns));
}

static void print_review(const cJSON *j)
{
    static const struct column columns[] = {
        {"event", N_("EVENT")}, {"alert", N_("ALERT")}, {"received", N_("RECEIVED")},
        {"feed", N_("FEED")},   {"note", N_("WHY")},    {"area", N_("AREA")},
        {"count", N_("COUNT")}, {"rules", N_("RULES")}, {"event_id", N_("EVENT ID")}};
    client_print_table(j, columns, ARRAY_LEN(columns));
}

static void print_feedback(const cJSON *j)
{
    static const struct column rules[] = {{"rule", N_("RULE")},
                                          {"seen", N_("SEEN HERE TOO")},
                                          {"false_alarm", N_("FALSE ALARM")},
                                          {"acknowledged", N_("ACKNOWLEDGED")},
                                          {"deterred", N_("DETERRED")},
                                          {"demote", N_("TO DEMOTE")},
                                          {"title", N_("TITLE")}};
    static const struct column groups[] = {{"rule", N_("RULE")},
                                           {"target", N_("TARGET")},
                                           {"seen", N_("SEEN HERE TOO")},
                                           {"false_alarm", N_("FALSE ALARM")},
                                           {"acknowledged", N_("ACKNOWLEDGED")},
                                           {"deterred", N_("DETERRED")}};
    client_print_table(cJSON_GetObjectItemCaseSensitive(j, "rules"), rules, ARRAY_LEN(rules));
    (void)putchar('\n');
    client_print_table(cJSON_GetObjectItemCaseSensitive(j, "groups"), groups, ARRAY_LEN(groups));
}

static void print_deliveries(const cJSON *j)
{
    client_print_table(j, delivery_columns, ARRAY_LEN(delivery_columns));
}

static void print_delivery(const cJSON *j)
{
    static const char *const members[] = {"id",      "short", "state",    "reason", "level", "attempt",
                                          "created", "sent",  "accepted", "ended",  "due",   "expires"};
    char room[24];
    int64_t at;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const char *text = json_str_or(j, members[i], NULL);
        if (!text || !*text) continue;
        (void)printf("%-9s %s\n", members[i],
                     clock_parse(text, &at) == RELAY_OK ? client_time(j, members[i], room) : text);
    }
    const cJSON *text;
    cJSON_ArrayForEach(text, cJSON_GetObjectItemCaseSensitive(j, "texts"))
    {
        if (cJSON_IsString(text)) (void)printf("\n[%s]\n%s\n", text->string, text->valuestring);
    }
}

/* What waits for a person is another list with other columns. */
static int list_or_review(const struct client *c, const struct action *a, const char *id)
{
    const struct action review = {.path = a->path, .offline = a->offline, .print = print_review};
    return action_show(c, c->review ? &review : a, id);
}

int cli_alerts(int argc, char **argv)
{
    static const struct action actions[] = {
        {.name = "list",
         .path = "/v1/alerts",
         .offline = read_alerts,
         .print = print_alerts,
         .run = list_or_review},
        {.name = "show", .n_args = 1, .path = "/v1/alert", .offline = read_alert, .print = print_alert},
        {.name = "cancel",
         .n_args = 1,
         .path = "/v1/alerts/cancel",
         .done = N_("cancelled: the correction goes to everybody who had the alert")},
        {.name = "confirm",
         .n_args = 1,
         .path = "/v1/alerts/confirm",
         .done = N_("confirmed: it is Observed, in your name")},
        {.name = "approve",
         .n_args = 1,
         .path = "/v1/alerts/approve",
         .done = N_("approved; where two persons are needed it waits for the second")},
        {.name = "reject",
         .n_args = 1,
         .path = "/v1/alerts/reject",
         .done = N_("rejected: it is neither spoken nor posted")},
        {.name = "ack", .n_args = 1, .path = "/v1/alerts/ack", .done = N_("acknowledged: no more reminders")},
        {.name = "outcome",
         .n_args = 2,
         .path = "/v1/alerts/outcome",
         .done = N_("noted; the month's report counts it")},
        {.name = "feedback", .path = "/v1/feedback", .offline = read_feedback, .print = print_feedback},
        {.name = "feedback",
         .n_args = 2,
         .path = "/v1/alerts/feedback",
         .done = N_("noted for the group that has this number; the rule's count has it")},
        {.name = "dismiss",
         .n_args = 1,
         .path = "/v1/alerts/dismiss",
         .done = N_("dismissed from the review list")},
    };
    return actions_run(
        argc, argv, actions, ARRAY_LEN(actions),
        _("Usage: tocsin alerts list [--active] [--review] [--limit N] [--json]\n"
          "       tocsin alerts show ID\n"
          "       tocsin alerts confirm|approve|reject|ack ID --by NAME [--reason WHY]\n"
          "       tocsin alerts confirm|dismiss EVENT --by NAME   (a number of the review list)\n"
          "       tocsin alerts outcome ID 劝阻成功|已受骗|误报 --by NAME\n"
          "       tocsin alerts feedback                   (thirty days of what groups said, by rule and "
          "group)\n"
          "       tocsin alerts feedback NUMBER 本地也有|误报|收到|劝阻成功 --by NAME\n"
          "       tocsin alerts cancel ID --by NAME [--site S] [--reason WHY]   (--site: the hospital says "
          "so)\n"));
}

/* A picture to pass on by hand, and what it says. */
static int save_card(const struct client *c, const struct action *a, const char *id)
{
    if (!c->output) return EXIT_USAGE;
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    CLEANUP(buf_release) struct buf png = BUF_INIT(CARD_BYTES_MAX), alt = BUF_INIT(CARD_ALT_MAX);
    enum relay_err err = client_read(c, a->path, id, a->offline, &j, &why);
    if (err == RELAY_OK) err = delivery_card(j, clock_now().wall, &png, &alt, &why);
    if (err == RELAY_OK) err = cli_write(c->output, &png, &why);
    if (err != RELAY_OK) return client_failed(&why);
    if (strcmp(c->output, "-") == 0) return EXIT_DONE;
    if (c->json) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(2 * CARD_ALT_MAX);
        buf_char(&b, '{');
        buf_json_member(&b, "file", c->output);
        buf_json_member(&b, "alt", buf_cstr(&alt));
        (void)printf("%s}\n", buf_cstr(&b));
    } else {
        (void)printf("%s\n%s\n", c->output, buf_cstr(&alt));
    }
    return EXIT_DONE;
}

int cli_deliveries(int argc, char **argv)
{
    static const struct action actions[] = {
        {.name = "list", .path = "/v1/deliveries", .offline = read_deliveries, .print = print_deliveries},
        {.name = "show",
         .n_args = 1,
         .path = "/v1/delivery",
         .offline = read_delivery,
         .print = print_delivery},
        {.name = "card", .n_args = 1, .path = "/v1/delivery", .offline = read_delivery, .run = save_card},
        {.name = "done", .n_args = 1, .path = "/v1/deliveries/done", .done = N_("noted: it was passed on")},
        {.name = "replay", .n_args = 1, .path = "/v1/deliveries/replay", .done = N_("it goes out again now")},
    };
    return actions_run(argc, argv, actions, ARRAY_LEN(actions),
                       _("Usage: tocsin deliveries list [--active] [--state S] [--target T] [--alert ID] "
                         "[--limit N] [--json]\n"
                         "       tocsin deliveries show ID        (whole id, short id or row)\n"
                         "       tocsin deliveries card ID -o FILE.png (the warning as a picture to pass on, "
                         "and its words)\n"
                         "       tocsin deliveries done ID --by NAME   (passed on by hand: type forward)\n"
                         "       tocsin deliveries replay ID --by NAME [--reason WHY]\n"));
}

static void print_sites(const cJSON *j)
{
    static const struct column columns[] = {{"id", N_("SITE")},     {"name", N_("NAME")},
                                            {"area", N_("AREA")},   {"mode", N_("MODE")},
                                            {"zones", N_("ZONES")}, {"wards", N_("WARDS")}};
    client_print_table(j, columns, ARRAY_LEN(columns));
}

int cli_site(int argc, char **argv)
{
    static const struct action actions[] = {
        {.name = "list", .path = "/v1/sites", .print = print_sites},
        {.name = "mode",
         .n_args = 2,
         .path = "/v1/site/mode",
         .done = N_("switched; a reload keeps it, whatever the configuration says")},
    };
    return actions_run(argc, argv, actions, ARRAY_LEN(actions),
                       _("Usage: tocsin site list [--json]\n"
                         "       tocsin site mode SITE trial|screens|live --by NAME [--reason WHY]\n"));
}

int cli_reload(int argc, char **argv)
{
    struct client c;
    const char *usage =
        _("Usage: tocsin reload [--by NAME]\nRules and configuration are read anew; if anything in "
          "them is wrong the old ones stay, and it is named.\n");
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    static const struct action reload = {
        .path = "/v1/reload", .done = N_("rules and configuration are read anew"), .reloads = ""};
    code = client_more_words(&c, usage) ? EXIT_USAGE : action_change(&c, &reload, NULL);
    client_close(&c);
    return code;
}

int cli_clock(int argc, char **argv)
{
    static const struct action actions[] = {
        {.name = "trust", .path = "/v1/clock/trust", .done = N_("the clock is trusted: sending goes on")},
    };
    return actions_run(
        argc, argv, actions, ARRAY_LEN(actions),
        _("Usage: tocsin clock trust --by NAME [--reason WHY]\n"
          "While the clock is behind the newest record, events are accepted and nothing is sent: the clock "
          "may "
          "be wrong. When the\n"
          "clock was ahead for a time and is right now, it is the record that is wrong: look at `date`, and "
          "say "
          "so here. What\n"
          "was received and said meanwhile is taken as of now; alerts of that time keep their end "
          "(`tocsin alerts list`).\n"));
}
