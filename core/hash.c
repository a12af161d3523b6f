/* SPDX-License-Identifier: MIT */
/* Hash of a byte string, eight bytes at a time. */

#include "core/hash.h"
#include "core/mem.h"

uint64_t core_hash_bytes(const void *data, size_t size, uint64_t seed)
{
    const unsigned char *p = data;
    uint64_t hash = seed ^ (size * CORE_HASH_MULTIPLIER), word;
    for (; size >= 8; size -= 8, p += 8) {
        memcpy(&word, p, 8);
        hash = core_hash_fold(hash ^ word);
    }
    if (size) {
        word = 0;
        memcpy(&word, p, size);
        hash = core_hash_fold(hash ^ word);
    }
    return core_hash_u64(hash);
}
