/* tocsin rules try, install, stable, revert, list: rules and this place's own events and people. */
#include <unistd.h>

#include "areas.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/actions.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/verbs.h"
#include "rulebook.h"
#include "rules/lint.h"
#include "try.h"

enum { TRIED_MAX = 1024 * 1024 };

/* ---- the file ---- */

/* The one rule of the text, checked by lint: its findings are printed. NULL when there are errors. */
static struct rule_set *lint_rule(const char *name, const char *text)
{
    struct rule_problems problems = {0};
    struct lint lint;
    struct rule_set *set =
        rule_set_of_text(name, text, strlen(text), &(struct set_options){.keep_failing = true}, &problems);
    lint_set(set, &problems, &lint);
    for (size_t i = 0; i < lint.n; i++)
        (void)fprintf(stderr, "%s:%d: %s %s\n", name, lint.items[i].line,
                      lint.items[i].error ? _("error:") : _("warning:"), lint.items[i].text);
    bool ok = lint.errors == 0;
    if (ok && rule_set_size(set) != 1) {
        (void)fprintf(stderr, _("%s: holds %zu rules; one a file is wanted here\n"), name,
                      rule_set_size(set));
        ok = false;
    }
    lint_release(&lint);
    rule_problems_release(&problems);
    if (ok) return set;
    rule_set_free(set);
    return NULL;
}

/* ---- try ---- */

static int number(const cJSON *j, const char *member)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(j, member);
    return cJSON_IsNumber(v) ? (int)v->valuedouble : 0;
}

static void print_example(const cJSON *x)
{
    char room[24];
    const char *text = json_str_or(x, "text", "");
    int n = (int)strlen(text), from = number(x, "from"), to = number(x, "to");
    bool alert = false;
    (void)!json_bool(x, "alert", &alert); /* false when absent */
    if (from > n || to > n || from > to) from = to = 0;
    (void)printf("  %s  %s  %s%s\n      %.*s⟦%.*s⟧%s\n", client_time(x, "at", room),
                 json_str_or(x, "name", "?"), json_str_or(x, "kind", "?"), alert ? _("  → alert") : "", from,
                 text, to - from, text + from, text + to);
}

static void print_tried(const cJSON *j)
{
    char room[24];
    const cJSON *areas = cJSON_GetObjectItemCaseSensitive(j, "areas"), *item;
    (void)printf(_("Since %s: %d events looked at, %d found by this rule (%d that no rule had found)\n"),
                 client_time(j, "since", room), number(j, "events"), number(j, "found"), number(j, "new"));
    int64_t since, unmatched;
    if (json_time(j, "since", &since) == RELAY_OK && json_time(j, "unmatched_from", &unmatched) == RELAY_OK &&
        unmatched - since > HOUR_MS)
        (void)printf(_("Of events that no rule had found the oldest is of %s: older ones were not, or are "
                       "kept no more "
                       "(relay.keep_unmatched)\n"),
                     client_time(j, "unmatched_from", room));
    (void)printf(_("It would have raised %d alerts in %d districts"), number(j, "alerts"),
                 cJSON_GetArraySize(areas));
    const char *between = ": ";
    cJSON_ArrayForEach(item, areas)
    {
        (void)printf("%s%s %d", between, json_str_or(item, "name", "?"), number(item, "alerts"));
        between = ", ";
    }
    (void)putchar('\n');
    if (number(j, "unsure"))
        (void)printf(
            _("%d events in which a pattern met its limit: a person would have been asked (review list); "
              "`tocsin rules lint` names the pattern\n"),
            number(j, "unsure"));
    if (number(j, "unreadable"))
        (void)printf(_("%d stored events could not be read\n"), number(j, "unreadable"));
    const cJSON *examples = cJSON_GetObjectItemCaseSensitive(j, "examples");
    if (cJSON_GetArraySize(examples)) (void)printf("%s\n", _("Examples:"));
    cJSON_ArrayForEach(item, examples) print_example(item);
}

static enum relay_err try_rule(const struct client *c, const struct rule_set *set, cJSON **ret,
                               struct reason *why)
{
    int64_t back = 7 * DAY_MS;
    if (c->since && duration_parse(c->since, &back) != RELAY_OK)
        return fail(why, RELAY_INVALID, _("--since wants a duration such as 7d or 12h"));
    struct db db;
    enum relay_err err = store_open_reader(c->config->relay.state_dir, &db, why);
    if (err != RELAY_OK) return err;
    CLEANUP(buf_release) struct buf b = BUF_INIT(TRIED_MAX);
    err = rule_try(&db, c->config, set, clock_now().wall - back, &b, why);
    db_close(&db);
    struct json_limits limits = {TRIED_MAX, 8};
    return err == RELAY_OK ? json_parse(buf_cstr(&b), b.len, &limits, ret, why) : err;
}

static int run_try(const struct client *c, const struct action *a, const char *path)
{
    (void)a;
    struct reason why = {""};
    CLEANUP(buf_release) struct buf text = BUF_INIT(RULEBOOK_TEXT_MAX);
    CLEANUP(json_free_ptr) cJSON *tried = NULL;
    if (!input_read(path, &text)) return EXIT_FAILED;
    struct rule_set *set = lint_rule(path, buf_cstr(&text));
    if (!set) return EXIT_FAILED;
    enum relay_err err = try_rule(c, set, &tried, &why);
    rule_set_free(set);
    if (err != RELAY_OK) return client_failed(&why);
    if (c->json)
        client_print_json(tried);
    else
        print_tried(tried);
    return EXIT_DONE;
}

/* ---- install, stable, revert ---- */

static int run_install(const struct client *c, const struct action *a, const char *path)
{
    struct reason why = {""};
    CLEANUP(buf_release) struct buf text = BUF_INIT(RULEBOOK_TEXT_MAX);
    CLEANUP(buf_release) struct buf entered = BUF_INIT((size_t)2 * RULEBOOK_TEXT_MAX);
    CLEANUP(json_free_ptr) cJSON *tried = NULL;
    CLEANUP(json_free_ptr) cJSON *done = NULL;
    if (!c->by) { /* rather than after the trial */
        (void)fail(&why, RELAY_INVALID, _("say who you are: --by NAME"));
        return client_failed(&why);
    }
    if (!input_read(path, &text)) return EXIT_FAILED;
    if (rulebook_with_status(path, buf_cstr(&text), "test", &entered, &why) != RELAY_OK)
        return client_failed(&why);
    struct rule_set *set = lint_rule(path, buf_cstr(&entered));
    if (!set) return EXIT_FAILED;
    enum relay_err err = try_rule(c, set, &tried, &why);
    rule_set_free(set);
    if (err != RELAY_OK) return client_failed(&why);
    if (!c->json) print_tried(tried);
    struct client with_text = *c;
    with_text.text = buf_cstr(&text);
    if (client_post(&with_text, a->path, NULL, &done, &why) != RELAY_OK) return client_failed(&why);
    if (!action_in_force(c, a)) return EXIT_FAILED;
    if (c->json) {
        cJSON_AddItemToObject(done, "tried", tried);
        tried = NULL;
        client_print_json(done);
        return EXIT_DONE;
    }
    bool silent = false;
    const char *rule = json_str_or(done, "rule", "?");
    (void)!json_bool(done, "replaces_stable", &silent); /* false when absent */
    (void)printf(_("\n%s is entered as `test`, by %s: it makes exercises only.\n"), rule, c->by);
    if (silent) (void)printf(_("The stable revision before it is silent until this one is stable.\n"));
    (void)printf(_("Somebody else makes it speak: tocsin rules stable %s --by NAME\n"
                   "Taken back with:             tocsin rules revert %s --by NAME\n"),
                 rule, rule);
    return EXIT_DONE;
}

/* What is stable must pass the stricter lint: the file as it will be. */
static bool lint_as_stable(const struct client *c, const char *id)
{
    struct reason why = {""};
    CLEANUP(free_ptr)
    char *path = xasprintf("%s/" RULEBOOK_FOLDER "/%s.yaml", c->config->relay.state_dir, id);
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)2 * RULEBOOK_TEXT_MAX);
    CLEANUP(buf_release) struct buf stable = BUF_INIT((size_t)2 * RULEBOOK_TEXT_MAX);
    if (strchr(id, '/') || access(path, F_OK) != 0) {
        (void)fail(&why, RELAY_NOT_FOUND,
                   _("no rule %s has been installed here; `tocsin rules list` shows them"), id);
        (void)client_failed(&why);
        return false;
    }
    if (!input_read(path, &text)) return false;
    if (rulebook_with_status(id, buf_cstr(&text), "stable", &stable, &why) != RELAY_OK) {
        (void)client_failed(&why);
        return false;
    }
    struct rule_set *set = lint_rule(id, buf_cstr(&stable));
    bool ok = set != NULL;
    rule_set_free(set);
    return ok;
}

static int run_stable(const struct client *c, const struct action *a, const char *id)
{
    return lint_as_stable(c, id) ? action_change(c, a, id) : EXIT_FAILED;
}

/* What the rule has said is not taken back with it: the ids of its alerts in force. */
static cJSON *alerts_of(const struct client *c, const char *rule)
{
    struct client in_force = *c;
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *all = NULL;
    cJSON *ret = cJSON_CreateArray();
    const cJSON *alert;
    in_force.filter = (struct list_filter){.active = true, .limit = 1000};
    if (client_get(&in_force, "/v1/alerts", NULL, &all, &why) != RELAY_OK) (void)client_failed(&why);
    cJSON_ArrayForEach(alert, all)
    {
        if (strcmp(json_str_or(alert, "rule", ""), rule) == 0)
            cJSON_AddItemToArray(ret, cJSON_CreateString(json_str_or(alert, "id", "?")));
    }
    return ret;
}

static void print_reverted(const cJSON *j)
{
    const char *now = json_str_or(j, "now", ""), *rule = json_str_or(j, "rule", "?");
    if (*now)
        (void)printf(_("The last step of %s is taken back: the revision before it is in force, as `%s`.\n"),
                     rule, now);
    else
        (void)printf(_("%s is taken back: nothing of it is in force.\n"), rule);
    const cJSON *alert;
    cJSON_ArrayForEach(alert, cJSON_GetObjectItemCaseSensitive(j, "alerts"))
    {
        (void)printf(_("Its alert %s stays in force. If it is not true: tocsin alerts cancel %s --by NAME\n"),
                     alert->valuestring, alert->valuestring);
    }
}

static int run_revert(const struct client *c, const struct action *a, const char *id)
{
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (client_post(c, a->path, id, &j, &why) != RELAY_OK) return client_failed(&why);
    if (!action_in_force(c, a)) return EXIT_FAILED;
    cJSON_AddItemToObject(j, "alerts", alerts_of(c, id));
    if (c->json)
        client_print_json(j);
    else
        print_reverted(j);
    return EXIT_DONE;
}

/* ---- list ---- */

static enum relay_err read_rules(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                 struct reason *why)
{
    (void)c;
    (void)id;
    return rulebook_list(db, ret, why);
}

static void print_rules(const cJSON *j)
{
    static const struct column columns[] = {{"rule", N_("RULE")}, {"status", N_("STATUS")},
                                            {"rev", N_("REV")},   {"by", N_("BY")},
                                            {"at", N_("AT")},     {"title", N_("TITLE")}};
    client_print_table(j, columns, ARRAY_LEN(columns));
}

int cli_rules_here(int argc, char **argv)
{
    static const char kept[] = N_("it is entered, but not in force");
    static const struct action actions[] = {
        {.name = "try", .n_args = 1, .run = run_try},
        {.name = "install", .n_args = 1, .path = "/v1/rules/install", .run = run_install, .reloads = kept},
        {.name = "stable",
         .n_args = 1,
         .path = "/v1/rules/stable",
         .done = N_("it is stable: it speaks from now on"),
         .reloads = kept,
         .run = run_stable},
        {.name = "revert", .n_args = 1, .path = "/v1/rules/revert", .run = run_revert, .reloads = kept},
        {.name = "list", .offline = read_rules, .print = print_rules},
    };
    int code = actions_run(
        argc, argv, actions, ARRAY_LEN(actions),
        _("Usage: tocsin rules try FILE [--since 7d] [--json]\n"
          "       tocsin rules install FILE --by NAME [--reason WHY] [--since 7d]\n"
          "       tocsin rules stable ID --by NAME [--reason WHY]\n"
          "       tocsin rules revert ID --by NAME [--reason WHY]\n"
          "       tocsin rules list [--json]\n"
          "A rule of your own, tried on the events of the last days before it may say anything.\n"));
    bool elsewhere = access(config_path(NULL), F_OK) != 0;
    for (int i = 1; i < argc; i++)
        elsewhere = elsewhere && strncmp(argv[i], "-c", 2) != 0 && strncmp(argv[i], "--c", 3) != 0;
    if (code == EXIT_FAILED && elsewhere)
        (void)fprintf(stderr,
                      _("tocsin rules %s works on the computer that the relay runs on: take the rule's file "
                        "there\n"),
                      argv[1]);
    return code;
}
