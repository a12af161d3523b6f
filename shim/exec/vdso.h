/* SPDX-License-Identifier: MIT */
#ifndef SHIM_EXEC_VDSO_H
#define SHIM_EXEC_VDSO_H

/*
 * The vDSO: a small ELF object in the guest's memory, with functions that read
 * the clock without entering the shim.  Private to shim/exec.
 *
 * Source  vdso(7).
 * Errors  -LX_ENOMEM.
 */

#include "core/layout.h"
#include "lx/compiler.h"
#include "lx/types.h"

struct shim_mm;

/* One page of data, then the object; in the stack's window, below all stacks. */
#define VDSO_DATA CORE_STACK_BASE
#define VDSO_BASE (CORE_STACK_BASE + CORE_PAGE_SIZE)
#define VDSO_TEXT 1 /* no program's id: see shim_mm_map_text() */

/* Map and fill it. */
MUST_USE int vdso_map(struct shim_mm *mm, lx_uptr *base);

/* Let it have the clock, which was not known when it was filled.  A guest may have unmapped it. */
void vdso_update(struct shim_mm *mm);

#endif
