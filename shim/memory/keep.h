/* SPDX-License-Identifier: MIT */
#ifndef SHIM_MEMORY_KEEP_H
#define SHIM_MEMORY_KEEP_H

/*
 * Memory that a guest host keeps between two processes.  Processes that follow each other in a
 * host are mostly forks of the same one and have the same areas: what one leaves, accessible as it
 * was, saves the next one host calls and page faults.  Small areas, and for some seconds the
 * used parts of large ones, are left dirty and overwritten; what cannot be written to is left as it is, for it is the same in the next.
 * Such an area has a name, its `text`: a program's patched code that of the program, what a loader
 * has relocated one made of its contents.
 *
 * Nothing is kept while a process runs: what it has not asked for when it begins goes.
 *
 * Threads  any, of this process.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct area;
struct shim_host;

/* Which parts of an area hold what somebody left: bit n of the mask, the n-th `piece` bytes. */
struct keep_dirty {
    uint64_t begin, piece, mask;
};

/* Zero what is dirty in [begin, end). */
void keep_zero(const struct keep_dirty *dirty, uint64_t begin, uint64_t end);

/* Keep a private area's memory, or give it back. */
void keep_area(const struct area *a);

/* Which programs' texts are kept: tell all, in this host's record. */
void keep_publish(void);

/* Does another host, which is the caller's to use, keep this area's text? */
int keep_is_at(const struct shim_host *host, const struct area *a);

/* Is the text of `text` kept here for [begin, end)? */
int keep_has_text(uint64_t begin, uint64_t end, uint64_t text);

/*
 * Use what is kept at [begin, end), as host_commit() with `prot`.
 *   text     of the program that this is part of, or 0.
 *   dirty    what does not hold zeros, or the text.
 *   returns  1, or 0: nothing is kept there any more.
 */
int keep_use(uint64_t begin, uint64_t end, uint32_t prot, uint64_t text, struct keep_dirty *dirty);

/* Give back large areas that were left dirty: nobody has needed them for a while. */
void keep_less(void);

/* Give back all that is left. */
void keep_nothing(void);

#endif
