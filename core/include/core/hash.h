/* SPDX-License-Identifier: MIT */
#ifndef CORE_HASH_H
#define CORE_HASH_H

/*
 * Hashes for tables in memory.  Not for content addresses: those are XXH3-128.
 * Threads  any.  Errors  none.
 */

#include <stddef.h>
#include <stdint.h>

/* Hash of a byte string. */
uint64_t core_hash_bytes(const void *data, size_t size, uint64_t seed);

/* Mix a word; a bijection. */
static inline uint64_t core_hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
    return x ^ x >> 32;
}

#endif
