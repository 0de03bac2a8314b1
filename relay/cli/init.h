/* tocsin init: from a few answers to every file that a hospital's relay, player and broker need.
 *
 *   answers (init_answers.c) -> plan: codes and ids found -> texts (init_files.c) -> written (init_write.c)
 *
 * Run again it keeps what is there: answers are remembered in init.yaml, passwords are never made anew, and a file that
 * would change is shown with its difference and asked about. Everything lives in the arena of the answers.
 */
#ifndef TOCSIN_RELAY_CLI_INIT_H
#define TOCSIN_RELAY_CLI_INIT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/event.h"
#include "base/mem.h"
#include "io/options.h"

enum init_way { WAY_RTP, WAY_SIP, WAY_ALSA, WAY_FILE, WAY_COMMAND, WAY_NONE };
#define INIT_DEMO_FEED "demo"
#define INIT_DUTY_CHAT "duty-group"

struct init_duty {
    int type; /* index into init_duty_types */
    const char *url_file, *url;
    const char *secret_file,
        *secret; /* of the signature guard of DingTalk and Feishu; secret: typed, never saved */
    bool allow_insecure;
};
struct init_speakers {
    int way; /* enum init_way */
    const char *address, *device, *dir;
    int64_t port;
    struct opt_strs run, uris;
    const char *user, *password_file, *password; /* sip; password: typed, never saved */
};
struct init_broker {
    const char *host;
    int64_t port;
};
struct init_answers {
    struct arena arena;
    const char *hospital, *site, *district, *issuer, *help;
    struct opt_strs zones; /* "hall", "门诊大厅", "hall 二楼大厅" */
    struct opt_strs wards; /* "三病区", "w3 三病区" */
    struct opt_strs feeds; /* "sn-cmcc carrier" */
    int approve;
    struct init_duty duty;
    struct init_speakers speakers;
    struct init_broker broker;
    const char *relay, *state_dir, *pa_state_dir, *listen;
};

extern const struct opt_row init_rows[];
enum { DUTY_WECOM }; /* the first of init_duty_types, and the one without a signature */
extern const char *const init_duty_types[], *const init_approvals[], *const init_ways[];

struct init_zone {
    const char *id, *class, *name;
    bool silent;
};
struct init_ward {
    const char *id, *name;
};
struct init_feed {
    const char *id, *type;
    bool live;
};
struct init_plan {
    const struct init_answers *a;
    char area[AREA_LEN + 1], city[AREA_LEN + 1];
    const char *area_name;
    const char *site, *relay; /* ids; made of the area's code where none was given */
    struct init_zone *zones;
    struct init_ward *wards;
    struct init_feed *feeds; /* the first is INIT_DEMO_FEED */
    size_t n_zones, n_wards, n_feeds;
    bool player;     /* there are loudspeakers */
    bool duty;       /* there is a duty group */
    bool duty_signs; /* and its messages are signed */
};

/* --- init_answers.c --- */
void init_defaults(struct init_answers *a);
/* Fills `a` from the file; every problem is printed. false: nothing can be done with it. */
bool init_load(struct init_answers *a, const char *path, bool complete);
void init_save(const struct init_answers *a, struct buf *out); /* without addresses that hold a key */
/* Commas of either kind, semicolons and line ends part the items. */
struct opt_strs init_split(struct arena *a, const char *text);
/* One part of the answers each; the reason says what is possible. */
enum relay_err init_find_area(const struct init_answers *a, struct init_plan *p,
                              struct reason *why) MUST_CHECK;
enum relay_err init_find_zones(struct init_answers *a, struct init_plan *p, struct reason *why) MUST_CHECK;
enum relay_err init_find_wards(struct init_answers *a, struct init_plan *p, struct reason *why) MUST_CHECK;
enum relay_err init_find_feeds(struct init_answers *a, struct init_plan *p, struct reason *why) MUST_CHECK;
enum relay_err init_check_text(const char *text, struct reason *why) MUST_CHECK;
enum relay_err init_plan(struct init_answers *a, struct init_plan *ret, struct reason *why) MUST_CHECK;

/* --- init_files.c: texts --- */
void init_relay_yaml(const struct init_plan *p, struct buf *out);
void init_pa_yaml(const struct init_plan *p, struct buf *out);
void init_broker_conf(const struct init_plan *p, const char *dir, struct buf *out);
void init_broker_acl(const struct init_plan *p, struct buf *out);
void init_site_yaml(const struct init_plan *p, struct buf *out); /* a file of sites.d */
void init_site_acl(const struct init_plan *p,
                   struct buf *out); /* what another hospital adds to the access list */

/* --- init_write.c --- */
struct init_writer {
    const char *dir;
    bool yes; /* replaces without asking */
    bool ask; /* a person sits there */
    bool dry; /* shows, writes nothing */
    char *(*answer)(
        void);   /* one line of the person's, for the question that was just printed; NULL at the end */
    size_t kept; /* files that differ and were left alone */
    bool failed;
};
void init_folder(struct init_writer *w, const char *path, unsigned mode, const char *owner);
char *init_read(const struct init_writer *w,
                const char *name); /* NULL when it is not there; the caller frees */
/* Shows the difference of a file that exists, and asks. */
void init_put(struct init_writer *w, const char *name, const struct buf *text, unsigned mode,
              const char *owner);
/* Adds what the old list says of users that the new one does not know: other hospitals, and what a person wrote. */
void init_keep_users(const struct init_writer *w, const char *name, struct buf *acl);
/* Never shown. NULL text: made at random unless the file is there. The secret in force is the caller's to free. */
char *init_secret(struct init_writer *w, const char *name, const char *text, const char *owner);
/* mosquitto's password file: lines of our users, other lines and passwords that still fit are kept. */
struct init_login {
    const char *user;
    char *password;
};
void init_logins(struct init_writer *w, const char *name, const struct init_login *logins, size_t n);

/* --- broker_password.c: mosquitto's format, "user:$7$iterations$salt$hash", PBKDF2 with SHA-512 --- */
enum relay_err broker_password_hash(const char *password, char **ret, struct reason *why) MUST_CHECK;
bool broker_password_fits(const char *hash, const char *password);

#endif
