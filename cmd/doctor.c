/* SPDX-License-Identifier: MIT */
/* tarbox doctor: what this computer offers, check by check. */

#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "runner/run.h"

int cmd_doctor(int argc, char **argv)
{
    if (argc > 1) {
        int asked = !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h");
        fputs("Usage: tarbox doctor\n\n"
              "Check that this computer has what Tarbox needs, one line per check:\n"
              "  ok     as it should be\n"
              "  limit  works, with a limit to know of\n"
              "  FAIL   programs cannot run\n",
              asked ? stdout : stderr);
        return asked ? 0 : RUNNER_EXIT_FAILED;
    }
    int failed = 0;
    for (uint32_t n = 0;; n++) {
        char text[512];
        int result = plat_doctor_check(n, text, sizeof text);
        if (result == -LX_ENOENT)
            break;
        failed |= result < 0;
        printf("%-5s  %s\n", result > 0 ? "ok" : result == 0 ? "limit" : "FAIL", text);
    }
    return failed ? RUNNER_EXIT_FAILED : 0;
}
