/* What the forms of a report share: report.c prints text, CSV and JSON, report_html.c the page. */
#ifndef TOCSIN_RELAY_CLI_REPORT_FORMS_H
#define TOCSIN_RELAY_CLI_REPORT_FORMS_H

#include <cjson/cJSON.h>

#include "cli/client.h"
#include "report.h"

/* What each section shows, in this order; CSV has the members' names, so that a sheet does not change with the language. */
struct report_part {
    const char *name, *title;
    bool on_page; /* a table of the HTML page, also when it is empty */
    struct column columns[9];
};
extern const struct report_part report_parts[]; /* .name NULL at the end */
size_t report_columns(const struct report_part *p);

/* The word for people of an enum's or a channel's name; what is none comes back as it is. */
const char *report_words(const char *name);
/* One of space-separated words. */
bool report_word_in(const char *word, const char *words);

struct report_page {
    const char *title;          /* 反诈提醒月报 */
    const char *place, *issuer; /* may be NULL */
    int64_t made;               /* wall ms */
    bool english;
};

/* RELAY_UNSUPPORTED without gnuplot. */
enum relay_err report_html(const cJSON *report, const struct report_page *page, struct buf *out,
                           struct reason *why) MUST_CHECK;

#endif
