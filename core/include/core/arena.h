/* SPDX-License-Identifier: MIT */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

/*
 * The arena: one region, shared by all processes of a container and at the
 * same address in each, that holds every kernel object.  It holds metadata
 * only (bulk data is in segments), no function pointer and no host handle.
 * It grows by commit and never shrinks: freed blocks are used again.
 *
 * Threads  any, of any process.
 * Errors   0 or a block; -LX_E*, or NULL when the arena is full.
 */

#include <stdint.h>

#include "lx/compiler.h"

/* Objects that everyone finds by name. */
enum core_arena_root {
    CORE_ROOT_SEGMENTS, /* core/segment.c */
    CORE_ROOT_SHARED,   /* core/shared.c */
    CORE_ROOT_VFS,      /* vfs: the mounts and caches */
    CORE_ROOT_SHIM,     /* shim: processes, futexes */
    CORE_ROOT_RUNNER,   /* runner: what the launcher tells the guest host */
    CORE_ROOT_COUNT,
};

/* Create the arena (the launcher), or attach the launcher's (a guest host). */
MUST_USE int core_arena_create(void);
MUST_USE int core_arena_attach(void);

/* The number of this process among those of the container: few share their lists of free blocks. */
void core_arena_choose(uint32_t number);

/*
 * Allocate `size` zeroed bytes, aligned to 16 (to 64 from 64 bytes on, to 4096
 * from a page on).
 *   returns  NULL: the arena is full.
 */
MUST_USE void *core_arena_alloc(uint64_t size);

/* The same, but with whatever is in it: for buffers that are written before they are read. */
MUST_USE void *core_arena_alloc_dirty(uint64_t size);

/* Free a block; `size` is what was asked for.  NULL is ignored. */
void core_arena_free(void *block, uint64_t size);

void core_arena_set_root(enum core_arena_root root, void *object);
void *core_arena_root(enum core_arena_root root);

/* Bytes in use by blocks, and bytes committed. */
uint64_t core_arena_used(void);
uint64_t core_arena_committed(void);

/* A number that was not given out before; never 0. */
uint64_t core_arena_unique(void);

/* What decides whether waiting threads may keep a processor busy: see core/wait.c. */
struct core_arena_load {
    uint32_t processors; /* constant: plat_cpu_count() */
    _Atomic uint32_t running;
    _Atomic uint32_t wake_ticks; /* time-stamp counter: what a wake has taken lately */
};
struct core_arena_load *core_arena_load(void);

#endif
