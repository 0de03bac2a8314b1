/* Shared by the files of dispatch: dispatch.c (the turn and what is due), dispatch_message.c (texts), dispatch_outcome.c
 * (the channel's word), dispatch_people.c (what devices and people say, reloads). Nobody else. */
#ifndef TOCSIN_RELAY_DISPATCH_INTERNAL_H
#define TOCSIN_RELAY_DISPATCH_INTERNAL_H

#include "dispatch.h"

#include "base/mem.h"

enum { CLAIM_ROWS = 512 };
#define BACKOFF_FIRST (1 * SECOND_MS)
#define BACKOFF_MOST  (60 * SECOND_MS)
/* How the reason begins of a row that waits for somebody to mend its target. */
#define DISABLED "disabled: "

struct send { /* one operation under way */
    struct send *next, *prev;
    struct relay *relay;
    struct targets *held; /* keeps target alive over a reload */
    struct relay_target *target;
    int64_t *rows;       /* delivery row ids; the first carries a digest */
    size_t *row_message; /* the message of each row */
    size_t n_rows;
    struct message *messages;
    size_t n_messages;
    struct snapshot snapshot;
    struct arena arena;
    int64_t started;           /* wall */
    struct delivery_row first; /* of messages: as it was claimed */
    struct send_outcome outcome;
};

struct send_list {
    struct send *first, *last;
};

struct pending_report {
    struct pending_report *next;
    struct report r;
    bool applied; /* in the open transaction */
};

/* Texts of the last fan-outs: a committed one never changes. */
enum { RENDERINGS = 256 };
struct rendering {
    int64_t id;
    struct cJSON *body;
};

enum { SILENCES_KNOWN = 509 };

struct dispatch {
    struct send_list claimed; /* in the open transaction, not started */
    struct send_list running; /* handed to adapters */
    struct send_list done;    /* their outcomes wait for a collect */
    int n_done;
    int64_t done_at;          /* the first of them, wall */
    struct send_list applied; /* outcome written in the open transaction */
    struct pending_report *reports, **reports_end;
    struct {
        bool known;
        int rev;
        struct alert_row alert;
        struct revision_row revision;
    } last; /* of dispatch_source */
    struct rendering renderings[RENDERINGS];
    struct {
        int64_t alert, silence;
    } silenced[SILENCES_KNOWN]; /* what silence_of_alert said in this claim */
    int in_flight;              /* of chats, whose channel has not answered yet */
    int64_t show_at;            /* when the next snapshot may go, as the last claim saw it */
    struct delivery_row rows[CLAIM_ROWS];
    int64_t *woken; /* targets whose rows waited for one under way, which has finished */
    size_t n_woken, cap_woken;
    bool again; /* more was due than one claim takes */
};

void sends_push(struct send_list *l, struct send *s); /* at the end: the gravest was claimed first */
void sends_remove(struct send_list *l, struct send *s);

/* A held row that may go, but for the hour: in the target's quiet hours it is held until their end. True when it was. */
bool dispatch_hold_quiet(struct relay *r, const struct relay_target *t, struct delivery_row *d);

/* The target is used again: what waited for that is due. */
void dispatch_wake_disabled(struct relay *r, const struct relay_target *t);

/* 1 s, 2 s, 4 s … 60 s after the row's last attempt, spread. */
int64_t dispatch_backoff(const struct delivery_row *d);

/* The alert and the revision of a row. A fan-out asks for the same ones thousands of times: the last are kept until
 * dispatch_claim begins again. False when they cannot be read. */
struct source {
    const struct alert_row *alert;
    const struct revision_row *revision;
};
bool dispatch_source(struct relay *r, const struct delivery_row *d, struct source *ret);

/* Everything an adapter may know of a delivery, from the committed rows, in op's arena. False when they cannot be read. */
bool dispatch_message(struct relay *r, struct send *op, const struct delivery_row *d,
                      const struct alert_row *alert, const struct revision_row *rev, struct message *m);

/* After a failed commit: what was read in it may not be there, and its numbers come again. Also the end of both caches. */
void dispatch_forget_texts(struct dispatch *d);

/* What a finished send means for its rows and its target; inside the open transaction. */
void dispatch_apply_outcome(struct relay *r, struct send *op);
/* A device's or person's word; inside the open transaction. */
void dispatch_apply_report(struct relay *r, const struct report *p);

#endif
