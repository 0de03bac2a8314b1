/* Standard Webhooks 1.0: warnings as signed JSON for somebody's own program (packaging/doc/schema/webhook.schema.json).
 * 2xx is success, 410 disables.
 *
 *   chats: [{id: city-desk, type: webhook, audience: duty, url_file: …, secret_file: …}]
 *
 * webhook-id stays the same over retries, so that a receiver knows a repeat; therefore what may have arrived is sent again.
 */
#include "adapters/chat/webhook.h"

#include <openssl/evp.h>

#include "adapters/http_post.h"
#include "base/hash.h"
#include "base/i18n.h"

enum { KEY_MIN = 24, KEY_MAX = 64, SEED_LEN = 32, SIGNATURE_LEN = 64, BODY_WISH = 18 * 1024 };

struct webhook_options {
    struct post_options post;
};

static const struct opt_row webhook_rows[] = {
    POST_ROWS(struct webhook_options),
    POST_SECRET_ROW(
        struct webhook_options,
        N_("file with the keys on one line: whsec_… (HMAC) or whsk_… (Ed25519), the newest first")),
    {0},
};

/* Bytes decoded from padded base64, 0 when it is none or too long. */
static size_t decode(const char *text, size_t n, uint8_t out[static KEY_MAX + 4])
{
    if (!n || n % 4 || n / 4 * 3 > KEY_MAX + 2) return 0;
    int len = EVP_DecodeBlock(out, (const unsigned char *)text, (int)n);
    if (len < 0) return 0;
    return (size_t)len - (text[n - 1] == '=') - (text[n - 2] == '=');
}

static bool sign_hmac(const uint8_t *key, size_t n, const struct buf *text, struct buf *out)
{
    uint8_t mac[HASH_LEN];
    char encoded[64];
    if (n < KEY_MIN || n > KEY_MAX) return false;
    hash_hmac_sha256(key, n, buf_cstr(text), text->len, mac);
    hash_base64(mac, sizeof(mac), encoded, sizeof(encoded));
    buf_printf(out, "v1,%s", encoded);
    return true;
}

/* The key is the seed, alone or followed by the public key. */
static bool sign_ed25519(const uint8_t *key, size_t n, const struct buf *text, struct buf *out)
{
    uint8_t signature[SIGNATURE_LEN];
    char encoded[96];
    size_t len = sizeof(signature);
    if (n != SEED_LEN && n != 2 * SEED_LEN) return false;
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key, SEED_LEN);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = k && c && EVP_DigestSignInit(c, NULL, NULL, NULL, k) == 1 &&
              EVP_DigestSign(c, signature, &len, (const unsigned char *)buf_cstr(text), text->len) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(k);
    if (!ok) return false;
    hash_base64(signature, len, encoded, sizeof(encoded));
    buf_printf(out, "v1a,%s", encoded);
    return true;
}

enum relay_err webhook_sign(const char *keys, const char *id, int64_t seconds, const void *body, size_t n,
                            struct buf *out, struct reason *why)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(n + 512);
    buf_printf(&text, "%s.%lld.", id, (long long)seconds);
    buf_add(&text, body, n);
    int number = 0;
    for (const char *k = keys + strspn(keys, " "); *k; k += strspn(k, " ")) {
        uint8_t key[KEY_MAX + 4];
        size_t len = strcspn(k, " ");
        bool hmac = strncmp(k, "whsec_", 6) == 0, ed25519 = strncmp(k, "whsk_", 5) == 0;
        size_t prefix = hmac ? 6 : 5, bytes = hmac || ed25519 ? decode(k + prefix, len - prefix, key) : 0;
        if (number++) buf_char(out, ' ');
        bool ok = bytes && (hmac ? sign_hmac(key, bytes, &text, out) : sign_ed25519(key, bytes, &text, out));
        explicit_bzero(key, sizeof(key));
        if (!ok)
            return fail(
                why, RELAY_INVALID,
                _("key %d is neither whsec_ with 24 to 64 bytes nor whsk_ with 32 or 64 bytes in base64"),
                number);
        k += len;
    }
    return number ? RELAY_OK : fail(why, RELAY_INVALID, "%s", _("there is no key"));
}

static void add_delivery(const struct message *m, struct buf *out)
{
    buf_char(out, '{');
    buf_json_member(out, "delivery", m->delivery);
    buf_json_member(out, "identifier", m->identifier);
    buf_json_member(out, "references", m->references);
    buf_json_member(out, "status", cap_status_name(m->status));
    buf_json_member(out, "msgType", msg_type_name(m->msg_type));
    buf_json_member(out, "level", level_name(m->level));
    buf_json_member(out, "urgency", level_urgency(m->level));
    buf_json_member(out, "severity", level_severity(m->level));
    buf_json_member(out, "certainty", certainty_name(m->certainty));
    buf_json_member(out, "rule", m->rule);
    buf_json_member(out, "category", m->category);
    buf_json_member(out, "issuer", m->issuer);
    buf_json_member_time(out, "sent", m->sent);
    buf_json_member_time(out, "expires", m->expires);
    buf_json_member_int(out, "count", m->count);
    buf_json_member(out, "headline", m->headline);
    if (m->chat && out->len + strlen(m->chat) < BODY_WISH) buf_json_member(out, "text", m->chat);
    buf_char(out, '}');
}

void webhook_body(const char *target, const struct message *m, size_t n, struct buf *out)
{
    buf_str(out, "{\"type\":\"tocsin.warnings\"");
    buf_json_member_time(out, "timestamp", m[0].sent);
    buf_json_key(out, "data");
    buf_char(out, '{');
    buf_json_member(out, "target", target);
    buf_json_key(out, "deliveries");
    for (size_t i = 0; i < n; i++) {
        buf_char(out, i ? ',' : '[');
        add_delivery(&m[i], out);
    }
    buf_str(out, "]}}");
}

static void webhook_build(const struct post_part *p, struct post_request *r)
{
    uint8_t digest[HASH_LEN];
    char id[60] = "msg_";
    CLEANUP(buf_release) struct buf names = BUF_INIT(64 * 1024), signatures = BUF_INIT(4096);
    webhook_body(p->target->id, p->messages, p->n, &r->body);
    for (size_t i = 0; i < p->n; i++) buf_printf(&names, "%s\n", p->messages[i].delivery);
    hash_sha256(buf_cstr(&names), names.len, digest);
    hash_base32(digest, 20, id + 4, sizeof(id) - 4);
    int64_t seconds = p->wall / 1000;
    struct reason why; /* check has tried the keys */
    if (webhook_sign(p->secret, id, seconds, buf_cstr(&r->body), r->body.len, &signatures, &why) != RELAY_OK)
        return;
    post_header(r, "Content-Type: application/json");
    post_header(r, "webhook-id: %s", id);
    post_header(r, "webhook-timestamp: %lld", (long long)seconds);
    post_header(r, "webhook-signature: %s", buf_cstr(&signatures));
}

static const struct post_kind webhook_kind = {.build = webhook_build, .idempotent = true};

static enum relay_err webhook_check(void *ctx, struct target *t, struct reason *why)
{
    const struct webhook_options *o = t->options;
    if (!o->post.secret_file)
        return fail(why, RELAY_INVALID, "%s",
                    _("secret_file is missing: a webhook without a signature can be forged"));
    enum relay_err err = post_check(ctx, t, why);
    if (err != RELAY_OK) return err;
    CLEANUP(buf_release) struct buf tried = BUF_INIT(4096);
    err = webhook_sign(post_secret(t), "msg", 0, "", 0, &tried, why);
    return err == RELAY_OK ? RELAY_OK : fail_in(why, err, "%s", o->post.secret_file);
}

static void webhook_send(void *ctx, const struct target *t, const struct message *m, size_t n,
                         const struct snapshot *s, struct send *op)
{
    (void)s;
    post_send(ctx, &webhook_kind, t, m, n, op);
}

const struct adapter_ops webhook_ops = {
    .name = "webhook",
    .kind = TARGET_MESSAGE,
    .programs = true,
    .options = webhook_rows,
    .options_size = sizeof(struct webhook_options),
    .ctx_size = sizeof(struct post_ctx),
    .open = post_open,
    .check = webhook_check,
    .forget = post_forget,
    .send = webhook_send,
};
