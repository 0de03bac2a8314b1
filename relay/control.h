/* What operators may do: HTTP with JSON over <state_dir>/control.sock. Who asks is SO_PEERCRED, recorded with --by and
 * --reason in the same commit as the effect. */
#ifndef TOCSIN_RELAY_CONTROL_H
#define TOCSIN_RELAY_CONTROL_H

#include "relay.h"

enum relay_err control_open(struct relay *r, struct reason *why) MUST_CHECK;
#define CONTROL_SOCKET "control.sock"

#endif
