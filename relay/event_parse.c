/* Event parsing: one pass over the members writes the masked body, then the values are judged in a fixed order. */
#include "event_parse.h"

#include <math.h>
#include <stdarg.h>

#include "base/alert.h"
#include "base/hash.h"
#include "base/mask.h"
#include "personal_key.h"

enum {
    BODY_MAX = 4 * EVENT_TEXT_MAX, /* tokens may be longer than what they replace */
    PERSONAL_DIGITS = 7,           /* fewer in a whole string are nobody's number */
};

/* --- what is known of an event --- */

enum type { T_STRING = 1, T_NUMBER = 2, T_BOOL = 4, T_OBJECT = 8, T_ARRAY = 16 };

enum inside {
    IN_EVENT,
    IN_TEXT,
    IN_VICTIM,
    IN_TXN,
    IN_SUSPECT,
    IN_HANDLING,
    IN_FREE /* anything may stand there */
};

/* How a member goes into the body. */
enum keep {
    KEEP_MASKED,
    KEEP_PLAIN, /* ids, times, areas, members with a closed list: refused later unless they are what they should be */
    KEEP_NUMBER, /* amounts and counts, whatever their digits; a string there is masked */
    KEEP_TEXT,   /* masked, and matched by rules */
    KEEP_MEMO,
};

enum field {
    F_NONE,
    F_AREA,
    F_COUNT,
    F_EVENT_ID,
    F_EXPIRES_AT,
    F_KIND,
    F_MAY_BROADCAST,
    F_MEMO,
    F_MSG_KIND,
    F_OBSERVED_AT,
    F_PAYEE,
    F_REFERENCES,
    F_SENT_AT,
    F_SEQ,
    F_STATUS,
    F_SUSPECT_NUMBER,
    F_TEXT,
    F_TEXT_KIND,
    F_TLP,
    F_TXN,
    F_VICTIM_AREA,
    F_VICTIM_REF,
    FIELD_COUNT
};

struct member {
    const char *name;
    unsigned types;
    enum field field;
    enum keep keep;
    enum inside opens; /* for T_OBJECT */
};

static const struct member in_event[] = {
    {"area", T_STRING, F_AREA, KEEP_PLAIN, IN_FREE},
    {"confidence", T_STRING | T_NUMBER | T_OBJECT, F_NONE, KEEP_MASKED, IN_FREE},
    {"count", T_NUMBER, F_COUNT, KEEP_NUMBER, IN_FREE},
    {"disposition", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"event_id", T_STRING, F_EVENT_ID, KEEP_PLAIN, IN_FREE},
    {"expires_at", T_STRING, F_EXPIRES_AT, KEEP_PLAIN, IN_FREE},
    {"fraud_type", T_STRING | T_OBJECT, F_NONE, KEEP_MASKED, IN_FREE},
    {"handling", T_OBJECT, F_NONE, KEEP_MASKED, IN_HANDLING},
    {"kind", T_STRING, F_KIND, KEEP_PLAIN, IN_FREE},
    {"level", T_STRING | T_NUMBER | T_OBJECT, F_NONE, KEEP_MASKED, IN_FREE},
    {"msg_kind", T_STRING, F_MSG_KIND, KEEP_PLAIN, IN_FREE},
    {"observed_at", T_STRING, F_OBSERVED_AT, KEEP_PLAIN, IN_FREE},
    {"references", T_STRING | T_ARRAY, F_REFERENCES, KEEP_PLAIN, IN_FREE},
    {"sent_at", T_STRING, F_SENT_AT, KEEP_PLAIN, IN_FREE},
    {"seq", T_NUMBER, F_SEQ, KEEP_NUMBER, IN_FREE},
    {"source", T_STRING | T_OBJECT, F_NONE, KEEP_MASKED, IN_FREE},
    {"status", T_STRING, F_STATUS, KEEP_PLAIN, IN_FREE},
    {"suspect", T_OBJECT, F_NONE, KEEP_MASKED, IN_SUSPECT},
    {"text", T_STRING | T_OBJECT, F_TEXT, KEEP_TEXT, IN_TEXT},
    {"txn", T_OBJECT, F_TXN, KEEP_MASKED, IN_TXN},
    {"victim", T_OBJECT, F_NONE, KEEP_MASKED, IN_VICTIM},
};
static const struct member in_text[] = {
    {"body", T_STRING, F_TEXT, KEEP_TEXT, IN_FREE},
    {"kind", T_STRING, F_TEXT_KIND, KEEP_MASKED, IN_FREE},
    {"lang", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"machine", T_BOOL, F_NONE, KEEP_MASKED, IN_FREE},
};
static const struct member in_victim[] = {
    {"age_band", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"area", T_STRING, F_VICTIM_AREA, KEEP_PLAIN, IN_FREE},
    {"contacted", T_STRING | T_BOOL, F_NONE, KEEP_MASKED, IN_FREE},
    {"ref", T_STRING, F_VICTIM_REF, KEEP_MASKED, IN_FREE},
    {"replied", T_BOOL, F_NONE, KEEP_MASKED, IN_FREE},
};
static const struct member in_txn[] = {
    {"action", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"amount", T_NUMBER | T_STRING, F_NONE, KEEP_NUMBER, IN_FREE},
    {"currency", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"kind", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"memo", T_STRING, F_MEMO, KEEP_MEMO, IN_FREE},
    {"name_match", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"payee_acct", T_STRING, F_PAYEE, KEEP_MASKED, IN_FREE},
    {"payee_name", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"payee_new", T_BOOL, F_NONE, KEEP_MASKED, IN_FREE},
};
static const struct member in_suspect[] = {
    {"attribution", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"behaviour", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"count", T_NUMBER, F_NONE, KEEP_NUMBER, IN_FREE},
    {"first", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"last", T_STRING, F_NONE, KEEP_MASKED, IN_FREE},
    {"number", T_STRING, F_SUSPECT_NUMBER, KEEP_MASKED, IN_FREE},
};
static const struct member in_handling[] = {
    {"may_broadcast", T_BOOL, F_MAY_BROADCAST, KEEP_MASKED, IN_FREE},
    {"pii_masked", T_BOOL, F_NONE, KEEP_MASKED, IN_FREE},
    {"tlp", T_STRING, F_TLP, KEEP_PLAIN, IN_FREE},
};

static const struct {
    const char *name; /* as a path begins */
    const struct member *members;
    size_t n;
} places[] = {
    [IN_EVENT] = {"", in_event, ARRAY_LEN(in_event)},
    [IN_TEXT] = {"text", in_text, ARRAY_LEN(in_text)},
    [IN_VICTIM] = {"victim", in_victim, ARRAY_LEN(in_victim)},
    [IN_TXN] = {"txn", in_txn, ARRAY_LEN(in_txn)},
    [IN_SUSPECT] = {"suspect", in_suspect, ARRAY_LEN(in_suspect)},
    [IN_HANDLING] = {"handling", in_handling, ARRAY_LEN(in_handling)},
    [IN_FREE] = {"", NULL, 0},
};

static const struct member *find_member(enum inside inside, const char *name)
{
    const struct member *m = places[inside].members, *end = m + places[inside].n;
    for (; m < end; m++) /* the tables are short, and the first letter settles most */
        if (m->name[0] == name[0] && strcmp(m->name, name) == 0) return m;
    return NULL;
}

/* --- one parse --- */

struct parse {
    const struct event_context *ctx;
    struct event_scratch *s;
    const cJSON *field[FIELD_COUNT];
    int unknown;
    struct refused refused;
};

static enum refusal refuse(struct parse *p, enum refusal code, const char *member, const char *fmt, ...)
    PRINTF(4, 5);
static enum refusal refuse(struct parse *p, enum refusal code, const char *member, const char *fmt, ...)
{
    va_list ap;
    p->refused.code = code;
    p->refused.retry = refusal_retry(code);
    (void)snprintf(p->refused.member, sizeof(p->refused.member), "%s", member);
    va_start(ap, fmt);
    (void)vsnprintf(p->refused.message, sizeof(p->refused.message), fmt, ap);
    va_end(ap);
    return code;
}

/* The words of a code when nothing more is known. */
static const char *refusal_words(enum refusal code)
{
    switch (code) {
    case REFUSAL_NONE: break;
    case REFUSAL_MALFORMED_JSON: return "不是合法的 JSON 对象，请检查后用原编号重发";
    case REFUSAL_TOO_LARGE: return "超过 64 KiB，请删减后用原编号重发";
    case REFUSAL_MISSING_MEMBER: return "缺少必填项，请补上后用原编号重发";
    case REFUSAL_BAD_TYPE: return "类型或写法不对，请改正后用原编号重发";
    case REFUSAL_BAD_TIME: return "时间写法不对，应带时区，如 2026-11-22T18:33:55+08:00";
    case REFUSAL_TOO_OLD: return "发送时间已超过 7 天，不再接收";
    case REFUSAL_CLOCK_AHEAD: return "发送时间超前 5 分钟以上，请校准时钟，稍后原样重发";
    case REFUSAL_UNKNOWN_KIND: return "取值不在规定之内，请改正后用原编号重发";
    case REFUSAL_AREA_NOT_ALLOWED: return "地区不在本来源的允许范围内，请核对地区代码或联系中继管理员";
    case REFUSAL_ID_CONFLICT: return "这个编号已用于另一条内容不同的事件，请换新编号";
    case REFUSAL_UNKNOWN_REFERENCE: return "引用的事件没有收到过，请先发送原事件，再原样重发";
    case REFUSAL_NOT_AUTHORISED: return "本来源无权这样做，请联系中继管理员";
    case REFUSAL_COUNT: break;
    }
    return "";
}

void refused_set(struct refused *r, enum refusal code, const struct event *e, const char *member)
{
    *r = (struct refused){.code = code, .retry = refusal_retry(code), .seq = e->seq};
    memcpy(r->digest, e->digest, sizeof(r->digest));
    (void)snprintf(r->event_id, sizeof(r->event_id), "%s", e->event_id);
    (void)snprintf(r->member, sizeof(r->member), "%s", member);
    (void)snprintf(r->message, sizeof(r->message), "%s%s%s", member, *member ? "：" : "",
                   refusal_words(code));
}

static bool is_event_id(const char *s, size_t n)
{
    if (n < 1 || n > EVENT_ID_MAX) return false;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && c != '.' && c != '_' && c != ':' && c != '-') return false;
    }
    return true;
}

/* For bytes that are no JSON: the first "event_id":"…" that looks like one, so that the receipt can name it. */
static void guess_event_id(const char *bytes, size_t n, char ret[static EVENT_ID_MAX + 1])
{
    static const char name[] = "\"event_id\"";
    const char *end = bytes + n, *at = memmem(bytes, n, name, sizeof(name) - 1);
    ret[0] = '\0';
    if (!at) return;
    at += sizeof(name) - 1;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r' || *at == ':')) at++;
    if (at >= end || *at != '"') return;
    const char *from = at + 1, *quote = memchr(from, '"', (size_t)(end - from));
    if (!quote || !is_event_id(from, (size_t)(quote - from))) return;
    memcpy(ret, from, (size_t)(quote - from));
    ret[quote - from] = '\0';
}

/* --- the body --- */

/* Only what cannot hold anything of a person is spared the search: plain ASCII with few digits, no mail address, and no word
 * that a handle may follow (wx, vx, qq, tg, whatsapp, telegram). */
static bool may_be_personal(const char *s, size_t n)
{
    int digits = 0;
    char last = ' ';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x80 || c == '@') return true;
        digits += c >= '0' && c <= '9';
        char lower = (char)(c | 0x20);
        if ((lower == 'x' && (last == 'w' || last == 'v')) || (lower == 'q' && last == 'q') ||
            (lower == 'g' && last == 't') || (lower == 'p' && last == 'p') || (lower == 'm' && last == 'a'))
            return true;
        last = lower;
    }
    return digits >= PERSONAL_DIGITS;
}

/* Masks s into the body; the normalised form into `norm` where one is wanted. */
static void put_masked(struct parse *p, const char *s, struct buf *norm)
{
    size_t n = strlen(s);
    if (!norm && !may_be_personal(s, n)) {
        buf_json_strn(&p->s->body, s, n);
        return;
    }
    buf_clear(&p->s->original);
    mask_text(s, n, &p->s->norm, norm, &p->s->original);
    buf_json_strn(&p->s->body, buf_cstr(&p->s->original), p->s->original.len);
    if (p->s->original.failed) p->s->body.failed = true;
}

static void put_key(struct parse *p, const char *name, bool known)
{
    struct buf *body = &p->s->body;
    if (known || !may_be_personal(name, strlen(name))) {
        buf_json_key(body, name);
        return;
    }
    if (body->data[body->len - 1] != '{') buf_char(body, ',');
    size_t at = body->len + 1;
    put_masked(p, name, NULL);
    /* Two masked names may be the same now: their place tells them apart. */
    if (!body->failed && strcmp(name, p->s->original.data ? p->s->original.data : "") != 0) {
        body->len--;
        buf_printf(body, "#%zu\"", at);
    }
    buf_char(body, ':');
}

/* Doubles are exact to 15 digits; more were somebody's number in a place for amounts. */
static void put_number(struct parse *p, double v, bool plain)
{
    struct buf *body = &p->s->body;
    char text[40];
    if (v == floor(v) && fabs(v) < 1e15)
        (void)snprintf(text, sizeof(text), "%lld", (long long)v);
    else
        (void)snprintf(text, sizeof(text), "%.15g", v);
    if (!plain && fabs(v) >= 1e15) {
        buf_json_str(body, mask_token(MASK_CARD));
        return;
    }
    if (!plain && may_be_personal(text, strlen(text))) {
        buf_clear(&p->s->original);
        mask_text(text, strlen(text), &p->s->norm, NULL, &p->s->original);
        if (strcmp(buf_cstr(&p->s->original), text) != 0) {
            buf_json_str(body, buf_cstr(&p->s->original));
            return;
        }
    }
    buf_str(body, text);
}

/* Any value as it stands, its strings masked. The recursion is bounded by EVENT_DEPTH_MAX. */
static void put_value(struct parse *p, const cJSON *v, const char *name, bool plain)
{
    struct buf *body = &p->s->body;
    enum mask_kind kind;
    if (cJSON_IsObject(v)) {
        buf_char(body, '{');
        for (const cJSON *m = v->child; m; m = m->next) {
            put_key(p, m->string, false);
            put_value(p, m, m->string, plain);
        }
        buf_char(body, '}');
    } else if (cJSON_IsArray(v)) {
        buf_char(body, '[');
        for (const cJSON *m = v->child; m; m = m->next) {
            if (m != v->child) buf_char(body, ',');
            put_value(p, m, name, plain);
        }
        buf_char(body, ']');
    } else if (cJSON_IsBool(v)) {
        buf_str(body, cJSON_IsTrue(v) ? "true" : "false");
    } else if (cJSON_IsNull(v)) {
        buf_str(body, "null");
    } else if (!plain && personal_key(name, &kind)) {
        buf_json_str(body, mask_token(kind));
    } else if (cJSON_IsNumber(v)) {
        put_number(p, v->valuedouble, plain);
    } else if (plain) {
        buf_json_str(body, v->valuestring);
    } else {
        put_masked(p, v->valuestring, NULL);
    }
}

static bool has_type(const cJSON *v, unsigned types)
{
    return ((types & T_STRING) && cJSON_IsString(v)) || ((types & T_NUMBER) && cJSON_IsNumber(v)) ||
           ((types & T_BOOL) && cJSON_IsBool(v)) || ((types & T_OBJECT) && cJSON_IsObject(v)) ||
           ((types & T_ARRAY) && cJSON_IsArray(v));
}

static enum refusal refuse_type(struct parse *p, enum inside inside, const struct member *m)
{
    static const struct {
        enum type type;
        const char *name;
    } names[] = {{T_STRING, "字符串"},
                 {T_NUMBER, "数字"},
                 {T_BOOL, "true 或 false"},
                 {T_OBJECT, "对象"},
                 {T_ARRAY, "数组"}};
    char path[64], wanted[64] = "";
    (void)snprintf(path, sizeof(path), "%s%s%s", places[inside].name, inside == IN_EVENT ? "" : ".", m->name);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t len = strlen(wanted);
        if (m->types & names[i].type)
            (void)snprintf(wanted + len, sizeof(wanted) - len, "%s%s", len ? "或" : "", names[i].name);
    }
    return refuse(p, REFUSAL_BAD_TYPE, path, "%s 的类型不对，应为%s；请改正后用原编号重发", path, wanted);
}

/* Writes an object whose members are known into the body, and remembers the fields that are judged. */
static enum refusal take_members(struct parse *p, const cJSON *object, enum inside inside)
{
    struct buf *body = &p->s->body;
    buf_char(body, '{');
    for (const cJSON *v = object->child; v; v = v->next) {
        const struct member *m = find_member(inside, v->string);
        put_key(p, v->string, m != NULL);
        if (!m) {
            p->unknown++;
            put_value(p, v, v->string, false);
            continue;
        }
        if (cJSON_IsNull(v)) {
            buf_str(body, "null");
            continue;
        }
        if (!has_type(v, m->types)) return refuse_type(p, inside, m);
        if (m->field != F_NONE && !(m->field == F_TEXT && cJSON_IsObject(v))) p->field[m->field] = v;
        if (cJSON_IsObject(v) && m->opens != IN_FREE) {
            enum refusal r = take_members(p, v, m->opens);
            if (r != REFUSAL_NONE) return r;
        } else if (m->keep == KEEP_TEXT) {
            put_masked(p, v->valuestring, &p->s->text);
        } else if (m->keep == KEEP_MEMO) {
            put_masked(p, v->valuestring, &p->s->memo);
        } else {
            put_value(p, v, v->string,
                      m->keep == KEEP_PLAIN || (m->keep == KEEP_NUMBER && cJSON_IsNumber(v)));
        }
    }
    buf_char(body, '}');
    return REFUSAL_NONE;
}

/* --- the values --- */

static const char *field_str(const struct parse *p, enum field f)
{
    return p->field[f] ? p->field[f]->valuestring : NULL;
}

static enum refusal take_id(struct parse *p, struct event *e, struct arena *a)
{
    const char *id = field_str(p, F_EVENT_ID);
    if (!id) return refuse(p, REFUSAL_MISSING_MEMBER, "event_id", "缺少必填项 event_id；请补上后重发");
    if (!is_event_id(id, strlen(id)))
        return refuse(p, REFUSAL_BAD_TYPE, "event_id",
                      "event_id 应为 1 至 %d 个字符，只用字母、数字和 . _ : -", EVENT_ID_MAX);
    e->event_id = arena_strdup(a, id);
    (void)snprintf(p->refused.event_id, sizeof(p->refused.event_id), "%s", id);
    return REFUSAL_NONE;
}

static enum refusal take_time(struct parse *p, enum field f, const char *name, int64_t *ret)
{
    const char *text = field_str(p, f);
    if (!text || clock_parse(text, ret) == RELAY_OK) return REFUSAL_NONE;
    return refuse(p, REFUSAL_BAD_TIME, name, "%s 应为带时区的时间，如 2026-11-22T18:33:55+08:00", name);
}

/* By the relay's clock. Whose clock is wrong, if one is, only the feed's newer events can tell: an event is lost for good
 * when they say the same. */
static enum refusal refuse_old(struct parse *p, int64_t sent_at)
{
    const struct event_context *c = p->ctx;
    bool passed = c->shown > sent_at + EVENT_AGE_MAX_MS, next = p->refused.seq > c->shown_seq;
    if (passed && !next) return refuse(p, REFUSAL_TOO_OLD, "sent_at", "sent_at 已超过 7 天，不再接收");
    if (passed)
        (void)refuse(
            p, REFUSAL_TOO_OLD, "sent_at",
            "sent_at 比已收到的事件早 7 天以上，seq 却更新：发送方时钟可能倒退了；请校准时钟，改正 sent_at "
            "后用原编号重发");
    else
        (void)refuse(
            p, REFUSAL_TOO_OLD, "sent_at",
            "按中继的时钟，sent_at 已超过 7 天，但还不能确定是谁的时钟不准；请核对发送方时钟，稍后原样重发");
    p->refused.retry = passed ? "same_id" : "later";
    p->refused.apart = c->now.wall - sent_at;
    return REFUSAL_TOO_OLD;
}

static enum refusal take_times(struct parse *p, struct event *e)
{
    enum refusal r;
    int64_t now = p->ctx->now.wall;
    if (!p->field[F_SENT_AT])
        return refuse(p, REFUSAL_MISSING_MEMBER, "sent_at", "缺少必填项 sent_at；请补上后用原编号重发");
    if ((r = take_time(p, F_SENT_AT, "sent_at", &e->sent_at))) return r;
    e->observed_at = e->sent_at;
    e->expires_at = INT64_MAX;
    if ((r = take_time(p, F_OBSERVED_AT, "observed_at", &e->observed_at)) ||
        (r = take_time(p, F_EXPIRES_AT, "expires_at", &e->expires_at)))
        return r;
    if (!p->ctx->clock_untrusted && now - e->sent_at > EVENT_AGE_MAX_MS) return refuse_old(p, e->sent_at);
    if (!p->ctx->clock_untrusted && e->sent_at - now > EVENT_AHEAD_MAX_MS) {
        p->refused.apart = now - e->sent_at;
        return refuse(p, REFUSAL_CLOCK_AHEAD, "sent_at",
                      "sent_at 比中继的时间早到 %lld 秒（最多 300 秒）；请校准发送方时钟，稍后原样重发",
                      (long long)((e->sent_at - now) / SECOND_MS));
    }
    /* An alert lives from what was observed: a date in the years to come would keep it alive that long. */
    if (e->observed_at - e->sent_at > EVENT_AHEAD_MAX_MS)
        return refuse(p, REFUSAL_BAD_TIME, "observed_at", "observed_at 晚于 sent_at；请改正后用原编号重发");
    e->stale = e->expires_at <= (p->ctx->clock_untrusted ? e->sent_at : now);
    return REFUSAL_NONE;
}

static enum refusal refuse_word(struct parse *p, const char *name, const char *words)
{
    return refuse(p, REFUSAL_UNKNOWN_KIND, name, "%s 的取值不在规定之内，应为 %s", name, words);
}

/* True when there is something to match in it. */
static bool says_something(const struct buf *b)
{
    return strspn(buf_cstr(b), " \n\r\t") < b->len;
}

/* Which kind an event without `kind` is: a text is an SMS, unless its own kind says otherwise; a transaction with a
 * summary by the teller stays a transaction. */
static enum event_kind default_kind(const struct parse *p)
{
    const char *text_kind = field_str(p, F_TEXT_KIND);
    enum event_kind k;
    if (!says_something(&p->s->text)) return KIND_TRANSACTION;
    if (!text_kind) return KIND_SMS;
    if (event_kind_parse(text_kind, &k)) return k;
    if (strcmp(text_kind, "transcript") == 0) return KIND_CALL;
    return p->field[F_TXN] ? KIND_TRANSACTION : KIND_SMS;
}

static enum refusal take_words(struct parse *p, struct event *e)
{
    const char *s = field_str(p, F_STATUS);
    if (s && !cap_status_parse(s, &e->status)) return refuse_word(p, "status", "Actual、Exercise、Test 之一");
    s = field_str(p, F_MSG_KIND);
    if (s && !event_msg_parse(s, &e->msg)) return refuse_word(p, "msg_kind", "alert、update、cancel 之一");
    s = field_str(p, F_KIND);
    e->kind = default_kind(p);
    /* The parser also reads rules, where a kind may be Chinese; the feed contract has the English words only. */
    if (s && (!event_kind_parse(s, &e->kind) || strcmp(s, event_kind_name(e->kind)) != 0))
        return refuse_word(p, "kind", "sms、call、transaction、app、web、report、button 之一");
    e->verified = e->kind != KIND_REPORT && e->kind != KIND_BUTTON;
    const cJSON *may = p->field[F_MAY_BROADCAST];
    e->may_broadcast = may ? cJSON_IsTrue(may) : p->ctx->may_broadcast;
    s = field_str(p, F_TLP);
    if (!s) return REFUSAL_NONE;
    static const struct {
        const char *name;
        bool open;
    } tlps[] = {{"RED", false},  {"AMBER", false}, {"AMBER+STRICT", false},
                {"GREEN", true}, {"CLEAR", true},  {"WHITE", true}};
    for (size_t i = 0; i < ARRAY_LEN(tlps); i++) {
        if (strcmp(s, tlps[i].name) != 0) continue;
        e->may_broadcast = e->may_broadcast && tlps[i].open;
        return REFUSAL_NONE;
    }
    return refuse_word(p, "handling.tlp", "RED、AMBER、AMBER+STRICT、GREEN、CLEAR、WHITE 之一");
}

/* A whole number within bounds; absent leaves *ret alone. */
static enum refusal take_int(struct parse *p, enum field f, const char *name, int64_t min, int64_t max,
                             int64_t *ret)
{
    const cJSON *v = p->field[f];
    if (!v) return REFUSAL_NONE;
    double d = v->valuedouble;
    if (d != floor(d) || d < (double)min || d > (double)max)
        return refuse(p, REFUSAL_BAD_TYPE, name, "%s 应为 %lld 至 %lld 的整数", name, (long long)min,
                      (long long)max);
    *ret = (int64_t)d;
    return REFUSAL_NONE;
}

static enum refusal take_numbers(struct parse *p, struct event *e)
{
    int64_t seq = -1, count = 1;
    enum refusal r;
    if ((r = take_int(p, F_SEQ, "seq", 0, EVENT_SEQ_MAX, &seq)) ||
        (r = take_int(p, F_COUNT, "count", 1, EVENT_COUNT_MAX, &count)))
        return r;
    e->seq = seq;
    e->count = (int)count;
    return REFUSAL_NONE;
}

static bool area_allowed(const struct event_context *ctx, const char *area)
{
    for (size_t i = 0; i < ctx->n_areas; i++) {
        char allowed[AREA_LEN + 1];
        if (area_normalise(ctx->areas[i], allowed) && strncmp(area, allowed, strlen(allowed)) == 0)
            return true;
    }
    return ctx->n_areas == 0;
}

static enum refusal take_area(struct parse *p, struct event *e)
{
    const char *name = p->field[F_VICTIM_AREA] ? "victim.area" : "area";
    const char *code = field_str(p, p->field[F_VICTIM_AREA] ? F_VICTIM_AREA : F_AREA);
    e->area_guessed = !code;
    if (!code) {
        if (p->ctx->n_areas > 0 && !area_normalise(p->ctx->areas[0], e->area)) e->area[0] = '\0';
        return REFUSAL_NONE;
    }
    if (!area_normalise(code, e->area))
        return refuse(p, REFUSAL_BAD_TYPE, name, "%s 应为 2、4 或 6 位行政区划代码（GB/T 2260），如 610113",
                      name);
    /* The other area is not used, but it stands in the body unmasked: it must be one as well. */
    char other[AREA_LEN + 1];
    if (p->field[F_AREA] && !area_normalise(field_str(p, F_AREA), other))
        return refuse(p, REFUSAL_BAD_TYPE, "area",
                      "area 应为 2、4 或 6 位行政区划代码（GB/T 2260），如 610113");
    if (!area_allowed(p->ctx, e->area))
        return refuse(p, REFUSAL_AREA_NOT_ALLOWED, name,
                      "%s 不在本来源的允许范围内；请核对地区代码，或联系中继管理员", name);
    return REFUSAL_NONE;
}

static enum refusal take_references(struct parse *p, struct event *e, struct arena *a)
{
    const cJSON *v = p->field[F_REFERENCES];
    const cJSON *first = v && cJSON_IsArray(v) ? v->child : v;
    size_t n = 0, max = v && cJSON_IsArray(v) ? (size_t)cJSON_GetArraySize(v) : (v ? 1 : 0);
    if (max > EVENT_REFERENCES_MAX)
        return refuse(p, REFUSAL_BAD_TYPE, "references", "references 最多 %d 个编号", EVENT_REFERENCES_MAX);
    if (max == 0 && e->msg != EVENT_ALERT)
        return refuse(p, REFUSAL_MISSING_MEMBER, "references", "更新或撤销须在 references 中写明原事件编号");
    e->references = arena_alloc(a, max * sizeof(*e->references));
    for (const cJSON *r = first; r && n < max; r = r->next) {
        if (!cJSON_IsString(r) || !is_event_id(r->valuestring, strlen(r->valuestring)))
            return refuse(p, REFUSAL_BAD_TYPE, "references", "references 应为事件编号的字符串数组");
        e->references[n++] = arena_strdup(a, r->valuestring);
    }
    e->n_references = n;
    return REFUSAL_NONE;
}

static enum refusal take_text(struct parse *p, struct event *e, struct arena *a)
{
    struct buf *text = &p->s->text;
    const struct buf *memo = &p->s->memo;
    bool any = says_something(text), more = says_something(memo);
    if (any && more) buf_char(text, '\n');
    if (more) buf_add(any ? text : (buf_clear(text), text), memo->data, memo->len);
    if (text->failed || memo->failed || p->s->body.failed)
        return refuse(p, REFUSAL_TOO_LARGE, "text", "文本展开后超过 64 KiB；请删减后用原编号重发");
    if (!any && !more)
        return refuse(p, REFUSAL_MISSING_MEMBER, "text",
                      "缺少文本：请填 text（字符串，或带 body 的对象）或 txn.memo");
    e->text = arena_strndup(a, text->data, text->len);
    e->text_len = text->len;
    e->body = arena_strndup(a, p->s->body.data, p->s->body.len);
    e->body_len = p->s->body.len;
    return REFUSAL_NONE;
}

static int64_t correlation(const struct parse *p, enum field f, char use)
{
    const char *value = field_str(p, f);
    return value && *value ? hash_keyed(p->ctx->key, use, value, strlen(value)) : 0;
}

static const char *fault_words(enum json_fault_kind kind)
{
    switch (kind) {
    case JSON_FINE:
    case JSON_SYNTAX: break;
    case JSON_TOO_LARGE: return "超过 64 KiB";
    case JSON_NOT_UTF8: return "不是 UTF-8 编码";
    case JSON_EMPTY: return "没有内容";
    case JSON_CONTROL: return "字符串中有未转义的控制字符";
    case JSON_ESCAPE: return "转义写法有误";
    case JSON_NUL: return "字符串中不能有 \\u0000";
    case JSON_NUMBER: return "数字写法有误或过大（编号请用字符串）";
    case JSON_DEPTH: return "嵌套超过 8 层";
    case JSON_TRAILING: return "JSON 对象之后还有内容";
    case JSON_DUPLICATE: return "同一对象中有重复的成员名";
    case JSON_MEMORY: return "内存不足，请稍后重发";
    }
    return "JSON 语法有误或不完整";
}

static enum refusal refuse_json(struct parse *p, const struct json_fault *f, size_t n)
{
    if (f->kind == JSON_TOO_LARGE)
        return refuse(p, REFUSAL_TOO_LARGE, "", "事件共 %zu 字节，最多 %d 字节；请删减后用原编号重发", n,
                      EVENT_TEXT_MAX);
    if (f->kind == JSON_DUPLICATE)
        return refuse(p, REFUSAL_MALFORMED_JSON, f->path, "%s（%s）；请改正后用原编号重发",
                      fault_words(f->kind), f->path);
    return refuse(p, REFUSAL_MALFORMED_JSON, f->path, "第 %zu 字节处：%s；请改正后用原编号重发",
                  f->offset + 1, fault_words(f->kind));
}

static void scratch_reset(struct event_scratch *s)
{
    s->body.limit = s->original.limit = BODY_MAX;
    s->text.limit = s->memo.limit = EVENT_TEXT_MAX;
    buf_clear(&s->body);
    buf_clear(&s->text);
    buf_clear(&s->memo);
}

void event_scratch_release(struct event_scratch *s)
{
    norm_text_release(&s->norm);
    buf_release(&s->body);
    buf_release(&s->text);
    buf_release(&s->memo);
    buf_release(&s->original);
}

enum refusal event_parse(const char *bytes, size_t n, const struct event_context *ctx, struct arena *a,
                         struct event *ret, struct refused *ret_refused)
{
    static const struct json_limits limits = {.max_bytes = EVENT_TEXT_MAX, .max_depth = EVENT_DEPTH_MAX};
    const cJSON *root = NULL;
    struct parse p = {.ctx = ctx, .s = ctx->scratch, .refused.seq = -1};
    struct event e = {.status = STATUS_ACTUAL, .msg = EVENT_ALERT};
    struct json_fault fault;
    enum refusal r;
    hash_sip128(ctx->key, bytes, n, e.digest);
    memcpy(p.refused.digest, e.digest, sizeof(e.digest));
    scratch_reset(p.s);
    if (json_parse_arena(bytes, n, &limits, a, &root, &fault) != RELAY_OK) {
        guess_event_id(bytes, n, p.refused.event_id);
        r = refuse_json(&p, &fault, n);
    } else if (!cJSON_IsObject(root)) {
        r = refuse(&p, REFUSAL_MALFORMED_JSON, "", "应为一个 JSON 对象，以 { 开头；请改正后用原编号重发");
    } else {
        const char *id = json_str_or(root, "event_id", "");
        if (is_event_id(id, strlen(id)))
            (void)snprintf(p.refused.event_id, sizeof(p.refused.event_id), "%s", id);
        int64_t seq;
        if (json_int(root, "seq", &seq) == RELAY_OK && seq >= 0 && seq <= EVENT_SEQ_MAX) p.refused.seq = seq;
        (void)((r = take_members(&p, root, IN_EVENT)) || (r = take_id(&p, &e, a)) ||
               (r = take_times(&p, &e)) || (r = take_words(&p, &e)) || (r = take_numbers(&p, &e)) ||
               (r = take_area(&p, &e)) || (r = take_references(&p, &e, a)) || (r = take_text(&p, &e, a)));
    }
    if (r != REFUSAL_NONE) {
        *ret_refused = p.refused;
        return r;
    }
    e.victim = correlation(&p, F_VICTIM_REF, 'v');
    e.suspect = correlation(&p, F_SUSPECT_NUMBER, 's');
    e.payee = correlation(&p, F_PAYEE, 'p');
    e.unknown_members = p.unknown;
    *ret = e;
    return REFUSAL_NONE;
}
