/* SPDX-License-Identifier: MIT */
/*
 * Pipes: slots with pages in the arena, and how many hold each end.  A page is there
 * while there is something in it: a pipe costs what it holds.
 */

#include "vfs/pipe.h"

#include <stdatomic.h>

#include "async.h"
#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "lx/signal.h"
#include "lx/unistd.h"
#include "pipe_ring.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/file.h"
#include "vfs/inode.h"

#define SIZE_ALLOWED (1u << 20) /* /proc/sys/fs/pipe-max-size */
#define IN_EVENTS (LX_POLLIN | LX_POLLRDNORM)
#define OUT_EVENTS (LX_POLLOUT | LX_POLLWRNORM)

static struct vfs_pipe *pipe_alloc(void)
{
    struct vfs_pipe *p = core_arena_alloc(sizeof *p);
    if (!p)
        return NULL;
    p->slots = p->own;
    p->slot_count = PIPE_SLOTS;
    p->reader_opens = p->writer_opens = 1;
    core_lock_init(&p->lock, CORE_LOCK_PIPE);
    core_waitq_init(&p->waitq);
    return p;
}

static void slots_free(struct pipe_slot *slots, uint32_t count)
{
    if (count > PIPE_SLOTS)
        core_arena_free(slots, count * sizeof *slots);
}

static void pipe_free(struct vfs_pipe *p)
{
    for (uint32_t i = 0; i < p->used; i++)
        core_arena_free(pipe_slot(p, i)->page, PIPE_PAGE);
    core_arena_free(p->spare[0], PIPE_PAGE);
    core_arena_free(p->spare[1], PIPE_PAGE);
    slots_free(p->slots, p->slot_count);
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

static int waits(const struct vfs_file *f)
{
    return !(f->flags & LX_O_NONBLOCK);
}

int vfs_pipe_new(uint32_t flags, struct vfs_file **reader, struct vfs_file **writer)
{
    *reader = *writer = NULL;
    struct vfs_pipe *p = pipe_alloc();
    if (!p)
        return -LX_ENFILE;
    uint32_t reader_flags = flags & ~(uint32_t)LX_O_DIRECT; /* packets are the writer's */
    int err = vfs_file_new(VFS_FILE_PIPE, LX_O_RDONLY | reader_flags, NULL, reader);
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

static void wake_all(struct vfs_pipe *p)
{
    core_waitq_wake(&p->waitq, ~0u, UINT32_MAX);
}

/*
 * Join a fifo's pipe.
 *   opens    how often the other end had been opened when it was last not open: the caller waits
 *            for one more time.  Who is there now may be gone before the caller looks.
 *   returns  -LX_ENXIO: no reader, and the writer does not wait.
 */
static int join(struct vfs_pipe *p, struct vfs_file *file, uint32_t *opens)
{
    int reads = is_reader(file), writes = is_writer(file), err = 0;
    core_lock_acquire(&p->lock);
    *opens = reads ? p->writer_opens - (p->writers != 0) : p->reader_opens - (p->readers != 0);
    int alone = file->inode && !waits(file); /* a pipe without a name is open already */
    if (alone && writes && !reads && !p->readers) {
        err = -LX_ENXIO;
    } else {
        if (alone && reads && !writes && !p->writers)
            file->position = p->writer_opens; /* see vfs_pipe_poll() */
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
    wake_all(p);
    if ((reads && writes) || !waits(file))
        return 0;

    struct core_waiter *w = &self->waiter;
    core_waitq_add(&p->waitq, w, self, ~0u);
    int came;
    /* After an interrupt, too, it looks once more: the writer's end may be what interrupts. */
    while (!(came = other_end_came(p, reads, opens)) && err == 0)
        err = core_sleep(self, 0, PLAT_FOREVER);
    core_waitq_remove(w);
    return came ? 0 : err;
}

int vfs_pipe_reopen(struct vfs_file *of, uint32_t flags, struct vfs_file **out)
{
    uint32_t opens;
    int err = vfs_file_new(VFS_FILE_PIPE, flags, NULL, out);
    if (err < 0)
        return err;
    err = join(of->pipe, *out, &opens);
    (*out)->pipe = of->pipe;
    wake_all(of->pipe);
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
    if (!p->readers !=
        !p->writers) { /* with the lock: then whoever closes the other end may free */
        wake_all(p);   /* the end of the file, or EPIPE */
        async_tell(&p->async, LX_POLL_IN);
        async_tell(&p->async, LX_POLL_OUT);
    }
    core_lock_release(&p->lock);
    if (last && file->inode)
        file->inode->pipe = NULL;
    if (file->inode)
        core_lock_release(&file->inode->lock);
    if (last)
        pipe_free(p);
}

/* ---- Slots ---- */

uint8_t *pipe_page_new_locked(struct vfs_pipe *p)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t *page = p->spare[i];
        p->spare[i] = NULL;
        if (page)
            return page;
    }
    return core_arena_alloc_dirty(PIPE_PAGE);
}

void pipe_page_free_locked(struct vfs_pipe *p, uint8_t *page)
{
    if (!p->spare[0])
        p->spare[0] = page;
    else if (!p->spare[1])
        p->spare[1] = page;
    else
        core_arena_free(page, PIPE_PAGE);
}

void pipe_push_locked(struct vfs_pipe *p, const struct pipe_slot *slot)
{
    *pipe_slot(p, p->used++) = *slot;
    p->bytes += slot->size;
}

void pipe_drop_locked(struct vfs_pipe *p, uint32_t size)
{
    struct pipe_slot *s = pipe_slot(p, 0);
    s->begin = (uint16_t)(s->begin + size);
    s->size = (uint16_t)(s->size - size);
    p->bytes -= size;
    if (s->size)
        return;
    pipe_page_free_locked(p, s->page);
    p->first++;
    p->used--;
}

/* Copy out of the pipe; a fault counts if it is the first thing that happens. */
static int64_t take_locked(struct vfs_pipe *p, uint8_t *buf, uint64_t size)
{
    uint64_t done = 0;
    int packet = 0;
    while (done < size && p->used && !packet) {
        struct pipe_slot *s = pipe_slot(p, 0);
        uint32_t part = s->size < size - done ? s->size : (uint32_t)(size - done);
        if (plat_copy_guest(buf + done, s->page + s->begin, part))
            return done ? (int64_t)done : -LX_EFAULT;
        done += part;
        packet = s->flags & PIPE_PACKET;
        pipe_drop_locked(p, packet ? s->size : part); /* what did not fit is lost: pipe(2) */
    }
    return (int64_t)done;
}

/*
 * Copy into the pipe, as much as there is room for.  Up to PIPE_BUF bytes go in as a
 * whole: behind what is in the last slot, or into a new one.
 */
static int64_t give_locked(struct vfs_pipe *p, const uint8_t *buf, uint64_t size, uint32_t flags,
                           int merge)
{
    uint64_t done = 0;
    uint32_t rest = (uint32_t)(size % PIPE_PAGE);
    struct pipe_slot *last = merge && rest && p->used ? pipe_slot(p, p->used - 1) : NULL;
    if (last && last->flags & PIPE_MERGE && last->begin + last->size + rest <= PIPE_PAGE) {
        if (plat_copy_guest(last->page + last->begin + last->size, buf, rest))
            return -LX_EFAULT;
        last->size = (uint16_t)(last->size + rest);
        p->bytes += rest;
        done = rest;
    }
    while (done < size && !pipe_is_full(p)) {
        uint32_t part = size - done < PIPE_PAGE ? (uint32_t)(size - done) : PIPE_PAGE;
        uint8_t *page = pipe_page_new_locked(p);
        if (!page)
            return done ? (int64_t)done : -LX_ENOMEM;
        if (plat_copy_guest(page, buf + done, part)) {
            pipe_page_free_locked(p, page);
            return done ? (int64_t)done : -LX_EFAULT;
        }
        pipe_push_locked(p, &(struct pipe_slot){page, 0, (uint16_t)part, flags});
        done += part;
    }
    return done ? (int64_t)done : -LX_EAGAIN;
}

_Static_assert(LX_PIPE_BUF == PIPE_PAGE, "what is written as a whole is what fits into one slot");

/* ---- Waiting ---- */

/* One reader is enough for what comes to an empty pipe: it wakes the next if it leaves some. */
void pipe_wake_readers(struct vfs_pipe *p, int was_empty)
{
    core_waitq_wake_some(&p->waitq, IN_EVENTS, was_empty ? 1 : 0);
}

void pipe_wake_writers(struct vfs_pipe *p)
{
    core_waitq_wake_some(&p->waitq, OUT_EVENTS, 1);
}

/* The first time only join the queue: the caller looks again. */
static int wait_in(struct vfs_pipe *p, struct core_sleeper *self, uint32_t events, int *waiting)
{
    int err = 0;
    if (*waiting)
        err = async_sleep(self, PLAT_FOREVER);
    else
        core_waitq_add_exclusive(&p->waitq, &self->waiter, self, events);
    *waiting = 1;
    core_waiter_look(&self->waiter);
    return err;
}

/* Leave the queue; if there is something for the next one, it was perhaps told to us alone. */
static void stop_waiting(struct vfs_pipe *p, struct core_sleeper *self, uint32_t events)
{
    core_waitq_remove(&self->waiter);
    core_lock_acquire(&p->lock);
    int more = events & LX_POLLIN ? p->used != 0 : !pipe_is_full(p);
    core_lock_release(&p->lock);
    if (more)
        core_waitq_wake_some(&p->waitq, events, 1);
}

static int look_readable(struct vfs_pipe *p)
{
    core_lock_acquire(&p->lock);
    int result = p->used || !p->writers ? 0 : -LX_EAGAIN;
    core_lock_release(&p->lock);
    return result;
}

static int look_writable(struct vfs_pipe *p)
{
    core_lock_acquire(&p->lock);
    int result = !p->readers ? -LX_EPIPE : pipe_is_full(p) ? -LX_EAGAIN : 0;
    core_lock_release(&p->lock);
    return result;
}

static int wait_for(struct vfs_pipe *p, int (*look)(struct vfs_pipe *p), uint32_t events, int may,
                    struct core_sleeper *self)
{
    int result, err = 0, waiting = 0;
    while ((result = look(p)) == -LX_EAGAIN && may && err == 0)
        err = wait_in(p, self, events, &waiting);
    if (waiting)
        stop_waiting(p, self, events);
    return result == -LX_EAGAIN && err < 0 ? err : result;
}

int pipe_wait_readable(struct vfs_pipe *p, int may, struct core_sleeper *self)
{
    return wait_for(p, look_readable, IN_EVENTS, may, self);
}

int pipe_wait_writable(struct vfs_pipe *p, int may, struct core_sleeper *self)
{
    return wait_for(p, look_writable, OUT_EVENTS, may, self);
}

/* ---- Reading and writing ---- */

/* One try; -LX_EAGAIN: nothing yet. */
static int64_t try_read(struct vfs_pipe *p, void *buf, uint64_t size)
{
    core_lock_acquire(&p->lock);
    int was_full = pipe_is_full(p);
    int64_t result = p->used ? take_locked(p, buf, size) : p->writers ? -LX_EAGAIN : 0;
    int room = was_full && !pipe_is_full(p);
    core_lock_release(&p->lock);
    if (room)
        pipe_wake_writers(p);
    return result;
}

int64_t pipe_read(struct vfs_pipe *p, void *buf, uint64_t size, int may, struct core_sleeper *self)
{
    int64_t result;
    int err = 0, waiting = 0;
    if (!size)
        return 0;
    /* After an interrupt, too, it looks once more: what is there is read. */
    while ((result = try_read(p, buf, size)) == -LX_EAGAIN && may && err == 0)
        err = wait_in(p, self, IN_EVENTS, &waiting);
    if (waiting)
        stop_waiting(p, self, IN_EVENTS);
    if (result == -LX_EAGAIN && err < 0)
        return err;
    async_tell(&p->async, LX_POLL_OUT); /* as Linux: whatever was read */
    return result;
}

int64_t vfs_pipe_read(struct vfs_file *file, void *buf, uint64_t size, struct core_sleeper *self)
{
    return pipe_read(file->pipe, buf, size, waits(file), self);
}

static int64_t try_write(struct vfs_pipe *p, const void *buf, uint64_t size, uint32_t flags,
                         int merge)
{
    core_lock_acquire(&p->lock);
    int was_empty = !p->used;
    int64_t result = p->readers ? give_locked(p, buf, size, flags, merge) : -LX_EPIPE;
    core_lock_release(&p->lock);
    if (result > 0)
        pipe_wake_readers(p, was_empty);
    async_tell(&p->async, LX_POLL_IN); /* as Linux: whatever was written */
    return result;
}

int64_t vfs_pipe_write(struct vfs_file *file, const void *buf, uint64_t size,
                       struct core_sleeper *self)
{
    struct vfs_pipe *p = file->pipe;
    uint32_t flags = file->flags & LX_O_DIRECT ? PIPE_PACKET : PIPE_MERGE;
    uint64_t done = 0;
    int64_t result = 0;
    int err = 0, waiting = 0;
    while (done < size) {
        result = try_write(p, (const uint8_t *)buf + done, size - done, flags, done == 0);
        if (result > 0)
            done += (uint64_t)result;
        if ((result < 0 && result != -LX_EAGAIN) || err < 0)
            break;
        if (done < size && !waits(file))
            break;
        if (done < size)
            err = wait_in(p, self, OUT_EVENTS, &waiting);
    }
    if (waiting)
        stop_waiting(p, self, OUT_EVENTS);
    return done ? (int64_t)done : result == -LX_EAGAIN && err < 0 ? err : result;
}

int vfs_pipe_is_broken(struct vfs_file *file)
{
    return look_writable(file->pipe) == -LX_EPIPE;
}

int vfs_pipe_next_is_packet(struct vfs_file *file, struct core_sleeper *self)
{
    struct vfs_pipe *p = file->pipe;
    if (pipe_wait_readable(p, waits(file), self) < 0)
        return 0;
    core_lock_acquire(&p->lock);
    int packet = p->used && pipe_slot(p, 0)->flags & PIPE_PACKET;
    core_lock_release(&p->lock);
    return packet;
}

uint32_t vfs_pipe_poll(struct vfs_file *file)
{
    struct vfs_pipe *p = file->pipe;
    uint32_t ready = 0;
    core_lock_acquire(&p->lock);
    if (is_reader(file)) {
        if (p->used)
            ready |= IN_EVENTS;
        /* Not for who opened a fifo before there was a writer, until one has come. */
        if (!p->writers && file->position != p->writer_opens)
            ready |= LX_POLLHUP;
    }
    if (is_writer(file)) {
        if (!pipe_is_full(p))
            ready |= OUT_EVENTS;
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
    uint32_t bytes = p->bytes;
    core_lock_release(&p->lock);
    return bytes;
}

/* ---- Its size ---- */

int64_t vfs_pipe_size(struct vfs_file *file)
{
    struct vfs_pipe *p = file->pipe;
    core_lock_acquire(&p->lock);
    uint32_t count = p->slot_count;
    core_lock_release(&p->lock);
    return (int64_t)count * PIPE_PAGE;
}

/* Up to PIPE_SLOTS are in the pipe itself; those beyond are unused then. */
static void use_slots_locked(struct vfs_pipe *p, struct pipe_slot *slots, uint32_t count)
{
    struct pipe_slot kept[PIPE_SLOTS]; /* `slots` may be those that are used now */
    for (uint32_t i = 0; i < p->used; i++) {
        if (count <= PIPE_SLOTS)
            kept[i] = *pipe_slot(p, i);
        else
            slots[i] = *pipe_slot(p, i);
    }
    if (count <= PIPE_SLOTS)
        memcpy(slots, kept, p->used * sizeof *slots);
    p->slots = slots;
    p->slot_count = count;
    p->first = 0;
}

int64_t vfs_pipe_set_size(struct vfs_file *file, uint64_t size)
{
    struct vfs_pipe *p = file->pipe;
    uint32_t count = 1;
    if (size > 1u << 31)
        return -LX_EINVAL;
    if (size > SIZE_ALLOWED)
        return -LX_EPERM; /* CAP_SYS_RESOURCE is not a container's */
    while ((uint64_t)count * PIPE_PAGE < size)
        count *= 2;
    struct pipe_slot *slots = p->own;
    if (count > PIPE_SLOTS)
        slots = core_arena_alloc_dirty(count * sizeof *slots);
    if (!slots)
        return -LX_ENOMEM;
    core_lock_acquire(&p->lock);
    struct pipe_slot *old = p->slots;
    uint32_t old_count = p->slot_count, busy = p->used + p->reserved > count;
    if (!busy)
        use_slots_locked(p, slots, count);
    int room = !pipe_is_full(p);
    core_lock_release(&p->lock);
    if (busy) {
        slots_free(slots, count);
        return -LX_EBUSY;
    }
    slots_free(old, old_count);
    if (room && count > old_count)
        core_waitq_wake(&p->waitq, OUT_EVENTS, UINT32_MAX);
    return (int64_t)count * PIPE_PAGE;
}
