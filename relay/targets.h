/* Every place in the world that the configuration names, one entry each: zones, wards, bulletins, chats. Built from a
 * configuration; a reload builds a new list aside. Operations under way hold on to the list they began with.
 *
 *   targets_new -> targets_bind (rows in the store, adapters opened) -> targets_hold / targets_release
 */
#ifndef TOCSIN_RELAY_TARGETS_H
#define TOCSIN_RELAY_TARGETS_H

#include "adapters/adapter.h"
#include "config.h"
#include "store.h"

/* What a chat has heard today; counted when a send is claimed, kept in the store's table of the same name. told.c */
struct told_rule {
    char *rule; /* "": digests and reminders */
    int n;
};
struct told {
    int day; /* 20261122 in the relay's zone; of another day: nothing */
    int total;
    struct told_rule *rules;
    size_t n;
};

/* Ears, ears at the hour, eyes, telephones. */
enum target_class { TO_SPEECH, TO_BULLETIN, TO_BOARD, TO_CHAT };

struct relay_target {
    struct target pub; /* what adapters see */
    enum target_class class;
    const struct adapter_ops *ops;
    void *ctx;                      /* the adapter's, shared by all targets of its kind */
    const struct site_config *site; /* NULL for chats */
    const struct chat_config *chat; /* NULL for the others */
    const char *issuer, *help;
    const char *const *areas; /* codes without trailing 00; none: everywhere */
    size_t n_areas;
    bool drills, night;
    struct opt_windows quiet;
    double rate_ms, burst; /* tokens a millisecond; 0: no limit */
    struct target_row row; /* as stored: tokens, pause, snapshot revision */
    int in_flight;
    bool rows_wait;       /* for one of them to finish */
    struct told told;     /* chats: messages of today */
    struct targets *list; /* it is in */
    struct relay_target *show_next;
    bool show_due, show_listed; /* a state target with something new to show; see target_show */
    bool show_grave;            /* … which is red: before others */
    bool left_out;              /* its last snapshot has not all that it shows: dispatch_show_left_out */
    int64_t refresh_at;         /* … and when it will have, by its adapter; wall, 0: not known */
    bool was_disabled;          /* until this configuration: what waited for that goes now */
    bool broken;                /* check failed at load: deliveries are rejected with `why` */
    char why[160];
};

struct adapter_slot { /* an adapter some target uses */
    const struct adapter_ops *ops;
    void *ctx;
    bool open;
};

struct site_standing {
    enum site_mode mode;      /* as a person set it, else as configured */
    enum site_mode committed; /* what it goes back to when the commit fails */
};

struct targets {
    struct relay_target *items;
    size_t n;
    struct site_standing *sites; /* in the configuration's order */
    struct arena arena;
    struct relay_config *config; /* outlives the list; see targets_keep_config */
    struct relay_config *owned;
    int holds;
    struct show_list {
        struct relay_target *first, *last;
    } show[2];                   /* those to show, and perhaps others: red ones, then the rest */
    int64_t refresh_next;        /* the soonest refresh_at, or sooner; INT64_MAX none */
    struct targets_index *index; /* by id and by row */
};

/* Never fails: a target whose kind does not exist was refused by config_load. */
struct targets *targets_new(struct relay_config *c);
void targets_hold(struct targets *t);
void targets_release(struct targets *t); /* frees at the last release */
/* After a reload: the old configuration lives as long as operations that read it. */
void targets_keep_config(struct targets *t, struct relay_config *c);

/* Gives each target its row and its adapter's ctx, and lets the adapter check it. */
void targets_bind(struct targets *t, struct store *s, struct adapter_slot *slots, size_t n_slots);

/* Of the target's site; a chat has none, and is live. */
enum site_mode target_mode(const struct relay_target *t);
void targets_set_mode(struct targets *t, const struct site_config *site, enum site_mode mode);
/* After a turn in which a person changed a site's mode: what it is now stays, or what it was comes back. */
void targets_modes_settle(struct targets *t, bool committed);

struct relay_target *targets_by_id(const struct targets *t, const char *id);
struct relay_target *targets_by_row(const struct targets *t, int64_t row);

/* True when one of the target's areas and one of the space-separated `areas` are equal or one is the other's prefix. */
bool target_in_areas(const struct relay_target *t, const char *areas);

/* For walks over rows of targets that are shown: target_show of the row's target, if it is configured. */
void targets_show_row(void *targets, int64_t row);

/* A state target has something new to show: a snapshot is due. Red: before the others. */
void target_show(struct relay_target *t);
void target_show_red(struct relay_target *t);
/* Its adapter has something else to show at this time. */
void target_show_at(struct relay_target *t, int64_t wall);
/* The first of those that target_show named and that may still have something to show; NULL at the end. Who cannot show it
 * now calls target_show_later: then it is asked again. */
struct relay_target *targets_take_shown(struct targets *t);
bool targets_shown(const struct targets *t); /* there is one */
void target_show_later(struct relay_target *t);

/* The end of the quiet hours the target is in; 0 when it is in none, or red may pass. */
int64_t target_quiet_until(const struct relay_target *t, enum level level, int64_t now);

/* Tokens of the bucket now, refilled; and taking n of them. */
double target_tokens(struct relay_target *t, int64_t wall);
void target_take(struct relay_target *t, int64_t wall, double n);
void told_release(struct told *t);

/* When one more message may go: now, or later. INT64_MAX while it is disabled. */
int64_t target_ready_at(struct relay_target *t, int64_t wall);

#endif
