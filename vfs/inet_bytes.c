/* SPDX-License-Identifier: MIT */
/*
 * The bytes of streams.  They lie in chunks in the receiver's queue: what is sent goes into the
 * last one if it fits there, else into one of its own.  Much is copied with no lock held.
 */

#include <stdatomic.h>

#include "async.h"
#include "core/arena.h"
#include "core/mem.h"
#include "inet.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/signal.h"
#include "vfs/file.h"

struct inet_chunk {
    struct core_list node;
    uint32_t size, begin, end; /* bytes of room; those to be read */
    uint8_t data[];
};

#define SMALL_CHUNK (4096u - (uint32_t)sizeof(struct inet_chunk))
#define LARGE_CHUNK (65536u - (uint32_t)sizeof(struct inet_chunk))
#define COPY_LOCKED 2048u /* so much is copied under the receiver's lock */

static struct inet_chunk *chunk_of(struct core_list *node)
{
    return CORE_LIST_ENTRY(node, struct inet_chunk, node);
}

static struct inet_chunk *chunk_new(uint64_t size)
{
    uint32_t room = size <= SMALL_CHUNK ? SMALL_CHUNK : (uint32_t)size;
    struct inet_chunk *c = core_arena_alloc_dirty(sizeof *c + room);
    if (!c)
        return NULL;
    core_list_init(&c->node);
    c->size = room;
    c->begin = c->end = 0;
    return c;
}

static void chunk_free(struct inet_chunk *c)
{
    core_arena_free(c, sizeof *c + c->size);
}

void inet_bytes_free(struct core_list *chunks)
{
    CORE_LIST_FOR_EACH_SAFE(node, chunks)
    {
        core_list_remove(node);
        chunk_free(chunk_of(node));
    }
}

void inet_bytes_take_locked(struct inet_socket *i, struct core_list *out)
{
    core_list_move(&i->base.queue, out);
    i->base.bytes = 0;
}

/* ---- Room ---- */

/* Bytes that may be sent and not yet be read: what Linux keeps on both sides. */
static uint64_t capacity(const struct inet_socket *i)
{
    return (uint64_t)i->base.send_limit + i->window;
}

static uint64_t room_of(const struct inet_socket *i)
{
    uint64_t all = capacity(i), sent = i->base.sent;
    return sent < all ? all - sent : 0;
}

/* As Linux: a third of the room is free. */
static int is_writable(const struct inet_socket *i)
{
    return 3 * (uint64_t)i->base.sent <= 2 * capacity(i);
}

static void tell_room(struct inet_socket *i)
{
    core_waitq_wake(&i->base.waitq, SOCKET_OUT, UINT32_MAX);
    if (!(i->base.shut & SOCKET_NO_SEND))
        socket_async(&i->base, LX_POLL_OUT);
}

/* Some of what it sent was read. */
static void give_room(struct inet_socket *i, uint64_t size)
{
    atomic_fetch_sub(&i->base.sent, (uint32_t)size);
    if (i->no_room && is_writable(i) && atomic_exchange(&i->no_room, 0))
        tell_room(i);
}

/* 1 if there is room; else it will be told. */
static int has_room(struct inet_socket *i)
{
    if (room_of(i))
        return 1;
    i->no_room = 1;
    return room_of(i) != 0;
}

/* ---- Sending ---- */

/* Where a send stands. */
struct sending {
    struct inet_socket *peer; /* a reference, if it may send */
    uint64_t done;
};

/* One look whether it may send.  An error is not taken if the call does not fail. */
static int64_t may_send(struct vfs_socket *s, void *arg)
{
    struct sending *at = arg;
    struct inet_socket *i = inet_of(s);
    int err = at->done ? -s->error : socket_take_error(s);
    if (err < 0)
        return err;
    if (s->state == SOCKET_CONNECTING)
        return -LX_EAGAIN;
    if (s->state != SOCKET_CONNECTED || s->shut & SOCKET_NO_SEND)
        return -LX_EPIPE;
    if (!has_room(i))
        return -LX_EAGAIN;
    at->peer = inet_peer(i);
    return at->peer ? 0 : -LX_EPIPE;
}

/* Nobody will read what was sent, and the sender learns of that. */
static void reset_both(struct inet_socket *i, struct inet_socket *peer)
{
    socket_lock_both(&i->base, &peer->base);
    if (peer->base.peer == &i->base)
        inet_reset_locked(peer);
    inet_reset_locked(i);
    socket_unlock_both(&i->base, &peer->base);
    inet_wait_reset(i);
    socket_tell_all(&i->base);
    socket_tell_all(&peer->base);
}

static int is_deaf_locked(const struct inet_socket *i, const struct inet_socket *peer)
{
    return peer->base.peer != &i->base || peer->base.state != SOCKET_CONNECTED ||
           (peer->base.shut == SOCKET_SHUT && !peer->fin_in);
}

/*
 * tcp(7): there is one urgent byte, now the last of all.  A former one is like others now, but if it is the next to be
 * read, it is lost.
 */
static void set_urgent_locked(struct inet_socket *i, struct inet_socket *peer)
{
    struct inet_chunk *first = chunk_of(peer->base.queue.next);
    const struct inet_chunk *last = chunk_of(peer->base.queue.prev);
    if (peer->urgent && !peer->urgent_at && !socket_option_is_on(&peer->base, LX_SO_OOBINLINE)) {
        first->begin++;
        peer->base.bytes--;
        atomic_fetch_sub(&i->base.sent, 1);
    }
    if (first->begin == first->end) {
        core_list_remove(&first->node);
        chunk_free(first);
    }
    peer->urgent = INET_URGENT_THERE;
    peer->urgent_byte = last->data[last->end - 1];
    peer->urgent_at = peer->base.bytes - 1;
}

/* Bytes for the end of a queue: into its last chunk, if they fit there. */
static int append_locked(struct vfs_socket *to, struct socket_cursor *at, uint32_t size)
{
    struct inet_chunk *last = core_list_is_empty(&to->queue) ? NULL : chunk_of(to->queue.prev);
    struct inet_chunk *c = last && last->size - last->end >= size ? last : chunk_new(size);
    if (!c)
        return -LX_ENOBUFS;
    int err = socket_copy_in(at, c->data + c->end, size);
    if (err < 0) {
        if (c != last)
            chunk_free(c);
        return err;
    }
    c->end += size;
    if (c != last)
        core_list_add(&to->queue, &c->node);
    return 0;
}

/*
 * Put a part into the peer's queue.
 *   own     a chunk with it, which moves; NULL: it is still to be copied.
 *   urgent  1: its last byte is.
 */
static int deliver(struct inet_socket *i, struct inet_socket *peer, struct socket_cursor *at,
                   uint32_t size, struct inet_chunk *own, int urgent)
{
    struct vfs_socket *to = &peer->base;
    core_lock_acquire(&to->lock);
    int deaf = is_deaf_locked(i, peer), err = 0;
    if (!deaf && own)
        core_list_add(&to->queue, &own->node);
    else if (!deaf)
        err = append_locked(to, at, size);
    if (!deaf && err == 0) {
        to->bytes += size;
        atomic_fetch_add(&i->base.sent, size);
        if (urgent) {
            set_urgent_locked(i, peer);
            if (to->file) /* tcp(7): SIGURG */
                async_tell_urgent(to->file);
        }
    }
    core_lock_release(&to->lock);
    if (deaf) {
        if (own)
            chunk_free(own);
        reset_both(i, peer);
    } else if (err == 0) {
        socket_tell_receiver(to);
    }
    return err;
}

/* The next part of at most `size` bytes; returns how many went. */
static int64_t send_part(struct inet_socket *i, struct inet_socket *peer, struct socket_cursor *at,
                         uint64_t size, int urgent)
{
    struct inet_chunk *own = NULL;
    uint64_t room = room_of(i), all = size;
    size = size < room ? size : room;
    size = size < LARGE_CHUNK ? size : LARGE_CHUNK;
    if (!size)
        return -LX_EAGAIN; /* somebody else was quicker */
    if (size > COPY_LOCKED) {
        own = chunk_new(size);
        if (!own)
            return -LX_ENOBUFS;
        if (socket_copy_in(at, own->data, size) < 0) {
            chunk_free(own);
            return -LX_EFAULT;
        }
        own->end = (uint32_t)size;
    }
    int err = deliver(i, peer, at, (uint32_t)size, own, urgent && size == all);
    return err < 0 ? err : (int64_t)size;
}

/*
 * MSG_FASTOPEN: connect(2) first.  With the server's side off, as tcp_fastopen is at first, nobody
 * has a cookie, and so no bytes go with the first packet: tcp_sendmsg_fastopen() in Linux.
 */
static int fast_open(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                     const struct vfs_message *m, int waits)
{
    int is_new = inet_of(s)->phase == INET_UNCONNECTED && s->state == SOCKET_CLOSED;
    struct vfs_sockaddr name = m->name;
    if (name.size >= sizeof name.family && name.family == LX_AF_UNSPEC)
        return -LX_EOPNOTSUPP;
    if (!name.size && !is_new) /* whom to connect to is not asked */
        name = (struct vfs_sockaddr){.size = sizeof name.family, .family = s->family};
    return inet_connect(s, caller, &name, waits);
}

int64_t inet_stream_send(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                         struct vfs_message *m, int waits)
{
    struct inet_socket *i = inet_of(s);
    struct socket_cursor at = {m->iov, m->iov_count, 0};
    struct sending sending = {.done = 0};
    int64_t n = m->flags & LX_MSG_FASTOPEN ? fast_open(s, caller, m, waits) : 0;
    if (n < 0)
        return n;
    do {
        n = socket_wait_for(s, caller, waits, SOCKET_OUT, may_send, &sending);
        if (n < 0)
            break;
        while (n >= 0 && sending.done < m->size && !s->error) {
            n = send_part(i, sending.peer, &at, m->size - sending.done,
                          (m->flags & LX_MSG_OOB) != 0);
            sending.done += n > 0 ? (uint64_t)n : 0;
        }
        socket_put(&sending.peer->base);
    } while (sending.done < m->size && (n >= 0 || n == -LX_EAGAIN));
    if (n == -LX_EPIPE && !sending.done)
        m->signal = 1;
    return sending.done ? (int64_t)sending.done : n;
}

/* ---- Receiving ---- */

/* Where a receive stands. */
struct receive {
    struct vfs_message *m;
    struct socket_cursor at;
    uint64_t done, target;
    int fault, stops; /* stops: not even more would be taken */
};

static int copy_out(struct receive *r, const uint8_t *from, uint64_t size)
{
    if (r->m->flags & LX_MSG_TRUNC) /* tcp(7): they are thrown away */
        return 0;
    r->fault |= socket_copy_out(&r->at, from, size) < 0;
    return r->fault ? -LX_EFAULT : 0;
}

/*
 * How far the next part of `part` bytes may go: reading stops at the urgent byte, and begins
 * behind it unless it is to be seen among the others.
 *   before  bytes of the queue that a peek has passed already.
 *   skip    1: the first byte is not to be seen.
 */
static uint64_t up_to_urgent(struct vfs_socket *s, struct receive *r, uint64_t before,
                             uint64_t part, uint64_t *skip)
{
    const struct inet_socket *i = inet_of(s);
    *skip = 0;
    if (!i->urgent || i->urgent_at < before || i->urgent_at >= before + part)
        return part;
    if (i->urgent_at > before)
        return i->urgent_at - before;
    r->stops = r->done != 0;
    *skip = !r->stops && !socket_option_is_on(s, LX_SO_OOBINLINE);
    return r->stops ? 0 : part;
}

/* So many bytes are gone from the queue; perhaps with the urgent one. */
static void pass_locked(struct inet_socket *i, uint64_t size)
{
    i->base.bytes -= size;
    if (i->urgent && i->urgent_at < size)
        i->urgent = INET_URGENT_NONE;
    i->urgent_at -= size;
}

/* From the queue's first chunks, under the lock; returns how many bytes are gone from it. */
static uint64_t read_locked(struct vfs_socket *s, struct receive *r, int peek)
{
    uint64_t passed = 0, skip;
    CORE_LIST_FOR_EACH_SAFE(node, &s->queue)
    {
        struct inet_chunk *c = chunk_of(node);
        uint64_t left = r->m->size - r->done;
        uint64_t part = up_to_urgent(s, r, peek ? passed : 0, c->end - c->begin, &skip);
        part = part - skip < left ? part : left + skip;
        if (part == skip && !skip)
            break;
        if (copy_out(r, c->data + c->begin + skip, part - skip) < 0)
            break;
        r->done += part - skip;
        passed += part;
        if (peek)
            continue;
        pass_locked(inet_of(s), part);
        c->begin += (uint32_t)part;
        if (c->begin < c->end)
            break;
        core_list_remove(node);
        chunk_free(c);
    }
    return peek ? 0 : passed;
}

/* Chunks that are wanted as a whole are taken out, to be copied without the lock. */
static uint64_t take_whole_locked(struct vfs_socket *s, uint64_t wanted, struct core_list *out)
{
    uint64_t taken = 0;
    CORE_LIST_FOR_EACH_SAFE(node, &s->queue)
    {
        uint64_t part = chunk_of(node)->end - chunk_of(node)->begin;
        if (part > wanted - taken || part <= COPY_LOCKED)
            break;
        core_list_remove(node);
        core_list_add(out, node);
        taken += part;
    }
    s->bytes -= taken;
    return taken;
}

/* Copy what was taken; from the first that cannot be on, all goes back. */
static uint64_t copy_whole(struct vfs_socket *s, struct receive *r, struct core_list *chunks)
{
    uint64_t back = 0;
    CORE_LIST_FOR_EACH_SAFE(node, chunks)
    {
        struct inet_chunk *c = chunk_of(node);
        if (copy_out(r, c->data + c->begin, c->end - c->begin) < 0)
            break;
        r->done += c->end - c->begin;
        core_list_remove(node);
        chunk_free(c);
    }
    core_lock_acquire(&s->lock);
    while (!core_list_is_empty(chunks)) {
        struct core_list *node = chunks->prev;
        back += chunk_of(node)->end - chunk_of(node)->begin;
        core_list_remove(node);
        core_list_add_first(&s->queue, node);
    }
    s->bytes += back;
    core_lock_release(&s->lock);
    return back;
}

/* Take what there is. */
static void take(struct vfs_socket *s, struct receive *r)
{
    struct core_list whole;
    int peek = (r->m->flags & LX_MSG_PEEK) != 0;
    core_list_init(&whole);
    if (peek) {
        r->done = 0;
        r->at = (struct socket_cursor){r->m->iov, r->m->iov_count, 0};
    }
    core_lock_acquire(&s->lock);
    struct vfs_socket *peer = s->peer && s->bytes ? socket_get(s->peer) : NULL;
    int plain = !peek && !inet_of(s)->urgent;
    uint64_t taken = plain ? take_whole_locked(s, r->m->size - r->done, &whole) : 0;
    if (!taken)
        taken = read_locked(s, r, peek);
    core_lock_release(&s->lock);
    if (!core_list_is_empty(&whole))
        taken -= copy_whole(s, r, &whole);
    if (peer && taken && peer->peer == s)
        give_room(inet_of(peer), taken);
    socket_put(peer);
}

/*
 * One look.
 *   returns  1: it is done; 0: at the end; -LX_EAGAIN: more has to come; the socket's error.
 */
static int64_t look(struct vfs_socket *s, void *arg)
{
    struct receive *r = arg;
    uint64_t before;
    int ended = s->state == SOCKET_CLOSED || s->shut & SOCKET_NO_RECEIVE; /* before the last look */
    do {
        before = r->done;
        take(s, r);
    } while (!r->fault && !r->stops && r->done > before && r->done < r->m->size && s->bytes &&
             !(r->m->flags & LX_MSG_PEEK));
    if (r->fault || r->stops || r->done >= r->target || (!r->m->size && s->bytes))
        return 1;
    if (r->done)
        return s->error || ended ? 1 : -LX_EAGAIN;
    if (inet_of(s)->fin_in)
        return ended ? 0 : -LX_EAGAIN;
    int err = socket_take_error(s);
    return err < 0 ? err : !ended ? -LX_EAGAIN : s->shut & SOCKET_NO_RECEIVE ? 0 : -LX_ENOTCONN;
}

/* MSG_OOB: tcp_recv_urg() in Linux. */
static int64_t receive_urgent(struct inet_socket *i, struct vfs_message *m)
{
    struct vfs_socket *s = &i->base;
    struct socket_cursor at = {m->iov, m->iov_count, 0};
    core_lock_acquire(&s->lock);
    int there = i->urgent == INET_URGENT_THERE && !socket_option_is_on(s, LX_SO_OOBINLINE);
    uint8_t byte = i->urgent_byte;
    if (there && !(m->flags & LX_MSG_PEEK))
        i->urgent = INET_URGENT_TAKEN;
    core_lock_release(&s->lock);
    if (!there)
        return -LX_EINVAL;
    m->out_flags |= LX_MSG_OOB;
    if (!m->size) {
        m->out_flags |= LX_MSG_TRUNC;
        return 0;
    }
    return m->flags & LX_MSG_TRUNC ? 1 : socket_copy_out(&at, &byte, 1) < 0 ? -LX_EFAULT : 1;
}

int64_t inet_stream_receive(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                            struct vfs_message *m, int waits)
{
    struct receive r = {.m = m, .at = {m->iov, m->iov_count, 0}};
    if (m->flags & LX_MSG_ERRQUEUE)
        return -LX_EAGAIN;
    if (s->state == SOCKET_LISTENS)
        return -LX_ENOTCONN;
    if (m->flags & LX_MSG_OOB)
        return receive_urgent(inet_of(s), m);
    r.target = socket_receive_target(s, m);
    int64_t waited = socket_wait_for(s, caller, waits, SOCKET_IN, look, &r);
    return socket_received(r.done, r.fault, waited);
}

/* ---- poll(2), ioctl(2) ---- */

uint32_t inet_stream_poll(struct vfs_socket *s)
{
    struct inet_socket *i = inet_of(s);
    uint32_t ready = 0, shut = s->shut, state = s->state;
    if (state == SOCKET_LISTENS)
        return s->queued ? (uint32_t)(LX_POLLIN | LX_POLLRDNORM) : 0;
    if (shut == SOCKET_SHUT || state == SOCKET_CLOSED)
        ready |= LX_POLLHUP;
    if (shut & SOCKET_NO_RECEIVE)
        ready |= LX_POLLIN | LX_POLLRDNORM | LX_POLLRDHUP;
    if (s->error)
        ready |= LX_POLLERR;
    if (state == SOCKET_CONNECTING)
        return ready;
    uint64_t most = s->receive_size, low = s->low_water;
    low = low < most ? low : most;
    if (i->urgent && !i->urgent_at && !socket_option_is_on(s, LX_SO_OOBINLINE))
        low++; /* the urgent byte does not count */
    if (s->bytes >= low)
        ready |= LX_POLLIN | LX_POLLRDNORM;
    if (i->urgent == INET_URGENT_THERE)
        ready |= LX_POLLPRI;
    if (state != SOCKET_CONNECTED || shut & SOCKET_NO_SEND || is_writable(i)) {
        ready |= SOCKET_OUT;
    } else {
        i->no_room = 1;
        if (is_writable(i))
            ready |= SOCKET_OUT;
    }
    return ready;
}

int64_t inet_stream_available(struct vfs_socket *s)
{
    const struct inet_socket *i = inet_of(s);
    if (s->state == SOCKET_LISTENS)
        return -LX_EINVAL;
    core_lock_acquire(&s->lock);
    int stops = i->urgent && !socket_option_is_on(s, LX_SO_OOBINLINE);
    uint64_t bytes = stops ? i->urgent_at : s->bytes;
    core_lock_release(&s->lock);
    return (int64_t)bytes;
}

int inet_stream_at_mark(struct vfs_socket *s)
{
    const struct inet_socket *i = inet_of(s);
    core_lock_acquire(&s->lock);
    int at = i->urgent && !i->urgent_at;
    core_lock_release(&s->lock);
    return at;
}

/* What the other end could not take yet. */
int64_t inet_stream_unsent(struct vfs_socket *s)
{
    uint32_t sent = s->sent, window = inet_of(s)->window;
    if (s->state == SOCKET_LISTENS)
        return -LX_EINVAL;
    return sent > window ? sent - window : 0;
}
