/* SPDX-License-Identifier: MIT */
#ifndef SHIM_MEMORY_LIBRARY_H
#define SHIM_MEMORY_LIBRARY_H

/*
 * Shared libraries: ELF files that a dynamic loader maps, first as a whole from their beginning,
 * then their parts over it with MAP_FIXED.  (A program at a fixed address, whose loader was started
 * itself, comes by parts only.)  What the code is, and what jumps into it, shows only in the whole
 * file.  So that is scanned when the first of these mappings is
 * made, which gets room for the trampolines behind it; each part is patched when it is mapped.
 * The patch table is kept with the image.
 *
 * Anything else that is mapped as code is scanned by itself: patch_code().
 *
 * Source  elf(5); _dl_map_segments() of glibc and map_library() of musl.
 * Threads the lock of the address space is held.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct area;
struct shim_mm;

/*
 * A place for a mapping that is the first one of a library, with its trampolines
 * behind that; 0 if it is none.  They are removed with it, by patch_forget().  Over a memory image
 * (image.h) the area becomes AREA_PRISTINE.
 *   length  in bytes, as it was asked for.
 *   fixed   with MAP_FIXED, where it is to be, and nothing is; else 0.
 */
uint64_t library_place(struct shim_mm *mm, struct area *a, uint64_t length, uint64_t fixed);

/* Would a mapping of its file at `begin` show just what the memory image there has, still untouched? */
int library_is_pristine(const struct shim_mm *mm, const struct area *a, uint64_t begin,
                        uint64_t size);

/* Patch an area that is part of a library's code, writable now; 0 if it is not. */
int library_patch(struct shim_mm *mm, const struct area *a);

#endif
