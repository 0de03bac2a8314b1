/* Fills the slots of a rule's texts. Only the rule's own words and configured names go out: nothing of an event. */
#ifndef TOCSIN_RELAY_RENDER_H
#define TOCSIN_RELAY_RENDER_H

#include <stdint.h>

#include "areas.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slots.h"

/* What stands in the slots. NULL or "" reads as a general word (本院, 本地, 导诊台或保安), issuer and the rest as nothing. */
struct render_slots {
    const char *site, *help, *area, *count, *issuer, *time, *valid, *id;
};

/* Where the text goes decides how a value is escaped; a control character in one becomes a space everywhere. */
enum render_form {
    RENDER_PLAIN,
    RENDER_MARKDOWN, /* of chat bots: they know no backslash, so marks in values become their full-width twins */
    RENDER_HTML      /* all is escaped, the rule's own words as well */
};

/* Appends. RELAY_INVALID: a slot that does not exist (slots_check says so when the rule loads); RELAY_LIMIT: more than the
 * buf may hold. What was appended before stays. */
enum relay_err render(const char *text, const struct render_slots *s, struct buf *out,
                      struct reason *why) MUST_CHECK;
enum relay_err render_as(const char *text, const struct render_slots *s, enum render_form form,
                         struct buf *out, struct reason *why) MUST_CHECK;

/* For a channel that takes at most `max` bytes: `tail` (what the reader must not miss; may be NULL) is kept whole, `text`
 * is cut before it at the end of a sentence where there is one, and then ends in …. *ret_cut says whether it was.
 * RELAY_LIMIT when the tail alone is too long. */
enum relay_err render_within(const char *text, const char *tail, const struct render_slots *s,
                             enum render_form form, size_t max, struct buf *out, bool *ret_cut,
                             struct reason *why) MUST_CHECK;

/* What leaves of a stored text: the delivery's own short id in place of each {{id}}, and before a reminder that it is one
 * (`reminder` 0: it is none). Whoever shows a stored text to people shows it so. */
void render_stored(const char *text, const char *short_id, int reminder, struct buf *out);

#define RENDER_WORD_LEN 32
/* "多起" under 5, because a small number could point at somebody; "1260起". */
const char *render_count(int64_t count, char out[static RENDER_WORD_LEN]);
const char *render_time(int64_t wall_ms, char out[static RENDER_WORD_LEN]); /* "11月22日 18:34" */

#endif
