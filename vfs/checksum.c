/* SPDX-License-Identifier: MIT */
/* The library's scalar code, compiled here: the one in the library uses vector registers. */

#include "checksum.h"

#define XXH_INLINE_ALL
#define XXH_VECTOR XXH_SCALAR
#include <xxhash.h>

uint64_t image_hash64(const void *data, uint64_t size)
{
    return XXH3_64bits(data, size);
}

struct vfs_image_key image_hash128(const void *data, uint64_t size)
{
    XXH128_hash_t h = XXH3_128bits(data, size);
    return (struct vfs_image_key){h.low64, h.high64};
}
