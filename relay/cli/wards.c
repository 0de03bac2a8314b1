/* tocsin wards: where each screen finds its page. */
#include <qrencode.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/verbs.h"

enum { QUIET_ZONE = 2 };

/* Two rows of modules a line of text; dark on light whatever the terminal's colours are. */
static void print_qr(const char *text)
{
    static const char *const blocks[] = {"█", "▀", "▄", " "}; /* light is drawn */
    QRcode *q = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    bool colours = isatty(STDOUT_FILENO);
    if (!q) return; /* too long for any code: the address stands above */
    for (int y = -QUIET_ZONE; y < q->width + QUIET_ZONE; y += 2) {
        if (colours) (void)fputs("\033[37;40m", stdout);
        for (int x = -QUIET_ZONE; x < q->width + QUIET_ZONE; x++) {
            int dark = 0;
            for (int half = 0; half < 2; half++) {
                int row = y + half;
                bool inside = x >= 0 && x < q->width && row >= 0 && row < q->width;
                if (inside && (q->data[row * q->width + x] & 1)) dark |= half ? 1 : 2;
            }
            (void)fputs(blocks[dark], stdout);
        }
        (void)fputs(colours ? "\033[0m\n" : "\n", stdout);
    }
    QRcode_free(q);
}

static void print_places(const cJSON *rows, bool qr)
{
    const cJSON *row;
    cJSON_ArrayForEach(row, rows)
    {
        const char *site = json_str_or(row, "site", ""), *name = json_str_or(row, "name", "");
        (void)printf("%s %s\n", site, name);
        (void)printf("  %s\n", json_str_or(row, "address", ""));
        if (!qr) continue;
        print_qr(json_str_or(row, "address", ""));
        (void)putchar('\n');
    }
}

int cli_wards(int argc, char **argv)
{
    struct client c;
    const char *usage = _("Usage: tocsin wards list [SITE] [--qr] [--json] [-c FILE]\n"
                          "The addresses of ward screens, and of the wall that shows all screens of a site. "
                          "Whoever has an address can\n"
                          "open that page: do not publish them.\n");
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    if (c.n_rest < 1 || c.n_rest > 2 || strcmp(c.rest[0], "list") != 0) {
        (void)fputs(usage, stderr);
        client_close(&c);
        return EXIT_USAGE;
    }
    struct reason why = {""};
    const char *site = c.n_rest == 2 ? c.rest[1] : NULL;
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    enum relay_err err = client_get(&c, "/v1/wards", site, &j, &why);
    if (err == RELAY_OK && site && !cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(j, "walls")))
        err = fail(&why, RELAY_NOT_FOUND, _("no site `%s` has wards; `tocsin site list` shows them"), site);
    code = EXIT_DONE;
    if (err != RELAY_OK) {
        code = client_failed(&why);
    } else if (c.json) {
        client_print_json(j);
    } else {
        print_places(cJSON_GetObjectItemCaseSensitive(j, "wards"), c.qr);
        (void)printf("\n%s\n", _("All screens of a site:"));
        print_places(cJSON_GetObjectItemCaseSensitive(j, "walls"), false);
    }
    client_close(&c);
    return code;
}
