/* A stable rule in four parts that has nothing to be said against it: the example of the wording guide. */
#ifndef TOCSIN_TESTS_FIT_RULE_H
#define TOCSIN_TESTS_FIT_RULE_H

static const char fit_head[] =
    "id: medins_test\nrev: 1\nstatus: stable\ntitle: t\ncategory: medins_phishing_sms\nlevel: red\n";
static const char fit_match[] = "match:\n  all: ['医保(?:卡|账户).{0,12}(?:停用|冻结)']\n";
static const char fit_say[] =
    "say:\n"
    "  voice: "
    "防骗提醒。有人发短信，说您的医保卡停用了，让您点链接。这是骗子。不要点，不要填密码，不要转账。拿不准，先"
    "问护士、保安，或者拨打九六一一零。\n"
    "  voice_short: 防骗提醒。说您医保卡停用、让您点链接的短信，是骗子发的。不要点，先问护士或者保安。\n"
    "  rhyme: 短信说你医保停，链接一点钱归零；不慌不点不转账，先到窗口问个清。\n"
    "  screen: {headline: 短信说医保停用，是骗子, lines: [别点短信里的链接, 别填密码 别转账, "
    "先问护士或医保窗口]}\n"
    "  chat: |-\n"
    "    【防骗提醒】{{issuer}} {{time}}\n"
    "    有人冒充医保局群发短信，说“医保账户停用”，让人点链接。这是诈骗。\n"
    "    不点链接，不填密码和验证码，不转账。\n"
    "    拿不准：到{{help}}问，或打 96110。\n"
    "    {{valid}} 前有效，编号 {{id}}\n"
    "  duty: '{{area}} {{count}}：看 example.fyi，联系 13800000000。'\n"
    "  caught: 已经点了、填了：马上打银行客服冻结银行卡，再打 110。\n"
    "  correction: 更正。之前播的医保短信提醒，经警方核实有误，请您不必担心。有疑问，请到医保窗口。\n";
static const char fit_rest[] =
    "samples:\n"
    "  match: ['医保卡停用', '医保账户已停用', '医保卡被冻结', '医保账户冻结', '医保卡要停用']\n"
    "  pass: ['医保', '卡停用', '停用医保', '社保卡停用', '冻结']\n"
    "falsepositives: ['x']\nreferences: ['y']\n";

#endif
