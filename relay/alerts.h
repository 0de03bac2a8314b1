/* From matched events to alert revisions with their rendered texts and delivery rows: all in the turn's transaction.
 * decide.c answers, this writes. */
#ifndef TOCSIN_RELAY_ALERTS_H
#define TOCSIN_RELAY_ALERTS_H

#include <cjson/cJSON.h>

#include "relay.h"

/* Why an event makes no alert whatever it says, as it is noted with it: "sandbox", "stale", "not to be broadcast"; NULL for
 * most. */
const char *alerts_kept_out(const struct event *e, const struct feed_config *feed);

/* Counts a matched event for its group and makes what follows: a candidate, a new alert, a count, an Update.
 * row, whose feed is set, is filled for the event table: alert, grp, value, note. */
void alerts_event(struct relay *r, const struct event *e, const struct feed_config *feed,
                  const struct rule *rule, struct event_row *row);

/* A feed takes events of its own back: they count no more. What follows for their alerts is the business of alerts_settle,
 * when what has come in their place is counted. */
struct losses {
    struct loss {
        int64_t alert, count;
        bool alone; /* one of the events was the only one of its area */
    } * items;
    size_t n;
};
void alerts_withdraw(struct relay *r, int64_t feed_row, const char *const *event_ids, size_t n,
                     struct losses *ret);
/* An alert ends when no event stands in it any more, of any feed; until then it goes on in the areas of those that stand, with
 * a lower count, also below the rule's threshold: that says when people are told, not when they were told wrongly. One that a
 * person has confirmed goes on in any case; the duty groups hear that nothing else stands for it, and it waits in the review
 * list for a person to end or to keep it. Frees the list. */
void alerts_settle(struct relay *r, const char *feed, struct losses *l);

/* After a start or a reload, where the configuration has changed: what is in force is shown by every screen and bulletin that it
 * is for now, also those that are new; and goes where it is not for them any more, as does what waits there. Ten thousand
 * alerts take seconds, in which events go on: alerts_fit begins, and while r->fitting each turn does a slice, also after a
 * restart. */
void alerts_fit(struct relay *r);
void alerts_fit_on(struct relay *r);
/* What kept the alert from screens and bulletins, or all alerts from those of a site, is over: they show it, or what is in
 * force. `why` is noted with the revisions. */
void alerts_show_again(struct relay *r, struct alert_row *a, const char *why);
void alerts_show_at(struct relay *r, const struct site_config *site, const char *why);
/* Some of the alerts in force with a number below `before`, the newest first, for 10 ms; the relay's own words, which go to whom it
 * chose, are left out. Returns where the next slice begins, for the store to keep; 0: that was the last. */
int64_t alerts_slice(struct relay *r, int64_t before, void (*fn)(void *arg, struct alert_row *a), void *arg);
/* The reason of what a site had and was not to show any more. */
#define SITE_WENT_BACK "trial: the site went back"

/* What a group had and is to be reminded of: when to ask again, while it is in its quiet hours or a silence is in force; 0: it
 * may be reminded. */
int64_t alerts_reminder_waits(struct relay *r, const struct relay_target *t, const struct delivery_row *d);
/* Reminds of the areas of today, where its words name others: a revision, for all groups whose turn it is. False: the row's own
 * words are right. */
bool alerts_remind_anew(struct relay *r, const struct relay_target *t, const struct delivery_row *d);

/* Whether this delivery of an alert in force, or of a correction, may be said again as things are now: by mode, silence, approval, drill, area, route and quiet hours.
 * RELAY_CONFLICT with what stands against it. */
enum relay_err alerts_say_again(struct relay *r, const struct delivery_row *d, const struct relay_target *t,
                                struct reason *why) MUST_CHECK;

/* A person's word; `actor` is recorded with its effect in the same commit. RELAY_NOT_FOUND, RELAY_CONFLICT with why. */
struct actor {
    const char *name;   /* --by, required */
    const char *reason; /* "" when none was given */
    int uid;            /* SO_PEERCRED */
    const cJSON *ask;   /* the whole request, for verbs that take more than an object; may be NULL */
};
/* Who did what to which, and why: one row, in the commit of its effect. */
void actor_did(struct relay *r, const struct actor *by, const char *verb, const char *object,
               const char *detail);

/* RELAY_NOT_FOUND with where to look. */
enum relay_err alerts_find(struct relay *r, const char *id, struct alert_row *ret,
                           struct reason *why) MUST_CHECK;

/* One person takes it back, for the police room, or for the hospital `site` where the alert concerns it ("": the police
 * room). The correction goes to everybody who had the alert, whoever says so. */
enum relay_err alerts_cancel(struct relay *r, const char *alert_id, const char *site, const struct actor *by,
                             struct reason *why) MUST_CHECK;
/* What is Observed already may be confirmed once more where its feeds have taken back all of its events. */
enum relay_err alerts_confirm(struct relay *r, const char *alert_id, const struct actor *by,
                              struct reason *why) MUST_CHECK;

/* A step of the alert's clock: a revision with the same words, marked, to the chats it names. Returns how many may hear it;
 * for none *ret_why says why, and nothing was written. */
size_t alerts_remind(struct relay *r, struct alert_row *a, int step, const char *chats,
                     char ret_why[static 80]);

/* An event (by its row) on which a person may still decide. RELAY_NOT_FOUND, RELAY_CONFLICT. */
enum relay_err alerts_find_candidate(struct relay *r, int64_t event, struct event_seen *ret,
                                     struct reason *why) MUST_CHECK;
/* An event of the review list (by its row): it becomes an alert, Observed. */
enum relay_err alerts_confirm_event(struct relay *r, int64_t event, const struct actor *by,
                                    char ret_alert[static 80], struct reason *why) MUST_CHECK;

#endif
