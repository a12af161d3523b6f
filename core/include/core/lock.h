/* SPDX-License-Identifier: MIT */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

/*
 * Locks that work between processes: a word in the arena, taken by one
 * compare-and-swap.  Holders never wait for anything but a lock of higher
 * rank, so a short spin, then yielding, is all the waiting there is.
 *
 * The order of all locks is core/lock_ranks.def.  Sanitizer builds stop the
 * program at an acquisition out of order.
 *
 * Threads  any, of any process of the container.  Errors  none.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "lx/compiler.h"

enum core_lock_rank {
#define X(rank, guards) CORE_LOCK_##rank,
#include "core/lock_ranks.def"
#undef X
};

struct core_lock {
    _Atomic uint32_t word; /* 0 free, 1 held */
    uint32_t rank;
};

static inline void core_lock_init(struct core_lock *l, enum core_lock_rank rank)
{
    atomic_init(&l->word, 0);
    l->rank = rank;
}

/*
 * Have `on_stuck` called, in this process, whenever a lock could not be had for some more seconds: who
 * held it may have ended with it.
 */
void core_lock_watch(void (*on_stuck)(void));

void core_lock_acquire(struct core_lock *l);
void core_lock_release(struct core_lock *l);

/* Take it if that is possible at once; 0: it is not. */
MUST_USE int core_lock_try(struct core_lock *l);

/* Whether anyone holds it; good for those who know that the holder is gone. */
int core_lock_is_held(const struct core_lock *l);

#endif
