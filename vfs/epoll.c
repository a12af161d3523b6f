/* SPDX-License-Identifier: MIT */
/*
 * epoll: a list of entries, each watching one file's wait queue and passing its
 * wakes on to the epoll's own.  A wait asks every entry's file; what is edge-
 * triggered counts only if its queue was woken since it was last reported.
 */

#include <stdatomic.h>

#include "core/arena.h"
#include "core/lock.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "vfs/event.h"
#include "vfs/file.h"

#define CONTROL_FLAGS (LX_EPOLLET | LX_EPOLLONESHOT | LX_EPOLLWAKEUP | LX_EPOLLEXCLUSIVE)
#define NEST_MAX 4u /* steps from an epoll to one that it watches, and on; ELOOP beyond */

struct entry {
    struct core_list node;    /* in the epoll's list */
    struct core_list of_file; /* in the file's list of watches, guarded by the file's lock */
    struct vfs_epoll *epoll;  /* constant */
    struct vfs_file *file;    /* constant; not a reference, yet it outlives the entry: see
                                 vfs_epoll_forget() */
    int32_t fd;               /* constant */
    struct lx_epoll_event event;
    uint32_t armed; /* 0: EPOLLONESHOT has fired */
    uint32_t turn;  /* in which it was reported last */
    struct core_waiter waiter;
};

struct vfs_epoll {
    _Atomic uint32_t refs; /* its file, and closers of files that it watches */
    struct vfs_file *file; /* constant; no reference: it is there while there are entries */
    struct core_lock lock; /* guards entries and what they hold */
    struct core_list entries;
    _Atomic uint32_t turns; /* begun */
    struct core_waitq waitq;
};

int vfs_epoll_new(struct vfs_file **out)
{
    *out = NULL;
    struct vfs_epoll *e = core_arena_alloc(sizeof *e);
    if (!e)
        return -LX_ENFILE;
    int err = vfs_file_new(VFS_FILE_EPOLL, 2 /* O_RDWR */, NULL, out);
    if (err < 0) {
        core_arena_free(e, sizeof *e);
        return err;
    }
    e->refs = 1;
    core_lock_init(&e->lock, CORE_LOCK_EPOLL);
    core_list_init(&e->entries);
    core_waitq_init(&e->waitq);
    e->file = *out;
    (*out)->epoll = e;
    return 0;
}

static void epoll_put(struct vfs_epoll *e)
{
    if (atomic_fetch_sub(&e->refs, 1) == 1)
        core_arena_free(e, sizeof *e);
}

#define ANY_FD (-1)

/* The entry for a file under the name `fd`, or under any; a file has fewer watches than `e` entries. */
static struct entry *find_locked(struct vfs_epoll *e, int32_t fd, struct vfs_file *file)
{
    struct entry *found = NULL;
    core_lock_acquire(&file->lock);
    CORE_LIST_FOR_EACH(node, &file->watches)
    {
        struct entry *n = CORE_LIST_ENTRY(node, struct entry, of_file);
        if (n->epoll == e && (fd == ANY_FD || n->fd == fd))
            found = n;
    }
    core_lock_release(&file->lock);
    return found;
}

/* Height of epolls above one: those that watch it, and on.  LOCK_EPOLL_NEST is held. */
static uint32_t height_over(struct vfs_file *file, uint32_t level)
{
    uint32_t highest = 0;
    if (level > NEST_MAX)
        return 1;
    core_lock_acquire(&file->lock);
    CORE_LIST_FOR_EACH(node, &file->watches)
    {
        struct vfs_epoll *e = CORE_LIST_ENTRY(node, struct entry, of_file)->epoll;
        uint32_t height = 1 + height_over(e->file, level + 1);
        highest = height > highest ? height : highest;
    }
    core_lock_release(&file->lock);
    return highest;
}

/* Depth of epolls below a file, itself counted; beyond NEST_MAX it does not matter how far. */
static uint32_t depth_of(struct vfs_file *file, uint32_t level)
{
    if (file->kind != VFS_FILE_EPOLL || level > NEST_MAX)
        return level;
    uint32_t deepest = level + 1;
    core_lock_acquire(&file->epoll->lock);
    CORE_LIST_FOR_EACH(node, &file->epoll->entries)
    {
        uint32_t depth = depth_of(CORE_LIST_ENTRY(node, struct entry, node)->file, level + 1);
        deepest = depth > deepest ? depth : deepest;
    }
    core_lock_release(&file->epoll->lock);
    return deepest;
}

static int contains(struct vfs_file *file, const struct vfs_file *other, uint32_t level)
{
    if (file == other)
        return 1;
    if (file->kind != VFS_FILE_EPOLL || level > NEST_MAX)
        return 0;
    int found = 0;
    core_lock_acquire(&file->epoll->lock);
    CORE_LIST_FOR_EACH(node, &file->epoll->entries)
    {
        found |= contains(CORE_LIST_ENTRY(node, struct entry, node)->file, other, level + 1);
    }
    core_lock_release(&file->epoll->lock);
    return found;
}

static int add_locked(struct vfs_epoll *e, int32_t fd, struct vfs_file *target,
                      const struct lx_epoll_event *event)
{
    struct entry *n = core_arena_alloc(sizeof *n);
    if (!n)
        return -LX_ENOSPC;
    n->epoll = e;
    n->file = target;
    n->fd = fd;
    n->event = *event;
    n->armed = 1;
    struct core_waitq *q = vfs_file_waitq(target);
    if (q)
        core_waitq_forward(q, &n->waiter, &e->waitq);
    atomic_store(&n->waiter.woken, ~0u); /* what is ready already is an edge */
    core_list_add(&e->entries, &n->node);
    core_lock_acquire(&target->lock);
    core_list_add(&target->watches, &n->of_file);
    core_lock_release(&target->lock);
    return 0;
}

/* The file stays until it has no watches: its wait queue is left first. */
static void remove_locked(struct entry *n)
{
    core_waitq_remove(&n->waiter);
    core_lock_acquire(&n->file->lock);
    core_list_remove(&n->of_file);
    core_lock_release(&n->file->lock);
    core_list_remove(&n->node);
    core_arena_free(n, sizeof *n);
}

static int control(struct vfs_file *file, int32_t op, int32_t fd, struct vfs_file *target,
                   const struct lx_epoll_event *event)
{
    struct vfs_epoll *e = file->epoll;
    core_lock_acquire(&e->lock);
    struct entry *n = find_locked(e, fd, target);
    int err = 0;
    switch (op) {
    case LX_EPOLL_CTL_ADD:
        err = n ? -LX_EEXIST : add_locked(e, fd, target, event);
        break;
    case LX_EPOLL_CTL_MOD:
        if (!n) {
            err = -LX_ENOENT;
            break;
        }
        n->event = *event;
        n->armed = 1;
        atomic_store(&n->waiter.woken, ~0u);
        break;
    case LX_EPOLL_CTL_DEL:
        if (!n) {
            err = -LX_ENOENT;
            break;
        }
        remove_locked(n);
        break;
    default:
        err = -LX_EINVAL;
    }
    core_lock_release(&e->lock);
    if (err == 0 && op != LX_EPOLL_CTL_DEL)
        core_waitq_wake(&e->waitq, ~0u, UINT32_MAX); /* it may be ready already */
    return err;
}

/* Let an epoll watch another: no circles, and no long chains, which would be walked at each wake. */
static int add_nested(struct vfs_file *file, int32_t fd, struct vfs_file *target,
                      const struct lx_epoll_event *event)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->nest_lock);
    int err = contains(target, file, 0) || depth_of(target, 0) + height_over(file, 0) > NEST_MAX
                  ? -LX_ELOOP
                  : control(file, LX_EPOLL_CTL_ADD, fd, target, event);
    core_lock_release(&s->nest_lock);
    return err;
}

int vfs_epoll_control(struct vfs_file *file, int32_t op, int32_t fd, struct vfs_file *target,
                      const struct lx_epoll_event *event)
{
    if (file->kind == VFS_FILE_PATH || target->kind == VFS_FILE_PATH)
        return -LX_EBADF;
    if (target->kind == VFS_FILE_REGULAR || target->kind == VFS_FILE_DIRECTORY)
        return -LX_EPERM;
    if (file->kind != VFS_FILE_EPOLL || target == file)
        return -LX_EINVAL;
    if (op == LX_EPOLL_CTL_ADD && target->kind == VFS_FILE_EPOLL)
        return add_nested(file, fd, target, event);
    return control(file, op, fd, target, event);
}

/* An epoll that watches the file, with a reference; NULL if there is none. */
static struct vfs_epoll *watcher_of(struct vfs_file *file)
{
    struct vfs_epoll *e = NULL;
    core_lock_acquire(&file->lock);
    if (!core_list_is_empty(&file->watches)) {
        e = CORE_LIST_ENTRY(file->watches.next, struct entry, of_file)->epoll;
        atomic_fetch_add(&e->refs, 1); /* while it has entries it cannot be gone */
    }
    core_lock_release(&file->lock);
    return e;
}

/*
 * The file's last reference is gone: no watches are added.  Its epolls may be
 * removing some of them at this moment; they are done when none is left.
 */
void vfs_epoll_forget(struct vfs_file *file)
{
    struct vfs_epoll *e;
    while ((e = watcher_of(file))) {
        core_lock_acquire(&e->lock);
        struct entry *n = find_locked(e, ANY_FD, file);
        if (n)
            remove_locked(n);
        core_lock_release(&e->lock);
        epoll_put(e);
    }
}

void vfs_epoll_close(struct vfs_file *file)
{
    struct vfs_epoll *e = file->epoll;
    core_lock_acquire(&e->lock);
    CORE_LIST_FOR_EACH_SAFE(node, &e->entries)
    {
        remove_locked(CORE_LIST_ENTRY(node, struct entry, node));
    }
    core_lock_release(&e->lock);
    epoll_put(e);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t deadline_locked(struct entry *n)
{
    return n->armed ? vfs_file_deadline(n->file) : PLAT_FOREVER;
}

static uint32_t ready_locked(struct entry *n, int take)
{
    if (!n->armed)
        return 0;
    uint32_t events = n->event.events;
    if (events & LX_EPOLLET && vfs_file_waitq(n->file)) {
        if (vfs_file_deadline(n->file) != PLAT_FOREVER)
            (void)vfs_file_poll(n->file, 0); /* lets a timer expire, which is its edge */
        uint32_t woken =
            take ? atomic_exchange(&n->waiter.woken, 0) : atomic_load(&n->waiter.woken);
        if (!(woken & (events | LX_POLLERR | LX_POLLHUP)))
            return 0; /* say, the other direction's wake */
    }
    return vfs_file_poll(n->file, events & ~CONTROL_FLAGS);
}

/* Collect what is ready; `streams` and `next_ns` are what to sleep on if nothing is. */
static uint32_t collect(struct vfs_epoll *e, struct lx_epoll_event *events, uint32_t count,
                        uint32_t turn, uint32_t *streams, int64_t *next_ns)
{
    uint32_t found = 0;
    *streams = 0;
    *next_ns = PLAT_FOREVER;
    core_lock_acquire(&e->lock);
    struct core_list reported;
    core_list_init(&reported);
    CORE_LIST_FOR_EACH_SAFE(node, &e->entries)
    {
        struct entry *n = CORE_LIST_ENTRY(node, struct entry, node);
        if (found == count)
            break;
        if (n->turn == turn)
            continue;
        if (n->armed)
            *streams |= vfs_file_stream_bits(n->file, n->event.events);
        uint32_t ready = ready_locked(n, 1);
        *next_ns = earlier(*next_ns, deadline_locked(n));
        if (!ready)
            continue;
        events[found++] = (struct lx_epoll_event){ready, n->event.data};
        n->turn = turn;
        if (n->event.events & LX_EPOLLONESHOT)
            n->armed = 0;
        core_list_remove(&n->node); /* to the end: the next wait begins with others */
        core_list_add(&reported, &n->node);
    }
    CORE_LIST_FOR_EACH_SAFE(node, &reported)
    {
        core_list_remove(node);
        core_list_add(&e->entries, node);
    }
    core_lock_release(&e->lock);
    return found;
}

int vfs_epoll_wait(struct vfs_file *file, struct lx_epoll_event *events, uint32_t count,
                   uint32_t turn, int64_t deadline_ns, struct core_sleeper *self)
{
    struct vfs_epoll *e = file->epoll;
    struct core_waiter *w = &self->waiter;
    int64_t next_ns;
    uint32_t streams, found = collect(e, events, count, turn, &streams, &next_ns);
    int err = 0;
    if (found || !deadline_ns)
        return (int)found;
    core_waitq_add(&e->waitq, w, self, ~0u);
    while (err == 0 && !(found = collect(e, events, count, turn, &streams, &next_ns)))
        err = vfs_file_sleep(self, streams, deadline_ns, next_ns);
    core_waitq_remove(w);
    if (found || err == -LX_ETIMEDOUT)
        return (int)found;
    return err;
}

uint32_t vfs_epoll_turn(struct vfs_file *file)
{
    return atomic_fetch_add(&file->epoll->turns, 1) + 1;
}

uint32_t vfs_epoll_poll(struct vfs_file *file)
{
    struct vfs_epoll *e = file->epoll;
    uint32_t ready = 0;
    core_lock_acquire(&e->lock);
    CORE_LIST_FOR_EACH(node, &e->entries)
    {
        if (ready_locked(CORE_LIST_ENTRY(node, struct entry, node), 0))
            ready = LX_POLLIN | LX_POLLRDNORM;
    }
    core_lock_release(&e->lock);
    return ready;
}

struct core_waitq *vfs_epoll_waitq(struct vfs_file *file)
{
    return &file->epoll->waitq;
}

uint32_t vfs_epoll_stream_bits(struct vfs_file *file)
{
    struct vfs_epoll *e = file->epoll;
    uint32_t bits = 0;
    core_lock_acquire(&e->lock);
    CORE_LIST_FOR_EACH(node, &e->entries)
    {
        struct entry *n = CORE_LIST_ENTRY(node, struct entry, node);
        if (n->armed)
            bits |= vfs_file_stream_bits(n->file, n->event.events);
    }
    core_lock_release(&e->lock);
    return bits;
}

int64_t vfs_epoll_deadline(struct vfs_file *file)
{
    struct vfs_epoll *e = file->epoll;
    int64_t next_ns = PLAT_FOREVER;
    core_lock_acquire(&e->lock);
    CORE_LIST_FOR_EACH(node, &e->entries)
    {
        next_ns = earlier(next_ns, deadline_locked(CORE_LIST_ENTRY(node, struct entry, node)));
    }
    core_lock_release(&e->lock);
    return next_ns;
}
