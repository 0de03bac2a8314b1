/* tocsin check: the configuration and the rules, as the relay would load them, with every problem at its place. */
#include <argp.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/packs.h"
#include "cli/verbs.h"
#include "config.h"
#include "rulebook.h"

enum { OUTPUT_MAX = 64 * 1024 * 1024 };

struct arguments {
    const char *config;
    bool print, manual, online;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'c': a->config = arg; return 0;
    case 'p': a->print = true; return 0;
    case 'm': a->manual = true; return 0;
    case 'o': a->online = true; return 0;
    case ARGP_KEY_ARG: argp_usage(state); return 0; /* does not return */
    case ARGP_KEY_END:
        if (a->print && a->manual)
            argp_error(state, "%s", _("--print-config and --manual exclude each other"));
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int print_rows(const struct opt_row *rows, const void *values)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(OUTPUT_MAX);
    if (values)
        options_print(rows, values, 0, &out);
    else
        options_manual(rows, 0, &out);
    (void)fputs(buf_cstr(&out), stdout); /* see the flush */
    return fflush(stdout) == 0 && !buf_failed(&out) ? EXIT_DONE : EXIT_FAILED;
}

/* Of the packs and of what is installed. Warnings are shown and go through; what keeps a rule from loading is fatal here,
 * unlike at start. */
static bool check_rules(const struct relay_config *c, size_t *ret_rules)
{
    struct rule_set *set = NULL;
    struct rule_problems problems = {0};
    struct reason why = {0};
    bool good = rulebook_load(c, &set, &problems, &why) == RELAY_OK;
    if (!good) (void)fprintf(stderr, "%s\n", why.text);
    if (packs_print_problems(&problems)) good = false;
    *ret_rules = set ? rule_set_size(set) : 0;
    rule_problems_release(&problems);
    rule_set_free(set);
    return good;
}

static bool check_online(const struct relay_config *c)
{
    struct findings f = {0};
    doctor_broker(c, false, &f);
    doctor_chats(c, false, &f);
    findings_print(&f, false);
    bool good = findings_todo(&f) == 0;
    findings_release(&f);
    return good;
}

static void print_summary(const struct relay_config *c, size_t rules)
{
    size_t zones = 0, wards = 0;
    const struct site_config *sites = c->sites.items;
    for (size_t i = 0; i < c->sites.n; i++) {
        zones += sites[i].zones.n;
        wards += sites[i].wards.n;
    }
    (void)printf(_("%s: %s is in order: feeds %zu, sites %zu, zones %zu, wards %zu, chats %zu, rules %zu\n"),
                 c->file, c->relay.id, c->feeds.n, c->sites.n, zones, wards, c->chats.n, rules);
}

int cli_check(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"config", 'c', N_("FILE"), 0,
         N_("configuration (default: TOCSIN_CONFIG, else /etc/tocsin/tocsin.yaml)"), 0},
        {"print-config", 'p', NULL, 0, N_("print what is in force, with all defaults, as YAML"), 0},
        {"online", 'o', NULL, 0, N_("also log in at the broker and resolve the names of targets"), 0},
        {"manual", 'm', NULL, 0, N_("print every option with its type, bounds and default"), 0},
        {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc =
            N_("Checks configuration and rules. Every problem is one line with file, line and what to do."),
        .argp_domain = "tocsin"};
    struct arguments arguments = {0};
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) return EXIT_USAGE;
    if (arguments.manual) return print_rows(relay_config_rows, NULL);

    struct opt_problems problems;
    struct relay_config *c = NULL;
    if (config_load(config_path(arguments.config), &c, &problems)) {
        opt_problems_print(&problems);
        return EXIT_FAILED;
    }
    i18n_init(config_language(c));
    int result = EXIT_DONE;
    if (arguments.print) {
        result = print_rows(relay_config_rows, c);
    } else {
        size_t rules = 0;
        bool good = config_check_files(c, &problems) == RELAY_OK;
        opt_problems_print(&problems);
        if (!check_rules(c, &rules)) good = false;
        if (arguments.online && !check_online(c)) good = false;
        if (good)
            print_summary(c, rules);
        else
            result = EXIT_FAILED;
    }
    c = config_free(c);
    return result;
}
