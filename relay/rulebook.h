/* Rules that people of this place have installed: every version, by whom, and the way back.
 *
 *   install (as `test`) -> stable, by another person -> …; revert takes back the last step that still stands.
 *
 * The table rule_change is the truth. The folder <state_dir>/rules, which is loaded after the packs of the configuration,
 * is written from it: at the start, and after each commit that changed it (rulebook_committed), followed by a reload.
 * Its files can be read, checked and explained like any other pack; what somebody edits there by hand is overwritten.
 */
#ifndef TOCSIN_RELAY_RULEBOOK_H
#define TOCSIN_RELAY_RULEBOOK_H

#include "alerts.h"
#include "relay.h"

#define RULEBOOK_FOLDER   "rules"
#define RULEBOOK_TEXT_MAX (48 * 1024) /* of one rule's file */

/* The folder's path, or NULL when nothing has been installed yet; the caller frees it. */
char *rulebook_folder(const char *state_dir);

/* The rules that the relay runs with this configuration: its packs, then what is installed. As rule_set_load; a problem in an
 * installed file says how it is mended. RELAY_LIMIT: more than limits.rules. */
enum relay_err rulebook_load(const struct relay_config *c, struct rule_set **ret,
                             struct rule_problems *problems, struct reason *why) MUST_CHECK;

/* One rule, as its file: parsed, compiled, tried on its samples, and entered with the status `test`. A rule of that id
 * that stands in a pack, or a revision that is not higher than the installed one, is RELAY_CONFLICT. A stable revision that
 * it takes the place of is silent until this one is stable: the caller says so. */
enum relay_err rulebook_install(struct relay *r, const char *text, const struct actor *by,
                                char ret_id[static 64], bool *ret_replaces_stable,
                                struct reason *why) MUST_CHECK;
/* Who says it must not be who installed it. */
enum relay_err rulebook_stable(struct relay *r, const char *id, const struct actor *by,
                               struct reason *why) MUST_CHECK;
/* *ret_now: the status that it has after it; "" when nothing of it is left. */
enum relay_err rulebook_revert(struct relay *r, const char *id, const struct actor *by, const char **ret_now,
                               struct reason *why) MUST_CHECK;

/* Makes the folder what the table says; does nothing when it is. */
enum relay_err rulebook_write(struct store *s, const char *state_dir, struct reason *why) MUST_CHECK;
/* After a commit: writes and reloads when a change was in it. */
void rulebook_committed(struct relay *r);

/* The text with `status` as its status. RELAY_INVALID when it has no line of its own for it, or is not one rule: why begins
 * with the file's name. */
enum relay_err rulebook_with_status(const char *name, const char *text, const char *status, struct buf *ret,
                                    struct reason *why) MUST_CHECK;

/* [{"rule","status","by","at","title","rev"}], by id. */
enum relay_err rulebook_list(struct db *db, struct buf *ret, struct reason *why) MUST_CHECK;

#endif
