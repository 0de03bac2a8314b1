/* tocsin run: the daemon. */
#include <argp.h>
#include <errno.h>
#include <sys/resource.h>

#include "base/i18n.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "io/notify.h"
#include "pipeline.h"

static const char *config_file;

enum { OPEN_FILES_MOST = 20000, OPEN_FILES_OWN = 300 }; /* own: database, control, libraries, probes */

/* Every screen, feed and transfer is a descriptor, and the usual soft limit of 1,024 is smaller than a city. */
static void raise_open_files(const struct relay_config *c)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0) return;
    rlim_t most = l.rlim_max < OPEN_FILES_MOST ? l.rlim_max : OPEN_FILES_MOST;
    if (l.rlim_cur < most) {
        struct rlimit raised = {.rlim_cur = most, .rlim_max = l.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) l = raised;
    }
    rlim_t needed = (rlim_t)(c->limits.streams + c->limits.http) + c->feeds.n + OPEN_FILES_OWN;
    if (l.rlim_cur < needed)
        log_warning(
            "open files are limited to %llu, and limits.streams: %lld needs %llu: screens beyond that "
            "are not served; set LimitNOFILE=%llu for the service, or lower limits.streams",
            (unsigned long long)l.rlim_cur, (long long)c->limits.streams, (unsigned long long)needed,
            (unsigned long long)needed);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    if (key == 'c')
        config_file = arg;
    else if (key == ARGP_KEY_ARG)
        argp_usage(state);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

int cli_run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"config", 'c', "FILE", 0, N_("configuration (default: TOCSIN_CONFIG, else /etc/tocsin/tocsin.yaml)"),
         0},
        {0}};
    static const struct argp argp = {
        options, parse, NULL,    N_("Runs the relay until SIGTERM; SIGHUP reloads rules and configuration."),
        NULL,    NULL,  "tocsin"};
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, NULL) != 0) return EXIT_USAGE;

    struct reason why = {""};
    if (memory_keep_private(&why) != RELAY_OK) log_warning("%s", why.text);
    struct relay_config *config = NULL;
    struct opt_problems problems = {0};
    if (config_load(config_path(config_file), &config, &problems) != RELAY_OK) {
        opt_problems_print(&problems);
        return EXIT_FAILED;
    }
    i18n_init(config_language(config));
    raise_open_files(config);
    struct relay *relay;
    if (pipeline_new(config, &relay, &why) != RELAY_OK) {
        log_error("%s", why.text);
        return EXIT_FAILED;
    }
    log_info("relay=%s running rules=%zu set=%s targets=%zu feeds=%zu", relay->config->relay.id,
             rule_set_size(relay->rules), rule_set_hash(relay->rules), relay->targets->n,
             relay->config->feeds.n);
    notify_ready(); /* the store is open, the pages are served */
    int code = pipeline_run(relay);
    notify_stopping();
    pipeline_free(relay);
    return code;
}
