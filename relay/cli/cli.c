/* Picks the verb; knows nothing of what it does. */
#include "cli/cli.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/mem.h"

static void usage(FILE *out)
{
    (void)fprintf(out, "%s\n\n", _("tocsin - fraud warnings from banks and carriers to hospitals"));
    for (const struct cli_verb *v = cli_verbs; v->name; v++)
        (void)fprintf(out, "  tocsin %-12s %s\n", v->name, _(v->summary));
    (void)fprintf(out, "\n%s\n", _("`tocsin VERB --help` says more."));
}

enum relay_err cli_write(const char *path, const struct buf *b, struct reason *why)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *f = standard ? stdout : fopen(path, "wb");
    if (!f) return fail(why, RELAY_IO, "%s: %s", path, strerror(errno));
    bool ok = fwrite(b->data, 1, b->len, f) == b->len && fflush(f) == 0;
    int error = errno;
    if (!standard && fclose(f) != 0 && ok) {
        ok = false;
        error = errno;
    }
    return ok ? RELAY_OK : fail(why, RELAY_IO, "%s: %s", path, strerror(error));
}

/* A report that a full disk has cut off is not done. */
static int said_all(int code)
{
    bool whole = fflush(stdout) == 0 && !ferror(stdout);
    if (whole || code != EXIT_DONE) return code;
    (void)fprintf(stderr, _("tocsin: standard output takes no more: %s\n"), strerror(errno));
    return EXIT_FAILED;
}

int cli_main(int argc, char **argv)
{
    i18n_init(NULL);
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("tocsin %s\n", TOCSIN_VERSION);
        return EXIT_DONE;
    }
    for (const struct cli_verb *v = cli_verbs; v->name; v++) {
        if (strcmp(v->name, argv[1]) != 0) continue;
        argv[1] =
            xasprintf("tocsin %s", v->name); /* what its --help and errors call it; lives as long as argv */
        return said_all(v->run(argc - 1, argv + 1));
    }
    (void)fprintf(stderr, _("tocsin: no verb `%s`; `tocsin help` lists them\n"), argv[1]);
    return EXIT_USAGE;
}
