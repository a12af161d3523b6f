/* SPDX-License-Identifier: MIT */
#ifndef VFS_CHECKSUM_H
#define VFS_CHECKSUM_H

/*
 * XXH3 for freestanding code: general registers only.
 *
 * Source   xxHash, docs/store-format.md.
 * Threads  any.
 */

#include <stdint.h>

#include "vfs/image_format.h"

uint64_t image_hash64(const void *data, uint64_t size);
struct vfs_image_key image_hash128(const void *data, uint64_t size);

#endif
