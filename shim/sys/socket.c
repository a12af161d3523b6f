/* SPDX-License-Identifier: MIT */
/*
 * socket(2), socketpair(2), bind(2), connect(2), listen(2), accept(2), accept4(2), shutdown(2),
 * getsockname(2), getpeername(2), getsockopt(2), setsockopt(2).
 */

#include "sys/socket.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/resource.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "sys/file.h"

#define NEW_FLAGS (LX_SOCK_CLOEXEC | LX_SOCK_NONBLOCK)

_Static_assert(LX_SOCK_NONBLOCK == LX_O_NONBLOCK && LX_SOCK_CLOEXEC == LX_O_CLOEXEC, "ABI");

struct vfs_socket_caller sys_socket_caller(struct shim_task *t)
{
    const struct shim_cred *c = &t->process->cred;
    return (struct vfs_socket_caller){t->process->fs, &t->sleeper, t->process->pid, c->uid,
                                      c->gid,         c->euid,     c->egid};
}

int sys_socket_borrow(struct shim_task *t, int32_t fd, struct vfs_borrowed *out)
{
    int err = vfs_fdtable_borrow(t->process->fds, fd, out);
    if (err < 0)
        return err;
    if (out->file->kind == VFS_FILE_PATH)
        return -LX_EBADF;
    return out->file->kind == VFS_FILE_SOCKET ? 0 : -LX_ENOTSOCK;
}

int sys_sockaddr_in(lx_uptr from, int32_t size, struct vfs_sockaddr *out)
{
    out->size = 0;
    if (size < 0 || size > (int32_t)LX_SOCKADDR_MAX)
        return -LX_EINVAL;
    memset(out->bytes, 0, sizeof out->bytes);
    int err = shim_copy_in(out->bytes, from, (uint64_t)size);
    if (err == 0)
        out->size = (uint32_t)size;
    return err;
}

int sys_sockaddr_out(lx_uptr to, lx_uptr size_at, const struct vfs_sockaddr *name)
{
    int32_t room, size = (int32_t)name->size;
    int err = shim_copy_in(&room, size_at, sizeof room);
    if (err < 0)
        return err;
    if (room < 0)
        return -LX_EINVAL;
    err = shim_copy_out(to, name->bytes, (uint64_t)(room < size ? room : size));
    return err < 0 ? err : shim_copy_out(size_at, &size, sizeof size);
}

/* socket(7), SO_RCVTIMEO; signal(7): with a timeout an interrupted call is not begun again. */
int64_t sys_socket_ended(const struct vfs_file *socket, int sends, int64_t result)
{
    return result == -LX_EINTR && vfs_socket_has_timeout(socket, sends) ? result
                                                                        : sys_interrupted(result);
}

static uint32_t fd_flags(int32_t type)
{
    return type & LX_SOCK_CLOEXEC ? VFS_FD_CLOEXEC : 0;
}

/* ---- Making ---- */

int64_t sys_socket(struct shim_task *t, int32_t family, int32_t type, int32_t protocol)
{
    const struct vfs_socket_caller caller = sys_socket_caller(t);
    struct vfs_file *file;
    if (type & ~(LX_SOCK_TYPE_MASK | NEW_FLAGS))
        return -LX_EINVAL;
    int err = vfs_socket_new(&caller, family, type & LX_SOCK_TYPE_MASK, protocol,
                             (uint32_t)type & LX_SOCK_NONBLOCK, &file);
    return err < 0 ? err : sys_install(t, file, fd_flags(type));
}

int64_t sys_socketpair(struct shim_task *t, int32_t family, int32_t type, int32_t protocol,
                       lx_uptr fds)
{
    const struct vfs_socket_caller caller = sys_socket_caller(t);
    struct vfs_file *files[2];
    int32_t pair[2];
    if (type & ~(LX_SOCK_TYPE_MASK | NEW_FLAGS))
        return -LX_EINVAL;
    int err = shim_copy_in(pair, fds, sizeof pair);
    if (err == 0)
        err = vfs_socket_pair(&caller, family, type & LX_SOCK_TYPE_MASK, protocol,
                              (uint32_t)type & LX_SOCK_NONBLOCK, files);
    if (err < 0)
        return err;
    int64_t first = sys_install(t, files[0], fd_flags(type));
    int64_t second = sys_install(t, files[1], fd_flags(type));
    int64_t result = first < 0 ? first : second < 0 ? second : 0;
    pair[0] = (int32_t)first;
    pair[1] = (int32_t)second;
    if (result == 0)
        result = shim_copy_out(fds, pair, sizeof pair);
    if (result < 0) {
        sys_take_back(t, first);
        sys_take_back(t, second);
    }
    return result;
}

/* ---- Names and connections ---- */

typedef int (*name_call)(struct vfs_file *file, const struct vfs_socket_caller *caller,
                         const struct vfs_sockaddr *name);

static int64_t with_name(struct shim_task *t, int32_t fd, lx_uptr addr, int32_t size,
                         name_call call)
{
    const struct vfs_socket_caller caller = sys_socket_caller(t);
    struct vfs_borrowed b;
    struct vfs_sockaddr name;
    int64_t result = sys_socket_borrow(t, fd, &b);
    if (result == 0)
        result = sys_sockaddr_in(addr, size, &name);
    if (result == 0)
        result = sys_socket_ended(b.file, 1, call(b.file, &caller, &name));
    vfs_give_back(&b);
    return result;
}

int64_t sys_bind(struct shim_task *t, int32_t fd, lx_uptr addr, int32_t size)
{
    return with_name(t, fd, addr, size, vfs_socket_bind);
}

int64_t sys_connect(struct shim_task *t, int32_t fd, lx_uptr addr, int32_t size)
{
    return with_name(t, fd, addr, size, vfs_socket_connect);
}

int64_t sys_listen(struct shim_task *t, int32_t fd, int32_t backlog)
{
    const struct vfs_socket_caller caller = sys_socket_caller(t);
    struct vfs_borrowed b;
    int err = sys_socket_borrow(t, fd, &b);
    if (err == 0)
        err = vfs_socket_listen(b.file, &caller, backlog);
    vfs_give_back(&b);
    return err;
}

/* The peer's name, as accept(2) gives it; without one the connection is lost. */
static int put_peer(struct vfs_file *file, lx_uptr addr, lx_uptr size_at)
{
    struct vfs_sockaddr name;
    if (!addr)
        return 0;
    if (vfs_socket_name(file, 2, &name) < 0)
        return -LX_ECONNABORTED;
    return sys_sockaddr_out(addr, size_at, &name);
}

static int64_t do_accept(struct shim_task *t, struct vfs_file *socket, lx_uptr addr,
                         lx_uptr size_at, uint32_t flags)
{
    const struct vfs_socket_caller caller = sys_socket_caller(t);
    struct vfs_file *file;
    int err = vfs_socket_accept(socket, &caller, flags & LX_SOCK_NONBLOCK, &file);
    if (err < 0)
        return sys_socket_ended(socket, 0, err);
    err = put_peer(file, addr, size_at);
    if (err < 0) {
        vfs_file_put(file);
        return err;
    }
    return sys_install(t, file, fd_flags((int32_t)flags));
}

/* A descriptor has to be free before a connection is taken, which would be lost else. */
int64_t sys_accept4(struct shim_task *t, int32_t fd, lx_uptr addr, lx_uptr size_at, uint32_t flags)
{
    struct vfs_borrowed b;
    int64_t result = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (result == 0 && flags & ~(uint32_t)NEW_FLAGS)
        result = -LX_EINVAL;
    if (result == 0)
        result =
            vfs_fdtable_has_room(t->process->fds, t->process->limits[LX_RLIMIT_NOFILE].rlim_cur);
    if (result == 0)
        result = b.file->kind == VFS_FILE_SOCKET ? do_accept(t, b.file, addr, size_at, flags)
                 : b.file->kind == VFS_FILE_PATH ? -LX_EBADF
                                                 : -LX_ENOTSOCK;
    vfs_give_back(&b);
    return result;
}

int64_t sys_accept(struct shim_task *t, int32_t fd, lx_uptr addr, lx_uptr size_at)
{
    return sys_accept4(t, fd, addr, size_at, 0);
}

int64_t sys_shutdown(struct shim_task *t, int32_t fd, int32_t how)
{
    struct vfs_borrowed b;
    int err = sys_socket_borrow(t, fd, &b);
    if (err == 0)
        err = vfs_socket_shutdown(b.file, how);
    vfs_give_back(&b);
    return err;
}

static int64_t get_name(struct shim_task *t, int32_t fd, lx_uptr addr, lx_uptr size_at, int peer)
{
    struct vfs_borrowed b;
    struct vfs_sockaddr name;
    int err = sys_socket_borrow(t, fd, &b);
    if (err == 0)
        err = vfs_socket_name(b.file, peer, &name);
    if (err == 0)
        err = sys_sockaddr_out(addr, size_at, &name);
    vfs_give_back(&b);
    return err;
}

int64_t sys_getsockname(struct shim_task *t, int32_t fd, lx_uptr addr, lx_uptr size_at)
{
    return get_name(t, fd, addr, size_at, 0);
}

int64_t sys_getpeername(struct shim_task *t, int32_t fd, lx_uptr addr, lx_uptr size_at)
{
    return get_name(t, fd, addr, size_at, 1);
}

/* ---- Options ---- */

/*
 * SO_PEERPIDFD: a new descriptor for the peer's process.
 * Differs from Linux: should its id be another's by now, it is for that one.
 */
static int64_t peer_pidfd(struct shim_task *t, struct vfs_file *file, int32_t size, lx_uptr value,
                          lx_uptr size_at)
{
    struct vfs_socket_option peer;
    int32_t fd;
    if (size < (int32_t)sizeof fd)
        return -LX_EINVAL;
    int64_t result = vfs_socket_get_option(file, LX_SOL_SOCKET, LX_SO_PEERCRED, &peer);
    if (result == 0)
        result = peer.cred.pid ? sys_pidfd_open(t, peer.cred.pid, 0) : -LX_ENODATA;
    if (result < 0)
        return result;
    fd = (int32_t)result;
    size = sizeof fd;
    result = shim_copy_out(size_at, &size, sizeof size);
    if (result == 0)
        result = shim_copy_out(value, &fd, sizeof fd);
    if (result < 0)
        sys_take_back(t, fd);
    return result;
}

static int64_t get_option(struct shim_task *t, struct vfs_file *file, int32_t level, int32_t name,
                          lx_uptr value, lx_uptr size_at)
{
    struct vfs_socket_option option;
    int32_t size;
    int err = shim_copy_in(&size, size_at, sizeof size);
    if (err == 0 && size < 0)
        err = -LX_EINVAL;
    if (err == 0 && level == LX_SOL_SOCKET && name == LX_SO_PEERPIDFD)
        return peer_pidfd(t, file, size, value, size_at);
    if (err == 0)
        err = vfs_socket_get_option(file, level, name, &option);
    if (err < 0)
        return err;
    size = (uint32_t)size < option.size ? size : (int32_t)option.size;
    err = shim_copy_out(value, option.bytes, (uint64_t)size);
    return err < 0 ? err : shim_copy_out(size_at, &size, sizeof size);
}

int64_t sys_getsockopt(struct shim_task *t, int32_t fd, int32_t level, int32_t name, lx_uptr value,
                       lx_uptr size_at)
{
    struct vfs_borrowed b;
    int64_t result = sys_socket_borrow(t, fd, &b);
    if (result == 0)
        result = get_option(t, b.file, level, name, value, size_at);
    vfs_give_back(&b);
    return result;
}

static int set_option(struct vfs_file *file, int32_t level, int32_t name, lx_uptr value,
                      int32_t size)
{
    struct vfs_socket_option option = {.size = 0};
    if (size < 0)
        return -LX_EINVAL;
    option.size = (uint32_t)size < VFS_OPTION_IN_MAX ? (uint32_t)size : VFS_OPTION_IN_MAX;
    int err = shim_copy_in(option.bytes, value, option.size);
    return err < 0 ? err : vfs_socket_set_option(file, level, name, &option);
}

int64_t sys_setsockopt(struct shim_task *t, int32_t fd, int32_t level, int32_t name, lx_uptr value,
                       int32_t size)
{
    struct vfs_borrowed b;
    int err = sys_socket_borrow(t, fd, &b);
    if (err == 0)
        err = set_option(b.file, level, name, value, size);
    vfs_give_back(&b);
    return err;
}
