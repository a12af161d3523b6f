/* SPDX-License-Identifier: MIT */
/* mount(2), umount2(2) and pivot_root(2): the checks are Linux' in Linux' order. */

#include "core/arena.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/mount.h"
#include "mount_options.h"
#include "mounts.h"
#include "vfs/mount.h"

/* Where something is to be mounted, or what is to be changed. */
struct target {
    struct vfs_path where; /* references */
    struct vfs_place place;
};

static int find(struct vfs_fs *fs, const char *path, uint32_t flags, struct target *out)
{
    out->place.dir = NULL;
    int err = walk_to_place(fs, NULL, path, flags, &out->where, &out->place);
    if (err < 0)
        place_put(&out->place);
    return err;
}

static void put(struct target *t)
{
    place_put(&t->place);
    vfs_path_put(&t->where);
}

static void lock(void)
{
    core_lock_acquire(&vfs_state()->mount_lock);
}

static void unlock(void)
{
    core_lock_release(&vfs_state()->mount_lock);
}

/* check_mnt() in Linux. */
static int is_mounted(const struct vfs_mount *mount)
{
    lock();
    int is = mount && mount->is_mounted;
    unlock();
    return is;
}

static int is_covered(const struct vfs_path *where)
{
    lock();
    int is = mount_on_locked(where->mount, where->inode) != NULL;
    unlock();
    return is;
}

static int is_mount_root(const struct vfs_path *where)
{
    return where->mount && where->inode == where->mount->root;
}

/* VFS_MOUNT_* of a new mount, or of one that is mounted again. */
static uint32_t mount_flags(uint32_t flags)
{
    static const uint32_t of[][2] = {
        {LX_MS_RDONLY, VFS_MOUNT_READ_ONLY},
        {LX_MS_NOSUID, VFS_MOUNT_NOSUID},
        {LX_MS_NODEV, VFS_MOUNT_NODEV},
        {LX_MS_NOEXEC, VFS_MOUNT_NOEXEC},
        {LX_MS_NOATIME, VFS_MOUNT_NOATIME},
        {LX_MS_NODIRATIME, VFS_MOUNT_NODIRATIME},
        {LX_MS_STRICTATIME, VFS_MOUNT_STRICTATIME},
        {LX_MS_NOSYMFOLLOW, VFS_MOUNT_NOSYMFOLLOW},
    };
    uint32_t result = 0;
    for (uint32_t i = 0; i < sizeof of / sizeof of[0]; i++)
        result |= flags & of[i][0] ? of[i][1] : 0;
    if (flags & LX_MS_STRICTATIME)
        result &= ~VFS_MOUNT_NOATIME;
    return result;
}

/* ---- A new mount ---- */

/* Mount it on the target; takes over `mount`.  -LX_EBUSY: that was covered meanwhile. */
static int graft(struct vfs_mount *mount, struct target *t)
{
    if (VFS_IS_DIR(t->where.inode) == VFS_IS_DIR(mount->root))
        return mount_graft(mount, &t->where, &t->place);
    mount_put(mount);
    return -LX_ENOTDIR;
}

/* The one file system of a type; NULL: there is none. */
static struct vfs_super *single_of(const char *type)
{
    struct vfs_state *s = vfs_state();
    for (uint32_t i = 0; i < VFS_SUPER_TYPES; i++) {
        if (s->singles[i] && core_str_equal(vfs_super_name(s->singles[i]), type))
            return s->singles[i];
    }
    return NULL;
}

static int mount_new_super(struct vfs_fs *fs, const struct vfs_mount_request *r, struct target *t)
{
    struct vfs_tmpfs_options options = {.mode = 01777,
                                        .uid = fs->cred.uid,
                                        .gid = fs->cred.gid,
                                        .size = UINT64_MAX,
                                        .inodes = UINT64_MAX};
    struct vfs_mount *mount;
    uint32_t flags = r->flags;
    if (!r->type)
        return -LX_EINVAL;
    int is_tmpfs = core_str_equal(r->type, "tmpfs");
    struct vfs_super *super = is_tmpfs ? NULL : single_of(r->type);
    if (!super && !is_tmpfs)
        return -LX_ENODEV;
    int err = mount_options_read(r->type, r->options, &options);
    if (err == 0 && is_tmpfs)
        err = super_in_memory(VFS_SUPER_TMPFS, &options, &super);
    if (err < 0)
        return err;
    if (is_tmpfs)
        super->read_only = flags & LX_MS_RDONLY || options.flags & VFS_MOUNT_READ_ONLY;
    if (is_mount_root(&t->where) && t->where.inode->super == super)
        return -LX_EBUSY;
    err = mount_new(super->root, NULL, r->source ? r->source : "none", mount_flags(flags), &mount);
    if (err < 0) {
        if (is_tmpfs)
            super_end(super);
        return err;
    }
    return graft(mount, t);
}

/* ---- Another appearance of what there is ---- */

/* A mount whose submounts are being copied, and its copy. */
struct copied {
    struct core_list node;
    struct vfs_mount *from, *to; /* references */
    struct vfs_inode *below;     /* a reference: those below this directory */
    uint32_t after;              /* the id of the last one */
};

static int add_copied(struct core_list *list, struct vfs_mount *from, struct vfs_mount *to,
                      struct vfs_inode *below)
{
    struct copied *c = core_arena_alloc(sizeof *c);
    if (!c)
        return -LX_ENOMEM;
    c->from = mount_get(from);
    c->to = mount_get(to);
    c->below = vfs_inode_get(below);
    core_list_add_first(list, &c->node);
    return 0;
}

static void remove_copied(struct copied *c)
{
    core_list_remove(&c->node);
    mount_put(c->from);
    mount_put(c->to);
    vfs_inode_put(c->below);
    core_arena_free(c, sizeof *c);
}

/* Does it cover something below a directory of its parent? */
static int covers_below_locked(const struct vfs_mount *m, const struct vfs_inode *below)
{
    const struct vfs_inode *dir = m->on.at.dir;
    if (below == m->on.parent->root)
        return 1;
    while (dir && dir != below)
        dir = dir->parent == dir ? NULL : dir->parent;
    return dir != NULL;
}

/*
 * The next submount that is to be copied, by id.
 *   last     no mount that is younger is one.
 *   spot     filled: where its copy goes.
 *   returns  a reference, or NULL.
 */
static struct vfs_mount *next_submount(struct copied *c, uint32_t last, struct mount_spot *spot)
{
    struct vfs_state *s = vfs_state();
    struct vfs_mount *found = NULL;
    core_lock_acquire(&s->tree_lock);
    lock();
    CORE_LIST_FOR_EACH(node, &s->mounts)
    {
        struct vfs_mount *m = CORE_LIST_ENTRY(node, struct vfs_mount, in_list);
        if (m->id > c->after && m->id <= last && m->on.parent == c->from &&
            covers_below_locked(m, c->below)) {
            found = mount_get(m);
            c->after = m->id;
            *spot = (struct mount_spot){.parent = mount_get(c->to),
                                        .covers = vfs_inode_get(m->on.covers)};
            if (m->on.at.dir)
                place_set(&spot->at, m->on.at.dir, m->on.at.name, m->on.at.size);
            break;
        }
    }
    unlock();
    core_lock_release(&s->tree_lock);
    return found;
}

static int clone(struct vfs_mount *from, struct vfs_inode *root, const struct vfs_place *found,
                 struct vfs_mount **out)
{
    return mount_new(root, found, from->source, from->flags, out);
}

static int copy_submount(struct vfs_mount *m, struct mount_spot *spot, struct core_list *list)
{
    struct vfs_mount *copy;
    int err = clone(m, m->root, &m->found, &copy);
    if (err < 0)
        return err;
    err = mount_attach(copy, spot);
    if (err < 0)
        mount_put(copy);
    else
        err = add_copied(list, m, copy, m->root);
    return err;
}

/* Copy all that is mounted below the one in the list, the deepest first; it is empty then. */
static int copy_submounts(struct core_list *list, uint32_t last)
{
    int err = 0;
    while (!core_list_is_empty(list)) {
        struct copied *c = CORE_LIST_ENTRY(list->next, struct copied, node);
        struct mount_spot spot;
        struct vfs_mount *m = err == 0 ? next_submount(c, last, &spot) : NULL;
        if (!m) {
            remove_copied(c);
            continue;
        }
        err = copy_submount(m, &spot, list);
        mount_spot_put(&spot);
        mount_put(m);
    }
    return err;
}

/* Take a mount and all below it out of the tree. */
static void detach_tree_locked(struct vfs_mount *top, struct core_list *gone)
{
    struct vfs_state *s = vfs_state();
    struct core_list below;
    core_list_init(&below);
    CORE_LIST_FOR_EACH_SAFE(node, &s->mounts)
    {
        struct vfs_mount *m = CORE_LIST_ENTRY(node, struct vfs_mount, in_list);
        if (mount_is_below_locked(m, top)) {
            core_list_remove(node);
            core_list_add(&below, node);
        }
    }
    CORE_LIST_FOR_EACH_SAFE(node, &below)
    {
        mount_detach_locked(CORE_LIST_ENTRY(node, struct vfs_mount, in_list), gone);
    }
}

static void detach_tree(struct vfs_mount *top)
{
    struct core_list gone;
    core_list_init(&gone);
    lock();
    if (top->is_mounted)
        detach_tree_locked(top, &gone);
    unlock();
    mount_put_all(&gone);
}

static int bind(struct vfs_fs *fs, const struct vfs_mount_request *r, struct target *t)
{
    struct vfs_state *s = vfs_state();
    struct target from;
    struct vfs_mount *copy = NULL;
    struct core_list list;
    core_list_init(&list);
    if (!r->source || !*r->source)
        return -LX_EINVAL;
    int err = find(fs, r->source, 0, &from);
    if (err < 0)
        return err;
    lock();
    uint32_t last = s->mount_id;
    unlock();
    if (!is_mounted(t->where.mount) || !is_mounted(from.where.mount))
        err = -LX_EINVAL;
    if (err == 0)
        err = clone(from.where.mount, from.where.inode,
                    VFS_IS_DIR(from.where.inode) ? NULL : &from.place, &copy);
    if (err == 0) {
        mount_get(copy); /* ours, besides the tree's */
        err = graft(copy, t);
    }
    if (err == 0 && r->flags & LX_MS_REC) {
        err = add_copied(&list, from.where.mount, copy, from.where.inode);
        if (err == 0)
            err = copy_submounts(&list, last);
        if (err < 0)
            detach_tree(copy);
    }
    mount_put(copy);
    put(&from);
    return err;
}

static int move(struct vfs_fs *fs, const struct vfs_mount_request *r, struct target *t)
{
    struct target from;
    struct mount_spot to, was = {.parent = NULL};
    if (!r->source || !*r->source)
        return -LX_EINVAL;
    int err = find(fs, r->source, 0, &from);
    if (err < 0)
        return err;
    struct vfs_mount *m = from.where.mount;
    err = is_mount_root(&from.where) ? mount_spot_at(&t->where, &t->place, &to) : -LX_EINVAL;
    if (err < 0) {
        put(&from);
        return err;
    }
    lock();
    if (!t->where.mount->is_mounted || !m->is_mounted ||
        VFS_IS_DIR(t->where.inode) != VFS_IS_DIR(m->root))
        err = -LX_EINVAL;
    else if (mount_is_below_locked(t->where.mount, m))
        err = -LX_ELOOP;
    if (err == 0) {
        mount_lift_locked(m, &was);
        err = mount_settle_locked(m, &to);
        if (err < 0)
            mount_return_locked(m, &was);
    }
    unlock();
    mount_spot_put(&was);
    mount_spot_put(&to);
    put(&from);
    return err;
}

/* ---- Other flags ---- */

/*
 * Differs from Linux: making a mount or a file system read-only is not EBUSY if files are open for
 * writing; these can be written to from then on as before.
 */

/* MS_REMOUNT without times of access keeps what is said of them. */
static uint32_t flags_again(const struct vfs_mount *m, uint32_t flags)
{
    const uint32_t times = VFS_MOUNT_NOATIME | VFS_MOUNT_NODIRATIME | VFS_MOUNT_STRICTATIME;
    uint32_t result = mount_flags(flags);
    if (!(flags & (LX_MS_NOATIME | LX_MS_NODIRATIME | LX_MS_RELATIME | LX_MS_STRICTATIME)))
        result = (result & ~times) | (m->flags & times);
    return result;
}

/* The file system's own: shmem_reconfigure() in Linux. */
static int change_super(struct vfs_super *super, uint32_t read_only,
                        const struct vfs_tmpfs_options *options)
{
    /* Differs from Linux: what the user of the host gave for reading only stays so. */
    if (super->is_given_read_only && !read_only)
        return -LX_EPERM;
    if (super->type == VFS_SUPER_TMPFS) {
        uint64_t pages = vfs_super_page_limit(options->size);
        if (super->page_count > pages || super->inode_count > options->inodes)
            return -LX_EINVAL;
        super->page_limit = pages;
        super->inode_limit = options->inodes;
    }
    super->read_only = read_only;
    return 0;
}

static int remount(const struct vfs_mount_request *r, struct target *t)
{
    struct vfs_mount *m = t->where.mount;
    if (!is_mounted(m) || !is_mount_root(&t->where))
        return -LX_EINVAL;
    if (!(r->flags & LX_MS_BIND)) {
        struct vfs_super *super = m->root->super;
        struct vfs_tmpfs_options options = {.size = vfs_super_size_limit(super),
                                            .inodes = super->inode_limit};
        int err = mount_options_read(vfs_super_name(super), r->options, &options);
        uint32_t read_only = r->flags & LX_MS_RDONLY || options.flags & VFS_MOUNT_READ_ONLY;
        if (err == 0)
            err = change_super(super, read_only, &options);
        if (err < 0)
            return err;
    }
    m->flags = flags_again(m, r->flags);
    return 0;
}

/* There is one namespace, and nothing to propagate: do_change_type() in Linux. */
static int change_propagation(uint32_t flags, const struct target *t)
{
    uint32_t type = flags & ~(LX_MS_REC | LX_MS_SILENT);
    if (!is_mount_root(&t->where) || type & (type - 1))
        return -LX_EINVAL;
    return 0;
}

/* ---- The calls ---- */

static int act(struct vfs_fs *fs, const struct vfs_mount_request *r, struct target *t)
{
    const uint32_t propagation = LX_MS_SHARED | LX_MS_PRIVATE | LX_MS_SLAVE | LX_MS_UNBINDABLE;
    if (r->flags & LX_MS_REMOUNT)
        return remount(r, t);
    if (!(r->flags & LX_MS_BIND) && r->flags & propagation)
        return change_propagation(r->flags, t);
    if (!t->where.mount)
        return -LX_EINVAL;
    int err;
    do { /* on top of what is there, until nothing comes in between */
        mount_cross(&t->where);
        err = r->flags & LX_MS_BIND   ? bind(fs, r, t)
              : r->flags & LX_MS_MOVE ? move(fs, r, t)
                                      : mount_new_super(fs, r, t);
    } while (err == -LX_EBUSY && is_covered(&t->where));
    return err;
}

int vfs_mount(struct vfs_fs *fs, const char *at, const struct vfs_mount_request *request)
{
    struct vfs_mount_request r = *request;
    struct target t;
    int err = find(fs, at, 0, &t);
    if ((r.flags & LX_MS_MGC_MSK) == LX_MS_MGC_VAL)
        r.flags &= ~LX_MS_MGC_MSK;
    if (err == 0 && r.flags & LX_MS_NOUSER)
        err = -LX_EINVAL;
    if (err == 0 && !r.is_privileged)
        err = -LX_EPERM;
    if (err == 0)
        err = act(fs, &r, &t);
    put(&t);
    return err;
}

/* Something is mounted in it, or somebody else than the caller has a reference. */
static int is_busy_locked(const struct vfs_mount *mount)
{
    struct vfs_state *s = vfs_state();
    CORE_LIST_FOR_EACH(node, &s->mounts)
    {
        if (CORE_LIST_ENTRY(node, struct vfs_mount, in_list)->on.parent == mount)
            return 1;
    }
    return !mount->is_counted || mount->refs > 2;
}

/* Take it away; `mount` is the caller's reference. */
static int unmount_locked(struct vfs_mount *mount, uint32_t flags, int is_own_root,
                          struct core_list *gone)
{
    if (!mount->is_mounted)
        return -LX_EINVAL;
    if (flags & LX_MNT_EXPIRE) {
        if (is_own_root || flags & (LX_MNT_FORCE | LX_MNT_DETACH))
            return -LX_EINVAL;
        if (is_busy_locked(mount))
            return -LX_EBUSY;
        if (!mount->is_expiring) {
            mount->is_expiring = 1;
            return -LX_EAGAIN;
        }
    }
    if (is_own_root && !(flags & LX_MNT_DETACH)) { /* do_umount_root(): read-only from here on */
        mount->root->super->read_only = 1;
        return 0;
    }
    if (!(flags & LX_MNT_DETACH) && is_busy_locked(mount))
        return -LX_EBUSY;
    detach_tree_locked(mount, gone);
    return 0;
}

int vfs_umount(struct vfs_fs *fs, const char *at, uint32_t flags, int is_privileged)
{
    struct target t;
    struct core_list gone;
    core_list_init(&gone);
    int err = find(fs, at, flags & LX_UMOUNT_NOFOLLOW ? VFS_WALK_NOFOLLOW : 0, &t);
    if (err < 0)
        return err;
    place_put(&t.place); /* it may be held by nobody else */
    if (t.where.mount)
        mount_cross(&t.where); /* "." does not */
    if (!is_privileged)
        err = -LX_EPERM;
    else if (!is_mount_root(&t.where))
        err = -LX_EINVAL;
    if (err == 0) {
        struct vfs_mount *mount = t.where.mount;
        lock();
        err = unmount_locked(mount, flags, mount == fs->root.mount, &gone);
        if (err ==
            -LX_EAGAIN) { /* this was no use of it: the tree holds it as long as it is locked */
            mount_put_unused(mount);
            t.where.mount = NULL;
        }
        unlock();
    }
    mount_put_all(&gone);
    put(&t);
    return err;
}

/* Is a place below another one, or the same?  is_path_reachable() in Linux; LOCK_TREE, too. */
static int is_reachable_locked(const struct vfs_path *where, const struct vfs_path *root)
{
    struct vfs_mount *m = where->mount;
    const struct vfs_inode *inode = where->inode;
    while (m != root->mount && m->on.parent) {
        inode = m->on.at.dir ? m->on.at.dir : m->on.covers;
        m = m->on.parent;
    }
    if (m != root->mount)
        return 0;
    while (inode != root->inode && inode->parent != inode)
        inode = inode->parent;
    return inode == root->inode;
}

/* `root` is the caller's; `spot`, at `put_old`, is moved if it goes well. */
static int pivot_locked(const struct vfs_path *root, const struct vfs_path *new_root,
                        const struct vfs_path *put_old, struct mount_spot *spot,
                        struct mount_spot *left)
{
    struct vfs_state *s = vfs_state();
    struct vfs_mount *old = root->mount, *fresh = new_root->mount;
    struct mount_spot was_old;
    if (!old->is_mounted || !fresh->is_mounted || !put_old->mount->is_mounted)
        return -LX_EINVAL;
    if (!new_root->inode->nlink)
        return -LX_ENOENT;
    if (fresh == old || put_old->mount == old)
        return -LX_EBUSY;
    if (!is_mount_root(root) || !is_mount_root(new_root) || fresh == s->top ||
        !is_reachable_locked(put_old, new_root) || !is_reachable_locked(new_root, root))
        return -LX_EINVAL;
    mount_lift_locked(fresh, left);
    mount_lift_locked(old, &was_old);
    int err = mount_settle_locked(old, spot);
    if (err < 0) {
        mount_return_locked(old, &was_old);
        mount_return_locked(fresh, left);
        return err;
    }
    mount_return_locked(fresh, &was_old);
    if (s->top == old)
        s->top = fresh;
    return 0;
}

int vfs_pivot_root(struct vfs_fs *fs, const char *new_root, const char *put_old)
{
    struct vfs_state *s = vfs_state();
    struct target to, old;
    struct vfs_path root;
    struct mount_spot spot, left = {.parent = NULL};
    int err = find(fs, new_root, VFS_WALK_DIRECTORY, &to);
    if (err < 0)
        return err;
    err = find(fs, put_old, VFS_WALK_DIRECTORY, &old);
    if (err < 0) {
        put(&to);
        return err;
    }
    vfs_fs_current(fs, &fs->root, &root);
    mount_cross(&old.where);
    err = mount_spot_at(&old.where, &old.place, &spot);
    if (err == 0) {
        core_lock_acquire(&s->tree_lock);
        lock();
        err = pivot_locked(&root, &to.where, &old.where, &spot, &left);
        unlock();
        core_lock_release(&s->tree_lock);
        mount_spot_put(&spot);
        mount_spot_put(&left);
    }
    if (err == 0)
        fs_move_all(&root, &to.where);
    vfs_path_put(&root);
    put(&old);
    put(&to);
    return err;
}
