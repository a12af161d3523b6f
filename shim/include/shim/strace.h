/* SPDX-License-Identifier: MIT */
#ifndef SHIM_STRACE_H
#define SHIM_STRACE_H

/*
 * System calls as text, in the manner of strace(1), from the rows of
 * syscalls.def.
 *
 * Threads  any.  Errors  none: what cannot be read is printed as an address.
 */

#include <stddef.h>
#include <stdint.h>

struct shim_task;

/* Reads guest memory for the formatter; returns 0 or -LX_EFAULT. */
typedef int (*shim_strace_read)(void *to, uint64_t from, uint64_t size);

/*
 * Format "name(arg, ...) = result", cut to fit and terminated.
 *   g       raw arguments.
 *   returns the length.
 */
size_t shim_strace_format(char *to, size_t size, uint32_t nr, const uint64_t g[6], int64_t result,
                          shim_strace_read read);

/* Print a call that has ended on standard error, with the thread's id. */
void shim_strace_call(struct shim_task *t, uint32_t nr, const uint64_t g[6], int64_t result);

#endif
