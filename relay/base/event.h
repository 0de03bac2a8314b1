/* An event as the pipeline sees it: parsed, masked, ready to match. Design section 6.
 * All strings live in the arena that event_parse was given; stages borrow, keeping means copying. */
#ifndef TOCSIN_BASE_EVENT_H
#define TOCSIN_BASE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
    KIND_SMS,
    KIND_CALL,
    KIND_TRANSACTION,
    KIND_APP,
    KIND_WEB,
    KIND_REPORT,
    KIND_BUTTON,
    KIND_COUNT
};
enum event_msg { EVENT_ALERT, EVENT_UPDATE, EVENT_CANCEL };
enum cap_status { STATUS_ACTUAL, STATUS_EXERCISE, STATUS_TEST }; /* CAP 1.2 status */

const char *event_kind_name(enum event_kind k);             /* "sms" */
bool event_kind_parse(const char *s, enum event_kind *ret); /* also the Chinese name: 短信 */
const char *event_msg_name(enum event_msg m);               /* "alert" */
bool event_msg_parse(const char *s, enum event_msg *ret);
const char *cap_status_name(enum cap_status s); /* "Actual" */
bool cap_status_parse(const char *s, enum cap_status *ret);

/* Closed list; its names are part of the feed contract. */
enum refusal {
    REFUSAL_NONE,
    REFUSAL_MALFORMED_JSON,
    REFUSAL_TOO_LARGE,
    REFUSAL_MISSING_MEMBER,
    REFUSAL_BAD_TYPE,
    REFUSAL_BAD_TIME,
    REFUSAL_TOO_OLD,
    REFUSAL_CLOCK_AHEAD,
    REFUSAL_UNKNOWN_KIND,
    REFUSAL_AREA_NOT_ALLOWED,
    REFUSAL_ID_CONFLICT,
    REFUSAL_UNKNOWN_REFERENCE,
    REFUSAL_NOT_AUTHORISED,
    REFUSAL_COUNT
};
const char *refusal_name(enum refusal r); /* "malformed_json" */
/* What the feed may do: "same_id" correct it and send it under the same id, "later" send the same bytes again after a
 * while, "never" leave it. */
const char *refusal_retry(enum refusal r);

#define EVENT_ID_MAX   64
#define EVENT_TEXT_MAX (64 * 1024)
#define AREA_LEN       6 /* GB/T 2260; stored without trailing 00: "61", "6101", "610113" */

struct event {
    const char *event_id; /* 1..64 bytes of [A-Za-z0-9._:-] */
    int64_t seq;          /* -1 when absent */
    enum event_msg msg;
    enum cap_status status;
    enum event_kind kind;
    int64_t observed_at, sent_at, expires_at; /* wall ms; when absent: sent_at, -, INT64_MAX */
    const char **references;                  /* event ids that an update or cancel names; n_references */
    size_t n_references;
    char area[AREA_LEN + 1];
    bool area_guessed;   /* taken from the feed's own list, not from the event */
    int count;           /* occurrences it stands for, 1..10000 */
    bool may_broadcast;  /* handling.may_broadcast, and tlp neither RED nor AMBER */
    bool stale;          /* past its expires_at: counted, no alert */
    bool verified;       /* false for `report` and `button` until a person or a second feed confirms */
    uint8_t digest[16];  /* of the bytes as sent, keyed */
    int unknown_members; /* how many members nobody knows: counted per feed, kept in body */
    int64_t victim, suspect, payee; /* hash_keyed, for correlation; 0 when absent */
    const char *body; /* the whole event as JSON, every string member masked, unknown members kept */
    size_t body_len;
    const char *text; /* text and txn.memo joined by \n, normalised and masked: what rules match */
    size_t text_len;
};

#endif
