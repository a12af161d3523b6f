/* SPDX-License-Identifier: MIT */
#ifndef CMD_STREAMS_H
#define CMD_STREAMS_H

/*
 * Archives that come from standard input, and go to standard output or a file.
 *
 * Threads  the caller's objects.
 */

#include "core/diag.h"
#include "core/source.h"
#include "image/export.h"
#include "lx/compiler.h"

struct plat_file;

struct cmd_output {
    struct image_sink sink;
    struct plat_file *file; /* NULL: standard output */
    uint64_t size;          /* written so far */
};

/*
 * Open the file at `path`, or with NULL standard output, which must be no terminal.
 *   out      the caller's to cmd_output_close(), also on failure.
 */
MUST_USE int cmd_output_open(struct cmd_output *out, const char *path, struct core_diag *diag);
void cmd_output_close(struct cmd_output *o);

/* Standard input, to be read once. */
struct core_source cmd_input(void);

#endif
