/* SPDX-License-Identifier: MIT */
/* String functions for freestanding code. */

#include "core/mem.h"

size_t core_str_length(const char *s)
{
    const char *end = s;
    while (*end)
        end++;
    return (size_t)(end - s);
}

int core_str_equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

size_t core_str_copy(char *to, size_t size, const char *from)
{
    size_t length = core_str_length(from);
    if (size) {
        size_t part = length < size ? length : size - 1;
        memcpy(to, from, part);
        to[part] = 0;
    }
    return length;
}

static size_t put_number(char *to, uint64_t value, uint32_t base)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    for (size_t i = 0; i < count; i++)
        to[i] = digits[count - 1 - i];
    to[count] = 0;
    return count;
}

size_t core_str_u64(char *to, uint64_t value)
{
    return put_number(to, value, 10);
}

size_t core_str_hex(char *to, uint64_t value)
{
    return put_number(to, value, 16);
}
