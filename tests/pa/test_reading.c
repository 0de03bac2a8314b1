/* Numbers as they are said, from a table that anyone can add to. */
#include "unit.h"

#include "base/mem.h"
#include "player/reading.h"

static void every_line_of_the_table_is_read_as_it_says(void **state)
{
    (void)state;
    FILE *f = fopen(TOCSIN_SOURCE_DIR "/tests/pa/data/readings.tsv", "re");
    assert_non_null(f);
    char line[512];
    int lines = 0, wrong = 0;
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (!*line || *line == '#') continue;
        char *tab = strchr(line, '\t');
        assert_non_null(tab);
        *tab = '\0';
        CLEANUP(buf_release) struct buf out = BUF_INIT(4096);
        reading_spell(line, &out);
        if (strcmp(buf_cstr(&out), tab + 1) != 0) {
            print_error("%s: said %s, wanted %s\n", line, buf_cstr(&out), tab + 1);
            wrong++;
        }
        lines++;
    }
    (void)fclose(f);
    assert_int_equal(wrong, 0);
    assert_true(lines > 50);
}

static void spelling_twice_changes_nothing(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf once = BUF_INIT(4096);
    CLEANUP(buf_release) struct buf twice = BUF_INIT(4096);
    reading_spell("2026年11月22日18:34，转走7.2万元，打110。", &once);
    reading_spell(buf_cstr(&once), &twice);
    assert_string_equal(buf_cstr(&once), buf_cstr(&twice));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_of_the_table_is_read_as_it_says),
        cmocka_unit_test(spelling_twice_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
