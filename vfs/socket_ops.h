/* SPDX-License-Identifier: MIT */
#ifndef VFS_SOCKET_OPS_H
#define VFS_SOCKET_OPS_H

/*
 * Sockets, for the files that make them: what all have in common, and the table of operations
 * that each family and type has.  A new family has files of its own, a table, a
 * name in socket_kind, and a case in kind_of() of socket.c.
 *
 * Source   as vfs/socket.h.
 * Threads  any.  Fields called "shared" are changed by both ends and are atomic.
 * Errors   0 or an amount, else -LX_E*.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/lock.h"
#include "core/wait.h"
#include "lx/errno.h"
#include "lx/poll.h"
#include "vfs/path.h"
#include "vfs/socket.h"

struct async;

/* Which table of operations; the arena holds no function pointers. */
enum socket_kind {
    SOCKET_UNIX_STREAM,
    SOCKET_UNIX_DGRAM,
    SOCKET_UNIX_SEQPACKET,
    SOCKET_INET_STREAM,
    SOCKET_INET_DGRAM,
    SOCKET_NETLINK,
    SOCKET_KIND_COUNT,
};

enum socket_state { SOCKET_CLOSED, SOCKET_CONNECTING, SOCKET_CONNECTED, SOCKET_LISTENS };

#define SOCKET_IN (LX_POLLIN | LX_POLLRDNORM | LX_POLLRDBAND | LX_POLLPRI)
#define SOCKET_OUT (LX_POLLOUT | LX_POLLWRNORM | LX_POLLWRBAND)
#define SOCKET_NO_RECEIVE 1u /* bits of `shut` */
#define SOCKET_NO_SEND 2u
#define SOCKET_SHUT (SOCKET_NO_RECEIVE | SOCKET_NO_SEND)

struct vfs_socket {
    _Atomic uint32_t refs;
    uint8_t kind;          /* constant, as the next four: enum socket_kind */
    uint8_t type;          /* LX_SOCK_* */
    uint16_t family;       /* LX_AF_* */
    uint32_t uid, gid;     /* who made it */
    uint64_t ino;          /* what stat(2) shows */
    _Atomic uint32_t mode; /* permission bits */

    _Atomic uint64_t options;            /* bit n: the option SO_n is on */
    _Atomic uint32_t send_limit;         /* bytes: SO_SNDBUF */
    _Atomic uint32_t receive_size;       /* bytes: SO_RCVBUF */
    _Atomic uint32_t low_water;          /* bytes: SO_RCVLOWAT */
    _Atomic uint32_t send_limit_is_set;  /* 1: by the program */
    _Atomic int32_t priority, linger;    /* kept; linger in s */
    _Atomic uint32_t lingers;            /* 1: SO_LINGER is on */
    _Atomic int64_t receive_ns, send_ns; /* timeouts; 0: none */

    _Atomic uint32_t state;     /* enum socket_state; changed with the lock held */
    _Atomic uint32_t shut;      /* shared: SOCKET_NO_* */
    _Atomic int32_t error;      /* shared: LX_E*, for the next call */
    _Atomic uint32_t sent;      /* shared: bytes, with what keeps them, that nobody has taken */
    _Atomic uint32_t dead;      /* 1: its file is closed */
    _Atomic uint32_t receivers; /* who sleeps until something comes */
    _Atomic uint32_t async_wants_room; /* 1: there was none, and O_ASYNC is set: AF_UNIX */
    struct async *_Atomic async;       /* guarded by LOCK_ASYNC */
    struct core_waitq waitq;           /* own lock: who waits for this socket, and polls it */
    struct core_waitq room;            /* own lock: who waits for room in its queue */

    struct core_lock lock;            /* guards all below */
    struct vfs_socket *_Atomic peer;  /* a reference; of a stream constant once it is there */
    struct core_waiter room_waiter;   /* in the peer's `room`, for those that poll this socket */
    struct core_list queue;           /* of struct unix_message, or of pending sockets */
    _Atomic uint32_t queued, backlog; /* entries in it; more than `backlog`: it is full */
    uint64_t bytes;                   /* to be read */
    struct core_list pending;         /* in the queue of who listens */
    uint32_t accepted;                /* 0: waits for accept(2) */
    _Atomic uint32_t has_name;        /* 1: `name` is constant from then on */
    struct vfs_sockaddr name;
    struct vfs_path where;        /* references: where it is bound, or NULL */
    struct vfs_socket *next_name; /* guarded by LOCK_SOCKET_NAMES */
    struct core_list in_list;     /* guarded likewise; of AF_UNIX, see unix_list.c */
    struct lx_ucred cred;         /* SO_PEERCRED */
    _Atomic uint32_t in_flight;   /* references to `file` that messages hold; guarded, as the
                                          next three, by LOCK_SOCKET_NAMES: see unix_collect.c */
    uint32_t mark, held_by_candidates;
    struct core_list in_flight_node;
    struct vfs_file *file; /* no reference; NULL: not accepted, or closed */
};

/*
 * The calls of vfs/socket.h, with their errors.
 *   waits  0: not even if there is nothing to do yet: -LX_EAGAIN.
 */
struct socket_ops {
    uint32_t size;                      /* bytes of one: struct vfs_socket, and what follows */
    void (*init)(struct vfs_socket *s); /* what follows; NULL: nothing does */
    int (*pair)(struct vfs_socket *a, struct vfs_socket *b, const struct vfs_socket_caller *caller);
    int (*bind)(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                const struct vfs_sockaddr *name);
    int (*connect)(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                   const struct vfs_sockaddr *name, int waits);
    int (*listen)(struct vfs_socket *s, const struct vfs_socket_caller *caller, uint32_t backlog);
    int (*accept)(struct vfs_socket *s, const struct vfs_socket_caller *caller, int waits,
                  struct vfs_socket **out);
    int (*shutdown)(struct vfs_socket *s, uint32_t how); /* SOCKET_NO_* */
    int (*name)(struct vfs_socket *s, int peer, struct vfs_sockaddr *out);
    int64_t (*send)(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                    struct vfs_message *m, int waits);
    int64_t (*receive)(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                       struct vfs_message *m, int waits);
    uint32_t (*poll)(struct vfs_socket *s);
    int64_t (*available)(struct vfs_socket *s);
    int64_t (*unsent)(struct vfs_socket *s);
    int (*at_mark)(struct vfs_socket *s); /* NULL: there are no urgent bytes */
    void (*close)(struct vfs_socket *s, struct core_list *rest); /* rest: see file_end() */

    /* Options of other levels than SOL_SOCKET; NULL: there are none. */
    int (*get_option)(struct vfs_socket *s, int32_t level, int32_t name,
                      struct vfs_socket_option *out);
    int (*set_option)(struct vfs_socket *s, int32_t level, int32_t name,
                      const struct vfs_socket_option *value);
};

extern const struct socket_ops unix_stream_ops, unix_dgram_ops, unix_seqpacket_ops;
extern const struct socket_ops inet_stream_ops, inet_dgram_ops, netlink_ops;

/* What socket(2) makes of type and protocol of AF_NETLINK. */
MUST_USE int netlink_kind_of(int32_t type, int32_t protocol, enum socket_kind *kind);

const struct socket_ops *socket_ops_of(const struct vfs_socket *s);

/* Of kinds that have no connections, or pairs: -LX_EOPNOTSUPP. */
int socket_no_pair(struct vfs_socket *a, struct vfs_socket *b,
                   const struct vfs_socket_caller *caller);
int socket_no_listen(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                     uint32_t backlog);
int socket_no_accept(struct vfs_socket *s, const struct vfs_socket_caller *caller, int waits,
                     struct vfs_socket **out);

/* A socket with one reference and no file; NULL: no memory. */
struct vfs_socket *socket_alloc(enum socket_kind kind, uint32_t family, uint32_t type,
                                const struct vfs_socket_caller *caller);
struct vfs_socket *socket_get(struct vfs_socket *s);
void socket_put(struct vfs_socket *s); /* NULL is ignored */

/* A file with a socket ends; rest: see file_end(). */
void socket_close(struct vfs_file *file, struct core_list *rest);

/* References to the file that messages hold. */
uint32_t socket_in_flight(const struct vfs_file *file);

/* Put the files of struct vfs_rights in a list, and what they hold, and free them. */
void file_put_rest(struct core_list *rest);

/* Free it without its files. */
void rights_free(struct vfs_rights *rights);

/* Its locks; both may be one. */
void socket_lock_both(struct vfs_socket *a, struct vfs_socket *b);
void socket_unlock_both(struct vfs_socket *a, struct vfs_socket *b);

static inline int socket_option_is_on(const struct vfs_socket *s, uint32_t name)
{
    return (int)(s->options >> name & 1);
}

/* Take the error that is there: 0 or -LX_E*. */
int socket_take_error(struct vfs_socket *s);

/* Tell of a change that concerns everybody: the other end is gone, and the like. */
void socket_tell_all(struct vfs_socket *s);

/* Something has come, for one receiver more. */
void socket_tell_receiver(struct vfs_socket *s);

/* What it sent was taken: it may be written to. */
void socket_tell_writable(struct vfs_socket *s);

/* Only the owner of its file, if O_ASYNC is set; code: an LX_POLL_*. */
void socket_async(struct vfs_socket *s, int32_t code);

/* When a wait that begins now ends; `timeout_ns` as in the socket. */
int64_t socket_deadline(int64_t timeout_ns);

/*
 * A wait: socket_wait() again and again, each time followed by a look, then socket_wait_end().
 * The first call only joins the queue.
 *   exclusive  1: of several such only one is woken for what has come, and wakes the next.
 *   returns    -LX_EINTR, -LX_ETIMEDOUT.
 */
struct socket_wait {
    struct core_waitq *queue;
    struct core_sleeper *self;
    uint32_t events;
    int exclusive, joined;
    int64_t timeout_ns, deadline_ns;
};
MUST_USE int socket_wait(struct socket_wait *w);
void socket_wait_end(struct socket_wait *w, int more);

/*
 * A whole wait at the socket itself: look, and again each time that one of `events` is told,
 * until there is something else to say than -LX_EAGAIN.
 *   waits    0: one look.
 *   events   SOCKET_IN: for what only one can take, and SO_RCVTIMEO holds; SOCKET_OUT: SO_SNDTIMEO.
 *   returns  what `look` did; -LX_EINTR.
 */
typedef int64_t (*socket_look)(struct vfs_socket *s, void *arg);
MUST_USE int64_t socket_wait_for(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                                 int waits, uint32_t events, socket_look look, void *arg);

/* What Linux counts for so many bytes: themselves, in blocks, and what describes them. */
uint32_t socket_stream_cost(uint64_t size);
uint32_t socket_dgram_cost(uint64_t size);

/* With so many bytes a receive from a stream does not wait for more: SO_RCVLOWAT, MSG_WAITALL. */
static inline uint64_t socket_receive_target(const struct vfs_socket *s,
                                             const struct vfs_message *m)
{
    uint64_t low = s->low_water;
    uint64_t target = m->flags & LX_MSG_WAITALL || m->size < low ? m->size : low;
    return target ? target : 1;
}

/* What such a receive gives: the bytes that it moved, else why there are none; 0: the end. */
static inline int64_t socket_received(uint64_t done, int fault, int64_t waited)
{
    if (done)
        return (int64_t)done;
    if (fault)
        return -LX_EFAULT;
    return waited > 0 ? 0 : waited;
}

/* Where a transfer stands in a message's buffers. */
struct socket_cursor {
    const struct lx_iovec *iov;
    uint64_t count, offset; /* buffers left; bytes done of the first */
};
/* Move bytes, of which there are enough: 0 or -LX_EFAULT. */
MUST_USE int socket_copy_in(struct socket_cursor *c, void *to, uint64_t size);
MUST_USE int socket_copy_out(struct socket_cursor *c, const void *from, uint64_t size);

#endif
