/* What is to be done about what is true. Pure: no store, no clock, no configuration beyond what is passed in.
 * Design section 8. alerts.c asks these questions in this order and writes the rows.
 */
#ifndef TOCSIN_RELAY_DECIDE_H
#define TOCSIN_RELAY_DECIDE_H

#include "base/alert.h"
#include "base/buf.h"
#include "config.h"
#include "rules/rules.h"
#include "store.h"
#include "targets.h"

/* 1. The first by rule_hit_before of the certain matches of rules that are stable, else of those in test. NULL: none. */
const struct rule *decide_rule(const struct rule_hit *hits, size_t n);

/* Exercise for a rule in test, else the event's own status. */
enum cap_status decide_status(const struct rule *r, const struct event *e);

/* The relay's own expiry: the sooner of the event's and observed (else sent) plus the rule's. Wall ms. */
int64_t decide_expiry(const struct rule *r, const struct event *e);

/* 2. "rule=medins_card_suspended area4=6101 status=Actual": status always, then the labels of group_by
 * (bits 1u << enum label). */
void decide_fingerprint(unsigned group_labels, const struct rule *r, const struct event *e, const char *feed,
                        const char *site, struct buf *ret);

/* By what the event counts together with others, for a rule that correlates; 0: it has nothing of that kind. `key` hides what
 * is in the text. */
int64_t decide_value(const struct rule *r, const struct event *e, const uint8_t key[static 16]);

/* 3. What one more event means for its group. With an alert in force, too, an event of a rule that correlates counts only where
 * its own value has met the rule: others stay candidates. */
enum decision { DECIDE_CANDIDATE, DECIDE_ALERT, DECIDE_COUNT, DECIDE_UPDATE };
struct judgement {
    enum decision what;
    enum certainty certainty;
    enum level level;
};
/* `active` is the group's alert in force, or NULL. confirmed: a named person says it is real. */
struct judgement decide_group(const struct rule *r, const struct group_state *g,
                              const struct alert_row *active, bool confirmed);

/* 4. What becomes of one revision for one selected target. */
struct delivery_facts {
    int64_t now, expires;
    enum target_class class;
    enum msg_type msg_type;
    enum level level;
    enum certainty certainty;
    enum site_mode mode;    /* of the target's site; for chats the boldest of the sites in the area */
    enum audience audience; /* chats */
    bool fresh;             /* not older than relay.fresh */
    bool needs_person;      /* the area was guessed, or is wider than wide_sites */
    bool approved;          /* a person has said yes to this alert */
    enum approve approve;   /* of the route */
    int64_t approval_timeout;
    const char *silence; /* why it is to stay unheard: "silence 3", "real alert"; NULL: it is not */
    bool spoken_again;   /* rule and area were spoken at this site within announce_again */
    bool spoken_enough;  /* announce_per_day is used up */
    int64_t quiet_until; /* > now: the target is in its quiet hours and red does not pass */
    int64_t not_before;  /* group_wait, or group_interval */
    bool interval;       /* … which of them it is */
    enum pace pace;      /* of this chat for this level and certainty; at_once for all others */
    int64_t digest_at;   /* pace daily or weekly: when */
};
/* Reasons that are asked about later: what came late, and speech beyond a limit of its site. */
#define DECIDED_TOO_OLD "older than relay.fresh"
#define DECIDED_LIMIT   "announce_"
struct delivery_plan {
    bool wanted;               /* false: no row at all (speech at once for what may not be spoken) */
    enum delivery_state state; /* HELD, QUEUED or SUPPRESSED */
    const char *reason;        /* static text, or the silence of the facts */
    int64_t due;
    bool fold;
};
struct delivery_plan decide_delivery(const struct delivery_facts *f);

/* When the time for approval is over (dispatch, at a held row's due). */
struct delivery_plan decide_approval_over(enum target_class class, int64_t now, int64_t expires);

#endif
