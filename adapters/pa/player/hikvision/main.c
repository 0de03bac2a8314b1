/* tocsin-pa-hikvision: one play on a Hikvision loudspeaker or camera, by the two-way audio of ISAPI. Written from what is
 * public about the interface, tried against a mock only.
 *
 * A program of its own, run by tocsin-pa once a play, because the sound must leave as fast as it is spoken, 20 ms by 20 ms,
 * whatever the player is doing: open, one long PUT of G.711, close. It ends with a code of helper_end.h and a few words on
 * standard error. SIGTERM stops the sound at once and then closes.
 */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/http_client.h"
#include "io/options.h"
#include "player/audio.h"
#include "player/helper_end.h"
#include "player/rtp.h"

enum {
    RATE = 8000,
    BLOCK = 160,   /* bytes of 20 ms */
    AHEAD_MS = 60, /* what the device may have before its time */
    ANSWER_MAX = 64 * 1024,
    AFTER_MS = 2000, /* some devices say nothing to the sound when it is over */
    STALL_S = 5,     /* a device that takes nothing for so long is gone */
    CLOSE_MS = 2000,
    PATH_MAX_LEN = 512
};

struct options {
    const char *url, *channel, *codec, *user, *password_file, *ca, *wav;
    int64_t timeout_ms;
    bool insecure;
};

struct session {
    struct options set;
    CURL *easy;
    char *userpwd;
    uint8_t *sound;
    size_t n, sent;
    int64_t began; /* monotonic ms; of the sound; 0: not yet */
    int64_t ended; /* when the last byte left; 0: not yet */
    struct buf answer;
    char id[64]; /* of the session; "" where the device gives none */
    char base[PATH_MAX_LEN], words[CURL_ERROR_SIZE];
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    (void)sig;
    stopped = 1;
}

/* ---- What curl calls ---- */

/* Blocks until the next 20 ms are due: an absolute time, so that no error adds up. */
static size_t give_sound(char *out, size_t size, size_t count, void *arg)
{
    struct session *s = arg;
    size_t n = s->n - s->sent < BLOCK ? s->n - s->sent : BLOCK;
    if (n > size * count) n = size * count;
    if (!s->began) s->began = clock_now().mono;
    int64_t due = s->began + (int64_t)(s->sent * 1000 / RATE) - AHEAD_MS;
    const struct timespec at = {due / 1000, (due % 1000) * 1000000};
    while (n > 0 && !stopped && clock_now().mono < due &&
           clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &at, NULL) == EINTR) {
    }
    if (stopped) return CURL_READFUNC_ABORT;
    memcpy(out, s->sound + s->sent, n);
    s->sent += n;
    if (s->sent == s->n && !s->ended) s->ended = clock_now().mono;
    return n;
}

/* The whole sound again, where the device asks for the password in the middle; never when something has sounded. */
static int rewind_sound(void *arg, curl_off_t offset, int origin)
{
    struct session *s = arg;
    if (offset != 0 || origin != SEEK_SET || s->sent > (size_t)BLOCK * 10) return CURL_SEEKFUNC_FAIL;
    s->sent = 0;
    s->began = s->ended = 0;
    return CURL_SEEKFUNC_OK;
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *arg)
{
    struct session *s = arg;
    buf_add(&s->answer, bytes, size * count);
    return buf_failed(&s->answer) ? 0 : size * count;
}

static int watch(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct session *s = arg;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    if (stopped && s->began) return 1;
    return s->ended && clock_now().mono - s->ended > AFTER_MS;
}

/* ---- Requests ---- */

/* Adds up the results so that one look at the end is enough. */
#define SET(option, value)                                                                                   \
    do {                                                                                                     \
        CURLcode set_code = curl_easy_setopt(s->easy, option, value);                                        \
        if (set_code != CURLE_OK && code == CURLE_OK) code = set_code;                                       \
    } while (0)

static CURLcode prepare(struct session *s, const char *url)
{
    CURLcode code = CURLE_OK;
    buf_clear(&s->answer);
    s->words[0] = '\0';
    SET(CURLOPT_URL, url);
    SET(CURLOPT_ERRORBUFFER, s->words);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USERAGENT, "tocsin-pa/" TOCSIN_VERSION);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROTOCOLS_STR, s->set.insecure ? "http,https" : "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (s->set.ca) SET(CURLOPT_CAINFO, s->set.ca);
    if (s->userpwd) {
        SET(CURLOPT_USERPWD, s->userpwd);
        SET(CURLOPT_HTTPAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
    }
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)s->set.timeout_ms);
    SET(CURLOPT_WRITEFUNCTION, take_answer);
    SET(CURLOPT_WRITEDATA, s);
    SET(CURLOPT_XFERINFOFUNCTION, watch);
    SET(CURLOPT_XFERINFODATA, s);
    return code;
}

/* PUT without a body: open and close. */
static CURLcode put_nothing(struct session *s, const char *path, int64_t timeout_ms)
{
    CLEANUP(free_ptr) char *url = xasprintf("%s/%s", s->base, path);
    CURLcode code = prepare(s, url);
    SET(CURLOPT_UPLOAD, 0L);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, "");
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
    SET(CURLOPT_CUSTOMREQUEST, "PUT");
    SET(CURLOPT_HTTPHEADER, NULL);
    SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    SET(CURLOPT_NOPROGRESS, 1L);
    return code == CURLE_OK ? curl_easy_perform(s->easy) : code;
}

static CURLcode put_sound(struct session *s)
{
    CLEANUP(free_ptr)
    char *url = xasprintf("%s/audioData%s%s", s->base, s->id[0] ? "?sessionId=" : "", s->id);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
    headers = curl_slist_append(headers, "Expect:");
    CURLcode code = prepare(s, url);
    SET(CURLOPT_CUSTOMREQUEST, NULL);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)s->n);
    SET(CURLOPT_READFUNCTION, give_sound);
    SET(CURLOPT_READDATA, s);
    SET(CURLOPT_SEEKFUNCTION, rewind_sound);
    SET(CURLOPT_SEEKDATA, s);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_TIMEOUT_MS, 0L);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    SET(CURLOPT_NOPROGRESS, 0L);
    if (code == CURLE_OK) code = curl_easy_perform(s->easy);
    (void)curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, NULL); /* NULL is always taken */
    (void)curl_easy_setopt(s->easy, CURLOPT_LOW_SPEED_TIME, 0L);
    curl_slist_free_all(headers);
    return code;
}

/* ---- What the device says ---- */

/* The text of the first element with this name, without its prefix; false: none. */
static bool element(const char *xml, const char *name, char *out, size_t size)
{
    char open[64];
    (void)snprintf(open, sizeof(open), "<%s>", name);
    const char *at = strstr(xml, open), *end = at ? strchr(at + strlen(open), '<') : NULL;
    if (!end || (size_t)(end - at) - strlen(open) >= size) return false;
    at += strlen(open);
    memcpy(out, at, (size_t)(end - at));
    out[end - at] = '\0';
    return true;
}

static int say(enum helper_end end, const char *words)
{
    if (words && *words) (void)fprintf(stderr, "%s\n", words);
    return (int)end;
}

static int no_answer(const struct session *s, CURLcode code)
{
    bool unreachable = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR)
        return say(END_DECLINED, s->words[0] ? s->words : curl_easy_strerror(code));
    return say(unreachable                        ? END_UNREACHABLE
               : code == CURLE_OPERATION_TIMEDOUT ? END_NO_ANSWER
                                                  : END_TROUBLE,
               curl_easy_strerror(code));
}

/* A ResponseStatus says 1 for good, 2 for busy; some devices say so with HTTP 200. */
static int judge(const struct session *s, bool *ret_good)
{
    char words[128], code[16] = "", more[64] = "";
    long http = 0;
    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &http); /* 0 is a fine answer */
    const char *xml = buf_cstr(&s->answer);
    bool has_status = element(xml, "statusCode", code, sizeof(code));
    if (!element(xml, "subStatusCode", more, sizeof(more)) || strcmp(more, "ok") == 0)
        (void)element(xml, "statusString", more, sizeof(more));
    (void)snprintf(words, sizeof(words), "HTTP %ld %s", http, more);
    *ret_good = false;
    if (http == 401) return say(END_AUTH, words);
    if (strcmp(code, "2") == 0 || strcasecmp(more, "deviceBusy") == 0) return say(END_BUSY, words);
    if (http == 403) return say(END_AUTH, words);
    if (http == 404 || http == 405) return say(END_NO_SUCH, words);
    if (http >= 500 || http < 200) return say(END_TROUBLE, words);
    if (http >= 300) return say(END_DECLINED, words);
    if (has_status && strcmp(code, "1") != 0) return say(END_TROUBLE, words);
    *ret_good = true;
    return END_PLAYED;
}

/* ---- One play ---- */

static int play(struct session *s)
{
    bool good;
    CURLcode code = put_nothing(s, "open", s->set.timeout_ms);
    if (code != CURLE_OK) return no_answer(s, code);
    int end = judge(s, &good);
    if (!good) return end;
    const char *xml = buf_cstr(&s->answer);
    if (!element(xml, "sessionId", s->id, sizeof(s->id)) && !strstr(xml, "ResponseStatus") &&
        !strstr(xml, "TwoWayAudioSession"))
        return say(END_TROUBLE, "the device's answer is not understood");
    if (strspn(s->id, "0123456789abcdefABCDEF-") != strlen(s->id))
        return say(END_TROUBLE, "the device's session has a strange name");
    code = stopped ? CURLE_ABORTED_BY_CALLBACK : put_sound(s);
    bool whole = s->ended != 0, silent = whole && code == CURLE_ABORTED_BY_CALLBACK && !stopped;
    if (code == CURLE_OK) {
        end = judge(s, &good);
        whole = whole && good;
    } else if (!silent && !stopped) {
        end = say(code == CURLE_OPERATION_TIMEDOUT ? END_LOST : END_HUNG_UP, curl_easy_strerror(code));
    }
    /* The device must not stay occupied, whatever went wrong; and its answer shows that it was there to the end. */
    CLEANUP(free_ptr) char *path = xasprintf("close%s%s", s->id[0] ? "?sessionId=" : "", s->id);
    CURLcode closed = put_nothing(s, path, CLOSE_MS);
    if (stopped) return say(END_STOPPED, "stopped");
    if (!whole && !silent) return end;
    if (closed != CURLE_OK) return say(END_LOST, curl_easy_strerror(closed));
    return END_PLAYED;
}

static enum relay_err load(struct session *s, struct reason *why)
{
    CLEANUP(audio_release) struct audio a = {0};
    enum relay_err err = audio_load(&a, s->set.wav, why);
    if (err == RELAY_OK && a.rate != RATE) err = audio_resample(&a, RATE, why);
    if (err != RELAY_OK) return err;
    bool a_law = strcmp(s->set.codec, "pcma") == 0;
    s->n = a.n;
    s->sound = xmalloc(a.n + 1);
    for (size_t i = 0; i < a.n; i++) {
        int16_t pcm = audio_16_bit(a.samples[i]);
        s->sound[i] = a_law ? rtp_alaw(pcm) : rtp_ulaw(pcm);
    }
    return RELAY_OK;
}

static const struct option longs[] = {
    {"url", required_argument, NULL, 'u'},           {"channel", required_argument, NULL, 'n'},
    {"codec", required_argument, NULL, 'c'},         {"user", required_argument, NULL, 'U'},
    {"password-file", required_argument, NULL, 'p'}, {"ca", required_argument, NULL, 'a'},
    {"wav", required_argument, NULL, 'w'},           {"timeout", required_argument, NULL, 't'},
    {"allow-insecure", no_argument, NULL, 'i'},      {0}};

static bool read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.channel = "1", .codec = "pcmu", .timeout_ms = 5000};
    const char **const strings[] = {
        ['u'] = &o->url,           ['n'] = &o->channel, ['c'] = &o->codec, ['U'] = &o->user,
        ['p'] = &o->password_file, ['a'] = &o->ca,      ['w'] = &o->wav};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'i')
            o->insecure = true;
        else if (c == 't' && duration_parse(optarg, &o->timeout_ms) == RELAY_OK && o->timeout_ms > 0)
            continue;
        else if (c > 0 && (size_t)c < ARRAY_LEN(strings) && strings[c])
            *strings[c] = optarg;
        else
            return false;
    }
    return optind == argc && o->url && o->wav && strspn(o->channel, "0123456789") == strlen(o->channel) &&
           (strcmp(o->codec, "pcmu") == 0 || strcmp(o->codec, "pcma") == 0);
}

int main(int argc, char **argv)
{
    struct session s = {.answer = BUF_INIT(ANSWER_MAX)};
    struct reason why;
    CLEANUP(secret_free_ptr) char *secret = NULL;
    const struct sigaction act = {.sa_handler = on_signal};
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody is left who could stop us */
    (void)sigaction(SIGTERM, &act, NULL);   /* these arguments cannot be refused */
    (void)sigaction(SIGINT, &act, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!read_options(argc, argv, &s.set))
        return say(
            END_USAGE,
            "usage: tocsin-pa-hikvision --url https://HOST --wav FILE [--channel N] [--codec pcmu|pcma]\n"
            "  [--user U --password-file F] [--ca FILE] [--timeout 5s] [--allow-insecure]");
    if (http_url_check(s.set.url, s.set.insecure, &why) != RELAY_OK) return say(END_USAGE, why.text);
    if (s.set.password_file && secret_read(s.set.password_file, &secret, &why) != RELAY_OK)
        return say(END_FAULT, why.text);
    if (load(&s, &why) != RELAY_OK) return say(END_FAULT, why.text);
    size_t length = strlen(s.set.url);
    while (length > 0 && s.set.url[length - 1] == '/') length--;
    (void)snprintf(s.base, sizeof(s.base), "%.*s/ISAPI/System/TwoWayAudio/channels/%s", (int)length,
                   s.set.url, s.set.channel);
    if (s.set.user && secret) s.userpwd = xasprintf("%s:%s", s.set.user, secret);
    int end = END_FAULT;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && (s.easy = curl_easy_init())) {
        end = play(&s);
        curl_easy_cleanup(s.easy);
    }
    curl_global_cleanup();
    free(s.userpwd);
    free(s.sound);
    buf_release(&s.answer);
    return end;
}
