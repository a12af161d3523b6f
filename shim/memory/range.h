/* SPDX-License-Identifier: MIT */
#ifndef SHIM_MEMORY_RANGE_H
#define SHIM_MEMORY_RANGE_H

/*
 * What mmap(2), munmap(2) and mprotect(2) do to a range of whole pages, for the calls that are
 * made of it.  Private to shim/memory; all is called with the lock of the address space held.
 */

#include <stdint.h>

#include "core/layout.h"
#include "lx/compiler.h"

struct area;
struct shim_mm;
struct vfs_file;

#define PAGE_UP(x) (((x) + CORE_PAGE_SIZE - 1) & ~(uint64_t)(CORE_PAGE_SIZE - 1))
#define IS_PAGED(x) (((x) & (CORE_PAGE_SIZE - 1)) == 0)

/*
 * Map an area.
 *   addr     where, with LX_MAP_FIXED or LX_MAP_FIXED_NOREPLACE in `flags`; else a hint, or 0.
 *   length   as it was asked for: not rounded up.
 *   a        all but its place; its references move to the address space, or on failure stay.
 *   returns  the address, or an error of mmap(2).
 */
MUST_USE int64_t range_map(struct shim_mm *mm, uint64_t addr, uint64_t length, uint32_t flags,
                           struct area *a);

/* How many bytes of an area its file, or object, has; whole pages. */
uint64_t range_visible(const struct area *a);

/* Unmap what lies in [begin, end). */
MUST_USE int range_remove(struct shim_mm *mm, uint64_t begin, uint64_t end);

/* Change the protection of [begin, end); -LX_ENOMEM: up to the first hole. */
MUST_USE int range_protect(struct shim_mm *mm, uint64_t begin, uint64_t end, uint32_t prot);

/*
 * Give an area its host memory, contents and protection.  Called with the area
 * not yet in the array, so nobody else uses it.
 */
MUST_USE int range_back(struct shim_mm *mm, struct area *a);

/* Take it back again. */
void range_unback(struct shim_mm *mm, struct area *a);

/* Copy a private mapping's contents from its file; what lies beyond the file stays zero. */
MUST_USE int range_fill(struct vfs_file *file, uint64_t addr, uint64_t size, uint64_t offset);

#endif
