/* SPDX-License-Identifier: MIT */
#ifndef CORE_SHARED_H
#define CORE_SHARED_H

/*
 * Shared objects: memory that several processes map, each where it likes, and that lives as
 * long as someone has a reference: shared anonymous mappings, and files once they are mapped
 * shared.  An object is a record in the arena; its bytes lie in parts, each made when it is first
 * used, so that an object may be as sparse as a file.  Of a file of the host it is only a record:
 * it can be mapped, but not looked at.
 *
 * Source  mmap(2) MAP_SHARED.
 * Threads any, of any process; an object locks itself (LOCK_SHARED).
 * Errors  0, else -LX_E*; out-parameters are then NULL or 0.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct core_shared;

/* The launcher calls it, once per container; it keeps the objects' memory from then on. */
MUST_USE int core_shared_init(void);

/* The process that keeps them: plat_process_id() of the launcher. */
uint32_t core_shared_keeper(void);

/*
 * A new object, all zeros.
 *   size     bytes that are likely to be used: they lie in one part.
 *   out      with one reference.
 *   returns  -LX_ENOMEM.
 */
MUST_USE int core_shared_new(uint64_t size, struct core_shared **out);

/*
 * One that shows a file of the host.  It has to be open, kept (plat_file_keep()), as long as the
 * object may be mapped.
 *   reader   its key, open for reading, or 0.
 *   writer   likewise for both reading and writing.
 */
MUST_USE int core_shared_new_file(struct core_shared **out);
void core_shared_set_file(struct core_shared *s, uint64_t reader, uint64_t writer);

struct core_shared *core_shared_get(struct core_shared *s);
void core_shared_put(struct core_shared *s); /* NULL is ignored */

/* The size it was made with, in whole granules. */
uint64_t core_shared_size(const struct core_shared *s);

/* Where the part that holds the byte at `offset` ends; a file is one part. */
uint64_t core_shared_part_end(const struct core_shared *s, uint64_t offset);

/*
 * Map [offset, offset + size) of one part at `addr`, without access so far.
 *   writable 0: it will not be given PLAT_WRITE.
 *   there    bytes that are mapped: `size`, or of a file as plat_file_view() says.
 *   returns  -LX_EEXIST, -LX_ENOMEM; of a file also -LX_EACCES, -LX_ENODEV.
 */
MUST_USE int core_shared_map(struct core_shared *s, uint64_t offset, uint64_t addr, uint64_t size,
                             int writable, uint64_t *there);
void core_shared_unmap(uint64_t addr, uint64_t size);

/* A piece of an object that this process looks at for a moment. */
struct core_shared_view;
struct core_shared_piece {
    uint8_t *bytes; /* NULL: nobody has used them, they are zeros */
    uint64_t size;
    struct core_shared_view *view; /* that it lies in, or */
    void *mapped;                  /* what was mapped for it alone */
    uint64_t mapped_size;
};

/*
 * Look at the bytes from `offset` on: as many of `size` as lie together.
 *   make     1: there are bytes, also where nobody has used any.
 *   returns  -LX_ENOMEM; -LX_ENODEV: it is a file of the host.
 */
MUST_USE int core_shared_look(struct core_shared *s, uint64_t offset, uint64_t size, int make,
                              struct core_shared_piece *out);
void core_shared_look_end(struct core_shared_piece *piece);

/* Give back what this process has mapped to look at, for it may have nothing to do for long. */
void core_shared_rest(void);

/* Zero [offset, offset + size). */
MUST_USE int core_shared_zero(struct core_shared *s, uint64_t offset, uint64_t size);

/* Objects there are. */
uint64_t core_shared_count(void);

#endif
