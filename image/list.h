/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_LIST_H
#define IMAGE_LIST_H

/*
 * Lists of strings, struct image_list of image/config.h.
 *
 * Threads  the caller's object.
 * Errors   -LX_ENOMEM.
 */

#include <stddef.h>

#include "image/config.h"
#include "lx/compiler.h"

/* A copy of `size` bytes with a zero after them, the caller's to free(); NULL without memory. */
char *image_list_copy(const char *text, size_t size);

MUST_USE int image_list_add(struct image_list *list, const char *text, size_t size);

/* Sort by the order of bytes and drop what is there twice. */
void image_list_sort(struct image_list *list);
void image_list_fini(struct image_list *list);

#endif
