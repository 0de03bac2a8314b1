/* Made-up rules and texts for bench_matching: everyday messages, into some of which a scam is planted. The same seed gives
 * the same load everywhere. Every rule is one pattern, so that engines that know no `all` and `none` can run it too. */
#ifndef TOCSIN_BENCH_MATCHING_LOAD_H
#define TOCSIN_BENCH_MATCHING_LOAD_H

#include "rule_gen.h"

enum { LOAD_PLANTED_PERCENT = 3, LOAD_TEXT_BYTES = 367 };

static const char *const load_topics[] = {"医保", "社保",   "医疗保险", "新农合", "大病", "慢病", "生育",
                                          "工伤", "疫苗",   "体检",     "住院",   "门诊", "手术", "专家号",
                                          "病历", "保健品", "靶向药",   "护工",   "陪诊", "众筹"};
static const char *const load_things[] = {"账户", "卡",   "凭证", "待遇", "报销", "补贴",
                                          "登记", "认证", "中心", "资格", "退费", "押金"};
static const char *const load_claims[] = {"停用",   "冻结",   "失效", "异常", "过期", "注销", "暂停", "欠费",
                                          "盗刷",   "受限",   "清零", "作废", "违规", "锁定", "封停", "降级",
                                          "待领取", "多收",   "名额", "根治", "代办", "加急", "配捐", "返利",
                                          "免费领", "内部价", "秘方", "红包", "急救", "车祸"};
static const char *const load_asks[] = {"点击",   "链接",     "登录",     "扫码",   "下载",     "转账",
                                        "汇款",   "验证码",   "加微信",   "回电",   "填写",     "更新",
                                        "激活",   "私聊",     "垫付",     "手续费", "保证金",   "定金",
                                        "公证费", "清关费",   "好处费",   "解冻金", "安全账户", "共享屏幕",
                                        "远程",   "银行卡号", "身份证号", "按9",    "转人工",   "货到付款"};
static const char *const load_everyday[] = {"您好,",
                                            "尊敬的客户,",
                                            "【某银行】",
                                            "【快递】",
                                            "您的包裹已到驿站,",
                                            "请凭取件码领取。",
                                            "本月话费账单已出,",
                                            "余额不足请及时充值。",
                                            "明天下午三点在会议室开会,",
                                            "请各部门准时参加。",
                                            "您预约的门诊时间为周三上午,",
                                            "请提前十五分钟到诊区候诊。",
                                            "天气转凉,",
                                            "注意添加衣物。",
                                            "您的订单已发货,",
                                            "预计后天送达。",
                                            "感谢您的支持与信任。",
                                            "新店开业全场八折,",
                                            "欢迎新老顾客光临。",
                                            "孩子放学后我去接,",
                                            "晚饭你先吃不用等我。",
                                            "物业通知明天停水,",
                                            "请提前储水。",
                                            "您尾号的储蓄卡消费",
                                            "如非本人操作请致电客服。",
                                            "本周末小区举办义诊活动,",
                                            "市民可免费测量血压。",
                                            "请携带身份证到一楼大厅取号。",
                                            "报告可在自助机打印。",
                                            "祝您身体健康生活愉快。",
                                            "列车将于八点二十分发车,",
                                            "请旅客提前检票。",
                                            "您参加的课程今晚开播,",
                                            "点开直播间观看回放。",
                                            "图书馆借阅即将到期,",
                                            "请按时归还。",
                                            "驾驶证年审即将到期,",
                                            "请到车管所办理。",
                                            "水电费已自动扣缴成功。",
                                            "会员积分年底清理,",
                                            "请尽快兑换礼品。",
                                            "公司团建定在周六,",
                                            "报名截止到今天下班前。",
                                            "学校将于九月一日开学,",
                                            "家长会另行通知。",
                                            "您的航班因天气延误,",
                                            "请留意机场广播。",
                                            "理财有风险投资需谨慎。",
                                            "民警提醒陌生来电多核实。",
                                            "社区医院接种门诊周二休息。",
                                            "核酸检测点迁至东门。",
                                            "本院专家门诊实行预约制。",
                                            "手机银行升级维护,",
                                            "期间暂停部分业务。",
                                            "请妥善保管密码。",
                                            "退订请回复td。",
                                            "租房合同下月到期,",
                                            "房东问是否续租。",
                                            "健身房年卡优惠,",
                                            "详询前台。",
                                            "外卖小哥已取餐,",
                                            "请保持电话畅通。",
                                            "停车场缴费请提前扫描,",
                                            "祝您一路平安。",
                                            "老同学聚会定在国庆,",
                                            "能来的报一下名。"};

#define LOAD_PICK(g, list) (list)[gen_below(g, ARRAY_LEN(list))]

static inline void load_subject(struct gen *g, struct buf *out)
{
    buf_str(out, LOAD_PICK(g, load_topics));
    if (gen_below(g, 3)) buf_str(out, LOAD_PICK(g, load_things));
}

static inline void load_group(struct gen *g, int which, struct buf *out)
{
    unsigned n = 1 + gen_below(g, 4);
    if (n > 1) buf_str(out, "(?:");
    for (unsigned i = 0; i < n; i++) {
        if (i) buf_char(out, '|');
        if (which == 0)
            load_subject(g, out);
        else
            buf_str(out, which == 1 ? LOAD_PICK(g, load_claims) : LOAD_PICK(g, load_asks));
    }
    if (n > 1) buf_char(out, ')');
}

static inline void load_pattern(struct gen *g, struct buf *out)
{
    if (gen_below(g, 25) == 0) { /* a number to call */
        buf_printf(out, "%s.{0,%u}[0-9]{7,8}", LOAD_PICK(g, load_claims), 6 + gen_below(g, 10));
        return;
    }
    load_group(g, 0, out);
    buf_printf(out, ".{0,%u}", 8 + gen_below(g, 24));
    load_group(g, 1, out);
    if (gen_below(g, 8) == 0) return;
    buf_printf(out, ".{0,%u}", 8 + gen_below(g, 24));
    load_group(g, 2, out);
}

static inline void load_text(struct gen *g, struct buf *out)
{
    size_t wanted = LOAD_TEXT_BYTES / 2 + gen_below(g, LOAD_TEXT_BYTES);
    bool planted = gen_below(g, 100) < LOAD_PLANTED_PERCENT;
    while (out->len < wanted) {
        if (planted && out->len > wanted / 2) {
            planted = false;
            buf_str(out, "您的");
            load_subject(g, out);
            buf_printf(out, "已%s,请%s", LOAD_PICK(g, load_claims), LOAD_PICK(g, load_asks));
            continue;
        }
        switch (gen_below(g, 40)) { /* the words of scams are also words */
        case 0: buf_str(out, LOAD_PICK(g, load_topics)); break;
        case 1: buf_str(out, LOAD_PICK(g, load_asks)); break;
        default: buf_str(out, LOAD_PICK(g, load_everyday)); break;
        }
    }
}

#endif
