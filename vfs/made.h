/* SPDX-License-Identifier: MIT */
#ifndef VFS_MADE_H
#define VFS_MADE_H

/*
 * File systems whose files are made when they are read: /proc, /sys and the control groups.
 * What is in them stands in a table of names; directories may have names with numbers
 * besides.  Private to vfs.
 *
 * A file's text is made when it is read from its beginning, and kept for the reads that
 * follow.  Inodes are made by each lookup and are gone with their last use; their numbers
 * depend on what they show only.
 *
 * Source   fs/proc/generic.c, fs/kernfs of Linux 6.12.
 * Threads  any.  The functions of a struct made_fs are called with no lock held but
 *          LOCK_MADE_FILE.
 * Errors   0, an amount, or -LX_E*.
 */

#include <stdint.h>

#include "inode_ops.h"
#include "vfs/proc.h"
#include "vfs/super.h"
#include "vfs/text.h"

/* Which one of several a node is about: its numbers, those that are not used 0. */
union made_id {
    struct vfs_proc_id proc;
    int32_t cpu; /* of /sys */
    int32_t words[3];
};

/* What an inode has besides. */
struct vfs_made {
    uint32_t what; /* constant; of the enumeration of its file system */
    union made_id id;
    struct vfs_text text; /* guarded by the inode's lock: what reads go on with */
};

struct made_row {
    uint8_t dir, what;
    uint8_t number; /* n > 0: a number follows the name, and is word n - 1 of the id */
    uint8_t size;   /* of the name */
    uint16_t mode;
    const char *name;
    const char *target; /* of a link, followed by the number; NULL: it is none, or is made */
};

struct made_fs {
    enum vfs_super_type type;
    const struct made_row *rows;
    uint32_t count; /* of rows */
    uint32_t root;  /* what its root is */

    /* Is this row seen in this directory? */
    int (*is_in)(const struct made_row *row, const struct vfs_made *dir);

    /* The lowest number from `from` on in this directory; -1: none. */
    int32_t (*next)(const struct vfs_made *dir, int32_t from);

    /* Is what has a number there?  -LX_ENOENT; it may set another mode. */
    int (*find)(uint32_t what, const union made_id *id, uint32_t *mode);

    /* Whose its files are; -LX_ENOENT: what they are about is gone. */
    int (*owner)(const union made_id *id, uint32_t *uid, uint32_t *gid);

    int (*render)(uint32_t what, const union made_id *id, struct vfs_text *t);
};

extern const struct made_fs proc_fs, sys_fs, cgroup_fs;

/* The file system of this owner; NULL: it is another kind of one. */
const struct made_fs *made_fs(uint32_t owner);

/*
 * Mount the file system of this owner on a path, which is made if it is missing; without programs,
 * devices and set-id bits.
 *   source   what /proc/self/mounts calls it.
 *   flags    more VFS_MOUNT_*.
 */
MUST_USE int made_mount(struct vfs_fs *fs, const char *at, enum vfs_inode_owner owner,
                        const char *source, uint32_t flags);

/* How many directories are in this one. */
uint64_t made_count_dirs(const struct vfs_inode *dir);

/* How many names with numbers are in this one. */
uint64_t made_count_numbers(const struct vfs_inode *dir);

/* ---- For the tables of operations (inode_ops.h) ---- */

void made_end(struct vfs_inode *inode);
void made_refresh(struct vfs_inode *inode);
void made_stat(struct vfs_inode *inode, struct lx_stat *out);
uint64_t made_shown_ino(struct vfs_inode *inode);
MUST_USE int64_t made_readlink(struct vfs_inode *inode, char *buf, uint64_t size);
MUST_USE int64_t made_read(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset);
MUST_USE int made_lookup(struct vfs_inode *dir, const char *name, uint32_t size,
                         struct vfs_inode **out);
MUST_USE int made_list(struct vfs_file *file, uint64_t cookie, vfs_emit emit, void *arg);
uint64_t made_name_locked(struct vfs_inode *dir, char *name);

/* Nothing can be made, linked, removed or renamed: -LX_ENOENT, -LX_EPERM. */
MUST_USE int made_create(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                         uint32_t mode, const char *target, struct vfs_inode **out);
MUST_USE int made_link(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode);
MUST_USE int made_remove(struct vfs_inode *dir, const struct vfs_last *last,
                         struct vfs_inode *inode);
MUST_USE int made_rename_locked(struct vfs_inode *dir, const struct vfs_last *last,
                                struct vfs_inode *inode, struct vfs_inode *to_dir,
                                const struct vfs_last *to_last, struct vfs_inode *target,
                                uint32_t flags);

#endif
