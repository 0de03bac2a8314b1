/* The file drop: what is in the folder while something sounds, after it, and when the folder fills up. */
#include "unit.h"

#include <dirent.h>
#include <libical/ical.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "player/output.h"

extern const struct output_ops output_file;

struct told {
    int times;
    enum play_end end;
};

/* Stands in for air.c. */
void output_ended(struct output_play *p, struct now now, enum play_end end, const char *detail)
{
    struct told *t = p->owner;
    (void)now;
    (void)detail;
    t->times++;
    t->end = end;
}

struct bench {
    char dir[64], wav[96];
    struct arena arena;
    struct output_env env;
    struct output out;
    struct play play;
    struct output_play run;
    struct told told;
};

static const struct now NINE = {.mono = 5000, .wall = 1795482000000}; /* 2026-11-24T01:00:00Z */

static void open_output(struct bench *b, const char *more)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/out.yaml", b->dir), *yaml = NULL;
    struct yaml_node *map = NULL;
    struct opt_problems problems = {0};
    struct reason why;
    yaml = xasprintf("dir: drop\n%s", more);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(yaml, f) >= 0 && fclose(f) == 0);
    assert_int_equal(yaml_load(path, &b->arena, &map, &why), RELAY_OK);
    void *values = arena_alloc(&b->arena, output_file.options_size);
    memset(values, 0, output_file.options_size);
    if (options_load(output_file.options, map, values, &b->arena, &problems) != RELAY_OK)
        fail_msg("%s", problems.items[0].text);
    b->env = (struct output_env){.site = "xjtu-1"};
    b->out = (struct output){.id = "drop",
                             .ops = &output_file,
                             .options = values,
                             .state = arena_alloc(&b->arena, output_file.state_size),
                             .env = &b->env};
    memset(b->out.state, 0, output_file.state_size);
    assert_int_equal(output_file.open(&b->out, &why), RELAY_OK);
    b->out.is_open = true;
}

static void start(struct bench *b, uint64_t item, struct now now)
{
    struct reason why;
    free(b->run.state);
    b->told = (struct told){0};
    b->play = (struct play){.item = item,
                            .id = "slot-202611240900",
                            .kind = "slot",
                            .wav = b->wav,
                            .length_ms = 1500,
                            .expires_wall = now.wall + 60000,
                            .volume = 80};
    b->run = (struct output_play){.output = &b->out,
                                  .play = &b->play,
                                  .zone = "hall",
                                  .zone_name = "门诊大厅，一楼；候诊区，挂号处与收费处之间的整个大厅",
                                  .state = xcalloc(1, output_file.play_size),
                                  .owner = &b->told};
    assert_int_equal(output_file.start(&b->out, &b->run, now, &why), RELAY_OK);
}

static struct now later(struct now now, int64_t ms)
{
    return (struct now){.mono = now.mono + ms, .wall = now.wall + ms};
}

static char *content(const struct bench *b, const char *name)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/drop/%s", b->dir, name);
    char text[4096];
    FILE *f = fopen(path, "re");
    if (!f) return NULL;
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    assert_int_equal(fclose(f), 0);
    return xstrdup(text);
}

/* The one file with this ending; NULL: none. Counts them. */
static char *only(const struct bench *b, const char *suffix, int *ret_n)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/drop", b->dir);
    char *found = NULL;
    *ret_n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name), k = strlen(suffix);
        if (n < k || strcmp(e->d_name + n - k, suffix) != 0) continue;
        free(found);
        found = xstrdup(e->d_name);
        ++*ret_n;
    }
    assert_int_equal(closedir(d), 0);
    return found;
}

static int setup(void **state)
{
    struct bench *b = xcalloc(1, sizeof(*b));
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/pa_file.XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->wav, sizeof(b->wav), "%s/in.wav", b->dir);
    FILE *f = fopen(b->wav, "we");
    assert_non_null(f);
    assert_true(fputs("RIFF: any bytes", f) >= 0 && fclose(f) == 0);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    CLEANUP(free_ptr) char *tidy = xasprintf("rm -rf %s", b->dir);
    output_file.close(&b->out);
    free(b->run.state);
    arena_release(&b->arena);
    int status = system(tidy); /* NOLINT: our own folder */
    free(b);
    return status;
}

static void a_play_is_a_wav_a_manifest_an_entry_and_a_line_of_the_playlist(void **state)
{
    struct bench *b = *state;
    int n;
    const struct json_limits limits = {4096, 4};
    CLEANUP(json_free_ptr) cJSON *json = NULL;
    struct reason why;
    open_output(b, "");
    start(b, 17, NINE);
    CLEANUP(free_ptr) char *wav = only(b, ".wav", &n), *manifest = only(b, ".json", &n);
    assert_int_equal(n, 1);
    CLEANUP(free_ptr)
    char *sound = content(b, wav), *text = content(b, manifest), *list = content(b, "now.m3u");
    assert_string_equal(sound, "RIFF: any bytes");
    assert_int_equal(json_parse(text, strlen(text), &limits, &json, &why), RELAY_OK);
    assert_string_equal(json_str_or(json, "wav", ""), wav);
    assert_string_equal(json_str_or(json, "state", ""), "play");
    assert_string_equal(json_str_or(json, "zone", ""), "hall");
    CLEANUP(free_ptr) char *wanted = xasprintf("#EXTM3U\n#EXTINF:2,hall slot\n%s\n", wav);
    assert_string_equal(list, wanted);
    free(only(b, ".part", &n));
    assert_int_equal(n, 0);
    output_file.turn(&b->out, later(NINE, 1499));
    assert_int_equal(b->told.times, 0);
    output_file.turn(&b->out, later(NINE, 1500));
    assert_int_equal(b->told.times, 1);
    assert_int_equal(b->told.end, PLAY_DONE);
    CLEANUP(free_ptr) char *after = content(b, "now.m3u");
    assert_string_equal(after, "#EXTM3U\n");
}

static void the_calendar_entry_keeps_the_rules_of_its_format(void **state)
{
    struct bench *b = *state;
    int n;
    open_output(b, "");
    start(b, 17, NINE);
    CLEANUP(free_ptr) char *name = only(b, ".ics", &n), *text = content(b, name);
    assert_int_equal(n, 1);
    assert_non_null(strstr(text, "\r\nDTSTART:20261124T010000Z\r\n"));
    assert_non_null(strstr(text, "\r\nDURATION:PT2S\r\n"));
    assert_non_null(strstr(text, "LOCATION:门诊大厅"));
    assert_non_null(strstr(text, "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"));
    for (const char *line = text; *line;) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end - line <= 75);
        assert_null(memchr(line, '\n', (size_t)(end - line)));
        assert_true(((unsigned char)line[line[0] == ' '] & 0xC0) != 0x80); /* no character is cut in two */
        line = end + 2;
    }
}

static void another_library_reads_the_entry(void **state)
{
    struct bench *b = *state;
    int n;
    open_output(b, "");
    start(b, 17, NINE);
    CLEANUP(free_ptr) char *name = only(b, ".ics", &n), *text = content(b, name);
    icalcomponent *root = icalparser_parse_string(text);
    assert_non_null(root);
    assert_int_equal(icalcomponent_count_errors(root), 0);
    icalrestriction_check(root);
    assert_int_equal(icalcomponent_count_errors(root), 0);
    icalcomponent *event = icalcomponent_get_first_component(root, ICAL_VEVENT_COMPONENT);
    assert_non_null(event);
    assert_int_equal(icaltime_as_timet(icalcomponent_get_dtstart(event)), NINE.wall / 1000);
    assert_int_equal(icaltime_as_timet(icalcomponent_get_dtend(event)), NINE.wall / 1000 + 2);
    assert_string_equal(icalcomponent_get_location(event), b->run.zone_name);
    icalcomponent_free(root);
    icalmemory_free_ring();
}

static void a_stopped_play_takes_the_sound_away_and_says_so(void **state)
{
    struct bench *b = *state;
    int n;
    open_output(b, "");
    start(b, 17, NINE);
    output_file.stop(&b->out, &b->run, later(NINE, 200));
    assert_int_equal(b->told.end, PLAY_STOPPED);
    free(only(b, ".wav", &n));
    assert_int_equal(n, 0);
    CLEANUP(free_ptr) char *manifest = only(b, ".json", &n), *entry = only(b, ".ics", &n);
    CLEANUP(free_ptr)
    char *text = content(b, manifest), *ics = content(b, entry), *list = content(b, "now.m3u");
    assert_non_null(strstr(text, "\"state\":\"stop\""));
    assert_non_null(strstr(ics, "STATUS:CANCELLED"));
    assert_string_equal(list, "#EXTM3U\n");
}

static void only_so_many_items_stay_and_what_is_not_ours_is_left_alone(void **state)
{
    struct bench *b = *state;
    int n;
    CLEANUP(free_ptr)
    char *drop = xasprintf("%s/drop", b->dir), *theirs = xasprintf("%s/drop/theirs.wav", b->dir);
    assert_int_equal(mkdir(drop, 0755), 0);
    FILE *f = fopen(theirs, "we");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    open_output(b, "keep: 3\n");
    for (uint64_t i = 0; i < 9; i++) {
        struct now now = later(NINE, (int64_t)i * 60000);
        start(b, i, now);
        output_file.turn(&b->out, later(now, 1500));
        assert_int_equal(b->told.end, PLAY_DONE);
    }
    free(only(b, ".json", &n));
    assert_int_equal(n, 3);
    free(only(b, ".ics", &n));
    assert_int_equal(n, 3);
    free(only(b, "-8.wav", &n));
    assert_int_equal(n, 1); /* the newest */
    free(only(b, ".wav", &n));
    assert_int_equal(n, 4); /* and theirs */
}

static void the_playlist_and_the_entry_can_be_left_out(void **state)
{
    struct bench *b = *state;
    int n;
    open_output(b, "m3u: false\nics: false\n");
    start(b, 17, NINE);
    output_file.turn(&b->out, later(NINE, 1500));
    free(only(b, ".m3u", &n));
    assert_int_equal(n, 0);
    free(only(b, ".ics", &n));
    assert_int_equal(n, 0);
}

static void a_play_that_cannot_be_written_leaves_nothing_behind(void **state)
{
    struct bench *b = *state;
    struct reason why;
    int n;
    open_output(b, "");
    start(b, 17, NINE);
    output_file.stop(&b->out, &b->run, NINE);
    struct play gone = b->play;
    gone.wav = "/nowhere/in.wav";
    gone.item = 18;
    b->run.play = &gone;
    assert_int_equal(output_file.start(&b->out, &b->run, NINE, &why), RELAY_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nowhere/in.wav"));
    free(only(b, "-18.json", &n));
    assert_int_equal(n, 0);
    assert_int_equal(output_file.next_due(&b->out), INT64_MAX);
}

static void a_playlist_left_by_a_program_that_was_killed_is_emptied(void **state)
{
    struct bench *b = *state;
    CLEANUP(free_ptr)
    char *drop = xasprintf("%s/drop", b->dir), *stale = xasprintf("%s/drop/now.m3u", b->dir);
    assert_int_equal(mkdir(drop, 0755), 0);
    FILE *f = fopen(stale, "we");
    assert_non_null(f);
    assert_true(fputs("#EXTM3U\nold.wav\n", f) >= 0 && fclose(f) == 0);
    open_output(b, "");
    output_file.turn(&b->out, NINE);
    CLEANUP(free_ptr) char *list = content(b, "now.m3u");
    assert_string_equal(list, "#EXTM3U\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_play_is_a_wav_a_manifest_an_entry_and_a_line_of_the_playlist, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_calendar_entry_keeps_the_rules_of_its_format, setup, teardown),
        cmocka_unit_test_setup_teardown(another_library_reads_the_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stopped_play_takes_the_sound_away_and_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(only_so_many_items_stay_and_what_is_not_ours_is_left_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_playlist_and_the_entry_can_be_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_play_that_cannot_be_written_leaves_nothing_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(a_playlist_left_by_a_program_that_was_killed_is_emptied, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
