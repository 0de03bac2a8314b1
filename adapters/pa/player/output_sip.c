/* A page by SIP: to a paging gateway, a loudspeaker or telephones that answer by themselves. The call is a program of its
 * own (sip/main.c); what its end means is the table below. */
#include <stddef.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "player/output.h"
#include "player/sip/sip_end.h"

enum {
    GOODBYE_MS = 2500, /* for hanging up, after the sound has stopped */
    EXTRA_MS = 5000,   /* beyond the longest call there can be: it hangs */
    ARGS_MAX = 32
};

struct sip_options {
    const char *uri, *from, *name, *user, *password_file, *proxy, *local, *alert_info;
    struct opt_strs codecs;
    int64_t dscp, answer_within, connect_within;
    bool auto_answer;
};
struct sip_state {
    char *helper, *codecs;
    struct sip_call *call; /* NULL: silent; a call that only hangs up is nobody's */
};
struct sip_call {
    struct output *output;
    struct output_play *p; /* NULL: stopped, and told so */
    struct child *child;
};

#define AT(member) .offset = offsetof(struct sip_options, member)

static const struct opt_row rows[] = {
    {.name = "uri",
     .type = OPT_STR,
     AT(uri),
     .required = true,
     .help = N_("whom to call: sip:page@10.1.2.3, with ;transport=tcp where UDP is not spoken")},
    {.name = "from",
     .type = OPT_STR,
     AT(from),
     .help = N_("who calls: sip:tocsin@pbx.example; default: this machine's address")},
    {.name = "name",
     .type = OPT_STR,
     AT(name),
     .deflt = "Tocsin",
     .help = N_("the name that a telephone shows")},
    {.name = "user", .type = OPT_STR, AT(user), .help = N_("for Digest authentication")},
    {.name = "password_file",
     .type = OPT_PATH,
     AT(password_file),
     .help = N_("a file with the password, mode 0600")},
    {.name = "proxy",
     .type = OPT_STR,
     AT(proxy),
     .help = N_("through which to call: sip:10.1.2.1;lr; default: straight to the host of uri")},
    {.name = "local",
     .type = OPT_STR,
     AT(local),
     .help = N_("this machine's IP address towards the other side; default: the system's choice")},
    {.name = "codecs",
     .type = OPT_STRS,
     AT(codecs),
     .min = 1,
     .max = 3,
     .deflt = "[pcma, pcmu, g722]",
     .help = N_("what to offer, the preferred first")},
    {.name = "dscp",
     .type = OPT_INT,
     AT(dscp),
     .min = 0,
     .max = 63,
     .deflt = "46",
     .help = N_("mark for the network's quality of service; 46: expedited forwarding")},
    {.name = "connect_within",
     .type = OPT_DURATION,
     AT(connect_within),
     .min = 500,
     .max = 30000,
     .deflt = "4s",
     .help = N_("for the first word from the other side; later than that it is unreachable")},
    {.name = "answer_within",
     .type = OPT_DURATION,
     AT(answer_within),
     .min = 1000,
     .max = 60000,
     .deflt = "10s",
     .help = N_("so long it may ring")},
    {.name = "auto_answer",
     .type = OPT_BOOL,
     AT(auto_answer),
     .deflt = "true",
     .help = N_("asks telephones to answer by themselves (Call-Info, Alert-Info, Answer-Mode)")},
    {.name = "alert_info",
     .type = OPT_STR,
     AT(alert_info),
     .deflt = "<sip:tocsin>;info=alert-autoanswer;delay=0",
     .help = N_("the Alert-Info header of auto_answer; Poly: Ring-Answer")},
    {0},
};

/* What each end means, and whether a second try may help. */
static const struct {
    enum sip_end code;
    enum play_end end;
    const char *words;
} ends[] = {
    {SIP_PLAYED, PLAY_DONE, ""},
    {SIP_UNREACHABLE, PLAY_FAILED, N_("the other side is not reachable")},
    {SIP_NO_ANSWER, PLAY_FAILED, N_("nobody answered")},
    {SIP_BUSY, PLAY_FAILED, N_("busy")},
    {SIP_SERVER_ERROR, PLAY_FAILED, N_("the other side has a fault")},
    {SIP_DECLINED, PLAY_REFUSED, N_("the call was declined")},
    {SIP_NO_SUCH, PLAY_REFUSED, N_("there is nobody at this address")},
    {SIP_AUTH, PLAY_REFUSED, N_("user or password is not accepted")},
    {SIP_NO_CODEC, PLAY_REFUSED, N_("no codec in common")},
    {SIP_HUNG_UP, PLAY_FAILED, N_("the other side hung up in the middle")},
    {SIP_TAKEN, PLAY_TAKEN, N_("the other side needs the line for something graver")},
    {SIP_LOST, PLAY_FAILED, N_("the other side fell silent during the call")},
    {SIP_STOPPED, PLAY_FAILED, N_("the call was ended from outside")},
    {SIP_USAGE, PLAY_REFUSED, N_("an option cannot be used")},
};

static enum relay_err check_uri(const char *what, const char *uri, struct reason *why)
{
    if (strncmp(uri, "sip:", 4) != 0 || strpbrk(uri + 4, " \t\r\n<>\"") || !uri[4])
        return fail(why, RELAY_INVALID, _("%s: `%s` is no address like sip:page@10.1.2.3"), what, uri);
    return RELAY_OK;
}

static enum relay_err sip_open(struct output *o, struct reason *why)
{
    const struct sip_options *set = o->options;
    struct sip_state *st = o->state;
    CLEANUP(free_ptr) char *secret = NULL;
    enum relay_err err = check_uri("uri", set->uri, why);
    if (err == RELAY_OK && set->from) err = check_uri("from", set->from, why);
    if (err == RELAY_OK && set->proxy) err = check_uri("proxy", set->proxy, why);
    if (err == RELAY_OK && (!set->user != !set->password_file))
        err = fail(why, RELAY_INVALID, _("user and password_file go together"));
    if (err == RELAY_OK && strpbrk(set->alert_info, "\r\n"))
        err = fail(why, RELAY_INVALID, _("alert_info: one line"));
    if (err == RELAY_OK && set->password_file) err = secret_read(set->password_file, &secret, why);
    for (size_t i = 0; i < set->codecs.n && err == RELAY_OK; i++) {
        size_t c = 0;
        while (c < RTP_L16 && strcmp(rtp_codec_names[c], set->codecs.items[i]) != 0) c++;
        if (c == RTP_L16)
            err =
                fail(why, RELAY_INVALID, _("codecs: `%s` is none of pcma, pcmu, g722"), set->codecs.items[i]);
    }
    if (err == RELAY_OK) err = child_helper("tocsin-pa-sip", &st->helper, why);
    if (err != RELAY_OK) return err;
    st->codecs = xstrdup(set->codecs.items[0]);
    for (size_t i = 1; i < set->codecs.n; i++) {
        char *longer = xasprintf("%s,%s", st->codecs, set->codecs.items[i]);
        free(st->codecs);
        st->codecs = longer;
    }
    return RELAY_OK;
}

static void exited(void *arg, const struct child_outcome *o)
{
    struct sip_call *call = arg;
    struct output_play *p = call->p;
    struct sip_state *st = call->output->state;
    bool is_open = call->output->is_open;
    char detail[300];
    if (st->call == call) st->call = NULL;
    free(call);
    if (!p || !is_open) return; /* told already, or the player stops */
    if (o->end == CHILD_TIMED_OUT) {
        output_ended(p, clock_now(), PLAY_FAILED, _("the call hung and was ended"));
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

struct args {
    const char *items[ARGS_MAX];
    size_t n;
};

static void add(struct args *a, const char *name, const char *value)
{
    if (!value || a->n + 3 > ARGS_MAX) return; /* there is room for every option there is */
    a->items[a->n++] = name;
    a->items[a->n++] = value;
    a->items[a->n] = NULL;
}

static enum relay_err sip_start(struct output *o, struct output_play *p, struct now now, struct reason *why)
{
    const struct sip_options *set = o->options;
    struct sip_state *st = o->state;
    struct args a = {.items = {st->helper}, .n = 1};
    char dscp[24], connect_within[24], answer_within[24];
    if (st->call)
        return fail(why, RELAY_CONFLICT,
                    _("it plays for another zone; give each zone an address of its own"));
    (void)snprintf(dscp, sizeof(dscp), "%lld", (long long)set->dscp);
    add(&a, "--to", set->uri);
    add(&a, "--wav", p->play->wav);
    add(&a, "--from", set->from);
    add(&a, "--name", set->name);
    add(&a, "--user", set->user);
    add(&a, "--password-file", set->password_file);
    add(&a, "--proxy", set->proxy);
    add(&a, "--local", set->local);
    add(&a, "--codecs", st->codecs);
    add(&a, "--dscp", dscp);
    add(&a, "--connect-within", duration_format(set->connect_within, connect_within));
    add(&a, "--answer-within", duration_format(set->answer_within, answer_within));
    add(&a, "--alert-info", set->alert_info);
    if (!set->auto_answer) a.items[a.n++] = "--no-auto-answer";
    a.items[a.n] = NULL;
    struct sip_call *call = xcalloc(1, sizeof(*call));
    *call = (struct sip_call){.output = o, .p = p};
    const struct child_options child = {.argv = a.items,
                                        .timeout_ms = set->connect_within + set->answer_within +
                                                      p->play->length_ms + GOODBYE_MS + EXTRA_MS,
                                        .kill_ms = GOODBYE_MS,
                                        .done = exited,
                                        .arg = call};
    enum relay_err err = child_start(o->env->children, &child, now, &call->child, why);
    if (err != RELAY_OK) {
        free(call);
        return err;
    }
    st->call = call;
    return RELAY_OK;
}

/* The sound stops with the signal; hanging up goes on without us. */
static void sip_stop(struct output *o, struct output_play *p, struct now now)
{
    struct sip_state *st = o->state;
    struct sip_call *call = st->call;
    if (!call || call->p != p) return;
    call->p = NULL;
    st->call = NULL;
    child_kill(call->child, now);
    output_ended(p, now, PLAY_STOPPED, NULL);
}

static void sip_close(struct output *o)
{
    struct sip_state *st = o->state;
    free(st->helper);
    free(st->codecs);
    *st = (struct sip_state){0}; /* a call that runs belongs to the children, whose owner ends it */
}

const struct output_ops output_sip = {
    .name = "sip",
    .options = rows,
    .options_size = sizeof(struct sip_options),
    .state_size = sizeof(struct sip_state),
    .play_size = 1,
    .open = sip_open,
    .start = sip_start,
    .stop = sip_stop,
    .close = sip_close,
};
