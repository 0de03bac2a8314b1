/* Why something does not sound, or not yet: one list for the programme, the queue, the log and the page.
 * The code goes into logs, JSON and back to the relay and never changes; the text is for people. */
#ifndef TOCSIN_PLAYER_WHY_H
#define TOCSIN_PLAYER_WHY_H

enum why {
    WHY_SOUNDS, /* nothing stands in the way */
    /* The zone and the hour. */
    WHY_SILENT_ZONE,
    WHY_SLOTS_ONLY,  /* the class takes nothing between its slots */
    WHY_NOT_AT_ONCE, /* the class takes no announcements; the bulletin says it in a slot */
    WHY_QUIET_HOURS,
    WHY_NO_SLOT_TODAY, /* the zone has none on this kind of day */
    WHY_MUTED,
    WHY_HOLD,
    WHY_BUSY,   /* queue calling speaks */
    WHY_HIGHER, /* something graver plays or comes first */
    WHY_SHARED, /* the loudspeaker is another zone's as well, and has its turn */
    /* The item. */
    WHY_NOTHING_TO_SAY,
    WHY_NEVER_SPOKEN, /* the bulletin has no spoken text for it */
    WHY_EXPIRED,
    WHY_NO_DRILLS,
    WHY_TIMES_A_DAY,
    WHY_SPREAD, /* said a while ago: its times are spread over the day */
    WHY_TWICE_RUNNING,
    WHY_SAME_WORDS, /* another item of this slot says the same */
    WHY_CORRECTED,  /* a correction has had its slots */
    WHY_ENOUGH,     /* the slot has its warnings, or its reminder */
    WHY_SLOT_FULL,  /* longer than what is left of the slot */
    WHY_HOUR_FULL,  /* longer than what is left of the zone's seconds an hour */
    WHY_NO_VOICE,   /* no recorded clip, and the robot's voice is not allowed here */
    WHY_OTHER_HOURS,
    WHY_OTHER_DAYS,
    WHY_OTHER_ZONE,
    WHY_SUPERSEDED, /* a newer revision of the same alert came */
    WHY_REAL_ALERT, /* a real announcement ended the drill */
    /* Time and trouble. */
    WHY_MISSED,      /* the slot's time passed while nobody was there to play it */
    WHY_CATCH_UP,    /* after a restart only one item a zone is caught up */
    WHY_INTERRUPTED, /* the player stopped in the middle */
    WHY_CLOCK,       /* the clock is not trusted */
    WHY_STOPPED,     /* by a person */
    WHY_OUTPUT,
    WHY_SPEECH, /* could not be rendered */
    WHY_FULL_QUEUE,
    WHY_PREPARING,
    WHY_COUNT
};

const char *why_code(enum why w); /* "quiet_hours" */
const char *why_text(enum why w); /* a few words, translated */

#endif
