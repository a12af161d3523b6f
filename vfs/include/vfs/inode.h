/* SPDX-License-Identifier: MIT */
#ifndef VFS_INODE_H
#define VFS_INODE_H

/*
 * Inodes: files, directories, links and devices of the container's root file
 * system.  One is made from the image when it is first looked up, or is new.
 * What is changed lives in the arena and in segment pages, above the image: a
 * file by page, a directory by name.  Those of other file systems have neither:
 * they stand for what is on the host (vfs/mount.h), for processes (vfs/proc.h), for
 * the machine (vfs/sys.h), or for an open file that has no place in the tree.
 *
 * Source   inode(7), stat(2).
 * Threads  any, of any process; an inode locks itself.
 * Errors   0, an amount, or -LX_E*.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/lock.h"
#include "core/segment.h"
#include "lx/compiler.h"
#include "lx/stat.h"

struct core_shared;
struct vfs_entry;
struct vfs_file;
struct vfs_locks;
struct vfs_host;
struct vfs_made;
struct vfs_memfd;
struct vfs_mount;
struct vfs_mqueue;
struct vfs_pipe;
struct vfs_socket;
struct vfs_super;
struct vfs_tty;
struct vfs_xattr;
struct watch;

/* Whose an inode is: which operations it has, see vfs/inode_ops.h. */
enum vfs_inode_owner {
    VFS_OF_CONTAINER, /* image and memory: this header's own */
    VFS_OF_HOST,      /* a host folder */
    VFS_OF_PROC,      /* /proc */
    VFS_OF_SYS,       /* /sys */
    VFS_OF_CGROUP,    /* /sys/fs/cgroup */
    VFS_OF_DEVPTS,    /* /dev/pts */
    VFS_OF_FILE,      /* an open file without a place: what a link of /proc/PID/fd leads to */
    VFS_OWNER_COUNT,
};

/* What path walks and stat(2) look at comes first: two cache lines. */
struct vfs_inode {
    _Alignas(64) _Atomic uint64_t ino; /* constant; no other inode ever has it */
    struct vfs_super *super;           /* constant: its file system */
    struct vfs_mount *_Atomic mounted; /* those on it, a chain, or NULL; LOCK_MOUNTS */
    _Atomic uint32_t mode;             /* type (constant) and permission bits */
    _Atomic uint32_t uid, gid;
    _Atomic uint32_t nlink; /* 0: the last name is gone */
    uint16_t owner;         /* constant: VFS_OF_* */
    _Atomic uint8_t acls;   /* VFS_ACL_*: the access control lists that it has */
    uint32_t rdev;          /* constant: of a device node */
    uint32_t image_index;   /* constant: index in the image, or VFS_NO_IMAGE */
    _Atomic uint32_t refs;

    struct core_lock lock; /* guards all that is not said otherwise; reads of atomic fields need
                              no lock */
    _Atomic uint64_t size; /* file: bytes; link: of the target */
    _Atomic int64_t atime_ns, mtime_ns, ctime_ns;
    _Atomic uint64_t page_count;        /* of a regular file: pages allocated */
    _Atomic uint64_t image_size;        /* bytes of the image's contents that still show */
    struct core_shared *_Atomic shared; /* a reference: has all the contents, once the file was
                                           mapped shared; there are no pages then */

    struct vfs_xattr *xattrs;    /* in place of the image's, once one was set */
    _Atomic uint32_t own_xattrs; /* 1: `xattrs` counts, not the image's */
    uint32_t may_link;           /* 1: O_TMPFILE: without a name, but may get one */

    /* Regular files: pages above the image's contents. */
    core_page_t **_Atomic chunks;      /* of CHUNK_PAGES pages each; NULL: nothing was written */
    uint32_t chunk_count, first_pages; /* chunks, and pages in the first one */
    struct vfs_memfd *memfd;           /* constant: of memfd_create(2), else NULL */
    _Atomic uint32_t writer_count;     /* open files that may write: it is no program then */
    _Atomic uint32_t map_count;        /* pieces of address spaces that show it: vfs/mapping.h */
    _Atomic uint32_t map_hidden;       /* nonzero: they show nothing of it now */
    _Atomic uint64_t map_end;          /* how far in the file those go, at most */

    const char *target; /* constant: a new link's target, in the arena; NULL: the image's */

    /* Directories: guarded by dir_lock, which comes before `lock`. */
    struct core_lock dir_lock;
    struct core_list entries; /* of struct vfs_entry: what differs from the image, by cookie */
    struct vfs_entry **table; /* hash table of them; NULL: nothing was changed */
    uint32_t table_size;      /* a power of two */
    uint32_t table_used;
    uint32_t entry_count; /* names that show, once there is a table */
    uint64_t next_cookie;
    struct vfs_inode *_Atomic parent; /* a reference; a root's is itself, without one.
                                         Changed under LOCK_TREE.  Files of a host folder have
                                         one, too, and files that were moved: where to */

    struct watch *_Atomic watches; /* see notify.h; guarded by LOCK_NOTIFY */

    struct vfs_locks *_Atomic locks; /* vfs/lock.h; once there were any, constant */
    _Atomic uint32_t lock_count;     /* that are held; guarded by their lock */

    struct vfs_pipe *_Atomic pipe; /* fifos: while one is open */
    struct vfs_socket *socket;     /* sockets: who is bound here, no reference; NULL: nobody */
    union { /* constant, but for the last; NULL in the container's own, but in message queues */
        struct vfs_mqueue *mqueue; /* of a file system of queues: its files' */
        struct vfs_host *host;
        struct vfs_made *made;   /* of /proc and the like */
        struct vfs_file *opened; /* a reference */
        struct vfs_tty *tty;     /* of devpts; no reference, see vfs/devpts.c */
    };
    struct vfs_inode *next_unused; /* guarded by the table of inodes: while it is nobody's */
};

#define VFS_NO_IMAGE UINT32_MAX
#define VFS_IS_DIR(inode) (((inode)->mode & LX_S_IFMT) == LX_S_IFDIR)
#define VFS_IS_REG(inode) (((inode)->mode & LX_S_IFMT) == LX_S_IFREG)
#define VFS_IS_LNK(inode) (((inode)->mode & LX_S_IFMT) == LX_S_IFLNK)

/* Create the file system's root from the image; once per container. */
MUST_USE int vfs_init(void);

/* An inode of the image whose content was found damaged, or -LX_ENOENT: none so far. */
MUST_USE int64_t vfs_damaged(void);

/* The root directory; borrowed. */
struct vfs_inode *vfs_root(void);

struct vfs_inode *vfs_inode_get(struct vfs_inode *inode);

/* NULL is ignored.  The last reference to an unlinked inode frees it and its pages. */
void vfs_inode_put(struct vfs_inode *inode);

/* Inode of the image by index; a new reference. */
MUST_USE int vfs_inode_from_image(uint32_t index, struct vfs_inode *parent, struct vfs_inode **out);

/*
 * A new inode that is not in any directory yet; nlink is 0 (directories: 1).
 *   target   of a link, copied; else NULL.
 *   returns  -LX_ENOSPC.
 */
MUST_USE int vfs_inode_new(struct vfs_super *super, uint32_t mode, uint32_t uid, uint32_t gid,
                           uint32_t rdev, const char *target, struct vfs_inode **out);

/*
 * Read or write a regular file's contents; `buf` may be guest memory.
 *   returns  bytes; -LX_EFAULT; -LX_ENOSPC, -LX_EFBIG; -LX_EIO.
 */
MUST_USE int64_t vfs_inode_read(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset);
MUST_USE int64_t vfs_inode_write(struct vfs_inode *inode, const void *buf, uint64_t size,
                                 uint64_t offset);

/*
 * The first bytes of a regular file, up to `size`; `buf` is no guest memory.  What the image has is
 * not compared with its checksum, for which all of the file would have to be read: it may be damaged.
 */
MUST_USE int64_t vfs_inode_read_head(struct vfs_inode *inode, void *buf, uint64_t size);

/* As write at the end of the file, in one step; `offset` is where that was. */
MUST_USE int64_t vfs_inode_append(struct vfs_inode *inode, const void *buf, uint64_t size,
                                  uint64_t *offset);
MUST_USE int vfs_inode_truncate(struct vfs_inode *inode, uint64_t size);

/* The size of a regular file, in bytes. */
uint64_t vfs_inode_size(struct vfs_inode *inode);

/*
 * The object that has a regular file's contents, for mappings that share them: made, with the
 * contents so far, if there is none.
 *   make     0: only if there is one, or it is a file of a host folder, which shows itself.
 *   out      a new reference; NULL: there is none.
 *   returns  -LX_ENOMEM; -LX_EIO: the image is damaged; -LX_ENODEV: a file that is made up.
 */
MUST_USE int vfs_inode_share(struct vfs_inode *inode, int make, struct core_shared **out);

/*
 * Holes, zeros or space for [offset, offset + size): fallocate(2).  Space in memory is not set
 * aside: pages come when they are written.
 *   mode     LX_FALLOC_FL_KEEP_SIZE, _PUNCH_HOLE (with it), _ZERO_RANGE.
 *   returns  -LX_EOPNOTSUPP: this file system cannot; a host's errors.
 */
MUST_USE int vfs_inode_allocate(struct vfs_inode *inode, uint32_t mode, uint64_t offset,
                                uint64_t size);

/* Where the next data, or the next hole, is: lseek(2), SEEK_DATA and SEEK_HOLE; -LX_ENXIO. */
MUST_USE int64_t vfs_inode_seek(struct vfs_inode *inode, int64_t offset, int hole);

/* A link's target, not terminated; returns its length, cut to `size`. */
MUST_USE int64_t vfs_inode_readlink(struct vfs_inode *inode, char *buf, uint64_t size);

/* Attributes as stat(2) gives them. */
void vfs_inode_stat(struct vfs_inode *inode, struct lx_stat *out);

/* Set what is not VFS_KEEP; the caller has checked that it may.  Only a host refuses: its errors. */
#define VFS_KEEP UINT32_MAX
MUST_USE int vfs_inode_chmod(struct vfs_inode *inode, uint32_t mode);
MUST_USE int vfs_inode_chown(struct vfs_inode *inode, uint32_t uid, uint32_t gid);
#define VFS_TIME_KEEP INT64_MIN
MUST_USE int vfs_inode_utimes(struct vfs_inode *inode, int64_t atime_ns, int64_t mtime_ns);

/* The time now, in ns since 1970, as files have it. */
int64_t vfs_now(void);

/* The clock that it comes from in this process, before its first guest thread runs. */
void vfs_set_clock(uint64_t (*now_ns)(void));

/*
 * Extended attributes.  `get` and `list` return the size needed when `size` is 0.  Access control
 * lists are read so, and set by vfs_acl_set() (vfs/acl.h).
 *   returns  -LX_ENODATA, -LX_ERANGE, -LX_EEXIST (XATTR_CREATE), -LX_ENOSPC.
 */
MUST_USE int64_t vfs_inode_getxattr(struct vfs_inode *inode, const char *name, void *buf,
                                    uint64_t size);
MUST_USE int64_t vfs_inode_listxattr(struct vfs_inode *inode, char *buf, uint64_t size);
MUST_USE int vfs_inode_setxattr(struct vfs_inode *inode, const char *name, const void *value,
                                uint64_t size, uint32_t flags);
MUST_USE int vfs_inode_removexattr(struct vfs_inode *inode, const char *name);

#endif
