/* SPDX-License-Identifier: MIT */
/* Files that have O_ASYNC set, and the signals for their owners. */

#include "async.h"

#include "core/arena.h"
#include "core/list.h"
#include "device.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "lx/signal.h"
#include "notify.h"
#include "pipe_ring.h"
#include "plat/plat.h"
#include "socket_ops.h"
#include "tty_ends.h"
#include "vfs/file.h"
#include "vfs/signalfd.h"

struct note {
    struct core_list node;
    struct vfs_owner_signal signal;
};

static struct core_lock *lock(void)
{
    return &vfs_state()->async_lock;
}

/* ---- Noting ---- */

static void note_locked(const struct vfs_file *file, int32_t number, int32_t code, int32_t fd)
{
    const struct vfs_signal_provider *provider = g_providers.signals;
    struct vfs_state *s = vfs_state();
    struct note *n = file->owner ? core_arena_alloc(sizeof *n) : NULL;
    if (!n)
        return;
    n->signal = (struct vfs_owner_signal){
        {file->owner, file->owner_type, file->owner_uid, file->owner_euid}, number, code, fd};
    core_list_add(&s->async_notes, &n->node);
    atomic_fetch_add(&s->async_note_count, 1);
    if (provider && provider->attend)
        provider->attend();
}

/* send_sigio() in Linux. */
static void note_io_locked(const struct vfs_file *file, int32_t code, int32_t fd)
{
    int32_t asked_for = file->signal;
    note_locked(file, asked_for ? asked_for : LX_SIGIO, asked_for ? code : 0, fd);
}

/* The ends of a pipe are in one list. */
static int concerns(const struct vfs_file *file, int32_t code)
{
    return file->kind != VFS_FILE_PIPE ||
           vfs_file_may(file, code == LX_POLL_OUT ? PLAT_WRITE : PLAT_READ);
}

void async_note(struct async *_Atomic *list, int32_t code)
{
    core_lock_acquire(lock());
    for (const struct async *a = *list; a; a = a->next) {
        if (concerns(a->file, code))
            note_io_locked(a->file, code, a->fd);
    }
    core_lock_release(lock());
}

void async_tell_event(const struct vfs_file *file, int32_t fd)
{
    core_lock_acquire(lock());
    note_io_locked(file, LX_POLL_MSG, fd);
    core_lock_release(lock());
}

void async_tell_urgent(struct vfs_file *file)
{
    core_lock_acquire(lock());
    note_locked(file, LX_SIGURG, 0, 0);
    core_lock_release(lock());
    if (file->signal) /* without F_SETSIG, SIGURG is all */
        async_tell(&file->socket->async, LX_POLL_PRI);
}

/* ---- Sending ---- */

int vfs_owner_signals_wait(void)
{
    return atomic_load_explicit(&vfs_state()->async_note_count, memory_order_relaxed) != 0;
}

static struct note *take(void)
{
    struct core_list *notes = &vfs_state()->async_notes;
    struct note *n = NULL;
    core_lock_acquire(lock());
    if (!core_list_is_empty(notes)) {
        n = CORE_LIST_ENTRY(notes->next, struct note, node);
        core_list_remove(&n->node);
    }
    core_lock_release(lock());
    return n;
}

void vfs_owner_signals_send(void (*send)(const struct vfs_owner_signal *signal))
{
    struct note *n;
    while ((n = take())) {
        send(&n->signal);
        core_arena_free(n, sizeof *n);
        atomic_fetch_sub(&vfs_state()->async_note_count, 1); /* only now: nobody misses it */
    }
}

void async_send(void)
{
    const struct vfs_signal_provider *provider = g_providers.signals;
    if (provider && provider->send)
        provider->send();
}

/* ---- Setting and clearing ---- */

void vfs_owner_set(struct vfs_file *file, const struct vfs_owner *owner)
{
    core_lock_acquire(lock()); /* a signal goes to one that was named as a whole */
    file->owner = owner->id;
    file->owner_type = (uint8_t)owner->type;
    file->owner_uid = owner->uid;
    file->owner_euid = owner->euid;
    core_lock_release(lock());
}

/* The list that a file may be in; NULL: what it is of never tells anything. */
static struct async *_Atomic *list_of(const struct vfs_file *file)
{
    switch (file->kind) {
    case VFS_FILE_PIPE:
        return file->pipe ? &file->pipe->async : NULL;
    case VFS_FILE_SOCKET:
        return &file->socket->async;
    case VFS_FILE_INOTIFY:
        return inotify_async(file->inotify);
    case VFS_FILE_TTY:
        return file->tty ? &file->tty->async : NULL;
    case VFS_FILE_PTMX:
        return file->tty ? &file->tty->master_async : NULL;
    default:
        return NULL;
    }
}

int vfs_async_is_known(const struct vfs_file *file)
{
    return file->kind == VFS_FILE_STREAM || list_of(file) ||
           (file->kind == VFS_FILE_DEVICE &&
            (file->device == DEVICE_RANDOM || file->device == DEVICE_URANDOM));
}

/* Where a file's entry is, or the list's end. */
static struct async **find_locked(struct async **at, const struct vfs_file *file)
{
    while (*at && (*at)->file != file)
        at = &(*at)->next;
    return at;
}

/* Take a file out of its list, if it is there; returns what is to be freed. */
static struct async *leave_locked(struct async *_Atomic *list, struct vfs_file *file)
{
    struct async *first = *list, **at = find_locked(&first, file), *entry = *at;
    if (entry)
        *at = entry->next;
    atomic_store(list, first);
    atomic_fetch_and(&file->flags, ~(uint32_t)LX_O_ASYNC);
    return entry;
}

static void join_locked(struct async *_Atomic *list, struct async *entry)
{
    entry->next = *list;
    atomic_store(list, entry);
    atomic_fetch_or(&entry->file->flags, LX_O_ASYNC);
}

int vfs_async_set(struct vfs_file *file, int32_t fd, int on)
{
    struct async *_Atomic *list = list_of(file);
    if (file->kind == VFS_FILE_TTY && vfs_tty_is_hung_up(file->tty))
        return -LX_ENOTTY;
    if (!list) {
        on ? atomic_fetch_or(&file->flags, LX_O_ASYNC)
           : atomic_fetch_and(&file->flags, ~(uint32_t)LX_O_ASYNC);
        return 0;
    }
    struct async *entry = on ? core_arena_alloc(sizeof *entry) : NULL;
    if (on && !entry)
        return -LX_ENOMEM;
    core_lock_acquire(lock());
    struct async *old = leave_locked(list, file);
    if (on) {
        entry->file = file;
        entry->fd = fd;
        join_locked(list, entry);
    }
    core_lock_release(lock());
    core_arena_free(old, sizeof *old);
    return 0;
}

void async_forget(struct vfs_file *file)
{
    struct async *_Atomic *list = list_of(file);
    if (!list)
        return;
    core_lock_acquire(lock());
    struct async *old = leave_locked(list, file);
    core_lock_release(lock());
    core_arena_free(old, sizeof *old);
}

void async_forget_all(struct async *_Atomic *list)
{
    core_lock_acquire(lock());
    for (struct async *a; (a = *list);)
        core_arena_free(leave_locked(list, a->file), sizeof *a);
    core_lock_release(lock());
}
