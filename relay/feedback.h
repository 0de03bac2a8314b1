/* What comes back from the groups: seen here too, false alarm, acknowledged, talked out of it. A duty group answers by the
 * link in its message (feedback_page.c), a volunteer by reading the short id to the duty officer, who types it. Each word is
 * a row beside the record of who said it, in the commit of its effect, and is counted by rule and group.
 */
#ifndef TOCSIN_RELAY_FEEDBACK_H
#define TOCSIN_RELAY_FEEDBACK_H

#include "alerts.h"

enum feedback_word {
    FEEDBACK_SEEN,         /* 本地也有 */
    FEEDBACK_FALSE_ALARM,  /* 误报 */
    FEEDBACK_ACKNOWLEDGED, /* 收到: stops reminders, the first time */
    FEEDBACK_DETERRED,     /* 劝阻成功 */
    FEEDBACK_WORDS
};
const char *feedback_word_name(enum feedback_word w); /* "seen" "false_alarm" "acknowledged" "deterred" */
const char *feedback_word_zh(enum feedback_word w);
bool feedback_word_parse(const char *text, enum feedback_word *ret); /* either of the two */
/* Which words a delivery takes, as bits: of an exercise or a test nothing but that it was received. */
unsigned feedback_words_of(enum cap_status status);

/* The address of the page for one delivery, signed under the relay's secret, good until a day after the delivery's expiry.
 * Appends nothing without http.public_address. */
void feedback_address(const struct relay *r, const struct delivery_row *d, unsigned words, struct buf *ret);

/* What a link leads to; RELAY_DENIED: not one of ours; RELAY_TIMEOUT: it was; RELAY_NOT_FOUND: its delivery is no more. */
struct feedback_link {
    struct delivery_row delivery;
    struct alert_row alert;
    unsigned words;
};
enum relay_err feedback_open(const struct relay *r, const char *token, struct feedback_link *ret) MUST_CHECK;

/* One word of one person about one delivery; *ret_again: this person has said so already, and nothing was changed.
 * RELAY_INVALID: no name, or a word that this delivery does not take; RELAY_LIMIT: enough was said about it. */
enum relay_err feedback_say(struct relay *r, int64_t delivery, enum feedback_word w, const struct actor *by,
                            bool *ret_again, struct reason *why) MUST_CHECK;
/* How many people have said each word of the alert. */
void feedback_count(const struct relay *r, int64_t alert, int ret[static FEEDBACK_WORDS]);

/* {"rules":[{"rule","title","seen","false_alarm","acknowledged","deterred","demote"}],"groups":[{"rule","target",…}]} of the
 * last thirty days, most false alarms first. */
enum relay_err feedback_json(struct db *db, int64_t now, struct buf *ret, struct reason *why) MUST_CHECK;
/* [{"rule","title","false_alarms","others"}]: the rules that should be demoted: three false alarms or more, and more of them
 * than of all that speaks for the rule. What people typed with `alerts outcome` is counted as well. */
enum relay_err feedback_demote(struct db *db, int64_t now, struct buf *ret, struct reason *why) MUST_CHECK;

/* GET and POST /f/<token> */
void feedback_serve(struct relay *r, struct http_server *s);

#endif
