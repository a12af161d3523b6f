/* SPDX-License-Identifier: MIT */
/* Lists of strings: each a block of its own, the list as long as it has to be. */

#include "list.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

char *image_list_copy(const char *text, size_t size)
{
    char *copy = malloc(size + 1);
    if (copy) {
        memcpy(copy, text, size);
        copy[size] = 0;
    }
    return copy;
}

int image_list_add(struct image_list *list, const char *text, size_t size)
{
    if ((list->count & (list->count - 1)) == 0) { /* full at each power of two */
        size_t capacity = list->count ? 2 * (size_t)list->count : 1;
        char **items = realloc(list->items, capacity * sizeof *items);
        if (!items)
            return -LX_ENOMEM;
        list->items = items;
    }
    char *copy = image_list_copy(text, size);
    if (!copy)
        return -LX_ENOMEM;
    list->items[list->count++] = copy;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void image_list_sort(struct image_list *list)
{
    uint32_t kept = 0;
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, compare);
    for (uint32_t i = 0; i < list->count; i++) {
        if (kept && !strcmp(list->items[kept - 1], list->items[i]))
            free(list->items[i]);
        else
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

void image_list_fini(struct image_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct image_list){0};
}
