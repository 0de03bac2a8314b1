/* The closed list of zone classes. */
#include "base/zone_class.h"

#include <stddef.h>
#include <string.h>

const char *const zone_class_names[] = {
    "hall",
    "registration",
    "cashier",
    "pharmacy",
    "inpatient_lobby",
    "canteen",
    "family_waiting",
    "infusion",
    "clinic",
    "emergency",
    "ward",
    "icu",
    "nicu",
    "operating",
    "delivery",
    "palliative",
    "psychiatric",
    "imaging",
    "staff_rest",
    NULL,
};

bool zone_class_known(const char *name)
{
    for (const char *const *known = zone_class_names; *known; known++)
        if (strcmp(*known, name) == 0) return true;
    return false;
}
