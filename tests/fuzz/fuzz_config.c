/* Any file as configuration: it loads, or every problem has a line; what has loaded prints as YAML that loads as the same. */
#include "adapters/adapter.h"
#include "base/buf.h"
#include "base/text.h"
#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x) ((x) ? (void)0 : (fprintf(stderr, "broken: %s\n", #x), abort()))

/* The adapters come with their tables of options; nothing is sent here. */
void send_done(struct send *op, const struct send_outcome *outcome)
{
    (void)op;
    (void)outcome;
    abort();
}

enum { PRINTED_MAX = 16 << 20 };

static void print(const struct relay_config *c, struct buf *out)
{
    *out = BUF_INIT(PRINTED_MAX);
    options_print(relay_config_rows, c, 0, out);
    HOLDS(!buf_failed(out));
}

static void check_loaded(struct relay_config *c)
{
    CLEANUP(buf_release) struct buf first, again;
    struct opt_problems problems;
    struct relay_config *copy = NULL;
    print(c, &first);
    if (config_load_text("again.yaml", buf_cstr(&first), first.len, &copy, &problems))
        (void)fprintf(stderr, "%s\n%s\n", problems.items[0].text, buf_cstr(&first));
    HOLDS(copy);
    print(copy, &again);
    HOLDS(strcmp(buf_cstr(&first), buf_cstr(&again)) == 0);
    (void)config_free(copy); /* returns NULL */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct opt_problems problems;
    struct relay_config *c = NULL;
    if (size > 65536) return 0; /* larger ones are only slower */
    enum relay_err err = config_load_text("/etc/tocsin/fuzz.yaml", (const char *)data, size, &c, &problems);
    if (!err) {
        HOLDS(problems.n == 0);
        check_loaded(c);
        (void)config_free(c); /* returns NULL */
        return 0;
    }
    HOLDS(!c && problems.n > 0);
    for (size_t i = 0; i < problems.n; i++) {
        const char *text = problems.items[i].text;
        HOLDS(*text && text_valid_utf8(text, strlen(text)));
    }
    return 0;
}
