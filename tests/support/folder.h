/* A new folder for each test, or for all of a file, and files in it:
 *
 *   cmocka_unit_test_setup_teardown(test, folder_begin, folder_end)     or in a setup and teardown of one's own
 */
#ifndef TOCSIN_TESTS_FOLDER_H
#define TOCSIN_TESTS_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "unit.h"

static char folder[64];

static inline int folder_begin(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/tocsin-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* With all that is in it. */
static inline int folder_end(void **state)
{
    (void)state;
    return nftw(folder, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The caller frees. */
static inline char *folder_path(const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

static inline void folder_put(const char *name, const char *text)
{
    CLEANUP(free_ptr) char *path = folder_path(name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

#endif
