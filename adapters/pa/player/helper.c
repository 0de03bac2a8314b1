/* Helper programs: finding, starting, and what their ends mean. */
#include "player/helper.h"

#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "player/helper_end.h"

struct helper_call {
    struct output *output;
    struct output_play *p; /* NULL: stopped, and told so */
    struct child *child;
};

/* What each end means, and whether a second try may help. */
static const struct {
    enum helper_end code;
    enum play_end end;
    const char *words;
} ends[] = {
    {END_PLAYED, PLAY_DONE, ""},
    {END_FAULT, PLAY_FAILED, N_("failed")},
    {END_USAGE, PLAY_REFUSED, N_("an option cannot be used")},
    {END_UNREACHABLE, PLAY_FAILED, N_("not reachable")},
    {END_NO_ANSWER, PLAY_FAILED, N_("nobody answered")},
    {END_BUSY, PLAY_FAILED, N_("busy")},
    {END_TROUBLE, PLAY_FAILED, N_("it has a fault")},
    {END_DECLINED, PLAY_REFUSED, N_("it declined")},
    {END_NO_SUCH, PLAY_REFUSED, N_("there is nobody at this address")},
    {END_AUTH, PLAY_REFUSED, N_("user or password is not accepted")},
    {END_NO_CODEC, PLAY_REFUSED, N_("no codec in common")},
    {END_HUNG_UP, PLAY_FAILED, N_("it hung up in the middle")},
    {END_TAKEN, PLAY_TAKEN, N_("it needs the line for something graver")},
    {END_LOST, PLAY_FAILED, N_("it fell silent in the middle")},
    {END_STOPPED, PLAY_FAILED, N_("ended from outside")},
    {END_UNTRUSTED, PLAY_REFUSED, N_("its certificate is not trusted")},
};

void helper_flag(struct helper_args *a, const char *name)
{
    if (a->n < HELPER_ARGS_MAX) a->items[a->n++] = name; /* no output has so many options */
}

void helper_add(struct helper_args *a, const char *name, const char *value)
{
    if (!value) return;
    helper_flag(a, name);
    helper_flag(a, value);
}

enum relay_err helper_find(struct helper *h, const char *name, struct reason *why)
{
    const char *set = getenv("TOCSIN_LIBEXECDIR");
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash) *slash = '\0';
    const char *const dirs[] = {set && *set ? set : NULL, self, TOCSIN_LIBEXECDIR};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        if (!dirs[i]) continue;
        char *path = xasprintf("%s/%s", dirs[i], name);
        if (access(path, X_OK) == 0) {
            h->path = path;
            return RELAY_OK;
        }
        free(path);
    }
    return fail(why, RELAY_NOT_FOUND, _("%s: it is not installed in %s"), name, TOCSIN_LIBEXECDIR);
}

static void exited(void *arg, const struct child_outcome *o)
{
    struct helper_call *call = arg;
    struct output_play *p = call->p;
    struct helper *h = call->output->state;
    bool is_open = call->output->is_open;
    char detail[300];
    if (is_open && h->call == call) h->call = NULL;
    free(call);
    if (!p || !is_open) return; /* told already, or the player stops */
    if (o->end == CHILD_TIMED_OUT) {
        output_ended(p, clock_now(), PLAY_FAILED, _("it hung and was ended"));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(ends) && o->end == CHILD_EXITED; i++) {
        if ((int)ends[i].code != o->status) continue;
        (void)snprintf(detail, sizeof(detail), *o->words ? "%s (%s)" : "%s",
                       ends[i].words[0] ? _(ends[i].words) : "", o->words);
        output_ended(p, clock_now(), ends[i].end, ends[i].end == PLAY_DONE ? NULL : detail);
        return;
    }
    (void)snprintf(detail, sizeof(detail), "%s %d: %s", o->end == CHILD_EXITED ? "exit" : "signal", o->status,
                   o->words);
    output_ended(p, clock_now(), PLAY_FAILED, detail);
}

enum relay_err helper_start(struct helper *h, struct output *o, struct output_play *p,
                            const struct helper_args *a, int64_t longest_ms, int64_t goodbye_ms,
                            struct now now, struct reason *why)
{
    const char *argv[HELPER_ARGS_MAX + 2] = {h->path};
    memcpy(argv + 1, a->items, a->n * sizeof(*argv));
    if (h->call)
        return fail(why, RELAY_CONFLICT,
                    _("it plays for another zone; give each zone an address of its own"));
    struct helper_call *call = xcalloc(1, sizeof(*call));
    *call = (struct helper_call){.output = o, .p = p};
    const struct child_options child = {
        .argv = argv, .timeout_ms = longest_ms, .kill_ms = goodbye_ms, .done = exited, .arg = call};
    enum relay_err err = child_start(o->env->children, &child, now, &call->child, why);
    if (err != RELAY_OK) {
        free(call);
        return err;
    }
    h->call = call;
    return RELAY_OK;
}

void helper_stop(struct helper *h, struct output_play *p, struct now now)
{
    struct helper_call *call = h->call;
    if (!call || call->p != p) return;
    call->p = NULL;
    h->call = NULL;
    child_kill(call->child, now);
    output_ended(p, now, PLAY_STOPPED, NULL);
}

void helper_release(struct helper *h)
{
    free(h->path);
    *h = (struct helper){NULL, NULL};
}
