/* SPDX-License-Identifier: MIT */
/* Options of a command line. */

#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runner/run.h"

int cmd_usage(const char *command, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "tarbox %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "; see 'tarbox %s --help'.\n", command);
    return RUNNER_EXIT_FAILED;
}

static int bad(struct cmd_options *o, const char *format, const char *argument)
{
    char text[512];
    snprintf(text, sizeof text, format, argument);
    cmd_usage(o->command, "%s", text);
    return CMD_OPTIONS_BAD;
}

/* --name, --name=value, --name value */
static int long_option(struct cmd_options *o, const char *argument, const char **value)
{
    const char *name = argument + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    for (size_t k = 0; k < o->count; k++) {
        const struct cmd_option *known = &o->known[k];
        if (strlen(known->name) != length || strncmp(known->name, name, length) != 0)
            continue;
        if (!known->has_value && equals)
            return bad(o, "option '%s' takes no value", argument);
        if (known->has_value && !equals && o->index == o->argc)
            return bad(o, "option '%s' needs a value", argument);
        if (known->has_value)
            *value = equals ? equals + 1 : o->argv[o->index++];
        return known->id;
    }
    return bad(o, "unknown option '%s'", argument);
}

/* The next letter of -i, -eK=V, -ieK=V; or -e K=V. */
static int short_option(struct cmd_options *o, const char **value)
{
    const char *argument = o->argv[o->index - 1];
    char letter = *o->letters++;
    for (size_t k = 0; k < o->count; k++) {
        const struct cmd_option *known = &o->known[k];
        if (known->letter != letter)
            continue;
        if (known->has_value) {
            *value = *o->letters ? o->letters : o->index < o->argc ? o->argv[o->index++] : NULL;
            o->letters = NULL;
            if (!*value)
                return bad(o, "option '%s' needs a value", argument);
        }
        return known->id;
    }
    return bad(o, "unknown option '%s'", argument);
}

int cmd_options_next(struct cmd_options *o, const char **value)
{
    *value = NULL;
    if (o->letters && *o->letters)
        return short_option(o, value);
    o->letters = NULL;
    if (o->index >= o->argc || o->argv[o->index][0] != '-' || !o->argv[o->index][1])
        return CMD_OPTIONS_END;
    const char *argument = o->argv[o->index++];
    if (argument[1] == '-')
        return argument[2] ? long_option(o, argument, value) : CMD_OPTIONS_END;
    o->letters = argument + 1;
    return short_option(o, value);
}
