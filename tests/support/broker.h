/* A real mosquitto on free loopback ports with a folder of its own, started and hurt by a test.
 *
 *   struct broker *b = broker_start(&(struct broker_setup){.tls = true});   // skips the test when mosquitto is absent
 *   … broker_port(b) … broker_kill(b); broker_start_again(b); …
 *   broker_stop(b);
 *
 * It keeps nothing over its own death, as a broker with default settings keeps next to nothing over a power cut.
 * Users exist when an ACL is given: every name in `users` has itself as password. The broker dies with the test.
 */
#ifndef TOCSIN_TESTS_BROKER_H
#define TOCSIN_TESTS_BROKER_H

#include <stdbool.h>

struct broker;

struct broker_setup {
    bool tls;                 /* a second listener; broker_tls_port, broker_ca */
    bool unix_socket;         /* a third; broker_unix_path */
    const char *acl;          /* text of the ACL file; NULL: anonymous, everything allowed */
    const char *const *users; /* NULL-terminated; only with acl */
    const char *extra;        /* more lines of mosquitto.conf */
};

struct broker *broker_start(const struct broker_setup *setup);
void broker_stop(struct broker *b); /* NULL is nothing; removes the folder */

void broker_kill(struct broker *b); /* SIGKILL */
void broker_start_again(struct broker *b);
void broker_freeze(struct broker *b); /* SIGSTOP: connections stay, nobody answers */
void broker_thaw(struct broker *b);

int broker_port(const struct broker *b);
int broker_tls_port(const struct broker *b);
const char *broker_unix_path(const struct broker *b);
const char *
broker_ca(const struct broker *b); /* PEM of the CA that signed the certificate for localhost, 127.0.0.1 */
const char *broker_dir(const struct broker *b);

#endif
