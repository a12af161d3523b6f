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
struct shim_rewrite_input;
struct shim_rewrite_table;
struct vfs_file;
struct vfs_image_key;

/* One piece of patched code; in the arena. */
struct patched_table;
struct patched_image {
    struct patched_image *next;
    uint64_t begin, end; /* of the code and its trampolines */
    const struct shim_rewrite_table *table;
    struct patched_table *own; /* that holds it; NULL: it is kept, and stays */
    struct vfs_file *file;     /* a library's, see library.h: a reference; else NULL */
};

/* Patch the anonymous or mapped code in [begin, end), which is writable now. */
MUST_USE int patch_code(struct shim_mm *mm, uint64_t begin, uint64_t end);

/* Code that may not be changed, because others see it too: -LX_EACCES if it would have to be. */
MUST_USE int patch_check(uint64_t begin, uint64_t end);

/*
 * The table for code that was loaded: kept from an earlier run, or made now.
 *   key    of the content, under which it is kept; NULL: it is not.
 *   in     the code, its trampolines behind it; `addr` is where it is to run, or was linked to.
 *   made   the table if it is not kept, to be freed by shim_rewrite_free(); else NULL.
 */
MUST_USE int patch_table(const struct vfs_image_key *key, const struct shim_rewrite_input *in,
                         const struct shim_rewrite_table **table, struct shim_rewrite_table **made);

/* The same if it is kept, for code of `span` bytes; else NULL. */
const struct shim_rewrite_table *patch_kept(const struct vfs_image_key *key, uint64_t addr,
                                            uint64_t span);

/*
 * Note that code at `begin` is patched by a table, or about to be: -LX_ENOMEM.
 *   is_kept  0: it is copied.
 *   file     of a library, or NULL.
 */
MUST_USE int patch_remember(struct shim_mm *mm, uint64_t begin,
                            const struct shim_rewrite_table *table, int is_kept,
                            struct vfs_file *file);

/* Trampolines' memory, writable until host_protect() makes it what it is to be; -LX_ENOMEM. */
MUST_USE int patch_map_trampolines(struct shim_mm *mm, uint64_t at, uint64_t span);

/*
 * Code in [begin, end) is unmapped: forget what was patched in it, and remove its
 * trampolines.  Called with the lock held.
 */
void patch_forget(struct shim_mm *mm, uint64_t begin, uint64_t end);

/* Let a forked address space know what is patched in it: -LX_ENOMEM.  And let one forget it all. */
MUST_USE int patch_clone(const struct shim_mm *mm, struct shim_mm *child);
void patch_forget_all(struct shim_mm *mm);

#endif
