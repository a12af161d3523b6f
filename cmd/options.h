/* SPDX-License-Identifier: MIT */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

/*
 * Options of a command line, as docker's commands take them: before the operands,
 * "--name value", "--name=value", "-n value", "-nvalue", letters without a value
 * together.
 *
 * Threads  the caller's object.
 */

#include <stddef.h>

struct cmd_option {
    const char *name;
    char letter; /* or 0 */
    int has_value;
    int id; /* what cmd_options_next() returns; 0 and up */
};

struct cmd_options {
    const char *command; /* for messages */
    const struct cmd_option *known;
    size_t count;
    int argc;
    char **argv;
    int index;           /* of the next argument; once they end, of the first operand */
    const char *letters; /* the rest of "-abc", or NULL */
};

#define CMD_OPTIONS_END (-1)
#define CMD_OPTIONS_BAD (-2)

/*
 * The next option.
 *   value    of an option that has one, else NULL.
 *   returns  its id; CMD_OPTIONS_END; CMD_OPTIONS_BAD, after a message to the user.
 */
int cmd_options_next(struct cmd_options *o, const char **value);

/* Say what is wrong with the command line, on standard error; returns exit code 125. */
int cmd_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
