/* SPDX-License-Identifier: MIT */
#ifndef CORE_MEM_H
#define CORE_MEM_H

/*
 * Memory and string functions for freestanding code: general registers only.
 * The compiler calls memcpy and its kin by itself, for struct copies; the
 * C library's use vector registers, which are the guest's.  So freestanding
 * code gets its own (cmake/freestanding.h binds the names), and both its calls
 * and the compiler's end in platform/compiler.c.
 *
 * Source  C17 7.24.  Threads  any.  Errors  none.
 */

#include <stddef.h>
#include <stdint.h>

#if __STDC_HOSTED__
#include <string.h>
#endif

/* Length of a string, for code that may not call the C library's. */
size_t core_str_length(const char *s);

/* Compare two strings; 1 if they are equal. */
int core_str_equal(const char *a, const char *b);

/* Copy a string, cut to `size` - 1 bytes and always terminated; returns its whole length. */
size_t core_str_copy(char *to, size_t size, const char *from);

/* Write `value` in decimal, terminated; returns its length.  `to` holds 21 bytes. */
size_t core_str_u64(char *to, uint64_t value);

/* The same in hexadecimal, without a prefix; `to` holds 17 bytes. */
size_t core_str_hex(char *to, uint64_t value);

#endif
