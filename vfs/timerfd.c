/* SPDX-License-Identifier: MIT */
/*
 * Timers as files.  As in Linux an expiry is an edge once: a timer that repeats does not
 * fire again before what it counted was asked for, and is then said to have expired as
 * often as its interval went by.  Here it fires when somebody looks, which is no later
 * than somebody waits for it.
 */

#include "vfs/timerfd.h"

#include "core/arena.h"
#include "core/lock.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/file.h"

/* To those that sleep: the deadline is another one.  No event of poll(2), so no edge. */
#define LOOK_AGAIN (1u << 27)

struct vfs_timerfd {
    struct core_lock lock; /* guards next_ns, interval_ns, fired, expired */
    uint64_t next_ns;      /* the deadline, or of the last expiry if `fired`; 0: disarmed */
    uint64_t interval_ns;  /* 0: once */
    uint32_t fired;        /* 1: it has expired, and counts no further until asked */
    uint64_t expired;      /* expiries that nobody has read */
    int32_t clock;         /* constant */
    struct core_waitq waitq;
};

int vfs_timerfd_new(int32_t clock, uint32_t flags, struct vfs_file **out)
{
    *out = NULL;
    struct vfs_timerfd *t = core_arena_alloc(sizeof *t);
    if (!t)
        return -LX_ENFILE;
    int err = vfs_file_new(VFS_FILE_TIMERFD, LX_O_RDWR | (flags & LX_O_NONBLOCK), NULL, out);
    if (err < 0) {
        core_arena_free(t, sizeof *t);
        return err;
    }
    core_lock_init(&t->lock, CORE_LOCK_PIPE);
    core_waitq_init(&t->waitq);
    t->clock = clock;
    (*out)->timerfd = t;
    return 0;
}

void vfs_timerfd_close(struct vfs_file *file)
{
    core_arena_free(file->timerfd, sizeof *file->timerfd);
}

int32_t vfs_timerfd_clock(const struct vfs_file *file)
{
    return file->timerfd->clock;
}

static uint64_t now_ns(void)
{
    return plat_clock_now(PLAT_CLOCK_MONOTONIC);
}

/* Let it expire if it is time; that is the edge which epolls wait for. */
static void look_locked(struct vfs_timerfd *t, uint64_t now)
{
    if (t->fired || !t->next_ns || t->next_ns > now)
        return;
    t->fired = 1;
    t->expired++;
    core_waitq_wake(&t->waitq, LX_POLLIN, UINT32_MAX);
}

/*
 * What it counted is asked for: one that repeats has expired some more times by now, and
 * goes on.  Those that sleep have a deadline again.
 */
static void go_on_locked(struct vfs_timerfd *t, uint64_t now)
{
    if (!t->fired || !t->interval_ns)
        return;
    uint64_t times = (now - t->next_ns) / t->interval_ns;
    t->expired += times;
    t->next_ns += (times + 1) * t->interval_ns;
    if (t->next_ns > INT64_MAX)
        t->next_ns = INT64_MAX;
    t->fired = 0;
    core_waitq_wake(&t->waitq, LOOK_AGAIN, UINT32_MAX);
}

static void get_locked(struct vfs_timerfd *t, uint64_t now, struct vfs_timerfd_setting *out)
{
    look_locked(t, now);
    go_on_locked(t, now);
    out->left_ns = t->fired || !t->next_ns ? 0 : t->next_ns - now;
    out->interval_ns = t->interval_ns;
}

void vfs_timerfd_get(struct vfs_file *file, struct vfs_timerfd_setting *out)
{
    struct vfs_timerfd *t = file->timerfd;
    core_lock_acquire(&t->lock);
    get_locked(t, now_ns(), out);
    core_lock_release(&t->lock);
}

void vfs_timerfd_set(struct vfs_file *file, int64_t deadline_ns, uint64_t interval_ns,
                     struct vfs_timerfd_setting *old)
{
    struct vfs_timerfd *t = file->timerfd;
    core_lock_acquire(&t->lock);
    if (old)
        get_locked(t, now_ns(), old);
    t->next_ns = (uint64_t)deadline_ns;
    t->interval_ns = interval_ns;
    t->fired = 0;
    t->expired = 0;
    core_waitq_wake(&t->waitq, LOOK_AGAIN, UINT32_MAX);
    core_lock_release(&t->lock);
}

/* Take what a read gives; 0 if there is nothing before the deadline `next`. */
static uint64_t take(struct vfs_timerfd *t, int64_t *next)
{
    core_lock_acquire(&t->lock);
    uint64_t now = now_ns();
    look_locked(t, now);
    if (t->expired)
        go_on_locked(t, now);
    uint64_t expired = t->expired;
    t->expired = 0;
    *next = t->fired || !t->next_ns ? PLAT_FOREVER : (int64_t)t->next_ns;
    core_lock_release(&t->lock);
    return expired;
}

int64_t vfs_timerfd_read(struct vfs_file *file, void *buf, uint64_t size, struct core_sleeper *self)
{
    struct vfs_timerfd *t = file->timerfd;
    int64_t next;
    if (size < sizeof(uint64_t))
        return -LX_EINVAL;
    uint64_t expired = take(t, &next);
    if (!expired) {
        struct core_waiter *w = &self->waiter;
        int err = file->flags & LX_O_NONBLOCK ? -LX_EAGAIN : 0;
        core_waitq_add(&t->waitq, w, self, LX_POLLIN | LOOK_AGAIN);
        while (err == 0 && !(expired = take(t, &next)))
            err = vfs_file_sleep(self, 0, PLAT_FOREVER, next);
        core_waitq_remove(w);
        if (err < 0)
            return err;
    }
    return plat_copy_guest(buf, &expired, sizeof expired) ? -LX_EFAULT : (int64_t)sizeof expired;
}

uint32_t vfs_timerfd_poll(struct vfs_file *file)
{
    struct vfs_timerfd *t = file->timerfd;
    core_lock_acquire(&t->lock);
    look_locked(t, now_ns());
    uint32_t ready = t->expired ? LX_POLLIN : 0;
    core_lock_release(&t->lock);
    return ready;
}

struct core_waitq *vfs_timerfd_waitq(struct vfs_file *file)
{
    return &file->timerfd->waitq;
}

int64_t vfs_timerfd_deadline(struct vfs_file *file)
{
    struct vfs_timerfd *t = file->timerfd;
    core_lock_acquire(&t->lock);
    int64_t next = t->fired || !t->next_ns ? PLAT_FOREVER : (int64_t)t->next_ns;
    core_lock_release(&t->lock);
    return next;
}
