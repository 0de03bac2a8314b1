/* Answers events with receipts. */
#include "fake_relay.h"

#include <string.h>

#include "base/buf.h"

#include "unit.h"

void fake_relay_start(struct fake_relay *r, const char *feed, const struct mqtt_options *o)
{
    char filter[96];
    memset(r, 0, sizeof(*r));
    r->feed = feed;
    turn_open(&r->seen, o);
    (void)snprintf(filter, sizeof(filter), "tocsin/v1/feeds/%s/#", feed);
    mqtt_subscribe(r->seen.m, filter, 1);
    assert_true(turn_until(&r->seen, &r->seen.subscribed, 1, 5000));
}

static bool known(struct fake_relay *r, const char *id)
{
    for (int i = 0; i < r->n_first && i < SEEN_MAX; i++)
        if (strcmp(r->first[i], id) == 0) return true;
    (void)snprintf(r->first[r->n_first++ % SEEN_MAX], sizeof(r->first[0]), "%s", id);
    return false;
}

static void one_result(struct fake_relay *r, struct buf *b, const char *id)
{
    bool deny = r->deny && strncmp(id, r->deny, strlen(r->deny)) == 0;
    bool later = r->put_off && strncmp(id, r->put_off, strlen(r->put_off)) == 0 && r->put_offs-- > 0;
    if (b->len) buf_char(b, ',');
    buf_char(b, '{');
    buf_json_member(b, "event_id", id);
    buf_json_member(b, "digest", "00");
    buf_json_member(b, "status", deny || later ? "rejected" : known(r, id) ? "duplicate" : "accepted");
    if (deny) {
        buf_json_member(b, "code", "area_not_allowed");
        buf_json_member(b, "member", "area");
        buf_json_member(b, "message", "区域不在本来源之内");
        buf_json_member(b, "retry", "same_id");
    } else if (later) {
        buf_json_member(b, "code", "unknown_reference");
        buf_json_member(b, "member", "references");
        buf_json_member(b, "message", "引用的事件没有收到过");
        buf_json_member(b, "retry", "later");
    }
    buf_char(b, '}');
    r->receipts++;
}

/* One receipt message for all events of a turn, as the relay does after a commit. */
static void answer(struct fake_relay *r)
{
    if (mqtt_room(r->seen.m) == 0) return; /* later, all at once */
    struct buf b = BUF_INIT(1 << 20);
    while (r->answered < r->seen.messages) {
        int i = r->answered++ % SEEN_MAX;
        char id[64];
        if (!strstr(r->seen.topics[i], "/events") || sscanf(r->seen.payloads[i], "{\"event_id\":\"%63[^\"]",
                                                            id) != 1) // NOLINT(cert-err34-c): no number
            continue;
        if (r->mute) continue;
        if (r->ignore > 0) {
            r->ignore--;
            continue;
        }
        one_result(r, &b, id);
    }
    if (b.len) {
        struct buf whole = BUF_INIT(2 << 20);
        char topic[96];
        buf_printf(&whole, "{\"relay\":\"test\",\"time\":\"2026-11-22T18:33:55+08:00\",\"results\":[%s]}",
                   buf_cstr(&b));
        (void)snprintf(topic, sizeof(topic), "tocsin/v1/receipts/%s", r->feed);
        enum relay_err err = mqtt_publish(r->seen.m, topic, whole.data, whole.len, false, 0, 0);
        if (err != RELAY_OK) fail_msg("receipt not sent: %d", (int)err);
        buf_release(&whole);
    }
    buf_release(&b);
}

void fake_relay_turn(struct fake_relay *r, int ms)
{
    int64_t end = clock_now().mono + ms;
    do {
        turn_for(&r->seen, 1);
        answer(r);
        mqtt_write(r->seen.m);
    } while (clock_now().mono < end);
}

void fake_relay_stop(struct fake_relay *r)
{
    turn_close(&r->seen);
}
