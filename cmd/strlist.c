/* SPDX-License-Identifier: MIT */
/* A growing list of strings. */

#include "strlist.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

int cmd_strings_add(struct cmd_strings *s, const char *text, size_t size)
{
    if (s->count + 1 >= s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 16;
        char **items = realloc(s->items, capacity * sizeof *items);
        if (!items)
            return -LX_ENOMEM;
        s->items = items;
        s->capacity = capacity;
    }
    char *copy = malloc(size + 1);
    if (!copy)
        return -LX_ENOMEM;
    memcpy(copy, text, size);
    copy[size] = 0;
    s->items[s->count++] = copy;
    s->items[s->count] = NULL;
    return 0;
}

void cmd_strings_free(struct cmd_strings *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i]);
    free(s->items);
    *s = (struct cmd_strings){0};
}
