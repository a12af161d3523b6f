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

#define CORE_HASH_MULTIPLIER 0x9fb21c651e98df25ull

/* Multiply and fold: each bit of the result depends on all of the word. */
static inline uint64_t core_hash_fold(uint64_t x)
{
    unsigned __int128 product = (unsigned __int128)x * CORE_HASH_MULTIPLIER;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

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
