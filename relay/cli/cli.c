/* Picks the verb; knows nothing of what it does. */
#include "cli/cli.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/mem.h"

static void usage(FILE *out)
{
    (void)fprintf(out, "%s\n\n", _("tocsin - fraud warnings from banks and carriers to hospitals"));
    for (const struct cli_verb *v = cli_verbs; v->name; v++)
        (void)fprintf(out, "  tocsin %-12s %s\n", v->name, _(v->summary));
    (void)fprintf(out, "\n%s\n", _("`tocsin VERB --help` says more."));
}

static enum relay_err cannot_write(const char *path, int error, struct reason *why)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return fail(why, RELAY_INVALID, _("%s: is a folder: name a file in it"), path);
    if (error == EEXIST)
        return fail(why, RELAY_CONFLICT,
                    _("%s: is there already; give another name after -o, or remove it first"), path);
    if (error == ENOENT)
        return fail(why, RELAY_NOT_FOUND, _("%s: its folder is not there: make it, or name another"), path);
    return fail(why, RELAY_IO, _("%s: cannot be written: %s"), path, strerror(error));
}

static enum relay_err write_as(const char *path, const char *mode, const struct buf *b, struct reason *why)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *f = standard ? stdout : fopen(path, mode);
    if (!f) return cannot_write(path, errno, why);
    bool ok = fwrite(b->data, 1, b->len, f) == b->len && fflush(f) == 0;
    int error = errno;
    if (!standard && fclose(f) != 0 && ok) {
        ok = false;
        error = errno;
    }
    return ok ? RELAY_OK : cannot_write(path, error, why);
}

enum relay_err cli_write(const char *path, const struct buf *b, struct reason *why)
{
    return write_as(path, "wbe", b, why);
}

enum relay_err cli_write_new(const char *path, const struct buf *b, struct reason *why)
{
    return write_as(path, "wbxe", b, why);
}

void cli_too_many(const char *verb, const char *word)
{
    (void)fprintf(stderr,
                  _("tocsin %s: `%s` is one word too many; put what holds spaces into quotes: 'one two'\n"),
                  verb, word);
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
