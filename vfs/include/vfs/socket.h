/* SPDX-License-Identifier: MIT */
#ifndef VFS_SOCKET_H
#define VFS_SOCKET_H

/*
 * Sockets.  What belongs to one family is behind a table of operations (socket_ops.h); there
 * is AF_UNIX.
 *
 * Source   socket(2), socket(7), unix(7) and the pages of the calls; net/socket.c, net/core/sock.c
 *          and net/unix/af_unix.c of Linux for the order of checks.
 * Threads  any, of any process; a socket locks itself (LOCK_SOCKET).
 * Errors   0 or an amount, else -LX_E*: those of the man pages; out-parameters are then NULL.
 *          -LX_EINTR: a wait was interrupted; the caller knows whether it is begun again.
 *
 * Functions that take a file want one of kind VFS_FILE_SOCKET.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/wait.h"
#include "lx/compiler.h"
#include "lx/socket.h"
#include "lx/types.h"

struct vfs_file;
struct vfs_fs;
struct vfs_socket;

/* Who makes a call. */
struct vfs_socket_caller {
    struct vfs_fs *fs;         /* for names in the tree; borrowed */
    struct core_sleeper *self; /* what it waits with */
    int32_t pid;
    uint32_t uid, gid;   /* real: what SCM_CREDENTIALS shows */
    uint32_t euid, egid; /* what SO_PEERCRED shows */
};

struct vfs_sockaddr {
    uint32_t size; /* bytes of what follows; 0: there is none */
    union {
        uint16_t family;
        struct lx_sockaddr_un un;
        uint8_t bytes[LX_SOCKADDR_MAX];
    };
};

/* Open files on their way: SCM_RIGHTS. */
struct vfs_rights {
    struct core_list node;    /* of what is to be freed; see file.c */
    uint32_t capacity, count; /* places, and files so far: at most LX_SCM_MAX_FD */
    struct vfs_file *files[]; /* references */
};

/* Room for so many; NULL: no memory. */
struct vfs_rights *vfs_rights_new(uint32_t capacity);
void vfs_rights_free(struct vfs_rights *rights); /* puts the files; NULL is ignored */

/* One message of sendmsg(2) or recvmsg(2); all zero but for what is asked for. */
struct vfs_message {
    const struct lx_iovec *iov; /* buffers, as vfs/file.h has them; borrowed */
    uint64_t iov_count, size;   /* their number; the sum of their sizes */
    uint32_t flags;             /* LX_MSG_* of the call */
    uint32_t out_flags;         /* result of a receive: LX_MSG_TRUNC */
    uint32_t signal;            /* result of a send: 1: SIGPIPE is due */
    uint32_t has_cred;          /* 1: `cred` is there */
    struct lx_ucred cred;       /* what the sender says, or what it is */
    struct vfs_sockaddr name;   /* where to, or from where */
    struct vfs_rights *rights;  /* NULL: none; a send moves them, a receive gives them */
};

/*
 * A new socket.
 *   type     LX_SOCK_* without flags.
 *   flags    0 or LX_O_NONBLOCK.
 *   out      a reference.
 *   returns  -LX_EAFNOSUPPORT, -LX_EINVAL, -LX_ESOCKTNOSUPPORT, -LX_EPROTONOSUPPORT, -LX_ENFILE.
 */
MUST_USE int vfs_socket_new(const struct vfs_socket_caller *caller, int32_t family, int32_t type,
                            int32_t protocol, uint32_t flags, struct vfs_file **out);

/* Two that are connected: -LX_EOPNOTSUPP besides. */
MUST_USE int vfs_socket_pair(const struct vfs_socket_caller *caller, int32_t family, int32_t type,
                             int32_t protocol, uint32_t flags, struct vfs_file *out[2]);

MUST_USE int vfs_socket_bind(struct vfs_file *file, const struct vfs_socket_caller *caller,
                             const struct vfs_sockaddr *name);
MUST_USE int vfs_socket_connect(struct vfs_file *file, const struct vfs_socket_caller *caller,
                                const struct vfs_sockaddr *name);
MUST_USE int vfs_socket_listen(struct vfs_file *file, const struct vfs_socket_caller *caller,
                               int32_t backlog);

/* flags: of the new file, 0 or LX_O_NONBLOCK. */
MUST_USE int vfs_socket_accept(struct vfs_file *file, const struct vfs_socket_caller *caller,
                               uint32_t flags, struct vfs_file **out);
MUST_USE int vfs_socket_shutdown(struct vfs_file *file, int32_t how);

/* Its name, or (peer: 1) its peer's. */
MUST_USE int vfs_socket_name(struct vfs_file *file, int peer, struct vfs_sockaddr *out);

/*
 * Send, receive: bytes.  With LX_MSG_DONTWAIT or O_NONBLOCK they do not wait.  A receive fills
 * in `message`, a failed one too leaves nothing in it that was not there.
 */
MUST_USE int64_t vfs_socket_send(struct vfs_file *file, const struct vfs_socket_caller *caller,
                                 struct vfs_message *message);
MUST_USE int64_t vfs_socket_receive(struct vfs_file *file, const struct vfs_socket_caller *caller,
                                    struct vfs_message *message);

/* An option of SOL_SOCKET, as the guest sees it. */
struct vfs_socket_option {
    uint32_t size; /* bytes */
    union {
        int32_t number;
        struct lx_timeval time;
        struct lx_linger linger;
        struct lx_ucred cred;
        uint8_t bytes[16];
    };
};

/* -LX_ENOPROTOOPT; setting: also -LX_EINVAL (too small), -LX_EDOM, -LX_EPERM. */
MUST_USE int vfs_socket_get_option(struct vfs_file *file, int32_t name,
                                   struct vfs_socket_option *out);
MUST_USE int vfs_socket_set_option(struct vfs_file *file, int32_t name,
                                   const struct vfs_socket_option *value);

/* 1 if this direction's waits end by a timeout: an interrupted one is not begun again. */
int vfs_socket_has_timeout(const struct vfs_file *file, int sends);

/* 1 if whoever receives from it is shown who has sent: SO_PASSCRED. */
int vfs_socket_passes_cred(const struct vfs_file *file);

/* The error that came meanwhile, which is taken: 0 or -LX_E*. */
int vfs_socket_error(struct vfs_file *file);

/* Let the next call fail with this error: 0 or -LX_E*. */
void vfs_socket_set_error(struct vfs_file *file, int error);

/* Bytes sent that nobody has taken, as Linux counts them: SIOCOUTQ. */
int64_t vfs_socket_unsent(struct vfs_file *file);

/* fchmod(2): the permissions that bind(2) gives. */
void vfs_socket_set_mode(struct vfs_file *file, uint32_t mode);

/* The calls of vfs/file.h on a socket; reading and writing for those that have no caller's name. */
struct lx_stat;
MUST_USE int64_t vfs_socket_read(struct vfs_file *file, void *buf, uint64_t size,
                                 struct core_sleeper *self);
MUST_USE int64_t vfs_socket_write(struct vfs_file *file, const void *buf, uint64_t size,
                                  struct core_sleeper *self);
void vfs_socket_stat(struct vfs_file *file, struct lx_stat *out);
uint32_t vfs_socket_poll(struct vfs_file *file);
struct core_waitq *vfs_socket_waitq(struct vfs_file *file);
MUST_USE int64_t vfs_socket_available(struct vfs_file *file);

#endif
