/* SPDX-License-Identifier: MIT */
#ifndef VFS_IMAGE_FORMAT_H
#define VFS_IMAGE_FORMAT_H

/*
 * An image as it is on disk and in memory: an index, made to be mapped and used
 * in place, and the packs that hold the contents of its files.  A pack may serve
 * many images.
 *
 * All numbers are little-endian; offsets are in bytes from the start of the
 * index, or of a pack where it says so; nothing points anywhere.  `image` writes
 * this format, `vfs` reads it.  A reader checks the header when it opens the file,
 * each index into a section when it uses it, and a content when it is first read.
 *
 * Both begin with a header that says where their sections are, each aligned to 64
 * bytes.  An index has its sections behind the header; a pack has the contents
 * there and its sections at the end.
 *
 * Source  docs/store-format.md.
 */

#include <stddef.h>
#include <stdint.h>

#define VFS_IMAGE_MAGIC 0x3230786f62726174ull /* "tarbox02" */
#define VFS_PACK_MAGIC 0x32306b6361706274ull  /* "tbpack02" */
#define VFS_IMAGE_VERSION 2u

/* The most packs an image may use. */
#define VFS_IMAGE_PACKS_MAX 32u

/* Runs of zeros are left out of a pack by whole chunks of a content. */
#define VFS_IMAGE_CHUNK 65536u

enum vfs_image_section {
    VFS_IMAGE_INODES,  /* struct vfs_image_inode, by inode index; 0 is the root directory */
    VFS_IMAGE_ENTRIES, /* struct vfs_image_entry; a directory's are together, sorted by name */
    VFS_IMAGE_NAMES,   /* bytes: entry names and symbolic link targets, not terminated */
    VFS_IMAGE_XATTRS,  /* records, see struct vfs_image_xattr */
    VFS_IMAGE_EXTENTS, /* struct vfs_image_extent, of files with runs of zeros */
    VFS_IMAGE_PACKS,   /* struct vfs_image_pack */
    VFS_IMAGE_CONFIG,  /* bytes: how to run it, as JSON */
    VFS_IMAGE_SECTIONS
};

enum vfs_pack_section {
    VFS_PACK_BLOBS,   /* struct vfs_pack_blob, sorted by key */
    VFS_PACK_EXTENTS, /* struct vfs_image_extent */
    VFS_PACK_SECTIONS
};

/* A key: XXH3-128 of a file's content, or of a directory's canonical listing. */
struct vfs_image_key {
    uint64_t low, high;
};

static inline int vfs_image_same_key(struct vfs_image_key a, struct vfs_image_key b)
{
    return a.low == b.low && a.high == b.high;
}

struct vfs_image_range {
    uint64_t offset;
    uint64_t size;     /* bytes */
    uint64_t checksum; /* XXH3-64 of the bytes */
};

struct vfs_image_header {
    uint64_t magic;
    uint32_t version;
    uint32_t header_size;
    uint64_t index_size;       /* of the whole index */
    struct vfs_image_key tree; /* the root directory's */
    uint64_t file_count;       /* names that are no directories */
    uint64_t directory_count;
    uint64_t file_size; /* bytes of all regular files, each counted once */
    struct vfs_image_range sections[VFS_IMAGE_SECTIONS];
    uint64_t checksum; /* XXH3-64 of the bytes before this field */
};

struct vfs_pack_header {
    uint64_t magic;
    uint32_t version;
    uint32_t header_size;
    struct vfs_image_key id; /* random; the file's name */
    uint64_t pack_size;      /* of the whole pack */
    struct vfs_image_range sections[VFS_PACK_SECTIONS];
    uint64_t checksum; /* XXH3-64 of the bytes before this field */
};

struct vfs_image_inode {
    uint32_t mode; /* S_IFMT type and permission bits */
    uint32_t uid, gid;
    uint32_t nlink;   /* directories: 2 + subdirectories */
    int64_t mtime_ns; /* since 1970; also stands for atime and ctime */
    uint64_t size;    /* file: bytes; link: length of the target; directory: 0 */
    uint64_t data;    /* file: offset in its pack, or first extent; link: offset in NAMES;
                         directory: first entry */
    uint32_t count;   /* directory: entries; file: extents, or 0 if it lies in one piece */
    union {
        uint32_t parent; /* directory: inode index of the parent; the root's is itself */
        uint32_t pack;   /* file: index in PACKS */
    };
    uint32_t rdev;            /* device node: Linux' encoding */
    uint32_t xattrs;          /* offset of the first record in XATTRS plus 1, or 0 for none */
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

/*
 * A part of a content that its pack holds; between two, and after the last, are
 * zeros.  A content's extents ascend and do not touch; it has at least one, which
 * is empty if the content is nothing but zeros.
 */
struct vfs_image_extent {
    uint64_t at;       /* offset in the content */
    uint64_t size;     /* bytes */
    uint64_t data;     /* offset in the pack */
    uint64_t checksum; /* low half of the XXH3-128 of the bytes */
};

struct vfs_image_pack {
    struct vfs_image_key id;
    uint64_t size; /* of the whole pack */
};

/* A content of a pack. */
struct vfs_pack_blob {
    struct vfs_image_key key;
    uint64_t size;
    uint64_t data;  /* offset in the pack, or first extent */
    uint32_t count; /* extents, or 0 if it lies in one piece */
    uint32_t zero;
};

_Static_assert(sizeof(struct vfs_image_range) == 24, "layout");
_Static_assert(sizeof(struct vfs_image_header) == 240, "layout");
_Static_assert(sizeof(struct vfs_pack_header) == 96, "layout");
_Static_assert(sizeof(struct vfs_image_inode) == 72, "layout");
_Static_assert(sizeof(struct vfs_image_entry) == 12, "layout");
_Static_assert(sizeof(struct vfs_image_xattr) == 8, "layout");
_Static_assert(sizeof(struct vfs_image_extent) == 32, "layout");
_Static_assert(sizeof(struct vfs_image_pack) == 24, "layout");
_Static_assert(sizeof(struct vfs_pack_blob) == 40, "layout");

#endif
