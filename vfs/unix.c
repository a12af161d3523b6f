/* SPDX-License-Identifier: MIT */
/* AF_UNIX: what streams, datagrams and packets have in common, and their connections. */

#include "unix.h"

#include <stdatomic.h>

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/poll.h"
#include "lx/signal.h"
#include "plat/plat.h"

int unix_kind_of(int32_t *type, int32_t protocol, enum socket_kind *kind)
{
    if (protocol && protocol != LX_AF_UNIX)
        return -LX_EPROTONOSUPPORT;
    switch (*type) {
    case LX_SOCK_STREAM:
        *kind = SOCKET_UNIX_STREAM;
        return 0;
    case LX_SOCK_RAW: /* Linux takes it for datagrams */
        *type = LX_SOCK_DGRAM;
        *kind = SOCKET_UNIX_DGRAM;
        return 0;
    case LX_SOCK_DGRAM:
        *kind = SOCKET_UNIX_DGRAM;
        return 0;
    case LX_SOCK_SEQPACKET:
        *kind = SOCKET_UNIX_SEQPACKET;
        return 0;
    default:
        return -LX_ESOCKTNOSUPPORT;
    }
}

struct vfs_socket *unix_peer(struct vfs_socket *s)
{
    core_lock_acquire(&s->lock);
    struct vfs_socket *peer = s->peer ? socket_get(s->peer) : NULL;
    core_lock_release(&s->lock);
    return peer;
}

int unix_pair(struct vfs_socket *a, struct vfs_socket *b, const struct vfs_socket_caller *caller)
{
    socket_lock_both(a, b);
    a->peer = socket_get(b);
    b->peer = socket_get(a);
    a->cred = b->cred = unix_cred_of(caller);
    a->state = b->state = SOCKET_CONNECTED;
    socket_unlock_both(a, b);
    return 0;
}

static int is_connection(const struct vfs_socket *s)
{
    return s->kind != SOCKET_UNIX_DGRAM;
}

int unix_shutdown(struct vfs_socket *s, uint32_t how)
{
    atomic_fetch_or(&s->shut, how);
    struct vfs_socket *peer = unix_peer(s);
    socket_tell_all(s);
    if (how & SOCKET_NO_RECEIVE) /* who waits to send to it, or to connect, waits in vain */
        core_waitq_wake(&s->room, ~0u, UINT32_MAX);
    if (peer && is_connection(s)) {
        uint32_t others = (how & SOCKET_NO_RECEIVE ? SOCKET_NO_SEND : 0) |
                          (how & SOCKET_NO_SEND ? SOCKET_NO_RECEIVE : 0);
        core_lock_acquire(&peer->lock); /* nobody is just putting a message there */
        atomic_fetch_or(&peer->shut, others);
        core_lock_release(&peer->lock);
        socket_tell_all(peer);
        if (how & SOCKET_NO_SEND)
            socket_async(peer, how == SOCKET_SHUT ? LX_POLL_HUP : LX_POLL_IN);
    }
    socket_put(peer);
    return 0;
}

/* The other end learns that this one is gone, and whether what it sent was lost. */
static void tell_peer(struct vfs_socket *peer, int lost)
{
    core_lock_acquire(&peer->lock);
    atomic_fetch_or(&peer->shut, SOCKET_SHUT);
    if (lost)
        peer->error = LX_ECONNRESET;
    core_lock_release(&peer->lock);
    socket_tell_all(peer);
    socket_async(peer, LX_POLL_HUP);
}

/* A connection that nobody has accepted, and nobody will. */
static void close_pending(struct core_list *pending, struct core_list *rest)
{
    CORE_LIST_FOR_EACH_SAFE(node, pending)
    {
        struct vfs_socket *s = CORE_LIST_ENTRY(node, struct vfs_socket, pending);
        core_list_remove(node);
        unix_close(s, rest);
        socket_put(s);
    }
}

void unix_close(struct vfs_socket *s, struct core_list *rest)
{
    struct core_list queue;
    core_list_init(&queue);
    unix_list_leave(s);
    unix_name_drop(s);
    core_lock_acquire(&s->lock);
    int listened = s->state == SOCKET_LISTENS, embryo = !s->accepted;
    struct vfs_socket *peer = s->peer;
    s->dead = 1;
    s->shut = SOCKET_SHUT;
    s->state = SOCKET_CLOSED;
    s->peer = NULL;
    unix_queue_take_locked(s, &queue);
    core_waitq_remove(&s->room_waiter);
    core_lock_release(&s->lock);
    core_waitq_wake(&s->room, ~0u, UINT32_MAX);
    if (peer && is_connection(s))
        tell_peer(peer, embryo || !core_list_is_empty(&queue));
    socket_put(peer);
    if (listened)
        close_pending(&queue, rest);
    else
        unix_messages_free(&queue, rest);
}

int64_t unix_available(struct vfs_socket *s)
{
    if (s->state == SOCKET_LISTENS)
        return -LX_EINVAL;
    core_lock_acquire(&s->lock);
    uint64_t bytes = s->bytes;
    if (!is_connection(s) && !core_list_is_empty(&s->queue))
        bytes = CORE_LIST_ENTRY(s->queue.next, struct unix_message, node)->size;
    core_lock_release(&s->lock);
    return (int64_t)bytes;
}

int64_t unix_unsent(struct vfs_socket *s)
{
    return s->sent;
}

uint32_t unix_poll_common(struct vfs_socket *s)
{
    uint32_t ready = 0, shut = s->shut;
    if (s->error)
        ready |= LX_POLLERR;
    if (shut == SOCKET_SHUT)
        ready |= LX_POLLHUP;
    if (shut & SOCKET_NO_RECEIVE)
        ready |= LX_POLLRDHUP | LX_POLLIN | LX_POLLRDNORM;
    if (s->queued)
        ready |= LX_POLLIN | LX_POLLRDNORM;
    if (is_connection(s) && s->state == SOCKET_CLOSED)
        ready |= LX_POLLHUP;
    return ready;
}

/* ---- Room in a queue ---- */

void unix_tell_room(struct vfs_socket *s, int was_full)
{
    if (was_full)
        core_waitq_wake(&s->room, SOCKET_OUT, UINT32_MAX);
}

int unix_wait_for_room(struct vfs_socket *s, struct vfs_socket *other,
                       const struct vfs_socket_caller *caller, int *waits)
{
    struct socket_wait w = {.queue = &other->room,
                            .self = caller->self,
                            .events = SOCKET_OUT,
                            .timeout_ns = s->send_ns};
    int err = 0;
    do
        err = socket_wait(&w);
    while (err == 0 && unix_is_full(other) && !other->dead && !(other->shut & SOCKET_NO_RECEIVE));
    socket_wait_end(&w, 0);
    if (err != -LX_ETIMEDOUT)
        return err;
    *waits = 0;
    return 0;
}

/* ---- Connections ---- */

int unix_connection_listen(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                           uint32_t backlog)
{
    if (!s->has_name)
        return -LX_EINVAL;
    core_lock_acquire(&s->lock);
    int err = s->state == SOCKET_CONNECTED ? -LX_EINVAL : 0, more = backlog > s->backlog;
    if (err == 0) {
        s->backlog = backlog;
        s->state = SOCKET_LISTENS;
        s->cred = unix_cred_of(caller);
    }
    core_lock_release(&s->lock);
    if (err == 0 && more)
        core_waitq_wake(&s->room, SOCKET_OUT, UINT32_MAX);
    return err;
}

/* The end that accept(2) will give, connected; it has the listener's name and what it passes on. */
static void make_connection_locked(struct vfs_socket *s, struct vfs_socket *listener,
                                   struct vfs_socket *end, const struct vfs_socket_caller *caller)
{
    end->peer = socket_get(s);
    end->state = SOCKET_CONNECTED;
    end->cred = unix_cred_of(caller);
    end->name = listener->name;
    end->has_name = 1;
    end->options = listener->options & 1ull << LX_SO_PASSCRED;
    s->peer = socket_get(end);
    s->state = SOCKET_CONNECTED;
    s->cred = listener->cred;
    core_list_add(&listener->queue, &socket_get(end)->pending);
    listener->queued++;
}

/* One try: -LX_EAGAIN: the backlog is full. */
static int try_connect(struct vfs_socket *s, struct vfs_socket *listener, struct vfs_socket *end,
                       const struct vfs_socket_caller *caller)
{
    int err = 0;
    socket_lock_both(s, listener);
    if (listener->state != SOCKET_LISTENS || listener->shut & SOCKET_NO_RECEIVE)
        err = -LX_ECONNREFUSED;
    else if (unix_is_full(listener))
        err = -LX_EAGAIN;
    else if (s->state != SOCKET_CLOSED)
        err = s->state == SOCKET_CONNECTED ? -LX_EISCONN : -LX_EINVAL;
    else
        make_connection_locked(s, listener, end, caller);
    socket_unlock_both(s, listener);
    if (err == 0)
        socket_tell_receiver(listener);
    return err;
}

int unix_connection_connect(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                            const struct vfs_sockaddr *name, int waits)
{
    int err = unix_name_check(name);
    if (err == 0)
        err = unix_autobind_if_passing(s);
    if (err < 0)
        return err;
    struct vfs_socket *listener, *end = socket_alloc(s->kind, s->family, s->type, caller);
    if (!end)
        return -LX_ENOMEM;
    for (;;) {
        err = unix_name_find(caller, name, s->type, &listener);
        if (err < 0)
            break;
        err = try_connect(s, listener, end, caller);
        int again = err == -LX_EAGAIN && waits;
        if (again)
            err = unix_wait_for_room(s, listener, caller, &waits);
        socket_put(listener);
        if (!again || err < 0)
            break;
    }
    if (err < 0)
        unix_list_leave(end);
    socket_put(end);
    return err;
}

/* One look; -LX_EAGAIN: nobody has come. */
static int64_t try_accept(struct vfs_socket *s, void *arg)
{
    struct vfs_socket **out = arg;
    int err = 0, was_full = 0;
    core_lock_acquire(&s->lock);
    if (s->state != SOCKET_LISTENS) {
        err = -LX_EINVAL;
    } else if (core_list_is_empty(&s->queue)) {
        err = s->shut & SOCKET_NO_RECEIVE ? -LX_EINVAL : -LX_EAGAIN;
    } else {
        was_full = unix_is_full(s);
        *out = CORE_LIST_ENTRY(s->queue.next, struct vfs_socket, pending);
        core_list_remove(&(*out)->pending);
        s->queued--;
    }
    core_lock_release(&s->lock);
    if (err == 0)
        unix_tell_room(s, was_full);
    return err;
}

int unix_connection_accept(struct vfs_socket *s, const struct vfs_socket_caller *caller, int waits,
                           struct vfs_socket **out)
{
    *out = NULL;
    return (int)socket_wait_for(s, caller, waits, SOCKET_IN, try_accept, out);
}
