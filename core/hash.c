/* SPDX-License-Identifier: MIT */
/* Hash of a byte string: multiply and fold, eight bytes at a time. */

#include "core/hash.h"
#include "core/mem.h"

#define MULTIPLIER 0x9fb21c651e98df25ull

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t core_hash_bytes(const void *data, size_t size, uint64_t seed)
{
    const unsigned char *p = data;
    uint64_t hash = seed ^ (size * MULTIPLIER), word;
    for (; size >= 8; size -= 8, p += 8) {
        memcpy(&word, p, 8);
        hash = fold(hash ^ word, MULTIPLIER);
    }
    if (size) {
        word = 0;
        memcpy(&word, p, size);
        hash = fold(hash ^ word, MULTIPLIER);
    }
    return core_hash_u64(hash);
}
