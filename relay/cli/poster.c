/* tocsin poster: one A4 page about a rule, for a wall of the hospital. */
#include "adapters/draw/poster.h"

#include <getopt.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/packs.h"
#include "cli/verbs.h"
#include "config.h"
#include "render.h"
#include "rules/rules.h"

enum { TEXT_MAX = 16 * 1024 };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'}, {"packs", required_argument, NULL, 'p'},
    {"output", required_argument, NULL, 'o'}, {"site", required_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};

struct order {
    const char *config, *packs[PACKS_MAX], *output, *site, *rule;
    size_t n_packs;
};

/* A rule's text with its slots filled; NULL stays NULL. */
static const char *filled(const char *text, const struct render_slots *slots, struct buf *out)
{
    struct reason why;
    if (!text || render(text, slots, out, &why) != RELAY_OK) return text;
    return buf_cstr(out);
}

static enum relay_err draw(const struct rule *rule, const struct relay_config *c,
                           const struct site_config *site, struct buf *out, struct reason *why)
{
    CLEANUP(buf_release)
    struct buf story = BUF_INIT(TEXT_MAX), head = BUF_INIT(TEXT_MAX), rhyme = BUF_INIT(TEXT_MAX),
               caught = BUF_INIT(TEXT_MAX), told = BUF_INIT(TEXT_MAX);
    CLEANUP(arena_release) struct arena mem = {0};
    char name[160];
    const struct rule_say *say = &rule->say;
    struct render_slots slots = {.site = site ? site->name : NULL,
                                 .help = site && site->help ? site->help
                                         : c                ? c->relay.help
                                                            : NULL,
                                 .issuer = site && site->issuer ? site->issuer
                                           : c                  ? c->relay.issuer
                                                                : NULL};
    if (!say->headline) return fail(why, RELAY_INVALID, _("rule %s has no screen headline"), rule->id);
    (void)snprintf(name, sizeof(name), "%s.%d", rule->id, rule->rev);
    poster_story(say->voice, &story);
    struct poster p = {.level = rule->level,
                       .headline = filled(say->headline, &slots, &head),
                       .story = story.len ? filled(buf_cstr(&story), &slots, &told) : NULL,
                       .rhyme = filled(say->rhyme, &slots, &rhyme),
                       .caught = filled(say->caught, &slots, &caught),
                       .site = slots.site,
                       .help = slots.help,
                       .issuer = slots.issuer,
                       .rule = name,
                       .printed = clock_now().wall};
    poster_donts(say->lines, say->n_lines, say->voice, &mem, p.donts);
    return poster_pdf(&p, out, why);
}

static enum relay_err make(const struct order *o, const struct relay_config *c, const struct rule_set *set,
                           struct reason *why)
{
    const struct site_config *site = c && c->sites.n == 1 ? c->sites.items : NULL; /* the only one there is */
    CLEANUP(buf_release) struct buf pdf = BUF_INIT(POSTER_BYTES_MAX);
    const struct rule *rule = rule_set_find(set, o->rule);
    if (!rule)
        return fail(why, RELAY_NOT_FOUND, _("there is no rule `%s`; `tocsin rules test` lists them"),
                    o->rule);
    enum relay_err err = o->site ? config_site_find(c, o->site, &site, why) : RELAY_OK;
    if (err == RELAY_OK) err = draw(rule, c, site, &pdf, why);
    return err == RELAY_OK ? cli_write(o->output, &pdf, why) : err;
}

/* Without a configuration a poster names no hospital, which is well for a police room that prints for all of its own. */
static struct relay_config *load_config(const struct order *o)
{
    struct relay_config *c = NULL;
    struct opt_problems problems = {0};
    struct reason why;
    const char *path = config_path(o->config);
    if (!o->config && !o->site && access(path, R_OK) != 0) {
        (void)!clock_set_zone("Asia/Shanghai", &why); /* what an absent relay.timezone means */
        return NULL;
    }
    if (config_load(path, &c, &problems) != RELAY_OK) {
        opt_problems_print(&problems);
        return NULL;
    }
    (void)!clock_set_zone(c->relay.timezone, &why); /* checked at load */
    i18n_init(config_language(c));
    return c;
}

static int run(const struct order *o)
{
    struct arena arena = {0};
    struct rule_set *set = NULL;
    struct rule_problems problems = {0};
    struct reason why = {""};
    const char *packs[PACKS_MAX];
    struct relay_config *c = load_config(o);
    int code = EXIT_FAILED;
    if (!c && (o->config || o->site)) return code; /* what is wrong has been said */
    size_t n = packs_find(o->packs, o->n_packs, o->config, &arena, packs);
    if (n == 0) {
        config_free(c);
        arena_release(&arena);
        return EXIT_FAILED;
    }
    enum relay_err err = rule_set_load(packs, n, &set, &problems, &why);
    if (err != RELAY_OK) (void)packs_print_problems(&problems);
    if (err == RELAY_OK) err = make(o, c, set, &why);
    if (err == RELAY_OK)
        code = EXIT_DONE;
    else
        (void)fprintf(stderr, "tocsin: %s\n", why.text);
    if (err == RELAY_OK && strcmp(o->output, "-") != 0) (void)printf("%s\n", o->output);
    rule_problems_release(&problems);
    rule_set_free(set);
    config_free(c);
    arena_release(&arena);
    return code;
}

int cli_poster(int argc, char **argv)
{
    const char *usage =
        _("Usage: tocsin poster RULE -o FILE.pdf [--site S] [-p DIR] [-c FILE]\n"
          "One A4 page to hang up: the scam, the rule's rhyme, three things not to do, where to ask, 96110.\n"
          "With one site in the configuration, or --site, it carries the hospital's name and help point.\n"
          "-o - writes to standard output. It needs a Chinese font: fonts-noto-cjk looks best.\n");
    struct order o = {.output = NULL};
    optind = 0; /* glibc: begin anew */
    for (int k; (k = getopt_long(argc, argv, "c:p:o:s:h", long_options, NULL)) != -1;) {
        switch (k) {
        case 'c': o.config = optarg; break;
        case 'o': o.output = optarg; break;
        case 's': o.site = optarg; break;
        case 'p':
            if (o.n_packs < PACKS_MAX) o.packs[o.n_packs++] = optarg;
            break;
        case 'h': (void)fputs(usage, stdout); return EXIT_DONE;
        default: (void)fputs(usage, stderr); return EXIT_USAGE;
        }
    }
    if (argc - optind != 1 || !o.output) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    o.rule = argv[optind];
    return run(&o);
}
