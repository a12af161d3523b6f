/* SPDX-License-Identifier: MIT */
/*
 * Host folders: contents of files.
 *
 * A handle belongs to a process and the inode to all of them.  So whoever opens a file has it
 * kept (plat_file_keep()), and the inode holds the keys.  While it is open it also has a slot, a
 * number by which each process finds the handles that it has fetched itself.  A slot's serial
 * changes with what it is used for, which is how a process sees which of its handles
 * belong to a file that others have closed.  It looks when it next has to do with a host folder.
 *
 * The host is never given a guest address (see stream.c): bytes go through a buffer.
 */

#include <stdatomic.h>

#include "core/arena.h"
#include "core/shared.h"
#include "host.h"
#include "lx/errno.h"
#include "plat/thread.h"
#include "vfs/mount.h"

#define SLOTS_MAX 16384u /* files that are open at a time */
#define PART_SIZE 32768u
#define HOLE_SIZE (1u << 20) /* what a host may be told of */

enum { READING, WRITING };

/* In the arena; slot 0 is none. */
struct host_slots {
    struct core_lock lock;               /* LOCK_DENTRY: guards the next two */
    uint32_t free_from;                  /* no slot below is free */
    uint64_t last_serial;                /* each is used once */
    _Atomic uint64_t serials[SLOTS_MAX]; /* 0: free */
    _Atomic uint64_t ends;               /* how often one was freed */
};

/* What this process has fetched of an open file. */
struct entry {
    _Atomic uint64_t serial; /* its slot's at that time; 0: nothing */
    struct plat_file *files[2];
};

/* This process's folders and files. */
static struct {
    struct plat_file *folders[VFS_MOUNTS_MAX];
    struct core_lock lock; /* guards the entries */
    struct entry entries[SLOTS_MAX];
    _Atomic uint32_t end;  /* none from here on was ever used */
    _Atomic uint64_t seen; /* `ends` when they were last looked through */
} g_handles = {.lock = {.rank = CORE_LOCK_DENTRY}};

void vfs_mount_attach(uint32_t number, struct plat_file *folder)
{
    g_handles.folders[number] = folder;
}

struct plat_file *host_folder(const struct host_super *super)
{
    return g_handles.folders[super->number];
}

/* ---- Slots ---- */

int host_slots_new(void)
{
    struct vfs_state *s = vfs_state();
    if (s->slots)
        return 0;
    s->slots = core_arena_alloc(sizeof *s->slots);
    if (!s->slots)
        return -LX_ENOMEM;
    core_lock_init(&s->slots->lock, CORE_LOCK_DENTRY);
    s->slots->free_from = 1;
    return 0;
}

/* Let the inode, whose lock is held, have a slot. */
static int slot_take_locked(struct vfs_host *h)
{
    struct host_slots *s = vfs_state()->slots;
    if (h->slot)
        return 0;
    core_lock_acquire(&s->lock);
    uint32_t n = s->free_from;
    while (n < SLOTS_MAX && s->serials[n])
        n++;
    s->free_from = n;
    if (n < SLOTS_MAX) {
        s->serials[n] = ++s->last_serial;
        h->slot = n;
    }
    core_lock_release(&s->lock);
    return n < SLOTS_MAX ? 0 : -LX_ENFILE;
}

static void slot_free(uint32_t slot)
{
    struct host_slots *s = vfs_state()->slots;
    core_lock_acquire(&s->lock);
    s->serials[slot] = 0;
    if (slot < s->free_from)
        s->free_from = slot;
    uint64_t before = atomic_fetch_add(&s->ends, 1);
    core_lock_release(&s->lock);
    /* This process has closed its own, and has nothing to look for if that was all. */
    atomic_compare_exchange_strong(&g_handles.seen, &before, before + 1);
}

/* ---- Handles of this process ---- */

/* Close what an entry holds, if it is (0: whatever it is) of this serial. */
static void entry_close(struct entry *e, uint64_t serial)
{
    struct plat_file *files[2] = {NULL, NULL};
    core_lock_acquire(&g_handles.lock);
    if (e->serial == serial || !serial) {
        for (int i = 0; i < 2; i++) {
            files[i] = e->files[i];
            e->files[i] = NULL;
        }
        e->serial = 0;
    }
    core_lock_release(&g_handles.lock);
    plat_file_close(files[READING]);
    plat_file_close(files[WRITING]);
}

/* Close what belongs to files that others have closed. */
static void sweep(void)
{
    uint32_t end = g_handles.end;
    const struct host_slots *s = end ? vfs_state()->slots : NULL;
    if (!s || s->ends == g_handles.seen)
        return;
    g_handles.seen = s->ends;
    for (uint32_t i = 1; i < end; i++) {
        uint64_t serial = g_handles.entries[i].serial;
        if (serial && serial != s->serials[i])
            entry_close(&g_handles.entries[i], serial);
    }
}

void vfs_mount_rest(void)
{
    for (uint32_t i = 1; i < g_handles.end; i++)
        entry_close(&g_handles.entries[i], 0);
    g_handles.end = 0;
}

static struct plat_file *entry_get(const struct entry *e, uint64_t serial, int which)
{
    core_lock_acquire(&g_handles.lock);
    struct plat_file *file = e->serial == serial ? e->files[which] : NULL;
    core_lock_release(&g_handles.lock);
    return file;
}

/* Add a handle, which moves, unless another thread has.  returns  the one that is there then. */
static struct plat_file *entry_put(uint32_t slot, int which, struct plat_file *file)
{
    struct entry *e = &g_handles.entries[slot];
    uint64_t serial = vfs_state()->slots->serials[slot], old = e->serial;
    if (old && old != serial)
        entry_close(e, old);
    core_lock_acquire(&g_handles.lock);
    struct plat_file *had = e->serial ? e->files[which] : NULL;
    if (!had)
        e->files[which] = file;
    e->serial = serial;
    if (g_handles.end <= slot)
        g_handles.end = slot + 1;
    core_lock_release(&g_handles.lock);
    if (had)
        plat_file_close(file);
    return had ? had : file;
}

/*
 * This process's handle of an inode that somebody holds open.
 *   out      NULL: it is not open for that.
 */
static int handle_of(const struct vfs_host *h, int which, struct plat_file **out)
{
    uint64_t key = h->keys[which];
    *out = NULL;
    if (!key)
        return 0;
    *out = entry_get(&g_handles.entries[h->slot], vfs_state()->slots->serials[h->slot], which);
    if (*out)
        return 0;
    int err = plat_file_fetch(core_shared_keeper(), key, out);
    if (err == 0)
        *out = entry_put(h->slot, which, *out);
    return err;
}

static int reader(const struct vfs_host *h, struct plat_file **out)
{
    int err = handle_of(h, READING, out);
    return err == 0 && !*out && h->writer_reads ? handle_of(h, WRITING, out) : err;
}

static int can_read(const struct vfs_host *h)
{
    return h->keys[READING] || (h->keys[WRITING] && h->writer_reads);
}

/* ---- Opening and closing ---- */

/*
 * Open a file by its name.
 *   returns  -LX_ESTALE: others have given it to another file.
 */
static int open_path(struct vfs_inode *inode, uint32_t flags, struct plat_file **out)
{
    struct host_path path;
    struct plat_stat st;
    *out = NULL;
    int err = host_path(inode, &path);
    if (err == 0)
        err = plat_at_open(host_folder(inode->host->super), path.text, flags, 0, out);
    if (err < 0)
        return err;
    err = plat_file_stat(*out, &st);
    if (err == 0 && (st.id != inode->host->id || st.device != inode->host->device))
        err = -LX_ESTALE;
    if (err < 0) {
        plat_file_close(*out);
        *out = NULL;
    }
    return err;
}

/* Open for writing, and for reading as well if that is allowed. */
static int open_writer(struct vfs_inode *inode, struct plat_file **out, uint32_t *reads)
{
    int err = open_path(inode, PLAT_FILE_READ | PLAT_FILE_WRITE, out);
    *reads = err == 0;
    return err == -LX_EACCES ? open_path(inode, PLAT_FILE_WRITE, out) : err;
}

/* Let an inode that has a slot have an open file, which moves, if it has none of that kind. */
static int add(struct vfs_inode *inode, int which, struct plat_file *file, uint32_t reads)
{
    struct vfs_host *h = inode->host;
    uint32_t keeper = core_shared_keeper();
    uint64_t key;
    int err = plat_file_keep(keeper, file, &key);
    if (err < 0) {
        plat_file_close(file);
        return err;
    }
    core_lock_acquire(&inode->lock);
    int is_first = !h->keys[which];
    if (is_first && which == WRITING)
        h->writer_reads = reads;
    if (is_first)
        h->keys[which] = key;
    core_lock_release(&inode->lock);
    if (is_first) {
        entry_put(h->slot, which, file);
    } else {
        plat_file_close(file);
        plat_file_forget(keeper, key);
    }
    return 0;
}

int host_adopt(struct vfs_inode *inode, struct plat_file *file)
{
    core_lock_acquire(&inode->lock);
    inode->host->opens++;
    int err = slot_take_locked(inode->host);
    core_lock_release(&inode->lock);
    if (err == 0)
        err = add(inode, WRITING, file, 1);
    else
        plat_file_close(file);
    core_lock_acquire(&inode->lock);
    inode->host->opens--; /* it stays, for the open(2) that made the file */
    core_lock_release(&inode->lock);
    return err;
}

int host_open(struct vfs_inode *inode, uint32_t want)
{
    struct vfs_host *h = inode->host;
    struct plat_file *file;
    uint32_t reads = 0;
    sweep();
    core_lock_acquire(&inode->lock);
    h->opens++; /* what is open stays open */
    int err = slot_take_locked(h);
    core_lock_release(&inode->lock);
    if (err == 0 && want & PLAT_WRITE && !h->keys[WRITING]) {
        err = open_writer(inode, &file, &reads);
        if (err == 0)
            err = add(inode, WRITING, file, reads);
    }
    if (err == 0 && want & PLAT_READ && !can_read(h)) {
        err = open_path(inode, PLAT_FILE_READ, &file);
        if (err == 0)
            err = add(inode, READING, file, 0);
    }
    if (err < 0)
        host_close(inode);
    return err;
}

struct taken {
    uint32_t slot;
    uint64_t keys[2];
    struct core_shared *shared;
};

/* Take an inode's open files away from it; its lock is held, or nobody else knows it any more. */
static struct taken take_locked(struct vfs_inode *inode)
{
    struct vfs_host *h = inode->host;
    struct taken taken = {.slot = h->slot, .shared = atomic_exchange(&inode->shared, NULL)};
    for (int i = 0; i < 2; i++)
        taken.keys[i] = atomic_exchange(&h->keys[i], 0);
    h->slot = 0;
    return taken;
}

static void close_taken(const struct taken *taken)
{
    core_shared_put(taken->shared);
    if (!taken->slot)
        return;
    entry_close(&g_handles.entries[taken->slot], vfs_state()->slots->serials[taken->slot]);
    for (int i = 0; i < 2; i++) {
        if (taken->keys[i])
            plat_file_forget(core_shared_keeper(), taken->keys[i]);
    }
    slot_free(taken->slot);
}

void host_close(struct vfs_inode *inode)
{
    struct vfs_host *h = inode->host;
    struct taken taken = {.slot = 0};
    core_lock_acquire(&inode->lock);
    if (--h->opens == 0)
        taken = take_locked(inode);
    core_lock_release(&inode->lock);
    close_taken(&taken);
    sweep();
}

void host_close_all(struct vfs_inode *inode)
{
    const struct taken taken = take_locked(inode);
    close_taken(&taken);
}

/* Keep open what is open; 0: nothing is.  To be ended by host_close(). */
static int hold(struct vfs_inode *inode)
{
    core_lock_acquire(&inode->lock);
    int is_open = inode->host->opens > 0;
    inode->host->opens += (uint32_t)is_open;
    core_lock_release(&inode->lock);
    return is_open;
}

struct plat_file *host_hold(struct vfs_inode *inode)
{
    struct plat_file *file;
    if (!hold(inode))
        return NULL;
    int err = handle_of(inode->host, READING, &file);
    if (err == 0 && !file)
        err = handle_of(inode->host, WRITING, &file);
    if (!file)
        host_close(inode);
    (void)err; /* then there is none to be had */
    return file;
}

/* ---- Reading and writing ---- */

/* The handle for one call: an open file's, or one of its own. */
struct borrowed {
    struct plat_file *file;
    int is_own;
};

static int borrow(struct vfs_inode *inode, int which, struct borrowed *out)
{
    uint32_t reads;
    out->is_own = 0;
    if (hold(inode)) {
        int err = which == WRITING ? handle_of(inode->host, WRITING, &out->file)
                                   : reader(inode->host, &out->file);
        if (out->file)
            return 0;
        host_close(inode);
        if (err < 0)
            return err;
    }
    out->is_own = 1;
    return which == WRITING ? open_writer(inode, &out->file, &reads)
                            : open_path(inode, PLAT_FILE_READ, &out->file);
}

static void give_back(struct vfs_inode *inode, const struct borrowed *b)
{
    if (b->is_own)
        plat_file_close(b->file);
    else
        host_close(inode);
}

int64_t host_read(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset)
{
    uint8_t bytes[PART_SIZE];
    struct borrowed b;
    uint64_t done = 0;
    int64_t n = borrow(inode, READING, &b);
    if (n < 0)
        return n;
    while (done < size) {
        uint64_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        n = plat_file_pread(b.file, bytes, part, offset + done);
        if (n <= 0)
            break;
        uint64_t left = plat_copy_guest((uint8_t *)buf + done, bytes, (uint64_t)n);
        done += (uint64_t)n - left;
        if (left)
            n = -LX_EFAULT;
        if (left || (uint64_t)n < part)
            break;
    }
    give_back(inode, &b);
    return done ? (int64_t)done : n;
}

/* Let the host know of a hole in front of `offset`, before it writes all of it. */
static void expect_hole(const struct vfs_inode *inode, struct plat_file *file, uint64_t offset)
{
    uint64_t end = inode->host->written > inode->size ? inode->host->written : inode->size;
    if (offset > end && offset - end >= HOLE_SIZE)
        plat_file_sparse(file);
}

/* All who append share the position that says where the bytes went: one at a time. */
static int64_t append(struct vfs_inode *inode, struct plat_file *file, const void *bytes,
                      uint64_t size, uint64_t *end)
{
    core_lock_acquire(&inode->lock);
    int64_t n = plat_file_append(file, bytes, size, end);
    core_lock_release(&inode->lock);
    return n;
}

/* Write at `offset`, or (NULL end: no) append. */
static int64_t write_parts(struct vfs_inode *inode, const uint8_t *buf, uint64_t size,
                           uint64_t offset, uint64_t *end)
{
    uint8_t bytes[PART_SIZE];
    struct borrowed b;
    uint64_t done = 0;
    int64_t n = borrow(inode, WRITING, &b);
    if (n < 0)
        return n;
    if (!end)
        expect_hole(inode, b.file, offset);
    while (done < size) {
        uint64_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        uint64_t left = plat_copy_guest(bytes, buf + done, part);
        if (left == part) {
            n = -LX_EFAULT;
            break;
        }
        n = end ? append(inode, b.file, bytes, part - left, end)
                : plat_file_pwrite(b.file, bytes, part - left, offset + done);
        done += n > 0 ? (uint64_t)n : 0;
        if (n < 0 || (uint64_t)n < part)
            break;
    }
    give_back(inode, &b);
    uint64_t behind = end ? *end : offset + done;
    if (done && behind > inode->host->written)
        inode->host->written = behind;
    if (done && inode->map_count && behind > inode->size)
        host_refresh(inode); /* mappings are told */
    return done ? (int64_t)done : n;
}

int64_t host_write(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t offset)
{
    return write_parts(inode, buf, size, offset, NULL);
}

int64_t host_append(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t *end)
{
    return write_parts(inode, buf, size, 0, end);
}

int host_truncate(struct vfs_inode *inode, uint64_t size)
{
    struct borrowed b;
    int err = borrow(inode, WRITING, &b);
    if (err < 0)
        return err;
    expect_hole(inode, b.file, size);
    err = plat_file_truncate(b.file, size);
    if (err == -LX_ETXTBSY && mapping_hide(inode)) {
        err = plat_file_truncate(b.file, size);
        mapping_show(inode);
    }
    give_back(inode, &b);
    host_refresh(inode);
    return err;
}

int host_allocate(struct vfs_inode *inode, uint32_t mode, uint64_t offset, uint64_t size)
{
    uint32_t how = (mode & LX_FALLOC_FL_KEEP_SIZE ? PLAT_ALLOCATE_KEEP_SIZE : 0u) |
                   (mode & LX_FALLOC_FL_PUNCH_HOLE ? PLAT_ALLOCATE_PUNCH : 0u) |
                   (mode & LX_FALLOC_FL_ZERO_RANGE ? PLAT_ALLOCATE_ZERO : 0u);
    struct borrowed b;
    int err = borrow(inode, WRITING, &b);
    if (err < 0)
        return err;
    err = plat_file_allocate(b.file, how, offset, size);
    if (err == -LX_ETXTBSY && mapping_hide(inode)) {
        err = plat_file_allocate(b.file, how, offset, size);
        mapping_show(inode);
    }
    give_back(inode, &b);
    host_refresh(inode);
    return err;
}

int64_t host_seek(struct vfs_inode *inode, uint64_t offset, int hole)
{
    struct borrowed b;
    int64_t at = borrow(inode, READING, &b);
    if (at == -LX_EACCES)
        at = borrow(inode, WRITING, &b);
    if (at < 0)
        return at;
    core_lock_acquire(&inode->lock); /* see append() */
    at = plat_file_seek(b.file, offset, hole);
    core_lock_release(&inode->lock);
    give_back(inode, &b);
    return at;
}

int host_sync(struct vfs_inode *inode)
{
    struct plat_file *file;
    if (!hold(inode))
        return 0;
    int err = handle_of(inode->host, WRITING, &file);
    if (file)
        err = plat_file_sync(file);
    host_close(inode);
    return err;
}

int host_share(struct vfs_inode *inode, struct core_shared **out)
{
    const struct vfs_host *h = inode->host;
    int err = 0;
    *out = NULL;
    core_lock_acquire(&inode->lock);
    struct core_shared *s = inode->shared;
    if (!s) {
        err = core_shared_new_file(&s);
        inode->shared = s;
    }
    if (err == 0) { /* it may have been opened for writing since */
        core_shared_set_file(s, h->keys[READING], h->writer_reads ? h->keys[WRITING] : 0);
        *out = core_shared_get(s);
    }
    core_lock_release(&inode->lock);
    return err;
}
