/* SPDX-License-Identifier: MIT */
/* tarbox run: its options, as docker's. */

#include "runner/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "envfile.h"
#include "strlist.h"

static const char help[] =
    "Usage: tarbox run [OPTION]... IMAGE [--] [COMMAND [ARGUMENT]...]\n"
    "\n"
    "Run a Linux program from IMAGE:\n"
    "  rootfs.tar, .tar.gz, .tar.zst, .tar.xz, .tar.bz2   an archive of a root file system\n"
    "  FOLDER                                             a folder that holds one\n"
    "  FILE                                               a single Linux program (ELF)\n"
    "\n"
    "The program sees the image as its root directory.  What it writes is gone when it\n"
    "ends.  A COMMAND without a slash is looked up in the PATH of the guest.\n"
    "\n"
    "Options:\n"
    "  -e, --env K=V          Set an environment variable; with K alone, take it from here\n"
    "      --env-file FILE    Read environment variables from a file, one K=V on a line\n"
    "  -w, --workdir DIR      Directory the program starts in (default /)\n"
    "      --entrypoint PROG  Program to run; COMMAND and the rest are its arguments\n"
    "  -i, --interactive      Keep standard input open (always so)\n"
    "      --rm               Remove the container afterwards (always so)\n"
    "      --strace           Show every system call on standard error\n"
    "      --stats            Show what the run cost on standard error\n"
    "      --help             Show this text\n"
    "\n"
    "Exit code: the program's own; 128+N if signal N ended it; 125 if Tarbox failed,\n"
    "126 if the program cannot be executed, 127 if it was not found.\n"
    "\n"
    "Examples:\n"
    "  tarbox run rootfs.tar.gz /bin/busybox ls -l /\n"
    "  tarbox run -e LANG=C.UTF-8 -w /srv rootfs.tar.zst -- bash -c 'echo $PWD'\n"
    "  tarbox run C:\\tmp\\hello one two\n";

struct arguments {
    struct runner_options options;
    struct cmd_strings env;
};

static int usage(const char *format, const char *what)
{
    fprintf(stderr, "tarbox run: ");
    fprintf(stderr, format, what);
    fprintf(stderr, "; see 'tarbox run --help'.\n");
    return RUNNER_EXIT_FAILED;
}

/* -e K=V, or -e K: the value here, if there is one. */
static int add_env(struct cmd_strings *env, const char *text)
{
    if (!*text || *text == '=')
        return usage("'%s' is not a variable: give K=V or K", text);
    return cmd_env_add(env, text) < 0 ? usage("no memory for '%s'", text) : 0;
}

static int add_env_file(struct cmd_strings *env, const char *path)
{
    struct core_diag diag;
    if (cmd_envfile_read(path, env, &diag) == 0)
        return 0;
    fprintf(stderr, "tarbox run: %s\n", diag.text);
    return RUNNER_EXIT_FAILED;
}

enum option { ENV, ENV_FILE, WORKDIR, ENTRYPOINT, IGNORED, STRACE, STATS, HELP };

static const struct {
    const char *name;
    char letter;
    int has_value;
    enum option option;
} known[] = {
    {"env", 'e', 1, ENV},
    {"env-file", 0, 1, ENV_FILE},
    {"workdir", 'w', 1, WORKDIR},
    {"entrypoint", 0, 1, ENTRYPOINT},
    {"interactive", 'i', 0, IGNORED},
    {"rm", 0, 0, IGNORED},
    {"strace", 0, 0, STRACE},
    {"stats", 0, 0, STATS},
    {"help", 'h', 0, HELP},
};
#define KNOWN_COUNT (sizeof known / sizeof known[0])

/* Act on one option; returns 0, or an exit code plus 1 to end with. */
static int apply(struct arguments *a, enum option option, const char *value)
{
    int code = 0;
    switch (option) {
    case ENV:
        code = add_env(&a->env, value);
        break;
    case ENV_FILE:
        code = add_env_file(&a->env, value);
        break;
    case WORKDIR:
        if (*value != '/')
            code = usage("the working directory '%s' must be an absolute path", value);
        a->options.workdir = value;
        break;
    case ENTRYPOINT:
        a->options.entrypoint = value;
        break;
    case IGNORED:
        break;
    case STRACE:
        a->options.strace = 1;
        break;
    case STATS:
        a->options.stats = 1;
        break;
    case HELP:
        fputs(help, stdout);
        return 1;
    }
    return code ? code + 1 : 0;
}

/* --name, --name=value, --name value; `i` moves over a value. */
static int long_option(struct arguments *a, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    for (size_t k = 0; k < KNOWN_COUNT; k++) {
        if (strlen(known[k].name) != length || strncmp(known[k].name, name, length) != 0)
            continue;
        const char *value = equals ? equals + 1 : NULL;
        if (!known[k].has_value && value)
            return usage("option '%s' takes no value", argv[*i]) + 1;
        if (known[k].has_value && !value) {
            if (*i + 1 >= argc)
                return usage("option '%s' needs a value", argv[*i]) + 1;
            value = argv[++*i];
        }
        return apply(a, known[k].option, value);
    }
    return usage("unknown option '%s'", argv[*i]) + 1;
}

/* -i, -eK=V, -e K=V, -ieK=V */
static int short_options(struct arguments *a, int argc, char **argv, int *i)
{
    const char *whole = argv[*i];
    for (const char *c = whole + 1; *c; c++) {
        size_t k = 0;
        while (k < KNOWN_COUNT && known[k].letter != *c)
            k++;
        if (k == KNOWN_COUNT)
            return usage("unknown option '%s'", whole) + 1;
        const char *value = NULL;
        if (known[k].has_value) {
            value = c[1] ? c + 1 : *i + 1 < argc ? argv[++*i] : NULL;
            if (!value)
                return usage("option '%s' needs a value", whole) + 1;
        }
        int end = apply(a, known[k].option, value);
        if (end || value)
            return end;
    }
    return 0;
}

int cmd_run(int argc, char **argv)
{
    struct arguments a = {0};
    int i = 1, end = 0;
    for (; !end && i < argc && argv[i][0] == '-' && argv[i][1]; i++)
        end =
            argv[i][1] == '-' ? long_option(&a, argc, argv, &i) : short_options(&a, argc, argv, &i);
    if (end) {
        cmd_strings_free(&a.env);
        return end - 1;
    }
    int code;
    if (i == argc) {
        code = usage("%s", "give an image: an archive, a folder or a program");
        goto out;
    }
    a.options.image = argv[i++];
    if (i < argc && !strcmp(argv[i], "--"))
        i++;
    static const char *const none[] = {NULL};
    a.options.command = (const char *const *)(argv + i);
    a.options.env = a.env.count ? (const char *const *)a.env.items : none;

    struct core_diag diag = {.text = ""};
    code = runner_run(&a.options, &diag);
    if (diag.text[0])
        fprintf(stderr, "tarbox: %s\n", diag.text);
out:
    cmd_strings_free(&a.env);
    return code;
}
