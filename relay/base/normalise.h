/* Text as rules see it: one form for the many ways in which a scam is spelled. Design section 7.
 *
 * Each code point goes through one table: NFKC_Casefold; default-ignorables and controls dropped (a tab or any other
 * space is a space, any other line end a line feed); traditional to simplified; one-character variants. Then, as if
 * in this order, on what comes out:
 *
 *   marks       a combining mark joins the letter before it where Unicode has one code point for both; else, if it is
 *               of the diacritical blocks (accents, strokes, enclosing marks), it goes
 *   separators  S = space . - _ * | ~ · / and emoji: any number of them goes between two Han characters, and nowhere
 *               else (the comma, 。、；：？！ and the line feed are no separators)
 *   variants    of several characters, 亻言→信, hxxp→http, [.]→. (rules/data/variants.tsv)
 *   digits      N = 零〇一二三四五六七八九幺壹贰叁肆伍陆柒捌玖, D = 0-9, unit = 十百千万亿拾佰仟廿卅
 *               group = (N|D)+, as long as it gets
 *               spelled:  a group's N become D if three N stand in a row, unless a unit stands beside the group
 *                         (三甲, 一次, 二十一, 一五一十 stay); or if it has an N and seven digits or more
 *               spaced:   groups of one digit each, with one to three S between, are joined to D from three on;
 *                         from seven on where one is an N or one S is . or / (3.5, 2.1.3, 1 三 8 stay)
 *               a run of such groups with S between that is longer than 256 bytes stays as it is; a run ends before S
 *               after two digits side by side
 *
 * Normalising twice changes nothing. Stateless but for the constant table, which is generated at build time from
 * utf8proc, OpenCC and rules/data (its head names the versions); NORMALISE_VERSION is recorded with every rule set's
 * hash, and goes up with every change of the outcome.
 */
#ifndef TOCSIN_BASE_NORMALISE_H
#define TOCSIN_BASE_NORMALISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NORMALISE_VERSION 1

/* Reused from text to text; zero-initialised is empty. */
struct norm_text {
    char *text; /* UTF-8, NUL-terminated */
    size_t len;
    uint32_t *
        origin; /* origin[i]: the byte of the original that text[i] came from; origin[len] = original length */
    size_t cap;
};

/* `in` must be valid UTF-8 (text_valid_utf8). Cannot fail: memory aborts, length is bounded by the caller. */
void normalise(const char *in, size_t n, struct norm_text *out);
void norm_text_release(struct norm_text *t);

/* For pattern literals: true when the code point can appear in normalised text. When not, its normal form is put into
 * ret_form (NUL-terminated, maybe empty when it is dropped), for the error that shows the right form. */
bool normalise_can_appear(uint32_t cp, char ret_form[static 64]);

#endif
