/* The relay as a feed sees it: takes events from a real broker and answers with receipts as the test says. */
#ifndef TOCSIN_TESTS_FAKE_RELAY_H
#define TOCSIN_TESTS_FAKE_RELAY_H

#include "turn.h"

struct fake_relay {
    struct seen seen;
    int answered;        /* events looked at */
    int receipts;        /* results sent */
    int ignore;          /* this many events get no receipt */
    const char *deny;    /* events whose id begins so are rejected */
    const char *put_off; /* … and those are to come later, this many times */
    int put_offs;
    bool mute;                /* no receipts at all */
    char first[SEEN_MAX][64]; /* ids that were accepted */
    int n_first;              /* the last SEEN_MAX of them are remembered */
    const char *feed;
};

/* o: to whom it connects; prefix is tocsin/v1. Waits until it is subscribed. */
void fake_relay_start(struct fake_relay *r, const char *feed, const struct mqtt_options *o);
void fake_relay_turn(struct fake_relay *r, int ms);
void fake_relay_stop(struct fake_relay *r);

#endif
