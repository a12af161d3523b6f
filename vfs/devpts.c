/* SPDX-License-Identifier: MIT */
/*
 * devpts: the names of pseudo-terminals.  A terminal's file lives as long as its master is open,
 * its number as long as either end is.
 *
 * Source   fs/devpts/inode.c of Linux 6.12; Documentation/filesystems/devpts.rst.
 */

#include "core/arena.h"
#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "made.h"
#include "tty_ends.h"
#include "vfs/file.h"
#include "vfs/mount.h"
#include "vfs/proc.h"

#define BLOCK_SIZE 1024
#define TTY_GROUP 5
#define TTY_MODE 0620u

#define ROOT_SHOWN 1u
#define PTMX_SHOWN 2u
#define FIRST_SHOWN 3u /* of terminal 0 */
#define PTMX_NAME "ptmx"
#define PTMX_SIZE 4u
#define FIRST_TERMINAL (FIRST_COOKIE + 1) /* cookie of terminal 0 */

/* ---- Terminals ---- */

struct vfs_tty *devpts_find(struct vfs_inode *inode)
{
    struct vfs_state *s = vfs_state();
    if (inode->owner != VFS_OF_DEVPTS)
        return NULL;
    core_lock_acquire(&s->tty_lock);
    struct vfs_tty *tty = inode->tty ? vfs_tty_get(inode->tty) : NULL;
    core_lock_release(&s->tty_lock);
    return tty;
}

struct vfs_inode *devpts_inode(struct vfs_tty *tty)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->tty_lock);
    struct vfs_inode *inode = tty->inode ? vfs_inode_get(tty->inode) : NULL;
    core_lock_release(&s->tty_lock);
    return inode;
}

void devpts_place(const struct vfs_tty *tty, struct vfs_place *place)
{
    char name[24];
    uint32_t size = (uint32_t)core_str_u64(name, tty->number);
    place->dir = NULL;
    place_set(place, vfs_state()->singles[VFS_SUPER_DEVPTS]->root, name, size);
}

static struct vfs_tty *of_node(struct core_list *node)
{
    return CORE_LIST_ENTRY(node, struct vfs_tty, in_list);
}

/* Into the list, with the lowest number that is free. */
static void number_locked(struct vfs_state *s, struct vfs_tty *tty)
{
    struct core_list *next = &s->terminals;
    CORE_LIST_FOR_EACH(node, &s->terminals)
    {
        if (of_node(node)->number != tty->number) {
            next = node;
            break;
        }
        tty->number++;
    }
    core_list_add(next, &tty->in_list); /* before it */
    s->tty_count++;
}

/* Who opens /dev/ptmx owns what comes of it. */
static uint32_t caller_uid(void)
{
    struct vfs_proc_id self;
    struct vfs_fs *fs;
    return g_providers.processes && g_providers.processes->self(&self, &fs) == 0 ? fs->cred.uid : 0;
}

static int new_file(struct vfs_super *super, const struct vfs_tty *tty, struct vfs_inode **out)
{
    int err = vfs_inode_new(super, LX_S_IFCHR | TTY_MODE, caller_uid(), TTY_GROUP,
                            (uint32_t)vfs_tty_device(tty), NULL, out);
    if (err == 0) {
        (*out)->owner = VFS_OF_DEVPTS;
        (*out)->nlink = 1;
    }
    return err;
}

int devpts_add(struct vfs_tty *tty)
{
    struct vfs_state *s = vfs_state();
    struct vfs_inode *inode;
    if (!s->singles[VFS_SUPER_DEVPTS])
        return -LX_ENODEV;
    core_lock_acquire(&s->tty_lock);
    int err = s->tty_count < VFS_TTY_MAX - VFS_TTY_RESERVE ? 0 : -LX_ENOSPC;
    if (err == 0)
        number_locked(s, tty);
    core_lock_release(&s->tty_lock);
    if (err == 0)
        err = new_file(s->singles[VFS_SUPER_DEVPTS], tty, &inode);
    if (err < 0)
        return err;
    core_lock_acquire(&s->tty_lock);
    inode->tty = tty;
    tty->inode = inode;
    core_lock_release(&s->tty_lock);
    return 0;
}

void devpts_unlink(struct vfs_tty *tty)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->tty_lock);
    struct vfs_inode *inode = tty->inode;
    tty->inode = NULL;
    if (inode) {
        inode->tty = NULL;
        inode->nlink = 0;
    }
    core_lock_release(&s->tty_lock);
    vfs_inode_put(inode);
}

uint32_t vfs_tty_count(void)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->tty_lock);
    uint32_t count = s->tty_count;
    core_lock_release(&s->tty_lock);
    return count;
}

void devpts_forget(struct vfs_tty *tty)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->tty_lock);
    if (!core_list_is_empty(&tty->in_list)) {
        core_list_remove(&tty->in_list);
        s->tty_count--;
    }
    core_lock_release(&s->tty_lock);
}

/* ---- Attributes ---- */

static uint64_t shown_ino(struct vfs_inode *inode)
{
    if (VFS_IS_DIR(inode))
        return ROOT_SHOWN;
    return LX_MAJOR((uint64_t)inode->rdev) == PTS_MAJOR ? FIRST_SHOWN + LX_MINOR(inode->rdev)
                                                        : PTMX_SHOWN;
}

static void show(struct vfs_inode *inode, struct lx_stat *out)
{
    out->st_ino = shown_ino(inode);
    out->st_size = 0;
    out->st_blocks = 0;
    out->st_blksize = BLOCK_SIZE;
}

static void refresh(struct vfs_inode *inode)
{
    (void)inode;
}

static void end(struct vfs_inode *inode)
{
    (void)inode; /* its terminal has let go of it */
}

/* ---- Names ---- */

static int lookup(struct vfs_inode *dir, const char *name, uint32_t size, struct vfs_inode **out)
{
    struct vfs_state *s = vfs_state();
    int32_t number = name_number(name, size);
    (void)dir; /* there is only one */
    *out = NULL;
    if (size == PTMX_SIZE && memcmp(name, PTMX_NAME, size) == 0)
        *out = vfs_inode_get(s->ptmx);
    core_lock_acquire(&s->tty_lock);
    CORE_LIST_FOR_EACH(node, &s->terminals)
    {
        struct vfs_tty *tty = of_node(node);
        if (number >= 0 && tty->number == (uint32_t)number && tty->inode)
            *out = vfs_inode_get(tty->inode);
    }
    core_lock_release(&s->tty_lock);
    return *out ? 0 : -LX_ENOENT;
}

/* The first terminal with a name from this number on; -1: none. */
static int64_t next_number(uint64_t from)
{
    struct vfs_state *s = vfs_state();
    int64_t found = -1;
    core_lock_acquire(&s->tty_lock);
    CORE_LIST_FOR_EACH(node, &s->terminals)
    {
        const struct vfs_tty *tty = of_node(node);
        if (found < 0 && tty->number >= from && tty->inode)
            found = tty->number;
    }
    core_lock_release(&s->tty_lock);
    return found;
}

/* Cookies go by the numbers, so that a listing stands when others come and go. */
static int list(struct vfs_file *file, uint64_t cookie, vfs_emit emit, void *arg)
{
    char name[24];
    int64_t n;
    if (!dir_show_dots(file->inode, &cookie, emit, arg))
        return 0;
    if (cookie < FIRST_TERMINAL &&
        !emit(arg, PTMX_NAME, PTMX_SIZE, PTMX_SHOWN, LX_S_IFCHR >> 12, FIRST_TERMINAL))
        return 0;
    uint64_t from = cookie < FIRST_TERMINAL ? 0 : cookie - FIRST_TERMINAL;
    for (; (n = next_number(from)) >= 0; from = (uint64_t)n + 1) {
        uint32_t size = (uint32_t)core_str_u64(name, (uint64_t)n);
        if (!emit(arg, name, size, FIRST_SHOWN + (uint64_t)n, LX_S_IFCHR >> 12,
                  FIRST_TERMINAL + (uint64_t)n + 1))
            break;
    }
    return 0;
}

/* ---- What cannot be done ---- */

static int create(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                  uint32_t mode, const char *target, struct vfs_inode **out)
{
    (void)fs;
    (void)dir;
    (void)last;
    (void)target;
    *out = NULL;
    return (mode & LX_S_IFMT) == LX_S_IFREG ? -LX_EACCES : -LX_EPERM;
}

static int link(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    (void)dir;
    (void)last;
    (void)inode;
    return -LX_EPERM;
}

static int rename_locked(struct vfs_inode *dir, const struct vfs_last *last,
                         struct vfs_inode *inode, struct vfs_inode *to_dir,
                         const struct vfs_last *to_last, struct vfs_inode *target, uint32_t flags)
{
    (void)dir;
    (void)last;
    (void)inode;
    (void)to_dir;
    (void)to_last;
    (void)target;
    (void)flags;
    return -LX_EPERM;
}

const struct inode_ops devpts_ops = {
    .end = end,
    .refresh = refresh,
    .stat = show,
    .shown_ino = shown_ino,
    .chmod = inode_chmod_own,
    .chown = inode_chown_own,
    .utimes = inode_utimes_own,
    .truncate = inode_keeps_size,
    .allocate = inode_cannot_allocate,
    .lookup = lookup,
    .list = list,
    .create = create,
    .link = link,
    .remove = made_remove,
    .rename_locked = rename_locked,
};

/* ---- Mounting ---- */

/* A file that stays as long as the mount. */
static int new_node(struct vfs_super *super, uint32_t mode, uint32_t rdev, struct vfs_inode **out)
{
    int err = vfs_inode_new(super, mode, 0, 0, rdev, NULL, out);
    if (err == 0) {
        (*out)->owner = VFS_OF_DEVPTS;
        (*out)->nlink = VFS_IS_DIR(*out) ? 2 : 1;
    }
    return err;
}

int vfs_devpts_mount(struct vfs_fs *fs)
{
    struct vfs_state *s = vfs_state();
    struct vfs_super *super = core_arena_alloc(sizeof *super);
    if (!super)
        return -LX_ENOMEM;
    vfs_super_init(super, VFS_SUPER_DEVPTS, mount_minor());
    int err = new_node(super, LX_S_IFCHR | 0666, LX_MAKEDEV(TTYAUX_MAJOR, PTMX_MINOR), &s->ptmx);
    if (err == 0)
        err = new_node(super, LX_S_IFDIR | 0755, 0, &super->root);
    if (err < 0)
        return err;
    super->root->parent = super->root;
    s->singles[VFS_SUPER_DEVPTS] = super;
    return mount_root(fs, "/dev/pts", super, "devpts", VFS_MOUNT_NOSUID | VFS_MOUNT_NOEXEC);
}
