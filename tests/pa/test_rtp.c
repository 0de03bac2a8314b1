/* G.711 against another's, and formats that fit a packet. */
#include "unit.h"

#include <spandsp.h>

#include "player/rtp.h"

static void every_sample_is_coded_as_another_library_does(void **state)
{
    (void)state;
    for (int v = INT16_MIN; v <= INT16_MAX; v++) {
        if (rtp_alaw((int16_t)v) != linear_to_alaw(v))
            fail_msg("A-law of %d: %d, not %d", v, rtp_alaw((int16_t)v), linear_to_alaw(v));
        /* What comes out is at most a step away: libraries differ in where they round. */
        int ours = ulaw_to_linear(rtp_ulaw((int16_t)v)), theirs = ulaw_to_linear(linear_to_ulaw(v));
        int size = v < 0 ? -v : v;
        if (abs(ours - v) > abs(theirs - v) + size / 32 + 8)
            fail_msg("u-law of %d: %d, theirs %d", v, ours, theirs);
    }
}

static void formats_complete_themselves(void **state)
{
    (void)state;
    struct reason why;
    struct rtp_format pcma = {.codec = RTP_PCMA, .rate = 44100, .payload_type = -1},
                      l16 = {.codec = RTP_L16, .payload_type = -1},
                      wide = {.codec = RTP_L16, .rate = 16000, .payload_type = -1};
    assert_int_equal(rtp_format_complete(&pcma, &why), RELAY_OK);
    assert_int_equal(pcma.rate, 8000);
    assert_int_equal(pcma.payload_type, 8);
    assert_int_equal(pcma.packet_ms, 20);
    assert_int_equal(rtp_format_complete(&l16, &why), RELAY_OK);
    assert_int_equal(l16.payload_type, 11);
    assert_int_equal(l16.packet_ms, 10);
    assert_int_equal(rtp_format_complete(&wide, &why), RELAY_OK);
    assert_int_equal(wide.payload_type, 96);
}

static void a_packet_that_fits_no_frame_is_refused(void **state)
{
    (void)state;
    struct reason why;
    struct rtp_format big = {.codec = RTP_L16, .rate = 48000, .payload_type = -1, .packet_ms = 20};
    assert_int_equal(rtp_format_complete(&big, &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "1920"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_is_coded_as_another_library_does),
        cmocka_unit_test(formats_complete_themselves),
        cmocka_unit_test(a_packet_that_fits_no_frame_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
