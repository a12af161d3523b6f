/* SPDX-License-Identifier: MIT */
/* tarbox run: its options, as docker's. */

#include "runner/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capability.h"
#include "cmd/cmd.h"
#include "core/size.h"
#include "envfile.h"
#include "image/container.h"
#include "options.h"
#include "progress.h"
#include "strlist.h"
#include "ulimit.h"

static const char help[] =
    "Usage: tarbox run [OPTION]... IMAGE [--] [COMMAND [ARGUMENT]...]\n"
    "\n"
    "Run a Linux program from IMAGE:\n"
    "  NAME[:TAG], ID                                     an image of the store\n"
    "  rootfs.tar, .tar.gz, .tar.zst, .tar.xz, .tar.bz2   an archive of a root file system\n"
    "  FOLDER                                             a folder that holds one\n"
    "  FILE                                               a single Linux program (ELF)\n"
    "\n"
    "An archive is imported into the store once; the next run starts at once.  The program\n"
    "sees the image as its root directory.  What it writes is gone when it ends, but for what\n"
    "is in a folder of yours (-v), or if the container has a name.  A COMMAND without a slash\n"
    "is looked up in the PATH of the guest.\n"
    "\n"
    "Options:\n"
    "  -e, --env K=V          Set an environment variable; with K alone, take it from here\n"
    "      --env-file FILE    Read environment variables from a file, one K=V on a line\n"
    "  -w, --workdir DIR      Directory the program starts in (default /)\n"
    "      --entrypoint PROG  Program to run; COMMAND and the rest are its arguments\n"
    "  -v, --volume HOST:GUEST[:ro]  Mount a folder or file of yours; made if it is missing\n"
    "      --mount type=bind,source=HOST,target=GUEST[,readonly]  The same; it must be there\n"
    "      --tmpfs GUEST[:OPTIONS]  Mount an empty folder in memory; options as size=64m,mode=755\n"
    "      --read-only        Let nothing be changed but what is in mounts\n"
    "      --shm-size N       Most bytes in /dev/shm (default 64m)\n"
    "      --storage N        Most bytes that files may take in memory (default: half of it)\n"
    "  -u, --user USER[:GROUP]  Who to run it as, by name or number (default: the image's user)\n"
    "      --group-add GROUP  Another group of the user's, by name or number\n"
    "  -h, --hostname NAME    Name of the machine as the program sees it\n"
    "      --pids-limit N     Most processes and threads at once; -1: no limit (default 2048)\n"
    "      --ulimit NAME=SOFT[:HARD]  A resource limit, as in nofile=1024:4096\n"
    "      --cap-add NAME     Give it another capability, as SYS_ADMIN, or ALL\n"
    "      --cap-drop NAME    Take a capability that containers have, or ALL\n"
    "      --privileged       Give it all capabilities\n"
    "  -i, --interactive      Keep standard input open (always so)\n"
    "      --name NAME        Keep what is changed as container NAME, and go on from it later\n"
    "      --rm               Remove the container afterwards (as if there were no --name)\n"
    "  -q, --quiet            Show no progress of an import\n"
    "      --root DIR         Folder of the store (default: $TARBOX_ROOT or your application "
    "data)\n"
    "      --ephemeral        Use no store: import the archive for this run only\n"
    "      --max-size N       Most bytes an archive may unpack to, as in 20G (default 256G)\n"
    "      --max-files N      Most members an archive may have (default 10000000)\n"
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
    "  tarbox run -v C:\\results:/results debian:12 sh -c 'ls -l / > /results/list'\n"
    "  tarbox run C:\\tmp\\hello one two\n";

#define ULIMITS_MAX 64
#define HOSTNAME_MAX 64 /* sethostname(2) */

struct arguments {
    struct runner_options options;
    struct cmd_progress progress;
    struct cmd_strings env;
    struct cmd_strings volumes, tmpfs, mounts;
    struct cmd_strings groups;
    struct runner_ulimit ulimits[ULIMITS_MAX];
    int remove; /* --rm */
};

static int usage(const char *format, const char *what)
{
    char text[1200];
    snprintf(text, sizeof text, format, what);
    return cmd_usage("run", "%s", text);
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

static int add_text(struct cmd_strings *list, const char *text)
{
    return cmd_strings_add(list, text, strlen(text)) < 0 ? usage("no memory for '%s'", text) : 0;
}

static int read_size(const char *text, uint64_t *out)
{
    return core_size_parse(text, out) < 0 || !*out
               ? usage("'%s' is no size: give a number, with K, M, G or T behind it", text)
               : 0;
}

static int add_ulimit(struct arguments *a, const char *text)
{
    struct runner_options *o = &a->options;
    struct core_diag diag;
    if (o->ulimit_count == ULIMITS_MAX)
        return usage("too many limits at '%s'", text);
    if (cmd_ulimit_read(text, &a->ulimits[o->ulimit_count], &diag) < 0)
        return usage("%s", diag.text);
    o->ulimits = a->ulimits;
    o->ulimit_count++;
    return 0;
}

static int add_capability(uint64_t *set, const char *text)
{
    struct core_diag diag;
    uint64_t found;
    if (cmd_capability_read(text, &found, &diag) < 0)
        return usage("%s", diag.text);
    *set |= found;
    return 0;
}

enum option {
    ENV,
    ENV_FILE,
    WORKDIR,
    ENTRYPOINT,
    USER,
    NAME,
    REMOVE,
    VOLUME,
    TMPFS,
    MOUNT,
    READ_ONLY,
    SHM_SIZE,
    STORAGE,
    IGNORED,
    QUIET,
    ROOT,
    EPHEMERAL,
    MAX_SIZE,
    MAX_FILES,
    STRACE,
    STATS,
    GROUP_ADD,
    HOSTNAME,
    PIDS_LIMIT,
    ULIMIT,
    CAP_ADD,
    CAP_DROP,
    PRIVILEGED,
    HELP
};

static const struct cmd_option known[] = {
    {"env", 'e', 1, ENV},           {"env-file", 0, 1, ENV_FILE},
    {"workdir", 'w', 1, WORKDIR},   {"entrypoint", 0, 1, ENTRYPOINT},
    {"user", 'u', 1, USER},         {"volume", 'v', 1, VOLUME},
    {"tmpfs", 0, 1, TMPFS},         {"mount", 0, 1, MOUNT},
    {"read-only", 0, 0, READ_ONLY}, {"shm-size", 0, 1, SHM_SIZE},
    {"storage", 0, 1, STORAGE},     {"interactive", 'i', 0, IGNORED},
    {"name", 0, 1, NAME},           {"rm", 0, 0, REMOVE},
    {"quiet", 'q', 0, QUIET},       {"root", 0, 1, ROOT},
    {"ephemeral", 0, 0, EPHEMERAL}, {"max-size", 0, 1, MAX_SIZE},
    {"max-files", 0, 1, MAX_FILES}, {"strace", 0, 0, STRACE},
    {"stats", 0, 0, STATS},         {"group-add", 0, 1, GROUP_ADD},
    {"hostname", 'h', 1, HOSTNAME}, {"pids-limit", 0, 1, PIDS_LIMIT},
    {"ulimit", 0, 1, ULIMIT},       {"cap-add", 0, 1, CAP_ADD},
    {"cap-drop", 0, 1, CAP_DROP},   {"privileged", 0, 0, PRIVILEGED},
    {"help", 0, 0, HELP},
};

/* Act on one option: 0, or an exit code to end with. */
static int apply(struct arguments *a, enum option option, const char *value)
{
    struct runner_options *o = &a->options;
    struct core_diag diag;
    switch (option) {
    case ENV:
        return add_env(&a->env, value);
    case ENV_FILE:
        return add_env_file(&a->env, value);
    case WORKDIR:
        o->workdir = value;
        return *value == '/' ? 0
                             : usage("the working directory '%s' must be an absolute path", value);
    case ENTRYPOINT:
        o->entrypoint = value;
        return 0;
    case QUIET:
        a->progress.quiet = 1;
        return 0;
    case ROOT:
        o->root = value;
        return 0;
    case EPHEMERAL:
        o->ephemeral = 1;
        return 0;
    case MAX_SIZE:
        return cmd_limit_size("run", value, &o->import.limits);
    case MAX_FILES:
        return cmd_limit_files("run", value, &o->import.limits);
    case STRACE:
        o->strace = 1;
        return 0;
    case STATS:
        o->stats = 1;
        return 0;
    case USER:
        o->user = value;
        return 0;
    case NAME:
        o->name = value;
        return image_container_check(value, &diag) < 0 ? usage("%s", diag.text) : 0;
    case REMOVE:
        a->remove = 1;
        return 0;
    case VOLUME:
        return add_text(&a->volumes, value);
    case TMPFS:
        return add_text(&a->tmpfs, value);
    case MOUNT:
        return add_text(&a->mounts, value);
    case READ_ONLY:
        o->read_only = 1;
        return 0;
    case SHM_SIZE:
        return read_size(value, &o->shm_size);
    case STORAGE:
        return read_size(value, &o->storage_size);
    case GROUP_ADD:
        return add_text(&a->groups, value);
    case HOSTNAME:
        o->hostname = value;
        return !*value || strlen(value) > HOSTNAME_MAX
                   ? usage("the host name '%s' must have 1 to 64 characters", value)
                   : 0;
    case PIDS_LIMIT:
        return cmd_pids_limit_read(value, &o->pids_limit) < 0
                   ? usage("'%s' is no limit of processes: give a number, or -1 for none", value)
                   : 0;
    case ULIMIT:
        return add_ulimit(a, value);
    case CAP_ADD:
        return add_capability(&o->added_capabilities, value);
    case CAP_DROP:
        return add_capability(&o->dropped_capabilities, value);
    case PRIVILEGED:
        o->privileged = 1;
        return 0;
    case IGNORED:
    case HELP:
        return 0;
    }
    return 0;
}

/* Read the options and operands: 0 to go on, 1 to end with *code. */
static int parse(struct arguments *a, int argc, char **argv, int *code)
{
    static const char *const none[] = {NULL};
    struct cmd_options o = {.command = "run",
                            .known = known,
                            .count = sizeof known / sizeof known[0],
                            .argc = argc,
                            .argv = argv,
                            .index = 1};
    const char *value;
    int option;
    while ((option = cmd_options_next(&o, &value)) >= 0) {
        if (option == HELP) {
            fputs(help, stdout);
            *code = 0;
            return 1;
        }
        *code = apply(a, (enum option)option, value);
        if (*code)
            return 1;
    }
    *code = RUNNER_EXIT_FAILED;
    if (option == CMD_OPTIONS_BAD)
        return 1;
    if (o.index == argc) {
        *code = usage("%s", "give an image: its name, an archive, a folder or a program");
        return 1;
    }
    if (a->options.ephemeral && a->options.name) {
        *code = usage("%s", "a container with a name is kept in the store: leave --ephemeral out");
        return 1;
    }
    if (a->remove)
        a->options.name = NULL;
    a->options.image = argv[o.index++];
    if (o.index < argc && !strcmp(argv[o.index], "--"))
        o.index++;
    a->options.command = (const char *const *)(argv + o.index);
    a->options.env = a->env.count ? (const char *const *)a->env.items : none;
    a->options.groups = a->groups.count ? (const char *const *)a->groups.items : none;
    a->options.volumes = a->volumes.count ? (const char *const *)a->volumes.items : none;
    a->options.tmpfs = a->tmpfs.count ? (const char *const *)a->tmpfs.items : none;
    a->options.mounts = a->mounts.count ? (const char *const *)a->mounts.items : none;
    return 0;
}

int cmd_run(int argc, char **argv)
{
    struct arguments a = {.options.pids_limit = RUNNER_PIDS_LIMIT,
                          .options.shm_size = RUNNER_SHM_SIZE};
    int code;
    image_limits_default(&a.options.import.limits);
    if (!parse(&a, argc, argv, &code)) {
        struct core_diag diag = {.text = ""};
        cmd_progress_init(&a.progress, a.options.image, &a.options.import);
        code = runner_run(&a.options, &diag);
        if (diag.text[0])
            fprintf(stderr, "tarbox: %s\n", diag.text);
    }
    cmd_strings_free(&a.groups);
    cmd_strings_free(&a.volumes);
    cmd_strings_free(&a.tmpfs);
    cmd_strings_free(&a.mounts);
    cmd_strings_free(&a.env);
    return code;
}
