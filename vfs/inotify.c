/* SPDX-License-Identifier: MIT */
/* inotify(7): instances, what they watch, and the events that wait in them. */

#include "vfs/inotify.h"

#include <stdatomic.h>

#include "async.h"
#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "lx/signal.h"
#include "notify.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/file.h"

struct vfs_inotify {
    struct core_list watches; /* by number; guarded by LOCK_NOTIFY, as all below but waitq */
    struct core_list events;  /* of struct event, the oldest first */
    uint32_t event_count;
    uint64_t size; /* of the events, in bytes as read(2) gives them */
    int32_t last_wd;
    struct core_waitq waitq;
    struct async *_Atomic async; /* guarded by LOCK_ASYNC */
};

struct event {
    struct core_list node;
    uint32_t size; /* of what follows */
    struct lx_inotify_event shown;
    char name[];
};

static struct core_lock *lock(void)
{
    return &vfs_state()->notify_lock;
}

int vfs_inotify_new(uint32_t flags, struct vfs_file **out)
{
    struct vfs_state *s = vfs_state();
    struct vfs_inotify *n;
    int err = -LX_EMFILE;
    *out = NULL;
    if (atomic_fetch_add(&s->inotify_count, 1) >= VFS_INOTIFY_INSTANCES)
        goto out;
    err = -LX_ENOMEM;
    n = core_arena_alloc(sizeof *n);
    if (!n)
        goto out;
    core_list_init(&n->watches);
    core_list_init(&n->events);
    core_waitq_init(&n->waitq);
    err = vfs_file_new(VFS_FILE_INOTIFY, LX_O_RDONLY | flags, NULL, out);
    if (err == 0)
        (*out)->inotify = n;
    else
        core_arena_free(n, sizeof *n);
out:
    if (err < 0)
        atomic_fetch_sub(&s->inotify_count, 1);
    return err;
}

/* ---- Watches ---- */

/* Ours of an inode, or NULL. */
static struct watch *watch_of_locked(const struct vfs_inotify *n, const struct vfs_inode *inode)
{
    struct watch *w = inode->watches;
    while (w && w->owner != n)
        w = w->next;
    return w;
}

static struct watch *add_watch_locked(struct vfs_inotify *n, struct vfs_inode *inode)
{
    int room = vfs_state()->watch_count < VFS_INOTIFY_WATCHES;
    struct watch *w = room ? watch_new_locked(n, inode) : NULL;
    if (!w)
        return NULL;
    w->number = ++n->last_wd;
    core_list_add(&n->watches, &w->node);
    return w;
}

int32_t vfs_inotify_add(struct vfs_file *file, struct vfs_inode *inode, uint32_t mask)
{
    struct vfs_inotify *n = file->inotify;
    uint32_t wanted = mask & (LX_IN_ALL_EVENTS | LX_IN_EXCL_UNLINK | LX_IN_ONESHOT);
    int32_t result = -LX_ENOSPC;
    core_lock_acquire(lock());
    struct watch *w = watch_of_locked(n, inode);
    if (w && mask & LX_IN_MASK_CREATE) {
        result = -LX_EEXIST;
    } else {
        if (!w)
            w = add_watch_locked(n, inode);
        if (w) {
            w->mask = mask & LX_IN_MASK_ADD ? w->mask | wanted : wanted;
            result = w->number;
        }
    }
    core_lock_release(lock());
    return result;
}

int vfs_inotify_remove(struct vfs_file *file, int32_t wd)
{
    struct watch *ended = NULL;
    core_lock_acquire(lock());
    CORE_LIST_FOR_EACH(node, &file->inotify->watches)
    {
        struct watch *w = CORE_LIST_ENTRY(node, struct watch, node);
        if (w->number == wd) {
            inotify_queue_locked(w, LX_IN_IGNORED, 0, NULL, 0);
            watch_end_locked(w, &ended);
            break;
        }
    }
    core_lock_release(lock());
    int err = ended ? 0 : -LX_EINVAL;
    watch_free(ended);
    return err;
}

/* ---- Events ---- */

static void add_event_locked(struct vfs_inotify *n, struct event *e)
{
    core_list_add(&n->events, &e->node);
    n->event_count++;
    n->size += e->size;
}

static void free_event_locked(struct vfs_inotify *n, struct event *e)
{
    core_list_remove(&e->node);
    n->event_count--;
    n->size -= e->size;
    core_arena_free(e, offsetof(struct event, shown) + e->size);
}

/* size: of the name, which may have none. */
static struct event *event_new(const struct lx_inotify_event *shown, const char *name,
                               uint32_t size)
{
    uint32_t unit = sizeof *shown; /* inotify(7): the next event is aligned */
    uint32_t room = size ? (size / unit + 1) * unit : 0;
    struct event *e = core_arena_alloc(sizeof *e + room);
    if (!e)
        return NULL;
    e->size = sizeof *shown + room;
    e->shown = *shown;
    e->shown.len = room;
    if (size)
        memcpy(e->name, name, size); /* the rest is zero */
    return e;
}

/* 1 if the newest event says just the same. */
static int is_known_locked(const struct vfs_inotify *n, const struct event *e)
{
    const struct event *last = CORE_LIST_ENTRY(n->events.prev, struct event, node);
    return !core_list_is_empty(&n->events) && last->size == e->size &&
           last->shown.mask == e->shown.mask && last->shown.wd == e->shown.wd &&
           memcmp(last->name, e->name, e->shown.len) == 0;
}

/* One event too many, and none after it. */
static struct event *overflow_locked(const struct vfs_inotify *n)
{
    const struct lx_inotify_event shown = {.wd = -1, .mask = LX_IN_Q_OVERFLOW};
    return n->event_count == VFS_INOTIFY_EVENTS ? event_new(&shown, NULL, 0) : NULL;
}

void inotify_queue_locked(const struct watch *w, uint32_t event, uint32_t cookie, const char *name,
                          uint32_t size)
{
    struct vfs_inotify *n = w->owner;
    const struct lx_inotify_event shown = {.wd = w->number, .mask = event, .cookie = cookie};
    struct event *e =
        n->event_count < VFS_INOTIFY_EVENTS ? event_new(&shown, name, size) : overflow_locked(n);
    if (e && is_known_locked(n, e)) {
        core_arena_free(e, offsetof(struct event, shown) + e->size);
        return;
    }
    if (!e)
        return;
    add_event_locked(n, e);
    core_waitq_wake(&n->waitq, LX_POLLIN | LX_POLLRDNORM, UINT32_MAX);
    async_tell(&n->async, LX_POLL_IN);
}

/* The oldest event if it has room; -LX_EAGAIN: none, -LX_EINVAL: no room. */
static int take_event(struct vfs_inotify *n, uint64_t room, struct event **out)
{
    int err = -LX_EAGAIN;
    core_lock_acquire(lock());
    if (!core_list_is_empty(&n->events)) {
        struct event *e = CORE_LIST_ENTRY(n->events.next, struct event, node);
        err = e->size <= room ? 0 : -LX_EINVAL;
        if (err == 0) {
            core_list_remove(&e->node);
            n->event_count--;
            n->size -= e->size;
            *out = e;
        }
    }
    core_lock_release(lock());
    return err;
}

/* As many events as there is room for. */
static int64_t take_events(struct vfs_inotify *n, uint8_t *buf, uint64_t size)
{
    uint64_t done = 0;
    struct event *e;
    int err;
    while ((err = take_event(n, size - done, &e)) == 0) {
        uint64_t left = plat_copy_guest(buf + done, &e->shown, e->size);
        done += e->size;
        core_arena_free(e, offsetof(struct event, shown) + e->size);
        if (left)
            return -LX_EFAULT;
    }
    return done ? (int64_t)done : err;
}

int64_t vfs_inotify_read(struct vfs_file *file, void *buf, uint64_t size, struct core_sleeper *self)
{
    struct vfs_inotify *n = file->inotify;
    int64_t result = take_events(n, buf, size);
    if (result != -LX_EAGAIN || file->flags & LX_O_NONBLOCK)
        return result;
    struct core_waiter *w = &self->waiter;
    core_waitq_add(&n->waitq, w, self, LX_POLLIN);
    while ((result = take_events(n, buf, size)) == -LX_EAGAIN) {
        int err = core_sleep(self, 0, PLAT_FOREVER);
        if (err < 0) {
            result = err;
            break;
        }
    }
    core_waitq_remove(w);
    return result;
}

uint64_t vfs_inotify_available(struct vfs_file *file)
{
    core_lock_acquire(lock());
    uint64_t size = file->inotify->size;
    core_lock_release(lock());
    return size;
}

uint32_t vfs_inotify_poll(struct vfs_file *file)
{
    return vfs_inotify_available(file) ? LX_POLLIN | LX_POLLRDNORM : 0;
}

struct async *_Atomic *inotify_async(struct vfs_inotify *n)
{
    return &n->async;
}

struct core_waitq *vfs_inotify_waitq(struct vfs_file *file)
{
    return &file->inotify->waitq;
}

void vfs_inotify_close(struct vfs_file *file)
{
    struct vfs_inotify *n = file->inotify;
    struct watch *ended = NULL;
    core_lock_acquire(lock());
    CORE_LIST_FOR_EACH_SAFE(node, &n->watches)
    watch_end_locked(CORE_LIST_ENTRY(node, struct watch, node), &ended);
    CORE_LIST_FOR_EACH_SAFE(node, &n->events)
    free_event_locked(n, CORE_LIST_ENTRY(node, struct event, node));
    core_lock_release(lock());
    watch_free(ended);
    core_arena_free(n, sizeof *n);
    atomic_fetch_sub(&vfs_state()->inotify_count, 1);
}
