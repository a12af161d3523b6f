/* SPDX-License-Identifier: MIT */
/* Environment variables from the command line and from files. */

#include "envfile.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "plat/plat.h"

#define FILE_MAX (1u << 20)

/* The value of a variable in our own environment, or NULL. */
static const char *host_value(const char *name, size_t length)
{
    for (char **e = plat_environment(); *e; e++) {
        if (strncmp(*e, name, length) == 0 && (*e)[length] == '=')
            return *e;
    }
    return NULL;
}

static int add(struct cmd_strings *env, const char *text, size_t size)
{
    if (memchr(text, '=', size))
        return cmd_strings_add(env, text, size);
    const char *here = host_value(text, size);
    return here ? cmd_strings_add(env, here, strlen(here)) : 0;
}

int cmd_env_add(struct cmd_strings *env, const char *text)
{
    return add(env, text, strlen(text));
}

int cmd_envfile_parse(const char *text, size_t size, const char *path, struct cmd_strings *env,
                      struct core_diag *diag)
{
    const char *end = text + size;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    for (unsigned line = 1; text < end; line++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *next = newline ? newline + 1 : end, *stop = newline ? newline : end;
        while (text < stop && (*text == ' ' || *text == '\t'))
            text++;
        if (stop > text && stop[-1] == '\r')
            stop--;
        size_t length = (size_t)(stop - text);
        if (length && *text != '#') {
            if (*text == '=' || memchr(text, 0, length))
                return core_diag_set(diag, -LX_EINVAL, "%s, line %u: not a variable; write K=V",
                                     path, line);
            if (add(env, text, length) < 0)
                return core_diag_set(diag, -LX_ENOMEM, "%s: no memory", path);
        }
        text = next;
    }
    return 0;
}

int cmd_envfile_read(const char *path, struct cmd_strings *env, struct core_diag *diag)
{
    struct plat_file *file;
    int err = plat_file_open(path, PLAT_FILE_READ, &file);
    if (err < 0)
        return core_diag_set(diag, err, "cannot read the environment file %s: %s", path,
                             core_diag_strerror(err));
    char *text = malloc(FILE_MAX);
    size_t size = 0;
    int64_t n = text ? 1 : -LX_ENOMEM;
    while (n > 0 && size < FILE_MAX) {
        n = plat_file_read(file, text + size, FILE_MAX - size);
        size += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        err = core_diag_set(diag, (int)n, "cannot read the environment file %s: %s", path,
                            core_diag_strerror((int)n));
    else if (size == FILE_MAX)
        err = core_diag_set(diag, -LX_E2BIG, "the environment file %s is larger than 1 MiB", path);
    else
        err = cmd_envfile_parse(text, size, path, env, diag);
    free(text);
    plat_file_close(file);
    return err;
}
