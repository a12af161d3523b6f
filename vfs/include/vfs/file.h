/* SPDX-License-Identifier: MIT */
#ifndef VFS_FILE_H
#define VFS_FILE_H

/*
 * Open files ("open file descriptions"): what descriptors point to, whatever is
 * behind: a file or directory of the tree, a device, a standard stream, a pipe, an
 * event counter, an epoll, a timer, a process, a watch on files, a socket, a terminal, a
 * queue of messages.
 *
 * Source   open(2), read(2), write(2), lseek(2), poll(2).
 * Threads  any; a file locks its own position.
 * Errors   0 or an amount, else -LX_E*.  A call that had to wait and was interrupted
 *          gives -LX_EINTR; the caller knows whether it is started again.
 *
 * Buffers are guest addresses that the caller has checked to lie in the guest's
 * windows, or our own; a fault while copying is -LX_EFAULT or a short count.
 */

#include <stdint.h>

#include "core/lock.h"
#include "core/wait.h"
#include "lx/compiler.h"
#include "lx/stat.h"
#include "lx/types.h"
#include "vfs/path.h"

struct vfs_cred;
struct vfs_epoll;
struct vfs_eventfd;
struct host_listing;
struct vfs_inotify;
struct vfs_mount;
struct vfs_pidfd;
struct vfs_pipe;
struct vfs_socket;
struct vfs_timerfd;
struct vfs_tty;

enum vfs_file_kind {
    VFS_FILE_REGULAR,
    VFS_FILE_DIRECTORY,
    VFS_FILE_DEVICE, /* null, zero, full, random */
    VFS_FILE_STREAM, /* a standard stream of the launcher */
    VFS_FILE_PIPE,   /* one end, or both of a fifo opened so */
    VFS_FILE_EVENTFD,
    VFS_FILE_EPOLL,
    VFS_FILE_TIMERFD,
    VFS_FILE_SIGNALFD,
    VFS_FILE_PIDFD,
    VFS_FILE_INOTIFY,
    VFS_FILE_SOCKET,
    VFS_FILE_MQUEUE, /* a queue of messages */
    VFS_FILE_TTY,    /* a terminal */
    VFS_FILE_PTMX,   /* the other end of one */
    VFS_FILE_PATH,   /* O_PATH: only a place */
};

struct vfs_file {
    _Atomic uint32_t refs;
    uint8_t kind;                           /* constant */
    uint8_t device;                         /* constant: minor number of a memory device */
    uint8_t stream;                         /* constant: 0, 1, 2 */
    uint8_t stream_kind;                    /* constant: PLAT_STREAM_* */
    _Atomic uint32_t flags;                 /* LX_O_*; access mode constant */
    _Atomic int32_t owner;                  /* F_SETOWN; 0: nobody */
    _Atomic uint8_t owner_type, signal;     /* LX_F_OWNER_*; F_SETSIG */
    _Atomic uint8_t locked;                 /* 1: it may hold locks of its own, see vfs/lock.h */
    _Atomic uint32_t owner_uid, owner_euid; /* of who named the owner */
    struct vfs_inode *inode;                /* constant; a reference, or NULL */
    struct vfs_mount *mount;                /* constant; the same: in which it was opened */
    uint8_t is_again;      /* constant: 1: a stream that is a file, with a position of its own */
    uint16_t name_size;    /* constant, as what follows: where it was opened */
    char *name;            /* in `dir`, not terminated; may be `short_name` */
    struct vfs_inode *dir; /* a reference, or NULL: not known, or by its parents */
    char short_name[32];
    struct core_lock lock;    /* guards position and watches */
    struct core_list watches; /* of epoll entries */
    uint64_t position; /* bytes; of a directory: the cookie; of a fifo: see vfs_pipe_poll() */
    union {            /* constant, but for the last */
        struct vfs_pipe *pipe;
        struct vfs_eventfd *eventfd;
        struct vfs_inotify *inotify;
        struct vfs_epoll *epoll;
        struct vfs_timerfd *timerfd;
        struct vfs_pidfd *pidfd;
        struct vfs_socket *socket;
        struct vfs_tty *tty;          /* a reference */
        _Atomic uint64_t signals;     /* of a signalfd: bit n-1 is signal n; not constant */
        struct host_listing *listing; /* of a directory of a host folder; guarded by `lock` */
    };
};

/* A new file; `inode` is borrowed or NULL. */
MUST_USE int vfs_file_new(enum vfs_file_kind kind, uint32_t flags, struct vfs_inode *inode,
                          struct vfs_file **out);

/*
 * The open file for an inode that vfs_tree_open() has found: a regular file, a
 * directory, a device or a fifo.  A fifo waits for its other end.
 *   inode    borrowed.
 *   returns  -LX_ENXIO: no such device; -LX_EINTR.
 */
MUST_USE int vfs_file_open(struct vfs_inode *inode, uint32_t flags, struct core_sleeper *self,
                           struct vfs_file **out);

/*
 * Open what a path names: vfs_tree_open() and vfs_file_open() in one, and the file knows
 * where it was found.
 */
struct vfs_open;
MUST_USE int vfs_file_open_path(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                                const struct vfs_open *how, struct core_sleeper *self,
                                struct vfs_file **out);

/* Where it was opened: borrowed from the file. */
static inline struct vfs_path vfs_file_where(const struct vfs_file *file)
{
    return (struct vfs_path){file->mount, file->inode};
}

/* 1 if its mount says that programs there are not executed. */
int vfs_file_is_noexec(const struct vfs_file *file);

/*
 * What a link of /proc/PID/fd shows: a path as `fs` sees it, or "pipe:[1]" and the like.
 *   returns  the length, cut to `size`; not terminated.
 */
MUST_USE int64_t vfs_file_path(struct vfs_file *file, struct vfs_fs *fs, char *buf, uint64_t size);

/*
 * The inode that a link of /proc/PID/fd leads to: a reference.  One that is not in any
 * tree (a pipe's) is made for it, and opening that opens the same thing again.
 */
MUST_USE int vfs_file_inode(struct vfs_file *file, const struct vfs_cred *cred,
                            struct vfs_inode **out);

/* Open a path to be executed, with execve(2)'s checks. */
MUST_USE int vfs_file_open_exec(struct vfs_fs *fs, const char *path, struct vfs_file **out);
MUST_USE int vfs_file_open_exec_at(struct vfs_fs *fs, const struct vfs_path *where,
                                   struct vfs_file **out);

/* 1 and the key of its content, if that is the image's, as it was; else 0. */
struct vfs_image_key;
int vfs_file_image_key(const struct vfs_file *file, struct vfs_image_key *key);

/* A standard stream of the launcher. */
MUST_USE int vfs_file_open_stream(uint32_t stream, struct vfs_file **out);

struct vfs_file *vfs_file_get(struct vfs_file *file);

/* Let those LX_O_* of `mask` be as in `flags`, at once: others may change other ones meanwhile. */
void vfs_file_set_flags(struct vfs_file *file, uint32_t mask, uint32_t flags);
void vfs_file_put(struct vfs_file *file); /* NULL is ignored */

/* 1 if it was opened for all of `access` (PLAT_READ, PLAT_WRITE). */
int vfs_file_may(const struct vfs_file *file, uint32_t access);

/* At the file's position, which moves; `self` sleeps if there is nothing yet. */
MUST_USE int64_t vfs_file_read(struct vfs_file *file, void *buf, uint64_t size,
                               struct core_sleeper *self);
MUST_USE int64_t vfs_file_write(struct vfs_file *file, const void *buf, uint64_t size,
                                struct core_sleeper *self);

/* 1 if there are offsets to read and write at; a stream may still say -LX_ESPIPE. */
int vfs_file_has_offsets(const struct vfs_file *file);

/* At an offset; -LX_ESPIPE where there are none. */
MUST_USE int64_t vfs_file_pread(struct vfs_file *file, void *buf, uint64_t size, uint64_t offset);
MUST_USE int64_t vfs_file_pwrite(struct vfs_file *file, const void *buf, uint64_t size,
                                 uint64_t offset);

/*
 * Write at an offset, or (-1) at the file's position; a regular file at its end if `append`, and
 * else not, whatever O_APPEND says.
 */
MUST_USE int64_t vfs_file_write_as(struct vfs_file *file, const void *buf, uint64_t size,
                                   int64_t offset, int append, struct core_sleeper *self);
MUST_USE int64_t vfs_file_seek(struct vfs_file *file, int64_t offset, int32_t whence);
MUST_USE int vfs_file_truncate(struct vfs_file *file, uint64_t size);
MUST_USE int vfs_file_stat(struct vfs_file *file, struct lx_stat *out);

/* What was written to it is on the disk, if it has one. */
MUST_USE int vfs_file_sync(struct vfs_file *file);

/* The same of what was stored in a shared mapping of it, in one that the host has: msync(2). */
MUST_USE int vfs_file_sync_view(struct vfs_file *file, uint64_t begin, uint64_t end);

/* The size of a regular file. */
uint64_t vfs_file_size(struct vfs_file *file);

/* 1 if mmap(2) can map it. */
int vfs_file_is_mappable(const struct vfs_file *file);

/* 1 for /dev/zero, whose shared mappings are of memory without a file. */
int vfs_file_is_zero(const struct vfs_file *file);

/*
 * Which of the LX_POLL* events in `events` (and POLLERR, POLLHUP always) are there now.
 */
uint32_t vfs_file_poll(struct vfs_file *file, uint32_t events);

/* Where to wait for changes of vfs_file_poll(): a queue, or NULL for a stream or none. */
struct core_waitq *vfs_file_waitq(struct vfs_file *file);

/*
 * The streams to sleep on for `events` of a stream, or of an epoll that watches some, as
 * plat_thread_sleep() has them; else 0.
 */
uint32_t vfs_file_stream_bits(struct vfs_file *file, uint32_t events);

/*
 * When vfs_file_poll() has to be asked again without a wake: a timer's next expiry, or the
 * first of those that an epoll watches; else PLAT_FOREVER.
 */
int64_t vfs_file_deadline(struct vfs_file *file);

/*
 * core_sleep() until the deadline or, if it is earlier, `next_ns`, an answer of
 * vfs_file_deadline(): that one is a reason to look again, so it returns 0.
 */
MUST_USE int vfs_file_sleep(struct core_sleeper *self, uint32_t streams, int64_t deadline_ns,
                            int64_t next_ns);

/* Bytes that can be read without waiting: FIONREAD; -LX_ENOTTY. */
MUST_USE int64_t vfs_file_available(struct vfs_file *file);

#endif
