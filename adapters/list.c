/* Every kind of target there is: one row each. */
#include "adapters/adapter.h"
#include "adapters/display/board.h"
#include "adapters/pa/pa.h"

extern const struct adapter_ops null_ops, file_ops, wecom_ops, dingtalk_ops, feishu_ops, webhook_ops,
    ntfy_ops, forward_ops;

const struct adapter_ops *const adapter_list[] = {
    &pa_ops,       /* loudspeakers, at once */
    &bulletin_ops, /* loudspeakers, on the hour */
    &board_ops,    /* ward screens */
    &wecom_ops,    /* chats: WeCom group bots */
    &dingtalk_ops, /* chats: DingTalk group bots */
    &feishu_ops,   /* chats: Feishu and Lark group bots */
    &forward_ops,  /* people who forward to ordinary WeChat groups */
    &ntfy_ops,     /* phones, by ntfy */
    &webhook_ops,  /* somebody's own program, signed */
    &file_ops,     /* JSON lines */
    &null_ops,     /* nowhere */
    NULL,
};

const struct adapter_ops *adapter_find(const char *name)
{
    for (const struct adapter_ops *const *a = adapter_list; *a; a++)
        if (strcmp((*a)->name, name) == 0) return *a;
    return NULL;
}

int64_t adapter_again(const struct adapter_ops *ops, int repeats)
{
    const int64_t *wait = ops->again;
    if (!ops->confirms || !wait || *wait <= 0) return -1;
    for (; repeats > 0; repeats--, wait++) {
        if (wait[1] == AGAIN_FOREVER) return *wait;
        if (wait[1] <= 0) return -1;
    }
    return *wait;
}
