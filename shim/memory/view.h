/* SPDX-License-Identifier: MIT */
#ifndef SHIM_MEMORY_VIEW_H
#define SHIM_MEMORY_VIEW_H

/*
 * Views: shared memory as the host maps it, in granules of 64 KiB, each view as a whole.  Areas
 * lie over views by pages.  A view goes when no area is left over it that shows anything; what
 * areas have left of it is inaccessible until then.
 *
 * A view of a file of the host may be shorter at the host than it is here (plat_file_view()): then it
 * is mapped anew when the file has grown.
 *
 * Private memory is reserved in chunks, which views cannot lie in, nor the other way.
 * So shared mappings have a part of the mmap window to themselves, unless MAP_FIXED says else.
 *
 * Threads  the lock of the address space is held.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct area;
struct core_shared;
struct shim_mm;

struct view {
    struct view *next;
    uint64_t begin, end;
    struct core_shared *shared; /* borrowed: an area over the view has a reference */
    uint64_t offset;            /* of begin in the object */
    uint64_t mapped;            /* bytes, at the host; 0: of a child that has not begun */
    uint32_t writable;          /* 0: only for reading */
};

#define VIEW_WINDOW_BASE (CORE_MMAP_END - (CORE_MMAP_END - CORE_MMAP_BASE) / 4)

/*
 * Large mappings without access lie here, each in chunks of its own: programs reserve addresses
 * by them, for private memory or for shared mappings, which cannot be in one chunk.
 */
#define RESERVE_WINDOW_BASE (CORE_MMAP_BASE + (CORE_MMAP_END - CORE_MMAP_BASE) / 2)

/* A free place for `size` bytes of an object from `offset` on; 0: there is none. */
uint64_t view_choose(struct shim_mm *mm, uint64_t size, uint64_t offset);

/*
 * Map what an area shows, where it is not mapped yet, with the area's protection.
 *   returns  -LX_ENOMEM: no memory, or it does not fit the granules there; -LX_EACCES, -LX_ENODEV: as
 *            core_shared_map().
 */
MUST_USE int view_map(struct shim_mm *mm, const struct area *a);

/* Where the view ends that `addr` is in; `addr` itself: in none. */
uint64_t view_end(const struct shim_mm *mm, uint64_t addr);

/* Change the protection of pages under shared areas. */
MUST_USE int view_protect(struct shim_mm *mm, uint64_t begin, uint64_t end, uint32_t prot);

/* Unmap the views in and around [begin, end) that no area is over any more. */
void view_release(struct shim_mm *mm, uint64_t begin, uint64_t end);

/*
 * A forked address space has those that its areas need: records first, when it has its areas, and
 * in its own process the rest.
 */
MUST_USE int view_clone(const struct shim_mm *mm, struct shim_mm *child);
MUST_USE int view_attach(struct shim_mm *mm);

/* Free the records of all views, and (unmap) what the host has of them in this process. */
void view_forget_all(struct shim_mm *mm, int unmap);

#endif
