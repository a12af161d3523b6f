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
 * The same in two steps, for execve(2): what can fail with an errno comes first.
 *   file     of the program, or NULL: it is found by `path`.
 *   path, argv, envp  borrowed until the end; see shim_exec_own().
 *   out      to be freed.  Lies in the arena: any guest host may commit it.
 */
struct shim_exec;
struct vfs_file;
MUST_USE int shim_exec_prepare(struct shim_task *t, struct vfs_file *file, const char *path,
                               const char *const *argv, const char *const *envp,
                               struct shim_exec **out, struct shim_exec_error *error);
MUST_USE int shim_exec_commit(struct shim_task *t, struct shim_exec *x,
                              struct shim_exec_error *error);
void shim_exec_free(struct shim_exec *x);

/*
 * Give the task's process, which has none, an address space in this guest host, and load `x`, which
 * is freed.  A failure ends the process: execve(2) cannot go back.
 */
void shim_exec_here(struct shim_task *t, struct shim_exec *x);

/* The program, as shim_mm_program() will have it. */
uint64_t shim_exec_program(const struct shim_exec *x);

/* Free this block of the arena with `x`: it holds the strings. */
void shim_exec_own(struct shim_exec *x, void *block, uint64_t size);

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
