/* What WeCom's answers mean, for every adapter that speaks through one of its bots. */
#ifndef TOCSIN_ADAPTERS_WECOM_H
#define TOCSIN_ADAPTERS_WECOM_H

#include "adapters/http_post.h"

extern const struct post_code wecom_codes[];

#endif
