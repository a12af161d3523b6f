/* SPDX-License-Identifier: MIT */
#ifndef CMD_STRLIST_H
#define CMD_STRLIST_H

/*
 * A growing list of strings, NULL-terminated.
 *
 * Threads  the caller's.  Errors  -LX_ENOMEM.
 */

#include <stddef.h>

#include "lx/compiler.h"

struct cmd_strings {
    char **items; /* owned, as are the strings */
    size_t count, capacity;
};

/* Append a copy of `size` bytes of `text`, terminated. */
MUST_USE int cmd_strings_add(struct cmd_strings *s, const char *text, size_t size);
void cmd_strings_free(struct cmd_strings *s);

#endif
