/* SPDX-License-Identifier: MIT */
/*
 * Standard streams.  The host is never given a guest address: a bad one would be
 * its fault, not the guest's.  Bytes go through a buffer.
 */

#include "stream.h"

#include "core/lock.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/file.h"
#include "vfs/inode.h"

#define PART_SIZE 16384u
#define PIPE_PART 4096u /* a pipe that is ready takes so much without blocking: PIPE_BUF */
#define PTS_MAJOR 136
#define BLOCK_SIZE 512

static uint32_t readable(const struct vfs_file *f)
{
    return 1u << (2 * f->stream);
}

static uint32_t writable(const struct vfs_file *f)
{
    return 2u << (2 * f->stream);
}

int vfs_file_open_stream(uint32_t stream, struct vfs_file **out)
{
    static const uint32_t modes[] = {LX_O_RDONLY, LX_O_RDONLY, LX_O_WRONLY, LX_O_RDWR};
    struct plat_stream_info info;
    *out = NULL;
    int err = plat_stream_info(stream, &info);
    if (err < 0)
        return err;
    if (info.kind == PLAT_STREAM_CLOSED)
        return -LX_EBADF;
    err = vfs_file_new(VFS_FILE_STREAM, modes[info.access & (PLAT_READ | PLAT_WRITE)], NULL, out);
    if (err == 0) {
        (*out)->stream = (uint8_t)stream;
        (*out)->stream_kind = (uint8_t)info.kind;
    }
    return err;
}

static int is_ready(uint32_t bits)
{
    return (plat_stream_ready(bits) & bits) != 0;
}

/* Wait until the host will not block for `bits`; signals end the wait. */
static int wait_ready(struct vfs_file *f, uint32_t bits, struct core_sleeper *self)
{
    int err = 0;
    while (err == 0 && !is_ready(bits)) {
        if (f->flags & LX_O_NONBLOCK)
            return -LX_EAGAIN;
        err = core_sleep(self, bits, PLAT_FOREVER);
    }
    return err;
}

static int may_block(const struct vfs_file *f)
{
    return f->stream_kind != PLAT_STREAM_FILE && f->stream_kind != PLAT_STREAM_NULL;
}

/* ---- Files of the host that were opened again: with a position of their own ---- */

static uint64_t size_of(const struct vfs_file *f)
{
    struct plat_stream_info info;
    return plat_stream_info(f->stream, &info) < 0 ? 0 : info.size;
}

static int64_t read_again(struct vfs_file *f, void *buf, uint64_t size)
{
    core_lock_acquire(&f->lock);
    int64_t n = stream_pread(f, buf, size, f->position);
    if (n > 0)
        f->position += (uint64_t)n;
    core_lock_release(&f->lock);
    return n;
}

static int64_t write_again(struct vfs_file *f, const void *buf, uint64_t size)
{
    core_lock_acquire(&f->lock);
    uint64_t at = f->flags & LX_O_APPEND ? size_of(f) : f->position;
    int64_t n = stream_pwrite(f, buf, size, at);
    if (n > 0)
        f->position = at + (uint64_t)n;
    core_lock_release(&f->lock);
    return n;
}

static int64_t seek_again(struct vfs_file *f, int64_t offset, int32_t whence)
{
    int64_t base = 0;
    if (whence < LX_SEEK_SET || whence > LX_SEEK_END)
        return -LX_EINVAL;
    core_lock_acquire(&f->lock);
    if (whence == LX_SEEK_CUR)
        base = (int64_t)f->position;
    else if (whence == LX_SEEK_END)
        base = (int64_t)size_of(f);
    if (__builtin_add_overflow(base, offset, &base) || base < 0)
        base = -LX_EINVAL;
    else
        f->position = (uint64_t)base;
    core_lock_release(&f->lock);
    return base;
}

/* ---- Reading and writing ---- */

/*
 * Read what is there.  Others may read the same stream, in other processes: who finds it ready
 * is the one who reads, or the second would wait in the host, where no signal reaches it.
 * A console's reader does that anyway; see plat_stream_read().
 *   returns  -LX_EAGAIN: somebody else has taken it.
 */
static int64_t read_part(const struct vfs_file *f, void *bytes, uint64_t size)
{
    struct vfs_state *s = vfs_state();
    if (f->stream_kind == PLAT_STREAM_CONSOLE)
        return plat_stream_read(f->stream, bytes, size);
    core_lock_acquire(&s->stream_lock);
    int64_t n = !may_block(f) || is_ready(readable(f)) ? plat_stream_read(f->stream, bytes, size)
                                                       : -LX_EAGAIN;
    core_lock_release(&s->stream_lock);
    return n;
}

/* The first part: wait until there is one. */
static int64_t read_first(struct vfs_file *f, void *bytes, uint64_t size, struct core_sleeper *self)
{
    for (;;) {
        int waits = f->stream_kind == PLAT_STREAM_CONSOLE && !is_ready(readable(f));
        int64_t n = waits ? -LX_EAGAIN : read_part(f, bytes, size);
        if (n != -LX_EAGAIN)
            return n;
        n = wait_ready(f, readable(f), self);
        if (n < 0)
            return n;
    }
}

int64_t stream_read(struct vfs_file *f, void *buf, uint64_t size, struct core_sleeper *self)
{
    uint8_t bytes[PART_SIZE];
    uint64_t done = 0;
    int64_t n = 0;
    if (f->is_again)
        return read_again(f, buf, size);
    while (done < size) {
        uint64_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        n = done ? read_part(f, bytes, part) : read_first(f, bytes, part, self);
        if (n <= 0)
            break;
        uint64_t left = plat_copy_guest((uint8_t *)buf + done, bytes, (uint64_t)n);
        done += (uint64_t)n - left;
        if (left) {
            n = -LX_EFAULT;
            break;
        }
        /* A short read says that there is no more for now. */
        if ((uint64_t)n < part || (done < size && !is_ready(readable(f))))
            break;
    }
    return done ? (int64_t)done : n;
}

static int64_t write_part(const struct vfs_file *f, const void *bytes, uint64_t size)
{
    struct vfs_state *s = vfs_state();
    if (f->stream_kind != PLAT_STREAM_FILE)
        return plat_stream_write(f->stream, bytes, size); /* a pipe may be full */
    core_lock_acquire(&s->stream_lock);
    int64_t n = plat_stream_write(f->stream, bytes, size);
    core_lock_release(&s->stream_lock);
    return n;
}

int64_t stream_write(struct vfs_file *f, const void *buf, uint64_t size, struct core_sleeper *self)
{
    uint8_t bytes[PART_SIZE];
    uint64_t done = 0, most = f->stream_kind == PLAT_STREAM_PIPE ? PIPE_PART : PART_SIZE;
    int64_t n = 0;
    if (f->is_again)
        return write_again(f, buf, size);
    while (done < size) {
        uint64_t part = size - done < most ? size - done : most;
        uint64_t left = plat_copy_guest(bytes, (const uint8_t *)buf + done, part);
        n = left == part ? -LX_EFAULT : may_block(f) ? wait_ready(f, writable(f), self) : 0;
        if (n == 0)
            n = write_part(f, bytes, part - left);
        if (n < 0)
            break;
        done += (uint64_t)n;
        if ((uint64_t)n < part)
            break;
    }
    return done ? (int64_t)done : n;
}

int64_t stream_pread(struct vfs_file *f, void *buf, uint64_t size, uint64_t offset)
{
    struct vfs_state *s = vfs_state();
    uint8_t bytes[PART_SIZE];
    uint64_t done = 0;
    int64_t n = 0;
    while (done < size) {
        uint64_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        core_lock_acquire(&s->stream_lock); /* a host moves the place, and puts it back */
        n = plat_stream_pread(f->stream, bytes, part, offset + done);
        core_lock_release(&s->stream_lock);
        if (n <= 0)
            break;
        uint64_t left = plat_copy_guest((uint8_t *)buf + done, bytes, (uint64_t)n);
        done += (uint64_t)n - left;
        if (left)
            return done ? (int64_t)done : -LX_EFAULT;
    }
    return done ? (int64_t)done : n;
}

int64_t stream_pwrite(struct vfs_file *f, const void *buf, uint64_t size, uint64_t offset)
{
    struct vfs_state *s = vfs_state();
    uint8_t bytes[PART_SIZE];
    uint64_t done = 0;
    int64_t n = 0;
    while (done < size) {
        uint64_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        uint64_t left = plat_copy_guest(bytes, (const uint8_t *)buf + done, part);
        core_lock_acquire(&s->stream_lock);
        n = left == part ? -LX_EFAULT
                         : plat_stream_pwrite(f->stream, bytes, part - left, offset + done);
        core_lock_release(&s->stream_lock);
        if (n <= 0)
            break;
        done += (uint64_t)n;
    }
    return done ? (int64_t)done : n;
}

int64_t stream_seek(struct vfs_file *f, int64_t offset, int32_t whence)
{
    if (f->is_again)
        return seek_again(f, offset, whence);
    return plat_stream_seek(f->stream, offset, whence);
}

int stream_truncate(struct vfs_file *f, uint64_t size)
{
    return plat_stream_truncate(f->stream, size);
}

int stream_stat(struct vfs_file *f, struct lx_stat *out)
{
    struct plat_stream_info info;
    memset(out, 0, sizeof *out);
    int err = plat_stream_info(f->stream, &info);
    if (err < 0)
        return err;
    switch (info.kind) {
    case PLAT_STREAM_CONSOLE:
        out->st_mode = LX_S_IFCHR | 0620;
        out->st_rdev = LX_MAKEDEV(PTS_MAJOR, 0);
        break;
    case PLAT_STREAM_NULL:
        out->st_mode = LX_S_IFCHR | 0666;
        out->st_rdev = LX_MAKEDEV(1, 3);
        break;
    case PLAT_STREAM_FILE:
        out->st_mode = LX_S_IFREG | 0644;
        out->st_size = (int64_t)info.size;
        out->st_blocks = (int64_t)((info.size + BLOCK_SIZE - 1) / BLOCK_SIZE);
        break;
    default:
        out->st_mode = LX_S_IFIFO | 0600;
        break;
    }
    out->st_dev = LX_MAKEDEV(0, 5);
    out->st_ino = info.id;
    out->st_nlink = 1;
    out->st_blksize = 4096;
    out->st_atim.tv_sec = out->st_mtim.tv_sec = out->st_ctim.tv_sec = vfs_now() / 1000000000;
    return 0;
}

uint32_t stream_poll(struct vfs_file *f, uint32_t events)
{
    uint32_t bits = vfs_file_stream_bits(f, events), ready = plat_stream_ready(bits);
    return (ready & readable(f) ? LX_POLLIN | LX_POLLRDNORM : 0u) |
           (ready & writable(f) ? LX_POLLOUT | LX_POLLWRNORM : 0u);
}
