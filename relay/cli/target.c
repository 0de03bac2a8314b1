/* tocsin target test: one message to one target, and the target's own answer. */
#include <time.h>

#include "adapters/adapter.h"
#include "base/i18n.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/verbs.h"

enum { WAIT_MS = 60000, POLL_MS = 250 };

/* Confirming kinds say more after `sent`: it was played, a screen shows it. */
static bool confirms(const char *target)
{
    CLEANUP(free_ptr) char *kind = xstrndup(target, strcspn(target, ":"));
    const struct adapter_ops *ops = adapter_find(kind);
    return ops && ops->confirms;
}

enum verdict { WAITING, GOOD, BAD };

static enum verdict judge(const cJSON *delivery, bool confirming)
{
    static const char *const waiting[] = {"queued", "sending", "retry"}, *const good[] = {"played",
                                                                                          "displayed",
                                                                                          "acknowledged"};
    const char *state = json_str_or(delivery, "state", "");
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
        if (strcmp(state, waiting[i]) == 0) return WAITING;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (strcmp(state, good[i]) == 0) return GOOD;
    if (strcmp(state, "sent") == 0) return confirming ? WAITING : GOOD;
    return BAD;
}

static void print_answer(const char *target, const cJSON *delivery, enum verdict verdict)
{
    const char *state = json_str_or(delivery, "state", "?"), *reason = json_str_or(delivery, "reason", "");
    const char *gap = *reason ? ": " : "";
    if (verdict == GOOD && strcmp(state, "played") == 0)
        (void)printf(_("%s: it was played to its end\n"), target);
    else if (verdict == GOOD && strcmp(state, "displayed") == 0)
        (void)printf(_("%s: a screen shows it\n"), target);
    else if (verdict == GOOD)
        (void)printf(_("%s: it took the message (%s%s%s)\n"), target, state, gap, reason);
    else if (verdict == BAD)
        (void)printf(_("%s: it did not arrive (%s%s%s)\n"), target, state, gap, reason);
    else if (strncmp(target, "board:", 6) == 0 || strncmp(target, "bulletin:", 9) == 0)
        (void)printf(_("%s: no answer yet (%s%s%s): is the screen's page open? `tocsin wards list` shows its "
                       "address\n"),
                     target, state, gap, reason);
    else
        (void)printf(_("%s: no answer yet (%s%s%s); `tocsin deliveries list --target %s` shows what comes\n"),
                     target, state, gap, reason, target);
}

static int wait_for_answer(const struct client *c, const char *target, int64_t wait_ms)
{
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *posted = NULL;
    int64_t row = 0, end = clock_now().mono + wait_ms;
    if (client_post(c, "/v1/target/test", target, &posted, &why) != RELAY_OK ||
        json_int(posted, "row", &row) != RELAY_OK)
        return client_failed(&why);
    char id[24];
    (void)snprintf(id, sizeof(id), "%lld", (long long)row);
    bool confirming = confirms(target);
    for (;;) {
        CLEANUP(json_free_ptr) cJSON *delivery = NULL;
        if (client_get(c, "/v1/delivery", id, &delivery, &why) != RELAY_OK) return client_failed(&why);
        enum verdict verdict = judge(delivery, confirming);
        if (verdict != WAITING || clock_now().mono >= end) {
            if (c->json)
                client_print_json(delivery);
            else
                print_answer(target, delivery, verdict);
            return verdict == GOOD ? EXIT_DONE : EXIT_FAILED;
        }
        const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
        (void)nanosleep(&pause, NULL); /* a signal only shortens it */
    }
}

int cli_target(int argc, char **argv)
{
    struct client c;
    const char *usage = _("Usage: tocsin target test ID [--for 60s] [--by NAME] [--json] [-c FILE]\n"
                          "Sends a message marked as a test to one chat, screen or zone (quietly there), and "
                          "waits for the target's own\n"
                          "answer: a chat took it, a screen shows it, a loudspeaker played it. `tocsin "
                          "status` lists the targets.\n");
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    int64_t wait_ms = WAIT_MS;
    if (c.n_rest != 2 || strcmp(c.rest[0], "test") != 0 ||
        (c.lasts && (duration_parse(c.lasts, &wait_ms) != RELAY_OK || wait_ms < 0))) {
        (void)fputs(usage, stderr);
        code = EXIT_USAGE;
    } else {
        c.lasts = NULL; /* the wait is ours */
        code = wait_for_answer(&c, c.rest[1], wait_ms);
    }
    client_close(&c);
    return code;
}
