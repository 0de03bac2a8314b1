/* Members of an event whose name says that the whole value is somebody's, whatever it looks like: a name alone has no word
 * before it by which base/mask could tell it, and an account need not pass Luhn. However it is written (PhoneNumber,
 * phone_number, phone-number), only its letters and digits are looked at. Pure.
 */
#ifndef TOCSIN_PERSONAL_KEY_H
#define TOCSIN_PERSONAL_KEY_H

#include <stdbool.h>

#include "base/mask.h"

bool personal_key(const char *name, enum mask_kind *ret);

#endif
