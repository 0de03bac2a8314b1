/* log.c: one line per happening, nothing that came from outside begins a line, no address with a key. */
#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "unit.h"

static char last[4096];
static int lines;

static void keep(enum log_level level, const char *line, void *arg)
{
    (void)arg;
    (void)snprintf(last, sizeof(last), "%d %s", (int)level, line);
    lines++;
}

static int captured(void **state)
{
    (void)state;
    lines = 0;
    log_capture(keep, NULL);
    log_set_level(LOG_LEVEL_INFO);
    return 0;
}

static int released(void **state)
{
    (void)state;
    log_capture(NULL, NULL);
    log_set_level(LOG_LEVEL_INFO);
    return 0;
}

static void lines_above_the_level_are_dropped(void **state)
{
    (void)state;
    log_debug("no");
    assert_int_equal(lines, 0);
    log_info("a81f: status=%s", "sent");
    assert_string_equal(last, "6 a81f: status=sent");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("yes");
    assert_string_equal(last, "7 yes");
    log_set_level(LOG_LEVEL_ERROR);
    log_warning("no");
    assert_int_equal(lines, 2);
    log_error("yes");
    assert_int_equal(lines, 3);
}

static void a_line_feed_from_outside_begins_no_line(void **state)
{
    (void)state;
    log_info("%s", "a\nerror forged\r\x1b[31m\x7f");
    assert_string_equal(last, "6 a error forged  [31m ");
}

static void a_long_line_is_cut_between_characters(void **state)
{
    (void)state;
    char text[6001];
    for (size_t i = 0; i < 2000; i++) memcpy(text + 3 * i, "医", 3);
    text[6000] = '\0';
    for (int pad = 0; pad < 3; pad++) {
        log_info("%.*s%s", pad, "xx", text);
        assert_true(strlen(last) < 2100);
        assert_true(strlen(last) > 1900);
        assert_true(text_valid_utf8(last, strlen(last)));
    }
}

static void a_line_on_standard_error_has_time_and_level(void **state)
{
    (void)state;
    log_capture(NULL, NULL);
    int fds[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(fds), 0);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    log_warning("feed sn-cmcc: lost; retrying in 40 s");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    char got[256] = {0};
    assert_true(read(fds[0], got, sizeof(got) - 1) > 0);
    assert_true(got[0] == '2' && got[4] == '-' && got[10] == 'T');
    assert_non_null(strstr(got, " warning feed sn-cmcc: lost; retrying in 40 s\n"));
    (void)close(fds[0]);
    (void)close(fds[1]);
    (void)close(saved);
}

static void an_address_keeps_scheme_and_host_only(void **state)
{
    (void)state;
    static const struct {
        const char *url, *want;
    } cases[] = {
        {"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6", "https://qyapi.weixin.qq.com/…"},
        {"https://user:secret@host:8443/x", "https://host:8443/…"},
        {"https://user:p@ss@host/x", "https://host/…"},
        {"https://host?key=1", "https://host/…"},
        {"https://host#frag@ment", "https://host/…"},
        {"https://host/a@b", "https://host/…"},
        {"not an address", "…"},
        {"://x", "…"},
        {"", "…"}};
    char out[128];
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(log_redact_url(cases[i].url, out, sizeof(out)), cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_above_the_level_are_dropped, captured, released),
        cmocka_unit_test_setup_teardown(a_line_feed_from_outside_begins_no_line, captured, released),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut_between_characters, captured, released),
        cmocka_unit_test_setup_teardown(a_line_on_standard_error_has_time_and_level, captured, released),
        cmocka_unit_test(an_address_keeps_scheme_and_host_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
