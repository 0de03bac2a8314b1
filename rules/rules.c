/* Names of the engine's enums, as they stand in files and JSON. */
#include "rules/rules.h"

const char *verdict_name(enum verdict v)
{
    switch (v) {
    case NO_MATCH: return "no_match";
    case MATCH: return "match";
    case UNSURE: return "unsure";
    }
    return "unknown";
}

const char *rule_status_name(enum rule_status s)
{
    switch (s) {
    case RULE_EXPERIMENTAL: return "experimental";
    case RULE_TEST: return "test";
    case RULE_STABLE: return "stable";
    case RULE_DEPRECATED: return "deprecated";
    }
    return "unknown";
}
