/* What every chat that takes its messages by an HTTP POST has in common: the address and its secrecy, text in parts, the
 * answer judged by the channel's own code and never by HTTP 200 alone.
 *
 * A kind is a table row in list.c, a struct post_kind, an option table that begins with POST_ROWS, and two or three small
 * functions; chat/wecom.c is the model.
 *
 *   send -> chat_text -> chat_split -> { build -> POST -> judge } for each part [-> card] -> send_done
 *
 * The parts of one message leave one after another. A failure of the first is the operation's outcome; one of a
 * later part is SEND_UNKNOWN, because the group has read half of it.
 */
#ifndef TOCSIN_ADAPTERS_HTTP_POST_H
#define TOCSIN_ADAPTERS_HTTP_POST_H

#include "adapters/adapter.h"
#include "adapters/cards.h"
#include "adapters/chat_text.h"
#include "base/buf.h"

/* First member of the kind's options. */
struct post_options {
    const char *url_file, *url, *secret_file, *ca_file;
    bool allow_insecure;
};

/* Rows of the address, for an option struct `type` whose first member is `struct post_options post`. */
#define POST_ROWS(of)                                                                                        \
    {.name = "url_file",                                                                                     \
     .type = OPT_PATH,                                                                                       \
     .offset = offsetof(of, post.url_file),                                                                  \
     .help = N_("file whose first line is the address with its key; readable by the relay alone")},          \
        {.name = "url",                                                                                      \
         .type = OPT_STR,                                                                                    \
         .offset = offsetof(of, post.url),                                                                   \
         .help = N_("the address itself, for tests; needs allow_insecure")},                                 \
        {.name = "allow_insecure",                                                                           \
         .type = OPT_BOOL,                                                                                   \
         .offset = offsetof(of, post.allow_insecure),                                                        \
         .help = N_("permit http:// and addresses of this host or of private networks")},                    \
    {                                                                                                        \
        .name = "ca_file", .type = OPT_PATH, .offset = offsetof(of, post.ca_file),                           \
        .help = N_("certificates to trust instead of the system's")                                          \
    }

#define POST_SECRET_ROW(of, text)                                                                            \
    {                                                                                                        \
        .name = "secret_file", .type = OPT_PATH, .offset = offsetof(of, post.secret_file), .help = (text)    \
    }

/* What a channel's own code, or an HTTP status, means. */
struct post_code {
    int64_t code;
    enum send_result result;
    enum target_effect effect;
    int64_t retry_after_ms;
    bool too_long;     /* our fault: cut smaller and send once more */
    const char *words; /* N_(); NULL ends a table */
};

/* One part on its way. */
struct post_part {
    const struct target *target;
    const struct message *messages; /* the operation's */
    size_t n;
    const char *text; /* with its mark "(1/3) " */
    int index, of;
    int64_t wall;
    const char *secret;         /* of secret_file; NULL: none */
    const struct picture *card; /* with CARD_AFTER in the last part, whose text is empty; else NULL */
    /* Where the card can be had. NULL without http.public_address, and where there is no card: a digest, a warning without a
     * headline, no font. */
    const char *card_url;
};

enum post_card {
    CARD_NONE,
    CARD_ALONG, /* drawn before the first part leaves, and used by it */
    CARD_AFTER  /* a part of its own after the text; that it fails does not undo the text */
};

enum { POST_HEADERS_MAX = 12 };

struct post_request {
    struct buf url;  /* begins as the target's address; a kind may add to it */
    struct buf body; /* empty */
    char *headers[POST_HEADERS_MAX + 1];
    int n_headers;
};

/* The address of a target that post_check has read, with what it may be used for; false when the target is of another
 * kind. The address holds a key: it is for a connection and never shown. */
bool post_address(const struct adapter_ops *ops, const struct target *t, struct http_request *ret);

void post_header(struct post_request *r, const char *fmt, ...) PRINTF(2, 3);

struct post_kind {
    /* Bytes of text in one message of this target. NULL: build works from the messages, and there is one part. */
    size_t (*room)(const struct target *t);
    /* Appends what goes before the text as a part of its own. NULL: nothing. */
    void (*preface)(const struct target *t, const struct message *m, size_t n, struct buf *out);
    void (*build)(const struct post_part *p, struct post_request *r);
    /* What becomes of the card of a single warning. NULL: CARD_NONE. */
    enum post_card (*card)(const struct target *t);
    const char *code_member;       /* of the JSON answer; NULL: the HTTP status decides, 2xx is SENT */
    const char *old_code_member;   /* of an earlier form of the answer; may be NULL */
    const struct post_code *codes; /* 0 is SENT without a row; what has none is RETRY */
    bool answers_json;             /* always, though it has no code: as one with a code does */
    bool idempotent; /* the channel knows a repeat by its id: what may have arrived is simply sent again */
};

struct post_ctx { /* ctx of every such adapter */
    struct adapter_env env;
};

/* The guard word that some bots demand: appended to the text when it is not in it. */
void post_guard_word(const char *text, const char *word, struct buf *out);

/* Functions for adapter_ops; check may be called by a kind's own check. */
enum relay_err post_open(void *ctx, const struct adapter_env *env, struct reason *why);
enum relay_err post_check(void *ctx, struct target *t, struct reason *why);
void post_forget(void *ctx, struct target *t);
const char *post_secret(const struct target *t); /* after post_check; NULL when there is none */

/* The kind's send is one line that calls this. */
void post_send(struct post_ctx *ctx, const struct post_kind *k, const struct target *t,
               const struct message *m, size_t n, struct send *op);

/* Public for tests. ret_too_long: cut smaller and try once more before the outcome counts. */
void post_judge(const struct post_kind *k, const struct http_answer *a, struct send_outcome *ret,
                bool *ret_too_long);

#endif
