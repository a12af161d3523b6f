/* SPDX-License-Identifier: MIT */
/*
 * Splices.  Between two pipes pages change hands; between a pipe and another file they
 * are read and written with no lock held: what is on its way keeps its place in the pipe.
 */

#include "vfs/splice.h"

#include "async.h"
#include "core/mem.h"
#include "device.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "lx/signal.h"
#include "pipe_ring.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/file.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- From a file ---- */

/* A page for one more slot, and its place in the pipe: -LX_EPIPE, -LX_EAGAIN, -LX_ENOMEM. */
static int reserve(struct vfs_pipe *p, uint8_t **page)
{
    int err = 0;
    *page = NULL;
    core_lock_acquire(&p->lock);
    if (!p->readers)
        err = -LX_EPIPE;
    else if (pipe_is_full(p))
        err = -LX_EAGAIN;
    else if (!(*page = pipe_page_new_locked(p)))
        err = -LX_ENOMEM;
    else
        p->reserved++;
    core_lock_release(&p->lock);
    return err;
}

/* The first one; if it may wait, until there is room. */
static int reserve_first(struct vfs_pipe *p, int waits, struct core_sleeper *self, uint8_t **page)
{
    int err;
    do {
        *page = NULL;
        err = pipe_wait_writable(p, waits, self);
        if (err == 0)
            err = reserve(p, page);
    } while (err == -LX_EAGAIN && waits); /* somebody else was quicker */
    return err;
}

/* Fill the place, or (size <= 0) give it up. */
static void fill(struct vfs_pipe *p, uint8_t *page, int64_t size)
{
    core_lock_acquire(&p->lock);
    int was_empty = !p->used;
    p->reserved--;
    if (size > 0)
        pipe_push_locked(p, &(struct pipe_slot){page, 0, (uint16_t)size, 0});
    else
        pipe_page_free_locked(p, page);
    core_lock_release(&p->lock);
    if (size > 0)
        pipe_wake_readers(p, was_empty);
    else
        pipe_wake_writers(p); /* one may have found it full */
}

/* A regular file's slots end where its pages do, as if they were those of Linux' page cache. */
static uint64_t part_of(const struct vfs_splice_side *in, uint64_t left)
{
    uint64_t at = in->offset ? *in->offset : in->file->position;
    uint64_t begin = in->file->kind == VFS_FILE_REGULAR ? at % PIPE_PAGE : 0;
    return smaller(PIPE_PAGE - begin, left);
}

static int64_t read_part(const struct vfs_splice_side *in, uint8_t *page, uint64_t part,
                         struct core_sleeper *self)
{
    int64_t n = in->offset ? vfs_file_pread(in->file, page, part, *in->offset)
                           : vfs_file_read(in->file, page, part, self);
    if (n > 0 && in->offset)
        *in->offset += (uint64_t)n;
    return n;
}

static int can_splice(const struct vfs_file *f)
{
    return f->kind != VFS_FILE_DIRECTORY && f->kind != VFS_FILE_EVENTFD &&
           f->kind != VFS_FILE_EPOLL && f->kind != VFS_FILE_SIGNALFD && f->kind != VFS_FILE_MQUEUE;
}

int vfs_splice_can_read(const struct vfs_file *file)
{
    return can_splice(file) && !(file->kind == VFS_FILE_DEVICE && file->device == DEVICE_NULL);
}

static int64_t file_to_pipe(const struct vfs_splice_side *in, struct vfs_pipe *p, uint64_t size,
                            int waits, struct core_sleeper *self)
{
    uint64_t done = 0;
    uint8_t *page;
    int64_t n = reserve_first(p, waits, self, &page);
    if (n < 0)
        return n;
    if (!vfs_splice_can_read(in->file)) {
        fill(p, page, 0);
        return -LX_EINVAL;
    }
    for (;;) { /* as much as there is room for; only the first read may wait */
        uint64_t part = part_of(in, size - done);
        n = !done || vfs_file_poll(in->file, LX_POLLIN) & LX_POLLIN
                ? read_part(in, page, part, self)
                : 0;
        fill(p, page, n);
        if (n > 0)
            done += (uint64_t)n;
        if (n < (int64_t)part || done == size || reserve(p, &page) < 0)
            break;
    }
    if (done)
        async_tell(&p->async, LX_POLL_IN);
    return done ? (int64_t)done : n;
}

/* ---- To a file ---- */

/*
 * Take the first slot, which keeps its place: put_back() ends that.
 *   returns  1; 0: there is none, and nobody writes; -LX_EAGAIN: there is none yet.
 */
static int take(struct vfs_pipe *p, struct pipe_slot *out)
{
    core_lock_acquire(&p->lock);
    int there = p->used ? 1 : p->writers ? -LX_EAGAIN : 0;
    if (there == 1) {
        *out = *pipe_slot(p, 0);
        p->bytes -= out->size;
        p->first++;
        p->used--;
        p->reserved++;
    }
    core_lock_release(&p->lock);
    return there;
}

static void put_back(struct vfs_pipe *p, struct pipe_slot *slot)
{
    core_lock_acquire(&p->lock);
    int was_empty = !p->used, was_full = pipe_is_full(p);
    p->reserved--;
    if (slot->size) {
        p->first--;
        p->used++;
        p->bytes += slot->size;
        *pipe_slot(p, 0) = *slot;
    } else {
        pipe_page_free_locked(p, slot->page);
    }
    core_lock_release(&p->lock);
    if (slot->size)
        pipe_wake_readers(p, was_empty);
    else if (was_full)
        pipe_wake_writers(p);
    if (!slot->size)
        async_tell(&p->async, LX_POLL_OUT);
}

static int64_t write_part(const struct vfs_splice_side *out, const struct pipe_slot *slot,
                          uint64_t part, struct core_sleeper *self)
{
    const uint8_t *from = slot->page + slot->begin;
    int64_t n = out->offset ? vfs_file_pwrite(out->file, from, part, *out->offset)
                            : vfs_file_write(out->file, from, part, self);
    if (n > 0 && out->offset)
        *out->offset += (uint64_t)n;
    return n;
}

static int64_t pipe_to_file(struct vfs_pipe *p, const struct vfs_splice_side *out, uint64_t size,
                            int waits, struct core_sleeper *self)
{
    uint64_t done = 0;
    if (out->file->flags & LX_O_APPEND || !can_splice(out->file))
        return -LX_EINVAL;
    while (done < size) {
        struct pipe_slot slot;
        int there = take(p, &slot);
        int64_t n = there == -LX_EAGAIN && !done ? pipe_wait_readable(p, waits, self) : 0;
        if (n < 0)
            return n;
        if (there == -LX_EAGAIN && !done)
            continue;
        if (there != 1)
            break;
        uint64_t part = smaller(slot.size, size - done);
        n = write_part(out, &slot, part, self);
        uint64_t written = n > 0 ? (uint64_t)n : 0;
        slot.begin = (uint16_t)(slot.begin + written);
        slot.size = (uint16_t)(slot.size - written);
        put_back(p, &slot);
        done += written;
        if (written < part)
            return done ? (int64_t)done : n;
    }
    return (int64_t)done;
}

/* ---- From pipe to pipe ---- */

static void lock_both(struct vfs_pipe *a, struct vfs_pipe *b)
{
    core_lock_acquire(a < b ? &a->lock : &b->lock);
    core_lock_acquire(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct vfs_pipe *a, struct vfs_pipe *b)
{
    core_lock_release(&a->lock);
    core_lock_release(&b->lock);
}

/* A copy of the first `size` bytes of a slot; -LX_ENOMEM. */
static int copy_slot_locked(const struct pipe_slot *from, struct vfs_pipe *to, uint32_t size)
{
    uint8_t *page = pipe_page_new_locked(to);
    if (!page)
        return -LX_ENOMEM;
    memcpy(page, from->page + from->begin, size);
    pipe_push_locked(to, &(struct pipe_slot){page, 0, (uint16_t)size, from->flags & PIPE_PACKET});
    return 0;
}

/* Slot by slot while there are some and there is room; -LX_EAGAIN: neither could be done. */
static int64_t move_locked(struct vfs_pipe *in, struct vfs_pipe *out, uint64_t size)
{
    uint64_t done = 0;
    while (done < size && in->used && !pipe_is_full(out)) {
        struct pipe_slot *s = pipe_slot(in, 0);
        uint32_t part = (uint32_t)smaller(s->size, size - done);
        if (part == s->size) {
            pipe_push_locked(out, s);
            in->bytes -= part;
            in->first++;
            in->used--;
        } else {
            if (copy_slot_locked(s, out, part) < 0)
                return done ? (int64_t)done : -LX_ENOMEM;
            pipe_drop_locked(in, part);
        }
        done += part;
    }
    return done ? (int64_t)done : in->used || in->writers ? -LX_EAGAIN : 0;
}

static int64_t copy_locked(struct vfs_pipe *in, struct vfs_pipe *out, uint64_t size)
{
    uint64_t done = 0;
    for (uint32_t i = 0; done < size && i < in->used && !pipe_is_full(out); i++) {
        const struct pipe_slot *s = pipe_slot(in, i);
        uint32_t part = (uint32_t)smaller(s->size, size - done);
        if (copy_slot_locked(s, out, part) < 0)
            return done ? (int64_t)done : -LX_ENOMEM;
        done += part;
    }
    return done ? (int64_t)done : in->used || in->writers ? -LX_EAGAIN : 0;
}

static int64_t pipe_to_pipe(struct vfs_pipe *in, struct vfs_pipe *out, uint64_t size, int keep,
                            int waits, struct core_sleeper *self)
{
    int64_t result;
    do {
        result = pipe_wait_readable(in, waits, self);
        if (result == 0)
            result = pipe_wait_writable(out, waits, self);
        if (result < 0)
            return result;
        lock_both(in, out);
        int was_full = pipe_is_full(in), was_empty = !out->used;
        result = !out->readers ? -LX_EPIPE
                 : keep        ? copy_locked(in, out, size)
                               : move_locked(in, out, size);
        int room = was_full && !pipe_is_full(in);
        unlock_both(in, out);
        if (result > 0) {
            pipe_wake_readers(out, was_empty);
            async_tell(&out->async, LX_POLL_IN);
        }
        if (room)
            pipe_wake_writers(in);
        if (result > 0 && !keep)
            async_tell(&in->async, LX_POLL_OUT);
    } while (result == -LX_EAGAIN && waits); /* another reader or writer was quicker */
    return result;
}

/* ---- The calls ---- */

int64_t vfs_splice(const struct vfs_splice_side *in, const struct vfs_splice_side *out,
                   uint64_t size, uint32_t flags, struct core_sleeper *self)
{
    struct vfs_pipe *from = in->file->kind == VFS_FILE_PIPE ? in->file->pipe : NULL;
    struct vfs_pipe *to = out->file->kind == VFS_FILE_PIPE ? out->file->pipe : NULL;
    if (!vfs_file_may(in->file, PLAT_READ) || !vfs_file_may(out->file, PLAT_WRITE))
        return -LX_EBADF;
    if ((from && in->offset) || (to && out->offset))
        return -LX_ESPIPE;
    if (from == to)
        return -LX_EINVAL; /* the same, or neither is a pipe */
    uint32_t nonblock = (from ? in->file->flags : 0) | (to ? out->file->flags : 0);
    int waits = !(flags & LX_SPLICE_F_NONBLOCK || nonblock & LX_O_NONBLOCK);
    if (from && to)
        return pipe_to_pipe(from, to, size, 0, waits, self);
    const struct vfs_splice_side *other = from ? out : in;
    if (other->offset && !vfs_file_has_offsets(other->file))
        return -LX_EINVAL;
    return from ? pipe_to_file(from, out, size, waits, self)
                : file_to_pipe(in, to, size, waits, self);
}

int64_t vfs_tee(struct vfs_file *in, struct vfs_file *out, uint64_t size, uint32_t flags,
                struct core_sleeper *self)
{
    if (!vfs_file_may(in, PLAT_READ) || !vfs_file_may(out, PLAT_WRITE))
        return -LX_EBADF;
    if (in->kind != VFS_FILE_PIPE || out->kind != VFS_FILE_PIPE || in->pipe == out->pipe)
        return -LX_EINVAL;
    int waits = !(flags & LX_SPLICE_F_NONBLOCK) && !((in->flags | out->flags) & LX_O_NONBLOCK);
    return pipe_to_pipe(in->pipe, out->pipe, size, 1, waits, self);
}

int64_t vfs_vmsplice_write(struct vfs_file *pipe, const void *buf, uint64_t size, int waits,
                           struct core_sleeper *self)
{
    struct vfs_pipe *p = pipe->pipe;
    uint64_t done = 0;
    uint8_t *page;
    int err = size ? reserve_first(p, waits, self, &page) : 0;
    while (done < size && err == 0) {
        uint64_t at = (uintptr_t)buf + done,
                 part = smaller(PIPE_PAGE - at % PIPE_PAGE, size - done);
        int bad = plat_copy_guest(page, (const uint8_t *)buf + done, part) != 0;
        fill(p, page, bad ? 0 : (int64_t)part);
        done += bad ? 0 : part;
        err = bad ? -LX_EFAULT : done < size ? reserve(p, &page) : 0;
    }
    if (done)
        async_tell(&p->async, LX_POLL_IN);
    return done ? (int64_t)done : err;
}

int64_t vfs_vmsplice_read(struct vfs_file *pipe, void *buf, uint64_t size, int waits,
                          struct core_sleeper *self)
{
    return pipe_read(pipe->pipe, buf, size, waits, self);
}
