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

/* In the order of the names: from the first on nothing is said at once, from the second on nothing at all. */
static const char first_slots_only[] = "clinic", first_silent[] = "icu";
static const char *const names_zh[] = {
    "门诊大厅", "挂号处",   "收费处", "药房",   "住院部大厅", "食堂",         "家属等候区",
    "输液室",   "诊区",     "急诊",   "病区",   "重症监护室", "新生儿监护室", "手术室",
    "产房",     "安宁疗护", "精神科", "影像科", "医护休息区",
};

static int place_of(const char *name)
{
    for (int i = 0; zone_class_names[i]; i++)
        if (strcmp(zone_class_names[i], name) == 0) return i;
    return -1;
}

const char *zone_class_zh(const char *name)
{
    int i = place_of(name);
    return i < 0 ? name : names_zh[i];
}

bool zone_class_immediate(const char *name)
{
    int i = place_of(name);
    return i >= 0 && i < place_of(first_slots_only);
}

bool zone_class_silent(const char *name)
{
    int i = place_of(name);
    return i >= 0 && i >= place_of(first_silent);
}
