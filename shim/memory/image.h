/* SPDX-License-Identifier: MIT */
#ifndef SHIM_MEMORY_IMAGE_H
#define SHIM_MEMORY_IMAGE_H

/*
 * Memory images: libraries and programs as they are in memory, patched and with their trampolines, that
 * lie in a file beside the store's image (shim/patches.h).  Mapped as private copies, pages are read when
 * they are touched, and those that are not written to are in memory once for all processes.
 *
 * They have a window to themselves: private memory is reserved in chunks, which views of files
 * cannot lie in.  A view is mapped and unmapped as a whole; areas lie over it by pages.  Pages
 * of the window have memory as long as the view is there: what is "committed" there is zeroed, what
 * is "decommitted" becomes inaccessible.
 *
 * Threads  the lock of the address space is held.
 */

#include <stdint.h>

#include "core/layout.h"
#include "lx/compiler.h"

struct area;
struct shim_mm;
struct shim_rewrite_table;
struct vfs_file;
struct vfs_image_key;

struct image_view {
    struct image_view *next;
    uint64_t begin, end;
    uint64_t offset; /* in the file */
    uint32_t mapped; /* 1: at the host, too; 0: of a child that has not begun */
};

#define IMAGE_WINDOW_BASE (CORE_MMAP_END - (CORE_MMAP_END - CORE_MMAP_BASE) / 16)

/* Does an address, or something of a range, lie in the window? */
static inline int image_has(uint64_t addr)
{
    return addr >= IMAGE_WINDOW_BASE && addr < CORE_MMAP_END;
}

static inline int image_overlaps(uint64_t begin, uint64_t end)
{
    return end > IMAGE_WINDOW_BASE && begin < CORE_MMAP_END;
}

/*
 * Map the memory image of what has this kept table, with its trampolines, which become an area, and
 * note that it is patched.
 *   key, addr  under which the table is kept.
 *   file       of a library, or NULL.
 *   returns    where it is, read-only so far; 0: there is none.
 */
uint64_t image_place(struct shim_mm *mm, const struct vfs_image_key *key, uint64_t addr,
                     const struct shim_rewrite_table *table, struct vfs_file *file);

/* Is the range all in one view? */
int image_covers(const struct shim_mm *mm, uint64_t begin, uint64_t end);

/* Is it all as the image has it? */
int image_is_pristine(const struct shim_mm *mm, uint64_t begin, uint64_t end);

/* Unmap the views in and around [begin, end) that no area is over any more. */
void image_release(struct shim_mm *mm, uint64_t begin, uint64_t end);

/* A forked address space has the views too: records first, and in its own process the rest. */
MUST_USE int image_clone(const struct shim_mm *mm, struct shim_mm *child);
MUST_USE int image_attach(struct shim_mm *mm);

/* Free the records, and (unmap) what the host has of them in this process. */
void image_forget_all(struct shim_mm *mm, int unmap);

#endif
