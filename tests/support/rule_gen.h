/* Random rules and texts over a small vocabulary, so that they meet often. Everything is in normal form already.
 * The same seed gives the same stream on every machine. */
#ifndef TOCSIN_TESTS_RULE_GEN_H
#define TOCSIN_TESTS_RULE_GEN_H

#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"

struct gen {
    uint64_t state;
};

static inline uint32_t gen_below(struct gen *g, uint32_t n)
{
    g->state += 0x9e3779b97f4a7c15ULL; /* splitmix64 */
    uint64_t z = g->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static const char *const gen_words[] = {
    "医保", "社保", "医疗保险", "停用", "冻结",  "失效", "点击",   "链接",   "登录", "http", "卡",
    "账户", "凭证", "更新",     "补贴", "退费",  "领取", "验证码", "专家号", "代抢", "挂号", "黄牛",
    "定金", "转账", "手术费",   "押金", "住院",  "车祸", "抢救",   "疫苗",   "密接", "体检", "报告",
    "下载", "apk",  "微信",     "加v",  "vx",    "红包", "主任",   "国医",   "神药", "根治", "免费",
    "讲座", "医托", "诊所",     "防骗", "谨防",  "骗子", "民警",   "窗口",   "请问", "药",   "号",
    "钱",   "1",    "22",       "110",  "96110", "a.b",  "医",     "保",     "停"};
static const char gen_fillers[] =
    "的一是不了人在有我他这中大来上国到说们为子和你地出道也时年得就那要下以生会自着去之";

static inline const char *gen_word(struct gen *g)
{
    return gen_words[gen_below(g, ARRAY_LEN(gen_words))];
}

static inline void gen_filler(struct gen *g, struct buf *out)
{
    static const char *const signs[] = {"，", "。", " ", "\n", ",", "!", "7", "x", "‹tel›", "é", "𠀀"};
    if (gen_below(g, 6) == 0)
        buf_str(out, signs[gen_below(g, ARRAY_LEN(signs))]);
    else
        buf_add(out, gen_fillers + 3 * gen_below(g, (uint32_t)(sizeof(gen_fillers) / 3)), 3);
}

/* `density` of 100 pieces are words of the vocabulary. */
static inline void gen_text(struct gen *g, unsigned pieces, unsigned density, struct buf *out)
{
    for (unsigned i = 0; i < pieces; i++) {
        if (gen_below(g, 100) < density)
            buf_str(out, gen_word(g));
        else
            gen_filler(g, out);
    }
}

static inline void gen_literal(struct gen *g, struct buf *out)
{
    for (const char *s = gen_word(g); *s; s++) {
        if (*s == '.') buf_char(out, '\\');
        buf_char(out, *s);
    }
}

static inline void gen_pattern(struct gen *g, unsigned depth, struct buf *out);

static inline void gen_group(struct gen *g, unsigned depth, struct buf *out)
{
    static const char *const opens[] = {"(?:", "(", "(?>"};
    buf_str(out, opens[gen_below(g, ARRAY_LEN(opens))]);
    for (unsigned i = 0, n = 1 + gen_below(g, 4); i < n; i++) {
        if (i) buf_char(out, '|');
        gen_pattern(g, depth, out);
    }
    buf_char(out, ')');
}

static inline void gen_atom(struct gen *g, unsigned depth, struct buf *out)
{
    switch (gen_below(g, depth ? 14 : 8)) {
    case 0: buf_printf(out, ".{0,%u}", 1 + gen_below(g, 12)); return;
    case 1: buf_str(out, ".?"); return;
    case 2: buf_str(out, "[医保停]"); return;
    case 3: {
        static const char *const sets[] = {"\\d", "\\d{3}", "[0-9]{3,5}", "[^,。]"};
        buf_str(out, sets[gen_below(g, ARRAY_LEN(sets))]);
        return;
    }
    case 4:
        gen_literal(g, out);
        buf_str(out, "?");
        return;
    case 5:
    case 6:
    case 7: gen_literal(g, out); return;
    case 8:
        buf_str(out, gen_below(g, 2) ? "(?!" : "(?=");
        gen_pattern(g, depth - 1, out);
        buf_char(out, ')');
        return;
    case 9:
        buf_str(out, gen_below(g, 2) ? "(?<!" : "(?<=");
        gen_literal(g, out);
        buf_char(out, ')');
        return;
    case 10: {
        static const char *const counts[] = {"?", "*", "+", "{2}", "{1,2}", "{0,1}", "{2,}", "??", "*?"};
        gen_group(g, depth - 1, out);
        buf_str(out, counts[gen_below(g, ARRAY_LEN(counts))]);
        return;
    }
    default: gen_group(g, depth - 1, out); return;
    }
}

static inline void gen_pattern(struct gen *g, unsigned depth, struct buf *out)
{
    if (gen_below(g, 20) == 0) buf_char(out, '^');
    for (unsigned i = 0, n = 1 + gen_below(g, 3); i < n; i++) gen_atom(g, depth, out);
    if (gen_below(g, 20) == 0) buf_char(out, '$');
}

/* Of a whole pattern: sometimes a choice, with brackets among its alternatives as lists of a pack are. */
static inline void gen_choice(struct gen *g, struct buf *out)
{
    for (unsigned i = 0, n = gen_below(g, 3) ? 1 : 2 + gen_below(g, 4); i < n; i++) {
        if (i) buf_char(out, '|');
        if (gen_below(g, 4) == 0)
            gen_group(g, 1, out);
        else
            gen_pattern(g, 2, out);
    }
}

static inline void gen_patterns(struct gen *g, const char *key, unsigned max, struct buf *out)
{
    unsigned n = gen_below(g, max + 1);
    if (n == 0) return;
    buf_printf(out, "    %s:\n", key);
    for (unsigned i = 0; i < n; i++) {
        bool list = strcmp(key, "any") == 0 && gen_below(g, 2);
        buf_str(out, list ? "      - ['" : "      - '");
        gen_choice(g, out);
        for (unsigned k = gen_below(g, 3); list && k > 0; k--) {
            buf_str(out, "', '");
            gen_choice(g, out);
        }
        buf_str(out, list ? "']\n" : "'\n");
    }
}

static inline void gen_word_lists(struct gen *g, struct buf *out)
{
    buf_str(out, "    words:\n");
    for (unsigned l = 0, lists = 1 + gen_below(g, 4); l < lists; l++) {
        buf_str(out, "      - [");
        for (unsigned i = 0, n = 1 + gen_below(g, 5); i < n; i++)
            buf_printf(out, "%s'%s'", i ? ", " : "", gen_word(g));
        buf_str(out, "]\n");
    }
    buf_printf(out, "    near: %u\n", 4 + gen_below(g, 40));
}

/* One entry of a list of rules. It has words or patterns; some have every part. */
static inline void gen_rule(struct gen *g, unsigned number, struct buf *out)
{
    buf_printf(
        out,
        "- id: rule_%05u\n  rev: 1\n  status: stable\n  title: t\n  category: c1\n  level: 橙\n  match:\n",
        number);
    unsigned shape = gen_below(g, 4);
    if (shape == 0 || shape == 3) gen_word_lists(g, out);
    if (shape) {
        buf_str(out, shape == 2 ? "    any:\n      - '" : "    all:\n      - '");
        gen_pattern(g, 2, out);
        buf_str(out, "'\n");
        if (shape == 2) {
            buf_str(out, "      - '");
            gen_pattern(g, 2, out);
            buf_str(out, "'\n");
        } else {
            gen_patterns(g, "any", 2, out);
        }
    }
    gen_patterns(g, "none", 1, out);
}

#endif
