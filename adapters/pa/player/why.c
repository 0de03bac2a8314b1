/* The words for every reason. */
#include "player/why.h"

#include "base/err.h"
#include "base/i18n.h"

static const struct {
    const char *code, *text;
} words[WHY_COUNT] = {
    [WHY_SOUNDS] = {"sounds", N_("sounds")},
    [WHY_SILENT_ZONE] = {"silent_zone", N_("silent zone: nothing is spoken here")},
    [WHY_SLOTS_ONLY] = {"slots_only", N_("this zone is silent but for its slots")},
    [WHY_NOT_AT_ONCE] = {"not_at_once", N_("this zone takes no announcements at once; its slots say it")},
    [WHY_QUIET_HOURS] = {"quiet_hours", N_("quiet hours")},
    [WHY_NO_SLOT_TODAY] = {"no_slot_today", N_("no slots on this kind of day")},
    [WHY_MUTED] = {"mute", N_("muted")},
    [WHY_HOLD] = {"external_hold", N_("fire or clinical hold")},
    [WHY_BUSY] = {"busy", N_("queue calling speaks")},
    [WHY_HIGHER] = {"higher", N_("something graver comes first")},
    [WHY_SHARED] = {"shared", N_("the loudspeaker plays for another zone")},
    [WHY_NOTHING_TO_SAY] = {"nothing_to_say", N_("nothing to say")},
    [WHY_NEVER_SPOKEN] = {"never_spoken", N_("for screens only: it has no spoken text")},
    [WHY_EXPIRED] = {"expired", N_("no longer in force")},
    [WHY_NO_DRILLS] = {"no_drills", N_("a drill, and this zone takes none")},
    [WHY_TIMES_A_DAY] = {"times_a_day", N_("said often enough today")},
    [WHY_SPREAD] = {"spread", N_("said a short while ago")},
    [WHY_TWICE_RUNNING] = {"twice_running", N_("the last thing said in the slot before")},
    [WHY_SAME_WORDS] = {"same_words", N_("another item of this slot has the same words")},
    [WHY_CORRECTED] = {"corrected", N_("the correction has had its slots")},
    [WHY_ENOUGH] = {"enough", N_("the slot has as many items as it may")},
    [WHY_SLOT_FULL] = {"slot_full", N_("longer than what is left of the slot")},
    [WHY_HOUR_FULL] = {"hour_full", N_("longer than what is left of the zone's seconds an hour")},
    [WHY_NO_VOICE] = {"no_voice", N_("no recorded clip, and the robot's voice is not allowed here")},
    [WHY_OTHER_HOURS] = {"other_hours", N_("for other hours")},
    [WHY_OTHER_DAYS] = {"other_days", N_("for other days")},
    [WHY_OTHER_ZONE] = {"other_zone", N_("for other zones")},
    [WHY_SUPERSEDED] = {"superseded", N_("a newer revision came")},
    [WHY_REAL_ALERT] = {"real_alert", N_("a real alert ended the drill")},
    [WHY_MISSED] = {"missed", N_("its time passed while nothing could be played")},
    [WHY_CATCH_UP] = {"catch_up", N_("after a restart only one item is caught up")},
    [WHY_INTERRUPTED] = {"interrupted", N_("the player stopped in the middle")},
    [WHY_CLOCK] = {"clock", N_("the clock is not trusted")},
    [WHY_STOPPED] = {"stopped", N_("stopped by a person")},
    [WHY_OUTPUT] = {"output", N_("the output failed")},
    [WHY_SPEECH] = {"speech", N_("could not be turned into speech")},
    [WHY_FULL_QUEUE] = {"full", N_("too many items wait already")},
    [WHY_PREPARING] = {"preparing", N_("being turned into speech")},
};

const char *why_code(enum why w)
{
    return words[w].code;
}

const char *why_text(enum why w)
{
    return _(words[w].text);
}
