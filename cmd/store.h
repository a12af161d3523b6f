/* SPDX-License-Identifier: MIT */
#ifndef CMD_STORE_H
#define CMD_STORE_H

/*
 * What the commands on images share: their common options, opening the store,
 * saying what failed.
 *
 * Threads  the main thread.
 */

#include "image/container.h"
#include "image/store.h"
#include "options.h"

/* An invocation of a command: `tarbox NAME [--root DIR] [--help] [ITS OPTIONS] OPERAND...` */
struct cmd_call {
    const char *name, *help;
    const struct cmd_option *own; /* its own options, with ids from CMD_OWN up */
    size_t own_count;

    struct image_store *store;
    int operand_count;
    char **operands;
    struct core_diag diag;
};

#define CMD_OWN 16

/*
 * Read the command line and open the store.
 *   apply    called with each of the command's own options, or NULL; returns 0, or an
 *            exit code after a message.
 *   least, most  how many operands there may be; most < 0: any number.
 *   returns  0; or 1 when there is nothing more to do, and *code is the exit code.
 */
int cmd_begin(struct cmd_call *c, int argc, char **argv, int least, int most,
              int (*apply)(void *arg, int id, const char *value), void *arg, int *code);

/*
 * The container that an operand names.  A container goes before an image of its name.
 *   returns  1; 0 if there is none; -LX_E* with a sentence in `c->diag`.
 */
MUST_USE int cmd_find_container(struct cmd_call *c, const char *name, struct image_container *out);

/*
 * The name that a user called an image by, if it was one and no id.
 *   full     where it goes, in full.
 *   returns  `full` or NULL.
 */
const char *cmd_name_of(struct cmd_call *c, const char *reference, char full[IMAGE_NAME_SIZE]);

/*
 * The configuration of an image that is made of another one.
 *   changes  `count` lines as image_config_change() takes them.
 *   step     what is noted in its history.
 *   out      canonical JSON, the caller's to free().
 *   returns  -LX_E*, with a sentence in `c->diag`.
 */
MUST_USE int cmd_config_step(struct cmd_call *c, const struct image *image,
                             const char *const *changes, size_t count, const char *step,
                             char **out);

/* Close the store; say what failed if `err` is negative.  Returns the exit code. */
int cmd_end(struct cmd_call *c, int err);

#endif
