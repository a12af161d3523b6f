/* SPDX-License-Identifier: MIT */
/* Choosing the command. */

#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

#include "cmd/version.h"
#include "runner/run.h"

static const char help[] =
    "tarbox runs Linux programs from a root file system in a tar archive.\n"
    "No virtual machine, no WSL, no administrator.\n"
    "\n"
    "Usage: tarbox COMMAND\n"
    "\n"
    "Commands:\n"
    "  run      Run a program from an image, an archive, a folder or a single ELF file\n"
    "  ps       List the containers that are kept\n"
    "  rm       Remove containers\n"
    "  diff     Show what was changed in a container\n"
    "  commit   Make an image of a container\n"
    "  load     Load container images that docker, podman or skopeo saved\n"
    "  import   Make an image of an archive or a folder\n"
    "  images   List the images of the store\n"
    "  inspect  Show what is known of an image\n"
    "  history  Show how an image was made\n"
    "  tag      Give an image a name\n"
    "  rmi      Remove images\n"
    "  cp       Copy files out of an image or container, or into one\n"
    "  save     Write an image for docker, podman or skopeo\n"
    "  export   Write the root file system of an image or container as a tar archive\n"
    "  prune    Free what no image needs\n"
    "  du       Show what images take and share\n"
    "  verify   Look for damage in the store\n"
    "  doctor   Check that this computer has what Tarbox needs\n"
    "\n"
    "Options:\n"
    "  --help      Show this text; 'tarbox COMMAND --help' tells more of a command\n"
    "  --version   Show the version\n"
    "\n"
    "Example:\n"
    "  tarbox run rootfs.tar.gz /bin/busybox ls -l /\n";

int cmd_main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {
        {"run", cmd_run},       {"import", cmd_import},   {"load", cmd_load},
        {"images", cmd_images}, {"inspect", cmd_inspect}, {"history", cmd_history},
        {"tag", cmd_tag},       {"rmi", cmd_rmi},         {"prune", cmd_prune},
        {"verify", cmd_verify}, {"du", cmd_du},           {"export", cmd_export},
        {"cp", cmd_cp},         {"save", cmd_save},       {"doctor", cmd_doctor},
        {"ps", cmd_ps},         {"rm", cmd_rm},           {"diff", cmd_diff},
        {"commit", cmd_commit},
    };
    if (argc < 2) {
        fputs(help, stderr);
        return RUNNER_EXIT_FAILED;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        fputs(help, stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")) {
        puts("tarbox " CMD_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "tarbox: '%s' is not a command; see 'tarbox --help'.\n", argv[1]);
    return RUNNER_EXIT_FAILED;
}
