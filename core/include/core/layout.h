/* SPDX-License-Identifier: MIT */
#ifndef CORE_LAYOUT_H
#define CORE_LAYOUT_H

/*
 * Where everything lies in the address space of a guest host.  The arena has
 * the same address in the launcher.  The windows are free on Windows and on
 * Linux in plain and AddressSanitizer builds; ThreadSanitizer leaves only one
 * terabyte free, so sanitizer builds move everything there.
 *
 * A program that is not position-independent lies at its own address in the low
 * range, which the launcher reserves before the guest host's first instruction.
 */

#define CORE_LOW_BASE 0x400000ull
#define CORE_LOW_END 0x67e00000ull

#if defined(TARBOX_SANITIZED)
#define CORE_ARENA_BASE 0x550000000000ull
#define CORE_IMAGE_BASE 0x550400000000ull
#define CORE_PIE_BASE 0x551000000000ull
#define CORE_PIE_END 0x551100000000ull
#define CORE_MMAP_BASE 0x552000000000ull
#define CORE_MMAP_END 0x554000000000ull
#define CORE_STACK_BASE 0x554000000000ull
#define CORE_STACK_END 0x554100000000ull
#else
#define CORE_ARENA_BASE 0x110000000000ull
#define CORE_IMAGE_BASE 0x120000000000ull /* the image's index and pack, read-only */
#define CORE_PIE_BASE 0x200000000000ull   /* position-independent programs and their brk */
#define CORE_PIE_END 0x210000000000ull
#define CORE_MMAP_BASE 0x300000000000ull /* mmap, growing upwards */
#define CORE_MMAP_END 0x340000000000ull
#define CORE_STACK_BASE 0x400000000000ull /* the first thread's stack */
#define CORE_STACK_END 0x401000000000ull
#endif

#define CORE_ARENA_SIZE 0x100000000ull /* address space; memory grows as needed */

#define CORE_PAGE_SIZE 4096u

#endif
