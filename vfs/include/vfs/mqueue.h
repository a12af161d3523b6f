/* SPDX-License-Identifier: MIT */
#ifndef VFS_MQUEUE_H
#define VFS_MQUEUE_H

/*
 * POSIX message queues: files of a file system that has nothing else.  A message goes to whoever
 * waits for one, the nicest last and else in turn; or it waits in the queue: the highest priority
 * first, and among equals the oldest.
 *
 * Source   mq_overview(7), ipc/mqueue.c of Linux 6.12.
 * Threads  any, of any process; a queue locks itself.
 * Errors   0 or an amount, else -LX_E*; out-parameters are then NULL.
 */

#include <stdint.h>

#include "core/list.h"
#include "lx/compiler.h"
#include "lx/mqueue.h"

struct core_sleeper;
struct core_waitq;
struct vfs_file;
struct vfs_fdtable;
struct vfs_fs;

/* ---- What vfs does not know itself ---- */

/* Who makes a call. */
struct vfs_mqueue_caller {
    int32_t pid;
    int32_t nice;           /* the thread's */
    uint32_t uid;           /* the real one */
    uint32_t program;       /* which of the process's programs: it changes with execve(2) */
    uint32_t is_privileged; /* 1: CAP_SYS_RESOURCE */
    uint64_t limit;         /* RLIMIT_MSGQUEUE, bytes */
};

/* Who is to have a signal: SI_MESGQ. */
struct vfs_mqueue_signal {
    int32_t pid;
    uint32_t program; /* no other one of his gets it */
    int32_t number;
    uint64_t value;
};

/* Functions of the calling thread.  The shim has them in each guest host. */
struct vfs_mqueue_provider {
    void (*caller)(struct vfs_mqueue_caller *out);        /* a queue's lock may be held */
    void (*send)(const struct vfs_mqueue_signal *signal); /* no lock is held */
};

/* Set this process's, before its first guest thread runs.  Idempotent. */
void vfs_mqueue_provide(const struct vfs_mqueue_provider *provider);

/* ---- Names ---- */

/* Mount their file system on a path, which is made if it is missing; once per container. */
MUST_USE int vfs_mqueue_mount(struct vfs_fs *fs, const char *at);

/*
 * Open a queue, or make one, whether or not the file system can be seen under a path.
 *   name     without a slash.
 *   flags    LX_O_*; LX_O_CREAT makes it.
 *   mode     permission bits of a new one, before umask.
 *   attr     of a new one: mq_maxmsg and mq_msgsize; NULL: the defaults.
 *   returns  -LX_EACCES: also for a name with a slash, "." and ".."; -LX_EEXIST, -LX_ENOENT;
 *            -LX_ENAMETOOLONG; -LX_ENOSPC: there are too many queues; -LX_EMFILE: the user has too
 *            much in them; -LX_EINVAL: no such attributes, or no such access.
 */
MUST_USE int vfs_mqueue_open(struct vfs_fs *fs, const char *name, uint32_t flags, uint32_t mode,
                             const struct lx_mq_attr *attr, struct vfs_file **out);
MUST_USE int vfs_mqueue_unlink(struct vfs_fs *fs, const char *name);

/* ---- Messages ---- */

struct vfs_mqueue_message {
    struct core_list node; /* in its queue */
    uint32_t priority;
    uint32_t size; /* bytes of `data` */
    uint8_t data[];
};

/*
 * One that is to be sent to this file's queue, its data still to be filled in.
 *   out      owned by the caller: send or free it.
 *   returns  -LX_EBADF: not a queue, or not open for writing; -LX_EMSGSIZE; -LX_ENOMEM.
 */
MUST_USE int vfs_mqueue_message_new(struct vfs_file *file, uint64_t size, uint32_t priority,
                                    struct vfs_mqueue_message **out);
void vfs_mqueue_message_free(struct vfs_mqueue_message *m); /* NULL is ignored */

/*
 * Send a message, waiting until there is room.
 *   m            moved, also on failure.
 *   deadline_ns  as core_sleep() has it.
 *   returns      -LX_EAGAIN; -LX_ETIMEDOUT, -LX_EINTR; -LX_ENOMEM.
 */
MUST_USE int vfs_mqueue_send(struct vfs_file *file, struct vfs_mqueue_message *m,
                             int64_t deadline_ns, struct core_sleeper *self);

/*
 * Take the next message, waiting until there is one.
 *   size     bytes that the caller has room for.
 *   out      owned by the caller: free it.
 *   returns  -LX_EBADF: not a queue, or not open for reading; -LX_EMSGSIZE: the queue's may be
 *            larger; else as vfs_mqueue_send().
 */
MUST_USE int vfs_mqueue_receive(struct vfs_file *file, uint64_t size, int64_t deadline_ns,
                                struct core_sleeper *self, struct vfs_mqueue_message **out);

/*
 * Get and set attributes: of what is set, only LX_O_NONBLOCK counts, which is the open file's.
 *   set, old  may be NULL.
 *   returns   -LX_EBADF: not a queue.
 */
MUST_USE int vfs_mqueue_attributes(struct vfs_file *file, const struct lx_mq_attr *set,
                                   struct lx_mq_attr *old);

/* ---- Notification ---- */

/* How a process wants to be told, once, that a message has come to an empty queue. */
struct vfs_mqueue_notice {
    int32_t method;          /* LX_SIGEV_NONE, _SIGNAL, _THREAD */
    int32_t number;          /* the signal; 0: none */
    uint64_t value;          /* the signal's */
    struct vfs_file *socket; /* LX_SIGEV_THREAD: of AF_NETLINK, which gets `cookie` */
    uint8_t cookie[LX_MQ_NOTIFY_COOKIE_LEN];
};

/*
 * Ask to be told, or (NULL) not to be told any more.
 *   file     NULL, if there is none: -LX_EBADF, once the socket has been looked at.
 *   fds      the process's descriptor table, by which it is known.
 *   returns  -LX_ENOTSOCK, -LX_EINVAL: of the socket; -LX_EBADF: not a queue; -LX_EBUSY: somebody
 *            else is told already; -LX_ENOMEM.
 */
MUST_USE int vfs_mqueue_notify(struct vfs_file *file, const struct vfs_mqueue_notice *notice,
                               const struct vfs_fdtable *fds);

/* A process has closed a descriptor of the file: it is not told any more. */
void vfs_mqueue_forget_process(struct vfs_file *file, const struct vfs_fdtable *fds);

/* Forget that this sleeper waits for a queue: its thread is gone without ending its call. */
void vfs_mqueue_forget_sleeper(const struct core_sleeper *sleeper);

/* ---- The calls of vfs/file.h on one ---- */

/* What is known of the queue, as text. */
MUST_USE int64_t vfs_mqueue_read(struct vfs_file *file, void *buf, uint64_t size, uint64_t offset);
uint32_t vfs_mqueue_poll(struct vfs_file *file);
struct core_waitq *vfs_mqueue_waitq(struct vfs_file *file);

#endif
