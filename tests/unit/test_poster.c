/* Tests for poster.h: what a poster takes from a rule. The page itself is looked at by tests/flow/poster.py. */
#include "adapters/draw/poster.h"

#include "unit.h"

static void donts_are_the_screens_then_the_voices_then_everybodys(void **state)
{
    (void)state;
    struct arena mem = {0};
    const char *donts[POSTER_DONTS];
    const char *card[] = {"别点短信里的链接", "别填密码 别转账", "先问护士或医保窗口"};
    poster_donts(card, 3, "防骗提醒。这是骗子。不要点，不要填密码。", &mem, donts);
    assert_string_equal(donts[0], "别点短信里的链接");
    assert_string_equal(donts[1], "别填密码");
    assert_string_equal(donts[2], "别转账");

    const char *carer[] = {"别先付大额定金", "找护工问护士站"};
    poster_donts(carer, 2, "这是骗子。不要先付大额定金，不要借钱，证件不离手。", &mem, donts);
    assert_string_equal(donts[0], "别先付大额定金"); /* and not once more in other words */
    assert_string_equal(donts[1], "不要借钱");
    assert_string_equal(donts[2], "证件不离手");

    const char *nothing[] = {"交费只到窗口机器"};
    poster_donts(nothing, 1, NULL, &mem, donts);
    assert_string_equal(donts[0], "不要转账");
    assert_string_equal(donts[1], "不要说验证码");
    assert_string_equal(donts[2], "不要点陌生链接");

    poster_donts(nothing, 0, "不要跟他走，不要买药，不要转账", &mem, donts);
    assert_string_equal(donts[0], "不要买药");
    assert_string_equal(donts[1], "不要转账");
    assert_string_equal(donts[2], "不要说验证码");
    arena_release(&mem);
}

static void the_story_ends_with_the_word_that_it_is_one(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    poster_story("防骗提醒。有人发短信，让您点链接。这是骗子。不要点。", &b);
    assert_string_equal(buf_cstr(&b), "有人发短信，让您点链接。\n这是骗子。");
    buf_clear(&b);
    poster_story("假冒客服的，是骗子。不要信。", &b);
    assert_string_equal(buf_cstr(&b), "假冒客服的，是骗子。");
    buf_clear(&b);
    poster_story("不要转账。", &b);
    poster_story(NULL, &b);
    assert_int_equal(b.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(donts_are_the_screens_then_the_voices_then_everybodys),
        cmocka_unit_test(the_story_ends_with_the_word_that_it_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
