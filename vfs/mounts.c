/* SPDX-License-Identifier: MIT */
/* The tree of mounts. */

#include "mounts.h"

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"

int mount_new(struct vfs_inode *root, const struct vfs_place *found, const char *source,
              uint32_t flags, struct vfs_mount **out)
{
    struct vfs_state *s = vfs_state();
    uint64_t size = core_str_length(source) + 1;
    struct vfs_mount *m = core_arena_alloc(sizeof *m);
    char *copy = core_arena_alloc(size);
    *out = NULL;
    if (!m || !copy) {
        core_arena_free(m, sizeof *m);
        core_arena_free(copy, size);
        return -LX_ENOMEM;
    }
    m->source = memcpy(copy, source, size);
    m->refs = 1;
    m->is_counted = 1;
    m->flags = flags;
    m->root = vfs_inode_get(root);
    if (found && found->dir)
        place_set(&m->found, found->dir, found->name, found->size);
    core_list_init(&m->in_list);
    core_lock_acquire(&s->mount_lock);
    m->id = ++s->mount_id;
    root->super->mount_count++;
    core_lock_release(&s->mount_lock);
    *out = m;
    return 0;
}

struct vfs_mount *mount_get(struct vfs_mount *mount)
{
    if (mount && mount->is_counted)
        atomic_fetch_add_explicit(&mount->refs, 1, memory_order_relaxed);
    return mount;
}

static void end(struct vfs_mount *m)
{
    struct vfs_state *s = vfs_state();
    struct vfs_super *super = m->root->super;
    core_lock_acquire(&s->mount_lock);
    int is_last = --super->mount_count == 0;
    core_lock_release(&s->mount_lock);
    place_put(&m->found);
    vfs_inode_put(m->root);
    core_arena_free(m->source, core_str_length(m->source) + 1);
    core_arena_free(m, sizeof *m);
    if (is_last && super->type == VFS_SUPER_TMPFS)
        super_end(super);
}

void mount_put_unused(struct vfs_mount *mount)
{
    atomic_fetch_sub(&mount->refs, 1);
}

void mount_put(struct vfs_mount *mount)
{
    if (mount && mount->is_expiring)
        mount->is_expiring = 0;
    if (mount && mount->is_counted && atomic_fetch_sub(&mount->refs, 1) == 1)
        end(mount);
}

/* ---- The tree ---- */

int mount_top(struct vfs_inode *root)
{
    struct vfs_state *s = vfs_state();
    int err = mount_new(root, NULL, vfs_super_name(root->super), 0, &s->image_mount);
    if (err < 0)
        return err;
    s->image_mount->is_counted = 0;
    s->image_mount->is_mounted = 1;
    s->top = s->image_mount;
    s->mount_count = 1;
    core_list_add(&s->mounts, &s->top->in_list);
    return 0;
}

struct vfs_mount *mount_on_locked(const struct vfs_mount *mount, const struct vfs_inode *inode)
{
    struct vfs_mount *m = inode->mounted;
    while (m && m->on.parent != mount)
        m = m->next_on;
    return m;
}

void mount_cross(struct vfs_path *path)
{
    struct vfs_state *s = vfs_state();
    struct vfs_mount *top = NULL;
    if (!path->inode->mounted)
        return;
    core_lock_acquire(&s->mount_lock);
    for (struct vfs_mount *m = mount_on_locked(path->mount, path->inode); m;
         m = mount_on_locked(m, m->root))
        top = m;
    mount_get(top);
    core_lock_release(&s->mount_lock);
    if (!top)
        return;
    vfs_path_put(path);
    *path = (struct vfs_path){top, vfs_inode_get(top->root)};
}

int mount_is_below_locked(const struct vfs_mount *mount, const struct vfs_mount *top)
{
    while (mount && mount != top)
        mount = mount->on.parent;
    return mount != NULL;
}

int mount_up_locked(struct vfs_mount **mount, struct vfs_inode **inode, const struct vfs_path *root)
{
    while (*mount && *inode == (*mount)->root) {
        if (!(*mount)->on.parent)
            return 0;
        *inode = (*mount)->on.covers;
        *mount = (*mount)->on.parent;
        if (root && *mount == root->mount && *inode == root->inode)
            return 0;
    }
    return 1;
}

/* ---- Changes ---- */

int mount_spot_at(const struct vfs_path *where, const struct vfs_place *place,
                  struct mount_spot *out)
{
    out->at.dir = NULL;
    int has_name = where->inode == where->mount->root || place_now(where->inode, place, &out->at);
    out->parent = mount_get(where->mount);
    out->covers = vfs_inode_get(where->inode);
    if (has_name)
        return 0;
    mount_spot_put(out);
    return -LX_ENOENT;
}

void mount_spot_put(struct mount_spot *spot)
{
    mount_put(spot->parent);
    vfs_inode_put(spot->covers);
    place_put(&spot->at);
    spot->parent = NULL;
    spot->covers = NULL;
}

/* 1 if the name is there still, in a directory of ours; others' do not change, or are the host's. */
static int is_there_locked(const struct mount_spot *spot)
{
    struct vfs_inode *there = NULL, *dir = spot->at.dir;
    struct name_key key;
    if (!dir || dir->owner)
        return 1;
    name_key_init(&key, dir->ino, spot->at.name, spot->at.size);
    int found = dir->nlink && dir_lookup_locked(dir, &key, &there) == 0 && there == spot->covers;
    vfs_inode_put(there); /* the directory holds it, too */
    return found;
}

void mount_return_locked(struct vfs_mount *mount, struct mount_spot *spot)
{
    struct vfs_inode *covers = spot->covers;
    mount->on = *spot;
    *spot = (struct mount_spot){.parent = NULL};
    if (!covers) /* it is the top one */
        return;
    mount->next_on = covers->mounted;
    atomic_fetch_add(&covers->super->covered_count, 1);
    atomic_store_explicit(&covers->mounted, mount, memory_order_release);
}

int mount_settle_locked(struct vfs_mount *mount, struct mount_spot *spot)
{
    struct vfs_inode *dir = spot->at.dir;
    int err = 0;
    if (dir) /* who removes a name or renames it looks at `mounted` with this held */
        core_lock_acquire(&dir->dir_lock);
    if (mount_on_locked(spot->parent, spot->covers))
        err = -LX_EBUSY;
    else if (!is_there_locked(spot))
        err = -LX_ENOENT;
    if (err == 0)
        mount_return_locked(mount, spot);
    if (dir)
        core_lock_release(&dir->dir_lock);
    return err;
}

int mount_attach(struct vfs_mount *mount, struct mount_spot *spot)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->mount_lock);
    int err = !spot->parent->is_mounted      ? -LX_EINVAL
              : s->mount_count >= MOUNTS_MAX ? -LX_ENOSPC
                                             : mount_settle_locked(mount, spot);
    if (err == 0) {
        mount->is_mounted = 1;
        s->mount_count++;
        core_list_add(&s->mounts, &mount->in_list);
    }
    core_lock_release(&s->mount_lock);
    return err;
}

int mount_graft(struct vfs_mount *mount, const struct vfs_path *where,
                const struct vfs_place *place)
{
    struct mount_spot spot;
    int err = mount_spot_at(where, place, &spot);
    if (err == 0) {
        err = mount_attach(mount, &spot);
        if (err < 0)
            mount_spot_put(&spot);
    }
    if (err < 0)
        mount_put(mount);
    return err;
}

void mount_lift_locked(struct vfs_mount *mount, struct mount_spot *out)
{
    *out = mount->on;
    mount->on = (struct mount_spot){.parent = NULL};
    if (!out->parent)
        return;
    struct vfs_mount *_Atomic *first = &out->covers->mounted, *m = *first;
    if (m == mount) {
        atomic_store_explicit(first, mount->next_on, memory_order_release);
    } else {
        while (m->next_on != mount)
            m = m->next_on;
        m->next_on = mount->next_on;
    }
    atomic_fetch_sub(&out->covers->super->covered_count, 1);
}

void mount_detach_locked(struct vfs_mount *mount, struct core_list *gone)
{
    struct vfs_state *s = vfs_state();
    mount_lift_locked(mount, &mount->was_on);
    mount->is_mounted = 0;
    s->mount_count--;
    if (s->top == mount)
        s->top = NULL;
    core_list_remove(&mount->in_list);
    core_list_add(gone, &mount->in_list);
}

void mount_put_all(struct core_list *gone)
{
    CORE_LIST_FOR_EACH_SAFE(node, gone)
    {
        struct vfs_mount *m = CORE_LIST_ENTRY(node, struct vfs_mount, in_list);
        core_list_remove(&m->in_list);
        mount_spot_put(&m->was_on);
        mount_put(m);
    }
}
