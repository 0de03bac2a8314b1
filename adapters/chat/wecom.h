/* What WeCom's answers mean, and how it takes a picture, for every adapter that speaks through one of its bots. */
#ifndef TOCSIN_ADAPTERS_WECOM_H
#define TOCSIN_ADAPTERS_WECOM_H

#include "adapters/http_post.h"

extern const struct post_code wecom_codes[];

/* The whole request of a picture message: at most 2 MB of PNG, which a card never is. */
void wecom_image(const struct picture *p, struct buf *body);

#endif
