/* Words that tell scam texts from harmless ones, and the rule file to begin with. */
#include "rules/propose.h"

#include "base/i18n.h"
#include "base/text.h"

enum { GRAM_MIN = 2, GRAM_MAX = 6, PREPARED_MAX = 4 * EVENT_TEXT_MAX, NEAR_ROOM = 20, EXAMPLES_MAX = 20 };

struct gram {
    const char *text;
    uint64_t in;  /* bit i: scam text i has it */
    size_t chars; /* length */
};

struct grams {
    struct gram *items;
    size_t n, cap;
};

/* No word of a rule begins or ends with these. */
static bool is_function_word(uint32_t cp)
{
    static const uint32_t words[] = {0x7684, 0x4e86, 0x662f, 0x5728, 0x8bf7, 0x60a8, 0x6211, 0x4f60, 0x4ed6,
                                     0x5979, 0x4eec, 0x548c, 0x4e0e, 0x5c31, 0x90fd, 0x628a, 0x88ab, 0x8ba9,
                                     0x7ed9, 0x5230, 0x4e5f, 0x5417, 0x5462, 0x5427, 0x5df2, 0x4e0d, 0x6709,
                                     0x8fd9, 0x90a3, 0x4e4b, 0x4e8e, 0x5c06, 0x53ca, 0x6216, 0x4e14, 0x5bf9,
                                     0x4ece, 0x4e3a, 0x7740, 0x8fc7, 0x4e00, 0x4e2a};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i] == cp) return true;
    return false;
}

/* Of an amount or a date, which is another in the next text. One alone may be part of a word: 三代卡. */
static bool is_number(uint32_t cp)
{
    static const uint32_t words[] = {0x96f6, 0x4e00, 0x4e8c, 0x4e24, 0x4e09, 0x56db, 0x4e94, 0x516d,
                                     0x4e03, 0x516b, 0x4e5d, 0x5341, 0x767e, 0x5343, 0x4e07};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i] == cp) return true;
    return false;
}

static void gram_add(struct grams *g, struct arena *a, const char *s, size_t n, size_t chars, size_t text)
{
    if (g->n == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 1024;
        g->items = xreallocarray(g->items, g->cap, sizeof(*g->items));
    }
    g->items[g->n++] = (struct gram){arena_strndup(a, s, n), 1ULL << text, chars};
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct gram *)a)->text, ((const struct gram *)b)->text);
}

static void merge_equal(struct grams *g)
{
    size_t kept = 0;
    if (g->n) qsort(g->items, g->n, sizeof(*g->items), by_text);
    for (size_t i = 0; i < g->n; i++) {
        if (kept && strcmp(g->items[kept - 1].text, g->items[i].text) == 0)
            g->items[kept - 1].in |= g->items[i].in;
        else
            g->items[kept++] = g->items[i];
    }
    g->n = kept;
}

/* Every 2 to 6 neighbouring Han characters, and every ASCII word. */
static void collect(struct grams *g, struct arena *a, const char *s, size_t n, size_t text)
{
    uint32_t before = 0;
    for (size_t i = 0; i < n;) {
        uint32_t first = 0;
        size_t len = (size_t)text_next(s + i, n - i, &first), end = i + len, chars = 1;
        bool letter = first < 0x80 && ((first >= 'a' && first <= 'z') || (first >= '0' && first <= '9'));
        if (letter) {
            while (end < n && ((s[end] >= 'a' && s[end] <= 'z') || (s[end] >= '0' && s[end] <= '9'))) end++;
            bool token = before == 0x2039; /* ‹tel› */
            if (end - i >= GRAM_MIN && first >= 'a' && !token) gram_add(g, a, s + i, end - i, end - i, text);
            i = end;
            before = 0;
            continue;
        }
        bool inside = is_number(before) && is_number(first);
        before = first;
        for (uint32_t cp = first, next; text_is_han(cp) && end < n && chars < GRAM_MAX; cp = next) {
            size_t step = (size_t)text_next(s + end, n - end, &next);
            if (!text_is_han(next) || (is_number(cp) && is_number(next))) break;
            end += step;
            chars++;
            if (!inside && !is_function_word(first) && !is_function_word(next) && !is_number(next))
                gram_add(g, a, s + i, end - i, chars, text);
        }
        i += len;
    }
}

/* In more texts first; then the longer one. */
static int better_first(const void *a, const void *b)
{
    const struct gram *x = a, *y = b;
    int nx = __builtin_popcountll(x->in), ny = __builtin_popcountll(y->in);
    if (nx != ny) return ny - nx;
    if (x->chars != y->chars) return x->chars > y->chars ? -1 : 1;
    return strcmp(x->text, y->text);
}

/* The end of one is the beginning of the other, by two characters or more: both were cut from one longer phrase. */
static bool chains(const char *a, const char *b)
{
    size_t n = strlen(a), most = strlen(b);
    for (size_t i = 1; i + 2 < n; i++)
        if (n - i <= most && text_chars(a + i, n - i) >= 2 && memcmp(a + i, b, n - i) == 0) return true;
    return false;
}

static bool overlaps(const struct proposal *p, const char *word)
{
    for (size_t l = 0; l < p->n_lists; l++)
        for (size_t i = 0; i < p->lists[l].n; i++) {
            const char *taken = p->lists[l].words[i];
            if (strstr(taken, word) || strstr(word, taken) || chains(taken, word) || chains(word, taken))
                return true;
        }
    return false;
}

/* Words in every text: each a list of its own. */
static void take_common(const struct grams *g, uint64_t all, struct proposal *p)
{
    for (size_t i = 0; i < g->n && p->n_lists < PROPOSE_LISTS_MAX; i++) {
        if (g->items[i].in != all || overlaps(p, g->items[i].text)) continue;
        p->lists[p->n_lists].words[0] = g->items[i].text;
        p->lists[p->n_lists++].n = 1;
    }
}

/* A list of words of which every text has one: always the word that adds most. */
static bool take_cover(const struct grams *g, uint64_t all, struct proposal *p)
{
    uint64_t covered = 0;
    size_t l = p->n_lists;
    p->lists[l].n = 0;
    p->n_lists++; /* so that overlaps sees this list too */
    while (covered != all && p->lists[l].n < PROPOSE_WORDS_MAX) {
        const struct gram *best = NULL;
        int gain = 0;
        for (size_t i = 0; i < g->n; i++) {
            int adds = __builtin_popcountll(g->items[i].in & ~covered);
            bool shared =
                __builtin_popcountll(g->items[i].in) > 1 || __builtin_popcountll(all & ~covered) == 1;
            if (adds <= gain || !shared || overlaps(p, g->items[i].text)) continue;
            gain = adds;
            best = &g->items[i];
        }
        if (!best) break;
        p->lists[l].words[p->lists[l].n++] = best->text;
        covered |= best->in;
    }
    if (covered == all) return true;
    p->n_lists--;
    return false;
}

/* The shortest distance that holds for all texts, and some room. */
static int choose_near(const struct proposal *p, const struct buf *texts, size_t n)
{
    struct word_list lists[PROPOSE_LISTS_MAX];
    struct proposal copy = *p;
    struct rule_code code = {.lists = lists, .n_lists = p->n_lists};
    for (size_t l = 0; l < p->n_lists; l++)
        lists[l] = (struct word_list){.items = copy.lists[l].words, .n = copy.lists[l].n};
    struct runner runner;
    runner_init(&runner, 0);
    int near = 10;
    for (size_t i = 0; i < n; i++) {
        struct span span;
        while (near < RULE_NEAR_MAX - NEAR_ROOM &&
               words_run(&code, &runner, buf_cstr(&texts[i]), texts[i].len, near, &span) != MATCH)
            near += 10;
    }
    runner_release(&runner);
    return near + NEAR_ROOM;
}

static bool in_any(const struct buf *texts, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(buf_cstr(&texts[i]), word)) return true;
    return false;
}

static struct buf *prepare_all(const char *const *texts, size_t n)
{
    struct buf *out = xcalloc(n + 1, sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        out[i] = BUF_INIT(PREPARED_MAX);
        rule_text_prepare(texts[i], strlen(texts[i]), &out[i]);
    }
    return out;
}

static void release_all(struct buf *b, size_t n)
{
    for (size_t i = 0; i < n; i++) buf_release(&b[i]);
    free(b);
}

enum relay_err propose_words(const char *const *scams, size_t n_scams, const char *const *harmless,
                             size_t n_harmless, struct arena *a, struct proposal *ret, struct reason *why)
{
    if (n_scams == 0 || n_scams > PROPOSE_TEXTS_MAX)
        return fail(why, RELAY_INVALID, _("give 1 to %d texts of the scam, one a line; there are %zu"),
                    PROPOSE_TEXTS_MAX, n_scams);
    struct buf *scam = prepare_all(scams, n_scams), *other = prepare_all(harmless, n_harmless);
    struct grams g = {0};
    for (size_t i = 0; i < n_scams; i++) collect(&g, a, buf_cstr(&scam[i]), scam[i].len, i);
    merge_equal(&g);
    size_t kept = 0;
    for (size_t i = 0; i < g.n; i++)
        if (!in_any(other, n_harmless, g.items[i].text)) g.items[kept++] = g.items[i];
    g.n = kept;
    if (g.n) qsort(g.items, g.n, sizeof(*g.items), better_first);

    uint64_t all = n_scams == 64 ? UINT64_MAX : (1ULL << n_scams) - 1;
    struct proposal p = {0};
    take_common(&g, all, &p);
    while (p.n_lists < 3 && n_scams > 1 && take_cover(&g, all, &p))
        ;
    if (p.n_lists) p.near = choose_near(&p, scam, n_scams);
    free(g.items);
    release_all(scam, n_scams);
    release_all(other, n_harmless);
    if (p.n_lists == 0)
        return fail(why, RELAY_NOT_FOUND,
                    _("these texts share no words that the harmless ones do not have too: are they one kind "
                      "of scam?"));
    *ret = p;
    return RELAY_OK;
}

/* ---- the file ---- */

/* In single quotes, where only the quote itself is special. Line feeds become spaces. */
static void put_quoted(struct buf *out, const char *s)
{
    buf_char(out, '\'');
    for (; *s; s++) {
        if (*s == '\'') buf_char(out, '\'');
        buf_char(out, *s == '\n' || *s == '\r' ? ' ' : *s);
    }
    buf_char(out, '\'');
}

static void put_samples(struct buf *out, const char *key, const char *const *texts, size_t n,
                        const char *what)
{
    buf_printf(out, "  %s:   # %s\n", key, what);
    for (size_t i = 0; i < n && i < EXAMPLES_MAX; i++) {
        buf_str(out, "    - ");
        put_quoted(out, texts[i]);
        buf_char(out, '\n');
    }
    if (n == 0) buf_str(out, "    - '……'\n");
}

static void put_words(struct buf *out, const struct proposal *p)
{
    buf_str(out, "  words:\n");
    for (size_t l = 0; p && l < p->n_lists; l++) {
        buf_str(out, "    - [");
        for (size_t i = 0; i < p->lists[l].n; i++) {
            if (i) buf_str(out, ", ");
            put_quoted(out, p->lists[l].words[i]);
        }
        buf_str(out, "]\n");
    }
    if (!p)
        buf_str(out, "    - ['医保', '医疗保险']\n    - ['停用', '冻结']\n    - ['点击', '链接', 'http']\n");
    buf_printf(out, "  near: %d\n", p ? p->near : 60);
}

void rule_template(const char *id, const struct proposal *p, const char *const *scams, size_t n_scams,
                   const char *const *harmless, size_t n_harmless, struct buf *out)
{
    buf_printf(
        out,
        _("# A rule. Lines that begin with # are notes; change everything after a colon.\n"
          "# Then: tocsin rules lint FILE, tocsin rules test FILE, tocsin rules explain --packs FILE TEXT\n"
          "id: %s            # never changes; a-z, 0-9, _\n"
          "rev: 1            # one more with each change\n"
          "status: experimental   # leave it: `rules install` makes it test, a second officer's `rules "
          "stable` stable\n"
          "title: ……       # one line that says what the swindlers do\n"
          "category: medins_phishing_sms   # rules/packs/README.md lists them\n"
          "level: orange     # red: money is going now; orange: active here; yellow: somewhere near; "
          "blue: advice\n"),
        id);
    buf_str(out, _("match:\n"
                   "  # One word of each list must be there, in any order, within `near` characters.\n"));
    put_words(out, p);
    buf_str(out,
            _("  # Not when one of these is there: words of those who warn.\n"
              "  none: ['谨防|警惕|防骗|反诈']\n"
              "threshold: {count: 3, within: 24h}   # below it only a candidate in the review list\n"
              "expires: 72h\n"
              "say:\n"
              "  # At most 20 s (64 characters), the lie first, then 这是骗子, the action last.\n"
              "  voice: 防骗提醒。有人说……，让您……。这是骗子。不要……，不要转账。拿不准，先问护士或者保安。\n"
              "  # At most 13 s (41 characters), for the hourly slot.\n"
              "  voice_short: 防骗提醒。说……的，是骗子。不要……，先问护士或者保安。\n"
              "  # Headline and three lines of at most 15 characters.\n"
              "  screen: {headline: 说……，是骗子, lines: [别……, 别转账, 先问护士或窗口]}\n"
              "  chat: |-\n"
              "    【防骗提醒】{{issuer}} {{time}}\n"
              "    有人……，说“……”。这是诈骗。\n"
              "    不……，不转账。\n"
              "    拿不准：到{{help}}问，或打 96110。\n"
              "    {{valid}} 前有效，编号 {{id}}\n"
              "  duty: |-\n"
              "    {{area}} {{count}}：……\n"
              "  caught: 已经……：马上打银行客服冻结银行卡，再打 110。\n"
              "  correction: 更正。之前播的……提醒，经警方核实有误，请您不必担心。\n"
              "samples:\n"));
    put_samples(out, "match", scams, n_scams, _("texts that the rule must find"));
    put_samples(out, "pass", harmless, n_harmless, _("harmless texts that come near"));
    buf_str(out, _("falsepositives: ['……']   # harmless texts that come near\n"
                   "references: ['……']   # where it was reported\n"));
}
