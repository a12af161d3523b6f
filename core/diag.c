/* SPDX-License-Identifier: MIT */
/* Messages for the user, and the text of error numbers. */

#include "core/diag.h"

#include <stdio.h>

#include "lx/errno.h"

int core_diag_set(struct core_diag *d, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(d->text, sizeof d->text, format, args);
    va_end(args);
    for (char *c = d->text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return err;
}

const char *core_diag_strerror(int err)
{
    switch (-err) {
#define X(name, text) \
    case LX_##name:   \
        return text;
#include "core/errors.def"
#undef X
    }
    return "Unknown error";
}
