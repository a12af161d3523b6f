/* SPDX-License-Identifier: MIT */
#ifndef VFS_TTY_ENDS_H
#define VFS_TTY_ENDS_H

/*
 * A terminal and what is at its other end.  Private to tty.c, which moves the bytes, and
 * devpts.c, which has the names.
 *
 * The terminal is its line discipline between two queues: what was typed and has no room in it
 * yet, and what it has shown and nobody has taken yet.  A pseudo-terminal's master fills the one
 * and empties the other; another kind of terminal would have something else do that.
 *
 * Threads  any.  LOCK_TTYS guards who has which number, LOCK_TTY the rest.
 * Errors   -LX_E*.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/lock.h"
#include "core/wait.h"
#include "lx/compiler.h"
#include "tty_line.h"
#include "vfs/tty.h"

struct async;

#define PTS_MAJOR 136
#define TTYAUX_MAJOR 5
#define TTY_MINOR 0  /* /dev/tty */
#define PTMX_MINOR 2 /* /dev/ptmx */

struct vfs_tty {
    _Atomic uint32_t refs;
    struct vfs_tty_owner owner; /* the shim's */
    uint32_t number;            /* constant once it is in the list */

    struct core_list in_list; /* guarded by LOCK_TTYS, as the next; by number */
    struct vfs_inode *inode;  /* a reference: its file in devpts, while the master is open */

    struct core_lock lock; /* guards what follows */
    struct tty_line line;
    struct tty_queue in, out;
    struct lx_winsize size;
    uint32_t file_count;  /* open files of the terminal */
    uint8_t is_left;      /* 1: they were closed, and none was opened since */
    uint8_t master_open;  /* 0: hung up */
    uint8_t master_held;  /* 1: tcflow(3) lets the master write nothing */
    uint8_t is_exclusive; /* TIOCEXCL of the terminal */
    uint8_t master_is_exclusive;
    uint8_t is_locked;   /* TIOCSPTLCK */
    uint8_t is_spoiled;  /* 1: to open it failed, and until it does not its files cannot be used */
    uint8_t has_packets; /* TIOCPKT */
    uint8_t packet_status; /* LX_TIOCPKT_*: what the master has not been told */

    uint32_t told_out; /* position in `out`: whoever has O_ASYNC set knows of those bytes */
    uint8_t wants_room, master_wants_room; /* 1: a write of such a file had to stop */

    struct core_waitq wait, master_wait;                /* own locks */
    struct async *_Atomic async, *_Atomic master_async; /* guarded by LOCK_ASYNC */
};

/* ---- Names (devpts.c) ---- */

/* Give a new terminal a number and a file: -LX_ENOSPC, -LX_ENOMEM. */
MUST_USE int devpts_add(struct vfs_tty *tty);

/* Its name is gone, but nobody else gets its number before devpts_forget(). */
void devpts_unlink(struct vfs_tty *tty);
void devpts_forget(struct vfs_tty *tty);

/* The terminal that an inode of devpts is: a reference; NULL: it is gone, or is none. */
struct vfs_tty *devpts_find(struct vfs_inode *inode);

/* Its file, a reference; NULL: it is gone. */
struct vfs_inode *devpts_inode(struct vfs_tty *tty);

/* Where its file is, for who opens it without a path; place_put() it. */
struct vfs_place;
void devpts_place(const struct vfs_tty *tty, struct vfs_place *place);

#endif
