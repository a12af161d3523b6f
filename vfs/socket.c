/* SPDX-License-Identifier: MIT */
/* Sockets: what all families have in common, and the way to each one's operations. */

#include "vfs/socket.h"

#include <stdatomic.h>

#include "async.h"
#include "core/arena.h"
#include "core/mem.h"
#include "inet.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/signal.h"
#include "lx/stat.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "socket_ops.h"
#include "unix.h"
#include "vfs/file.h"

#define BUFFER_SIZE 212992u   /* /proc/sys/net/core/wmem_default */
#define DATAGRAMS_QUEUED 10u  /* /proc/sys/net/unix/max_dgram_qlen */
#define SOCKET_DEVICE_MINOR 8 /* of the device that stat(2) shows */

static const struct socket_ops *const g_ops[SOCKET_KIND_COUNT] = {
    [SOCKET_UNIX_STREAM] = &unix_stream_ops,       [SOCKET_UNIX_DGRAM] = &unix_dgram_ops,
    [SOCKET_UNIX_SEQPACKET] = &unix_seqpacket_ops, [SOCKET_INET_STREAM] = &inet_stream_ops,
    [SOCKET_INET_DGRAM] = &inet_dgram_ops,         [SOCKET_NETLINK] = &netlink_ops,
};

const struct socket_ops *socket_ops_of(const struct vfs_socket *s)
{
    return g_ops[s->kind];
}

static const struct socket_ops *ops(const struct vfs_socket *s)
{
    return socket_ops_of(s);
}

/* ---- Sockets ---- */

struct vfs_socket *socket_alloc(enum socket_kind kind, uint32_t family, uint32_t type,
                                const struct vfs_socket_caller *caller)
{
    struct vfs_socket *s = core_arena_alloc(g_ops[kind]->size);
    if (!s)
        return NULL;
    s->refs = 1;
    s->kind = (uint8_t)kind;
    s->type = (uint8_t)type;
    s->family = (uint16_t)family;
    s->uid = caller->euid;
    s->gid = caller->egid;
    s->ino = core_arena_unique();
    s->mode = 0777;
    s->send_limit = s->receive_size = BUFFER_SIZE;
    s->low_water = 1;
    s->backlog = DATAGRAMS_QUEUED;
    s->cred = (struct lx_ucred){0, UINT32_MAX, UINT32_MAX};
    core_waitq_init(&s->waitq);
    core_waitq_init(&s->room);
    core_lock_init(&s->lock, CORE_LOCK_SOCKET);
    core_list_init(&s->queue);
    core_list_init(&s->pending);
    core_list_init(&s->in_flight_node);
    if (g_ops[kind]->init)
        g_ops[kind]->init(s);
    return s;
}

struct vfs_socket *socket_get(struct vfs_socket *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void socket_put(struct vfs_socket *s)
{
    if (s && atomic_fetch_sub(&s->refs, 1) == 1)
        core_arena_free(s, ops(s)->size);
}

void socket_lock_both(struct vfs_socket *a, struct vfs_socket *b)
{
    core_lock_acquire(a < b ? &a->lock : &b->lock);
    if (a != b)
        core_lock_acquire(a < b ? &b->lock : &a->lock);
}

void socket_unlock_both(struct vfs_socket *a, struct vfs_socket *b)
{
    core_lock_release(&a->lock);
    if (a != b)
        core_lock_release(&b->lock);
}

int socket_take_error(struct vfs_socket *s)
{
    return s->error ? -atomic_exchange(&s->error, 0) : 0;
}

void socket_tell_all(struct vfs_socket *s)
{
    core_waitq_wake(&s->waitq, ~0u, UINT32_MAX);
}

/* Who sleeps in a receive from a stream hears of it: sock_wake_async() in Linux. */
void socket_async(struct vfs_socket *s, int32_t code)
{
    int is_heard = s->async && (code == LX_POLL_IN || code == LX_POLL_HUP) &&
                   s->type == LX_SOCK_STREAM && s->state != SOCKET_LISTENS && s->receivers;
    if (!is_heard)
        async_tell(&s->async, code);
}

void socket_tell_receiver(struct vfs_socket *s)
{
    socket_async(s, LX_POLL_IN);
    core_waitq_wake_some(&s->waitq, SOCKET_IN, 1);
}

void socket_tell_writable(struct vfs_socket *s)
{
    core_waitq_wake(&s->waitq, SOCKET_OUT, UINT32_MAX);
    if (s->async_wants_room && atomic_exchange(&s->async_wants_room, 0) &&
        !(s->shut & SOCKET_NO_SEND))
        async_tell(&s->async, LX_POLL_OUT);
}

/* ---- Waiting ---- */

int64_t socket_deadline(int64_t timeout_ns)
{
    return timeout_ns ? (int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC) + timeout_ns : PLAT_FOREVER;
}

int socket_wait(struct socket_wait *w)
{
    struct core_waiter *waiter = &w->self->waiter;
    int err = 0;
    if (w->joined) {
        err = async_sleep(w->self, w->deadline_ns);
    } else {
        w->deadline_ns = socket_deadline(w->timeout_ns);
        if (w->exclusive)
            core_waitq_add_exclusive(w->queue, waiter, w->self, w->events);
        else
            core_waitq_add(w->queue, waiter, w->self, w->events);
        w->joined = 1;
    }
    core_waiter_look(waiter);
    return err;
}

/* more: there is something for the next one; it was perhaps told to us alone. */
void socket_wait_end(struct socket_wait *w, int more)
{
    if (!w->joined)
        return;
    core_waitq_remove(&w->self->waiter);
    w->joined = 0;
    if (more && w->exclusive)
        core_waitq_wake_some(w->queue, w->events, 1);
}

int64_t socket_wait_for(struct vfs_socket *s, const struct vfs_socket_caller *caller, int waits,
                        uint32_t events, socket_look look, void *arg)
{
    int takes = events == SOCKET_IN, err = 0;
    uint32_t hears = takes && s->async; /* else nobody asks */
    struct socket_wait w = {.queue = &s->waitq,
                            .self = caller->self,
                            .events = events,
                            .exclusive = takes,
                            .timeout_ns = takes ? s->receive_ns : s->send_ns};
    int64_t result;
    while ((result = look(s, arg)) == -LX_EAGAIN && waits && err == 0) {
        if (UNLIKELY(hears))
            atomic_fetch_add(&s->receivers, 1);
        err = socket_wait(&w);
        if (UNLIKELY(hears))
            atomic_fetch_sub(&s->receivers, 1);
    }
    socket_wait_end(&w, s->queued || s->bytes);
    return result == -LX_EAGAIN && err == -LX_EINTR ? err : result;
}

/* ---- Buffers ---- */

static int copy(struct socket_cursor *c, uint8_t *bytes, uint64_t size, int in)
{
    while (size) {
        uint64_t left = c->iov->iov_len - c->offset, part = left < size ? left : size;
        uint8_t *guest = (uint8_t *)c->iov->iov_base + c->offset;
        if (part && plat_copy_guest(in ? bytes : guest, in ? guest : bytes, part))
            return -LX_EFAULT;
        bytes += part;
        size -= part;
        c->offset += part;
        if (c->offset == c->iov->iov_len && c->count > 1) {
            c->iov++;
            c->count--;
            c->offset = 0;
        }
    }
    return 0;
}

int socket_copy_in(struct socket_cursor *c, void *to, uint64_t size)
{
    return copy(c, to, size, 1);
}

int socket_copy_out(struct socket_cursor *c, const void *from, uint64_t size)
{
    return copy(c, (uint8_t *)(uintptr_t)from, size, 0);
}

/* ---- Files ---- */

static int waits(const struct vfs_file *file, uint32_t flags)
{
    return !(file->flags & LX_O_NONBLOCK || flags & LX_MSG_DONTWAIT);
}

/* Which table it is, with Linux' checks in Linux' order; a type may stand for another. */
static int kind_of(int32_t family, int32_t *type, int32_t protocol, enum socket_kind *kind)
{
    if (family < 0 || family >= LX_AF_MAX)
        return -LX_EAFNOSUPPORT;
    if (*type < 0 || *type >= LX_SOCK_MAX)
        return -LX_EINVAL;
    switch (family) {
    case LX_AF_UNIX:
        return unix_kind_of(type, protocol, kind);
    case LX_AF_INET:
    case LX_AF_INET6:
        return inet_kind_of(*type, protocol, kind);
    case LX_AF_NETLINK:
        return netlink_kind_of(*type, protocol, kind);
    case LX_AF_PACKET:
        return -LX_EPERM; /* as without CAP_NET_RAW */
    default:
        return -LX_EAFNOSUPPORT;
    }
}

/* A file for a socket, whose reference moves to it when this succeeds. */
static int file_new(struct vfs_socket *s, uint32_t flags, struct vfs_file **out)
{
    int err = vfs_file_new(VFS_FILE_SOCKET, LX_O_RDWR | flags, NULL, out);
    if (err < 0)
        return err;
    (*out)->socket = s;
    core_lock_acquire(&s->lock);
    s->file = *out;
    s->accepted = 1;
    core_lock_release(&s->lock);
    return 0;
}

/* The end of a socket that gets no file. */
static void drop(struct vfs_socket *s)
{
    struct core_list rest;
    core_list_init(&rest);
    ops(s)->close(s, &rest);
    file_put_rest(&rest);
    socket_put(s);
}

int vfs_socket_new(const struct vfs_socket_caller *caller, int32_t family, int32_t type,
                   int32_t protocol, uint32_t flags, struct vfs_file **out)
{
    enum socket_kind kind;
    *out = NULL;
    int err = kind_of(family, &type, protocol, &kind);
    if (err < 0)
        return err;
    struct vfs_socket *s = socket_alloc(kind, (uint32_t)family, (uint32_t)type, caller);
    if (!s)
        return -LX_ENFILE;
    err = file_new(s, flags, out);
    if (err < 0)
        drop(s);
    return err;
}

int vfs_socket_pair(const struct vfs_socket_caller *caller, int32_t family, int32_t type,
                    int32_t protocol, uint32_t flags, struct vfs_file *out[2])
{
    out[1] = NULL;
    int err = vfs_socket_new(caller, family, type, protocol, flags, &out[0]);
    if (err == 0)
        err = vfs_socket_new(caller, family, type, protocol, flags, &out[1]);
    if (err == 0)
        err = ops(out[0]->socket)->pair(out[0]->socket, out[1]->socket, caller);
    if (err < 0) {
        vfs_file_put(out[0]);
        vfs_file_put(out[1]);
        out[0] = out[1] = NULL;
    }
    return err;
}

int vfs_socket_bind(struct vfs_file *file, const struct vfs_socket_caller *caller,
                    const struct vfs_sockaddr *name)
{
    return ops(file->socket)->bind(file->socket, caller, name);
}

int vfs_socket_connect(struct vfs_file *file, const struct vfs_socket_caller *caller,
                       const struct vfs_sockaddr *name)
{
    return ops(file->socket)->connect(file->socket, caller, name, waits(file, 0));
}

int vfs_socket_listen(struct vfs_file *file, const struct vfs_socket_caller *caller,
                      int32_t backlog)
{
    uint32_t count = (uint32_t)backlog < LX_SOMAXCONN ? (uint32_t)backlog : LX_SOMAXCONN;
    return ops(file->socket)->listen(file->socket, caller, count);
}

int vfs_socket_accept(struct vfs_file *file, const struct vfs_socket_caller *caller, uint32_t flags,
                      struct vfs_file **out)
{
    struct vfs_socket *s;
    *out = NULL;
    int err = ops(file->socket)->accept(file->socket, caller, waits(file, 0), &s);
    if (err < 0)
        return err;
    err = file_new(s, flags, out);
    if (err < 0)
        drop(s); /* the connection is lost, as if it had never been accepted */
    return err;
}

int socket_no_pair(struct vfs_socket *a, struct vfs_socket *b,
                   const struct vfs_socket_caller *caller)
{
    (void)a, (void)b, (void)caller;
    return -LX_EOPNOTSUPP;
}

int socket_no_listen(struct vfs_socket *s, const struct vfs_socket_caller *caller, uint32_t backlog)
{
    (void)s, (void)caller, (void)backlog;
    return -LX_EOPNOTSUPP;
}

int socket_no_accept(struct vfs_socket *s, const struct vfs_socket_caller *caller, int waits,
                     struct vfs_socket **out)
{
    (void)s, (void)caller, (void)waits;
    *out = NULL;
    return -LX_EOPNOTSUPP;
}

int vfs_socket_shutdown(struct vfs_file *file, int32_t how)
{
    if (how < LX_SHUT_RD || how > LX_SHUT_RDWR)
        return -LX_EINVAL;
    return ops(file->socket)->shutdown(file->socket, (uint32_t)how + 1);
}

_Static_assert(SOCKET_NO_RECEIVE == LX_SHUT_RD + 1 && SOCKET_NO_SEND == LX_SHUT_WR + 1 &&
                   SOCKET_SHUT == LX_SHUT_RDWR + 1,
               "the bits of shutdown(2)");

int vfs_socket_name(struct vfs_file *file, int peer, struct vfs_sockaddr *out)
{
    out->size = 0;
    return ops(file->socket)->name(file->socket, peer, out);
}

int64_t vfs_socket_send(struct vfs_file *file, const struct vfs_socket_caller *caller,
                        struct vfs_message *message)
{
    int64_t n = ops(file->socket)->send(file->socket, caller, message, waits(file, message->flags));
    vfs_rights_free(message->rights); /* those that have not been sent */
    message->rights = NULL;
    return n;
}

int64_t vfs_socket_receive(struct vfs_file *file, const struct vfs_socket_caller *caller,
                           struct vfs_message *message)
{
    return ops(file->socket)->receive(file->socket, caller, message, waits(file, message->flags));
}

int vfs_socket_has_timeout(const struct vfs_file *file, int sends)
{
    return (sends ? file->socket->send_ns : file->socket->receive_ns) != 0;
}

int vfs_socket_passes_cred(const struct vfs_file *file)
{
    return socket_option_is_on(file->socket, LX_SO_PASSCRED);
}

uint32_t vfs_socket_family(const struct vfs_file *file)
{
    return file->socket->family;
}

int vfs_socket_error(struct vfs_file *file)
{
    return socket_take_error(file->socket);
}

void vfs_socket_set_error(struct vfs_file *file, int error)
{
    file->socket->error = -error;
}

int64_t vfs_socket_unsent(struct vfs_file *file)
{
    return ops(file->socket)->unsent(file->socket);
}

int vfs_socket_at_mark(struct vfs_file *file)
{
    struct vfs_socket *s = file->socket;
    return ops(s)->at_mark ? ops(s)->at_mark(s) : -LX_ENOTTY;
}

void vfs_socket_set_mode(struct vfs_file *file, uint32_t mode)
{
    file->socket->mode = mode & 07777;
}

void vfs_socket_stat(struct vfs_file *file, struct lx_stat *out)
{
    const struct vfs_socket *s = file->socket;
    memset(out, 0, sizeof *out);
    out->st_dev = LX_MAKEDEV(0, SOCKET_DEVICE_MINOR);
    out->st_ino = s->ino;
    out->st_mode = LX_S_IFSOCK | s->mode;
    out->st_uid = s->uid;
    out->st_gid = s->gid;
    out->st_nlink = 1;
    out->st_blksize = 4096;
}

uint32_t vfs_socket_poll(struct vfs_file *file)
{
    return ops(file->socket)->poll(file->socket);
}

struct core_waitq *vfs_socket_waitq(struct vfs_file *file)
{
    return &file->socket->waitq;
}

int64_t vfs_socket_available(struct vfs_file *file)
{
    return ops(file->socket)->available(file->socket);
}

void socket_close(struct vfs_file *file, struct core_list *rest)
{
    struct vfs_socket *s = file->socket;
    if (!s)
        return; /* its making has failed */
    core_lock_acquire(&s->lock);
    s->file = NULL;
    core_lock_release(&s->lock);
    ops(s)->close(s, rest);
    socket_put(s);
}

uint32_t socket_in_flight(const struct vfs_file *file)
{
    return file->socket ? file->socket->in_flight : 0;
}

/* As sendfile(2) and splice(2) do it: the caller has no name, and gets none. */
static struct vfs_message message_of(const struct lx_iovec *iov)
{
    return (struct vfs_message){
        .iov = iov, .iov_count = 1, .size = iov->iov_len, .flags = LX_MSG_NOSIGNAL};
}

int64_t vfs_socket_read(struct vfs_file *file, void *buf, uint64_t size, struct core_sleeper *self)
{
    const struct vfs_socket_caller caller = {.self = self};
    const struct lx_iovec iov = {(uintptr_t)buf, size};
    struct vfs_message m = message_of(&iov);
    int64_t n = vfs_socket_receive(file, &caller, &m);
    vfs_rights_free(m.rights);
    return n;
}

int64_t vfs_socket_write(struct vfs_file *file, const void *buf, uint64_t size,
                         struct core_sleeper *self)
{
    const struct vfs_socket_caller caller = {.self = self};
    const struct lx_iovec iov = {(uintptr_t)buf, size};
    struct vfs_message m = message_of(&iov);
    return vfs_socket_send(file, &caller, &m);
}

/* ---- Files on their way ---- */

static uint64_t rights_size(uint32_t capacity)
{
    return sizeof(struct vfs_rights) + capacity * sizeof(struct vfs_file *);
}

struct vfs_rights *vfs_rights_new(uint32_t capacity)
{
    struct vfs_rights *r = core_arena_alloc(rights_size(capacity));
    if (!r)
        return NULL;
    core_list_init(&r->node);
    r->capacity = capacity;
    return r;
}

void rights_free(struct vfs_rights *rights)
{
    core_arena_free(rights, rights_size(rights->capacity));
}

void vfs_rights_free(struct vfs_rights *rights)
{
    struct core_list rest;
    if (!rights)
        return;
    core_list_init(&rest);
    core_list_add(&rest, &rights->node);
    file_put_rest(&rest);
}
