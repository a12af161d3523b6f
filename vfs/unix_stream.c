/* SPDX-License-Identifier: MIT */
/* AF_UNIX streams: bytes, in messages as they were sent. */

#include <stdatomic.h>

#include "core/mem.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "unix.h"

/* ---- Sending ---- */

/* Put a message into the peer's queue; -LX_EPIPE: it does not receive any more. */
static int deliver(struct vfs_socket *s, struct vfs_socket *peer, struct unix_message *msg,
                   const struct vfs_message *m, const struct vfs_socket_caller *caller)
{
    core_lock_acquire(&peer->lock);
    int err = peer->dead || peer->shut & SOCKET_NO_RECEIVE ? -LX_EPIPE : 0;
    if (err == 0)
        unix_message_queue_locked(peer, s, msg, m, caller);
    core_lock_release(&peer->lock);
    if (err == 0)
        socket_tell_receiver(peer);
    return err;
}

static int check_send(struct vfs_socket *s, const struct vfs_message *m)
{
    if (m->flags & LX_MSG_OOB)
        return -LX_EOPNOTSUPP; /* Differs from Linux: there are no urgent bytes */
    if (m->name.size)
        return s->state == SOCKET_CONNECTED ? -LX_EISCONN : -LX_EOPNOTSUPP;
    return s->peer ? 0 : -LX_ENOTCONN;
}

/* The next message of at most `size` bytes; returns how many went. */
static int64_t send_part(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                         struct vfs_message *m, struct socket_cursor *at, uint64_t size, int waits)
{
    struct unix_message *msg;
    uint64_t most = (s->send_limit >> 1) - 64;
    size = size < most ? size : most;
    size = size < UNIX_STREAM_PART ? size : UNIX_STREAM_PART;
    int err = unix_message_new(s, caller, at, size, socket_stream_cost(size), waits, &msg);
    if (err < 0)
        return err;
    unix_message_attach(msg, m);
    err = deliver(s, s->peer, msg, m, caller);
    if (err < 0) {
        unix_message_drop(msg, m);
        m->signal = 1;
    }
    return err < 0 ? err : (int64_t)size;
}

static int64_t stream_send(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                           struct vfs_message *m, int waits)
{
    struct socket_cursor at = {m->iov, m->iov_count, 0};
    uint64_t done = 0;
    int64_t n = check_send(s, m);
    if (n == 0 && s->shut & SOCKET_NO_SEND) {
        n = -LX_EPIPE;
        m->signal = 1;
    }
    while (n >= 0 && done < m->size) {
        n = send_part(s, caller, m, &at, m->size - done, waits);
        done += n > 0 ? (uint64_t)n : 0;
    }
    if (done)
        m->signal = 0;
    return done ? (int64_t)done : n;
}

/* ---- Receiving ---- */

/* Where a receive stands. */
struct receive {
    struct vfs_socket *s;
    struct vfs_message *m;
    struct socket_cursor at;
    uint64_t done, target;      /* bytes; with `target` it does not wait for more */
    int fault, has_cred, stops; /* stops: not even more would be taken */
    struct core_list taken;     /* messages read to their end */
};

/* 1 if it may be read together with what was read before: from the same sender, if that shows. */
static int fits(struct receive *r, struct unix_message *msg)
{
    if (!socket_option_is_on(r->s, LX_SO_PASSCRED) || !r->has_cred)
        return 1;
    const struct lx_ucred *a = &r->m->cred, *b = &msg->cred;
    return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/* Whose first bytes these are, and what comes with them. */
static void begin_message(struct receive *r, struct unix_message *msg, int peek)
{
    if (!r->has_cred && msg->sender->has_name)
        r->m->name = msg->sender->name;
    r->has_cred = 1;
    r->stops |= msg->rights != NULL; /* nothing goes together with files but what came before */
    unix_message_tell_locked(msg, r->m, peek);
}

/* Copy from one message; 0 if no more is to be read after it. */
static int take_message_locked(struct receive *r, struct unix_message *msg, int peek)
{
    uint64_t left = msg->size - msg->begin, room = r->m->size - r->done;
    uint32_t part = (uint32_t)(left < room ? left : room);
    if (!fits(r, msg))
        r->stops = 1;
    else if (socket_copy_out(&r->at, msg->data + msg->begin, part) < 0)
        r->stops = r->fault = 1;
    if (r->stops)
        return 0;
    begin_message(r, msg, peek);
    r->done += part;
    if (peek)
        return !r->stops && r->done < r->m->size;
    msg->begin += part;
    r->s->bytes -= part;
    if (msg->begin == msg->size) {
        core_list_remove(&msg->node);
        core_list_add(&r->taken, &msg->node);
        r->s->queued--;
    }
    r->stops |= msg->begin < msg->size;
    return !r->stops && r->done < r->m->size;
}

static void take_locked(struct receive *r, int peek)
{
    CORE_LIST_FOR_EACH_SAFE(node, &r->s->queue)
    {
        if (!take_message_locked(r, CORE_LIST_ENTRY(node, struct unix_message, node), peek))
            break;
    }
}

/*
 * One look.
 *   returns  1: it is done; 0: at the end; -LX_EAGAIN: more has to come; the socket's error.
 */
static int64_t look(struct vfs_socket *s, void *arg)
{
    struct receive *r = arg;
    int peek = (r->m->flags & LX_MSG_PEEK) != 0, result = -LX_EAGAIN;
    core_lock_acquire(&s->lock);
    int empty = core_list_is_empty(&s->queue);
    take_locked(r, peek);
    if (r->stops || (!empty && r->done >= r->m->size) || (peek && !empty) || r->done >= r->target)
        result = 1;
    else if ((result = socket_take_error(s)) == 0)
        result = s->shut & SOCKET_NO_RECEIVE ? 0 : -LX_EAGAIN;
    core_lock_release(&s->lock);
    if (!peek && r->m->rights)
        unix_flight_end(r->m->rights);
    unix_messages_free(&r->taken, NULL);
    return result;
}

static int64_t stream_receive(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                              struct vfs_message *m, int waits)
{
    struct receive r = {.s = s, .m = m, .at = {m->iov, m->iov_count, 0}};
    if (m->flags & LX_MSG_OOB)
        return -LX_EOPNOTSUPP;
    if (s->state != SOCKET_CONNECTED)
        return -LX_EINVAL;
    core_list_init(&r.taken);
    r.target = socket_receive_target(s, m);
    int64_t waited = socket_wait_for(s, caller, waits, SOCKET_IN, look, &r);
    return socket_received(r.done, r.fault, waited);
}

static uint32_t stream_poll(struct vfs_socket *s)
{
    return unix_poll_common(s) | (unix_is_writable(s) ? SOCKET_OUT : 0);
}

const struct socket_ops unix_stream_ops = {
    .size = sizeof(struct vfs_socket),
    .init = unix_init,
    .pair = unix_pair,
    .bind = unix_bind,
    .connect = unix_connection_connect,
    .listen = unix_connection_listen,
    .accept = unix_connection_accept,
    .shutdown = unix_shutdown,
    .name = unix_getname,
    .send = stream_send,
    .receive = stream_receive,
    .poll = stream_poll,
    .available = unix_available,
    .unsent = unix_unsent,
    .close = unix_close,
};
