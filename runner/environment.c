/* SPDX-License-Identifier: MIT */
/* The program's environment. */

#include "environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

static char *copy(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 1;
    char *s = malloc(size);
    if (s)
        snprintf(s, size, "%s%s", name, value);
    return s;
}

static size_t name_length(const char *variable)
{
    return strcspn(variable, "=");
}

/* Put `variable` (owned) in place of an earlier one of its name, or at the end. */
static int put(char **env, size_t *count, char *variable)
{
    if (!variable)
        return -LX_ENOMEM;
    size_t length = name_length(variable);
    for (size_t i = 0; i < *count; i++) {
        if (name_length(env[i]) == length && memcmp(env[i], variable, length) == 0) {
            free(env[i]);
            env[i] = variable;
            return 0;
        }
    }
    env[(*count)++] = variable;
    return 0;
}

int environment_make(const char *const *given, const char *home, const char *hostname, char ***out)
{
    size_t capacity = 4, count = 0;
    for (size_t i = 0; given[i]; i++)
        capacity++;
    char **env = calloc(capacity, sizeof *env);
    *out = NULL;
    if (!env)
        return -LX_ENOMEM;
    int err = put(env, &count, copy("PATH=", ENVIRONMENT_DEFAULT_PATH));
    if (err == 0)
        err = put(env, &count, copy("HOSTNAME=", hostname));
    if (err == 0)
        err = put(env, &count, copy("HOME=", home));
    for (size_t i = 0; err == 0 && given[i]; i++)
        err = put(env, &count, copy("", given[i]));
    if (err < 0) {
        environment_free(env);
        return err;
    }
    *out = env;
    return 0;
}

void environment_free(char **env)
{
    if (!env)
        return;
    for (char **e = env; *e; e++)
        free(*e);
    free(env);
}

const char *environment_get(char *const *env, const char *name)
{
    size_t length = strlen(name);
    for (; *env; env++) {
        if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
            return *env + length + 1;
    }
    return NULL;
}
