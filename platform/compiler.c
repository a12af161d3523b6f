/* SPDX-License-Identifier: MIT */
/*
 * The four functions that a compiler calls on its own, for freestanding code:
 * cmake/freestanding.h binds its memcpy to the one here.  Word loops for short
 * blocks; the processor's string instructions, 30 ns to start and 32 bytes a
 * cycle from then on, for long ones.  Sanitizer builds use the C library's.
 */

#include <stddef.h>
#include <stdint.h>

#if !defined(TARBOX_SANITIZED)

#define LONG_BLOCK 128

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    unsigned char *d = to;
    const unsigned char *s = from;
    if (size >= LONG_BLOCK) {
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(size) : : "memory");
        return to;
    }
    for (; size >= 8; size -= 8, d += 8, s += 8)
        *(word *)d = *(const word *)s;
    while (size--)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    unsigned char *d = to;
    const unsigned char *s = from;
    if ((uintptr_t)d - (uintptr_t)s >= size) {
        if (size >= LONG_BLOCK) {
            __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(size) : : "memory");
            return to;
        }
        for (; size >= 8; size -= 8, d += 8, s += 8)
            *(word *)d = *(const word *)s;
        while (size--)
            *d++ = *s++;
        return to;
    }
    for (; size >= 8; size -= 8)
        *(word *)(d + size - 8) = *(const word *)(s + size - 8);
    while (size--)
        d[size] = s[size];
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    unsigned char *d = to;
    if (size >= LONG_BLOCK) {
        __asm__ volatile("rep stosb" : "+D"(d), "+c"(size) : "a"(byte) : "memory");
        return to;
    }
    uint64_t fill = 0x0101010101010101ull * (unsigned char)byte;
    for (; size >= 8; size -= 8, d += 8)
        *(word *)d = fill;
    while (size--)
        *d++ = (unsigned char)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a, *y = b;
    for (; size >= 8 && *(const word *)x == *(const word *)y; size -= 8)
        x += 8, y += 8;
    for (; size; size--, x++, y++) {
        if (*x != *y)
            return *x - *y;
    }
    return 0;
}

#else

typedef int compiler_unused; /* an empty translation unit is no C */

#endif
