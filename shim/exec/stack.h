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

struct stack_input {
    const struct elf_plan *plan; /* of the program */
    lx_uptr loader_base;         /* where its loader lies; 0: it has none */
    const char *execfn;          /* the path the program was started by */
    const char *const *argv, *const *envp;
    lx_uptr vdso; /* address of the vDSO's ELF header */
};

/* *sp is the stack pointer that the program starts with. */
MUST_USE int stack_build(struct shim_task *t, const struct stack_input *in, lx_uptr *sp);

#endif
