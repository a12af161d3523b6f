/* SPDX-License-Identifier: MIT */
#ifndef CORE_DIAG_H
#define CORE_DIAG_H

/*
 * A message for the user: one sentence that says what failed, on which file,
 * and what to do.  Filled by image, runner and cmd where an operation fails.
 *
 * Threads  the caller's object.  Hosted code only.
 */

#include <stdarg.h>

#include "lx/compiler.h"

struct core_diag {
    char text[1024];
};

/*
 * Set the text (UTF-8), cut to fit; returns `err`, so that it can be returned on.
 * Names in it may come from strangers: control characters appear as "?".
 */
int core_diag_set(struct core_diag *d, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "No such file or directory", for an -LX_E* number. */
const char *core_diag_strerror(int err);

#endif
