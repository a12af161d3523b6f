/* SPDX-License-Identifier: MIT */
/* Pipes: a ring in the arena, and how many hold each end. */

#include "vfs/pipe.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/lock.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/file.h"
#include "vfs/inode.h"

#define DEFAULT_SIZE 65536u
#define SIZE_MAX_ALLOWED (1u << 20) /* /proc/sys/fs/pipe-max-size */

struct vfs_pipe {
    struct core_lock lock;     /* guards all below */
    uint8_t *ring;             /* in the arena */
    uint32_t size, used, head; /* bytes; head: where the next read begins */
    uint32_t readers, writers;
    uint32_t reader_opens, writer_opens; /* ever: an open of a fifo waits for a change */
    struct core_waitq waitq;             /* own lock: readers, writers and pollers */
};

static struct vfs_pipe *pipe_alloc(void)
{
    struct vfs_pipe *p = core_arena_alloc(sizeof *p);
    if (!p)
        return NULL;
    p->ring = core_arena_alloc(DEFAULT_SIZE);
    if (!p->ring) {
        core_arena_free(p, sizeof *p);
        return NULL;
    }
    p->size = DEFAULT_SIZE;
    core_lock_init(&p->lock, CORE_LOCK_PIPE);
    core_waitq_init(&p->waitq);
    return p;
}

static void pipe_free(struct vfs_pipe *p)
{
    core_arena_free(p->ring, p->size);
    core_arena_free(p, sizeof *p);
}

static int is_reader(const struct vfs_file *f)
{
    return vfs_file_may(f, PLAT_READ);
}

static int is_writer(const struct vfs_file *f)
{
    return vfs_file_may(f, PLAT_WRITE);
}

int vfs_pipe_new(uint32_t flags, struct vfs_file **reader, struct vfs_file **writer)
{
    *reader = *writer = NULL;
    struct vfs_pipe *p = pipe_alloc();
    if (!p)
        return -LX_ENFILE;
    int err = vfs_file_new(VFS_FILE_PIPE, LX_O_RDONLY | flags, NULL, reader);
    if (err == 0)
        err = vfs_file_new(VFS_FILE_PIPE, LX_O_WRONLY | flags, NULL, writer);
    if (err < 0) {
        vfs_file_put(*reader); /* its pipe is still NULL */
        *reader = NULL;
        pipe_free(p);
        return err;
    }
    p->readers = p->writers = 1;
    (*reader)->pipe = (*writer)->pipe = p;
    return 0;
}

static void wake(struct vfs_pipe *p, uint32_t events)
{
    core_waitq_wake(&p->waitq, events, UINT32_MAX);
}

/*
 * Join a fifo's pipe.
 *   opens    how often the other end has been opened: the caller waits for the next time.
 *   returns  -LX_ENXIO: no reader, and the writer does not wait.
 */
static int join(struct vfs_pipe *p, const struct vfs_file *file, uint32_t *opens)
{
    int reads = is_reader(file), writes = is_writer(file), err = 0;
    core_lock_acquire(&p->lock);
    *opens = reads ? p->writer_opens : p->reader_opens;
    if (writes && !reads && file->flags & LX_O_NONBLOCK && !p->readers) {
        err = -LX_ENXIO;
    } else {
        p->readers += (uint32_t)reads;
        p->writers += (uint32_t)writes;
        p->reader_opens += (uint32_t)reads;
        p->writer_opens += (uint32_t)writes;
    }
    core_lock_release(&p->lock);
    return err;
}

/* Has the other end been there since `opens` was read, even if it has gone again? */
static int other_end_came(struct vfs_pipe *p, int reads, uint32_t opens)
{
    core_lock_acquire(&p->lock);
    int came =
        reads ? p->writers || p->writer_opens != opens : p->readers || p->reader_opens != opens;
    core_lock_release(&p->lock);
    return came;
}

int vfs_pipe_open_fifo(struct vfs_inode *inode, struct vfs_file *file, struct core_sleeper *self)
{
    int reads = is_reader(file), writes = is_writer(file);
    uint32_t opens = 0;
    core_lock_acquire(&inode->lock);
    struct vfs_pipe *p = inode->pipe ? inode->pipe : pipe_alloc();
    int err = p ? join(p, file, &opens) : -LX_ENOMEM;
    if (err == 0)
        inode->pipe = p;
    else if (p && p != inode->pipe)
        pipe_free(p);
    core_lock_release(&inode->lock);
    if (err < 0)
        return err;
    file->pipe = p;
    wake(p, ~0u);
    if ((reads && writes) || file->flags & LX_O_NONBLOCK)
        return 0;

    struct core_waiter *w = &self->waiter;
    core_waitq_add(&p->waitq, w, self, ~0u);
    while (err == 0 && !other_end_came(p, reads, opens))
        err = core_sleep(self, 0, PLAT_FOREVER);
    core_waitq_remove(w);
    return err;
}

void vfs_pipe_close(struct vfs_file *file)
{
    struct vfs_pipe *p = file->pipe;
    if (!p)
        return;
    if (file->inode)
        core_lock_acquire(&file->inode->lock);
    core_lock_acquire(&p->lock);
    p->readers -= (uint32_t)is_reader(file);
    p->writers -= (uint32_t)is_writer(file);
    int last = !p->readers && !p->writers;
    if (!last)        /* with the lock: then whoever closes the other end may free the pipe */
        wake(p, ~0u); /* the end of the file, or EPIPE */
    core_lock_release(&p->lock);
    if (last && file->inode)
        file->inode->pipe = NULL;
    if (file->inode)
        core_lock_release(&file->inode->lock);
    if (last)
        pipe_free(p);
}

/* Copy out of the ring; returns what was copied before a fault. */
static uint32_t take_locked(struct vfs_pipe *p, uint8_t *buf, uint64_t size)
{
    uint32_t want = size < p->used ? (uint32_t)size : p->used, done = 0;
    while (done < want) {
        uint32_t part = p->size - p->head;
        if (part > want - done)
            part = want - done;
        uint32_t left = (uint32_t)plat_copy_guest(buf + done, p->ring + p->head, part);
        done += part - left;
        p->head = (p->head + part - left) % p->size;
        p->used -= part - left;
        if (left)
            break;
    }
    return done;
}

static uint32_t give_locked(struct vfs_pipe *p, const uint8_t *buf, uint64_t size)
{
    uint32_t room = p->size - p->used, want = size < room ? (uint32_t)size : room, done = 0;
    while (done < want) {
        uint32_t tail = (p->head + p->used) % p->size, part = p->size - tail;
        if (part > want - done)
            part = want - done;
        uint32_t left = (uint32_t)plat_copy_guest(p->ring + tail, buf + done, part);
        done += part - left;
        p->used += part - left;
        if (left)
            break;
    }
    return done;
}

/* One try; -LX_EAGAIN: nothing yet. */
static int64_t try_read(struct vfs_pipe *p, void *buf, uint64_t size)
{
    core_lock_acquire(&p->lock);
    int64_t result;
    if (p->used) {
        uint32_t n = take_locked(p, buf, size);
        result = n ? (int64_t)n : -LX_EFAULT;
    } else {
        result = p->writers ? -LX_EAGAIN : 0;
    }
    core_lock_release(&p->lock);
    if (result > 0)
        wake(p, LX_POLLOUT | LX_POLLWRNORM);
    return result;
}

/* Sleep until the pipe changes; called after a try said -LX_EAGAIN. */
static int64_t read_waiting(struct vfs_pipe *p, void *buf, uint64_t size, struct core_sleeper *self)
{
    struct core_waiter *w = &self->waiter;
    int64_t result;
    core_waitq_add(&p->waitq, w, self, LX_POLLIN | LX_POLLHUP);
    while ((result = try_read(p, buf, size)) == -LX_EAGAIN) {
        int err = core_sleep(self, 0, PLAT_FOREVER);
        if (err < 0) {
            result = err;
            break;
        }
    }
    core_waitq_remove(w);
    return result;
}

int64_t vfs_pipe_read(struct vfs_file *file, void *buf, uint64_t size, struct core_sleeper *self)
{
    if (!size)
        return 0;
    int64_t result = try_read(file->pipe, buf, size);
    if (result != -LX_EAGAIN || file->flags & LX_O_NONBLOCK)
        return result;
    return read_waiting(file->pipe, buf, size, self);
}

/* pipe(7): up to PIPE_BUF bytes are written in one piece or not at all. */
static int64_t try_write(struct vfs_pipe *p, const void *buf, uint64_t size)
{
    core_lock_acquire(&p->lock);
    int64_t result;
    uint32_t room = p->size - p->used;
    if (!p->readers) {
        result = -LX_EPIPE;
    } else if (!room || (size <= LX_PIPE_BUF && room < size)) {
        result = -LX_EAGAIN;
    } else {
        uint32_t n = give_locked(p, buf, size);
        result = n ? (int64_t)n : -LX_EFAULT;
    }
    core_lock_release(&p->lock);
    if (result > 0)
        wake(p, LX_POLLIN | LX_POLLRDNORM);
    return result;
}

int64_t vfs_pipe_write(struct vfs_file *file, const void *buf, uint64_t size,
                       struct core_sleeper *self)
{
    struct vfs_pipe *p = file->pipe;
    struct core_waiter *w = &self->waiter;
    uint64_t done = 0;
    int64_t result = 0;
    int waiting = 0;
    while (done < size) {
        result = try_write(p, (const uint8_t *)buf + done, size - done);
        if (result > 0) {
            done += (uint64_t)result;
            continue;
        }
        if (result != -LX_EAGAIN || file->flags & LX_O_NONBLOCK)
            break;
        if (!waiting) { /* look again after being in the queue */
            core_waitq_add(&p->waitq, w, self, LX_POLLOUT | LX_POLLHUP);
            waiting = 1;
            continue;
        }
        result = core_sleep(self, 0, PLAT_FOREVER);
        if (result < 0)
            break;
    }
    core_waitq_remove(w);
    return done ? (int64_t)done : result;
}

uint32_t vfs_pipe_poll(struct vfs_file *file)
{
    struct vfs_pipe *p = file->pipe;
    uint32_t ready = 0;
    core_lock_acquire(&p->lock);
    if (is_reader(file)) {
        if (p->used)
            ready |= LX_POLLIN | LX_POLLRDNORM;
        if (!p->writers && (!file->inode || p->writer_opens))
            ready |= LX_POLLHUP;
    }
    if (is_writer(file)) {
        if (p->size - p->used >= LX_PIPE_BUF)
            ready |= LX_POLLOUT | LX_POLLWRNORM;
        if (!p->readers)
            ready |= LX_POLLERR;
    }
    core_lock_release(&p->lock);
    return ready;
}

struct core_waitq *vfs_pipe_waitq(struct vfs_file *file)
{
    return &file->pipe->waitq;
}

int64_t vfs_pipe_available(struct vfs_file *file)
{
    struct vfs_pipe *p = file->pipe;
    core_lock_acquire(&p->lock);
    uint32_t used = p->used;
    core_lock_release(&p->lock);
    return used;
}

int64_t vfs_pipe_size(struct vfs_file *file)
{
    struct vfs_pipe *p = file->pipe;
    core_lock_acquire(&p->lock);
    uint32_t size = p->size;
    core_lock_release(&p->lock);
    return size;
}

int64_t vfs_pipe_set_size(struct vfs_file *file, uint64_t size)
{
    struct vfs_pipe *p = file->pipe;
    uint32_t rounded = LX_PIPE_BUF;
    if (size > SIZE_MAX_ALLOWED)
        return -LX_EPERM;
    while (rounded < size)
        rounded *= 2;
    uint8_t *ring = core_arena_alloc(rounded), *old = NULL;
    if (!ring)
        return -LX_ENOMEM;
    int64_t result = rounded;
    uint32_t old_size = 0;
    core_lock_acquire(&p->lock);
    if (p->used > rounded) {
        result = -LX_EBUSY;
    } else {
        uint32_t used = p->used;
        for (uint32_t i = 0; i < used; i++)
            ring[i] = p->ring[(p->head + i) % p->size];
        old = p->ring;
        old_size = p->size;
        p->ring = ring;
        p->size = rounded;
        p->head = 0;
    }
    core_lock_release(&p->lock);
    if (old)
        core_arena_free(old, old_size);
    else
        core_arena_free(ring, rounded);
    wake(p, LX_POLLOUT | LX_POLLWRNORM); /* there may be more room */
    return result;
}
