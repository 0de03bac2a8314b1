/* Every kind of target there is: one row each. */
#include "adapters/adapter.h"

extern const struct adapter_ops null_ops, file_ops;

const struct adapter_ops *const adapter_list[] = {
    &null_ops,
    &file_ops,
    NULL,
};

const struct adapter_ops *adapter_find(const char *name)
{
    for (const struct adapter_ops *const *a = adapter_list; *a; a++)
        if (strcmp((*a)->name, name) == 0) return *a;
    return NULL;
}
