/* SPDX-License-Identifier: MIT */
/*
 * Directories: the image's entries, used in place, under entries of the directory's
 * own.  A name's own entry hides the image's; one without an inode says that the name
 * is gone.  So a change costs one entry, however large the directory is.
 *
 * Cookies: 1 and 2 come after "." and "..", then each name of the image has its place
 * there, then come new names in the order of their making.
 */

#include "core/arena.h"
#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/unistd.h"
#include "notify.h"
#include "vfs/image.h"
#include "vfs/tree.h"

#define TABLE_MIN 16u

static const struct vfs_image_inode *image_of(const struct vfs_inode *dir)
{
    return dir->image_index == VFS_NO_IMAGE
               ? NULL
               : vfs_image_inode(vfs_image_attached(), dir->image_index);
}

static uint32_t image_count(const struct vfs_inode *dir)
{
    const struct vfs_image_inode *image = image_of(dir);
    return image ? image->count : 0;
}

static int is_of_image(const struct vfs_inode *dir, const struct vfs_entry *e)
{
    return e->cookie - FIRST_COOKIE < image_count(dir);
}

/* ---- Own entries ---- */

static uint64_t entry_size(uint32_t name_size)
{
    return sizeof(struct vfs_entry) + name_size;
}

static int resize_locked(struct vfs_inode *dir, uint32_t size)
{
    struct vfs_entry **table = core_arena_alloc(size * sizeof *table);
    if (!table)
        return -LX_ENOSPC;
    CORE_LIST_FOR_EACH(node, &dir->entries)
    {
        struct vfs_entry *e = CORE_LIST_ENTRY(node, struct vfs_entry, node);
        struct vfs_entry **bucket = &table[e->hash & (size - 1)];
        e->next = *bucket;
        *bucket = e;
    }
    core_arena_free(dir->table, dir->table_size * sizeof *dir->table);
    dir->table = table;
    dir->table_size = size;
    return 0;
}

/* A table with room for one more entry. */
static int prepare_locked(struct vfs_inode *dir)
{
    if (!dir->table) {
        dir->entry_count = image_count(dir);
        dir->next_cookie = FIRST_COOKIE + (uint64_t)image_count(dir);
        return resize_locked(dir, TABLE_MIN);
    }
    return dir->table_used < dir->table_size ? 0 : resize_locked(dir, dir->table_size * 2);
}

static struct vfs_entry *find_own_locked(const struct vfs_inode *dir, const struct name_key *key)
{
    struct vfs_entry *e = dir->table ? dir->table[key->hash & (dir->table_size - 1)] : NULL;
    while (e && (e->hash != key->hash || e->size != key->size ||
                 memcmp(e->name, key->name, key->size) != 0))
        e = e->next;
    return e;
}

/* An own entry for a name that has none; `inode` is moved into it. */
static int new_entry_locked(struct vfs_inode *dir, const struct name_key *key, uint64_t cookie,
                            struct vfs_inode *inode, struct vfs_entry **out)
{
    struct vfs_entry *e = prepare_locked(dir) == 0 ? core_arena_alloc(entry_size(key->size)) : NULL;
    if (!e)
        return -LX_ENOSPC;
    e->hash = key->hash;
    e->cookie = cookie ? cookie : dir->next_cookie++;
    e->inode = inode;
    e->size = key->size;
    memcpy(e->name, key->name, key->size);
    core_list_add(&dir->entries, &e->node);
    struct vfs_entry **bucket = &dir->table[e->hash & (dir->table_size - 1)];
    e->next = *bucket;
    *bucket = e;
    dir->table_used++;
    *out = e;
    return 0;
}

static void free_entry_locked(struct vfs_inode *dir, struct vfs_entry *entry)
{
    struct vfs_entry **link = &dir->table[entry->hash & (dir->table_size - 1)];
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    core_list_remove(&entry->node);
    dir->table_used--;
    core_arena_free(entry, entry_size(entry->size));
}

/* ---- Both together ---- */

/* The image's entry of a name: its inode, and its place as a cookie. */
static int find_image_locked(struct vfs_inode *dir, const struct name_key *key, uint64_t *cookie,
                             struct vfs_inode **out)
{
    const struct vfs_image_inode *image = image_of(dir);
    if (!image)
        return -LX_ENOENT;
    int64_t place = vfs_image_find(vfs_image_attached(), image, key->name, key->size);
    if (place < 0)
        return (int)place;
    const char *name;
    const struct vfs_image_entry *e =
        vfs_image_entry(vfs_image_attached(), image, (uint32_t)place, &name);
    *cookie = FIRST_COOKIE + (uint64_t)place;
    return e ? vfs_inode_from_image(e->inode, dir, out) : -LX_EIO;
}

int dir_lookup_locked(struct vfs_inode *dir, const struct name_key *key, struct vfs_inode **out)
{
    struct vfs_entry *e = find_own_locked(dir, key);
    uint64_t cookie;
    *out = NULL;
    if (!e)
        return find_image_locked(dir, key, &cookie, out);
    if (!e->inode)
        return -LX_ENOENT;
    *out = vfs_inode_get(e->inode);
    return 0;
}

int dir_entry_locked(struct vfs_inode *dir, const struct name_key *key, struct vfs_entry **out)
{
    struct vfs_entry *e = find_own_locked(dir, key);
    struct vfs_inode *inode;
    uint64_t cookie;
    *out = NULL;
    if (e) {
        *out = e->inode ? e : NULL;
        return e->inode ? 0 : -LX_ENOENT;
    }
    int err = find_image_locked(dir, key, &cookie, &inode);
    if (err == 0) {
        err = new_entry_locked(dir, key, cookie, inode, out);
        if (err < 0)
            vfs_inode_put(inode);
    }
    return err;
}

int dir_add_locked(struct vfs_inode *dir, const struct name_key *key, struct vfs_inode *inode)
{
    struct vfs_entry *e = find_own_locked(dir, key); /* of a name that is gone */
    if (!e) {
        int err = new_entry_locked(dir, key, 0, NULL, &e);
        if (err < 0)
            return err;
    }
    e->inode = vfs_inode_get(inode);
    dir->entry_count++;
    cache_add_locked(key, inode);
    return 0;
}

struct vfs_inode *dir_set_locked(struct vfs_inode *dir, struct vfs_entry *entry,
                                 struct vfs_inode *inode)
{
    struct vfs_inode *old = entry->inode;
    struct name_key key;
    name_key_init(&key, dir->ino, entry->name, entry->size);
    cache_drop_locked(&key);
    entry->inode = inode ? vfs_inode_get(inode) : NULL;
    if (!inode) {
        dir->entry_count--;
        if (!is_of_image(dir, entry))
            free_entry_locked(dir, entry);
    }
    return old;
}

int dir_is_empty_locked(const struct vfs_inode *dir)
{
    return (dir->table ? dir->entry_count : image_count(dir)) == 0;
}

void dir_free(struct vfs_inode *dir)
{
    CORE_LIST_FOR_EACH_SAFE(node, &dir->entries)
    {
        struct vfs_entry *e = CORE_LIST_ENTRY(node, struct vfs_entry, node);
        vfs_inode_put(e->inode);
        core_arena_free(e, entry_size(e->size));
    }
    core_arena_free(dir->table, dir->table_size * sizeof *dir->table);
}

/* Move a directory's entries to a list, which owns them then. */
static void take_entries(struct vfs_inode *dir, struct core_list *to)
{
    core_lock_acquire(&dir->dir_lock);
    CORE_LIST_FOR_EACH(node, &dir->entries)
    {
        const struct vfs_entry *e = CORE_LIST_ENTRY(node, struct vfs_entry, node);
        struct name_key key;
        name_key_init(&key, dir->ino, e->name, e->size);
        cache_drop_locked(&key);
    }
    core_list_move(&dir->entries, to);
    core_arena_free(dir->table, dir->table_size * sizeof *dir->table);
    dir->table = NULL;
    dir->table_size = dir->table_used = dir->entry_count = 0;
    dir->nlink = 0;
    core_lock_release(&dir->dir_lock);
}

void dir_end_all(struct vfs_inode *root)
{
    struct core_list all; /* not by recursion: it may be deep */
    core_list_init(&all);
    notify_unmounted(root);
    take_entries(root, &all);
    while (!core_list_is_empty(&all)) {
        struct vfs_entry *e = CORE_LIST_ENTRY(all.next, struct vfs_entry, node);
        core_list_remove(&e->node);
        if (e->inode)
            notify_unmounted(e->inode);
        if (e->inode && VFS_IS_DIR(e->inode))
            take_entries(e->inode, &all);
        else if (e->inode)
            tree_drop_link(e->inode);
        vfs_inode_put(e->inode);
        core_arena_free(e, entry_size(e->size));
    }
}

struct vfs_inode *dir_parent(struct vfs_inode *dir)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->tree_lock);
    struct vfs_inode *parent = vfs_inode_get(dir->parent);
    core_lock_release(&s->tree_lock);
    return parent;
}

/* A step of a path, from the cache or from the directory. */
static int look_up(struct vfs_inode *dir, const char *name, uint32_t size, struct vfs_inode **out)
{
    struct name_key key;
    struct cache_view view;
    name_key_init(&key, dir->ino, name, size);
    if (cache_peek(&key, &view)) {
        if (!view.inode)
            return -LX_ENOENT;
        if (cache_take(&view)) {
            *out = view.inode;
            return 0;
        }
    }
    core_lock_acquire(&dir->dir_lock);
    int err = dir_lookup_locked(dir, &key, out);
    if (err == 0 || err == -LX_ENOENT)
        cache_add_locked(&key, *out);
    core_lock_release(&dir->dir_lock);
    return err;
}

int vfs_tree_lookup(struct vfs_inode *dir, const char *name, uint32_t size, struct vfs_inode **out)
{
    *out = NULL;
    if (size > LX_NAME_MAX)
        return -LX_ENAMETOOLONG;
    return dir->owner ? inode_ops(dir)->lookup(dir, name, size, out)
                      : look_up(dir, name, size, out);
}

/* ---- Listing ---- */

/* What a name shows in a listing. */
struct shown {
    const char *name;
    uint32_t size, type;
    uint64_t ino;
};

static void show_own(const struct vfs_entry *e, struct shown *out)
{
    *out = (struct shown){e->name, e->size, (e->inode->mode & LX_S_IFMT) >> 12, e->inode->ino};
}

/* Name number n of the image, as it shows: 1; 0 if it is gone; -LX_EIO. */
static int show_image_locked(const struct vfs_inode *dir, const struct vfs_image_inode *image,
                             uint32_t n, struct shown *out)
{
    const char *name;
    const struct vfs_image_entry *e = vfs_image_entry(vfs_image_attached(), image, n, &name);
    if (!e || !e->name_size || e->name_size > LX_NAME_MAX)
        return -LX_EIO;
    if (dir->table) {
        struct name_key key;
        name_key_init(&key, dir->ino, name, e->name_size);
        const struct vfs_entry *own = find_own_locked(dir, &key);
        if (own && own->inode)
            show_own(own, out);
        if (own)
            return own->inode != NULL;
    }
    *out = (struct shown){name, e->name_size, e->type, image_ino(e->inode)};
    return 1;
}

/* Show all from a cookie on, until `emit` says no: 1 at the end, 0 if it did, -LX_EIO. */
static int show_locked(struct vfs_inode *dir, uint64_t cookie, vfs_emit emit, void *arg)
{
    const struct vfs_image_inode *image = image_of(dir);
    struct shown s;
    for (uint64_t n = cookie - FIRST_COOKIE; image && n < image->count; n++) {
        int shows = show_image_locked(dir, image, (uint32_t)n, &s);
        if (shows < 0)
            return shows;
        if (shows && !emit(arg, s.name, s.size, s.ino, s.type, n + FIRST_COOKIE + 1))
            return 0;
    }
    CORE_LIST_FOR_EACH(node, &dir->entries)
    {
        const struct vfs_entry *e = CORE_LIST_ENTRY(node, struct vfs_entry, node);
        if (e->cookie < cookie || is_of_image(dir, e))
            continue;
        show_own(e, &s);
        if (!emit(arg, s.name, s.size, s.ino, s.type, e->cookie + 1))
            return 0;
    }
    return 1;
}

int dir_show_dots(struct vfs_inode *dir, uint64_t *cookie, vfs_emit emit, void *arg)
{
    if (*cookie <= 1 && !emit(arg, ".", 1, inode_shown_ino(dir), LX_DT_DIR, 2))
        return 0;
    if (*cookie > 2)
        return 1;
    struct vfs_inode *parent = dir_parent(dir);
    uint64_t ino = inode_shown_ino(parent);
    vfs_inode_put(parent);
    *cookie = FIRST_COOKIE;
    return emit(arg, "..", 2, ino, LX_DT_DIR, FIRST_COOKIE);
}

int vfs_tree_list(struct vfs_inode *dir, uint64_t cookie, vfs_emit emit, void *arg)
{
    if (!dir_show_dots(dir, &cookie, emit, arg))
        return 0;
    core_lock_acquire(&dir->dir_lock);
    int err = show_locked(dir, cookie, emit, arg);
    core_lock_release(&dir->dir_lock);
    return err < 0 ? err : 0;
}

struct name_search {
    uint64_t ino;
    const char *name; /* NULL: not found yet */
    uint32_t size;
};

static int match(void *arg, const char *name, uint32_t size, uint64_t ino, uint32_t type,
                 uint64_t next)
{
    struct name_search *s = arg;
    (void)type;
    (void)next;
    if (ino != s->ino)
        return 1;
    s->name = name;
    s->size = size;
    return 0;
}

int dir_name_locked(struct vfs_inode *dir, uint64_t ino, const char **name, uint32_t *size)
{
    struct name_search s = {.ino = ino};
    int err = show_locked(dir, FIRST_COOKIE, match, &s);
    if (err >= 0 && !s.name)
        err = -LX_ENOENT;
    if (err < 0)
        return err;
    *name = s.name;
    *size = s.size;
    return 0;
}
