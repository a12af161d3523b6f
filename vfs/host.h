/* SPDX-License-Identifier: MIT */
#ifndef VFS_HOST_H
#define VFS_HOST_H

/*
 * Inodes that stand for files and directories of a host folder: inode->host is not
 * NULL.  Private to vfs; each function has the contract of its namesake in
 * vfs/inode.h and vfs/tree.h, and the caller has made the checks that are the guest's.
 *
 * An inode knows its place, the directory and the name under which it was last seen, and
 * its identity on the host.  Calls go by the path that follows from the places, or by an
 * open file's handle, so that a file whose name is gone still works.
 *
 * Places are guarded by LOCK_TREE; what the host said of a file by the inode's lock.
 *
 * Threads  any.
 */

#include <stdint.h>

#include "internal.h"
#include "lx/compiler.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "vfs/tree.h"

/* A folder, or a file, as a file system. */
struct host_super {
    struct vfs_super super;   /* first: host_usage() finds it by that */
    uint32_t number;          /* constant */
    uint32_t uid, gid;        /* constant: see struct vfs_folder_options */
    struct core_lock lock;    /* LOCK_DENTRY: guards `files` */
    struct vfs_inode **files; /* hash table by identity; no references */
};

struct vfs_host {
    struct host_super *super; /* constant */
    uint64_t device, id;      /* constant: which file of the host it is */
    struct vfs_inode *next;   /* in the super's table */
    char *name;               /* in inode->parent; of the mounted one: in the folder */
    uint32_t name_size;
    /* Its open files for reading and for writing: see host_data.c. */
    _Atomic uint64_t keys[2]; /* of plat_file_keep(); 0: not open */
    uint32_t slot;            /* 0: neither is open */
    uint32_t writer_reads;    /* 1: the second can be read from, too */
    _Atomic uint32_t opens;   /* who uses them; the last one closes them */
    uint64_t allocated;       /* bytes on the disk */
    _Atomic uint64_t written; /* how far we have written it, about */
    _Atomic uint32_t is_gone; /* 1: we took its last name; some hosts still count it */
    uint32_t kept;            /* KEPT_*: attributes of ours, which the host has no place for */
    uint32_t is_held;         /* 1: by a reference of its own, for their sake */
    uint32_t mode, uid, gid;  /* those */
};

#define KEPT_MODE 1u
#define KEPT_UID 2u
#define KEPT_GID 4u

/* Path of an inode in its folder. */
struct host_path {
    char *text; /* in `room`, terminated */
    char room[LX_PATH_MAX];
};

/* The folder of a mount in this process. */
struct plat_file *host_folder(const struct host_super *super);

/* The inode of the mounted folder or file. */
MUST_USE int host_root(struct host_super *super, const char *name, struct vfs_inode **out);

/* Its path; -LX_ENOENT: it has none any more; -LX_ENAMETOOLONG. */
MUST_USE int host_path(struct vfs_inode *inode, struct host_path *out);

/* The path of a name in a directory; likewise. */
MUST_USE int host_path_in(struct vfs_inode *dir, const char *name, uint32_t size,
                          struct host_path *out);

/* The inode ends: forget it. */
void host_free(struct vfs_inode *inode);

/* ---- Directories (host.c) ---- */

MUST_USE int host_lookup(struct vfs_inode *dir, const char *name, uint32_t size,
                         struct vfs_inode **out);

/* As tree_create(): files, directories and links; others are -LX_EPERM. */
MUST_USE int host_create(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                         uint32_t mode, const char *target, struct vfs_inode **out);
MUST_USE int host_link(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode);

/* `inode` is what the name stands for. */
MUST_USE int host_remove(struct vfs_inode *dir, const struct vfs_last *last,
                         struct vfs_inode *inode);

/* LOCK_TREE is held; `inode` and `target` (or NULL) are what the names stand for. */
MUST_USE int host_rename_locked(struct vfs_inode *dir, const struct vfs_last *last,
                                struct vfs_inode *inode, struct vfs_inode *to_dir,
                                const struct vfs_last *to_last, struct vfs_inode *target,
                                uint32_t flags);

/* ---- Attributes (host.c) ---- */

/* Ask the host again; what it says no longer of a file that is gone stays as it was. */
void host_refresh(struct vfs_inode *inode);
MUST_USE int host_chmod(struct vfs_inode *inode, uint32_t mode);
MUST_USE int host_chown(struct vfs_inode *inode, uint32_t uid, uint32_t gid);
MUST_USE int host_utimes(struct vfs_inode *inode, int64_t atime_ns, int64_t mtime_ns);

/* What statfs(2) tells of the disk that a mount is on; as it is if the host does not say. */
void host_usage(const struct vfs_super *super, struct vfs_usage *out);

/* The device number that its files show. */
uint64_t host_device(const struct vfs_inode *inode);

/* ---- Extended attributes (host_xattr.c): of the class "user." alone ---- */

MUST_USE int64_t host_getxattr(struct vfs_inode *inode, const char *name, void *buf, uint64_t size);
MUST_USE int64_t host_listxattr(struct vfs_inode *inode, char *buf, uint64_t size);
MUST_USE int host_setxattr(struct vfs_inode *inode, const char *name, const void *value,
                           uint64_t size, uint32_t flags);
MUST_USE int host_removexattr(struct vfs_inode *inode, const char *name);

/* ---- Contents (host_data.c) ---- */

/* An open file more, or fewer, of the inode.  want: PLAT_READ, PLAT_WRITE. */
MUST_USE int host_open(struct vfs_inode *inode, uint32_t want);
void host_close(struct vfs_inode *inode);

/* Let the inode have a handle that was opened when it was made; it moves. */
MUST_USE int host_adopt(struct vfs_inode *inode, struct plat_file *file);

/* Close what is left. */
void host_close_all(struct vfs_inode *inode);

/* A handle of the inode that is open anyway, or NULL; it stays open until host_close(). */
struct plat_file *host_hold(struct vfs_inode *inode);

/* There are host folders from now on. */
MUST_USE int host_slots_new(void);

MUST_USE int64_t host_read(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset);
MUST_USE int64_t host_write(struct vfs_inode *inode, const void *buf, uint64_t size,
                            uint64_t offset);
MUST_USE int64_t host_append(struct vfs_inode *inode, const void *buf, uint64_t size,
                             uint64_t *end);
MUST_USE int host_truncate(struct vfs_inode *inode, uint64_t size);
MUST_USE int host_allocate(struct vfs_inode *inode, uint32_t mode, uint64_t offset, uint64_t size);
MUST_USE int64_t host_seek(struct vfs_inode *inode, uint64_t offset, int hole);
MUST_USE int host_sync(struct vfs_inode *inode);

/* As vfs_inode_share(), of one that is open: it may be mapped as long as it is. */
MUST_USE int host_share(struct vfs_inode *inode, struct core_shared **out);

/* ---- Listing (host_list.c) ---- */

/* What a directory held when its listing began, in the arena; NULL is ignored. */
struct host_listing;
void host_listing_free(struct host_listing *l);

/* As vfs_tree_list(); the listing is made when there is none, and anew from the start. */
MUST_USE int host_list(struct vfs_inode *dir, struct host_listing **listing, uint64_t cookie,
                       vfs_emit emit, void *arg);

#endif
