/* SPDX-License-Identifier: MIT */
#ifndef LX_PERSONALITY_H
#define LX_PERSONALITY_H

/*
 * personality(2).
 *
 * Source  linux/personality.h.
 */

#define LX_PER_LINUX32 0x0008u
#define LX_PER_MASK 0x00ffu
#define LX_PER_QUERY 0xffffffffu
#define LX_ADDR_NO_RANDOMIZE 0x0040000u
#define LX_MMAP_PAGE_ZERO 0x0100000u
#define LX_ADDR_COMPAT_LAYOUT 0x0200000u
#define LX_READ_IMPLIES_EXEC 0x0400000u

/* What a program that is given privileges does not take over. */
#define LX_PER_CLEAR_ON_SETID \
    (LX_READ_IMPLIES_EXEC | LX_ADDR_NO_RANDOMIZE | LX_ADDR_COMPAT_LAYOUT | LX_MMAP_PAGE_ZERO)

#endif
