/* To be copied: an adapter with every function, compiled but not in list.c. See README.md for the steps.
 *
 * It "delivers" by counting, so that nothing in it is in your way. A chat that takes an HTTP POST needs much less:
 * copy chat/wecom.c instead.
 */
#include "adapters/adapter.h"
#include "base/i18n.h"

/* What stands in the target's block of the configuration. Defaults are text, as a person would write them. */
struct skeleton_options {
    const char *greeting;
    int64_t limit;
};

static const struct opt_row skeleton_rows[] = {
    {.name = "greeting",
     .type = OPT_STR,
     .offset = offsetof(struct skeleton_options, greeting),
     .deflt = "hello",
     .help = N_("one line for the manual")},
    {.name = "limit",
     .type = OPT_INT,
     .offset = offsetof(struct skeleton_options, limit),
     .min = 1,
     .max = 1000,
     .deflt = "100",
     .unit = "messages",
     .help = N_("how many messages one target may take")},
    {0},
};

/* Shared by all targets of the kind. Comes zeroed, is freed by the core after close. */
struct skeleton_ctx {
    struct adapter_env env; /* a copy: what open was given ends with open */
};

/* One target's own. Made by check, freed by forget. */
struct skeleton_state {
    int64_t sent;
};

static enum relay_err skeleton_open(void *ctx, const struct adapter_env *env, struct reason *why)
{
    struct skeleton_ctx *s = ctx;
    (void)why; /* a library that does not start would be named here */
    s->env = *env;
    return RELAY_OK;
}

/* What the option table cannot say: files that must exist, options that exclude each other. */
static enum relay_err skeleton_check(void *ctx, struct target *t, struct reason *why)
{
    const struct skeleton_options *o = t->options;
    (void)ctx;
    if (!*o->greeting)
        return fail(why, RELAY_INVALID, "%s", _("greeting is empty; leave it out or write one"));
    if (!t->state) t->state = xcalloc(1, sizeof(struct skeleton_state));
    return RELAY_OK;
}

static void skeleton_forget(void *ctx, struct target *t)
{
    (void)ctx;
    free(t->state);
    t->state = NULL;
}

/* A message target gets n >= 1 deliveries that settle together; a state target the snapshot s and n >= 0 of them.
 * t and m may be kept until send_done. Say why in the reason, without the text and without keys. */
static void skeleton_send(void *ctx, const struct target *t, const struct message *m, size_t n,
                          const struct snapshot *s, struct send *op)
{
    const struct skeleton_options *o = t->options;
    struct skeleton_state *state = t->state;
    struct send_outcome out = {.result = SEND_SENT};
    (void)ctx;
    (void)m;
    (void)s;
    if (state->sent + (int64_t)n > o->limit) {
        out.result = SEND_REJECTED;
        (void)snprintf(out.reason, sizeof(out.reason), _("the limit of %lld is reached"),
                       (long long)o->limit);
    } else {
        state->sent += (int64_t)n;
    }
    send_done(op, &out);
}

/* Also after an open that failed, and more than once. */
static void skeleton_close(void *ctx)
{
    struct skeleton_ctx *s = ctx;
    s->env = (struct adapter_env){0};
}

/* Declared where it is used: your own goes into list.c. */
extern const struct adapter_ops skeleton_ops;
const struct adapter_ops skeleton_ops = {
    .name = "skeleton",
    .kind = TARGET_MESSAGE,
    .options = skeleton_rows,
    .options_size = sizeof(struct skeleton_options),
    .ctx_size = sizeof(struct skeleton_ctx),
    .rate_per_minute = 60,
    .open = skeleton_open,
    .check = skeleton_check,
    .forget = skeleton_forget,
    .send = skeleton_send,
    .close = skeleton_close,
};
