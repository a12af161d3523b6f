/* SPDX-License-Identifier: MIT */
#ifndef VFS_INTERNAL_H
#define VFS_INTERNAL_H

/*
 * What the files of vfs share and no one else sees: the container's file-system
 * state and the directory entries.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/lock.h"
#include "lx/compiler.h"
#include "vfs/inode.h"

/* A name in a directory of the upper layer. */
struct vfs_entry {
    struct core_list node; /* in the directory's entries */
    struct vfs_entry *next; /* in its hash bucket */
    uint64_t cookie;        /* for getdents(2): larger than those before it */
    uint64_t hash;
    struct vfs_inode *inode; /* a reference; NULL: `image_index`, not looked up yet */
    uint32_t image_index;
    uint32_t size; /* of the name */
    char name[];
};

#define CACHE_NAME_MAX 32u
#define CACHE_SLOTS 2048u

/* The dentry cache: one name in one directory, and what it is.  Direct-mapped. */
struct cache_slot {
    struct core_lock lock;   /* guards all below */
    uint32_t size;           /* of the name */
    uint64_t dir;            /* ino of the directory */
    struct vfs_inode *inode; /* a reference; NULL: the slot is empty */
    char name[CACHE_NAME_MAX];
};

#define INODE_CHUNK 512u /* image inodes are found through tables of so many */

struct vfs_state {
    struct core_lock tree_lock; /* LOCK_TREE: renames */
    struct vfs_inode *root;     /* constant; a reference */
    struct core_lock lock;      /* guards inodes */
    struct vfs_inode ***inodes; /* by image index: chunks made when needed */
    uint32_t inode_chunks;
    struct cache_slot cache[CACHE_SLOTS];
};

struct vfs_state *vfs_state(void);

/* Find in the cache: a new reference, or NULL. */
struct vfs_inode *cache_find(uint64_t dir, const char *name, uint32_t size, uint64_t hash);
void cache_add(uint64_t dir, const char *name, uint32_t size, uint64_t hash,
               struct vfs_inode *inode);
void cache_drop(uint64_t dir, const char *name, uint32_t size, uint64_t hash);
uint64_t cache_hash(uint64_t dir, const char *name, uint32_t size);

/*
 * Entries of a directory; its dir_lock is held.
 *   dir_own  give the directory entries of its own, copied from the image's.
 */
MUST_USE int dir_own_locked(struct vfs_inode *dir);
struct vfs_entry *dir_find_locked(struct vfs_inode *dir, const char *name, uint32_t size);
MUST_USE int dir_add_locked(struct vfs_inode *dir, const char *name, uint32_t size,
                            struct vfs_inode *inode);
void dir_remove_locked(struct vfs_inode *dir, struct vfs_entry *entry);
int dir_is_empty_locked(struct vfs_inode *dir);

/* The inode of an entry, looked up now if need be; borrowed from the entry. */
MUST_USE int dir_entry_inode_locked(struct vfs_inode *dir, struct vfs_entry *entry,
                                    struct vfs_inode **out);

/* Free all entries of a directory that is gone. */
void dir_free(struct vfs_inode *dir);

/* Free a file's pages. */
void data_free(struct vfs_inode *inode);

void xattr_free(struct vfs_inode *inode);

#endif
