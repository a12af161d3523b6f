/* SPDX-License-Identifier: MIT */
#ifndef VFS_SOCKET_H
#define VFS_SOCKET_H

/*
 * Sockets.  What belongs to one family is behind a table of operations (socket_ops.h); there
 * are AF_UNIX, and AF_INET and AF_INET6 on the loopback.
 *
 * Source   socket(2), socket(7), unix(7), ip(7), ipv6(7), tcp(7), udp(7) and the pages of the calls; net/socket.c, net/core/sock.c
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
#include "lx/inet.h"
#include "lx/netlink.h"
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
        struct lx_sockaddr_in in;
        struct lx_sockaddr_in6 in6;
        struct lx_sockaddr_nl nl;
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

/* What goes with a datagram, or what a receiver asked to be told of it: cmsg(3). */
struct vfs_control {
    int32_t level, type;
    uint32_t size; /* bytes */
    uint8_t bytes[20];
};
#define VFS_CONTROLS_MAX 6u

/* One message of sendmsg(2) or recvmsg(2); all zero but for what is asked for. */
struct vfs_message {
    const struct lx_iovec *iov; /* buffers, as vfs/file.h has them; borrowed */
    uint64_t iov_count, size;   /* their number; the sum of their sizes */
    uint32_t flags;             /* LX_MSG_* of the call */
    uint32_t out_flags;         /* result of a receive: LX_MSG_TRUNC, LX_MSG_OOB */
    uint32_t signal;            /* result of a send: 1: SIGPIPE is due */
    uint32_t has_cred;          /* 1: `cred` is there */
    struct lx_ucred cred;       /* what the sender says, or what it is */
    struct vfs_sockaddr name;   /* where to, or from where */
    struct vfs_rights *rights;  /* NULL: none; a send moves them, a receive gives them */
    uint32_t control_count;     /* of other things that go with it, or come with it */
    struct vfs_control controls[VFS_CONTROLS_MAX];
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

/* Its name, or its peer's (peer: 1; 2: also of a connection that has ended, for accept(2)). */
MUST_USE int vfs_socket_name(struct vfs_file *file, int peer, struct vfs_sockaddr *out);

/*
 * Send, receive: bytes.  With LX_MSG_DONTWAIT or O_NONBLOCK they do not wait.  A receive fills
 * in `message`, a failed one too leaves nothing in it that was not there.
 */
MUST_USE int64_t vfs_socket_send(struct vfs_file *file, const struct vfs_socket_caller *caller,
                                 struct vfs_message *message);
MUST_USE int64_t vfs_socket_receive(struct vfs_file *file, const struct vfs_socket_caller *caller,
                                    struct vfs_message *message);

/* An option, as the guest sees it. */
struct vfs_socket_option {
    uint32_t size; /* bytes; of a value that is set: at most VFS_OPTION_IN_MAX of it are there */
    union {
        int32_t number;
        struct lx_timeval time;
        struct lx_linger linger;
        struct lx_ucred cred;
        uint64_t cookie;
        struct lx_tcp_info tcp;
        uint8_t bytes[sizeof(struct lx_tcp_info)];
    };
};
#define VFS_OPTION_IN_MAX 32u

/* -LX_ENOPROTOOPT, -LX_EOPNOTSUPP; setting: also -LX_EINVAL (too small), -LX_EDOM, -LX_EPERM. */
MUST_USE int vfs_socket_get_option(struct vfs_file *file, int32_t level, int32_t name,
                                   struct vfs_socket_option *out);
MUST_USE int vfs_socket_set_option(struct vfs_file *file, int32_t level, int32_t name,
                                   const struct vfs_socket_option *value);

/* The one network interface there is. */
#define VFS_LOOPBACK_NAME "lo"
#define VFS_LOOPBACK_INDEX 1
#define VFS_LOOPBACK_MTU 65536
#define VFS_LOOPBACK_QUEUE 1000

/* An internet socket that has a port, as /proc/net shows it. */
struct vfs_inet_row {
    uint32_t family, type;
    uint8_t local[16], remote[16]; /* addresses; one of IPv4 is ::ffff:a.b.c.d */
    uint16_t local_port, remote_port;
    uint32_t state;          /* LX_TCP_*, of datagrams, too */
    uint32_t unsent, unread; /* bytes; of who listens, unread: connections to be accepted */
    uint32_t uid;
    uint64_t ino;
    int64_t left_ns; /* of what a closed connection left: until it goes; else 0 */
};

/* Show all of them; `each` is called with LOCK_SOCKET_NAMES held. */
void vfs_inet_list(void (*each)(void *arg, const struct vfs_inet_row *row), void *arg);

/* A Unix socket, as /proc/net/unix shows it. */
struct vfs_unix_row {
    uint32_t refs, type;
    uint32_t listens, connected; /* 1: it is */
    uint32_t accepted;           /* 0: it waits for accept(2), and has no file yet */
    uint64_t ino;
    const struct vfs_sockaddr *name; /* NULL: it has none */
};

/* Show all of them; as vfs_inet_list(). */
void vfs_unix_list(void (*each)(void *arg, const struct vfs_unix_row *row), void *arg);

/* 1 if this direction's waits end by a timeout: an interrupted one is not begun again. */
int vfs_socket_has_timeout(const struct vfs_file *file, int sends);

/* 1 if whoever receives from it is shown who has sent: SO_PASSCRED. */
int vfs_socket_passes_cred(const struct vfs_file *file);

uint32_t vfs_socket_family(const struct vfs_file *file); /* LX_AF_* */

/* The error that came meanwhile, which is taken: 0 or -LX_E*. */
int vfs_socket_error(struct vfs_file *file);

/* Let the next call fail with this error: 0 or -LX_E*. */
void vfs_socket_set_error(struct vfs_file *file, int error);

/* Bytes sent that nobody has taken, as Linux counts them: SIOCOUTQ. */
int64_t vfs_socket_unsent(struct vfs_file *file);

/* 1 if the next byte to be read is the urgent one: SIOCATMARK; -LX_ENOTTY. */
MUST_USE int vfs_socket_at_mark(struct vfs_file *file);

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
