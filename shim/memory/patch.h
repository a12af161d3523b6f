/* SPDX-License-Identifier: MIT */
#ifndef SHIM_MEMORY_PATCH_H
#define SHIM_MEMORY_PATCH_H

/*
 * Patching guest code before it becomes executable, and the records of what was
 * patched.  Private to shim/memory.
 *
 * Threads  the lock of the address space is held.
 * Errors   -LX_ENOEXEC: code that cannot be patched; -LX_ENOMEM.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct shim_mm;

/* Patch the anonymous or mapped code in [begin, end), which is writable now. */
MUST_USE int patch_code(struct shim_mm *mm, uint64_t begin, uint64_t end);

/* Code that may not be changed, because others see it too: -LX_EACCES if it would have to be. */
MUST_USE int patch_check(uint64_t begin, uint64_t end);

/*
 * Code in [begin, end) is unmapped: forget what was patched in it, and remove its
 * trampolines.  Called with the lock held.
 */
void patch_forget(struct shim_mm *mm, uint64_t begin, uint64_t end);

/* Let a forked address space know what is patched in it: -LX_ENOMEM.  And let one forget it all. */
MUST_USE int patch_clone(const struct shim_mm *mm, struct shim_mm *child);
void patch_forget_all(struct shim_mm *mm);

#endif
