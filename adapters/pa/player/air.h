/* On the air: one item on all outputs of its zone. It has been played when one output says so; it has failed when all
 * have. A fault of one stops neither the others nor anybody's turn: while another plays, the failed one is tried again
 * within the item's grace, and what became of it stands in the detail.
 *
 *   air_new -> air_play … -> each turn air_turn -> air_free
 */
#ifndef TOCSIN_PLAYER_AIR_H
#define TOCSIN_PLAYER_AIR_H

#include "player/output.h"

struct air;

typedef void (*air_ended_fn)(void *arg, struct now now, uint64_t item, enum play_end end, const char *detail);

/* Borrows zones and outputs; one that could not be opened is tried again with each play. ended is called exactly once a play, never from inside air_play. */
enum relay_err air_new(const struct zone *zones, size_t n_zones, struct output *outputs, size_t n_outputs,
                       air_ended_fn ended, void *arg, struct air **ret, struct reason *why) MUST_CHECK;
struct air *
air_free(struct air *a); /* after the outputs and the children are closed; returns NULL; takes NULL */

void air_play(struct air *a, const struct play *p, struct now now); /* copies p */
void air_silence(struct air *a, uint64_t item, struct now now);
void air_silence_all(struct air *a, struct now now);
void air_turn(struct air *a, struct now now);
int64_t air_next_due(const struct air *a);

/* How each output fared when it was last to play. A device that was taken by something graver is not unwell. */
struct output_health {
    const char *id, *type;
    bool used, failing;
    int64_t since;    /* wall: of the first failure without a success after it, or of the last success */
    char detail[160]; /* of the last failure */
};
/* In the order of the outputs. */
const struct output_health *air_health(const struct air *a, size_t *ret_n);

#endif
