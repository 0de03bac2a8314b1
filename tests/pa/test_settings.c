/* What the option table cannot say: outputs and zones that do not fit each other. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "player/settings.h"

/* Loads this text as pa.yaml; every problem, or the settings. */
static struct settings *load(const char *text, struct opt_problems *problems)
{
    char dir[] = "/tmp/pa_settings.XXXXXX";
    struct settings *s = NULL;
    assert_non_null(mkdtemp(dir));
    CLEANUP(free_ptr) char *path = xasprintf("%s/pa.yaml", dir);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fprintf(f, "player: {site: xjtu-1}\n%s", text) > 0);
    assert_int_equal(fclose(f), 0);
    *problems = (struct opt_problems){0};
    enum relay_err err = settings_load(path, &s, problems);
    assert_int_equal(err, problems->n ? RELAY_INVALID : RELAY_OK);
    (void)unlink(path);
    (void)rmdir(dir);
    return s;
}

static void two_outputs_to_one_place_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *one, *other;
        bool fits;
    } pairs[] = {
        {"type: alsa", "type: alsa, device: default", false},
        {"type: alsa, device: 'plughw:1,0'", "type: alsa", true},
        {"type: sip, uri: 'sip:701@10.1.2.3'", "type: sip, uri: 'sip:701@10.1.2.3', name: Other", false},
        {"type: sip, uri: 'sip:701@10.1.2.3'", "type: sip, uri: 'sip:702@10.1.2.3'", true},
        {"type: file, dir: wav", "type: file, dir: wav/", false},
        {"type: file, dir: wav", "type: file, dir: other", true},
        {"type: rtp, address: 239.1.1.1, port: 5004",
         "type: rtp, address: 239.1.1.1, port: 5004, codec: pcmu", false},
        {"type: rtp, address: 239.1.1.1, port: 5004", "type: rtp, address: 239.1.1.1, port: 5006", true},
        {"type: axis, url: 'https://a'", "type: axis, url: 'https://a'", false},
        {"type: hikvision, url: 'https://a'", "type: hikvision, url: 'https://a', channel: 2", true},
        {"type: command, run: [aplay, '{wav}']", "type: command, run: [aplay, '{wav}']", false},
        {"type: command, run: [play, '{wav}', '{zone}']", "type: command, run: [play, '{wav}', '{zone}']",
         true},
        {"type: http, url: 'https://a'", "type: http, url: 'https://a'", true},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct opt_problems problems;
        CLEANUP(free_ptr)
        char *text =
            xasprintf("zones: [{id: hall, class: hall, outputs: [one, other]}]\noutputs:\n  - {id: one, %s}\n"
                      "  - {id: other, %s}\n",
                      pairs[i].one, pairs[i].other);
        struct settings *s = load(text, &problems);
        if (pairs[i].fits != (problems.n == 0)) fail_msg("%s | %s", pairs[i].one, pairs[i].other);
        if (!pairs[i].fits) {
            assert_int_equal(problems.n, 1);
            assert_non_null(strstr(problems.items[0].text, "pa.yaml:5:"));
            assert_non_null(strstr(problems.items[0].text, "name the other in each zone"));
        }
        settings_free(s);
    }
}

/* A folder of installed data with this text as what came for 2026; NULL: nothing came. Ended by forget_data. */
static char *data_with(const char *text)
{
    char *dir = xstrdup("/tmp/pa_data.XXXXXX");
    assert_non_null(mkdtemp(dir));
    CLEANUP(free_ptr)
    char *pa = xasprintf("%s/pa", dir), *folder = xasprintf("%s/holidays", pa),
         *path = xasprintf("%s/2026.json", folder);
    assert_int_equal(mkdir(pa, 0700) + (text ? mkdir(folder, 0700) : 0), 0);
    FILE *f = text ? fopen(path, "we") : NULL;
    if (f) assert_true(fputs(text, f) > 0 && fclose(f) == 0);
    assert_int_equal(setenv("TOCSIN_DATADIR", dir, 1), 0);
    return dir;
}

static void forget_data(char *dir)
{
    static const char *const inside[] = {"/pa/holidays/2026.json", "/pa/holidays", "/pa", ""};
    for (size_t i = 0; i < COUNT(inside); i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s%s", dir, inside[i]);
        (void)remove(path);
    }
    free(dir);
    (void)unsetenv("TOCSIN_DATADIR");
}

static void holidays_come_with_the_program_and_the_houses_own_word_counts(void **state)
{
    (void)state;
    struct opt_problems problems;
    struct calendar *c = NULL;
    struct reason why;
    struct settings *s = load("zones: [{id: hall, class: icu}]\n", &problems);
    assert_non_null(s);
    char *dir = data_with("{\"year\":2026,\"days\":["
                          "{\"name\":\"元旦\",\"date\":\"2026-01-01\",\"isOffDay\":true},"
                          "{\"name\":\"国庆节\",\"date\":\"2026-10-01\",\"isOffDay\":true},"
                          "{\"name\":\"国庆节\",\"date\":\"2026-10-10\",\"isOffDay\":false}]}");
    assert_int_equal(settings_calendar(s, &c, &why), RELAY_OK);
    assert_true(calendar_knows_year(c, 2026) && !calendar_knows_year(c, 2027));
    assert_int_equal(calendar_day(c, civil_day(2026, 10, 1)).type, DAY_HOLIDAY);
    c = calendar_free(c);

    char own[] = "/tmp/pa_own.XXXXXX";
    int fd = mkstemp(own);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    assert_true(fputs("{\"year\":2026,\"days\":[{\"date\":\"2026-10-10\",\"isOffDay\":true}]}", f) > 0);
    assert_int_equal(fclose(f), 0);
    const char *files[] = {own};
    s->player.holidays = (struct opt_strs){files, 1};
    assert_int_equal(settings_calendar(s, &c, &why), RELAY_OK);
    assert_int_equal(calendar_day(c, civil_day(2026, 10, 1)).type, DAY_HOLIDAY);
    assert_int_equal(calendar_day(c, civil_day(2026, 10, 10)).type, DAY_HOLIDAY);
    c = calendar_free(c);
    forget_data(dir);

    dir = data_with(NULL);
    assert_int_equal(settings_calendar(s, &c, &why), RELAY_OK);
    assert_int_equal(calendar_day(c, civil_day(2026, 10, 1)).type, DAY_WEEKDAY);
    c = calendar_free(c);
    forget_data(dir);

    dir = data_with("{");
    assert_int_not_equal(settings_calendar(s, &c, &why), RELAY_OK);
    assert_non_null(strstr(why.text, "/pa/holidays/2026.json"));
    forget_data(dir);
    assert_int_equal(unlink(own), 0);
    settings_free(s);
}

static void the_houses_own_words_come_after_those_of_the_program(void **state)
{
    (void)state;
    static const struct {
        const char *data, *text;
        size_t n;
        const char *first;
    } cases[] = {
        {NULL, "", 1, "/pa/lexicon.tsv"},
        {NULL, "speech: {lexicon: [/own.tsv]}\n", 2, "/pa/lexicon.tsv"},
        {"/nowhere", "speech: {lexicon: [/own.tsv]}\n", 1, "/own.tsv"},
        {"/nowhere", "", 1, "/nowhere/pa/lexicon.tsv"},
    };
    char dir[] = "/tmp/pa_data.XXXXXX";
    assert_non_null(mkdtemp(dir));
    CLEANUP(free_ptr) char *pa = xasprintf("%s/pa", dir);
    assert_int_equal(symlink(TOCSIN_SOURCE_DIR "/adapters/pa/player/data", pa), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct opt_problems problems;
        CLEANUP(free_ptr) char *text = xasprintf("zones: [{id: hall, class: icu}]\n%s", cases[i].text);
        assert_int_equal(setenv("TOCSIN_DATADIR", cases[i].data ? cases[i].data : dir, 1), 0);
        struct settings *s = load(text, &problems);
        assert_non_null(s);
        assert_int_equal(s->speech.lexicon.n, cases[i].n);
        assert_non_null(strstr(s->speech.lexicon.items[0], cases[i].first));
        if (cases[i].n == 2) assert_string_equal(s->speech.lexicon.items[1], "/own.tsv");
        settings_free(s);
    }
    assert_int_equal(unlink(pa) + rmdir(dir) + unsetenv("TOCSIN_DATADIR"), 0);
}

static void zones_know_with_whom_they_share_a_loudspeaker(void **state)
{
    (void)state;
    struct opt_problems problems;
    struct settings *s = load("zones:\n"
                              "  - {id: a, class: hall, outputs: [card, drop]}\n"
                              "  - {id: b, class: hall, outputs: [drop, told]}\n"
                              "  - {id: c, class: hall, outputs: [number, card]}\n"
                              "  - {id: d, class: hall, outputs: [number, told, card]}\n"
                              "outputs:\n"
                              "  - {id: card, type: alsa}\n"
                              "  - {id: number, type: sip, uri: 'sip:701@10.1.2.3'}\n"
                              "  - {id: told, type: command, run: [play, '{wav}', '{zone}']}\n"
                              "  - {id: drop, type: file, dir: wav}\n",
                              &problems);
    assert_int_equal(problems.n, 0);
    assert_int_equal(s->zones[0].n_shares, 2);
    assert_int_equal(s->zones[1].n_shares, 0);
    assert_int_equal(s->zones[2].n_shares, 2);
    assert_int_equal(s->zones[3].n_shares, 2);
    assert_int_equal(s->zones[0].shares[0], 2);
    assert_int_equal(s->zones[0].shares[1], 3);
    settings_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_outputs_to_one_place_are_refused_with_their_line),
        cmocka_unit_test(holidays_come_with_the_program_and_the_houses_own_word_counts),
        cmocka_unit_test(the_houses_own_words_come_after_those_of_the_program),
        cmocka_unit_test(zones_know_with_whom_they_share_a_loudspeaker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
