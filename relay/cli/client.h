/* How the command line reaches the daemon: HTTP with JSON over <state_dir>/control.sock. Without a daemon lists are read
 * from the store over a read-only connection; changes fail with `relay is not running`. */
#ifndef TOCSIN_RELAY_CLI_CLIENT_H
#define TOCSIN_RELAY_CLI_CLIENT_H

#include <cjson/cJSON.h>

#include "base/err.h"
#include "config.h"
#include "list.h"

/* Options that operators' verbs share. */
struct client {
    const char *config_path;
    struct relay_config *config; /* loaded by client_open */
    bool json;                   /* print what the daemon said, as it said it */
    const char *by, *reason;
    struct list_filter filter;
    bool review, yes;
    const char *month, *half, *from, *to; /* days of a report */
    bool csv, html, trial;
    const char *since;        /* how far back, "7d" */
    const char *text;         /* of a rule, for a post */
    const char *lasts, *site; /* --for, --site */
    const char *matchers[16]; /* --matcher, each time it is given */
    int n_matchers;
    const char *port;   /* --port */
    const char *keep;   /* --keep */
    const char *output; /* -o */
    bool qr;            /* addresses as QR codes as well */
    char **rest;        /* what is not an option */
    int n_rest;
};

/* Reads options (each also by --help) and the configuration. An exit code, or -1 to go on. `usage` is the whole text. */
int client_open(struct client *c, int argc, char **argv, const char *usage);
bool client_more_words(const struct client *c,
                       const char *usage); /* where there are none to be: prints the usage */
void client_close(struct client *c);

/* GET path with the filter as query and id (may be NULL); the caller frees *ret. RELAY_OFFLINE without a daemon. */
enum relay_err client_get(const struct client *c, const char *path, const char *id, cJSON **ret,
                          struct reason *why) MUST_CHECK;
/* POST {"id","by","reason"} and, where given, {"for","site","matchers","text"}. RELAY_OFFLINE with words without a daemon. */
enum relay_err client_post(const struct client *c, const char *path, const char *id, cJSON **ret,
                           struct reason *why) MUST_CHECK;
/* Until the relay has read its rules and configuration anew. RELAY_CONFLICT: it goes on with the old ones, and why says what
 * to mend. */
enum relay_err client_wait_reload(const struct client *c, struct reason *why) MUST_CHECK;
/* What the daemon would answer, from the store. */
typedef enum relay_err (*client_offline_fn)(struct db *db, const struct client *c, const char *id,
                                            struct buf *ret, struct reason *why);
/* A list or thing: from the daemon, else by `offline` over the read-only store. */
enum relay_err client_read(const struct client *c, const char *path, const char *id,
                           client_offline_fn offline, cJSON **ret, struct reason *why) MUST_CHECK;

/* The same from the store, whether there is a daemon or not. */
enum relay_err client_read_store(const struct client *c, const char *id, client_offline_fn read, cJSON **ret,
                                 struct reason *why) MUST_CHECK;

int client_failed(const struct reason *why); /* prints it; EXIT_FAILED */
void client_print_json(const cJSON *j);

/* A table for people: columns as wide as their widest cell (Han count double), the last one unpadded. */
struct column {
    const char *member, *title;
};
void client_print_table(const cJSON *rows, const struct column *columns, size_t n);
/* "18:34:05" today, else "11-22 18:34", with the year when it is another; "-" for null. */
const char *client_time(const cJSON *row, const char *member, char out[static 24]);

#endif
