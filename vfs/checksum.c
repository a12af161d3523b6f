/* SPDX-License-Identifier: MIT */
/* The library's vector code; hosted, unlike the rest of vfs: see checksum.h. */

#include "checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t vfs_checksum64(const void *data, uint64_t size)
{
    return XXH3_64bits(data, size);
}

struct vfs_image_key vfs_checksum128(const void *data, uint64_t size)
{
    XXH128_hash_t h = XXH3_128bits(data, size);
    return (struct vfs_image_key){h.low64, h.high64};
}
