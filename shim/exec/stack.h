/* SPDX-License-Identifier: MIT */
#ifndef SHIM_EXEC_STACK_H
#define SHIM_EXEC_STACK_H

/*
 * A program's first stack: strings, auxiliary vector, environment, arguments.
 * Private to shim/exec.
 *
 * Source  System V ABI x86-64, 3.4.1; getauxval(3).
 * Errors  -LX_E2BIG: arguments and environment take more than a quarter of the
 *         stack; -LX_ENOMEM.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"

struct elf_plan;
struct shim_task;

/*
 *   execfn   the path the program was started by.
 *   vdso     address of the vDSO's ELF header.
 *   sp       the stack pointer the program starts with.
 */
MUST_USE int stack_build(struct shim_task *t, const struct elf_plan *plan, const char *execfn,
                         const char *const *argv, const char *const *envp, lx_uptr vdso,
                         lx_uptr *sp);

#endif
