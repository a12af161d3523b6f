/* SPDX-License-Identifier: MIT */
#ifndef SHIM_EXEC_H
#define SHIM_EXEC_H

/*
 * Loading a program: ELF or #! script from the container's file system into an
 * empty address space, with its first stack.
 *
 * Source  execve(2), elf(5), System V ABI x86-64 chapter 3.4, getauxval(3).
 * Threads the process has one thread.
 * Errors  those of execve(2); a core_diag-like text says which and why.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"

struct shim_task;

/* Why a program cannot be run, for the user; one sentence without a newline. */
struct shim_exec_error {
    char text[512];
};

/*
 * Load the program at guest path `path` into the task's process and set the
 * task's registers (plat->regs), thread pointer and FS mode for its first
 * instruction.
 *   argv, envp  NULL-terminated; borrowed; #! lines insert the interpreter.
 *   returns     -LX_ENOENT, -LX_EACCES, -LX_ENOEXEC, -LX_E2BIG, -LX_ENOMEM,
 *               -LX_ELIBBAD, -LX_EINVAL ..
 */
MUST_USE int shim_exec_load(struct shim_task *t, const char *path, const char *const *argv,
                            const char *const *envp, struct shim_exec_error *error);

#endif
