/* What is in a PNG: its size, its pixels, its Description. Read by libpng, which did not write them here alone. Included
 * by one source of a program. */
#ifndef TOCSIN_TESTS_PNG_LOOK_H
#define TOCSIN_TESTS_PNG_LOOK_H

#include <png.h>
#include <stdlib.h>

#include "adapters/draw/look.h"
#include "base/buf.h"
#include "base/mem.h"
#include "unit.h"

struct png_look {
    int width, height, bit_depth, colour_type, palette_n;
    uint8_t *rgb;
    char *description; /* NULL: none */
    const struct buf *from;
    size_t at;
};

static inline void png_look_take(png_structp png, png_bytep out, size_t n)
{
    struct png_look *p = png_get_io_ptr(png);
    if (p->at + n > p->from->len) png_error(png, "ends early");
    memcpy(out, p->from->data + p->at, n);
    p->at += n;
}

/* A broken picture ends the test: libpng's default error ends the program. */
static inline void png_look_read(const struct buf *b, struct png_look *p)
{
    *p = (struct png_look){.from = b};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    assert_non_null(png);
    png_infop info = png_create_info_struct(png);
    if (setjmp(png_jmpbuf(png))) fail_msg("not a picture");
    png_set_read_fn(png, p, png_look_take);
    png_read_info(png, info);
    png_colorp palette = NULL;
    p->width = (int)png_get_image_width(png, info);
    p->height = (int)png_get_image_height(png, info);
    p->bit_depth = png_get_bit_depth(png, info);
    p->colour_type = png_get_color_type(png, info);
    png_get_PLTE(png, info, &palette, &p->palette_n);
    png_textp texts;
    int n = 0;
    png_get_text(png, info, &texts, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(texts[i].key, "Description") == 0) p->description = xstrdup(texts[i].text);
    png_set_expand(png);
    png_set_gray_to_rgb(png);
    png_read_update_info(png, info);
    p->rgb = xmalloc((size_t)p->width * (size_t)p->height * 3);
    for (int y = 0; y < p->height; y++) png_read_row(png, p->rgb + (size_t)y * (size_t)p->width * 3, NULL);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
}

static inline uint32_t png_look_at(const struct png_look *p, int x, int y)
{
    const uint8_t *v = p->rgb + ((size_t)y * (size_t)p->width + (size_t)x) * 3;
    return (uint32_t)(v[0] << 16 | v[1] << 8 | v[2]);
}

static inline int png_look_light(uint32_t v)
{
    return (int)((v >> 16 & 255) * 299 + (v >> 8 & 255) * 587 + (v & 255) * 114) / 1000;
}

static inline void png_look_release(struct png_look *p)
{
    free(p->rgb);
    free(p->description);
}

#endif
