/* SPDX-License-Identifier: MIT */
/* Open files: what every kind has in common, and the kinds of the tree. */

#include "vfs/file.h"

#include <stdatomic.h>

#include "async.h"
#include "core/arena.h"
#include "core/mem.h"
#include "device.h"
#include "host.h"
#include "inode_ops.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "lx/unistd.h"
#include "made.h"
#include "mounts.h"
#include "notify.h"
#include "opened.h"
#include "plat/plat.h"
#include "socket_ops.h"
#include "stream.h"
#include "tty_ends.h"
#include "unix.h"
#include "vfs/event.h"
#include "vfs/image.h"
#include "vfs/inode.h"
#include "vfs/inotify.h"
#include "vfs/lock.h"
#include "vfs/mqueue.h"
#include "vfs/path.h"
#include "vfs/pidfd.h"
#include "vfs/pipe.h"
#include "vfs/signalfd.h"
#include "vfs/socket.h"
#include "vfs/timerfd.h"
#include "vfs/tree.h"

#define ALWAYS_READY (LX_POLLIN | LX_POLLRDNORM | LX_POLLOUT | LX_POLLWRNORM)

static int is_on_host(const struct vfs_file *file)
{
    return file->kind == VFS_FILE_REGULAR && file->inode->owner == VFS_OF_HOST;
}

/* execve(2), ETXTBSY: as in Linux, memfd_create(2)'s own descriptor does not count. */
static int is_writer(const struct vfs_file *file)
{
    return file->kind == VFS_FILE_REGULAR && file->inode && !file->inode->memfd &&
           (file->flags & LX_O_ACCMODE) != LX_O_RDONLY;
}

int vfs_file_new(enum vfs_file_kind kind, uint32_t flags, struct vfs_inode *inode,
                 struct vfs_file **out)
{
    struct vfs_file *f = core_arena_alloc(sizeof *f);
    *out = f;
    if (!f)
        return -LX_ENFILE;
    atomic_init(&f->refs, 1);
    f->kind = (uint8_t)kind;
    atomic_init(&f->flags, flags & ~(uint32_t)(LX_O_CREAT | LX_O_EXCL | LX_O_NOCTTY | LX_O_TRUNC |
                                               LX_O_CLOEXEC));
    f->inode = inode ? vfs_inode_get(inode) : NULL;
    /* What /proc shows is asked from those who keep it, with locks of theirs. */
    core_lock_init(&f->lock, inode && made_fs(inode->owner) ? CORE_LOCK_MADE_FILE : CORE_LOCK_FILE);
    core_list_init(&f->watches);
    if (is_on_host(f)) {
        int err = host_open(inode, ((flags & LX_O_ACCMODE) + 1) & (PLAT_READ | PLAT_WRITE));
        if (err < 0) {
            vfs_inode_put(f->inode);
            core_arena_free(f, sizeof *f);
            *out = NULL;
            return err;
        }
    }
    if (is_writer(f))
        atomic_fetch_add(&inode->writer_count, 1);
    return 0;
}

static int open_device(struct vfs_inode *inode, uint32_t flags, struct vfs_file **out)
{
    if ((inode->mode & LX_S_IFMT) != LX_S_IFCHR)
        return -LX_ENXIO;
    if (LX_MAJOR((uint64_t)inode->rdev) == PTS_MAJOR)
        return vfs_tty_open(inode, flags, out);
    if (inode->rdev == LX_MAKEDEV(TTYAUX_MAJOR, TTY_MINOR))
        return vfs_tty_open_own(inode, flags, out);
    if (inode->rdev == LX_MAKEDEV(TTYAUX_MAJOR, PTMX_MINOR))
        return vfs_ptmx_open(inode, flags, out);
    if (!device_exists(inode->rdev))
        return -LX_ENXIO;
    int err = vfs_file_new(VFS_FILE_DEVICE, flags, inode, out);
    if (err == 0)
        (*out)->device = (uint8_t)LX_MINOR(inode->rdev);
    return err;
}

/* Nothing of a queue is on a disk that could be read past a cache. */
static int open_queue(struct vfs_inode *inode, uint32_t flags, struct vfs_file **out)
{
    return flags & LX_O_DIRECT ? -LX_EINVAL : vfs_file_new(VFS_FILE_MQUEUE, flags, inode, out);
}

int vfs_file_open(struct vfs_inode *inode, uint32_t flags, struct core_sleeper *self,
                  struct vfs_file **out)
{
    *out = NULL;
    if (flags & LX_O_PATH)
        return vfs_file_new(VFS_FILE_PATH, flags & (LX_O_PATH | LX_O_DIRECTORY | LX_O_NOFOLLOW),
                            inode, out);
    int err;
    if (inode->owner == VFS_OF_FILE)
        return opened_again(inode->opened, flags, out);
    switch (inode->mode & LX_S_IFMT) {
    case LX_S_IFREG:
        return mqueue_of(inode) ? open_queue(inode, flags, out)
                                : vfs_file_new(VFS_FILE_REGULAR, flags, inode, out);
    case LX_S_IFDIR:
        return vfs_file_new(VFS_FILE_DIRECTORY, flags, inode, out);
    case LX_S_IFIFO:
        err = vfs_file_new(VFS_FILE_PIPE, flags, inode, out);
        if (err == 0) {
            err = vfs_pipe_open_fifo(inode, *out, self);
            if (err < 0) {
                vfs_file_put(*out);
                *out = NULL;
            }
        }
        return err;
    default:
        return open_device(inode, flags, out);
    }
}

/* Without a place yet. */
static int open_exec(struct vfs_fs *fs, const struct vfs_path *where, struct vfs_file **out)
{
    struct vfs_inode *inode = where->inode;
    *out = NULL;
    if (!VFS_IS_REG(inode))
        return -LX_EACCES;
    int err = vfs_may(&fs->cred, inode, LX_X_OK);
    if (err == 0 && vfs_mount_flags(where->mount) & VFS_MOUNT_NOEXEC)
        err = -LX_EACCES;
    if (err == 0 && atomic_load(&inode->writer_count))
        err = -LX_ETXTBSY;
    if (err == 0)
        err = vfs_file_new(VFS_FILE_REGULAR, LX_O_RDONLY, inode, out);
    return err == -LX_ESTALE ? -LX_ENOENT : err; /* a host gave its name to another */
}

int vfs_file_open_exec_at(struct vfs_fs *fs, const struct vfs_path *where, struct vfs_file **out)
{
    struct vfs_place nowhere = {.dir = NULL};
    int err = open_exec(fs, where, out);
    if (err == 0)
        file_set_place(*out, where->mount, &nowhere);
    return err;
}

int vfs_file_open_exec(struct vfs_fs *fs, const char *path, struct vfs_file **out)
{
    struct vfs_path where;
    struct vfs_place place;
    place.dir = NULL;
    *out = NULL;
    int err = walk_to_place(fs, NULL, path, 0, &where, &place);
    if (err == 0)
        err = open_exec(fs, &where, out);
    if (err == 0) {
        file_set_place(*out, where.mount, &place);
        notify_file(*out, LX_IN_OPEN);
    }
    vfs_path_put(&where);
    place_put(&place);
    return err;
}

int vfs_file_is_noexec(const struct vfs_file *file)
{
    return (vfs_mount_flags(file->mount) & VFS_MOUNT_NOEXEC) != 0;
}

int vfs_file_image_key(const struct vfs_file *file, struct vfs_image_key *key)
{
    const struct vfs_inode *inode = file->inode;
    const struct vfs_image *image = vfs_image_attached();
    if (!inode || !VFS_IS_REG(inode) || inode->image_index == VFS_NO_IMAGE ||
        atomic_load_explicit(&inode->chunks, memory_order_acquire))
        return 0;
    const struct vfs_image_inode *i = vfs_image_inode(image, inode->image_index);
    if (!i || inode->size != i->size || inode->image_size != i->size)
        return 0;
    *key = i->key;
    return 1;
}

void vfs_file_set_flags(struct vfs_file *file, uint32_t mask, uint32_t flags)
{
    uint32_t old = file->flags;
    while (!atomic_compare_exchange_weak(&file->flags, &old, (old & ~mask) | (flags & mask)))
        ;
}

struct vfs_file *vfs_file_get(struct vfs_file *file)
{
    atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
    return file;
}

/*
 * End a file without references.
 *   rest  of struct vfs_rights: what is to be put next, when this is over: files that were on
 *         their way through a socket.  One after the other, however long the chain is.
 */
static void file_end(struct vfs_file *file, struct core_list *rest)
{
    if (file->kind != VFS_FILE_PATH)
        notify_file(file, (file->flags & LX_O_ACCMODE) == LX_O_RDONLY ? LX_IN_CLOSE_NOWRITE
                                                                      : LX_IN_CLOSE_WRITE);
    if (file->locked)
        vfs_lock_forget_file(file);
    if (file->flags & LX_O_ASYNC)
        async_forget(file);
    if (file->kind != VFS_FILE_REGULAR && file->kind != VFS_FILE_DIRECTORY)
        vfs_epoll_forget(file); /* epoll_ctl(2) refuses those two */
    switch (file->kind) {
    case VFS_FILE_REGULAR:
        if (is_writer(file))
            atomic_fetch_sub(&file->inode->writer_count, 1);
        if (file->inode->owner == VFS_OF_HOST) {
            if (!file->inode->nlink) /* the last that others see of it: see O_PATH */
                host_refresh(file->inode);
            host_close(file->inode);
        }
        break;
    case VFS_FILE_DIRECTORY:
        if (file->inode->owner == VFS_OF_HOST)
            host_listing_free(file->listing);
        break;
    case VFS_FILE_PIPE:
        vfs_pipe_close(file);
        break;
    case VFS_FILE_EVENTFD:
        vfs_eventfd_close(file);
        break;
    case VFS_FILE_EPOLL:
        vfs_epoll_close(file);
        break;
    case VFS_FILE_TIMERFD:
        vfs_timerfd_close(file);
        break;
    case VFS_FILE_PIDFD:
        vfs_pidfd_close(file);
        break;
    case VFS_FILE_INOTIFY:
        vfs_inotify_close(file);
        break;
    case VFS_FILE_SOCKET:
        socket_close(file, rest);
        break;
    case VFS_FILE_TTY:
    case VFS_FILE_PTMX:
        vfs_tty_close(file);
        break;
    default:
        break;
    }
    vfs_inode_put(file->inode);
    vfs_inode_put(file->dir);
    mount_put(file->mount); /* last: it keeps its file system */
    if (file->name != file->short_name)
        core_arena_free(file->name, file->name_size);
    core_arena_free(file, sizeof *file);
}

/* Put one reference; 1 if what is left may be sockets that only each other's messages hold. */
static int unref(struct vfs_file *file, struct core_list *rest)
{
    uint32_t in_flight = file->kind == VFS_FILE_SOCKET ? socket_in_flight(file) : 0;
    uint32_t left = atomic_fetch_sub(&file->refs, 1) - 1;
    if (!left)
        file_end(file, rest);
    return left && left == in_flight;
}

void file_put_rest(struct core_list *rest)
{
    int lost = 0;
    while (!core_list_is_empty(rest) || lost) {
        if (core_list_is_empty(rest)) {
            lost = 0;
            unix_collect(rest);
            continue;
        }
        struct vfs_rights *rights = CORE_LIST_ENTRY(rest->next, struct vfs_rights, node);
        core_list_remove(&rights->node);
        for (uint32_t i = 0; i < rights->count; i++)
            lost |= unref(rights->files[i], rest);
        rights_free(rights);
    }
}

void vfs_file_put(struct vfs_file *file)
{
    struct core_list rest;
    if (!file)
        return;
    core_list_init(&rest);
    if (unref(file, &rest))
        unix_collect(&rest);
    file_put_rest(&rest);
}

void file_set_place(struct vfs_file *file, struct vfs_mount *mount, struct vfs_place *place)
{
    file->mount = mount_get(mount);
    if (!place->dir)
        return;
    file->name =
        place->size > sizeof file->short_name ? core_arena_alloc(place->size) : file->short_name;
    if (!file->name)
        return; /* then its path is not known */
    memcpy(file->name, place->name, place->size);
    file->name_size = (uint16_t)place->size;
    file->dir = place->dir;
    place->dir = NULL;
}

void file_get_place(const struct vfs_file *file, struct vfs_place *place)
{
    place->dir = file->dir ? vfs_inode_get(file->dir) : NULL;
    place->size = file->name_size;
    if (file->name)
        memcpy(place->name, file->name, file->name_size);
}

int64_t vfs_file_path(struct vfs_file *file, struct vfs_fs *fs, char *buf, uint64_t size)
{
    if (!file->inode || file->inode->memfd)
        return opened_text(file, buf, size);
    struct vfs_place place;
    const struct vfs_path where = vfs_file_where(file);
    file_get_place(file, &place);
    int64_t n = place_path(fs, &where, &place, buf, size);
    place_put(&place);
    return n;
}

int vfs_file_inode(struct vfs_file *file, const struct vfs_cred *cred, struct vfs_inode **out)
{
    if (!file->inode)
        return opened_inode(file, cred, out);
    *out = vfs_inode_get(file->inode);
    return 0;
}

int vfs_file_may(const struct vfs_file *file, uint32_t access)
{
    /* O_RDONLY, O_WRONLY, O_RDWR and the fourth, which may neither: 0 to 3. */
    uint32_t has = (file->flags & LX_O_ACCMODE) + 1;
    return file->kind != VFS_FILE_PATH && (access & ~has) == 0;
}

_Static_assert(PLAT_READ == 1 && PLAT_WRITE == 2, "what open(2)'s access mode plus one means");

/* No transfer ends behind the last offset that there is: rw_verify_area() in Linux. */
static int check_range(uint64_t offset, uint64_t size)
{
    return size > INT64_MAX - offset ? -LX_EINVAL : 0;
}

static int64_t read_at(struct vfs_file *f, void *buf, uint64_t size, uint64_t offset)
{
    return f->kind == VFS_FILE_MQUEUE ? vfs_mqueue_read(f, buf, size, offset)
                                      : vfs_inode_read(f->inode, buf, size, offset);
}

/* Regular files: one read or write at a time moves the position. */
static int64_t read_regular(struct vfs_file *f, void *buf, uint64_t size)
{
    core_lock_acquire(&f->lock);
    int64_t n = check_range(f->position, size);
    if (n == 0)
        n = read_at(f, buf, size, f->position);
    if (n > 0)
        f->position += (uint64_t)n;
    core_lock_release(&f->lock);
    return n;
}

static int64_t write_regular(struct vfs_file *f, const void *buf, uint64_t size, int append)
{
    core_lock_acquire(&f->lock);
    uint64_t at = f->position;
    int64_t n = check_range(at, size);
    if (n == 0)
        n = append ? vfs_inode_append(f->inode, buf, size, &at)
                   : vfs_inode_write(f->inode, buf, size, at);
    if (n > 0)
        f->position = at + (uint64_t)n;
    core_lock_release(&f->lock);
    return n;
}

static int64_t read_any(struct vfs_file *file, void *buf, uint64_t size, struct core_sleeper *self)
{
    switch (file->kind) {
    case VFS_FILE_REGULAR:
    case VFS_FILE_MQUEUE:
        return read_regular(file, buf, size);
    case VFS_FILE_DIRECTORY:
        return -LX_EISDIR;
    case VFS_FILE_DEVICE:
        return device_read(file->device, buf, size);
    case VFS_FILE_STREAM:
        return stream_read(file, buf, size, self);
    case VFS_FILE_PIPE:
        return vfs_pipe_read(file, buf, size, self);
    case VFS_FILE_EVENTFD:
        return vfs_eventfd_read(file, buf, size, self);
    case VFS_FILE_TIMERFD:
        return vfs_timerfd_read(file, buf, size, self);
    case VFS_FILE_SIGNALFD:
        return vfs_signalfd_read(file, buf, size, self);
    case VFS_FILE_INOTIFY:
        return vfs_inotify_read(file, buf, size, self);
    case VFS_FILE_SOCKET:
        return vfs_socket_read(file, buf, size, self);
    case VFS_FILE_TTY:
    case VFS_FILE_PTMX:
        return vfs_tty_read(file, buf, size, self);
    default:
        return -LX_EINVAL;
    }
}

int64_t vfs_file_read(struct vfs_file *file, void *buf, uint64_t size, struct core_sleeper *self)
{
    if (!vfs_file_may(file, PLAT_READ))
        return -LX_EBADF;
    return notify_moved(file, LX_IN_ACCESS, read_any(file, buf, size, self));
}

/* A fifo's time of modification is that of the last write. */
static int64_t write_pipe(struct vfs_file *f, const void *buf, uint64_t size,
                          struct core_sleeper *self)
{
    int64_t n = vfs_pipe_write(f, buf, size, self);
    if (n > 0 && f->inode) {
        int err = vfs_inode_utimes(f->inode, VFS_TIME_KEEP, vfs_now());
        (void)err; /* the bytes are written */
    }
    return n;
}

static int64_t write_any(struct vfs_file *file, const void *buf, uint64_t size,
                         struct core_sleeper *self)
{
    switch (file->kind) {
    case VFS_FILE_REGULAR:
        return write_regular(file, buf, size, (file->flags & LX_O_APPEND) != 0);
    case VFS_FILE_DEVICE:
        return device_write(file->device, size);
    case VFS_FILE_STREAM:
        return stream_write(file, buf, size, self);
    case VFS_FILE_PIPE:
        return write_pipe(file, buf, size, self);
    case VFS_FILE_EVENTFD:
        return vfs_eventfd_write(file, buf, size, self);
    case VFS_FILE_SOCKET:
        return vfs_socket_write(file, buf, size, self);
    case VFS_FILE_TTY:
    case VFS_FILE_PTMX:
        return vfs_tty_write(file, buf, size, self);
    default:
        return -LX_EINVAL;
    }
}

int64_t vfs_file_write(struct vfs_file *file, const void *buf, uint64_t size,
                       struct core_sleeper *self)
{
    if (!vfs_file_may(file, PLAT_WRITE))
        return -LX_EBADF;
    return notify_moved(file, LX_IN_MODIFY, write_any(file, buf, size, self));
}

int vfs_file_has_offsets(const struct vfs_file *file)
{
    return file->kind == VFS_FILE_REGULAR || file->kind == VFS_FILE_DIRECTORY ||
           file->kind == VFS_FILE_DEVICE || file->kind == VFS_FILE_STREAM ||
           file->kind == VFS_FILE_MQUEUE;
}

int64_t vfs_file_pread(struct vfs_file *file, void *buf, uint64_t size, uint64_t offset)
{
    if (file->kind != VFS_FILE_PATH && !vfs_file_has_offsets(file))
        return -LX_ESPIPE;
    if (!vfs_file_may(file, PLAT_READ))
        return -LX_EBADF;
    int err = check_range(offset, size);
    if (err < 0)
        return err;
    switch (file->kind) {
    case VFS_FILE_REGULAR:
    case VFS_FILE_MQUEUE:
        return notify_moved(file, LX_IN_ACCESS, read_at(file, buf, size, offset));
    case VFS_FILE_DIRECTORY:
        return -LX_EISDIR;
    case VFS_FILE_DEVICE:
        return device_read(file->device, buf, size);
    default:
        return stream_pread(file, buf, size, offset);
    }
}

static int64_t pwrite_regular(struct vfs_file *f, const void *buf, uint64_t size, uint64_t offset,
                              int append)
{
    uint64_t end;
    return append ? vfs_inode_append(f->inode, buf, size, &end)
                  : vfs_inode_write(f->inode, buf, size, offset);
}

int64_t vfs_file_pwrite(struct vfs_file *file, const void *buf, uint64_t size, uint64_t offset)
{
    if (file->kind != VFS_FILE_PATH && !vfs_file_has_offsets(file))
        return -LX_ESPIPE;
    if (!vfs_file_may(file, PLAT_WRITE))
        return -LX_EBADF;
    int err = check_range(offset, size);
    if (err < 0)
        return err;
    switch (file->kind) {
    case VFS_FILE_REGULAR: /* pwrite(2), BUGS: O_APPEND ignores the offset */
        return notify_moved(
            file, LX_IN_MODIFY,
            pwrite_regular(file, buf, size, offset, (file->flags & LX_O_APPEND) != 0));
    case VFS_FILE_DEVICE:
        return device_write(file->device, size);
    case VFS_FILE_MQUEUE:
        return -LX_EINVAL;
    default:
        return stream_pwrite(file, buf, size, offset);
    }
}

int64_t vfs_file_write_as(struct vfs_file *file, const void *buf, uint64_t size, int64_t offset,
                          int append, struct core_sleeper *self)
{
    if (file->kind != VFS_FILE_REGULAR)
        return offset < 0 ? vfs_file_write(file, buf, size, self)
                          : vfs_file_pwrite(file, buf, size, (uint64_t)offset);
    if (!vfs_file_may(file, PLAT_WRITE))
        return -LX_EBADF;
    int64_t n = offset < 0 ? 0 : check_range((uint64_t)offset, size);
    if (n == 0)
        n = offset < 0 ? write_regular(file, buf, size, append)
                       : pwrite_regular(file, buf, size, (uint64_t)offset, append);
    return notify_moved(file, LX_IN_MODIFY, n);
}

static int has_size(const struct vfs_file *f)
{
    return f->kind == VFS_FILE_REGULAR || f->kind == VFS_FILE_MQUEUE;
}

static int64_t new_position(struct vfs_file *f, int64_t offset, int32_t whence)
{
    int64_t size = has_size(f) ? (int64_t)vfs_inode_size(f->inode) : 0;
    int64_t base = 0;
    switch (whence) {
    case LX_SEEK_SET:
        break;
    case LX_SEEK_CUR:
        base = (int64_t)f->position;
        break;
    case LX_SEEK_END:
        base = size;
        break;
    case LX_SEEK_DATA:
    case LX_SEEK_HOLE:
        if (!has_size(f))
            return -LX_EINVAL;
        return vfs_inode_seek(f->inode, offset, whence == LX_SEEK_HOLE);
    default:
        return -LX_EINVAL;
    }
    if (__builtin_add_overflow(base, offset, &base) || base < 0)
        return -LX_EINVAL;
    return base;
}

int64_t vfs_file_seek(struct vfs_file *file, int64_t offset, int32_t whence)
{
    int64_t position;
    switch (file->kind) {
    case VFS_FILE_REGULAR:
    case VFS_FILE_DIRECTORY:
    case VFS_FILE_MQUEUE:
        core_lock_acquire(&file->lock);
        position = new_position(file, offset, whence);
        if (position >= 0)
            file->position = (uint64_t)position;
        core_lock_release(&file->lock);
        return position;
    case VFS_FILE_DEVICE: /* these accept a seek and stay where they are */
    case VFS_FILE_EVENTFD:
    case VFS_FILE_EPOLL:
    case VFS_FILE_TIMERFD:
    case VFS_FILE_SIGNALFD:
    case VFS_FILE_INOTIFY:
        return 0;
    case VFS_FILE_STREAM:
        return stream_seek(file, offset, whence);
    case VFS_FILE_PATH:
        return -LX_EBADF;
    default:
        return -LX_ESPIPE;
    }
}

int vfs_file_truncate(struct vfs_file *file, uint64_t size)
{
    if (file->kind == VFS_FILE_PATH)
        return -LX_EBADF;
    if (!vfs_file_may(file, PLAT_WRITE))
        return -LX_EINVAL;
    if (!has_size(file))
        return file->kind == VFS_FILE_STREAM ? stream_truncate(file, size) : -LX_EINVAL;
    int err = vfs_inode_truncate(file->inode, size);
    if (err == 0)
        notify_file(file, LX_IN_MODIFY);
    return err;
}

int vfs_file_stat(struct vfs_file *file, struct lx_stat *out)
{
    if (file->inode) {
        vfs_inode_stat(file->inode, out);
        return 0;
    }
    if (file->kind == VFS_FILE_STREAM)
        return stream_stat(file, out);
    if (file->kind == VFS_FILE_SOCKET) {
        vfs_socket_stat(file, out);
        return 0;
    }
    memset(out, 0, sizeof *out);
    out->st_dev = LX_MAKEDEV(0, file->kind == VFS_FILE_PIPE ? 14 : 15);
    out->st_ino =
        (uint64_t)(uintptr_t)(file->kind == VFS_FILE_PIPE ? (void *)file->pipe : file) >> 4;
    out->st_mode = file->kind == VFS_FILE_PIPE ? LX_S_IFIFO | 0600 : 0600;
    out->st_nlink = 1;
    out->st_blksize = 4096;
    return 0;
}

uint64_t vfs_file_size(struct vfs_file *file)
{
    return file->kind == VFS_FILE_REGULAR ? vfs_inode_size(file->inode) : 0;
}

int vfs_file_sync(struct vfs_file *file)
{
    return is_on_host(file) ? host_sync(file->inode) : 0;
}

int vfs_file_sync_view(struct vfs_file *file, uint64_t begin, uint64_t end)
{
    int err = is_on_host(file) ? plat_file_view_flush(begin, end - begin) : 0;
    return err == 0 ? vfs_file_sync(file) : err;
}

int vfs_file_list(struct vfs_file *file, uint64_t cookie, vfs_emit emit, void *arg)
{
    struct vfs_inode *dir = file->inode;
    int err = dir->owner ? inode_ops(dir)->list(file, cookie, emit, arg)
                         : vfs_tree_list(dir, cookie, emit, arg);
    notify_file(file, LX_IN_ACCESS);
    return err;
}

int vfs_file_is_zero(const struct vfs_file *file)
{
    return file->kind == VFS_FILE_DEVICE && file->device == DEVICE_ZERO;
}

int vfs_file_is_mappable(const struct vfs_file *file)
{
    return (file->kind == VFS_FILE_REGULAR && !made_fs(file->inode->owner)) ||
           vfs_file_is_zero(file);
}

uint32_t vfs_file_poll(struct vfs_file *file, uint32_t events)
{
    uint32_t always = LX_POLLERR | LX_POLLHUP, ready;
    switch (file->kind) {
    case VFS_FILE_STREAM:
        ready = stream_poll(file, events);
        break;
    case VFS_FILE_PIPE:
        ready = vfs_pipe_poll(file);
        break;
    case VFS_FILE_EVENTFD:
        ready = vfs_eventfd_poll(file);
        break;
    case VFS_FILE_SIGNALFD:
        ready = vfs_signalfd_poll(file);
        break;
    case VFS_FILE_EPOLL:
        ready = vfs_epoll_poll(file);
        break;
    case VFS_FILE_TIMERFD:
        ready = vfs_timerfd_poll(file);
        break;
    case VFS_FILE_PIDFD:
        ready = vfs_pidfd_poll(file);
        break;
    case VFS_FILE_INOTIFY:
        ready = vfs_inotify_poll(file);
        break;
    case VFS_FILE_SOCKET:
        ready = vfs_socket_poll(file);
        break;
    case VFS_FILE_MQUEUE:
        ready = vfs_mqueue_poll(file);
        break;
    case VFS_FILE_TTY:
    case VFS_FILE_PTMX:
        ready = vfs_tty_poll(file);
        break;
    case VFS_FILE_PATH:
        return LX_POLLNVAL;
    default:
        ready = ALWAYS_READY;
        break;
    }
    return ready & (events | always);
}

struct core_waitq *vfs_file_waitq(struct vfs_file *file)
{
    switch (file->kind) {
    case VFS_FILE_PIPE:
        return vfs_pipe_waitq(file);
    case VFS_FILE_EVENTFD:
        return vfs_eventfd_waitq(file);
    case VFS_FILE_EPOLL:
        return vfs_epoll_waitq(file);
    case VFS_FILE_TIMERFD:
        return vfs_timerfd_waitq(file);
    case VFS_FILE_SIGNALFD:
        return vfs_signalfd_waitq(file);
    case VFS_FILE_PIDFD:
        return vfs_pidfd_waitq(file);
    case VFS_FILE_INOTIFY:
        return vfs_inotify_waitq(file);
    case VFS_FILE_SOCKET:
        return vfs_socket_waitq(file);
    case VFS_FILE_MQUEUE:
        return vfs_mqueue_waitq(file);
    case VFS_FILE_TTY:
    case VFS_FILE_PTMX:
        return vfs_tty_waitq(file);
    default:
        return NULL;
    }
}

uint32_t vfs_file_stream_bits(struct vfs_file *file, uint32_t events)
{
    if (file->kind == VFS_FILE_EPOLL)
        return vfs_epoll_stream_bits(file);
    if (file->kind != VFS_FILE_STREAM)
        return 0;
    uint32_t bits = (events & (LX_POLLIN | LX_POLLRDNORM) ? 1u : 0u) |
                    (events & (LX_POLLOUT | LX_POLLWRNORM) ? 2u : 0u);
    return bits << (2 * file->stream);
}

int64_t vfs_file_deadline(struct vfs_file *file)
{
    switch (file->kind) {
    case VFS_FILE_EPOLL:
        return vfs_epoll_deadline(file);
    case VFS_FILE_TIMERFD:
        return vfs_timerfd_deadline(file);
    default:
        return PLAT_FOREVER;
    }
}

int vfs_file_sleep(struct core_sleeper *self, uint32_t streams, int64_t deadline_ns,
                   int64_t next_ns)
{
    if (next_ns >= deadline_ns)
        return core_sleep(self, streams, deadline_ns);
    int err = core_sleep(self, streams, next_ns);
    return err == -LX_ETIMEDOUT ? 0 : err;
}

int64_t vfs_file_available(struct vfs_file *file)
{
    switch (file->kind) {
    case VFS_FILE_REGULAR:
    case VFS_FILE_MQUEUE: {
        core_lock_acquire(&file->lock);
        uint64_t size = vfs_inode_size(file->inode), at = file->position;
        core_lock_release(&file->lock);
        return size > at ? (int64_t)(size - at) : 0;
    }
    case VFS_FILE_PIPE:
        return vfs_pipe_available(file);
    case VFS_FILE_INOTIFY:
        return (int64_t)vfs_inotify_available(file);
    case VFS_FILE_SOCKET:
        return vfs_socket_available(file);
    case VFS_FILE_TTY:
    case VFS_FILE_PTMX:
        return vfs_tty_available(file);
    default:
        return -LX_ENOTTY;
    }
}
