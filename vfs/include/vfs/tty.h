/* SPDX-License-Identifier: MIT */
#ifndef VFS_TTY_H
#define VFS_TTY_H

/*
 * Pseudo-terminals: a terminal with its line discipline, and the master, the other end, which
 * stands for the keyboard and the screen.  Their names are in devpts, mounted on /dev/pts.
 *
 * Who reads, writes and waits is here; whose terminal it is, and whom its signals are for, is the
 * shim's, who is asked.  When the master is closed the terminal is hung up: its files read as
 * empty, and nothing else of them works (-LX_EIO).
 *
 * Source   pty(7), pts(4), tty(4), ioctl_tty(2); drivers/tty/tty_io.c and pty.c of Linux 6.12.
 * Threads  any, of any process.
 * Errors   -LX_EIO: it is hung up; -LX_EAGAIN; -LX_EINTR, also when job control has stopped the
 *          caller; -LX_EFAULT.
 */

#include <stdint.h>

#include "core/wait.h"
#include "lx/compiler.h"
#include "lx/ioctl.h"

struct vfs_file;
struct vfs_fs;
struct vfs_inode;
struct vfs_tty;

/* Who knows of processes; functions of the calling thread, called with no lock held. */
struct vfs_tty_provider {
    /* The controlling terminal of the calling process: a reference, or NULL. */
    struct vfs_tty *(*own)(void);
    /* A process has opened a terminal, for reading and without O_NOCTTY: it may become its own. */
    void (*opened)(struct vfs_tty *tty);
    /* Job control: may the calling process read (LX_SIGTTIN), or change it (LX_SIGTTOU)? */
    int (*may)(struct vfs_tty *tty, int32_t sig);
    /* Tell its foreground group; bit n-1 is signal n. */
    void (*signal)(struct vfs_tty *tty, uint32_t set);
    /* Its master is gone. */
    void (*hang_up)(struct vfs_tty *tty);
};

void vfs_tty_provide(const struct vfs_tty_provider *provider);

/* Pairs that there may be, of which so many are kept for mounts of devpts that are not a container's. */
#define VFS_TTY_MAX 4096u
#define VFS_TTY_RESERVE 1024u
uint32_t vfs_tty_count(void);

/* Mount devpts on /dev/pts. */
MUST_USE int vfs_devpts_mount(struct vfs_fs *fs);

struct vfs_tty *vfs_tty_get(struct vfs_tty *tty);
void vfs_tty_put(struct vfs_tty *tty); /* NULL is ignored */

/*
 * Whose it is: the session and the foreground group, both 0 for none.  They are the shim's, under
 * its own lock.
 */
struct vfs_tty_owner {
    _Atomic int32_t session, group;
};
struct vfs_tty_owner *vfs_tty_owner(struct vfs_tty *tty);

/* Its number in /dev/pts, and its device number as stat(2) shows it. */
uint32_t vfs_tty_number(const struct vfs_tty *tty);
uint64_t vfs_tty_device(const struct vfs_tty *tty);

/* The terminal of an open file, borrowed; NULL: it is none's.  `is_master`: which end it is. */
struct vfs_tty *vfs_file_tty(const struct vfs_file *file, int *is_master);

/* 1 if its master is closed. */
int vfs_tty_is_hung_up(struct vfs_tty *tty);

/*
 * Open the terminal that an inode of devpts is, a new pair's master (/dev/ptmx), or the process's
 * controlling terminal (/dev/tty).
 *   returns  -LX_EIO: its master is closed, or it is locked; -LX_EBUSY: TIOCEXCL;
 *            -LX_ENXIO: there is no controlling terminal; -LX_ENOSPC: too many.
 */
MUST_USE int vfs_tty_open(struct vfs_inode *inode, uint32_t flags, struct vfs_file **out);
MUST_USE int vfs_ptmx_open(struct vfs_inode *inode, uint32_t flags, struct vfs_file **out);
MUST_USE int vfs_tty_open_own(struct vfs_inode *inode, uint32_t flags, struct vfs_file **out);

/* TIOCGPTPEER: open the terminal of a master. */
MUST_USE int vfs_ptmx_open_peer(struct vfs_file *master, uint32_t flags, struct vfs_file **out);

/* The calls of vfs/file.h on either end. */
void vfs_tty_close(struct vfs_file *file);
MUST_USE int64_t vfs_tty_read(struct vfs_file *file, void *buf, uint64_t size,
                              struct core_sleeper *self);
MUST_USE int64_t vfs_tty_write(struct vfs_file *file, const void *buf, uint64_t size,
                               struct core_sleeper *self);
uint32_t vfs_tty_poll(struct vfs_file *file);
struct core_waitq *vfs_tty_waitq(struct vfs_file *file);
MUST_USE int64_t vfs_tty_available(struct vfs_file *file);

/* ---- Controls, of either end unless it is said; the caller has asked job control ---- */

void vfs_tty_termios(struct vfs_tty *tty, struct lx_termios2 *out);

/* flush: 1: forget what was typed and not read (TCSETSF). */
void vfs_tty_set_termios(struct vfs_tty *tty, const struct lx_termios2 *termios, int flush);

/* TCFLSH: what is LX_TCIFLUSH and so on; -LX_EINVAL. */
MUST_USE int vfs_tty_flush(struct vfs_file *file, uint32_t what);

/* TCXONC: action is LX_TCOOFF and so on; -LX_EINVAL. */
MUST_USE int vfs_tty_flow(struct vfs_file *file, uint32_t action);

/* TIOCSTI: type a byte. */
void vfs_tty_type(struct vfs_tty *tty, uint8_t byte);

void vfs_tty_size(struct vfs_tty *tty, struct lx_winsize *out);

/* returns 1 if it is another size than before. */
int vfs_tty_set_size(struct vfs_tty *tty, const struct lx_winsize *size);

/* Switches of one end each. */
enum vfs_tty_switch {
    VFS_TTY_EXCLUSIVE, /* TIOCEXCL; of the end that is asked */
    VFS_TTY_LOCKED,    /* TIOCSPTLCK: the terminal cannot be opened */
    VFS_TTY_PACKET,    /* TIOCPKT */
    VFS_TTY_SWITCHES,
};
int vfs_tty_switch(const struct vfs_file *file, enum vfs_tty_switch which);
void vfs_tty_set_switch(struct vfs_file *file, enum vfs_tty_switch which, int on);

#endif
