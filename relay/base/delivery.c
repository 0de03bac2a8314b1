/* The states of a delivery and the one table of what may follow what. */
#include "base/delivery.h"

#include <string.h>

#define BIT(s) (1u << DELIVERY_##s)

/* Ways to give up that are open to everything which has not been sent. */
#define GIVE_UP (BIT(EXPIRED) | BIT(REJECTED) | BIT(CANCELLED) | BIT(SUPPRESSED))
/* A device's word may overtake the channel's own. */
#define CONFIRMED (BIT(PLAYED) | BIT(DISPLAYED) | BIT(ACKNOWLEDGED))

static const struct {
    const char *name;
    unsigned next;
} states[DELIVERY_STATE_COUNT] = {
    [DELIVERY_HELD] = {"held", BIT(QUEUED) | GIVE_UP},
    [DELIVERY_QUEUED] = {"queued", BIT(SENDING) | BIT(HELD) | GIVE_UP},
    [DELIVERY_SENDING] = {"sending", BIT(SENT) | BIT(RETRY) | BIT(UNCONFIRMED) | CONFIRMED | GIVE_UP},
    /* After `sent` only the device speaks: skipped is suppressed, failed is retry within the grace, else rejected. */
    [DELIVERY_SENT] = {"sent", CONFIRMED | BIT(UNCONFIRMED) | BIT(RETRY) | BIT(REJECTED) | BIT(SUPPRESSED)},
    [DELIVERY_PLAYED] = {"played", 0},
    [DELIVERY_DISPLAYED] = {"displayed", 0},
    [DELIVERY_ACKNOWLEDGED] = {"acknowledged", 0},
    /* `sent` and a confirmation: the attempt before a crash or time-out had arrived after all. */
    [DELIVERY_RETRY] = {"retry",
                        BIT(SENDING) | BIT(HELD) | BIT(SENT) | BIT(UNCONFIRMED) | CONFIRMED | GIVE_UP},
    [DELIVERY_EXPIRED] = {"expired", 0},
    /* `queued` again: a person replays it. What expired or was cancelled stays so. */
    [DELIVERY_REJECTED] = {"rejected", BIT(QUEUED)},
    [DELIVERY_CANCELLED] = {"cancelled", 0},
    [DELIVERY_SUPPRESSED] = {"suppressed", BIT(QUEUED)},
    [DELIVERY_UNCONFIRMED] = {"unconfirmed", BIT(QUEUED)},
};

const char *delivery_state_name(enum delivery_state s)
{
    return (unsigned)s < DELIVERY_STATE_COUNT ? states[s].name : "unknown";
}

bool delivery_state_parse(const char *s, enum delivery_state *ret)
{
    for (int i = 0; i < DELIVERY_STATE_COUNT; i++) {
        if (strcmp(s, states[i].name) != 0) continue;
        *ret = (enum delivery_state)i;
        return true;
    }
    return false;
}

bool delivery_may_move(enum delivery_state from, enum delivery_state to)
{
    return (unsigned)from < DELIVERY_STATE_COUNT && (unsigned)to < DELIVERY_STATE_COUNT &&
           (states[from].next & 1u << to) != 0;
}

bool delivery_is_waiting(enum delivery_state s)
{
    return s == DELIVERY_HELD || s == DELIVERY_QUEUED || s == DELIVERY_SENDING || s == DELIVERY_RETRY;
}

bool delivery_is_end(enum delivery_state s)
{
    return (unsigned)s < DELIVERY_STATE_COUNT && s != DELIVERY_SENT && !delivery_is_waiting(s);
}
