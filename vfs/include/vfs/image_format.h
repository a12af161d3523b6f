/* SPDX-License-Identifier: MIT */
#ifndef VFS_IMAGE_FORMAT_H
#define VFS_IMAGE_FORMAT_H

/*
 * An image as it is on disk and in memory: an index, made to be mapped and used
 * in place, and a pack, which holds the contents of its files.
 *
 * All numbers are little-endian; offsets are in bytes from the start of the
 * index, or of the pack where it says so; nothing points anywhere.  `image`
 * writes this format, `vfs` reads it.  A reader checks the header, every
 * section's bounds and the checksums once, when it opens the index, and each
 * index into a section when it uses it.
 *
 * Index: header, then the sections in the order of enum vfs_image_section, each
 * aligned to 64 bytes.  Pack: contents back to back; those of a page or more
 * start on a page.
 *
 * Source  docs/store-format.md.
 */

#include <stddef.h>
#include <stdint.h>

#define VFS_IMAGE_MAGIC 0x3130786f62726174ull /* "tarbox01" */
#define VFS_IMAGE_VERSION 1u

enum vfs_image_section {
    VFS_IMAGE_INODES,  /* struct vfs_image_inode, by inode index; 0 is the root directory */
    VFS_IMAGE_ENTRIES, /* struct vfs_image_entry; a directory's are together, sorted by name */
    VFS_IMAGE_NAMES,   /* bytes: entry names and symbolic link targets, not terminated */
    VFS_IMAGE_XATTRS,  /* records, see struct vfs_image_xattr */
    VFS_IMAGE_SECTIONS
};

/* A key: XXH3-128 of a file's content, or of a directory's canonical listing. */
struct vfs_image_key {
    uint64_t low, high;
};

struct vfs_image_range {
    uint64_t offset;
    uint64_t size;     /* bytes */
    uint64_t checksum; /* XXH3-64 of the bytes */
};

struct vfs_image_header {
    uint64_t magic;
    uint32_t version;
    uint32_t header_size;
    uint64_t index_size; /* of the whole index */
    uint64_t pack_size;
    struct vfs_image_key tree; /* the root directory's */
    struct vfs_image_range sections[VFS_IMAGE_SECTIONS];
    uint64_t checksum; /* XXH3-64 of the bytes before this field */
};

struct vfs_image_inode {
    uint32_t mode; /* S_IFMT type and permission bits */
    uint32_t uid, gid;
    uint32_t nlink;   /* directories: 2 + subdirectories */
    int64_t mtime_ns; /* since 1970; also stands for atime and ctime */
    uint64_t size;    /* file: bytes; link: length of the target; directory: 0 */
    uint64_t data;    /* file: offset in the pack; link: in NAMES; directory: first entry's index */
    uint32_t count;   /* directory: entries */
    uint32_t parent;  /* directory: inode index of the parent; the root's is itself */
    uint32_t rdev;    /* device node: Linux' encoding */
    uint32_t xattrs;  /* offset of the first record in XATTRS plus 1, or 0 for none */
    struct vfs_image_key key; /* file, directory; else 0 */
};

struct vfs_image_entry {
    uint32_t name; /* offset in NAMES */
    uint16_t name_size;
    uint8_t type; /* DT_*, as in getdents(2) */
    uint8_t zero;
    uint32_t inode;
};

/*
 * One extended attribute; followed by the name (name_size bytes) and the value
 * (value_size bytes), padded to 8.  `more` is 1 if another record follows.
 */
struct vfs_image_xattr {
    uint32_t value_size;
    uint16_t name_size;
    uint16_t more;
};

_Static_assert(sizeof(struct vfs_image_range) == 24, "layout");
_Static_assert(sizeof(struct vfs_image_header) == 152, "layout");
_Static_assert(sizeof(struct vfs_image_inode) == 72, "layout");
_Static_assert(sizeof(struct vfs_image_entry) == 12, "layout");
_Static_assert(sizeof(struct vfs_image_xattr) == 8, "layout");

#endif
