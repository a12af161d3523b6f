/* SPDX-License-Identifier: MIT */
/* Telling watchers what happens: which watches an event is for, and by which name. */

#include "notify.h"

#include "async.h"
#include "core/arena.h"
#include "core/mem.h"
#include "inode_ops.h"
#include "vfs/inotify.h"

/* What happened. */
struct notice {
    uint32_t event;       /* an LX_IN_*, or NOTIFY_RENAMED */
    uint32_t cookie;      /* of a rename */
    uint32_t is_nameless; /* 1: it was reached by a name that it has no longer */
    uint32_t size;        /* of the name */
    const char *name;
    struct vfs_inode *dir;   /* whose watchers hear of it by that name, or NULL */
    struct vfs_inode *inode; /* whose watchers hear of it by none, or NULL */
};

static struct core_lock *lock(void)
{
    return &vfs_state()->notify_lock;
}

/* ---- Watches ---- */

struct watch *watch_new_locked(struct vfs_inotify *owner, struct vfs_inode *inode)
{
    struct watch *w = core_arena_alloc(sizeof *w);
    if (!w)
        return NULL;
    core_list_init(&w->node);
    w->owner = owner;
    w->inode = inode->owner ? vfs_inode_get(inode) : inode;
    w->next = inode->watches;
    atomic_store(&inode->watches, w);
    atomic_fetch_add(&vfs_state()->watch_count, 1);
    return w;
}

void watch_end_locked(struct watch *w, struct watch **ended)
{
    struct watch *_Atomic *at = &w->inode->watches;
    if (*at == w) {
        atomic_store(at, w->next);
    } else {
        struct watch *before = *at;
        while (before->next != w)
            before = before->next;
        before->next = w->next;
    }
    core_list_remove(&w->node);
    atomic_fetch_sub(&vfs_state()->watch_count, 1);
    w->next = *ended;
    *ended = w;
}

void watch_free(struct watch *ended)
{
    while (ended) {
        struct watch *w = ended;
        ended = w->next;
        if (w->inode->owner)
            vfs_inode_put(w->inode);
        core_arena_free(w, sizeof *w);
    }
}

/* It ends, and its owner hears of that. */
static void end_and_say_locked(struct watch *w, struct watch **ended)
{
    if (w->owner)
        inotify_queue_locked(w, LX_IN_IGNORED, 0, NULL, 0);
    watch_end_locked(w, ended);
}

/* ---- Events ---- */

static int has_watches(const struct vfs_inode *inode)
{
    return inode && notify_is_watched(inode);
}

/* inotify(7): what is about a directory says so, except that it itself was moved or deleted. */
static uint32_t directory_bit(const struct vfs_inode *inode, uint32_t event)
{
    return VFS_IS_DIR(inode) && !(event & (LX_IN_MOVE_SELF | LX_IN_DELETE_SELF)) ? LX_IN_ISDIR : 0;
}

static void tell_watches_locked(const struct notice *n, uint32_t shown, int by_name,
                                struct watch **ended)
{
    struct watch *next;
    for (struct watch *w = by_name ? n->dir->watches : n->inode->watches; w; w = next) {
        next = w->next;
        if (!(w->mask & n->event) || (n->is_nameless && w->mask & LX_IN_EXCL_UNLINK))
            continue;
        if (w->owner)
            inotify_queue_locked(w, shown, n->cookie, by_name ? n->name : NULL,
                                 by_name ? n->size : 0);
        else
            async_tell_event(w->file, w->number);
        if (w->mask & LX_IN_ONESHOT)
            end_and_say_locked(w, ended);
    }
}

/* about: what the event is about. */
static void tell(const struct notice *n, const struct vfs_inode *about)
{
    struct watch *ended = NULL;
    if (!has_watches(n->dir) && !has_watches(n->inode))
        return;
    uint32_t shown = n->event | directory_bit(about, n->event);
    core_lock_acquire(lock());
    if (n->dir)
        tell_watches_locked(n, shown, 1, &ended);
    if (n->inode)
        tell_watches_locked(n, shown, 0, &ended);
    core_lock_release(lock());
    watch_free(ended);
}

static void tell_inode(struct vfs_inode *inode, uint32_t event)
{
    tell(&(struct notice){.event = event, .inode = inode}, inode);
}

static void tell_name(struct vfs_inode *dir, uint32_t event, uint32_t cookie,
                      const struct vfs_last *last, const struct vfs_inode *inode)
{
    const struct notice n = {
        .event = event, .cookie = cookie, .dir = dir, .name = last->name, .size = last->size};
    tell(&n, inode);
}

void notify_created(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    if (notify_is_on())
        tell_name(dir, LX_IN_CREATE, 0, last, inode);
}

void notify_linked(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    if (!notify_is_on())
        return;
    tell_inode(inode, LX_IN_ATTRIB);
    tell_name(dir, LX_IN_CREATE, 0, last, inode);
}

void notify_removed(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    if (!notify_is_on())
        return;
    if (!VFS_IS_DIR(inode))
        tell_inode(inode, LX_IN_ATTRIB);
    /* Who has it open still hears of it; so ends what nobody has.  A watch holds a host's file. */
    if (!inode->nlink && (inode->owner || atomic_load(&inode->refs) == 1))
        notify_end(inode);
    tell_name(dir, LX_IN_DELETE, 0, last, inode);
}

void notify_renamed(struct vfs_inode *inode, struct vfs_inode *dir, const struct vfs_last *last,
                    struct vfs_inode *to_dir, const struct vfs_last *to_last,
                    struct vfs_inode *target)
{
    if (!notify_is_on())
        return;
    uint32_t cookie = atomic_fetch_add(&vfs_state()->rename_cookie, 1) + 1;
    if (dir == to_dir)
        tell_name(dir, NOTIFY_RENAMED, 0, last, inode);
    tell_name(dir, LX_IN_MOVED_FROM, cookie, last, inode);
    tell_name(to_dir, LX_IN_MOVED_TO, cookie, to_last, inode);
    if (target)
        tell_inode(target, LX_IN_ATTRIB);
    tell_inode(inode, LX_IN_MOVE_SELF);
    if (target && target->owner && !target->nlink)
        notify_end(target);
}

/* End all its watches; `event` is told to each before, if it is not 0. */
static void end_watches(struct vfs_inode *inode, uint32_t event)
{
    struct watch *ended = NULL;
    core_lock_acquire(lock());
    while (inode->watches) {
        struct watch *w = inode->watches;
        if (event && w->owner)
            inotify_queue_locked(w, event, 0, NULL, 0);
        end_and_say_locked(w, &ended);
    }
    core_lock_release(lock());
    watch_free(ended);
}

void notify_end(struct vfs_inode *inode)
{
    if (!has_watches(inode))
        return;
    if (!inode->nlink)
        tell_inode(inode, LX_IN_DELETE_SELF);
    end_watches(inode, 0);
}

void notify_unmounted(struct vfs_inode *inode)
{
    if (has_watches(inode))
        end_watches(inode, LX_IN_UNMOUNT | directory_bit(inode, LX_IN_UNMOUNT));
}

/* ---- What was reached by a path ---- */

void notify_place(struct vfs_inode *inode, const struct vfs_place *place, uint32_t event)
{
    struct vfs_place now;
    if (!notify_is_on())
        return;
    struct notice n = {.event = event, .inode = inode};
    n.is_nameless = !place_now(inode, place, &now);
    n.dir = now.dir;
    n.name = now.name;
    n.size = now.size;
    tell(&n, inode);
    place_put(&now);
}

void notify_file(struct vfs_file *file, uint32_t event)
{
    struct vfs_place place;
    if (!file->inode || !notify_is_on())
        return;
    file_get_place(file, &place);
    notify_place(file->inode, &place, event);
    place_put(&place);
}

int vfs_notify_is_on(void)
{
    return notify_is_on();
}

void vfs_notify(struct vfs_inode *inode, struct vfs_file *file, uint32_t event)
{
    if (file && file->inode == inode)
        notify_file(file, event);
    else
        tell_inode(inode, event);
}
