/* Rows of a CSV file as events, by a mapping file: for banks and carriers that have files and no programmers.
 *
 *   feed_csv_new -> feed_csv_read … -> feed_csv_end -> feed_csv_free
 *
 * The same row gives the same bytes each time, so that a file may be pushed again: a row without a column for event_id
 * gets an id from a hash of its cells. The mapping is YAML; `tocsin feed push --csv-help` prints its manual.
 */
#ifndef TOCSIN_RELAY_CLI_FEED_CSV_H
#define TOCSIN_RELAY_CLI_FEED_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct feed_csv;

/* Rows count from 1, the head included. Both are called from within feed_csv_read and feed_csv_end only. */
struct feed_csv_sink {
    void (*event)(void *arg, int64_t row, const char *json, size_t n);
    void (*bad)(void *arg, int64_t row, const char *what); /* this row is left out, the next goes on */
    void *arg;
};

/* RELAY_INVALID with "file:line: key: what" when the mapping is not right. */
enum relay_err feed_csv_new(const char *mapping, const struct feed_csv_sink *sink, struct feed_csv **ret,
                            struct reason *why) MUST_CHECK;
/* Any piece of the file. An error ends it: the head lacks a column, the encoding is another, the quotes never end. */
enum relay_err feed_csv_read(struct feed_csv *c, const char *bytes, size_t n, struct reason *why) MUST_CHECK;
enum relay_err feed_csv_end(struct feed_csv *c, struct reason *why) MUST_CHECK;
struct feed_csv *feed_csv_free(struct feed_csv *c);

void feed_csv_manual(void); /* to standard output */

#endif
