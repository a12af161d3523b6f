/* SPDX-License-Identifier: MIT */
#ifndef VFS_CHECKSUM_H
#define VFS_CHECKSUM_H

/*
 * XXH3 for freestanding code.  It uses vector registers, which are the guest's: so it goes
 * through the gate, as a call of the host does.
 *
 * Source   xxHash, docs/store-format.md.
 * Threads  any.
 */

#include <stdint.h>

#include "plat/thread.h"
#include "vfs/image_format.h"

/* Behind plat_gate() only. */
uint64_t vfs_checksum64(const void *data, uint64_t size);
struct vfs_image_key vfs_checksum128(const void *data, uint64_t size);

static inline uint64_t image_hash64(const void *data, uint64_t size)
{
    plat_gate();
    return vfs_checksum64(data, size);
}

static inline struct vfs_image_key image_hash128(const void *data, uint64_t size)
{
    plat_gate();
    return vfs_checksum128(data, size);
}

#endif
