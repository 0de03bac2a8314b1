/* A loop and one session, turned as the relay turns them: wait, run what helper threads finished, service, read; and
 * mqtt_write only when the test says that the commit is done. Collects what the session says. */
#ifndef TOCSIN_TESTS_TURN_H
#define TOCSIN_TESTS_TURN_H

#include <stdbool.h>

#include "io/loop.h"
#include "io/mqtt.h"

enum { SEEN_MAX = 4096 };

struct seen {
    struct loop *loop;
    struct mqtt *m;
    bool hold; /* the commit is held: no mqtt_write */
    int batch; /* of mqtt_read; 0: 500 */
    int turns; /* of the loop: shows whether it spins */
    int messages, ups, downs, published, subscribed;
    int64_t up_at;
    bool session_present;
    char down_why[200];
    char payloads[SEEN_MAX][64], topics[SEEN_MAX][64]; /* the beginnings */
    int qos[SEEN_MAX];
    bool retain[SEEN_MAX];
    uint64_t tokens[SEEN_MAX];
    int reasons[SEEN_MAX];
    int granted[8];
};

struct mqtt_options turn_options(const char *host, int port, const char *client_id); /* durable, window 100 */
void turn_open(struct seen *s,
               const struct mqtt_options *o); /* makes loop and session; fails the test if it cannot */
void turn_close(struct seen *s);
void turn_for(struct seen *s, int ms);
/* Turns until *what reaches n, at most ms. True when it did. */
bool turn_until(struct seen *s, const int *what, int n, int ms);
/* Publishes "0", "1" … n-1 and waits until the broker has acknowledged them all. */
void turn_publish(struct seen *s, const char *topic, int n);
double turn_cpu_ms(void); /* of this thread, so far */

#endif
