/* A broker of one client that does what a test tells it, and remembers every byte with its time. It runs on a thread of
 * its own, so that a client that sits still is seen to sit still. It speaks as much of MQTT 5 as a session needs:
 * CONNECT, SUBSCRIBE, UNSUBSCRIBE, PUBLISH at QoS 1 in both directions, PINGREQ, DISCONNECT. Like a real one it keeps
 * what was not acknowledged, and sends it again with DUP on the next connection.
 *
 *   struct fake_broker *b = fake_broker_start();
 *   … connect to 127.0.0.1, fake_broker_port(b) …
 *   fake_broker_publish(b, "t/feeds/a/events", "{}");
 *   assert_int_equal(fake_broker_wait(b, FAKE_PUBACK, 1, 1000), 1);
 *   fake_broker_stop(b);
 */
#ifndef TOCSIN_TESTS_FAKE_BROKER_H
#define TOCSIN_TESTS_FAKE_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_broker;

/* First byte of a packet without its flags: what the client may have sent. */
enum {
    FAKE_CONNECT = 0x10,
    FAKE_PUBLISH = 0x30,
    FAKE_PUBACK = 0x40,
    FAKE_SUBSCRIBE = 0x80,
    FAKE_UNSUBSCRIBE = 0xa0,
    FAKE_PINGREQ = 0xc0,
    FAKE_DISCONNECT = 0xe0
};

enum fake_manner {
    FAKE_NORMAL,
    FAKE_SILENT,  /* accepts and never says anything */
    FAKE_GARBAGE, /* answers CONNECT with bytes that are no MQTT */
    FAKE_NO_PONG  /* normal, but PINGREQ is not answered */
};

struct fake_packet {
    int64_t at;     /* mono ms */
    int connection; /* 1 for the first */
    size_t n;
    unsigned char bytes[512]; /* the packet's beginning */
};

struct fake_broker *fake_broker_start(void); /* NULL when there is no port */
void fake_broker_stop(struct fake_broker *b);
int fake_broker_port(const struct fake_broker *b);

void fake_broker_manner(struct fake_broker *b, enum fake_manner manner);
/* Reason codes of CONNACK, SUBACK and PUBACK from now on; it begins with 0, 1, 0. */
void fake_broker_answer(struct fake_broker *b, int connack, int suback, int puback);

/* Queued for the client as QoS 1; kept until it is acknowledged. */
void fake_broker_publish(struct fake_broker *b, const char *topic, const char *payload);
void fake_broker_publish_qos0(struct fake_broker *b, const char *topic, const char *payload, bool retain);
void fake_broker_end(struct fake_broker *b, int reason); /* DISCONNECT with this reason, then close */
void fake_broker_cut(struct fake_broker *b);             /* close without a word */
void fake_broker_forget(struct fake_broker *b);          /* the next CONNECT finds no session */

int fake_broker_connections(struct fake_broker *b);     /* so far */
int fake_broker_count(struct fake_broker *b, int type); /* packets of this type so far */
size_t fake_broker_bytes(struct fake_broker *b);        /* all bytes received so far */
/* Waits until n packets of a type came, or ms passed. Returns how many came. */
int fake_broker_wait(struct fake_broker *b, int type, int n, int ms);
/* The i-th (from 0) packet of a type; false when there is none. */
bool fake_broker_packet(struct fake_broker *b, int type, int i, struct fake_packet *ret);

#endif
