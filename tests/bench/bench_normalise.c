/* How fast texts are normalised (with offset map) and searched for personal data, against ICU, utf8proc and memcpy.
 *
 *   bench_normalise [--json] [--seconds N]
 *
 * Texts are made here from phrases of our own, about 150 characters each; `evasive` has a tenth each of traditional,
 * full-width and zero-width characters and every trick of the variant table. The contenders take turns within a round,
 * and a ratio is that of one round, so that a busy neighbour slows both; printed are the medians over the rounds, and what
 * a contender does of our work: none knows variants, spelled digits or separators. `icu` is the one to be compared with: its
 * normaliser has our table and gives the same offsets. Last in each table: the search for personal data in the normalised texts, against normalising. */
#include <inttypes.h>
#include <utf8proc.h>

#include "base/mask.h"
#include "base/mem.h"
#include "base/normalise.h"
#include "timing.h"
#if HAVE_ICU
#include "bench_normalise_icu.h"
#endif

enum { TEXTS = 20000, ROUNDS_MAX = 400, SLICE = 1000 };

struct corpus {
    const char *name;
    char *bytes;
    size_t at[TEXTS + 1];
};

struct contender {
    const char *name, *does;
    size_t (*run)(const char *in, size_t n);
};

static struct norm_text norm;
static char out[1 << 20];
static volatile size_t sink;

static size_t run_ours(const char *in, size_t n)
{
    normalise(in, n, &norm);
    return norm.len;
}

static size_t run_mask(const char *in, size_t n)
{
    return mask_find(in, n, NULL, 0);
}

static size_t run_memcpy(const char *in, size_t n)
{
    memcpy(out, in, n);
    return (size_t)out[n / 2];
}

static size_t run_utf8proc(const char *in, size_t n)
{
    utf8proc_uint8_t *made;
    utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)in, (utf8proc_ssize_t)n, &made,
                                        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                                            UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    free(made);
    return (size_t)len;
}

#if HAVE_ICU
static size_t run_icu_alone(const char *in, size_t n)
{
    return icu_alone(in, n, out, sizeof out);
}

static uint32_t origin[sizeof out + 1];

static size_t run_icu_same(const char *in, size_t n)
{
    return icu_same(in, n, out, sizeof out, origin);
}

static size_t run_icu_offsets(const char *in, size_t n)
{
    return icu_offsets(in, n, out, sizeof out, origin);
}

static size_t run_icu_simplified(const char *in, size_t n)
{
    return icu_simplified(in, n, out, sizeof out);
}
#endif

static const struct contender mask = {"mask", "personal data looked for in normalised text", run_mask};

static const struct contender contenders[] = {
    {"ours", "all of it", run_ours},
    {"memcpy", "nothing", run_memcpy},
    {"utf8proc", "NFKC_Casefold, no offsets", run_utf8proc},
#if HAVE_ICU
    {"icu", "our table and composition, offsets", run_icu_same},
    {"icu_casefold", "NFKC_Casefold, offsets", run_icu_offsets},
    {"icu_alone", "NFKC_Casefold, no offsets", run_icu_alone},
    {"icu_simplified", "NFKC_Casefold, traditional to simplified, no offsets", run_icu_simplified},
#endif
};

/* --- texts ------------------------------------------------------------------------------------------------------ */

static uint32_t seed = 20261122;
static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

static const char *const plain_phrases[] = {"您好，",
                                            "我是市医保中心的工作人员，",
                                            "您的医保账户今天下午被系统停用，",
                                            "请在今日24点前",
                                            "打开 http://yb-gov.example.cn/a?id=88 ",
                                            "更新个人信息，",
                                            "否则以后看病不能报销。",
                                            "孩子在学校摔伤了，正在急诊抢救，",
                                            "手术押金还差30000元，",
                                            "赶快转到王主任的账户。",
                                            "专家号可以加急，",
                                            "好处费五百，",
                                            "需要的话加微信ylfw2026详聊。",
                                            "这款膏药是国医大师的祖传秘方，",
                                            "一个疗程三盒，",
                                            "无效退款！",
                                            "昨天下午两点半，",
                                            "一位六十多岁的老人到柜台要求汇款，",
                                            "说是给住院的亲戚交手术费，",
                                            "柜员问他收款人是谁，",
                                            "他说不清楚，",
                                            "家属已经报警。",
                                            "市第一人民医院提醒：",
                                            "检查报告请在自助机上打印，",
                                            "有疑问请到门诊一楼服务台咨询。",
                                            "11月22日上午9:30，",
                                            "共发送1260条，",
                                            "涉及3个区县。",
                                            "请不要点击链接，",
                                            "也不要告诉别人验证码。",
                                            "我们已经核实过您的身份，",
                                            "现在帮您办理退费，",
                                            "请配合一下，",
                                            "谢谢！",
                                            "对方自称是医院的护士长，",
                                            "要求先交检查费再安排床位。",
                                            "【医保通知】",
                                            "（回复TD退订）"};

static const char *const evasive_phrases[] = {"薇亻言",
                                              "加➕威信",
                                              "ＶＸ：ｙｌ８８",
                                              "hxxp://yb[.]fyi",
                                              "醫療保險帳戶已經停用",
                                              "請點擊鏈接更新憑證",
                                              "専家門診",
                                              "医\u200B保\u200B卡\u200B异\u200B常",
                                              "停 用 通 知",
                                              "补•贴•领•取",
                                              "一三八零零一二三四五六",
                                              "１３８ ００１２ ３４５６",
                                              "❶❸❽",
                                              "①②③",
                                              "扌氐扌甲",
                                              "免★费★领★取",
                                              "二○二六年",
                                              "𝐕𝐗𝟖𝟖",
                                              "手😀术😀费",
                                              "退/费/办/理",
                                              "转-账",
                                              "㎏",
                                              "Ｃａｆé"};

/* A tenth each of traditional and full-width characters and a tenth more that cannot be seen. */
static size_t disguise(char *to, const char *p)
{
    static const char *const pairs[][2] = {{"医", "醫"}, {"保", "保"}, {"账", "賬"}, {"户", "戶"},
                                           {"报", "報"}, {"销", "銷"}, {"个", "個"}, {"门", "門"},
                                           {"诊", "診"}, {"费", "費"}, {"亲", "親"}, {"员", "員"},
                                           {"书", "書"}, {"术", "術"}, {"时", "時"}};
    size_t len = 0;
    while (*p) {
        size_t n = (uint8_t)*p < 0x80 ? 1 : (uint8_t)*p < 0xe0 ? 2 : 3;
        const char *use = p;
        char wide[4];
        if (n == 1 && dice(10) == 0 && *p > ' ') { /* U+FF01 and on */
            uint32_t cp = 0xff00u + (uint8_t)*p - 0x20;
            n = (size_t)utf8proc_encode_char((utf8proc_int32_t)cp, (utf8proc_uint8_t *)wide);
            use = wide;
            p++;
        } else {
            if (n == 3 && dice(10) == 0) {
                use = pairs[dice(ARRAY_LEN(pairs))][1];
            } else if (n == 3 && dice(10) == 0) {
                (void)utf8proc_encode_char(0xff21 + (int)dice(26), (utf8proc_uint8_t *)wide);
                use = wide;
            }
            p += n;
        }
        memcpy(to + len, use, n);
        len += n;
        if (dice(10) == 0) {
            len += (size_t)utf8proc_encode_char(0x200b, (utf8proc_uint8_t *)to + len);
        }
    }
    return len;
}

static void make(struct corpus *c, const char *name, uint32_t evasive_percent, bool disguised)
{
    size_t cap = TEXTS * 2048, len = 0;
    c->name = name;
    c->bytes = xmalloc(cap);
    for (int t = 0; t < TEXTS; t++) {
        uint32_t chars = 100 + dice(100), have = 0;
        c->at[t] = len;
        while (have < chars) {
            const char *p = dice(100) < evasive_percent ? evasive_phrases[dice(ARRAY_LEN(evasive_phrases))]
                                                        : plain_phrases[dice(ARRAY_LEN(plain_phrases))];
            size_t n = strlen(p);
            if (disguised) {
                len += disguise(c->bytes + len, p);
            } else {
                memcpy(c->bytes + len, p, n);
                len += n;
            }
            for (size_t i = 0; i < n; i++) have += ((uint8_t)p[i] & 0xc0) != 0x80;
        }
    }
    c->at[TEXTS] = len;
}

/* --- measuring -------------------------------------------------------------------------------------------------- */

/* MB/s over one slice of the corpus. */
static double pass(const struct corpus *c, const struct contender *who, int from)
{
    size_t sum = 0;
    double start = seconds_by(CLOCK_MONOTONIC);
    for (int t = from; t < from + SLICE; t++) sum += who->run(c->bytes + c->at[t], c->at[t + 1] - c->at[t]);
    double took = seconds_by(CLOCK_MONOTONIC) - start;
    sink = sum;
    return (double)(c->at[from + SLICE] - c->at[from]) / 1e6 / took;
}

/* The same texts in normal form. */
static void normalise_all(const struct corpus *from, struct corpus *ret)
{
    ret->name = from->name;
    ret->bytes = xmalloc(2 * from->at[TEXTS]);
    for (int t = 0; t < TEXTS; t++) {
        normalise(from->bytes + from->at[t], from->at[t + 1] - from->at[t], &norm);
        memcpy(ret->bytes + ret->at[t], norm.text, norm.len);
        ret->at[t + 1] = ret->at[t] + norm.len;
    }
}

static void report(const char *texts, const struct contender *who, double ours, double reference,
                   double ratio, double bytes, bool json)
{
    double shown = who == &mask ? ours : reference;
    if (json)
        (void)printf("{\"bench\":\"normalise\",\"case\":\"%s, %s texts\",\"does\":\"%s\",\"ours\":%.1f,"
                     "\"reference\":%.1f,\"ratio\":%.3f,\"unit\":\"MB/s\",\"us_per_text\":%.3f}\n",
                     who->name, texts, who->does, ours, reference, ratio, bytes / ours);
    else
        (void)printf("  %-14s %6.0f MB/s %7.2f us a text   ratio %6.2f   %s\n", who->name, shown,
                     bytes / shown, ratio, who->does);
}

static void measure(const struct corpus *c, double seconds, bool json)
{
    static double speed[ARRAY_LEN(contenders)][ROUNDS_MAX], ratio[ARRAY_LEN(contenders)][ROUNDS_MAX];
    static double masked[ROUNDS_MAX], mask_ratio[ROUNDS_MAX];
    static struct corpus normal;
    normalise_all(c, &normal);
    size_t rounds = 0;
    double until = seconds_by(CLOCK_MONOTONIC) + seconds;
    for (int slice = 0; rounds < ROUNDS_MAX && (rounds < 5 || seconds_by(CLOCK_MONOTONIC) < until);
         rounds++) {
        for (size_t k = 0; k < ARRAY_LEN(contenders); k++) {
            /* Warm up on other texts: what comes in is always new, so nothing may learn it by heart. */
            (void)pass(c, &contenders[k], (slice + SLICE) % TEXTS);
            speed[k][rounds] = pass(c, &contenders[k], slice);
            ratio[k][rounds] = speed[0][rounds] / speed[k][rounds];
        }
        (void)pass(&normal, &mask, (slice + SLICE) % TEXTS);
        masked[rounds] = pass(&normal, &mask, slice);
        mask_ratio[rounds] = masked[rounds] / speed[0][rounds];
        slice = (slice + SLICE) % TEXTS;
    }
    double bytes = (double)c->at[TEXTS] / TEXTS, ours = median(speed[0], rounds);
    if (!json)
        (void)printf("\n%s texts, %.0f bytes each: ours %.0f MB/s, %.2f us a text, offsets included\n",
                     c->name, bytes, ours, bytes / ours);
    for (size_t k = 1; k < ARRAY_LEN(contenders); k++)
        report(c->name, &contenders[k], ours, median(speed[k], rounds), median(ratio[k], rounds), bytes,
               json);
    report(c->name, &mask, median(masked, rounds), ours, median(mask_ratio, rounds), bytes, json);
    free(normal.bytes);
}

int main(int argc, char **argv)
{
    bool json = false;
    double seconds = 3;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            seconds = strtod(argv[++i], NULL);
        } else {
            (void)fprintf(stderr, "usage: bench_normalise [--json] [--seconds N]\n");
            return 2;
        }
    }
    static struct corpus plain, disguised, evasive;
    make(&plain, "plain", 0, false);
    make(&disguised, "disguised", 0, true);
    make(&evasive, "evasive", 30, false);
    measure(&plain, seconds, json);
    measure(&disguised, seconds, json);
    measure(&evasive, seconds, json);
    free(disguised.bytes);
    free(plain.bytes);
    free(evasive.bytes);
    norm_text_release(&norm);
    return 0;
}
