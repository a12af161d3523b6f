/* SPDX-License-Identifier: MIT */
#ifndef VFS_UNIX_H
#define VFS_UNIX_H

/*
 * AF_UNIX sockets, for the files that make them: messages in their queues, names, and what
 * streams and datagrams have in common.
 *
 * Source   unix(7); net/unix/af_unix.c, net/unix/garbage.c of Linux.
 * Threads  any; functions called _locked need the socket's lock.
 * Errors   0 or an amount, else -LX_E*.
 */

#include <stdint.h>

#include "core/list.h"
#include "lx/compiler.h"
#include "socket_ops.h"

/* What was sent at once: a datagram, or a part of a stream.  In the queue of the receiver. */
struct unix_message {
    struct core_list node;
    struct vfs_socket *sender; /* a reference: whose `sent` it counts in, and whose name it has */
    uint32_t cost;             /* what it counts there */
    uint32_t size, begin;      /* bytes, and those that were read already */
    struct vfs_rights *rights; /* NULL: none */
    struct lx_ucred cred;      /* pid 0: nobody asked for it */
    uint8_t data[];
};

/* ---- Messages (unix_message.c) ---- */

/* The most bytes of one message of a stream. */
#define UNIX_STREAM_PART 36544u

/*
 * Make a message of the next `size` bytes, when there is room for it.
 *   returns  -LX_EAGAIN: no room, and it may not wait; -LX_EPIPE: it may not send; -LX_EINTR,
 *            -LX_EFAULT, -LX_ENOBUFS; the socket's error.
 */
MUST_USE int unix_message_new(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                              struct socket_cursor *from, uint64_t size, uint32_t cost, int waits,
                              struct unix_message **out);

/* Give back its sender's room, and free it; its files go to `rest`. */
void unix_message_free(struct unix_message *msg, struct core_list *rest);

/* Put it at the end of a queue, with the credentials that go with it. */
void unix_message_queue_locked(struct vfs_socket *to, struct vfs_socket *from,
                               struct unix_message *msg, const struct vfs_message *m,
                               const struct vfs_socket_caller *caller);

/* Let a message carry the files of `m`, or free one that was not queued and give them back. */
void unix_message_attach(struct unix_message *msg, struct vfs_message *m);
void unix_message_drop(struct unix_message *msg, struct vfs_message *m);

/*
 * What a receiver learns besides bytes; its files are taken, or with `peek` shared.  Taken ones
 * are in flight until unix_flight_end(), which takes a lock that comes before the socket's.
 */
void unix_message_tell_locked(struct unix_message *msg, struct vfs_message *m, int peek);

/* Take all messages off a socket's queue; unix_messages_free() when no lock is held. */
void unix_queue_take_locked(struct vfs_socket *s, struct core_list *out);
void unix_messages_free(struct core_list *messages, struct core_list *rest);

/* ---- Names (unix_name.c) ---- */

/* -LX_EINVAL: it is none of this family. */
MUST_USE int unix_name_check(const struct vfs_sockaddr *name);

/* Whom a checked name means: a reference.  -LX_ECONNREFUSED, -LX_EPROTOTYPE, those of a path. */
MUST_USE int unix_name_find(const struct vfs_socket_caller *caller, const struct vfs_sockaddr *name,
                            uint32_t type, struct vfs_socket **out);

MUST_USE int unix_bind(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                       const struct vfs_sockaddr *name);

/* Give it an abstract name if it has none: -LX_ENOSPC. */
MUST_USE int unix_autobind(struct vfs_socket *s);

/* The same for who shows his credentials and would have no name. */
MUST_USE int unix_autobind_if_passing(struct vfs_socket *s);

void unix_name_drop(struct vfs_socket *s);
int unix_getname(struct vfs_socket *s, int peer, struct vfs_sockaddr *out);

/* ---- All kinds (unix.c) ---- */

/* What socket(2) makes of type and protocol: -LX_EPROTONOSUPPORT, -LX_ESOCKTNOSUPPORT. */
MUST_USE int unix_kind_of(int32_t *type, int32_t protocol, enum socket_kind *kind);

MUST_USE int unix_pair(struct vfs_socket *a, struct vfs_socket *b,
                       const struct vfs_socket_caller *caller);
MUST_USE int unix_shutdown(struct vfs_socket *s, uint32_t how);
void unix_close(struct vfs_socket *s, struct core_list *rest);
int64_t unix_available(struct vfs_socket *s);
int64_t unix_unsent(struct vfs_socket *s);

/* The peer: a reference, or NULL. */
struct vfs_socket *unix_peer(struct vfs_socket *s);

/* 1 if more wait in the queue than may. */
static inline int unix_is_full(const struct vfs_socket *s)
{
    return s->queued > s->backlog;
}

/* 1 if poll(2) says that it may be written to: a quarter of what may be sent is. */
static inline int unix_is_writable(const struct vfs_socket *s)
{
    return s->state != SOCKET_LISTENS && ((uint64_t)s->sent << 2) <= s->send_limit;
}

/* The owner of its file is told of room, if O_ASYNC is set. */
static inline void unix_want_room(struct vfs_socket *s)
{
    if (s->async)
        s->async_wants_room = 1;
}

/* What poll(2) says of both kinds but for writing. */
uint32_t unix_poll_common(struct vfs_socket *s);

/*
 * Wait for room in the queue of `other`.
 *   waits    cleared at the end of the time: one more try.
 *   returns  -LX_EINTR.
 */
MUST_USE int unix_wait_for_room(struct vfs_socket *s, struct vfs_socket *other,
                                const struct vfs_socket_caller *caller, int *waits);

/* There is room again, if there was none. */
void unix_tell_room(struct vfs_socket *s, int was_full);

/* SO_PEERCRED of whoever connects to this caller. */
static inline struct lx_ucred unix_cred_of(const struct vfs_socket_caller *caller)
{
    return (struct lx_ucred){caller->pid, caller->euid, caller->egid};
}

MUST_USE int unix_connection_listen(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                                    uint32_t backlog);
MUST_USE int unix_connection_connect(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                                     const struct vfs_sockaddr *name, int waits);
MUST_USE int unix_connection_accept(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                                    int waits, struct vfs_socket **out);

/* ---- The list of all (unix_list.c) ---- */

/* A new one is in it until it is closed. */
void unix_init(struct vfs_socket *s);
void unix_list_leave(struct vfs_socket *s);

/* ---- Files in flight (unix_collect.c) ---- */

/* Messages hold, or no longer hold, these files. */
void unix_flight_begin(struct vfs_rights *rights);
void unix_flight_end(struct vfs_rights *rights);

/* Take the messages off sockets that only their own messages hold; their files go to `rest`. */
void unix_collect(struct core_list *rest);

#endif
