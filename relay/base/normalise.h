/* Text as rules see it: one form for the many ways in which a scam is spelled. Design section 7.
 *
 * NFKC and case folding; zero-width and default-ignorables gone; traditional to simplified; the variant table
 * (rules/data/variants.tsv); runs of three or more spelled or spaced digits joined (三甲 and 一次 stay); separators
 * (space . - _ * | ~ · / and emoji) gone only between two Han characters, never , 。、；：？！ .
 * A line feed stays. Normalising twice changes nothing. Stateless but for the constant table, which is generated at
 * build time; NORMALISE_VERSION is recorded with every rule set's hash.
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
