/* The closed word lists of events and receipts. */
#include "base/event.h"

#include <string.h>

#include "base/mem.h"

static const struct {
    const char *name, *zh;
} kinds[KIND_COUNT] = {
    [KIND_SMS] = {"sms", "短信"},
    [KIND_CALL] = {"call", "电话"},
    [KIND_TRANSACTION] = {"transaction", "交易"},
    [KIND_APP] = {"app", "应用"},
    [KIND_WEB] = {"web", "网页"},
    [KIND_REPORT] = {"report", "上报"},
    [KIND_BUTTON] = {"button", "按钮"},
};

const char *event_kind_name(enum event_kind k)
{
    return (unsigned)k < KIND_COUNT ? kinds[k].name : "unknown";
}

bool event_kind_parse(const char *s, enum event_kind *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(s, kinds[i].name) != 0 && strcmp(s, kinds[i].zh) != 0) continue;
        *ret = (enum event_kind)i;
        return true;
    }
    return false;
}

static const char *const msgs[] = {
    [EVENT_ALERT] = "alert", [EVENT_UPDATE] = "update", [EVENT_CANCEL] = "cancel"};

const char *event_msg_name(enum event_msg m)
{
    return (unsigned)m < ARRAY_LEN(msgs) ? msgs[m] : "unknown";
}

bool event_msg_parse(const char *s, enum event_msg *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(msgs); i++) {
        if (strcmp(s, msgs[i]) != 0) continue;
        *ret = (enum event_msg)i;
        return true;
    }
    return false;
}

static const char *const statuses[] = {
    [STATUS_ACTUAL] = "Actual", [STATUS_EXERCISE] = "Exercise", [STATUS_TEST] = "Test"};

const char *cap_status_name(enum cap_status s)
{
    return (unsigned)s < ARRAY_LEN(statuses) ? statuses[s] : "unknown";
}

bool cap_status_parse(const char *s, enum cap_status *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (strcmp(s, statuses[i]) != 0) continue;
        *ret = (enum cap_status)i;
        return true;
    }
    return false;
}

/* What a feed may do after a refusal: `same_id`, correct the event and send it under the id that it has; `later`, send the
 * same bytes again after a while; `never`, this event is over. */
static const struct {
    const char *name, *retry;
} refusals[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = {"none", "never"},
    [REFUSAL_MALFORMED_JSON] = {"malformed_json", "same_id"},
    [REFUSAL_TOO_LARGE] = {"too_large", "same_id"},
    [REFUSAL_MISSING_MEMBER] = {"missing_member", "same_id"},
    [REFUSAL_BAD_TYPE] = {"bad_type", "same_id"},
    [REFUSAL_BAD_TIME] = {"bad_time", "same_id"},
    [REFUSAL_TOO_OLD] = {"too_old", "never"},
    [REFUSAL_CLOCK_AHEAD] = {"clock_ahead", "later"},
    [REFUSAL_UNKNOWN_KIND] = {"unknown_kind", "same_id"},
    [REFUSAL_AREA_NOT_ALLOWED] = {"area_not_allowed", "same_id"},
    [REFUSAL_ID_CONFLICT] = {"id_conflict", "never"},
    [REFUSAL_UNKNOWN_REFERENCE] = {"unknown_reference", "later"},
    [REFUSAL_NOT_AUTHORISED] = {"not_authorised", "never"},
};

const char *refusal_name(enum refusal r)
{
    return (unsigned)r < REFUSAL_COUNT ? refusals[r].name : "unknown";
}

const char *refusal_retry(enum refusal r)
{
    return (unsigned)r < REFUSAL_COUNT ? refusals[r].retry : "never";
}
