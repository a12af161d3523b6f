/* SPDX-License-Identifier: MIT */
/* The program: starts the platform, then is a guest host or a command. */

#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "plat/plat.h"
#include "runner/run.h"

int main(int argc, char **argv)
{
    if (plat_start(&argc, &argv) < 0) {
        fprintf(stderr, "tarbox: %s\n", plat_start_error());
        return RUNNER_EXIT_FAILED;
    }
    if (argc == 2 && strncmp(argv[1], RUNNER_GUEST_ARGUMENT, strlen(RUNNER_GUEST_ARGUMENT)) == 0)
        runner_guest_main(argv[1]);
    return cmd_main(argc, argv);
}
