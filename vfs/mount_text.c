/* SPDX-License-Identifier: MIT */
/* /proc/PID/mounts, mountinfo and mountstats: proc(5). */

#include "core/arena.h"
#include "core/layout.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/types.h"
#include "mounts.h"
#include "vfs/text.h"

typedef unsigned long long ull;

static void show_path(struct vfs_text *t, const char *path)
{
    vfs_text_path(t, path, core_str_length(path));
}

/* show_mnt_opts() in Linux. */
static void show_mount_options(struct vfs_text *t, uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *text;
    } options[] = {
        {VFS_MOUNT_NOSUID, ",nosuid"},         {VFS_MOUNT_NODEV, ",nodev"},
        {VFS_MOUNT_NOEXEC, ",noexec"},         {VFS_MOUNT_NOATIME, ",noatime"},
        {VFS_MOUNT_NODIRATIME, ",nodiratime"},
    };
    for (uint32_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (flags & options[i].flag)
            vfs_text_f(t, "%s", options[i].text);
    }
    if (!(flags & (VFS_MOUNT_NOATIME | VFS_MOUNT_STRICTATIME)))
        vfs_text_f(t, ",relatime");
    if (flags & VFS_MOUNT_NOSYMFOLLOW)
        vfs_text_f(t, ",nosymfollow");
}

static void show_super_options(struct vfs_text *t, const struct vfs_super *super)
{
    vfs_text_f(t, "%s", vfs_super_options(super));
    if (super->page_limit != UINT64_MAX)
        vfs_text_f(t, ",size=%lluk", (ull)super->page_limit * (CORE_PAGE_SIZE / 1024));
    if (super->inode_limit != UINT64_MAX)
        vfs_text_f(t, ",nr_inodes=%llu", (ull)super->inode_limit);
    if (super->type != VFS_SUPER_TMPFS)
        return;
    if (super->mode != 01777)
        vfs_text_f(t, ",mode=%03o", super->mode);
    if (super->uid)
        vfs_text_f(t, ",uid=%u", super->uid);
    if (super->gid)
        vfs_text_f(t, ",gid=%u", super->gid);
}

static void show_mounts(struct vfs_text *t, const struct vfs_mount *m, const struct mount_paths *p)
{
    const struct vfs_super *super = m->root->super;
    show_path(t, m->source);
    vfs_text_f(t, " ");
    show_path(t, p->at);
    vfs_text_f(t, " %s %s", vfs_super_name(super),
               super->read_only || m->flags & VFS_MOUNT_READ_ONLY ? "ro" : "rw");
    show_mount_options(t, m->flags);
    show_super_options(t, super);
    vfs_text_f(t, " 0 0\n");
}

static void show_mountinfo(struct vfs_text *t, const struct vfs_mount *m,
                           const struct mount_paths *p)
{
    const struct vfs_super *super = m->root->super;
    vfs_text_f(t, "%u %u %u:%u ", m->id, vfs_mount_id(m->on.parent),
               (uint32_t)LX_MAJOR(super->device), (uint32_t)LX_MINOR(super->device));
    show_path(t, p->within);
    vfs_text_f(t, " ");
    show_path(t, p->at);
    vfs_text_f(t, " %s", m->flags & VFS_MOUNT_READ_ONLY ? "ro" : "rw");
    show_mount_options(t, m->flags);
    vfs_text_f(t, " - %s ", vfs_super_name(super));
    show_path(t, m->source);
    vfs_text_f(t, " %s", super->read_only ? "ro" : "rw");
    show_super_options(t, super);
    vfs_text_f(t, "\n");
}

static void show_mountstats(struct vfs_text *t, const struct vfs_mount *m,
                            const struct mount_paths *p)
{
    vfs_text_f(t, "device ");
    show_path(t, m->source);
    vfs_text_f(t, " mounted on ");
    show_path(t, p->at);
    vfs_text_f(t, " with fstype %s\n", vfs_super_name(m->root->super));
}

int vfs_mounts_show(struct vfs_fs *fs, enum vfs_mounts_form form, struct vfs_text *t)
{
    static void (*const show[])(struct vfs_text *, const struct vfs_mount *,
                                const struct mount_paths *) = {show_mounts, show_mountinfo,
                                                               show_mountstats};
    struct vfs_state *s = vfs_state();
    struct mount_paths *paths = core_arena_alloc(sizeof *paths);
    struct vfs_path root;
    if (!paths)
        return -LX_ENOMEM;
    vfs_fs_current(fs, &fs->root, &root);
    core_lock_acquire(&s->tree_lock);
    core_lock_acquire(&s->mount_lock);
    CORE_LIST_FOR_EACH(node, &s->mounts)
    {
        const struct vfs_mount *m = CORE_LIST_ENTRY(node, struct vfs_mount, in_list);
        if (mount_paths_locked(m, &root, paths) == 0)
            show[form](t, m, paths);
    }
    core_lock_release(&s->mount_lock);
    core_lock_release(&s->tree_lock);
    vfs_path_put(&root);
    core_arena_free(paths, sizeof *paths);
    return 0;
}
