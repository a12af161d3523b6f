/* SPDX-License-Identifier: MIT */
#ifndef SHIM_MEMORY_REFIT_H
#define SHIM_MEMORY_REFIT_H

/*
 * Let mappings show what their files have.  Private to shim/memory; the lock of the address space
 * is held.
 */

struct shim_mm;

/* In the guest host that has its memory. */
void refit(struct shim_mm *mm);

#endif
