/* SPDX-License-Identifier: MIT */
#ifndef VFS_PIPE_RING_H
#define VFS_PIPE_RING_H

/*
 * What is in a pipe, for pipe.c and splice.c: a ring of slots, each with a part of a page.
 * As in Linux, what is full is the ring of slots, so that the same writes fill it.
 *
 * Source   pipe(7), splice(2); fs/pipe.c and fs/splice.c of Linux.
 * Threads  any; functions called _locked need the pipe's lock.
 * Errors   -LX_E*.
 */

#include <stdint.h>

#include "core/lock.h"
#include "core/wait.h"
#include "lx/compiler.h"

struct async;

#define PIPE_PAGE 4096u
#define PIPE_SLOTS 16u /* of a new pipe: 64 KiB */

#define PIPE_MERGE 0x1u  /* a short write may go behind what is in it */
#define PIPE_PACKET 0x2u /* a read takes it as a whole: O_DIRECT */

struct pipe_slot {
    uint8_t *page;        /* in the arena */
    uint16_t begin, size; /* what is in it */
    uint32_t flags;
};

struct vfs_pipe {
    struct core_lock lock;   /* guards all below */
    uint32_t slot_count;     /* a power of two */
    uint32_t first, used;    /* slots; `first` counts on without an end */
    uint32_t reserved;       /* slots that have a user who is not done yet */
    uint32_t bytes;          /* in all slots */
    struct pipe_slot *slots; /* `own`, or in the arena */
    uint8_t *spare[2];       /* pages for the next writes, or NULL */
    uint32_t readers, writers;
    uint32_t reader_opens, writer_opens; /* 1 and how many ever: an open of a fifo waits for a
                                            change */
    struct core_waitq waitq;             /* own lock: readers, writers and pollers */
    struct async *_Atomic async;         /* guarded by LOCK_ASYNC, as in all that have one */
    struct pipe_slot own[PIPE_SLOTS];
};

static inline struct pipe_slot *pipe_slot(struct vfs_pipe *p, uint32_t index)
{
    return &p->slots[(p->first + index) & (p->slot_count - 1)];
}

static inline int pipe_is_full(const struct vfs_pipe *p)
{
    return p->used + p->reserved >= p->slot_count;
}

/* A page, dirty; NULL: no memory. */
uint8_t *pipe_page_new_locked(struct vfs_pipe *p);
void pipe_page_free_locked(struct vfs_pipe *p, uint8_t *page);

/* Add a slot; there is room for it.  The page moves to the pipe. */
void pipe_push_locked(struct vfs_pipe *p, const struct pipe_slot *slot);

/* Take `size` bytes off the first slot, and the slot when it is empty; its page is freed. */
void pipe_drop_locked(struct vfs_pipe *p, uint32_t size);

/* Tell those that can go on: bytes came to a pipe that was empty or not; there is room again. */
void pipe_wake_readers(struct vfs_pipe *p, int was_empty);
void pipe_wake_writers(struct vfs_pipe *p);

/*
 * Wait until there is something to read, or nobody writes any more; until there is room.
 *   returns  0; -LX_EAGAIN if not `waits`; -LX_EINTR; -LX_EPIPE: nobody reads.
 */
MUST_USE int pipe_wait_readable(struct vfs_pipe *p, int waits, struct core_sleeper *self);
MUST_USE int pipe_wait_writable(struct vfs_pipe *p, int waits, struct core_sleeper *self);

/* vfs_pipe_read(), but `waits` says whether it waits. */
MUST_USE int64_t pipe_read(struct vfs_pipe *p, void *buf, uint64_t size, int waits,
                           struct core_sleeper *self);

#endif
