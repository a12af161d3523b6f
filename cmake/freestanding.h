/* SPDX-License-Identifier: MIT */
#ifndef TARBOX_FREESTANDING_H
#define TARBOX_FREESTANDING_H

/*
 * Included by the build before every freestanding source: binds the functions that a
 * compiler may call on its own to the general-register versions of platform/compiler.c.  Those have
 * names of their own, so that hosted code in the same executable keeps the C library's fast ones.
 *
 * Source   GCC manual, "Language Standards" (what a freestanding environment must provide) and
 *          "Asm Labels" (gcc also renames the calls that it generates itself).
 */

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size) __asm__("tarbox_memcpy");
void *memmove(void *to, const void *from, size_t size) __asm__("tarbox_memmove");
void *memset(void *to, int byte, size_t size) __asm__("tarbox_memset");
int memcmp(const void *a, const void *b, size_t size) __asm__("tarbox_memcmp");

#endif
