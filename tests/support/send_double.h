/* The core's side of one operation, for tests of adapters. Included by one source of a program: it defines send_done. */
#ifndef TOCSIN_TESTS_SEND_DOUBLE_H
#define TOCSIN_TESTS_SEND_DOUBLE_H

#include "adapters/adapter.h"
#include "unit.h"

struct send {
    int done; /* how often it was finished: must become 1 */
    struct send_outcome out;
};

void send_done(struct send *op, const struct send_outcome *outcome)
{
    op->done++;
    op->out = *outcome;
    assert_int_equal(op->done, 1);
}

static inline struct now double_now(void *core)
{
    (void)core;
    return clock_now();
}

/* A red warning as the core would hand it over; change what the test is about. */
static inline struct message a_message(void)
{
    return (struct message){
        .delivery = "yanta-1-20261122-7.1/wecom:redgoose",
        .short_id = "A3F7Q",
        .alert = "yanta-1-20261122-7",
        .rev = 1,
        .identifier = "yanta-1-20261122-7.1",
        .references = "",
        .status = STATUS_ACTUAL,
        .msg_type = MSG_ALERT,
        .level = LEVEL_RED,
        .certainty = CERTAINTY_LIKELY,
        .rule = "medins_card_suspended",
        .category = "medins_phishing_sms",
        .sent = 1795343635000,
        .since = 1795343635000,
        .expires = 1795602835000,
        .count = 20,
        .headline = "短信说医保停用，是骗子",
        .lines = {"别点短信里的链接", "别填密码 别转账", "先问护士或医保窗口"},
        .n_lines = 3,
        .chat = "【防骗提醒】有人冒充医保局群发短信，说“医保账户停用”，让人点链接。这是诈骗。\n不点链接，不填"
                "密码和验证码，不转账。",
        .issuer = "雁塔公安",
        .attempt = 1,
    };
}

#endif
