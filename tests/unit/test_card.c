/* Tests for card.h: what is in a picture card, and that it is the same picture every time. */
#include "adapters/draw/card.h"

#include "base/clock.h"
#include "base/mem.h"
#include "png_look.h"
#include "unit.h"

static struct card a_card(void)
{
    return (struct card){.level = LEVEL_ORANGE,
                         .headline = "短信说医保停用，是骗子",
                         .lines = {"别点短信里的链接", "别填密码 别转账", "先问护士或医保窗口"},
                         .n_lines = 3,
                         .issuer = "雁塔公安·交大一附院",
                         .sent = 1795343640000,
                         .expires = 1795602840000,
                         .id = "yanta-1-20261122-17"};
}

static void draw(const struct card *c, struct buf *out)
{
    struct reason why = {""};
    if (card_png(c, out, &why) != RELAY_OK) fail_msg("%s", why.text);
}

static void the_same_card_is_the_same_bytes(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf a = BUF_INIT(CARD_BYTES_MAX), b = BUF_INIT(CARD_BYTES_MAX);
    struct card c = a_card();
    draw(&c, &a);
    draw(&c, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_true(a.len < 128 * 1024); /* thousands of groups get it */
}

static void a_key_knows_all_that_is_in_the_picture(void **state)
{
    (void)state;
    struct card base = a_card();
    char first[CARD_KEY_LEN], other[CARD_KEY_LEN];
    card_key(&base, first);
    for (int i = 0; i < 9; i++) {
        struct card c = a_card();
        switch (i) {
        case 0: c.level = LEVEL_RED; break;
        case 1: c.msg_type = MSG_CANCEL; break;
        case 2: c.status = STATUS_EXERCISE; break;
        case 3: c.headline = "别的"; break;
        case 4: c.lines[2] = "别的"; break;
        case 5: c.n_lines = 2; break;
        case 6: c.issuer = NULL; break;
        case 7: c.expires++; break;
        default: c.id = "yanta-1-20261122-18"; break;
        }
        card_key(&c, other);
        if (strcmp(first, other) == 0) fail_msg("case %d has the same key", i);
    }
    struct card same = a_card();
    card_key(&same, other);
    assert_string_equal(first, other);
}

static void every_level_has_its_own_ground_and_pictures_are_of_one_size(void **state)
{
    (void)state;
    for (int l = 0; l < LEVEL_COUNT; l++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(CARD_BYTES_MAX);
        struct card c = a_card();
        c.level = (enum level)l;
        draw(&c, &b);
        struct png_look p;
        png_look_read(&b, &p);
        assert_int_equal(p.width, CARD_WIDTH);
        assert_int_equal(p.height, CARD_HEIGHT);
        const struct look *k = look_of(c.level, MSG_ALERT);
        uint32_t ground = (uint32_t)(k->ground.r << 16 | k->ground.g << 8 | k->ground.b);
        assert_int_equal(png_look_at(&p, 4, 4), ground);
        assert_int_equal(png_look_at(&p, CARD_WIDTH - 4, 400), 0xffffff);
        png_look_release(&p);
    }
}

/* Seen even by one who sees no colour: stripes at the edges that a real one never has. */
static void a_drill_is_framed_in_stripes(void **state)
{
    (void)state;
    for (int drill = 0; drill < 2; drill++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(CARD_BYTES_MAX);
        struct card c = a_card();
        c.status = drill ? STATUS_EXERCISE : STATUS_ACTUAL;
        draw(&c, &b);
        struct png_look p;
        png_look_read(&b, &p);
        int changes = 0;
        for (int x = 1; x < CARD_WIDTH; x++) {
            int a = png_look_light(png_look_at(&p, x - 1, 18)), z = png_look_light(png_look_at(&p, x, 18));
            changes += (a > 128) != (z > 128);
        }
        if (drill)
            assert_true(changes > 20);
        else
            assert_int_equal(changes, 0);
        png_look_release(&p);
    }
}

static void the_text_alternative_says_what_the_picture_says(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf alt = BUF_INIT(8192), png = BUF_INIT(CARD_BYTES_MAX);
    struct card c = a_card();
    struct reason why;
    assert_int_equal(clock_set_zone("Asia/Shanghai", &why), RELAY_OK);
    c.headline = "【演练】短信说医保停用，是骗子";
    c.status = STATUS_EXERCISE;
    card_alt(&c, &alt);
    assert_string_equal(
        buf_cstr(&alt),
        "【演练】请留意：短信说医保停用，是骗子。别点短信里的链接；别填密码 别转账；先问护士或医保窗口。"
        "拿不准，打 96110。雁塔公安·交大一附院，11月25日 18:34 前有效，编号 yanta-1-20261122-17。");
    draw(&c, &png);
    struct png_look p;
    png_look_read(&png, &p);
    assert_string_equal(p.description, buf_cstr(&alt));
    png_look_release(&p);
}

static void texts_of_any_length_fit_or_are_refused(void **state)
{
    (void)state;
    struct reason why = {""};
    CLEANUP(buf_release) struct buf b = BUF_INIT(CARD_BYTES_MAX), longest = BUF_INIT(8192);
    struct card c = a_card();
    c.lines[0] = "别在任何情况下把短信里的验证码念给电话里的陌生人听";
    draw(&c, &b);
    buf_clear(&b);
    for (int i = 0; i < 400; i++) buf_str(&longest, "长");
    c.lines[0] = buf_cstr(&longest);
    assert_int_equal(card_png(&c, &b, &why), RELAY_INVALID);
    c = a_card();
    c.headline = NULL;
    assert_int_equal(card_png(&c, &b, &why), RELAY_INVALID);
    c = a_card();
    c.n_lines = 0;
    c.issuer = NULL;
    buf_clear(&b);
    draw(&c, &b);
}

static void boxes_in_place_of_letters_are_never_sent(void **state)
{
    (void)state;
    struct reason why = {""};
    CLEANUP(buf_release) struct buf b = BUF_INIT(CARD_BYTES_MAX);
    struct card c = a_card();
    c.headline = "没有字形\xf3\xb0\x80\x80"; /* a private character of plane 15 */
    assert_int_equal(card_png(&c, &b, &why), RELAY_UNSUPPORTED);
    assert_int_equal(b.len, 0);
    assert_non_null(strstr(why.text, "fonts-noto-cjk"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_card_is_the_same_bytes),
        cmocka_unit_test(a_key_knows_all_that_is_in_the_picture),
        cmocka_unit_test(every_level_has_its_own_ground_and_pictures_are_of_one_size),
        cmocka_unit_test(a_drill_is_framed_in_stripes),
        cmocka_unit_test(the_text_alternative_says_what_the_picture_says),
        cmocka_unit_test(texts_of_any_length_fit_or_are_refused),
        cmocka_unit_test(boxes_in_place_of_letters_are_never_sent),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed;
}
