/* One warning, a digest, or parts. */
#include "adapters/chat_text.h"

#include "base/text.h"

enum { DIGEST_MAX = 100, ITEM_BYTES = 150, TAIL_BYTES = 60 };

/* Without control characters: WeCom refuses a request with \uxxxx in it, and a bell helps nobody. */
static void add_clean(struct buf *out, const char *s, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '\n' || (c >= ' ' && c != 0x7f)) continue;
        buf_add(out, s + from, i - from);
        if (c == '\t') buf_char(out, ' ');
        from = i + 1;
    }
    if (n > from) buf_add(out, s + from, n - from);
}

static const char *drill_mark(enum cap_status s)
{
    return s == STATUS_EXERCISE ? "【演练】" : s == STATUS_TEST ? "【测试】" : "";
}

/* Level, certainty, then the newest. */
static bool graver(const struct message *a, const struct message *b)
{
    if (a->level != b->level) return a->level > b->level;
    if (a->certainty != b->certainty) return a->certainty > b->certainty;
    return a->sent > b->sent;
}

/* The headline, or the beginning of the text where the rule has no screen. */
static void add_subject(struct buf *out, const struct message *m)
{
    const char *s = m->headline ? m->headline : m->chat ? m->chat : "";
    size_t n = m->headline ? strlen(s) : strcspn(s, "\n");
    if (!text_valid_utf8(s, n)) return;
    add_clean(out, s, n <= ITEM_BYTES ? n : text_cut(s, n, ITEM_BYTES));
    if (n > ITEM_BYTES) buf_str(out, "…");
}

static void add_item(struct buf *out, const struct message *m, enum audience audience, size_t number)
{
    buf_printf(out, "\n%zu. ", number);
    if (audience == AUDIENCE_DUTY) buf_printf(out, "〔%s〕", level_name_zh(m->level));
    if (m->headline && strncmp(m->headline, "【", strlen("【")) != 0) buf_str(out, drill_mark(m->status));
    if (m->msg_type == MSG_CANCEL) buf_str(out, "更正，这一条已取消：");
    add_subject(out, m);
    if (audience == AUDIENCE_DUTY && m->short_id) buf_printf(out, "（编号 %s）", m->short_id);
}

static void digest(const struct message *m, size_t n, enum audience audience, size_t room, struct buf *out)
{
    const struct message *order[DIGEST_MAX];
    size_t known = n < DIGEST_MAX ? n : DIGEST_MAX, listed = 0;
    for (size_t i = 0; i < known; i++) {
        size_t at = i;
        for (; at && graver(&m[i], order[at - 1]); at--) order[at] = order[at - 1];
        order[at] = &m[i];
    }
    size_t begin = out->len;
    buf_str(out, "【防骗提醒】");
    if (m[0].issuer) buf_printf(out, "%s：", m[0].issuer);
    buf_printf(out, "共 %zu 条，要紧的在前。", n);
    for (; listed < known; listed++) {
        CLEANUP(buf_release) struct buf item = BUF_INIT(4096);
        add_item(&item, order[listed], audience, listed + 1);
        if (out->len - begin + item.len + TAIL_BYTES > room) break;
        buf_add(out, item.data, item.len);
    }
    if (listed < n) buf_printf(out, "\n另有 %zu 条没有列出。", n - listed);
    buf_str(out, "\n拿不准，先打 96110。");
}

void chat_text(const struct message *m, size_t n, enum audience audience, size_t room, struct buf *out)
{
    CLEANUP(buf_release) struct buf mark = BUF_INIT(128);
    for (size_t i = 0; i < n && !mark.len; i++)
        if (m[i].may_be_repeat) buf_printf(&mark, "\n（可能重复，编号 %s）", m[i].short_id);
    if (n > 1) {
        digest(m, n, audience, room - mark.len, out);
    } else {
        size_t len = m->chat ? strlen(m->chat) : 0;
        if (!len || !text_valid_utf8(m->chat, len)) return;
        add_clean(out, m->chat, len);
    }
    buf_str(out, buf_cstr(&mark));
}

static size_t cut(const char *s, size_t n, size_t room)
{
    if (n <= room) return n;
    size_t at = text_cut_sentence(s, n, room);
    if (!at) at = text_cut(s, n, room);
    if (at) return at;
    at = room; /* one grapheme of more bytes than a message has: at least its code points stay whole */
    while (at > 1 && ((unsigned char)s[at] & 0xc0) == 0x80) at--;
    return at;
}

size_t chat_split(const char *text, size_t n, size_t room, struct chat_part ret_parts[static CHAT_PARTS_MAX])
{
    if (n <= room) {
        ret_parts[0] = (struct chat_part){0, n};
        return 1;
    }
    size_t at = 0, parts = 0;
    while (at < n) {
        while (at < n && (text[at] == '\n' || text[at] == ' ')) at++;
        if (at == n) break;
        if (parts == CHAT_PARTS_MAX) return 0;
        size_t len = cut(text + at, n - at, room - CHAT_MARK_LEN), next = at + len;
        while (len && (text[at + len - 1] == '\n' || text[at + len - 1] == ' ')) len--;
        ret_parts[parts++] = (struct chat_part){at, len};
        at = next;
    }
    return parts;
}
