/* SPDX-License-Identifier: MIT */
/*
 * sendto(2), recvfrom(2), sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2), and reading and
 * writing sockets.
 */

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/signal.h"
#include "lx/time.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/time.h"
#include "sys/file.h"
#include "sys/socket.h"

#define MESSAGES_MAX 1024u /* of sendmmsg(2) and recvmmsg(2) */

/* ---- Buffers ---- */

/* The buffers of a message; a few lie here, more in the arena. */
struct buffers {
    struct lx_iovec few[8], *all;
    uint64_t count, total;
};

static void buffers_free(struct buffers *b)
{
    if (b->all != b->few)
        core_arena_free(b->all, b->count * sizeof *b->all);
    b->all = b->few;
}

/* They are all in the guest's windows, and not more than one call transfers. */
static int buffers_check(struct buffers *b)
{
    uint64_t left = LX_RW_MAX;
    for (uint64_t i = 0; i < b->count; i++) {
        struct lx_iovec *v = &b->all[i];
        if (v->iov_len && !shim_user_ok(v->iov_base, v->iov_len))
            return -LX_EFAULT;
        v->iov_len = v->iov_len < left ? v->iov_len : left;
        left -= v->iov_len;
    }
    b->total = LX_RW_MAX - left;
    return 0;
}

/* Copy them in; buffers_free() afterwards, also on failure.  -LX_EINVAL, -LX_EFAULT. */
static int buffers_load(struct buffers *b, lx_uptr iov, uint64_t count)
{
    b->all = b->few;
    b->count = b->total = 0;
    if (count > SHIM_IOV_MAX)
        return -LX_EINVAL;
    b->count = count;
    if (count > sizeof b->few / sizeof *b->few)
        b->all = core_arena_alloc_dirty(count * sizeof *b->all);
    if (!b->all) {
        b->all = b->few;
        return -LX_ENOMEM;
    }
    int err = shim_copy_iovec(b->all, iov, count, &b->total);
    return err < 0 ? err : buffers_check(b);
}

static void message_init(struct vfs_message *m, const struct buffers *b, uint32_t flags)
{
    m->iov = b->all;
    m->iov_count = b->count;
    m->size = b->total;
    m->flags = flags;
    m->out_flags = m->signal = m->has_cred = 0;
    m->name.size = 0;
    m->rights = NULL;
    m->control_count = 0;
}

/* ---- Sending and receiving ---- */

static int64_t send(struct shim_task *t, struct vfs_file *socket, struct vfs_message *m)
{
    const struct vfs_socket_caller caller = sys_socket_caller(t);
    int64_t n = vfs_socket_send(socket, &caller, m);
    if (m->signal && !(m->flags & LX_MSG_NOSIGNAL))
        shim_signal_raise(t, LX_SIGPIPE);
    return sys_socket_ended(socket, 1, n);
}

static int64_t receive(struct shim_task *t, struct vfs_file *socket, struct vfs_message *m)
{
    const struct vfs_socket_caller caller = sys_socket_caller(t);
    return sys_socket_ended(socket, 0, vfs_socket_receive(socket, &caller, m));
}

/* Without a place for them, descriptors that came are closed. */
static int64_t move(struct shim_task *t, struct vfs_file *socket, int sends, struct buffers *b)
{
    struct vfs_message m;
    message_init(&m, b, 0);
    if (sends)
        return send(t, socket, &m);
    int64_t n = receive(t, socket, &m);
    vfs_rights_free(m.rights);
    return n;
}

int64_t sys_socket_buffer(struct shim_task *t, struct vfs_file *socket, int sends, lx_uptr buf,
                          uint64_t size)
{
    struct buffers b = {.all = b.few, .few = {{buf, size}}, .count = 1, .total = size};
    if (!size && !sends)
        return 0; /* Linux does not even look */
    return move(t, socket, sends, &b);
}

int64_t sys_socket_vector(struct shim_task *t, struct vfs_file *socket, int sends, lx_uptr iov,
                          uint64_t count)
{
    struct buffers b;
    int64_t result = buffers_load(&b, iov, count);
    if (result == 0 && b.total)
        result = move(t, socket, sends, &b);
    buffers_free(&b);
    return result;
}

int64_t sys_sendto(struct shim_task *t, int32_t fd, lx_uptr buf, uint64_t size, uint32_t flags,
                   lx_uptr addr, int32_t addr_size)
{
    struct buffers v = {.all = v.few, .few = {{buf, size}}, .count = 1};
    struct vfs_borrowed b;
    struct vfs_message m;
    if (buffers_check(&v) < 0)
        return -LX_EFAULT;
    message_init(&m, &v, flags);
    int64_t result = sys_socket_borrow(t, fd, &b);
    if (result == 0 && addr)
        result = sys_sockaddr_in(addr, addr_size, &m.name);
    if (result == 0)
        result = send(t, b.file, &m);
    vfs_give_back(&b);
    return result;
}

int64_t sys_recvfrom(struct shim_task *t, int32_t fd, lx_uptr buf, uint64_t size, uint32_t flags,
                     lx_uptr addr, lx_uptr addr_size)
{
    struct buffers v = {.all = v.few, .few = {{buf, size}}, .count = 1};
    struct vfs_borrowed b;
    struct vfs_message m;
    if (buffers_check(&v) < 0)
        return -LX_EFAULT;
    message_init(&m, &v, flags);
    int64_t result = sys_socket_borrow(t, fd, &b);
    if (result == 0)
        result = receive(t, b.file, &m);
    vfs_rights_free(m.rights);
    if (result >= 0 && addr) {
        int err = sys_sockaddr_out(addr, addr_size, &m.name);
        result = err < 0 ? err : result;
    }
    vfs_give_back(&b);
    return result;
}

/* ---- sendmsg(2), recvmsg(2) ---- */

/* The header and its buffers; buffers_free() afterwards, also on failure. */
static int header_in(lx_uptr at, struct lx_msghdr *h, struct buffers *b)
{
    b->all = b->few;
    b->count = 0;
    int err = shim_copy_in(h, at, sizeof *h);
    if (err < 0)
        return err;
    if (!h->msg_name)
        h->msg_namelen = 0;
    if (h->msg_namelen < 0)
        return -LX_EINVAL;
    if (h->msg_namelen > (int32_t)LX_SOCKADDR_MAX)
        h->msg_namelen = LX_SOCKADDR_MAX;
    if (h->msg_iovlen > SHIM_IOV_MAX)
        return -LX_EMSGSIZE;
    return buffers_load(b, h->msg_iov, h->msg_iovlen);
}

static int64_t send_message(struct shim_task *t, struct vfs_file *socket, lx_uptr at,
                            uint32_t flags)
{
    struct lx_msghdr h;
    struct buffers b;
    struct vfs_message m;
    int64_t result = header_in(at, &h, &b);
    message_init(&m, &b, flags);
    if (result == 0 && h.msg_namelen)
        result = sys_sockaddr_in(h.msg_name, h.msg_namelen, &m.name);
    if (result == 0)
        result = sys_control_in(t, &h, &m);
    if (result == 0)
        result = send(t, socket, &m);
    vfs_rights_free(m.rights);
    buffers_free(&b);
    return result;
}

/* What goes back into the guest's header. */
static int header_out(struct shim_task *t, const struct vfs_file *socket, lx_uptr at,
                      struct lx_msghdr *h, const struct vfs_message *m)
{
    uint64_t room = h->msg_controllen;
    uint32_t flags = m->out_flags | (m->flags & LX_MSG_CMSG_CLOEXEC);
    flags |= sys_control_out(t, socket, m, h);
    uint64_t used = room - h->msg_controllen;
    int err = h->msg_name ? sys_sockaddr_out(h->msg_name,
                                             at + offsetof(struct lx_msghdr, msg_namelen), &m->name)
                          : 0;
    if (err == 0)
        err = shim_copy_out(at + offsetof(struct lx_msghdr, msg_flags), &flags, sizeof flags);
    if (err == 0)
        err = shim_copy_out(at + offsetof(struct lx_msghdr, msg_controllen), &used, sizeof used);
    return err;
}

static int64_t receive_message(struct shim_task *t, struct vfs_file *socket, lx_uptr at,
                               uint32_t flags)
{
    struct lx_msghdr h;
    struct buffers b;
    struct vfs_message m;
    int64_t result = header_in(at, &h, &b);
    message_init(&m, &b, flags);
    if (result == 0)
        result = receive(t, socket, &m);
    if (result >= 0) {
        int err = header_out(t, socket, at, &h, &m);
        result = err < 0 ? err : result;
    }
    vfs_rights_free(m.rights);
    buffers_free(&b);
    return result;
}

typedef int64_t (*message_call)(struct shim_task *t, struct vfs_file *socket, lx_uptr at,
                                uint32_t flags);

static int64_t with_socket(struct shim_task *t, int32_t fd, lx_uptr at, uint32_t flags,
                           message_call call)
{
    struct vfs_borrowed b;
    int64_t result = sys_socket_borrow(t, fd, &b);
    if (result == 0)
        result = call(t, b.file, at, flags);
    vfs_give_back(&b);
    return result;
}

int64_t sys_sendmsg(struct shim_task *t, int32_t fd, lx_uptr at, uint32_t flags)
{
    return with_socket(t, fd, at, flags, send_message);
}

int64_t sys_recvmsg(struct shim_task *t, int32_t fd, lx_uptr at, uint32_t flags)
{
    return with_socket(t, fd, at, flags, receive_message);
}

/* ---- sendmmsg(2), recvmmsg(2) ---- */

static int put_size(lx_uptr entry, int64_t size)
{
    uint32_t value = (uint32_t)size;
    return shim_copy_out(entry + offsetof(struct lx_mmsghdr, msg_len), &value, sizeof value);
}

static int64_t send_messages(struct shim_task *t, struct vfs_file *socket, lx_uptr at,
                             uint32_t count, uint32_t flags)
{
    uint32_t done = 0;
    int64_t result = 0;
    count = count < MESSAGES_MAX ? count : MESSAGES_MAX;
    while (done < count) {
        lx_uptr entry = at + done * sizeof(struct lx_mmsghdr);
        result = send_message(t, socket, entry, flags);
        if (result >= 0)
            result = put_size(entry, result);
        if (result < 0)
            break;
        done++;
    }
    return done ? done : result;
}

int64_t sys_sendmmsg(struct shim_task *t, int32_t fd, lx_uptr at, uint32_t count, uint32_t flags)
{
    struct vfs_borrowed b;
    int64_t result = sys_socket_borrow(t, fd, &b);
    if (result == 0)
        result = send_messages(t, b.file, at, count, flags);
    vfs_give_back(&b);
    return result;
}

/* As Linux, the time is looked at after each message: it does not end a wait for one. */
static int64_t receive_messages(struct shim_task *t, struct vfs_file *socket, lx_uptr at,
                                uint32_t count, uint32_t flags, int64_t deadline_ns)
{
    uint32_t done = 0;
    int64_t result = vfs_socket_error(socket);
    while (result >= 0 && done < count) {
        lx_uptr entry = at + done * sizeof(struct lx_mmsghdr);
        result = receive_message(t, socket, entry, flags & ~LX_MSG_WAITFORONE);
        if (result >= 0)
            result = put_size(entry, result);
        if (result < 0)
            break;
        done++;
        if (flags & LX_MSG_WAITFORONE)
            flags |= LX_MSG_DONTWAIT;
        if (deadline_ns != PLAT_FOREVER &&
            (int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC) >= deadline_ns)
            break;
    }
    if (done && result < 0 && result != -LX_EAGAIN && result > -SHIM_ERESTARTSYS)
        vfs_socket_set_error(socket, (int)result); /* what has come counts; the next call fails */
    return done ? done : result;
}

static int64_t put_left(lx_uptr timeout, int64_t deadline_ns)
{
    int64_t left = deadline_ns - (int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC);
    left = left < 0 ? 0 : left;
    const struct lx_timespec ts = {left / 1000000000, left % 1000000000};
    return shim_copy_out(timeout, &ts, sizeof ts);
}

int64_t sys_recvmmsg(struct shim_task *t, int32_t fd, lx_uptr at, uint32_t count, uint32_t flags,
                     lx_uptr timeout)
{
    struct vfs_borrowed b;
    int64_t deadline_ns = PLAT_FOREVER;
    int err = timeout ? shim_time_deadline(timeout, LX_CLOCK_MONOTONIC, 0, &deadline_ns) : 0;
    if (err < 0)
        return err;
    int64_t result = sys_socket_borrow(t, fd, &b);
    if (result == 0)
        result = receive_messages(t, b.file, at, count, flags, deadline_ns);
    vfs_give_back(&b);
    if (result > 0 && timeout && put_left(timeout, deadline_ns) < 0)
        result = -LX_EFAULT;
    return result;
}
