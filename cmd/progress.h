/* SPDX-License-Identifier: MIT */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

/*
 * What an import shows on standard error, if that is a terminal: a line that is
 * written over, and one that stays.
 *
 * Threads  the importing thread.
 */

#include <stdint.h>

#include "image/import.h"

struct cmd_progress {
    int quiet;
    const char *name; /* of what is imported */
    uint64_t started_ns, shown_ns;
};

/* Have `options` report to `p`, unless it is quiet or there is no terminal. */
void cmd_progress_init(struct cmd_progress *p, const char *name, struct image_options *options);

/* "1.5 GB" */
void cmd_size_format(uint64_t size, char *text, size_t text_size);

/* The options --max-size and --max-files of a command: 0, or an exit code after a message. */
int cmd_limit_size(const char *command, const char *value, struct image_limits *limits);
int cmd_limit_files(const char *command, const char *value, struct image_limits *limits);

#endif
