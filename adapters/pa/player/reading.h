/* Numbers, dates, money and telephone numbers as a person would say them, in Chinese characters.
 *
 *   96110 -> 九六一一零   110 -> 幺幺零   72000元 -> 七万二千元   11月22日 -> 十一月二十二日   18:34 -> 十八点三十四分
 *   30% -> 百分之三十   3.5 -> 三点五   2个 -> 两个   2026年 -> 二零二六年   301室 -> 三零一室   5-10天 -> 五到十天
 *
 * Any engine needs this; words with more than one reading are the lexicon's business. Pure.
 */
#ifndef TOCSIN_PLAYER_READING_H
#define TOCSIN_PLAYER_READING_H

#include "base/buf.h"

/* Appends the text with every number spelled. `text` is valid UTF-8; full-width digits count as digits. */
void reading_spell(const char *text, struct buf *out);

#endif
