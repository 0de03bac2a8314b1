/* What outputs over HTTP share: where the device is, who we are there, and plays that take several requests, one after
 * the other. An output is a profile: it says what is asked next when an answer or a time has come.
 *
 *   device_open (in open) -> { device_begin -> device_ask -> profile.answered … device_wait -> profile.due … -> device_tell
 *   -> device_forget } … -> device_close (in close)
 *
 * A call outlives its play: what is to be tidied up on the device is asked after the player was told the end. p is NULL then.
 * The struct device stands first in the output's state.
 */
#ifndef TOCSIN_PLAYER_DEVICE_H
#define TOCSIN_PLAYER_DEVICE_H

#include "base/buf.h"
#include "io/http_client.h"
#include "player/output.h"

enum { DEVICE_WAV_MAX = 16 * 1024 * 1024 };

struct device_options {
    const char *url, *user, *password_file, *ca;
    bool allow_insecure;
    int64_t timeout;
};
/* The rows of an output's table whose struct embeds them as `device`. */
#define DEVICE_ROWS(type_)                                                                                   \
    OPT_ROW("url", OPT_STR, type_, device.url, .required = true,                                             \
            .help = N_("where the device is: https://10.1.2.3, with a path if it lies under one")),          \
        OPT_ROW("user", OPT_STR, type_, device.user,                                                         \
                .help = N_("for Digest or Basic authentication, as the device asks")),                       \
        OPT_ROW("password_file", OPT_PATH, type_, device.password_file,                                      \
                .help = N_("a file with the password, mode 0600")),                                          \
        OPT_ROW("ca", OPT_PATH, type_, device.ca,                                                            \
                .help = N_("certificates that the device's is checked against; default: the system's")),     \
        OPT_ROW("allow_insecure", OPT_BOOL, type_, device.allow_insecure,                                    \
                .help = N_("permits http:// and addresses of private networks")),                            \
        OPT_ROW("timeout", OPT_DURATION, type_, device.timeout, .min = 500, .max = 60000, .deflt = "5s",     \
                .help = N_("for each answer of the device"))

struct device_call;
struct device_profile {
    /* 2xx is for the profile to read; anything else has been told already, and the call is over. */
    void (*answered)(struct device_call *c, const struct http_answer *a, struct now now);
    void (*due)(struct device_call *c, struct now now); /* the time of device_wait has come */
    void (*stop)(struct device_call *c,
                 struct now now);             /* told already; what must be asked so that it is silent */
    void (*forgotten)(struct device_call *c); /* before c is freed; NULL: nothing points to it */
    bool
        stop_at_once; /* silence may be asked for beside a request that still waits for its answer, and is again after it */
};

struct device {
    const struct device_options *set;
    const struct device_profile *profile;
    char *userpwd, *bearer;
    struct device_call *calls;
};

struct device_call {
    struct device_call *next;
    struct output *output;
    struct output_play *p; /* NULL: told */
    int64_t length_ms, started;
    bool in_flight, stopped;
    int64_t due; /* mono; INT64_MAX: none */
    int step;    /* the profile's, with what follows */
    int tries;
    long clip;
    int64_t give_up; /* mono */
    char name[128];
};

/* Whether the options can be used at all, and the password be read. */
enum relay_err device_check(const struct device_options *set, struct reason *why) MUST_CHECK;
/* token_file: NULL, or a file with a Bearer token. */
enum relay_err device_open(struct output *o, const struct device_options *set,
                           const struct device_profile *profile, const char *token_file,
                           struct reason *why) MUST_CHECK;
struct device_call *device_begin(struct output *o, struct output_play *p, struct now now);

struct device_request {
    const char *method, *path;
    const char *const *headers; /* NULL-terminated; may be NULL */
    const void *body;
    size_t n;
};
/* On failure nothing is in flight. */
enum relay_err device_ask(struct device_call *c, const struct device_request *r,
                          struct reason *why) MUST_CHECK;
void device_wait(struct device_call *c, int64_t until);
void device_tell(struct device_call *c, struct now now, enum play_end end, const char *detail);
void device_forget(struct device_call *c); /* frees it; told before, and nothing in flight */

/* For the output's table. */
void device_stop(struct output *o, struct output_play *p, struct now now);
void device_turn(struct output *o, struct now now);
int64_t device_next_due(const struct output *o);
void device_close(struct output *o);

#endif
