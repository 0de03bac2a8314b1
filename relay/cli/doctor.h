/* tocsin doctor: findings, one line each. `tocsin check --online` asks for two of the groups. */
#ifndef TOCSIN_RELAY_CLI_DOCTOR_H
#define TOCSIN_RELAY_CLI_DOCTOR_H

#include "config.h"

enum finding_state {
    FINDING_OK,
    FINDING_NOTE, /* worth knowing; nothing needs doing */
    FINDING_DO
};
struct finding {
    enum finding_state state;
    const char *check; /* "clock": stable, English */
    char *text;
};
struct findings {
    struct finding *items;
    size_t n;
};

void finding_add(struct findings *f, enum finding_state state, const char *check, const char *fmt, ...)
    PRINTF(4, 5);
void findings_print(const struct findings *f, bool json);
size_t findings_todo(const struct findings *f);
void findings_release(struct findings *f);

/* doctor_broker.c: login and limits; with `deep` also what must be refused, and the loudspeakers' lists of zones. */
void doctor_broker(const struct relay_config *c, bool deep, struct findings *f);
/* doctor_targets.c: names resolve; with `deep` also connections, without a word sent. */
void doctor_chats(const struct relay_config *c, bool deep, struct findings *f);
void doctor_firewall(const struct relay_config *c, struct findings *f);

#endif
