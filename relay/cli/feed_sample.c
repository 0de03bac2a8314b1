/* tocsin feed sample: a few events of this moment, to be piped into `feed push` while a hospital is in trial. */
#include <argp.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/feed_client.h"

/* Two scams, each often enough for its rule's threshold, and a harmless notice that must pass. Chinese in every language:
 * that is what carriers send. */
static const struct {
    const char *kind, *text;
    int count;
} samples[] = {
    {"sms", "【医保】您的医保账户已停用，请于今日内打开 hxxp://nhsa-xx[.]fyi 更新凭证，逾期取消报销资格",
     120},
    {"call",
     "您好，我是市医保中心的，您的医保卡在外地被人盗刷，涉嫌骗保，我现在帮您转接公安局，请把存款转到安全账户"
     "核查",
     20},
    {"sms", "【交大一附院】您已成功预约明天上午心内科门诊，请携带身份证和就诊卡，提前30分钟到分诊台签到", 1},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    if (key == 'a')
        *(const char **)state->input = arg;
    else if (key == ARGP_KEY_ARG)
        argp_usage(state);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

int feed_sample(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"area", 'a', N_("CODE"), 0, N_("the events' area, such as 610113 (default: none, the feed's own)"),
         0},
        {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = N_("Prints events of this moment: two scams and a harmless notice. For a trial:\n"
                  "tocsin feed sample --area 610113 | tocsin feed push --feed demo"),
        .argp_domain = "tocsin"};
    static char name[] = "tocsin feed sample";
    const char *area = NULL;
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &area) != 0) return EXIT_USAGE;

    unsigned char random[4];
    char mark[2 * sizeof(random) + 1];
    struct reason why;
    if (hash_random(random, sizeof(random), &why)) {
        (void)fprintf(stderr, "tocsin: %s\n", why.text);
        return EXIT_FAILED;
    }
    hash_hex(random, sizeof(random), mark);
    int64_t now = clock_now().wall;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
        CLEANUP(free_ptr) char *id = xasprintf("sample-%s-%zu", mark, i + 1);
        buf_char(&b, '{');
        buf_json_member(&b, "event_id", id);
        buf_json_member_time(&b, "sent_at", now);
        buf_json_member(&b, "kind", samples[i].kind);
        buf_json_member(&b, "text", samples[i].text);
        buf_json_member_int(&b, "count", samples[i].count);
        if (area) buf_json_member(&b, "area", area);
        buf_str(&b, "}\n");
        (void)fputs(buf_cstr(&b), stdout); /* see the flush */
    }
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
