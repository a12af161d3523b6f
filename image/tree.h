/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_TREE_H
#define IMAGE_TREE_H

/*
 * The tree of an image while it is built: inodes and named entries in tables, in
 * the order they came.  Nothing is removed: what a later member replaces is no
 * longer reached from the root, and the index leaves it out.  An entry that a
 * whiteout hides stays, with no inode.
 *
 * Source   docs/store-format.md.
 * Threads  one.
 * Errors   -LX_ENOMEM; -LX_EFBIG: a limit, named by image_tree_limit().
 */

#include <stddef.h>
#include <stdint.h>

#include "image/import.h"
#include "lx/compiler.h"
#include "vfs/image_format.h"

#define IMAGE_NAME_MAX 255u
#define IMAGE_PATH_MAX 4096u
#define IMAGE_NONE UINT32_MAX

/* A span of bytes that belong to someone else. */
struct image_bytes {
    const uint8_t *data;
    size_t size;
};

struct image_node {
    uint32_t mode, uid, gid, rdev;
    int64_t mtime_ns;
    uint64_t size; /* file: bytes; link: length of the target */
    uint64_t data; /* file: see struct image_content; link: offset in the tree's names */
    struct vfs_image_key key;
    uint32_t xattrs; /* offset in the tree's xattrs plus 1, or 0 */
    uint32_t parent; /* directory: its parent */
    union {
        uint32_t children; /* directory: its newest entry, or IMAGE_NONE */
        uint32_t pack;     /* file: see struct image_content */
    };
    uint32_t touched; /* directory: the last layer that set an entry in or below it */
    uint32_t cleared; /* directory: the last layer that hid what was below in it */
    uint32_t pending; /* directory: the next one to be cleared, or IMAGE_NONE */

    /* What the index finds out. */
    uint32_t number; /* inode index, or IMAGE_NONE */
    uint32_t nlink, first;
    uint32_t count; /* directory: its entries; file, found out before: extents */
};

struct image_entry {
    uint32_t dir, node; /* node: IMAGE_NONE if a whiteout hides the entry */
    uint32_t layer;     /* that last set it */
    uint32_t name;      /* offset in names */
    uint32_t name_size;
    uint32_t sibling;     /* next entry of the directory, or IMAGE_NONE */
    uint32_t bucket_next; /* next entry of the hash bucket, or IMAGE_NONE */
};

struct image_tree {
    struct image_limits limits;
    const char *limit; /* the limit that was hit, in words */
    uint64_t seed;     /* of the names' hash */
    uint32_t layer;    /* being added, from 1 on; 0: the tree has none */
    uint32_t base;     /* the directory that members' paths begin in; 0 unless told otherwise */

    struct image_node *nodes; /* 0 is the root */
    struct image_entry *entries;
    uint8_t *names, *xattrs;
    uint32_t *buckets;
    uint32_t node_count, entry_count, bucket_count;
    uint64_t names_size, xattrs_size;
    uint64_t node_capacity, entry_capacity, names_capacity, xattrs_capacity;
};

/* Start with a root directory of mode 0755. */
MUST_USE int image_tree_init(struct image_tree *t, const struct image_limits *limits);
void image_tree_fini(struct image_tree *t);

/* Add an inode that nothing names yet; directories are made by image_tree_directory(). */
MUST_USE int image_tree_add(struct image_tree *t, const struct image_node *node, uint32_t *out);

/* Keep bytes among the names: *offset is where. */
MUST_USE int image_tree_keep(struct image_tree *t, struct image_bytes bytes, uint64_t *offset);

/* Append one record of extended attributes, see struct vfs_image_xattr. */
MUST_USE int image_tree_add_xattr(struct image_tree *t, struct image_bytes name,
                                  struct image_bytes value, int more, uint32_t *offset);

/* Take the next component off a path; its size is 0 at the end. */
struct image_bytes image_path_next(struct image_bytes *path);
int image_path_is_dot(struct image_bytes component);
int image_path_is_dot_dot(struct image_bytes component);

/*
 * Write a path without ".", "x/..", double slashes and those at its ends.
 *   buf      IMAGE_PATH_MAX bytes; no zero is added.
 *   returns  -LX_EINVAL: the path leaves the root by "..", or has a zero byte;
 *            -LX_ENAMETOOLONG.
 */
MUST_USE int image_path_clean(struct image_bytes path, uint8_t *buf, size_t *size);

/* The same, but ".." in the root stays there, as it does for programs. */
MUST_USE int image_path_clean_absolute(struct image_bytes path, uint8_t *buf, size_t *size);

/*
 * Resolve a member's path, from the tree's `base`, to the directory it goes to and its
 * name there.
 * Components "." and "x/.." are dropped as text; then symbolic links on the way
 * are followed, within the root, and missing directories are made.
 *   name     within `buf`; empty if the path is the base itself.
 *   buf      IMAGE_PATH_MAX bytes.
 *   returns  -LX_EINVAL: the path leaves the root by "..", or has a zero byte;
 *            -LX_ENAMETOOLONG, -LX_ENOTDIR, -LX_ELOOP.
 */
MUST_USE int image_tree_resolve(struct image_tree *t, struct image_bytes path, uint8_t *buf,
                                uint32_t *dir, struct image_bytes *name);

/*
 * Find the directory that a clean path names, as image_tree_resolve() does, but make
 * nothing.
 *   returns  -LX_ENOENT, -LX_ENOTDIR, -LX_ENAMETOOLONG, -LX_ELOOP.
 */
MUST_USE int image_tree_find_directory(struct image_tree *t, struct image_bytes path,
                                       uint32_t *dir);

/* The inode of a name in a directory, or IMAGE_NONE; an empty name is the directory. */
uint32_t image_tree_find(const struct image_tree *t, uint32_t dir, struct image_bytes name);

/* Point a name to an inode, in place of what it named. */
MUST_USE int image_tree_link(struct image_tree *t, uint32_t dir, struct image_bytes name,
                             uint32_t node);

/* Make the name a directory with these attributes, or give them to the one it names. */
MUST_USE int image_tree_directory(struct image_tree *t, uint32_t dir, struct image_bytes name,
                                  const struct image_node *attributes, uint32_t *out);

/*
 * Hide a name, with all below it, as far as lower layers set it.  A directory that
 * holds something of this layer stays for its sake, as if it had been made on the way.
 */
void image_tree_hide(struct image_tree *t, uint32_t dir, struct image_bytes name);

/* Hide all that lower layers set in a directory and below it. */
void image_tree_hide_children(struct image_tree *t, uint32_t dir);

#endif
