/* SPDX-License-Identifier: MIT */
/*
 * Entries of directories.  A directory that was never changed has the image's,
 * used in place; the first change gives it entries of its own.  And the cache in
 * front of both.
 */

#include "core/arena.h"
#include "core/hash.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "vfs/image.h"
#include "vfs/tree.h"

#define TABLE_MIN 16u
#define FIRST_COOKIE 3 /* 1 and 2 are after "." and ".." */

/* ---- The cache ---- */

uint64_t cache_hash(uint64_t dir, const char *name, uint32_t size)
{
    return core_hash_bytes(name, size, dir);
}

static struct cache_slot *slot_of(uint64_t hash)
{
    return &vfs_state()->cache[hash % CACHE_SLOTS];
}

static int holds(const struct cache_slot *s, uint64_t dir, const char *name, uint32_t size)
{
    return s->inode && s->dir == dir && s->size == size && memcmp(s->name, name, size) == 0;
}

struct vfs_inode *cache_find(uint64_t dir, const char *name, uint32_t size, uint64_t hash)
{
    struct cache_slot *s = slot_of(hash);
    struct vfs_inode *found = NULL;
    core_lock_acquire(&s->lock);
    if (holds(s, dir, name, size))
        found = vfs_inode_get(s->inode);
    core_lock_release(&s->lock);
    return found;
}

void cache_add(uint64_t dir, const char *name, uint32_t size, uint64_t hash,
               struct vfs_inode *inode)
{
    struct cache_slot *s = slot_of(hash);
    if (size > CACHE_NAME_MAX)
        return;
    vfs_inode_get(inode);
    core_lock_acquire(&s->lock);
    struct vfs_inode *old = s->inode;
    s->dir = dir;
    s->size = size;
    memcpy(s->name, name, size);
    s->inode = inode;
    core_lock_release(&s->lock);
    vfs_inode_put(old);
}

void cache_drop(uint64_t dir, const char *name, uint32_t size, uint64_t hash)
{
    struct cache_slot *s = slot_of(hash);
    struct vfs_inode *old = NULL;
    core_lock_acquire(&s->lock);
    if (holds(s, dir, name, size)) {
        old = s->inode;
        s->inode = NULL;
    }
    core_lock_release(&s->lock);
    vfs_inode_put(old);
}

/* ---- Entries ---- */

static uint64_t entry_size(const struct vfs_entry *e)
{
    return sizeof *e + e->size;
}

static int resize_locked(struct vfs_inode *dir, uint32_t size)
{
    struct vfs_entry **table = core_arena_alloc(size * sizeof *table);
    if (!table)
        return -LX_ENOSPC;
    CORE_LIST_FOR_EACH(node, &dir->entries)
    {
        struct vfs_entry *e = CORE_LIST_ENTRY(node, struct vfs_entry, node);
        e->next = table[e->hash & (size - 1)];
        table[e->hash & (size - 1)] = e;
    }
    core_arena_free(dir->table, dir->table_size * sizeof *table);
    dir->table = table;
    dir->table_size = size;
    return 0;
}

static struct vfs_entry *add_entry_locked(struct vfs_inode *dir, const char *name, uint32_t size)
{
    if (dir->entry_count >= dir->table_size && resize_locked(dir, dir->table_size * 2) < 0)
        return NULL;
    struct vfs_entry *e = core_arena_alloc(sizeof *e + size);
    if (!e)
        return NULL;
    e->size = size;
    memcpy(e->name, name, size);
    e->hash = cache_hash(dir->ino, name, size);
    e->cookie = dir->next_cookie++;
    e->image_index = VFS_NO_IMAGE;
    core_list_add(&dir->entries, &e->node);
    struct vfs_entry **bucket = &dir->table[e->hash & (dir->table_size - 1)];
    e->next = *bucket;
    *bucket = e;
    dir->entry_count++;
    return e;
}

void dir_remove_locked(struct vfs_inode *dir, struct vfs_entry *entry)
{
    struct vfs_entry **link = &dir->table[entry->hash & (dir->table_size - 1)];
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    core_list_remove(&entry->node);
    dir->entry_count--;
    cache_drop(dir->ino, entry->name, entry->size, entry->hash);
    core_arena_free(entry, entry_size(entry));
}

/* All entries of its own go, with their references. */
static void clear_locked(struct vfs_inode *dir)
{
    CORE_LIST_FOR_EACH_SAFE(node, &dir->entries)
    {
        struct vfs_entry *e = CORE_LIST_ENTRY(node, struct vfs_entry, node);
        vfs_inode_put(e->inode);
        core_arena_free(e, entry_size(e));
    }
    core_list_init(&dir->entries);
    core_arena_free(dir->table, dir->table_size * sizeof *dir->table);
    dir->table = NULL;
    dir->table_size = dir->entry_count = 0;
}

int dir_own_locked(struct vfs_inode *dir)
{
    if (dir->table)
        return 0;
    dir->next_cookie = FIRST_COOKIE;
    int err = resize_locked(dir, TABLE_MIN);
    if (err < 0 || dir->image_index == VFS_NO_IMAGE)
        return err;
    const struct vfs_image_inode *image = vfs_image_inode(dir->image_index);
    for (uint32_t n = 0; n < image->count; n++) {
        const char *name;
        const struct vfs_image_entry *from = vfs_image_entry(image, n, &name);
        struct vfs_entry *e = from ? add_entry_locked(dir, name, from->name_size) : NULL;
        if (!e) {
            clear_locked(dir);
            return from ? -LX_ENOSPC : -LX_EIO;
        }
        e->image_index = from->inode; /* cookies: as readers of the image's list have them */
    }
    return 0;
}

struct vfs_entry *dir_find_locked(struct vfs_inode *dir, const char *name, uint32_t size)
{
    uint64_t hash = cache_hash(dir->ino, name, size);
    struct vfs_entry *e = dir->table[hash & (dir->table_size - 1)];
    while (e && (e->hash != hash || e->size != size || memcmp(e->name, name, size) != 0))
        e = e->next;
    return e;
}

int dir_entry_inode_locked(struct vfs_inode *dir, struct vfs_entry *entry, struct vfs_inode **out)
{
    if (!entry->inode) {
        int err = vfs_inode_from_image(entry->image_index, dir, &entry->inode);
        if (err < 0)
            return err;
    }
    *out = entry->inode;
    return 0;
}

int dir_add_locked(struct vfs_inode *dir, const char *name, uint32_t size, struct vfs_inode *inode)
{
    struct vfs_entry *e = add_entry_locked(dir, name, size);
    if (!e)
        return -LX_ENOSPC;
    e->inode = vfs_inode_get(inode);
    return 0;
}

int dir_is_empty_locked(struct vfs_inode *dir)
{
    if (dir->table)
        return dir->entry_count == 0;
    return dir->image_index == VFS_NO_IMAGE || vfs_image_inode(dir->image_index)->count == 0;
}

void dir_free(struct vfs_inode *dir)
{
    if (dir->table)
        clear_locked(dir);
}

static int lookup_locked(struct vfs_inode *dir, const char *name, uint32_t size,
                         struct vfs_inode **out)
{
    if (dir->table) {
        struct vfs_entry *e = dir_find_locked(dir, name, size);
        int err = e ? dir_entry_inode_locked(dir, e, out) : -LX_ENOENT;
        if (err == 0)
            vfs_inode_get(*out);
        return err;
    }
    if (dir->image_index == VFS_NO_IMAGE)
        return -LX_ENOENT;
    int64_t index = vfs_image_lookup(vfs_image_inode(dir->image_index), name, size);
    return index < 0 ? (int)index : vfs_inode_from_image((uint32_t)index, dir, out);
}

int vfs_tree_lookup(struct vfs_inode *dir, const char *name, uint32_t size, struct vfs_inode **out)
{
    uint64_t hash = cache_hash(dir->ino, name, size);
    *out = size <= CACHE_NAME_MAX ? cache_find(dir->ino, name, size, hash) : NULL;
    if (*out)
        return 0;
    core_lock_acquire(&dir->dir_lock);
    int err = lookup_locked(dir, name, size, out);
    if (err == 0)
        cache_add(dir->ino, name, size, hash, *out); /* under the lock: no removal in between */
    core_lock_release(&dir->dir_lock);
    return err;
}

/* ---- Listing ---- */

static uint32_t type_of(const struct vfs_entry *e)
{
    if (e->inode)
        return (e->inode->mode & LX_S_IFMT) >> 12;
    const struct vfs_image_inode *i = vfs_image_inode(e->image_index);
    return i ? (i->mode & LX_S_IFMT) >> 12 : LX_DT_UNKNOWN;
}

static int list_own_locked(struct vfs_inode *dir, uint64_t cookie, vfs_emit emit, void *arg)
{
    CORE_LIST_FOR_EACH(node, &dir->entries)
    {
        const struct vfs_entry *e = CORE_LIST_ENTRY(node, struct vfs_entry, node);
        if (e->cookie < cookie)
            continue;
        uint64_t ino = e->inode ? e->inode->ino : e->image_index + 1ull;
        if (!emit(arg, e->name, e->size, ino, type_of(e), e->cookie + 1))
            break;
    }
    return 0;
}

static int list_image(const struct vfs_inode *dir, uint64_t cookie, vfs_emit emit, void *arg)
{
    const struct vfs_image_inode *image = vfs_image_inode(dir->image_index);
    for (uint64_t n = cookie - FIRST_COOKIE; n < image->count; n++) {
        const char *name;
        const struct vfs_image_entry *e = vfs_image_entry(image, (uint32_t)n, &name);
        if (!e)
            return -LX_EIO;
        if (!emit(arg, name, e->name_size, e->inode + 1ull, e->type, n + FIRST_COOKIE + 1))
            break;
    }
    return 0;
}

int vfs_tree_list(struct vfs_inode *dir, uint64_t cookie, vfs_emit emit, void *arg)
{
    struct vfs_inode *parent = dir->parent;
    if (cookie <= 1 && !emit(arg, ".", 1, dir->ino, LX_DT_DIR, 2))
        return 0;
    if (cookie <= 2 && !emit(arg, "..", 2, parent->ino, LX_DT_DIR, FIRST_COOKIE))
        return 0;
    if (cookie < FIRST_COOKIE)
        cookie = FIRST_COOKIE;
    int err = 0;
    core_lock_acquire(&dir->dir_lock);
    if (dir->table)
        err = list_own_locked(dir, cookie, emit, arg);
    else if (dir->image_index != VFS_NO_IMAGE)
        err = list_image(dir, cookie, emit, arg);
    core_lock_release(&dir->dir_lock);
    return err;
}
