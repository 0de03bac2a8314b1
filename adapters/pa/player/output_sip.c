/* A page by SIP: to a paging gateway, a loudspeaker or telephones that answer by themselves. The call is a program of its
 * own (sip/main.c). */
#include <errno.h>
#include <stddef.h>
#include <strings.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "io/file.h"
#include "player/helper.h"

enum {
    GOODBYE_MS = 2500, /* for hanging up, after the sound has stopped */
    EXTRA_MS = 5000    /* beyond the longest call there can be: it hangs */
};

struct sip_options {
    const char *uri, *from, *name, *user, *password_file, *proxy, *local, *alert_info, *tls_ca, *tls_name;
    struct opt_strs codecs;
    int64_t dscp, answer_within, connect_within;
    bool auto_answer, srtp;
};
struct sip_state {
    struct helper helper; /* first */
    char *codecs;
};

static const struct opt_row rows[] = {
    OPT_ROW("uri", OPT_STR, sip_options, uri, .required = true,
            .help = N_("whom to call: sip:page@10.1.2.3, with ;transport=tcp where UDP is not "
                       "spoken, with ;transport=tls encrypted")),
    OPT_ROW("from", OPT_STR, sip_options, from,
            .help = N_("who calls: sip:tocsin@pbx.example; default: this machine's address")),
    OPT_ROW("name", OPT_STR, sip_options, name, .deflt = "Tocsin",
            .help = N_("the name that a telephone shows")),
    OPT_ROW("user", OPT_STR, sip_options, user, .help = N_("for Digest authentication")),
    OPT_ROW("password_file", OPT_PATH, sip_options, password_file,
            .help = N_("a file with the password, mode 0600")),
    OPT_ROW("proxy", OPT_STR, sip_options, proxy,
            .help = N_("through which to call: sip:10.1.2.1; default: straight to the host of uri")),
    OPT_ROW("local", OPT_STR, sip_options, local,
            .help = N_("this machine's IP address towards the other side; default: the system's choice")),
    OPT_ROW("codecs", OPT_STRS, sip_options, codecs, .min = 1, .max = 3, .deflt = "[pcma, pcmu, g722]",
            .help = N_("what to offer, the preferred first")),
    OPT_ROW("tls_ca", OPT_PATH, sip_options, tls_ca,
            .help =
                N_("for ;transport=tls: a file with the certificates that the other side's is checked by; "
                   "default: the system's")),
    OPT_ROW("tls_name", OPT_STR, sip_options, tls_name,
            .help = N_("the name or address in its certificate; default: the host of proxy or uri")),
    OPT_ROW("srtp", OPT_BOOL, sip_options, srtp, .deflt = "false",
            .help = N_("encrypts the sound too (SRTP, key in the description); needs ;transport=tls, and who "
                       "does not answer so hears nothing")),
    OPT_ROW("dscp", OPT_INT, sip_options, dscp, .min = 0, .max = 63, .deflt = "46",
            .help = N_("mark for the network's quality of service; 46: expedited forwarding")),
    OPT_ROW("connect_within", OPT_DURATION, sip_options, connect_within, .min = 500, .max = 30000,
            .deflt = "4s",
            .help = N_("for the first word from the other side; later than that it is unreachable")),
    OPT_ROW("answer_within", OPT_DURATION, sip_options, answer_within, .min = 1000, .max = 60000,
            .deflt = "10s", .help = N_("so long it may ring")),
    OPT_ROW("auto_answer", OPT_BOOL, sip_options, auto_answer, .deflt = "true",
            .help = N_("asks telephones to answer by themselves (Call-Info, Alert-Info, Answer-Mode)")),
    OPT_ROW("alert_info", OPT_STR, sip_options, alert_info,
            .deflt = "<sip:tocsin>;info=alert-autoanswer;delay=0",
            .help = N_("the Alert-Info header of auto_answer; Poly: Ring-Answer")),
    {0},
};

static bool sip_place(const void *options, struct buf *out)
{
    const struct sip_options *set = options;
    buf_str(out, set->uri);
    return true;
}

static enum relay_err check_uri(const char *what, const char *uri, struct reason *why)
{
    if (strncmp(uri, "sips:", 5) == 0)
        return fail(why, RELAY_INVALID, _("%s: write sip:%s;transport=tls for an encrypted call"), what,
                    uri + 5);
    if (strncmp(uri, "sip:", 4) != 0 || strpbrk(uri + 4, " \t\r\n<>\"") || !uri[4])
        return fail(why, RELAY_INVALID, _("%s: `%s` is no address like sip:page@10.1.2.3"), what, uri);
    return RELAY_OK;
}

static bool by_tls(const char *uri)
{
    for (const char *at = strchr(uri, ';'); at; at = strchr(at + 1, ';')) {
        static const char tls[] = ";transport=tls";
        size_t n = sizeof(tls) - 1;
        if (strncasecmp(at, tls, n) == 0 && (!at[n] || at[n] == ';')) return true;
    }
    return false;
}

static enum relay_err check_tls(const struct sip_options *set, struct reason *why)
{
    if (by_tls(set->proxy ? set->proxy : set->uri)) {
        return set->tls_ca ? file_check(set->tls_ca, true, why) : RELAY_OK;
    }
    const char *idle = set->srtp ? "srtp" : set->tls_ca ? "tls_ca" : set->tls_name ? "tls_name" : NULL;
    if (!idle) return RELAY_OK;
    return fail(why, RELAY_INVALID, _("%s: only where %s ends in ;transport=tls"), idle,
                set->proxy ? "proxy" : "uri");
}

static enum relay_err sip_open(struct output *o, struct reason *why)
{
    const struct sip_options *set = o->options;
    struct sip_state *st = o->state;
    CLEANUP(secret_free_ptr) char *secret = NULL;
    enum relay_err err = check_uri("uri", set->uri, why);
    if (err == RELAY_OK && set->from) err = check_uri("from", set->from, why);
    if (err == RELAY_OK && set->proxy) err = check_uri("proxy", set->proxy, why);
    if (err == RELAY_OK) err = check_tls(set, why);
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
    if (err == RELAY_OK) err = helper_find(&st->helper, "tocsin-pa-sip", why);
    if (err != RELAY_OK) return err;
    st->codecs = xstrdup(set->codecs.items[0]);
    for (size_t i = 1; i < set->codecs.n; i++) {
        char *longer = xasprintf("%s,%s", st->codecs, set->codecs.items[i]);
        free(st->codecs);
        st->codecs = longer;
    }
    return RELAY_OK;
}

static enum relay_err sip_start(struct output *o, struct output_play *p, struct now now, struct reason *why)
{
    const struct sip_options *set = o->options;
    struct sip_state *st = o->state;
    struct helper_args a = {.n = 0};
    char dscp[24], connect_within[24], answer_within[24];
    (void)snprintf(dscp, sizeof(dscp), "%lld", (long long)set->dscp);
    helper_add(&a, "--to", set->uri);
    helper_add(&a, "--wav", p->play->wav);
    helper_add(&a, "--from", set->from);
    helper_add(&a, "--name", set->name);
    helper_add(&a, "--user", set->user);
    helper_add(&a, "--password-file", set->password_file);
    helper_add(&a, "--proxy", set->proxy);
    helper_add(&a, "--local", set->local);
    helper_add(&a, "--codecs", st->codecs);
    helper_add(&a, "--dscp", dscp);
    helper_add(&a, "--connect-within", duration_format(set->connect_within, connect_within));
    helper_add(&a, "--answer-within", duration_format(set->answer_within, answer_within));
    helper_add(&a, "--tls-ca", set->tls_ca);
    helper_add(&a, "--tls-name", set->tls_name);
    if (set->srtp) helper_flag(&a, "--srtp");
    if (set->auto_answer)
        helper_add(&a, "--alert-info", set->alert_info);
    else
        helper_flag(&a, "--no-auto-answer");
    int64_t longest = set->connect_within + set->answer_within + p->play->length_ms + GOODBYE_MS + EXTRA_MS;
    return helper_start(&st->helper, o, p, &a, longest, GOODBYE_MS, now, why);
}

static void sip_stop(struct output *o, struct output_play *p, struct now now)
{
    struct sip_state *st = o->state;
    helper_stop(&st->helper, p, now);
}

static void sip_close(struct output *o)
{
    struct sip_state *st = o->state;
    helper_release(&st->helper);
    free(st->codecs);
    st->codecs = NULL;
}

const struct output_ops output_sip = {
    .name = "sip",
    .options = rows,
    .options_size = sizeof(struct sip_options),
    .state_size = sizeof(struct sip_state),
    .play_size = 1,
    .place = sip_place,
    .open = sip_open,
    .start = sip_start,
    .stop = sip_stop,
    .close = sip_close,
};
