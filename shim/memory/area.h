/* SPDX-License-Identifier: MIT */
#ifndef SHIM_MEMORY_AREA_H
#define SHIM_MEMORY_AREA_H

/*
 * The address space's parts: memory areas in a sorted array, and the host
 * memory under them.  Private to shim/memory; all is called with the lock of the
 * address space held.
 */

#include <stdint.h>

#include "core/layout.h"
#include "core/lock.h"
#include "lx/compiler.h"
#include "lx/types.h"

struct core_shared;
struct image_view;
struct keep_dirty;
struct vfs_file;

/* An area, [begin, end): pages with the same protection and source. */
struct area {
    uint64_t begin, end;
    struct vfs_file *file;      /* a reference, or NULL */
    struct core_shared *shared; /* likewise: what it shows, by views (view.h); NULL: private */
    uint64_t offset;            /* of begin in the file, or object */
    uint64_t text;              /* names the contents, which do not change: see keep.h; or 0 */
    uint32_t prot;              /* PLAT_READ .. */
    uint32_t flags;             /* AREA_* */
};

#define AREA_BACKED 1u      /* the host has memory for it; else it reads as zero once it has */
#define AREA_SHARED 2u      /* MAP_SHARED */
#define AREA_PATCHED 4u     /* its code was scanned and patched */
#define AREA_BEYOND 8u      /* behind the end of its file or object: an access is SIGBUS */
#define AREA_NOWRITE 16u    /* shared, of a file that is not open for writing, or sealed */
#define AREA_DONTFORK 32u   /* MADV_DONTFORK: a child does not get it */
#define AREA_WIPEONFORK 64u /* MADV_WIPEONFORK: a child gets it zeroed */
#define AREA_PRISTINE 128u  /* over a memory image, and never was writable: see image.h */

#define CHUNK_SIZE (64ull << 20) /* host memory is reserved in such pieces */
#define CHUNK_COUNT(window) ((CORE_##window##_END - CORE_##window##_BASE) / CHUNK_SIZE)

#define AREA_MAX 65530u /* vm.max_map_count */

struct patched_image;
struct view;

struct shim_mm {
    _Atomic uint32_t users;  /* processes */
    uint32_t is_here;        /* 1: a guest host has memory for it; set by that one */
    struct core_lock lock;   /* guards all below but the next two */
    _Atomic uint64_t asked;  /* how often its guest host was to call refit(), see refit.c, */
    _Atomic uint64_t fitted; /* and how much of that it has done */
    struct area *areas;      /* sorted, in the arena */
    uint32_t count, capacity;
    uint64_t next;                /* where the search for a free range begins */
    uint64_t brk_base, brk_end;   /* brk_end: as brk(2) reports it, not rounded */
    uint64_t mapped, committed;   /* bytes */
    uint64_t peak;                /* of committed, before it last became less */
    struct patched_image *images; /* see patch.c */
    struct view *views;           /* see view.h */
    struct image_view *image_views;
    uint64_t next_view;    /* where the search for a place for one begins; 0: anywhere */
    uint64_t next_reserve; /* likewise of RESERVE_WINDOW_BASE */
    uint64_t refit_count;  /* changes when what areas show does: see shim_mm_fault() */
    uint64_t program;      /* see shim_mm_program() */
    uint32_t needs_fs;     /* see shim_mm_needs_fs() */
};

/* Index of the first area that ends after `addr`; mm->count if none does. */
uint32_t area_find(const struct shim_mm *mm, uint64_t addr);

/* The area that holds `addr`, or NULL. */
struct area *area_at(struct shim_mm *mm, uint64_t addr);

/* The last area of the mapping that `index` is in: what Linux has as one may end in AREA_BEYOND. */
uint32_t area_last_of_mapping(const struct shim_mm *mm, uint32_t index);

/* Take, or put, what an area has references to: for a copy of it. */
void area_get(const struct area *a);
void area_put(const struct area *a);

/* Insert a copy of `a` (which overlaps nothing), merging with its neighbours.  Takes its references. */
MUST_USE int area_insert(struct shim_mm *mm, const struct area *a);

/* Make `addr` a boundary between areas. */
MUST_USE int area_split(struct shim_mm *mm, uint64_t addr);

/* Remove all areas in [begin, end), which are boundaries, and their host memory. */
void area_remove(struct shim_mm *mm, uint64_t begin, uint64_t end);

/* Merge equal neighbours in and around [begin, end). */
void area_merge(struct shim_mm *mm, uint64_t begin, uint64_t end);

/* 1 if nothing is mapped in [begin, end). */
int area_is_free(const struct shim_mm *mm, uint64_t begin, uint64_t end);

/* A free range of `size` bytes in [low, high), searched from `from` on; 0 if there is none. */
uint64_t area_find_free(const struct shim_mm *mm, uint64_t low, uint64_t high, uint64_t from,
                        uint64_t size);

/* Give [begin, end) zeroed host memory with protection `prot`, where it has none. */
MUST_USE int host_commit(uint64_t begin, uint64_t end, uint32_t prot);
MUST_USE int host_protect(uint64_t begin, uint64_t end, uint32_t prot);
void host_decommit(uint64_t begin, uint64_t end);

/* As host_commit(); what somebody left there may be left there, see keep_use(). */
MUST_USE int host_commit_dirty(uint64_t begin, uint64_t end, uint32_t prot, uint64_t text,
                               struct keep_dirty *dirty);

/* Make committed memory zero. */
MUST_USE int host_clean(uint64_t begin, uint64_t end, uint32_t prot);

/* Take an area's host memory away, and change its protection, whatever is behind it. */
void host_drop(struct shim_mm *mm, const struct area *a);
MUST_USE int host_protect_area(struct shim_mm *mm, const struct area *a, uint32_t prot);

#endif
